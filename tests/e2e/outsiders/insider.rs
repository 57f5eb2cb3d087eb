//! A client of QUIC without manners that knows the code phrase.

use std::time::Duration;

use hayate_tests::CODE;
use sha2::{Digest as _, Sha256};

use crate::{
    packets::stream,
    protocol::{
        Channel, Dialler, Settings,
        wire::{clear, frames},
    },
    quic::{Client, Level},
};

/// A receiver that has proved the code, and who has an offer.
pub(crate) struct Insider {
    pub(crate) channel: Channel,
    /// Bytes that it said on its wire.
    pub(crate) said: u64,
}

/// Proves the code on the first stream, and hears the offer.
pub(crate) fn prove(client: &mut Client) -> Insider {
    let certificates = client.tls.peer_certificates().expect("it shows one");
    let exporter = client
        .tls
        .export_keying_material([0; 32], b"EXPORTER-hayate/7", Some(b""));
    let dialler = Dialler::hello(Settings {
        code: CODE.into(),
        certificate: Sha256::digest(&certificates[0]).into(),
        exporter: exporter.expect("the handshake is over").into(),
        ..Settings::default()
    });
    let m1 = clear(1, &dialler.m1);
    client.send(Level::Data, &stream(0, 0, &m1));
    let m2 = frame(client, 0, 2);
    let (m3, m4, mut channel) = dialler.proof(&m2[5..]);
    let m3 = clear(3, &m3);
    client.send(Level::Data, &stream(0, m1.len() as u64, &m3));
    assert_eq!(frame(client, 1, 4), clear(4, &m4), "the sender's proof");
    let offer = frame(client, 2, 0x10);
    assert_eq!(channel.open(&offer).unwrap()[0], 1, "an offer");
    let said = (m1.len() + m3.len()) as u64;
    Insider { channel, said }
}

/// A frame of the peer's, and of which kind it has to be.
fn frame(client: &mut Client, number: usize, kind: u8) -> Vec<u8> {
    client.listen(Duration::from_secs(5), |client| {
        client.closed.is_some() || whole(client, number).is_some()
    });
    let frame = whole(client, number).expect("the sender answers");
    assert_eq!(frame[0], kind, "{frame:02x?}");
    frame
}

fn whole(client: &Client, number: usize) -> Option<Vec<u8>> {
    let heard = client.heard(0);
    let frame = *frames(&heard).get(number)?;
    let length = u32::from_be_bytes(frame.get(1..5)?.try_into().unwrap());
    (frame.len() == 5 + length as usize).then(|| frame.to_vec())
}

impl Insider {
    /// Seals and says a message.
    pub(crate) fn message(&mut self, client: &mut Client, message: &[u8]) {
        let frame = self.channel.message(message);
        client.send(Level::Data, &stream(0, self.said, &frame));
        self.said += frame.len() as u64;
        client.listen(Duration::from_millis(300), |_| false);
    }
}
