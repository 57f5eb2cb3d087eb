//! What a sender may do to the blocks of the sealed stream (E01 to E04, E08, E09, E11).

use std::{fs, sync::OnceLock};

use hayate_tests::noise;

use crate::{
    arena::{Arena, SOURCE},
    code::{LOST, PROTOCOL},
    peer::total,
    protocol::{BLOCK, Channel, Header, Offer, accept, complete},
};

/// Three blocks, the last one short.
const LENGTH: usize = 2 * BLOCK + 1000;

pub(crate) fn payload() -> &'static [u8] {
    static PAYLOAD: OnceLock<Vec<u8>> = OnceLock::new();
    PAYLOAD.get_or_init(|| noise(LENGTH, 1))
}

/// A sealed block with a header that is true.
pub(crate) fn sealed(channel: &Channel, index: u64, last: bool, content: &[u8]) -> Vec<u8> {
    let flags = if last { 2 } else { 0 };
    let header = Header::new(index, flags, content.len(), content.len());
    channel.block(header, content)
}

/// A block of the payload.
pub(crate) fn block(channel: &Channel, index: usize) -> Vec<u8> {
    let piece = payload().chunks(BLOCK).nth(index).unwrap();
    sealed(channel, index as u64, index == 2, piece)
}

/// The three blocks of the payload.
fn three(channel: &Channel) -> [Vec<u8>; 3] {
    [0, 1, 2].map(|index| block(channel, index))
}

/// What a sender says behind its start.
pub(crate) type Tail = fn(&mut Channel) -> Vec<u8>;

/// Offers, says `tail`, and ends its half of the wire where that is what shall be noticed.
pub(crate) fn assert_refused(
    arena: &Arena,
    code: i32,
    (case, offer): (&str, Offer),
    tail: impl FnOnce(&mut Channel) -> Vec<u8> + Send + 'static,
) {
    let run = arena.receive(&["--json"], async move |peer| {
        assert!(peer.offer(&offer).await, "the offer is accepted");
        let tail = tail(&mut peer.channel);
        peer.say(tail).await;
        if code == LOST {
            peer.line.finish().await;
        }
    });
    match code {
        LOST => arena.assert_fails_closed(&run, code, case),
        _ => arena.assert_refuses(&run, code, case),
    }
}

pub(crate) fn assert_all_refused(offer: fn() -> Offer, code: i32, cases: &[(&str, Tail)]) {
    let arena = Arena::new();
    for &(case, tail) in cases {
        assert_refused(&arena, code, (case, offer()), tail);
    }
    arena.assert_works();
}

pub(crate) fn file() -> Offer {
    Offer::file(LENGTH as u64)
}

#[test]
fn the_peer_of_these_tests_can_be_honest() {
    let arena = Arena::new();
    let run = arena.receive(&["--json"], async |peer| {
        assert!(peer.send(&file(), payload()).await);
    });
    assert_eq!(run.outcome.code, 0, "{}", run.outcome);
    let stored = arena.target("hello.txt");
    assert!(fs::read(&stored).unwrap() == payload());
    fs::remove_file(stored).unwrap();
    arena.assert_unchanged("an honest sender");
    let run = arena.send(&[], async |peer| {
        let taken = peer.take().await.unwrap();
        assert!(taken == noise(SOURCE, 9));
    });
    assert_eq!(run.outcome.code, 0, "{}", run.outcome);
    arena.assert_unchanged("an honest receiver");
    arena.assert_works();
}

/// E01, E08. A wire that ends is no end of the payload.
#[test]
fn a_stream_that_ends_early_is_a_lost_connection() {
    assert_all_refused(
        file,
        LOST,
        &[
            ("nothing", |_| Vec::new()),
            ("two blocks of three", |channel| {
                three(channel)[..2].concat()
            }),
            ("all blocks, no total", |channel| three(channel).concat()),
            ("half a block", |channel| {
                block(channel, 0)[..BLOCK / 2].to_vec()
            }),
            ("a header alone", |channel| block(channel, 0)[..18].to_vec()),
        ],
    );
    assert_all_refused(
        Offer::stream,
        LOST,
        &[("a pipe", |channel| three(channel)[..2].concat())],
    );
}

