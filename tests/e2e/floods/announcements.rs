//! Announcements and questions that nobody meant: for the port of the beacons, and for mDNS.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use hayate_tests::{Net, Pair, Process, noise, pair::PLAIN};

use crate::{
    alone,
    packets::random,
    pour::{Flood, Taken, addresses, pour, send, sockets},
    siege::{Siege, harmless, works},
    stranger::{HELLO, Rogue, SHARE, answer, frame},
};

const BEACONS: u16 = 50002;
const MDNS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);

/// An announcement of channel 7 by a sender of that many runs ago.
fn announcement(session: [u8; 8]) -> Vec<u8> {
    [
        b"HYT7\x01\x00\x07",
        &session[..],
        &50001_u16.to_be_bytes(),
        &[0; 3],
    ]
    .concat()
}

/// Announces rogues on a machine, to the second one, until it is stopped; each from another address and run.
fn announce(pair: &Pair, sessions: usize, rest: Duration) -> Flood {
    let to = SocketAddr::new(pair.net.b().v4(), BEACONS);
    let from = addresses(pair.net.c(), 50);
    Flood::start(pair.net.c(), rest, move || {
        let sockets = sockets(&from, 50);
        let known: Vec<_> = (0..sessions).map(|_| announcement(random())).collect();
        move |number| {
            let number = number as usize;
            send(&sockets[number % 50], to, &known[number % sessions]);
        }
    })
}

/// D04. Whatever the rogue does with those who dial it.
#[test]
fn a_rogue_that_announces_itself_first_costs_one_try_and_no_more() {
    let _alone = alone();
    let silent = || Vec::new();
    let shows = || answer(&random::<32>(), &SHARE);
    let confirms = || [answer(&random::<32>(), &SHARE), frame(4, &[7; 32])].concat();
    let breaks = || vec![0xff; 100];
    for says in [silent, shows, confirms, breaks] as [fn() -> Vec<u8>; 4] {
        let pair = Pair::on(Net::switched(3));
        let rogue = Rogue::start(pair.net.c(), move |_| says());
        let flood = announce(&pair, 1, Duration::from_millis(300));
        pair.write("a.txt", "a");
        let receiver = pair.receive(PLAIN);
        rogue.wait_for(1);
        let sender = pair.send(["a.txt"]);
        let received = harmless(receiver.finish()).expect(0);
        assert!(
            harmless(sender.finish())
                .expect(0)
                .events("auth_failed")
                .is_empty()
        );
        flood.stop();
        assert_eq!(pair.received("a.txt"), b"a");
        let heard = rogue.stop();
        assert_eq!(heard.len(), 1, "{received}");
        assert_eq!(heard[0][0], HELLO);
    }
}

/// D05.
#[test]
fn a_flood_of_rogues_is_dialled_three_times_and_ends_in_time() {
    let _alone = alone();
    let pair = Pair::on(Net::switched(3));
    let rogue = Rogue::start(pair.net.c(), |_| {
        [answer(&random::<32>(), &SHARE), frame(4, &[7; 32])].concat()
    });
    let taken = Taken::on(pair.net.b());
    let flood = announce(&pair, 10_000, Duration::from_millis(5));
    let start = Instant::now();
    let receiver = pair.receive(["--timeout", "15"]);
    std::thread::sleep(Duration::from_millis(500));
    let received = harmless(receiver.finish_within(Duration::from_secs(60)));
    let (sent, took) = (flood.stop(), start.elapsed());
    assert!(matches!(received.code, 3 | 4), "{received}");
    assert!(received.events("peer").is_empty(), "{received}");
    let heard = rogue.stop();
    println!("{sent} announcements in {took:?}, {} dialled", heard.len());
    assert!(taken.count().0 > 1000, "they came");
    assert!(
        (1..=3).contains(&heard.len()),
        "{} were dialled",
        heard.len()
    );
    works(&pair);
}

/// D05. They lead nowhere; the sender is there as well.
#[test]
fn a_flood_of_announcements_without_anybody_hides_no_sender() {
    let _alone = alone();
    let pair = Pair::on(Net::switched(3));
    let flood = announce(&pair, 10_000, Duration::from_millis(5));
    works(&pair);
    assert!(flood.stop() > 1000);
}

/// D05. They lead nowhere, and there is nobody else.
#[test]
fn a_search_among_announcements_without_anybody_takes_little_memory() {
    let _alone = alone();
    let pair = Pair::on(Net::switched(3));
    let flood = announce(&pair, 10_000, Duration::from_millis(5));
    let receiver = pair.receive(["--timeout", "10"]);
    let received = harmless(receiver.finish_within(Duration::from_secs(60))).expect(3);
    println!(
        "{} announcements; {} bytes at most",
        flood.stop(),
        received.peak
    );
    assert!(received.peak < 64 << 20, "{received}");
    assert!(received.stderr.contains("--from"), "{received}");
    works(&pair);
}

