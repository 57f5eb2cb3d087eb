//! Peers with bad manners, against the machines as a driver runs them: strangers without the code, and peers with it. Single
//! bytes are the vectors' business; here it is what takes several steps.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;
mod lanes;
#[path = "../peer/mod.rs"]
mod peer;
mod receiver;
mod returning;
mod secrets;
mod sender;
mod stranger;

use common::{CODE, credentials};
use hayate_shared::{Error, Output, Receiver, Seed, Sender, Side, receiver as r, sender as s};
use peer::{Channel, Dialler, Listener, Settings, wire::clear};

/// Everything a machine says and asks until it waits or fails; `Pair` is answered.
struct Heard<R> {
    said: Vec<u8>,
    asked: Vec<R>,
    end: Option<Result<(), Error>>,
}

macro_rules! hear {
    ($machine:expr, $pair:path) => {{
        let mut heard = Heard {
            said: Vec::new(),
            asked: Vec::new(),
            end: None,
        };
        loop {
            match $machine.poll() {
                Ok(Output::Transmit(bytes)) => heard.said.extend_from_slice(&bytes),
                Ok(Output::Request($pair)) => $machine.pair(2),
                Ok(Output::Request(request)) => heard.asked.push(request),
                Ok(Output::Wait) => break heard,
                Ok(Output::Done) => {
                    heard.end = Some(Ok(()));
                    break heard;
                }
                Err(error) => {
                    heard.end = Some(Err(error));
                    break heard;
                }
            }
        }
    }};
}

fn hear(machine: &mut Receiver) -> Heard<r::Request> {
    hear!(machine, r::Request::Pair)
}

fn hear_sender(machine: &mut Sender) -> Heard<s::Request> {
    hear!(machine, s::Request::Pair)
}

/// A receiver that dialled with this seed, and what it said.
fn dialling(seed: u8) -> (Receiver, Vec<u8>) {
    let mut credentials = credentials(Side::Dialler, CODE);
    credentials.seed = Seed::new([seed; 32]);
    let mut machine = Receiver::new(credentials);
    let hello = hear(&mut machine).said;
    (machine, hello)
}

/// A receiver that has the keys, those of its peer, and the frames that made them.
fn receiver_of(seed: u8) -> (Receiver, Channel, Vec<Vec<u8>>) {
    let (mut machine, hello) = dialling(seed);
    let listener = Listener::answer(Settings::default(), &hello[5..], 2);
    let answer = clear(2, &listener.m2);
    machine.receive(&answer);
    let (m4, channel) = listener.confirm(&hear(&mut machine).said[5..]);
    let confirm = clear(4, &m4);
    machine.receive(&confirm);
    assert!(hear(&mut machine).end.is_none());
    (machine, channel, vec![answer, confirm])
}

/// A sender that has the keys and offered this, and those of its peer.
fn sender_of(offer: hayate_shared::Offer) -> (Sender, Channel) {
    let mut machine = Sender::new(credentials(Side::Listener, CODE));
    let dialler = Dialler::hello(Settings::default());
    machine.receive(&clear(1, &dialler.m1));
    let (m3, m4, mut channel) = dialler.proof(&hear_sender(&mut machine).said[5..]);
    machine.receive(&clear(3, &m3));
    let heard = hear_sender(&mut machine);
    assert_eq!(heard.said, clear(4, &m4));
    assert!(matches!(heard.asked[..], [s::Request::Offer]));
    machine.offer(offer);
    let offer = channel.open(&hear_sender(&mut machine).said).unwrap();
    assert_eq!(offer[0], 1);
    (machine, channel)
}

/// The reason of the abort that a machine said, and nothing else with it.
fn abort_of(channel: &mut Channel, said: &[u8]) -> u8 {
    let frames = peer::wire::frames(said);
    let [frame] = frames[..] else {
        panic!("{} frames", frames.len())
    };
    let message = channel.open(frame).unwrap();
    assert_eq!(message[0], 6);
    message[1]
}
