//! HTTP/3 by hand (RFC 9114, RFC 9204, RFC 9220, RFC 9297), as far as a session of a browser needs it.

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use crate::{
    packets::{stream, varint},
    quic::{Client, Level},
    siege::Siege,
    streams::pour,
};

/// Kinds of frames and of streams.
pub(crate) const DATA: u64 = 0;
pub(crate) const HEADERS: u64 = 1;
pub(crate) const SETTINGS: u64 = 4;
pub(crate) const CONTROL: u64 = 0;
pub(crate) const EXERCISE: u64 = 0x21;
/// What a stream of the session begins with.
pub(crate) const SESSION: u64 = 0x41;
/// The largest number there is.
pub(crate) const MOST: u64 = (1 << 62) - 1;
/// Settings of a browser: extended CONNECT, datagrams, WebTransport and how many sessions.
pub(crate) const USUAL: [(u64, u64); 4] = [(8, 1), (0x33, 1), (0x2b60_3742, 1), (0xc671_706a, 1)];

/// A frame of HTTP/3.
pub(crate) fn frame(kind: u64, body: &[u8]) -> Vec<u8> {
    [varint(kind), varint(body.len() as u64), body.to_vec()].concat()
}

pub(crate) fn settings(fields: &[(u64, u64)]) -> Vec<u8> {
    let fields = fields.iter().flat_map(|(id, value)| [*id, *value]);
    let body: Vec<_> = fields.flat_map(varint).collect();
    frame(SETTINGS, &body)
}

/// The request for a session.
pub(crate) fn connect(path: &str) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
    // nothing of the dynamic table; CONNECT and https of the static one, and the names of two fields
    let head = [0, 0, 0xc0 | 15, 0xc0 | 23, 0x50];
    let fields = [
        &head[..],
        &text("10.77.0.1:50001"),
        &[0x51],
        &text(path),
        &[0x27, 2],
        b":protocol",
        &text("webtransport"),
    ];
    frame(HEADERS, &fields.concat())
}

/// The bytes of a stream from its beginning, in frames of QUIC.
pub(crate) fn on(id: u64, bytes: &[u8]) -> Vec<Vec<u8>> {
    let pieces = bytes.chunks(1000).zip(0..);
    pieces
        .map(|(piece, number)| stream(id, 1000 * number, piece))
        .collect()
}

/// The control stream with this on it.
pub(crate) fn control(said: &[u8]) -> Vec<Vec<u8>> {
    on(2, &[&varint(CONTROL)[..], said].concat())
}

/// What a browser begins a session with.
pub(crate) fn opening() -> Vec<Vec<u8>> {
    [control(&settings(&USUAL)), on(0, &connect("/hayate/7"))].concat()
}

/// What the sender answered to a request, if anything, and the code that it closed with within this time.
pub(crate) struct Answer {
    pub(crate) answered: Vec<u8>,
    pub(crate) closed: Option<u64>,
    /// Packets of the rest, and how far they were acknowledged.
    pub(crate) sent: u64,
    pub(crate) acked: u64,
}

/// Speaks to the sender as a browser: says `first`, waits for an answer or the end, and does the rest; then waits
/// for the end as long as `patience` says.
pub(crate) fn speak(
    siege: &Siege,
    first: Vec<Vec<u8>>,
    rest: impl FnOnce(&mut Client) + Send + 'static,
    patience: Duration,
) -> Answer {
    let at = siege.target();
    let spoken = siege.pair.net.c().thread(move || {
        let socket = UdpSocket::bind(SocketAddr::from(([0; 4], 0))).unwrap();
        // it takes datagrams
        let mut client = Client::with(socket, at, false, &[(0x20, Some(65535))]);
        let inside = client.shake(Duration::from_secs(8));
        assert!(inside, "the sender lets it in");
        insist(&mut client, &first, |client| !client.heard(0).is_empty());
        let (sent, acked) = (client.sent, client.acked);
        rest(&mut client);
        client.listen(patience, |client| client.closed.is_some());
        // leaves its place to the next
        client.send(Level::Data, &[0x1d, 0, 0]);
        Answer {
            answered: client.heard(0),
            closed: client.closed,
            sent: client.sent - sent,
            acked: client.acked - acked,
        }
    });
    spoken.join().unwrap()
}

/// Says this again until it had an effect or ended the connection: a flood in another namespace costs packets here.
pub(crate) fn insist(client: &mut Client, said: &[Vec<u8>], done: impl Fn(&Client) -> bool) {
    for _ in 0..PATIENCE.as_secs() {
        pour(client, said.iter().cloned());
        let over = |client: &Client| client.closed.is_some() || done(client);
        client.listen(Duration::from_secs(1), over);
        if over(client) {
            return;
        }
    }
}

/// The status in an answer: `200` in Huffman's words, and `404` as it is.
pub(crate) const GRANTED: &[u8] = &[0x82, 0x10, 0x01];
pub(crate) const MISSING: &[u8] = b"\x03404";
/// For what comes, and for what had better not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// A stream of one piece that ends, of the kind that means nothing.
pub(crate) fn whole(id: u64) -> Vec<u8> {
    let bytes = [varint(EXERCISE), b"x".to_vec()].concat();
    let mut frame = stream(id, 0, &bytes);
    frame[0] |= 1;
    frame
}

pub(crate) fn datagram(bytes: &[u8]) -> Vec<u8> {
    [varint(0x31), varint(bytes.len() as u64), bytes.to_vec()].concat()
}
