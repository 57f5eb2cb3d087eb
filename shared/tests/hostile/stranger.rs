//! Without the code.

use hayate_shared::{
    Credentials, Error, Output, Receiver, Refusal, Seed, Sender, Side, receiver as r, sender as s,
};

use super::{
    CODE, Dialler, Settings, clear, credentials, dialling, hear, hear_sender, peer::wire::frames,
    receiver_of,
};

fn listener() -> Sender {
    Sender::new(credentials(Side::Listener, CODE))
}

fn with_code(code: &str) -> Settings {
    Settings {
        code: code.into(),
        ..Settings::default()
    }
}

#[test]
fn nothing_is_shown_before_the_driver_agrees() {
    let mut machine = listener();
    machine.receive(&clear(1, &Settings::default().hello()));
    assert!(matches!(
        machine.poll(),
        Ok(Output::Request(s::Request::Pair))
    ));
    assert!(matches!(machine.poll(), Ok(Output::Wait)));
    machine.refuse(Refusal::Burned);
    assert_eq!(hear_sender(&mut machine).said, [5, 0, 0, 0, 3, 2, 7, 0]);
    machine.pair(2);
    assert!(hear_sender(&mut machine).said.is_empty(), "too late");
}

#[test]
fn aborted_listener_shows_no_share() {
    let mut machine = listener();
    machine.receive(&clear(1, &Settings::default().hello()));
    assert!(matches!(
        machine.poll(),
        Ok(Output::Request(s::Request::Pair))
    ));
    machine.abort(hayate_shared::Reason::Cancelled, "");
    machine.pair(2);
    assert_eq!(hear_sender(&mut machine).said, [5, 0, 0, 0, 3, 5, 7, 0]);
}

#[test]
fn wrong_guess_learns_one_bit() {
    let mut machine = listener();
    let dialler = Dialler::hello(with_code("7-copper-lantern-zoo"));
    machine.receive(&clear(1, &dialler.m1));
    let answer = hear_sender(&mut machine).said;
    assert_eq!(frames(&answer).len(), 1);
    machine.receive(&clear(3, &dialler.proof(&answer[5..]).0));
    let heard = hear_sender(&mut machine);
    assert_eq!(heard.end, Some(Err(Error::WrongCode { left: Some(2) })));
    assert_eq!(heard.said, [5, 0, 0, 0, 3, 1, 7, 2], "no proof of its own");
    assert!(heard.asked.is_empty());
}

#[test]
fn second_guess_on_one_connection_is_refused() {
    let mut machine = listener();
    let dialler = Dialler::hello(with_code("7-copper-lantern-zoo"));
    machine.receive(&clear(1, &dialler.m1));
    let answer = hear_sender(&mut machine).said;
    let wrong = clear(3, &dialler.proof(&answer[5..]).0);
    let right = Dialler::hello(Settings::default()).proof(&answer[5..]).0;
    machine.receive(&[wrong, clear(3, &right)].concat());
    assert_eq!(
        hear_sender(&mut machine).end,
        Some(Err(Error::WrongCode { left: Some(2) })),
        "the right proof comes too late"
    );
    machine.receive(&clear(1, &dialler.m1));
    assert_eq!(
        hear_sender(&mut machine).end,
        Some(Err(Error::WrongCode { left: Some(2) }))
    );
}

#[test]
fn proof_that_does_not_wait_for_the_answer_is_refused() {
    let mut machine = listener();
    let hello = clear(1, &Settings::default().hello());
    machine.receive(&[hello, clear(3, &[0; 64])].concat());
    let heard = hear_sender(&mut machine);
    assert!(matches!(heard.end, Some(Err(Error::Unexpected(_)))));
    assert_eq!(frames(&heard.said).len(), 1, "a rejection and no share");
}

