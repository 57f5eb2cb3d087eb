//! Browsers without manners, against a sender that serves the page: what they say in HTTP/3, and in a session.
//! Codes of errors are those of RFC 9114, 8.1, RFC 9204, 6, and RFC 9297, 5.2.

use std::time::Duration;

use crate::{
    http::*,
    packets::{stream, varint},
    quic::Level,
    siege::Siege,
    streams::pour,
};

/// W08.
#[test]
fn odd_settings_and_requests_are_refused_or_passed_over() {
    let siege = Siege::start();
    let before = siege.sender.peak();
    let request = || on(0, &connect("/hayate/7"));
    // as many as fit into a packet with the request
    let odd: Vec<_> = (0..70).map(|id| (0x4000 + 0x1f * id, MOST)).collect();
    let odd = [&USUAL[..], &odd].concat();
    // what a browser may say, and how it is answered
    for (case, first, answered) in [
        ("a session", opening(), GRANTED),
        (
            "unknown settings",
            [control(&settings(&odd)), request()].concat(),
            GRANTED,
        ),
        (
            "another path",
            [control(&settings(&USUAL)), on(0, &connect("/hayate/8"))].concat(),
            MISSING,
        ),
    ] {
        // A machine that is busy with other floods may keep a session waiting until its time is over.
        let mut heard = Vec::new();
        let right = (0..3).any(|_| {
            let answer = speak(&siege, first.clone(), |_| (), MOMENT);
            let right = answer.answered.ends_with(answered);
            heard.push((answer.answered, answer.closed, answer.sent, answer.acked));
            right
        });
        assert!(right, "{case}: {heard:02x?}");
    }
    let twice = [&USUAL[..], &USUAL[..1]].concat();
    let usual = settings(&USUAL);
    let huge = [varint(SETTINGS), varint(MOST)].concat();
    let fields = |fields: &[u8]| [control(&usual), on(0, &frame(HEADERS, fields))].concat();
    for (case, first, code) in [
        ("twice the same", control(&settings(&twice)), 0x109),
        ("one of HTTP/2", control(&settings(&[(2, 1)])), 0x109),
        (
            "settings again",
            control(&[&usual[..], &usual].concat()),
            0x105,
        ),
        ("no settings", control(&frame(EXERCISE, b"x")), 0x10a),
        ("endless settings", control(&huge), 0x107),
        ("half a setting", control(&frame(SETTINGS, &[0x33])), 0x106),
        (
            "two of control",
            [control(&usual), on(6, &varint(CONTROL))].concat(),
            0x103,
        ),
        ("a body first", on(0, &frame(DATA, b"x")), 0x105),
        ("settings of a request", on(0, &usual), 0x105),
        (
            "an endless request",
            on(0, &[varint(HEADERS), varint(MOST)].concat()),
            0x107,
        ),
        ("a table that there is not", fields(&[0, 0, 0x80]), 0x200),
        (
            "a field that there is not",
            fields(&[0, 0, 0xff, 0x60]),
            0x200,
        ),
        ("a name without an end", fields(&[0, 0, 0x27, 0x7f]), 0x200),
        (
            "a name that is no text",
            fields(&[0, 0, 0x21, 0xff, 0]),
            0x200,
        ),
        (
            "Huffman's words broken",
            fields(&[0, 0, 0x51, 0x84, 0xff, 0xff, 0xff, 0xff]),
            0x200,
        ),
    ] {
        let answer = speak(&siege, first, |_| (), PATIENCE);
        assert_eq!(answer.closed, Some(code), "{case}");
    }
    let grown = siege.sender.peak() - before;
    println!("{grown} bytes more");
    assert!(grown < 64 << 20, "{grown} bytes");
    siege.survives(0);
}

