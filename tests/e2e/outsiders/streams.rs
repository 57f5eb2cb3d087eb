//! QUIC that is sealed as it should be and breaks its rules otherwise.

use std::{
    net::{SocketAddr, UdpSocket},
    thread::JoinHandle,
    time::Duration,
};

use hayate_tests::Space;

use crate::{
    insider::prove,
    packets::{stream, varint},
    protocol::accept,
    quic::{Client, Level},
    siege::{Siege, harmless, works},
};

/// Room for frames in a packet.
const ROOM: usize = 1100;

/// Runs `work` with a connection of a stranger to the sender.
fn connected<T: Send + 'static>(
    siege: &Siege,
    work: impl FnOnce(&mut Client) -> T + Send + 'static,
) -> T {
    connected_to(siege.target(), siege.pair.net.c(), work)
        .join()
        .unwrap()
}

/// Runs `work` with a connection from `space` to `at`, beside the test.
fn connected_to<T: Send + 'static>(
    at: SocketAddr,
    space: &Space,
    work: impl FnOnce(&mut Client) -> T + Send + 'static,
) -> JoinHandle<T> {
    space.thread(move || {
        let socket = UdpSocket::bind(SocketAddr::from(([0; 4], 0))).unwrap();
        let mut client = Client::new(socket, at, true);
        assert!(
            client.shake(Duration::from_secs(8)),
            "the sender lets it in"
        );
        work(&mut client)
    })
}

/// Sends so many frames, as many in a packet as fit, and no faster than they are read.
pub(crate) fn pour(client: &mut Client, frames: impl Iterator<Item = Vec<u8>>) {
    let mut packet = Vec::new();
    for (number, frame) in frames.enumerate() {
        if packet.len() + frame.len() > ROOM {
            client.send(Level::Data, &std::mem::take(&mut packet));
            if number % 16 == 0 {
                client.listen(Duration::from_micros(500), |_| false);
            }
        }
        packet.extend(frame);
    }
    client.send(Level::Data, &packet);
}

/// Waits until the sender has closed, and says with which code.
fn close_of(client: &mut Client) -> Option<u64> {
    client.listen(Duration::from_secs(5), |client| client.closed.is_some());
    client.closed
}

/// N08. Codes of errors are those of RFC 9000, 20.1.
#[test]
fn a_stranger_who_breaks_the_limits_of_quic_is_thrown_out() {
    const MOST: u64 = (1 << 62) - 1;
    let siege = Siege::start();
    let frame = |kind: u64, fields: &[u64]| -> Vec<u8> {
        let fields = fields.iter().flat_map(|field| varint(*field));
        varint(kind).into_iter().chain(fields).collect()
    };
    let many: Vec<_> = (0..1000)
        .map(|number| stream(4 * number, 0, b"x"))
        .collect();
    let cases: [(Vec<Vec<u8>>, u64); 9] = [
        // a thousand streams, one that only the stranger writes, one of the sender's
        (many, 4),
        (vec![stream(2, 0, b"x")], 4),
        (vec![stream(1, 0, b"x")], 5),
        // more than the windows, and an end before what was sent
        (vec![stream(0, (16 << 10) + 1, b"x")], 3),
        (vec![stream(0, MOST - 1, b"x")], 3),
        (vec![stream(0, 100, b"x"), frame(4, &[0, 0, 50])], 6),
        // windows of the stranger's without limits, and then what nobody has agreed to: a datagram
        (
            vec![
                frame(0x10, &[MOST]),
                frame(0x11, &[0, MOST]),
                frame(0x12, &[1 << 60]),
                vec![0x30; 8],
            ],
            10,
        ),
        // more streams than there can be, a kind of frame that there is not
        (vec![frame(0x12, &[MOST])], 7),
        (vec![vec![0x7f, 0xff, 0, 0]], 7),
    ];
    for (number, (frames, code)) in cases.into_iter().enumerate() {
        let closed = connected(&siege, move |client| {
            pour(client, frames.into_iter());
            close_of(client)
        });
        assert_eq!(closed, Some(code), "case {number}");
    }
    siege.survives(0);
}

