//! What the peer says to a machine, collected: the body of a vector.

use hayate_shared::{
    Binding, Code, Credentials, Output, Receiver, Seed, Sender, Side,
    cipher::{Suite, Suites},
    receiver, sender,
};

use crate::peer::{Channel, Dialler, Listener, Settings, wire::clear};

fn credentials(side: Side) -> Credentials {
    Credentials {
        code: Code::parse("7-copper-lantern-violin").unwrap(),
        ticket: None,
        side,
        binding: Binding {
            certificate: [0xce; 32],
            exporter: Some([0xe4; 32]),
        },
        suites: Suites::preferring(Suite::Aes256Gcm),
        seed: Seed::new([0x52; 32]),
    }
}

/// Settings of a peer that dials a receiver.
pub(crate) fn sending() -> Settings {
    Settings {
        listener_is: 2,
        ..Settings::default()
    }
}

/// The next frame of a receiver, without kind and length.
fn heard(machine: &mut Receiver) -> Vec<u8> {
    loop {
        match machine.poll().unwrap() {
            Output::Transmit(bytes) => return bytes[5..].to_vec(),
            Output::Request(receiver::Request::Join(_) | receiver::Request::Widen(_)) => {}
            Output::Request(receiver::Request::Pair) => machine.pair(2),
            _ => panic!("nothing to say"),
        }
    }
}

fn heard_of_sender(machine: &mut Sender) -> Vec<u8> {
    loop {
        match machine.poll().unwrap() {
            Output::Transmit(bytes) => return bytes[5..].to_vec(),
            Output::Request(sender::Request::Join(_)) => {}
            Output::Request(sender::Request::Pair) => machine.pair(2),
            _ => panic!("nothing to say"),
        }
    }
}

/// A listening peer, the receiver that dialled it, and M1.
pub(crate) fn dialled(settings: Settings, suite: u8) -> (Listener, Receiver) {
    let mut machine = Receiver::new(credentials(Side::Dialler));
    let m1 = heard(&mut machine);
    (Listener::answer(settings, &m1, suite), machine)
}

/// The receiver's M3 to this M2.
pub(crate) fn m3(machine: &mut Receiver, m2: &[u8]) -> Vec<u8> {
    machine.receive(&clear(2, m2));
    heard(machine)
}

/// A receiver dials: what the sender says up to the keys, and the keys.
pub(crate) fn to_dialler(suite: u8) -> (Vec<u8>, Channel) {
    let (listener, mut machine) = dialled(Settings::default(), suite);
    let m3 = m3(&mut machine, &listener.m2);
    let (m4, channel) = listener.confirm(&m3);
    ([clear(2, &listener.m2), clear(4, &m4)].concat(), channel)
}

/// A receiver listens: M2 to the peer's M1.
pub(crate) fn m2(m1: &[u8]) -> Vec<u8> {
    let mut machine = Receiver::new(credentials(Side::Listener));
    machine.receive(&clear(1, m1));
    heard(&mut machine)
}

/// A receiver listens: what the sender that dials says up to the keys, and the keys.
pub(crate) fn to_listener(settings: Settings) -> (Vec<u8>, Channel) {
    let dialler = Dialler::hello(settings);
    let (m3, _, channel) = dialler.proof(&m2(&dialler.m1));
    ([clear(1, &dialler.m1), clear(3, &m3)].concat(), channel)
}

/// A sender listens: what the receiver that dials says up to the keys, and the keys.
pub(crate) fn to_sender() -> (Vec<u8>, Channel) {
    let mut machine = Sender::new(credentials(Side::Listener));
    let dialler = Dialler::hello(Settings::default());
    machine.receive(&clear(1, &dialler.m1));
    let (m3, _, channel) = dialler.proof(&heard_of_sender(&mut machine));
    ([clear(1, &dialler.m1), clear(3, &m3)].concat(), channel)
}
