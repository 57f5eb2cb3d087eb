//! What a peer says never moves a cursor, on a terminal, in a pipe or in JSON (U02, U04, U09).

use hayate_tests::Terminal;

use crate::{
    arena::Arena,
    code::UNSAFE,
    look::{assert_harmless, assert_says_one_thing},
    names::tree,
    protocol::{Offer, abort, accept},
    raw::plain,
};

/// Every control character but NUL, a title, a colour, and what turns a line around.
fn hostile() -> String {
    let controls = (1..0x20).chain(0x7f..0xa0).map(|char: u8| char as char);
    let text = controls.collect::<String>();
    format!(
        "{text}\x1b]0;owned\x07\x1b[2J\x1b[31m\u{202e}txt.exe\u{2066}\u{200b}\u{feff}\r\nhayate: all is well"
    )
}

/// U02. Each reason, and in the words of a peer that chose them.
#[test]
fn the_words_of_an_abort_are_escaped() {
    let arena = Arena::new();
    for (reason, code) in [(1, 14), (2, 5), (3, 14), (5, 14), (7, 14), (8, 14)] {
        for arguments in [&[][..], &["--json"], &["--verbose"]] {
            let run = arena.receive(arguments, async move |peer| {
                assert!(peer.offer(&Offer::file(5)).await);
                peer.message(&abort(reason, hostile().as_bytes())).await;
            });
            let case = format!("reason {reason}, {arguments:?}");
            arena.assert_fails_closed(&run, code, &case);
            assert!(
                run.outcome.stderr.contains("owned"),
                "it is shown: {}",
                run.outcome
            );
        }
        let run = arena.send(&[], async move |peer| {
            peer.hear(1).await.unwrap();
            peer.message(&abort(reason, hostile().as_bytes())).await;
        });
        arena.assert_fails_closed(&run, code, "a receiver's words");
    }
    arena.assert_works();
}

/// U02. Codes that are no reason, and such that are.
#[test]
fn the_code_of_a_close_is_all_that_is_said_of_it() {
    let arena = Arena::new();
    for (close, code) in [(1, 14), (2, 5), (6, 14), (99, 9), (0x1b5b, 9)] {
        let (port, peer) = arena.sender(async move |line| {
            let mut peer = line.listen(|_, _| {}).await.unwrap();
            assert!(peer.offer(&Offer::file(5)).await);
            peer.line.close(close).await;
            crate::peer::Heard::default()
        });
        let run = arena.run(arena.receiving(port, &["-y"]), peer);
        arena.assert_fails_closed(&run, code, &format!("closed with {close}"));
    }
    arena.assert_works();
}

/// U02, U04. Names that may be on a disk, and not on a screen as they are.
#[test]
fn names_that_turn_a_line_around_are_stored_and_escaped() {
    let arena = Arena::new();
    let names = [
        "a\u{202e}fdp.exe",
        "b\u{2066}\u{200f}",
        "c\u{feff}\u{200b}d",
    ];
    for arguments in [&[][..], &["--json"], &["--verbose", "--progress", "plain"]] {
        for name in names {
            let offer = Offer {
                name: name.into(),
                ..Offer::file(5)
            };
            let run = arena.receive(arguments, async move |peer| {
                assert!(peer.send(&offer, b"hello").await);
            });
            assert_eq!(run.outcome.code, 0, "{}", run.outcome);
            assert_harmless(run.outcome.stderr.as_bytes(), name);
            assert_harmless(&run.outcome.stdout, name);
            std::fs::remove_file(arena.target(name)).unwrap();
        }
        let parts = names.map(|name| plain(name, b'0'));
        let (mut offer, payload) = tree(&parts, 3, 0);
        (offer.kind, offer.names) = (4, names.map(|name| name.into()).to_vec());
        let run = arena.receive(arguments, async move |peer| {
            assert!(peer.send(&offer, &payload).await);
        });
        assert_eq!(run.outcome.code, 0, "{}", run.outcome);
        assert_harmless(run.outcome.stderr.as_bytes(), "items");
        assert_harmless(&run.outcome.stdout, "items");
        for name in names {
            std::fs::remove_file(arena.target(name)).unwrap();
        }
    }
    arena.assert_works();
}

/// U02. At the question, and when it is answered by the other side.
#[test]
fn a_question_on_a_terminal_shows_nothing_raw() {
    let arena = Arena::new();
    let (port, peer) = arena.sender(async |line| {
        let mut peer = line.listen(|_, _| {}).await.unwrap();
        let offer = Offer {
            name: "a\u{202e}\u{2066}fdp.exe".into(),
            ..Offer::file(5)
        };
        peer.message(&offer.encode()).await;
        compio::time::sleep(std::time::Duration::from_secs(2)).await;
        peer.message(&abort(7, hostile().as_bytes())).await;
        peer.part().await
    });
    let mut receiver = Terminal::start(arena.receiving(port, &["--color", "never"]));
    receiver.wait_for("[Y/n]");
    let (code, screen) = receiver.finish();
    peer.join().unwrap();
    assert_eq!(code, 14, "{screen}");
    for raw in [
        "\u{202e}",
        "\u{2066}",
        "\x1b]0",
        "\x1b[31m",
        "\x07",
        "\u{9b}",
        "\r\nhayate: all",
    ] {
        assert!(!screen.contains(raw), "{raw:?} in {screen:?}");
    }
    assert!(screen.contains("owned"), "{screen}");
    arena.assert_unchanged("a question");
}

/// U09. Before a byte of it comes, and where its length is not known, when it is too much.
#[test]
fn more_than_the_person_allows_is_refused() {
    let arena = Arena::new();
    let (directory, payload) = tree(&[plain("a", b'0')], 1, 0);
    let lies = Offer {
        bytes: 0,
        ..tree(&[plain("a", b'0')], 1, 0).0
    };
    for (case, offer, payload) in [
        ("a file", Offer::file(1001), vec![0; 1001]),
        ("a directory", directory, payload.clone()),
        ("a directory that says it is empty", lies, payload),
    ] {
        let run = arena.receive(&["--json", "--max-size", "1000"], async move |peer| {
            assert!(
                !peer.send(&offer, &payload).await,
                "it is refused before the accept"
            );
            assert!(
                peer.heard
                    .iter()
                    .all(|message| message[0] != accept(0, [0; 32])[0])
            );
        });
        arena.assert_refuses(&run, UNSAFE, case);
    }
    let run = arena.receive(&["--json", "--max-size", "1000"], async |peer| {
        peer.send(&Offer::stream(), &[0; 1001]).await;
    });
    arena.assert_refuses(&run, UNSAFE, "a pipe");
    assert_says_one_thing(&run.outcome, "a pipe");
    arena.assert_works();
}
