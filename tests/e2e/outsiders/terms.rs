//! Clients who announce limits of their own (RFC 9000, 18.2), and that the sender's own hold all the same.

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use hayate_tests::{Outcome, Pair};

use crate::{
    insider::prove,
    packets::varint,
    quic::{Client, Level},
    siege::{Siege, harmless, works},
    tls::Term,
};

const IDLE: u64 = 1;
const DATA: u64 = 4;
/// A silence that is never too long, in the three ways to say that, and no room for a byte.
const TERMS: [Term; 4] = [
    (IDLE, Some(0)),
    (IDLE, None),
    (IDLE, Some((1 << 62) - 1)),
    (DATA, Some(0)),
];

/// A connection to the sender under these terms.
fn client(siege: &Siege, from: [u8; 4], term: Term) -> impl FnOnce() -> Client + Send + use<> {
    let at = siege.target();
    move || {
        let socket = UdpSocket::bind((Ipv4Addr::from(from), 0)).unwrap();
        let mut client = Client::with(socket, at, true, &[term]);
        let inside = client.shake(Duration::from_secs(8));
        assert!(inside, "{term:?}: the sender lets it in");
        client
    }
}

/// N11. All four at once, two from one address. They acknowledge what comes, so that only the sender's patience ends it.
#[test]
fn a_stranger_cannot_lengthen_the_ten_seconds_of_strangers() {
    let siege = Siege::start();
    let c = siege.pair.net.c();
    c.ip("addr add 10.77.0.100/24 dev lan");
    let strangers: Vec<_> = (0..)
        .zip(TERMS)
        .map(|(number, term)| {
            let from = [10, 77, 0, if number < 2 { 3 } else { 100 }];
            let connect = client(&siege, from, term);
            c.thread(move || {
                let start = Instant::now();
                let mut client = connect();
                client.listen(Duration::from_secs(20), |client| client.closed.is_some());
                (term, client.closed, start.elapsed())
            })
        })
        .collect();
    for stranger in strangers {
        let (term, closed, took) = stranger.join().unwrap();
        assert!(closed.is_some(), "{term:?}: still inside after {took:?}");
        assert!((9..13).contains(&took.as_secs()), "{term:?}: {took:?}");
    }
    siege.survives(0);
}

/// A receiver under these terms that proves the code and dies; how the sender ended, and how long that took.
fn death(term: Term) -> (Pair, Outcome, Duration) {
    let siege = Siege::start();
    let connect = client(&siege, [0; 4], term);
    let Siege { pair, sender } = siege;
    let (tell, told) = mpsc::channel();
    let (end, over) = mpsc::channel::<()>();
    let dead = pair.net.c().thread(move || {
        let mut client = connect();
        // room for the handshake and the offer, where there was none
        let room = [varint(0x10), varint(64 << 10)].concat();
        client.send(Level::Data, &room);
        prove(&mut client);
        tell.send(Instant::now()).unwrap();
        // its socket stays, and nothing says that nobody reads it
        let _ = over.recv();
    });
    let start = told.recv().expect("it proves the code");
    let sent = sender.finish_within(Duration::from_secs(30));
    let took = start.elapsed();
    drop(end);
    dead.join().unwrap();
    (pair, sent, took)
}

/// N11. 15 s without a word, which a keep-alive of the sender's may begin once.
#[test]
fn a_receiver_cannot_lengthen_the_silence_that_its_sender_bears() {
    let ends = TERMS.map(|term| (term, thread::spawn(move || death(term))));
    for (term, end) in ends {
        let (pair, sent, took) = end.join().unwrap();
        let sent = harmless(sent).expect(9);
        println!("{term:?}: {took:?}");
        assert!((14..21).contains(&took.as_secs()), "{term:?}: {took:?}");
        assert_eq!(sent.events("peer").len(), 1, "{sent}");
        works(&pair);
    }
}
