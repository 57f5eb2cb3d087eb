//! A receiver whose sender is none.

use hayate_tests::{Net, Pair};

use crate::{
    packets::random,
    points::{bad_shares, low_order},
    siege::{harmless, works},
    stranger::{ANSWER, HELLO, PROOF, REJECT, Rogue, SHARE, answer, frame},
};

/// What a rogue makes of the first message.
type Answer = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

/// Has a receiver dial a rogue for each of the answers, and fail with the exit code beside it.
#[track_caller]
fn refuses(cases: Vec<(Answer, i32)>) {
    let pair = Pair::on(Net::switched(3));
    let (answers, codes): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let answers = std::sync::Mutex::new(answers.into_iter());
    let rogue = Rogue::start(pair.net.c(), move |said| {
        let answer = answers.lock().unwrap().next().expect("as many as cases");
        answer(said)
    });
    for (number, code) in codes.iter().enumerate() {
        let received = pair.receive(["--from", "10.77.0.3", "--timeout", "10"]);
        let received = harmless(received.finish());
        assert_eq!(received.code, *code, "case {number}: {received}");
        assert!(received.events("peer").is_empty(), "{received}");
        assert!(pair.names().is_empty(), "{received}");
    }
    let heard = rogue.stop();
    assert_eq!(heard.len(), codes.len());
    assert!(
        heard
            .iter()
            .all(|said| said[0] == HELLO && said.len() < 512)
    );
    works(&pair);
}

fn says(bytes: Vec<u8>) -> Answer {
    Box::new(move |_| bytes.clone())
}

/// A10.
#[test]
fn a_receiver_refuses_points_of_low_order_and_bad_shares() {
    let keys = low_order().map(|key| says(answer(&key, &SHARE)));
    let shares = bad_shares().map(|share| says(answer(&random::<32>(), &share)));
    let cases = keys.into_iter().chain(shares);
    refuses(cases.map(|answer| (answer, 7)).collect());
}

/// A11.
#[test]
fn a_receiver_that_hears_its_own_words_refuses_them() {
    let as_answer = |said: &[u8]| frame(ANSWER, &said[5..]);
    // nonce and key of its own, behind a list of suites that is as it should be
    let reflected = |said: &[u8]| {
        let own = &said[said.len() - 64..];
        frame(ANSWER, &[&[2, 2, 2, 1][..], own, &SHARE].concat())
    };
    refuses(vec![
        (Box::new(<[u8]>::to_vec), 7),
        (Box::new(as_answer), 7),
        // whose proof never comes: what comes is a proof that is none
        (
            Box::new(move |said| [reflected(said), frame(4, &[7; 32])].concat()),
            4,
        ),
    ]);
}

/// A13.
#[test]
fn a_receiver_refuses_answers_that_break_the_rules() {
    let key = random::<32>();
    let with = |list: &[u8]| frame(ANSWER, &[list, &random::<32>(), &key, &SHARE].concat());
    let of_length = |length: u32| [&[ANSWER][..], &length.to_be_bytes(), &[7; 64]].concat();
    let mut cases = vec![
        // another version, older and newer
        (says(frame(REJECT, &[4, 6, 0])), 13),
        (says(frame(REJECT, &[4, 8, 0])), 13),
        // no code of a rejection, and too long a one
        (says(frame(REJECT, &[99, 7, 0])), 7),
        (says(frame(REJECT, &[1, 7, 2, 0])), 7),
    ];
    let broken = [
        with(&[0x77, 1, 0x77]),
        with(&[0, 0]),
        with(&[&[2, 17][..], &[2; 17]].concat()),
        with(&[2, 255, 2, 1]),
        of_length(0xffff),
        of_length(u32::MAX),
        frame(ANSWER, &[]),
        frame(PROOF, &[0; 64]),
        frame(4, &[0; 32]),
        vec![0x10, 0, 0, 0, 16, 0],
        b"\x1b]0;owned\x07\x1b[2J".repeat(20),
    ];
    cases.extend(broken.map(|bytes| (says(bytes), 7)));
    refuses(cases);
}