#[test]
fn recorded_session_is_worth_nothing_against_fresh_randomness() {
    let (_, mut keys, recorded) = receiver_of(1);
    let offer = keys.message(&super::peer::Offer::file(5).encode());
    let (mut machine, _) = dialling(2);
    machine.receive(&recorded.concat());
    machine.receive(&offer);
    let heard = hear(&mut machine);
    assert_eq!(heard.end, Some(Err(Error::WrongCode { left: None })));
    assert!(heard.asked.is_empty());

    let mut first = listener();
    let dialler = Dialler::hello(Settings::default());
    first.receive(&clear(1, &dialler.m1));
    let (m3, _, _) = dialler.proof(&hear_sender(&mut first).said[5..]);
    let mut second = Sender::new(Credentials {
        seed: Seed::new([77; 32]),
        ..credentials(Side::Listener, CODE)
    });
    second.receive(&clear(1, &dialler.m1));
    let _ = hear_sender(&mut second);
    second.receive(&clear(3, &m3));
    assert_eq!(
        hear_sender(&mut second).end,
        Some(Err(Error::WrongCode { left: Some(2) }))
    );
}

#[test]
fn two_diallers_that_meet_do_not_pair() {
    let (mut a, hello_a) = dialling(1);
    let (mut b, hello_b) = dialling(2);
    a.receive(&hello_b);
    b.receive(&hello_a);
    for machine in [&mut a, &mut b] {
        assert!(matches!(hear(machine).end, Some(Err(Error::Unexpected(_)))));
    }
}

#[test]
fn man_in_the_middle_of_tls_gets_nothing() {
    // Both victims hold the code; each sees the certificate of the one between them.
    let mut theirs = credentials(Side::Dialler, CODE);
    theirs.binding.certificate = [0xbb; 32];
    let (mut sender, mut receiver) = (listener(), Receiver::new(theirs));
    let mut seen = Vec::new();
    for _ in 0..4 {
        let (a, b) = (hear(&mut receiver).said, hear_sender(&mut sender).said);
        sender.receive(&a);
        receiver.receive(&b);
        seen.extend([a, b].concat());
    }
    assert_eq!(
        hear_sender(&mut sender).end,
        Some(Err(Error::WrongCode { left: Some(2) }))
    );
    assert_eq!(
        hear(&mut receiver).end,
        Some(Err(Error::WrongCode { left: Some(2) }))
    );
    assert!(frames(&seen).iter().all(|frame| frame[0] < 0x10));
}

#[test]
fn versions_are_both_named() {
    for version in [0, 6, 8, 255] {
        let mut machine = listener();
        let mut hello = Settings::default().hello();
        hello[6] = version;
        machine.receive(&clear(1, &hello));
        let heard = hear_sender(&mut machine);
        assert_eq!(heard.said, [5, 0, 0, 0, 3, 4, 7, 0]);
        let text = heard.end.unwrap().unwrap_err().to_string();
        assert!(text.contains(&format!("version {version} ")) && text.contains("version 7"));
    }
}

#[test]
fn announced_lengths_and_floods_end_it_at_once() {
    for head in [
        [1, 255, 255, 255, 255],
        [1, 0, 0, 1, 1],
        [0x10, 0, 0, 0, 9],
        [0x11, 0, 0, 0, 9],
        [0xee, 0, 0, 0, 0],
    ] {
        let mut machine = listener();
        machine.receive(&head);
        let heard = hear_sender(&mut machine);
        assert!(heard.end.is_some_and(|end| end.is_err()), "{head:?}");
        for _ in 0..1_000 {
            machine.receive(&[0x41; 4096]);
        }
        assert!(hear_sender(&mut machine).said.is_empty(), "said once");
    }
}

#[test]
fn stranger_cannot_make_a_listener_believe_its_code_is_burned() {
    for code in 0..=255 {
        for before in [vec![], clear(1, &Settings::default().hello())] {
            let mut machine = listener();
            machine.receive(&before);
            let _ = hear_sender(&mut machine);
            machine.receive(&clear(5, &[code, 7]));
            let heard = hear_sender(&mut machine);
            assert!(
                matches!(heard.end, Some(Err(Error::Malformed(_)))),
                "{code}"
            );
            assert!(heard.said.is_empty(), "a rejection is not answered");
        }
    }
}

#[test]
fn receiver_as_listener_asks_before_it_shows_its_share() {
    let mut machine = Receiver::new(credentials(Side::Listener, CODE));
    let settings = Settings {
        listener_is: 2,
        ..Settings::default()
    };
    machine.receive(&clear(1, &settings.hello()));
    assert!(matches!(
        machine.poll(),
        Ok(Output::Request(r::Request::Pair))
    ));
    assert!(matches!(machine.poll(), Ok(Output::Wait)));
}
