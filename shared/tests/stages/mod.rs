//! Machines at every stage of a session, as drivers leave them waiting, to be fed whatever a peer may say.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses its part; a test may panic"
)]

use hayate_shared::{BLOCK, Output, Receiver, Refusal, Sender, Side, receiver, tree::Tree};

use crate::{
    common::{CODE, credentials},
    peer,
};

/// A machine that is fed these bytes at some stage of a session.
pub(crate) type Stage = Box<dyn Fn(&[u8])>;

/// Machines at every stage of a session, as drivers leave them waiting.
pub(crate) fn stages() -> Vec<Stage> {
    fn feed_receiver(mut machine: Receiver, bytes: &[u8]) {
        machine.receive(bytes);
        for _ in 0..64 {
            match machine.poll() {
                Ok(Output::Request(receiver::Request::Join(_) | receiver::Request::Widen(_))) => {}
                Ok(Output::Request(receiver::Request::Pair)) => machine.pair(2),
                Ok(Output::Request(receiver::Request::Return(_))) => machine.refuse(Refusal::Over),
                Ok(Output::Request(receiver::Request::Decide(_))) => machine.accept(Tree::new()),
                Ok(Output::Request(receiver::Request::Open(sealed))) => match sealed.open() {
                    Ok(opened) => machine.opened(opened.receipt),
                    Err(_) => machine.abort(hayate_shared::Reason::Violation, ""),
                },
                Ok(Output::Request(receiver::Request::Commit)) => machine.committed(0),
                Ok(Output::Transmit(_)) => {}
                Ok(Output::Wait | Output::Done) | Err(_) => break,
            }
        }
        machine.eof();
        while let Ok(Output::Transmit(_)) = machine.poll() {}
    }
    let credentials_of = |side| credentials(side, CODE);
    vec![
        Box::new(move |bytes| feed_receiver(Receiver::new(credentials_of(Side::Listener)), bytes)),
        Box::new(move |bytes| feed_receiver(Receiver::new(credentials_of(Side::Dialler)), bytes)),
        Box::new(move |bytes| {
            let mut machine = Sender::new(credentials_of(Side::Listener));
            machine.receive(&peer::wire::clear(1, &peer::Settings::default().hello()));
            let _ = machine.poll();
            machine.pair(2);
            machine.receive(bytes);
            while let Ok(Output::Transmit(_)) = machine.poll() {}
        }),
        Box::new(move |bytes| feed_receiver(paired().0, bytes)),
        // Sealed as it should be: the bytes are a message.
        Box::new(move |bytes| {
            let (machine, mut keys) = paired();
            feed_receiver(machine, &keys.message(bytes));
        }),
        // Sealed as it should be: the bytes are a compressed block.
        Box::new(move |bytes| {
            let (machine, mut keys) = paired();
            let header = peer::Header::new(0, 3, BLOCK, bytes.len());
            let frames = [
                keys.message(&peer::Offer::stream().encode()),
                keys.message(&peer::start(0)),
                keys.block(header, bytes),
            ];
            let mut machine = machine;
            machine.receive(&frames[0]);
            while !matches!(machine.poll(), Ok(Output::Request(_))) {}
            machine.accept(Tree::new());
            feed_receiver(machine, &frames[1..].concat());
        }),
    ]
}

/// A receiver that has the keys, and those of its peer.
pub(crate) fn paired() -> (Receiver, peer::Channel) {
    let mut machine = Receiver::new(credentials(Side::Dialler, CODE));
    let said = |machine: &mut Receiver| match machine.poll() {
        Ok(Output::Transmit(bytes)) => bytes,
        _ => panic!("it speaks"),
    };
    let hello = said(&mut machine);
    let listener = peer::Listener::answer(peer::Settings::default(), &hello[5..], 1);
    machine.receive(&peer::wire::clear(2, &listener.m2));
    let (m4, keys) = listener.confirm(&said(&mut machine)[5..]);
    machine.receive(&peer::wire::clear(4, &m4));
    (machine, keys)
}