/// D08.
#[test]
fn a_million_datagrams_of_noise_for_discovery_change_nothing() {
    let _alone = alone();
    let siege = Siege::start();
    let (a, c) = (siege.pair.net.a().v4(), siege.pair.net.c());
    let taken = Taken::on(siege.pair.net.a());
    let before = siege.sender.peak();
    let start = Instant::now();
    let from = siege.pair.net.c().v4();
    let poured = c.thread(move || {
        const LENGTHS: [usize; 10] = [0, 1, 19, 20, 20, 20, 21, 64, 300, 1472];
        let (socket, noise) = (&sockets(&[from], 1)[0], noise(1 << 20, 9));
        let beacons = SocketAddr::new(a, BEACONS);
        // too large for one packet
        for length in [1500, 9000, 65_507] {
            send(socket, beacons, &noise[..length]);
            send(socket, MDNS, &noise[..length.min(9000)]);
        }
        pour(&taken, 1_000_000, 200, |number| {
            let at = number as usize * 601 % (1 << 19);
            let mut bytes = noise[at..at + LENGTHS[number as usize % LENGTHS.len()]].to_vec();
            // almost right: magic and kind, of a question or an announcement
            if bytes.len() == 20 && number % 10 != 3 {
                bytes[..5].copy_from_slice(&[b'H', b'Y', b'T', b'7', number as u8 / 10 % 4]);
            }
            send(
                socket,
                if number % 16 == 0 { MDNS } else { beacons },
                &bytes,
            );
        })
    });
    let sent = poured.join().unwrap();
    let grown = siege.sender.peak() - before;
    println!(
        "{sent} datagrams in {:?}; it grew by {grown} bytes",
        start.elapsed()
    );
    assert!(grown < 64 << 20, "{grown} bytes");
    siege.survives(0);
}

/// Messages that parsers of mDNS have fallen for (RFC 6762, RFC 1035).
fn traps() -> Vec<Vec<u8>> {
    let message = |answers: u16, body: &[u8]| {
        let count = answers.to_be_bytes();
        [&[0, 0, 0x84, 0, 0, 0][..], &count, &[0; 4], body].concat()
    };
    let record = |name: &[u8], kind: u8, data: &[u8]| {
        let length = (data.len() as u16).to_be_bytes();
        [name, &[0, kind, 0, 1, 0, 0, 0, 120], &length, data].concat()
    };
    let service = b"\x07_hayate\x04_udp\x05local\x00";
    let named = |label: &[u8]| [&[label.len() as u8], label, service].concat();
    let pointer = |to: u8| [0xc0, to];
    let mut traps = vec![
        // names that point to themselves, to each other, ahead, out
        message(1, &record(&pointer(12), 12, &pointer(12))),
        message(
            1,
            &[&pointer(14)[..], &pointer(12), &[0, 12, 0, 1]].concat(),
        ),
        message(1, &record(&[0xff, 0xff], 12, service)),
        message(1, &record(service, 12, &[0x3f; 8])),
        // 127 labels, and as many as fit
        message(
            1,
            &record(&[&b"\x01a".repeat(127)[..], &[0]].concat(), 12, service),
        ),
        message(
            1,
            &record(&[&b"\x01a".repeat(600)[..], &[0]].concat(), 12, service),
        ),
        // more records than there are, and lengths beyond the end
        message(u16::MAX, &record(service, 12, &named(b"0001020304abcdef"))),
        message(
            1,
            &[&service[..], &[0, 16, 0, 1, 0, 0, 0, 120, 0xff, 0xff, 1]].concat(),
        ),
        // a TXT of all that a packet has, of strings of no length, and one that says too much
        message(1, &record(&named(b"0001020304abcdef"), 16, &[0; 1200])),
        message(1, &record(&named(b"0001020304abcdef"), 16, &[255; 1200])),
        // an instance that speaks to the terminal, and a port that is none
        message(1, &record(service, 12, &named(b"\x1b]0;owned\x07\x1b[2J"))),
        message(
            1,
            &record(
                &named(b"\x1b]0;owned\x07"),
                33,
                &[0, 0, 0, 0, 0, 0, 0xc0, 0xff],
            ),
        ),
    ];
    traps.extend((0..=255).map(|kind| message(1, &record(service, kind, &[kind; 40]))));
    traps.extend((0..12).map(|length| vec![0x84; length]));
    traps
}

/// D09.
#[test]
fn traps_and_storms_in_mdns_change_nothing() {
    let _alone = alone();
    let siege = Siege::start();
    let c = siege.pair.net.c();
    let (before, from) = (siege.sender.peak(), c.v4());
    let taken = Taken::on(siege.pair.net.a());
    let flood = Flood::start(c, Duration::from_millis(20), move || {
        let socket = UdpSocket::bind((from, 5353)).unwrap();
        let traps = traps();
        move |number| {
            let storm = || {
                // an address of a host that there is not, another one each time
                let host = random::<8>().map(|byte| b'a' + byte % 26);
                let record = [
                    &[8][..],
                    &host,
                    b"\x05local\x00\x00\x01\x80\x01\x00\x00\x11\x94\x00\x04",
                ];
                [
                    &[0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0],
                    &record.concat()[..],
                    &random::<4>(),
                ]
                .concat()
            };
            match traps.get(number as usize % (2 * traps.len())) {
                Some(trap) => send(&socket, MDNS, trap),
                None => send(&socket, MDNS, &storm()),
            }
        }
    });
    let mut other = siege.pair.net.b().hayate();
    other.args(["receive", "8-copper-lantern-violin", "-y", "--json"]);
    other.args(["--timeout", "5"]);
    let received = harmless(Process::start(other).finish()).expect(3);
    assert!(!received.to_string().contains("owned"), "{received}");
    siege.honest(Duration::from_secs(10));
    let sent = flood.stop();
    let grown = siege.sender.peak().max(before) - before;
    let read = taken.count().0;
    println!("{sent} messages, {read} read; it grew by {grown} bytes");
    assert!(read > 1000, "{read} of {sent}");
    assert!(grown < 64 << 20, "{grown} bytes");
    harmless(siege.sender.finish()).expect(0);
    works(&siege.pair);
}