/// N08.
#[test]
fn a_million_resets_and_close_reasons_with_escapes_leave_no_trace() {
    let siege = Siege::start();
    let before = siege.sender.peak();
    let sent = connected(&siege, |client| {
        let reset = [vec![4], varint(0), varint(7), varint(0)].concat();
        pour(client, std::iter::repeat_n(reset, 1_000_000));
        client.sent
    });
    assert!(sent > 3000, "{sent} packets");
    for kind in [0x1c, 0x1d] {
        connected(&siege, move |client| {
            let reason = b"\x1b]0;owned\x07\x1b[2J\r\n".repeat(60);
            let head = match kind {
                0x1c => vec![kind, 0, 0],
                _ => vec![kind, 0],
            };
            let length = varint(reason.len() as u64);
            client.send(Level::Data, &[head, length, reason].concat());
        });
    }
    let grown = siege.sender.peak() - before;
    assert!(grown < 64 << 20, "{grown} bytes");
    let sent = siege.survives(0);
    assert!(!sent.to_string().contains("owned"), "{sent}");
}

/// Pieces of the wire behind its first `from` bytes, each in a packet of its own, none next to another; how many packets.
fn gaps(client: &mut Client, from: u64) -> u64 {
    let first = client.sent;
    for round in 0..2 {
        for number in 0..8000 {
            let mut frames = stream(0, from + 1 + 2 * number + round % 2, b"x");
            frames.resize(ROOM, 0);
            client.send(Level::Data, &frames);
            if number % 32 == 0 {
                client.listen(Duration::from_millis(1), |_| false);
            }
        }
    }
    // the same again, as many in a packet as fit
    pour(
        client,
        (0..200_000).map(|number| stream(0, from + 2 + 2 * (number % 8000), b"x")),
    );
    client.listen(Duration::from_millis(300), |_| false);
    client.sent - first
}

/// N06, of somebody who has not proved the code.
#[test]
fn a_stranger_who_leaves_gaps_costs_little_memory_and_is_thrown_out() {
    let siege = Siege::start();
    let before = siege.sender.peak();
    let (sent, acked, closed) = connected(&siege, |client| {
        let sent = gaps(client, 0);
        (sent, client.acked, client.closed)
    });
    assert_eq!(
        closed,
        Some(1),
        "an internal error: too much to keep in order"
    );
    let grown = siege.sender.peak() - before;
    println!("{grown} bytes more for {acked} of {sent} packets with gaps");
    assert!(acked > 100, "{acked} packets arrived");
    assert!(grown < 64 << 20, "{grown} bytes");
    siege.survives(0);
}

/// What comes of a receiver that proves the code, agrees or not, and leaves gaps then: how much memory that is.
fn gaps_of_a_receiver(agrees: bool) -> u64 {
    let siege = Siege::start();
    let before = siege.sender.peak();
    let at = siege.target();
    let Siege { pair, sender } = siege;
    let attack = connected_to(at, pair.net.c(), move |client| {
        let mut insider = prove(client);
        if agrees {
            insider.message(client, &accept(0, [0; 32]));
        }
        let first = client.acked;
        let sent = gaps(client, insider.said);
        (sent, client.acked - first, client.closed)
    });
    let peak = if agrees {
        // it may come back, so the sender is still there
        sender.wait_for_event("gone");
        sender.peak()
    } else {
        let sent = harmless(sender.finish_within(Duration::from_secs(30))).expect(9);
        assert!(sent.events("auth_failed").is_empty(), "{sent}");
        sent.peak
    };
    let (sent, acked, closed) = attack.join().unwrap();
    println!("{acked} of {sent} packets with gaps arrived");
    assert!(acked > 100, "{acked} packets arrived");
    assert_eq!(closed, Some(1), "an internal error");
    works(&pair);
    assert!(peak > 0);
    peak - before
}

/// N06, of somebody who has: the windows are wide then.
#[test]
fn a_receiver_who_leaves_gaps_costs_little_memory_and_is_lost() {
    for agrees in [false, true] {
        let grown = gaps_of_a_receiver(agrees);
        println!("{grown} bytes more");
        assert!(grown < 64 << 20, "{grown} bytes");
    }
}