/// E01, E02, E03, E09, E11. Only the block where the offer ends is the last.
#[test]
fn the_last_block_is_where_the_offer_ends() {
    assert_all_refused(
        file,
        PROTOCOL,
        &[
            ("no last flag", |channel| {
                let mut blocks = three(channel);
                blocks[2] = sealed(channel, 2, false, &payload()[2 * BLOCK..]);
                [blocks.concat(), channel.message(&total(payload()))].concat()
            }),
            ("the last flag early, and more", |channel| {
                let first = sealed(channel, 0, true, &payload()[..BLOCK]);
                [first, three(channel)[1..].concat()].concat()
            }),
            ("one byte less", |channel| {
                sealed(channel, 2, true, &[0; 999])
            }),
            ("one byte more", |channel| {
                sealed(channel, 2, true, &[0; 1001])
            }),
            ("a block behind the end", |channel| {
                [
                    three(channel).concat(),
                    sealed(channel, 3, false, &[0; BLOCK]),
                ]
                .concat()
            }),
            ("no block at all", |channel| {
                channel.message(&total(payload()))
            }),
        ],
    );
    assert_all_refused(
        Offer::stream,
        PROTOCOL,
        &[
            ("a pipe that goes on behind its end", |channel| {
                let first = sealed(channel, 0, true, &[0; BLOCK]);
                [first, sealed(channel, 1, true, b"more")].concat()
            }),
            ("a pipe with an empty last block", |channel| {
                let first = sealed(channel, 0, false, &[0; BLOCK]);
                [first, sealed(channel, 1, true, b"")].concat()
            }),
            ("a short block in the middle", |channel| {
                sealed(channel, 0, false, &[0; 10])
            }),
        ],
    );
    assert_all_refused(
        || Offer::file(0),
        PROTOCOL,
        &[
            ("an empty file with data", |channel| {
                sealed(channel, 0, true, b"x")
            }),
            ("an empty file without its block", |channel| {
                channel.message(&complete(0, 0, blake3::hash(b"").as_bytes()))
            }),
        ],
    );
}

/// E03. The shortest payloads.
#[test]
fn no_byte_and_one_byte_arrive() {
    let arena = Arena::new();
    for payload in [&b""[..], b"1"] {
        let run = arena.receive(&["--json"], async move |peer| {
            assert!(peer.send(&Offer::file(payload.len() as u64), payload).await);
        });
        assert_eq!(run.outcome.code, 0, "{}", run.outcome);
        assert_eq!(fs::read(arena.target("hello.txt")).unwrap(), payload);
        fs::remove_file(arena.target("hello.txt")).unwrap();
    }
}

/// E04, E09. Each block once, in its place.
#[test]
fn blocks_that_are_swapped_repeated_left_out_or_foreign_are_refused() {
    assert_all_refused(
        file,
        PROTOCOL,
        &[
            ("the contents of two swapped", |channel| {
                let payload = payload();
                let first = sealed(channel, 0, false, &payload[BLOCK..2 * BLOCK]);
                let second = sealed(channel, 1, false, &payload[..BLOCK]);
                let end = [block(channel, 2), channel.message(&total(payload))];
                [first, second, end.concat()].concat()
            }),
            ("the seals of two swapped", |channel| {
                let blocks = three(channel);
                [&blocks[0][..18], &blocks[1][18..]].concat()
            }),
            ("one repeated", |channel| {
                let first = block(channel, 0);
                [first.clone(), first].concat()
            }),
            ("one left out", |channel| {
                let blocks = three(channel);
                let end = channel.message(&total(payload()));
                [blocks[0].clone(), blocks[2].clone(), end].concat()
            }),
            ("beyond the window", |channel| {
                sealed(channel, 32, false, &[0; BLOCK])
            }),
            ("beyond the end", |channel| {
                sealed(channel, 3, false, &[0; BLOCK])
            }),
            ("the greatest index", |channel| {
                sealed(channel, u64::MAX, false, &[0; BLOCK])
            }),
            ("of another session", |channel| {
                let mut other = channel.clone();
                other.blocks[0] ^= 1;
                block(&other, 0)
            }),
            ("under the key of the messages", |channel| {
                let mut other = channel.clone();
                other.blocks = other.outgoing;
                block(&other, 0)
            }),
            ("a message of the receiver's own", |channel| {
                let mut other = channel.clone();
                (other.outgoing, other.sent) = (other.incoming, 0);
                other.message(&accept(0, [0; 32]))
            }),
        ],
    );
}

/// E04. The order on the wire is not the order in the file.
#[test]
fn blocks_in_another_order_arrive() {
    let arena = Arena::new();
    let run = arena.receive(&["--json"], async |peer| {
        assert!(peer.offer(&file()).await);
        let blocks = three(&peer.channel);
        peer.say([&blocks[2][..], &blocks[0], &blocks[1]].concat())
            .await;
        peer.complete(payload()).await;
        assert!(peer.hear(5).await.is_some());
    });
    assert_eq!(run.outcome.code, 0, "{}", run.outcome);
    assert!(fs::read(arena.target("hello.txt")).unwrap() == payload());
}

/// E08. With a file of that name that is to be replaced: it stays.
#[test]
fn a_total_that_is_wrong_replaces_nothing() {
    let arena = Arena::new();
    let root = blake3::hash(b"hello");
    for (case, total) in [
        ("a byte more", complete(1, 6, root.as_bytes())),
        ("a byte less", complete(1, 4, root.as_bytes())),
        ("a block more", complete(2, 5, root.as_bytes())),
        ("a block less", complete(0, 5, root.as_bytes())),
        ("another root", complete(1, 5, &[7; 32])),
        ("a short total", complete(1, 5, &root.as_bytes()[..31])),
        ("a long total", complete(1, 5, &[7; 33])),
    ] {
        let arguments = ["--json", "-o", "mine.txt", "--on-conflict", "overwrite"];
        let run = arena.receive(&arguments, async move |peer| {
            assert!(peer.offer(&Offer::file(5)).await);
            peer.payload(b"hello").await;
            peer.message(&total).await;
        });
        arena.assert_refuses(&run, PROTOCOL, case);
    }
    arena.assert_works();
}
