//! A dialler that comes back after its connection broke.

use hayate_shared::{
    Binding, Credentials, Error, Output, Receiver, Refusal, Seed, Sender, Side, Ticket, sender as s,
};

use super::{
    CODE, Channel, Dialler, Heard, Settings, clear, common, credentials, hear_sender, sender_of,
};

/// A sender that has paired, its ticket, and what its receiver has to come back with.
fn before() -> (Ticket, Settings) {
    let (machine, channel) = sender_of(common::offer(b"payload"));
    let settings = Settings {
        seed: 0x77,
        before: Some(channel.master),
        ..Settings::default()
    };
    (machine.ticket().unwrap(), settings)
}

fn listener() -> Sender {
    Sender::new(Credentials {
        seed: Seed::new([78; 32]),
        ..credentials(Side::Listener, CODE)
    })
}

/// A listener that heard this first message, and which ticket it asked for.
fn greeted(m1: &[u8]) -> (Sender, Option<[u8; 16]>) {
    let mut machine = listener();
    machine.receive(&clear(1, m1));
    let asked = match machine.poll() {
        Ok(Output::Request(s::Request::Return(id))) => Some(id),
        Ok(Output::Request(s::Request::Pair)) => None,
        other => panic!("{}", other.is_ok()),
    };
    (machine, asked)
}

/// How a session goes on that the listener takes up again under `ticket`.
fn return_to(ticket: &Ticket, settings: Settings) -> (Heard<s::Request>, [u8; 32], Channel) {
    let dialler = Dialler::hello(settings);
    let (mut machine, asked) = greeted(&dialler.m1);
    assert_eq!(asked, Some(ticket.id()));
    machine.pair_again(ticket.clone());
    let (m3, m4, channel) = dialler.proof(&hear_sender(&mut machine).said[5..]);
    machine.receive(&clear(3, &m3));
    (hear_sender(&mut machine), m4, channel)
}

#[test]
fn who_was_there_before_needs_no_code() {
    let (ticket, mut settings) = before();
    settings.code = "another phrase".into();
    let (heard, m4, _) = return_to(&ticket, settings);
    assert_eq!(heard.said, clear(4, &m4));
    assert!(matches!(heard.asked[..], [s::Request::Offer]));
}

#[test]
fn a_ticket_changes_with_every_return() {
    let (ticket, settings) = before();
    let (_, _, channel) = return_to(&ticket, settings.clone());
    assert_ne!(Some(&channel.master), settings.before.as_ref());
}

#[test]
fn the_name_of_a_ticket_proves_nothing() {
    let (ticket, settings) = before();
    let mut dialler = Dialler::hello(settings);
    dialler.settings.before = None;
    let (mut machine, _) = greeted(&dialler.m1);
    machine.pair_again(ticket);
    let (m3, ..) = dialler.proof(&hear_sender(&mut machine).said[5..]);
    machine.receive(&clear(3, &m3));
    let heard = hear_sender(&mut machine);
    assert_eq!(heard.end, Some(Err(Error::WrongCode { left: Some(0) })));
    assert!(heard.asked.is_empty());
}

#[test]
fn a_ticket_is_bound_to_the_new_connection() {
    let (ticket, settings) = before();
    let elsewhere = Settings {
        exporter: vec![0xe5; 32],
        ..settings
    };
    let (heard, ..) = return_to(&ticket, elsewhere);
    assert_eq!(heard.end, Some(Err(Error::WrongCode { left: Some(0) })));
}

#[test]
fn a_listener_that_knows_no_such_ticket_shows_no_share() {
    let (_, settings) = before();
    let (mut machine, _) = greeted(&Dialler::hello(settings).m1);
    machine.refuse(Refusal::Over);
    let heard = hear_sender(&mut machine);
    assert_eq!(heard.said, [5, 0, 0, 0, 3, 6, 7, 0]);
    assert_eq!(heard.end, Some(Err(Error::Over)));
}

#[test]
fn a_ticket_is_not_asked_for_where_the_dialler_named_none() {
    let (ticket, _) = before();
    let (mut machine, asked) = greeted(&Dialler::hello(Settings::default()).m1);
    assert_eq!(asked, None);
    machine.pair_again(ticket);
    assert!(matches!(
        hear_sender(&mut machine).end,
        Some(Err(Error::Misuse(_)))
    ));
    let (_, settings) = before();
    let (mut machine, _) = greeted(&Dialler::hello(settings).m1);
    machine.pair(2);
    assert!(matches!(
        hear_sender(&mut machine).end,
        Some(Err(Error::Misuse(_)))
    ));
}

#[test]
fn two_machines_take_a_session_up_again() {
    for receiver_dials in [true, false] {
        let sides = match receiver_dials {
            true => (Side::Listener, Side::Dialler),
            false => (Side::Dialler, Side::Listener),
        };
        let payload = common::noise(3 * hayate_shared::BLOCK + 7);
        let mut first = common::Pair::with(
            Sender::new(credentials(sides.0, CODE)),
            Receiver::new(credentials(sides.1, CODE)),
            &payload,
        );
        first.run_until_blocks();
        let ticket = first.sender.ticket().unwrap();
        assert_eq!(
            Some(ticket.id()),
            first.receiver.ticket().map(|ticket| ticket.id())
        );
        let again = |side| Credentials {
            ticket: Some(ticket.clone()).filter(|_| side == Side::Dialler),
            binding: Binding {
                certificate: [0xcf; 32],
                exporter: None,
            },
            ..credentials(side, CODE)
        };
        let mut second = common::Pair::with(
            Sender::new(again(sides.0)),
            Receiver::new(again(sides.1)),
            &payload,
        );
        second.ticket = Some(ticket.clone());
        second.received = payload[..2 * hayate_shared::BLOCK].to_vec();
        second.kept = 2;
        assert_eq!(second.run(), (Ok(()), Ok(())));
        assert_eq!(second.first_index, Some(2));
        assert!(second.received == payload);
    }
}
