//! Receivers that hold the code and misbehave towards a sender (E05, E07, E12, E13, E16).

use crate::{
    arena::{Arena, SOURCE},
    code::{LOST, PROTOCOL},
    peer::total,
    protocol::{BLOCK, Channel, Offer, accept, start, stored, wire::clear},
    stream::Tail,
};

/// Answers an offer with this.
fn assert_answer_refused(
    arena: &Arena,
    case: &str,
    answer: impl FnOnce(&mut Channel) -> Vec<u8> + Send + 'static,
) {
    let run = arena.send(&[], async |peer| {
        assert!(peer.hear(1).await.is_some());
        let answer = answer(&mut peer.channel);
        peer.say(answer).await;
    });
    assert!(
        run.outcome.events("done").is_empty(),
        "{case}: {}",
        run.outcome
    );
    arena.assert_refuses(&run, PROTOCOL, case);
}

/// E16. More than there is, or all of it.
#[test]
fn blocks_that_no_receiver_can_have_are_refused() {
    let arena = Arena::new();
    let whole = SOURCE.div_ceil(BLOCK) as u64;
    for count in [whole, whole + 1, 1 << 40, u64::MAX] {
        assert_answer_refused(&arena, "a claim", move |channel| {
            channel.message(&accept(count, [7; 32]))
        });
    }
    arena.assert_works();
}

/// E16. Blocks of something else are sent again.
#[test]
fn a_claim_without_its_proof_is_worth_nothing() {
    let arena = Arena::new();
    for count in [1, 3] {
        let run = arena.send(&[], async move |peer| {
            peer.hear(1).await.unwrap();
            peer.message(&accept(count, [7; 32])).await;
            assert_eq!(peer.hear(3).await.unwrap(), start(0));
            assert_eq!(peer.finish().await.unwrap().len(), SOURCE);
        });
        assert_eq!(run.outcome.code, 0, "{}", run.outcome);
        arena.assert_unchanged("a claim");
    }
}

/// E08, E13, E16. Only who has every byte can name the root, and only after the end.
#[test]
fn success_that_is_not_one_is_refused() {
    let arena = Arena::new();
    let run = arena.send(&[], async |peer| {
        peer.hear(1).await.unwrap();
        peer.message(&accept(0, [0; 32])).await;
        peer.hear(4).await.unwrap();
        peer.message(&stored(&[7; 32], 0)).await;
    });
    arena.assert_refuses(&run, PROTOCOL, "another root");
    assert!(run.outcome.events("done").is_empty(), "{}", run.outcome);
    assert_answer_refused(&arena, "before the accept", |channel| {
        channel.message(&stored(&[7; 32], 0))
    });
    assert_answer_refused(&arena, "before the end", |channel| {
        [
            channel.message(&accept(0, [0; 32])),
            channel.message(&stored(&[7; 32], 0)),
        ]
        .concat()
    });
    arena.assert_works();
}

/// E13. What a sender says, and what was said already.
#[test]
fn what_a_receiver_may_not_say_is_refused() {
    let arena = Arena::new();
    let said: [(&str, Tail); 8] = [
        ("an offer", |channel| {
            channel.message(&Offer::file(5).encode())
        }),
        ("a start", |channel| channel.message(&start(0))),
        ("a total", |channel| channel.message(&total(b"hello"))),
        ("a block", |channel| channel.equal(0, true, b'z', 5)),
        ("a widening", |channel| channel.message(&[7, 1, 1])),
        ("lanes of one that dialled", |channel| {
            channel.message(&[8, 1, 1, 0xc3, 0x51])
        }),
        ("an unknown message", |channel| channel.message(&[9])),
        ("a rejection", |_| clear(5, &[1, 7, 0])),
    ];
    for (case, said) in said {
        assert_answer_refused(&arena, case, said);
        assert_answer_refused(&arena, case, move |channel| {
            [channel.message(&accept(0, [0; 32])), said(channel)].concat()
        });
    }
    assert_answer_refused(&arena, "consent twice", |channel| {
        [
            channel.message(&accept(0, [0; 32])),
            channel.message(&accept(0, [0; 32])),
        ]
        .concat()
    });
    arena.assert_works();
}

/// E05, E07. Towards a sender.
#[test]
fn what_does_not_open_or_fit_is_refused() {
    let arena = Arena::new();
    for at in [1, 4, 5, 20, 45, 61] {
        assert_answer_refused(&arena, "a flipped bit", move |channel| {
            let mut frame = channel.message(&accept(0, [0; 32]));
            frame[at] ^= 0x10;
            // enough for a length that grew
            frame.resize(8192, 0);
            frame
        });
    }
    for length in [0, 15, 32_785, u32::MAX] {
        assert_answer_refused(&arena, "a message's length", move |_| {
            [&[0x10][..], &length.to_be_bytes(), &[0; 64]].concat()
        });
    }
    arena.assert_works();
}

/// E01, towards a sender.
#[test]
fn a_receiver_that_hangs_up_has_received_nothing() {
    let arena = Arena::new();
    let run = arena.send(&[], async |peer| {
        peer.hear(1).await.unwrap();
        peer.line.finish().await;
    });
    arena.assert_fails_closed(&run, LOST, "at the offer");
    let run = arena.send(&[], async |peer| {
        peer.hear(1).await.unwrap();
        peer.message(&accept(0, [0; 32])).await;
        peer.hear(4).await.unwrap();
        peer.line.finish().await;
    });
    arena.assert_fails_closed(&run, LOST, "at the end");
    assert!(run.outcome.events("done").is_empty(), "{}", run.outcome);
    arena.assert_works();
}
