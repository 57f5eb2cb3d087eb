//! A listener that spoils the handshake (A14, A15).

use crate::{
    arena::Arena,
    code::{PROTOCOL, WRONG_CODE},
    ends::Run,
    line::Line,
    peer::Heard,
};

/// What happens to M2 on its way.
type Spoil = fn(&mut Vec<u8>);

/// A receiver that dials a sender which spoils its answer or its confirmation.
fn receive(arena: &Arena, spoil: impl FnOnce(&mut Vec<u8>, &mut [u8; 32]) + Send + 'static) -> Run {
    let (port, peer) = arena.sender(async |line: Line| match line.listen(spoil).await {
        Some(peer) => peer.part().await,
        None => Heard::default(),
    });
    arena.run(arena.receiving(port, &["-y", "--json"]), peer)
}

/// A15. Whoever confirms wrongly does not know the code.
#[test]
fn a_sender_that_does_not_confirm_the_code_is_refused() {
    let arena = Arena::new();
    for at in [0, 31] {
        let run = receive(&arena, move |_, flips| flips[at] = 1);
        arena.assert_fails_closed(&run, WRONG_CODE, "a wrong confirmation");
        assert!(run.outcome.events("offer").is_empty(), "{}", run.outcome);
    }
    arena.assert_works();
}

/// A14. What the listener chose and what it could choose from is proved.
#[test]
fn suites_that_were_changed_on_their_way_fail_the_proofs() {
    let arena = Arena::new();
    // M2 begins with the suite that was chosen, how many there are, and those
    let spoilt: [(&str, i32, Spoil); 4] = [
        ("another choice", WRONG_CODE, |m2| m2[0] = 3 - m2[0]),
        ("another list", WRONG_CODE, |m2| m2.swap(2, 3)),
        ("a choice that was not offered", PROTOCOL, |m2| m2[0] = 9),
        ("a list that is too long", PROTOCOL, |m2| m2[1] = 17),
    ];
    for (case, code, spoil) in spoilt {
        let run = receive(&arena, move |m2, _| spoil(m2));
        arena.assert_fails_closed(&run, code, case);
        assert!(run.outcome.events("offer").is_empty(), "{}", run.outcome);
    }
    arena.assert_works();
}