/// W08.
#[test]
fn a_thousand_streams_and_any_number_of_datagrams_cost_a_session_little_memory() {
    let siege = Siege::start();
    let before = siege.sender.peak();
    for first in [4, 6] {
        let many: Vec<_> = (0..1000)
            .map(|number| stream(first + 4 * number, 0, b"x"))
            .collect();
        let answer = speak(
            &siege,
            opening(),
            |client| pour(client, many.into_iter()),
            PATIENCE,
        );
        assert_eq!(
            answer.closed,
            Some(4),
            "more streams than it may open, from {first}"
        );
    }
    let answer = speak(
        &siege,
        opening(),
        |client| {
            for number in 0..1000 {
                client.send(Level::Data, &whole(6 + 4 * number));
                client.listen(Duration::from_millis(4), |_| false);
                client.listen(Duration::from_secs(1), |client| {
                    client.sent < client.acked + 16
                });
            }
        },
        MOMENT,
    );
    assert_ne!(answer.closed, Some(4), "one after another");
    assert!(
        answer.acked > 1000,
        "{} of {}, then {:?}",
        answer.acked,
        answer.sent,
        answer.closed
    );
    let answer = speak(
        &siege,
        opening(),
        |client| {
            pour(client, std::iter::repeat_n(datagram(&[0; 1000]), 10_000));
        },
        MOMENT,
    );
    println!("{} of {} datagrams", answer.acked, answer.sent);
    assert!(
        matches!(answer.closed, None | Some(0)),
        "{:?}",
        answer.closed
    );
    assert!(answer.acked > 1000, "{} arrived", answer.acked);
    let grown = siege.sender.peak() - before;
    println!("{grown} bytes more");
    assert!(grown < 64 << 20, "{grown} bytes");
    siege.survives(0);
}

/// W08.
#[test]
fn garbage_in_a_session_ends_it_and_is_no_try() {
    let siege = Siege::start();
    let before = siege.sender.peak();
    let request = connect("/hayate/7").len() as u64;
    let capsule = |kind: u64, bytes: &[u8]| frame(DATA, &frame(kind, bytes));
    let more = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let pieces = bytes.chunks(1000).zip(0..);
        pieces
            .map(|(piece, number)| stream(0, request + 1000 * number, piece))
            .collect()
    };
    let wire = |session: u64, said: &[u8]| {
        on(
            4,
            &[varint(SESSION), varint(session), said.to_vec()].concat(),
        )
    };
    let close = [&[0, 0, 0, 7], &b"\x1b]0;owned\x07\x1b[2J\r\n"[..]].concat();
    let odd: Vec<_> = (0..300)
        .map(|number| capsule(0x1234 + number, &[0x17; 20]))
        .collect();
    for (case, rest, code) in [
        ("no session's datagram", vec![datagram(b"")], Some(0x33)),
        ("unknown capsules", more(&odd.concat()), None),
        (
            "half a capsule",
            more(&frame(DATA, &[0x68, 0x43, 0x3f])),
            None,
        ),
        (
            "a farewell without its code",
            more(&capsule(0x2843, b"xy")),
            Some(0x33),
        ),
        (
            "an endless farewell",
            more(&capsule(0x2843, &[b'x'; 1030])),
            Some(0x33),
        ),
        (
            "a farewell with escapes",
            more(&capsule(0x2843, &close)),
            Some(0x100),
        ),
        ("noise on the wire", wire(0, &[0xff; 64]), Some(6)),
        ("an unknown session's wire", wire(4, &[0xff; 64]), Some(0)),
        (
            "a session in a session",
            on(4, &connect("/hayate/7")),
            Some(0),
        ),
    ] {
        let patience = code.map_or(MOMENT, |_| PATIENCE);
        let answer = speak(
            &siege,
            opening(),
            move |client| {
                let acked = client.acked;
                insist(client, &rest, |client| client.acked > acked);
            },
            patience,
        );
        assert!(
            answer.answered.ends_with(GRANTED),
            "{case}: {:02x?}",
            answer.answered
        );
        let arrived = answer.closed.is_some() || answer.acked > 0;
        assert!(arrived, "{case}: nothing arrived");
        assert_eq!(answer.closed, code, "{case}");
    }
    let grown = siege.sender.peak() - before;
    println!("{grown} bytes more");
    assert!(grown < 64 << 20, "{grown} bytes");
    let sent = siege.survives(0);
    assert!(!sent.to_string().contains("owned"), "{sent}");
}
