//! Datagrams for the port that a sender listens on.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hayate_tests::noise;

use crate::{
    alone,
    packets::{self, Kind},
    pour::{Flood, Taken, addresses, pour, send, sockets},
    quic::Client,
    siege::{Siege, harmless},
    tls::hello,
};

/// Most that a sender may grow by, bytes.
const GROWTH: u64 = 64 << 20;

/// Makes hostile datagrams: garbage of all lengths, garbage behind a good head, and first packets of connections that
/// are as they should be, with ids of their own, for either of the two protocols on the port.
fn hostile() -> impl FnMut(u64) -> Vec<u8> {
    const LENGTHS: [usize; 12] = [0, 1, 5, 7, 19, 20, 21, 64, 600, 1199, 1200, 1472];
    let garbage = noise(1 << 20, 7);
    let hellos = [true, false].map(|marked| packets::crypto(&hello(marked)));
    let mut known = Vec::new();
    let first = move |marked: bool, hello: &[u8]| {
        let (id, own) = (packets::first_id(marked), packets::random::<8>());
        let keys = packets::first_keys(&id).local;
        let mut frames = hello.to_vec();
        frames.resize(1150, 0);
        packets::seal(Kind::Initial(&[]), &keys, &id, &own, 0, &frames)
    };
    move |number| {
        let at = (number as usize * 1511) % (garbage.len() - 2000);
        let garbage = &garbage[at..];
        match number % 4 {
            0 => garbage[..LENGTHS[(number / 4) as usize % LENGTHS.len()]].to_vec(),
            1 => {
                let id = packets::first_id(number % 8 == 1);
                let head = [0xc0 | garbage[0] & 0x3f, 0, 0, 0, 1, id.len() as u8];
                [&head[..], &id, &garbage[..1180]].concat()
            }
            // sealing takes longer than opening: some thousands are used again and again
            kind if known.len() < 8192 => {
                known.push(first(kind == 2, &hellos[usize::from(kind == 3)]));
                known[known.len() - 1].clone()
            }
            _ => known[number as usize * 5 / 2 % known.len()].clone(),
        }
    }
}

/// The requirement of the design: a million hostile datagrams, a thousand handshakes that stop half way, and then
/// somebody who means it. N07.
#[test]
fn a_million_hostile_datagrams_and_a_thousand_half_open_handshakes_delay_nobody() {
    let _alone = alone();
    let siege = Siege::start();
    let (at, c) = (siege.target(), siege.pair.net.c());
    let from = addresses(c, 8);
    let taken = Taken::on(siege.pair.net.a());
    let (before, start) = (siege.sender.peak(), Instant::now());
    let poured = c.thread({
        let from = from.clone();
        move || {
            let (sockets, mut hostile) = (sockets(&from, 64), hostile());
            pour(&taken, 1_000_000, 1000, |number| {
                send(&sockets[number as usize % 64], at, &hostile(number));
            })
        }
    });
    let sent = poured.join().unwrap();
    let took = start.elapsed();
    let taken = Taken::on(siege.pair.net.a());
    let read = taken.count().0;
    let halves = c.thread(move || {
        let clients = sockets(&from, 1000).into_iter();
        let mut clients: Vec<_> = clients
            .map(|socket| Client::new(socket, at, true))
            .collect();
        let knocked: Vec<_> = clients.iter_mut().map(Client::knock).collect();
        std::thread::sleep(Duration::from_secs(1));
        let heard: Vec<_> = clients.iter().map(Client::overhear).collect();
        (clients, knocked, heard)
    });
    let (clients, knocked, heard) = halves.join().unwrap();
    let read = taken.count().0 - read;
    let answered = heard.iter().filter(|bytes| **bytes > 0).count();
    let grown = siege.sender.peak() - before;
    println!(
        "{sent} datagrams in {took:?}; of 1000 clients {read} were heard and {answered} answered; \
         it grew by {grown} bytes"
    );
    assert!(read >= 1000, "{read} of 1000 were heard");
    assert!(answered > 0);
    for (heard, knocked) in heard.iter().zip(knocked) {
        // RFC 9000, 8.1; QUIC sends a whole packet while anything of that is left
        assert!(*heard < 3 * knocked + 1452, "{heard} bytes for {knocked}");
    }
    assert!(grown < GROWTH, "{grown} bytes");
    let start = Instant::now();
    siege.survives(0);
    println!("an honest receiver took {:?}", start.elapsed());
    drop(clients);
}

/// N07. It goes on while a receiver comes and is served.
#[test]
fn a_flood_of_first_packets_stops_neither_pairing_nor_a_transfer() {
    let _alone = alone();
    let siege = Siege::with(["--keep"]);
    let (at, c) = (siege.target(), siege.pair.net.c());
    let (from, taken) = (addresses(c, 8), Taken::on(siege.pair.net.a()));
    let before = (siege.sender.peak(), taken.count().0);
    let flood = Flood::start(c, Duration::from_millis(2), move || {
        let (sockets, mut hostile) = (sockets(&from, 64), hostile());
        let second = SocketAddr::new(at.ip(), 50003);
        move |number| {
            let at = if number / 4 % 2 == 0 { at } else { second };
            send(&sockets[number as usize % 64], at, &hostile(number));
        }
    });
    std::thread::sleep(Duration::from_secs(2));
    siege.honest(Duration::from_secs(30));
    let pair = &siege.pair;
    pair.write("big.bin", noise(16 << 20, 3));
    let mut sending = pair.sending([
        "big.bin",
        "-p",
        "50003",
        "--limit",
        "4M",
        "--compress",
        "off",
    ]);
    sending.arg("--no-web");
    let sender = hayate_tests::Process::start(sending);
    sender.wait_for_event("waiting");
    let received = pair.receive(["--from", "10.77.0.1:50003"]);
    let received = harmless(received.finish()).expect(0);
    harmless(sender.finish()).expect(0);
    let took = Duration::from_millis(received.event("done")["elapsed_ms"].as_u64().unwrap());
    assert!(pair.received("big.bin") == noise(16 << 20, 3));
    let sent = flood.stop();
    let (grown, read) = (siege.sender.peak() - before.0, taken.count().0 - before.1);
    println!(
        "{sent} first packets, {read} datagrams read; 16 MiB at 4 MiB/s in {took:?}; it grew by {grown} bytes"
    );
    assert!(read > 10_000, "{read} of {sent}");
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert!(grown < GROWTH, "{grown} bytes");
}
