//! A sender whose dialler does not keep to the handshake.

use std::net::SocketAddr;

use hayate_tests::{Net, Pair, Process, Space};

use crate::{
    packets::random,
    points::{bad_shares, low_order},
    siege::{Siege, harmless, works},
    stranger::{ANSWER, Caller, HELLO, REJECT, SHARE, frame, hello, hello_with, on, proof},
};

/// What a listener says that refuses anything but a version or a code.
fn refused() -> Vec<u8> {
    frame(REJECT, &[5, 7, 0])
}

/// What a sender says to this first message, and to what `next` makes of its answer.
fn said(
    space: &Space,
    at: SocketAddr,
    first: Vec<u8>,
    next: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> Vec<u8> {
    let called = on(space, move || async move {
        let mut caller = Caller::dial(at, None).await;
        caller.say(first).await;
        let answer = caller.hear().await.expect("it answers");
        if answer[0] != ANSWER {
            return answer;
        }
        caller.say(next(answer)).await;
        caller.rest().await
    });
    called.join().unwrap()
}

/// A10.
#[test]
fn points_of_low_order_and_bad_shares_are_refused_and_use_a_try() {
    let pair = Pair::on(Net::switched(3));
    pair.write("secret.txt", "secret");
    let keys = low_order().map(|key| (hello_with(7, &[2, 1], &key), proof(&SHARE)));
    let shares = bad_shares().map(|share| (hello(), proof(&share)));
    let cases: Vec<_> = keys.into_iter().chain(shares).collect();
    // three tries each, all at once
    assert_eq!(cases.len() % 3, 0);
    let senders: Vec<_> = (50010_u16..)
        .zip(cases.chunks(3))
        .map(|(port, cases)| {
            let sender = pair.send(["secret.txt", "--no-web", "-p", &port.to_string()]);
            (SocketAddr::new(pair.net.a().v4(), port), sender, cases)
        })
        .collect();
    std::thread::scope(|scope| {
        for (at, _, cases) in &senders {
            let space = pair.net.c();
            scope.spawn(move || {
                for (number, (first, third)) in cases.iter().enumerate() {
                    let third = third.clone();
                    let heard = said(space, *at, first.clone(), move |_| third);
                    assert_eq!(heard, refused(), "try {number} at {at}");
                }
            });
        }
    });
    for (_, sender, _) in senders {
        let sent = harmless(sender.finish()).expect(4);
        assert!(sent.events("peer").is_empty(), "{sent}");
    }
    works(&pair);
}

/// A11.
#[test]
fn a_sender_that_hears_its_own_words_refuses_them() {
    let siege = Siege::start();
    let (at, c) = (siege.target(), siege.pair.net.c());
    assert_eq!(said(c, at, hello(), |answer| answer), refused());
    siege.wait_for_left(2);
    // its share as ours: the proof is what is missing then
    let reflected = said(c, at, hello(), |answer| proof(&answer[answer.len() - 32..]));
    assert_eq!(reflected, frame(REJECT, &[1, 7, 1]));
    siege.wait_for_left(1);
    assert_eq!(said(c, at, hello(), |_| hello()), refused());
    siege.burns();
}

/// A11. Two receivers, of which one listens, have nothing to say to each other.
#[test]
fn two_receivers_do_not_take_each_other_for_a_sender() {
    let pair = Pair::on(Net::switched(3));
    pair.write("late.txt", "late");
    let receiver = pair.receive(["--listen"]);
    receiver.wait_for_event("waiting");
    let mut other = pair.net.c().hayate();
    other
        .current_dir(pair.from(""))
        .args(["receive", hayate_tests::CODE, "-y", "--json"])
        .args(["--from", "10.77.0.2"]);
    let refused = harmless(Process::start(other).finish()).expect(7);
    assert!(refused.events("peer").is_empty(), "{refused}");
    let sender = Process::start(pair.sending(["late.txt", "--to", "10.77.0.2"]));
    harmless(sender.finish()).expect(0);
    let received = harmless(receiver.finish()).expect(0);
    assert!(received.events("auth_failed").is_empty(), "{received}");
    assert_eq!(pair.received("late.txt"), b"late");
}

/// A13.
#[test]
fn first_messages_that_break_the_rules_are_refused_and_use_no_try() {
    let key = random::<32>();
    let with = |suites: &[u8]| hello_with(7, suites, &key);
    let changed = |at: usize, byte: u8| {
        let mut hello = hello();
        hello[5 + at] = byte;
        hello
    };
    let of_length = |length: u32| [&[HELLO][..], &length.to_be_bytes(), &[7; 64]].concat();
    let version = frame(REJECT, &[4, 7, 0]);
    let cases = [
        (hello_with(6, &[2, 1], &key), &version),
        (hello_with(8, &[2, 1], &key), &version),
        (with(&[]), &refused()),
        (with(&[0x77; 16]), &refused()),
        (with(&[1; 17]), &refused()),
        (hello_with(7, &[2, 1], &key[..31]), &refused()),
        (
            hello_with(7, &[2, 1], &[&key[..], &[0]].concat()),
            &refused(),
        ),
        // another magic, a receiver that listens, an unknown flag, a list longer than the message
        (changed(0, b'h'), &refused()),
        (changed(7, 2), &refused()),
        (changed(8, 4), &refused()),
        (changed(9, 16), &refused()),
        (of_length(0xffff), &refused()),
        (of_length(u32::MAX), &refused()),
        (frame(HELLO, &[]), &refused()),
        (proof(&SHARE), &refused()),
        (vec![0xff; 64], &refused()),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), &refused()),
    ];
    let siege = Siege::start();
    let (at, c) = (siege.target(), siege.pair.net.c());
    for (number, (first, expected)) in cases.into_iter().enumerate() {
        let heard = said(c, at, first, move |_| panic!("case {number} got a share"));
        assert_eq!(heard, *expected, "case {number}");
    }
    let sent = siege.survives(0);
    let told = |text: &str| {
        let mut warnings = sent.events("warning").into_iter();
        warnings.any(|event| event["message"].as_str().unwrap().contains(text))
    };
    assert!(told("another version") || told("version 6"), "{sent}");
    assert!(told("10.77.0.3"), "it says from where: {sent}");
}
