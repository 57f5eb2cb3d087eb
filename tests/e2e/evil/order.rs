//! What a sender may say in which state, and what is no message at all (E11 to E13).

use crate::{
    arena::Arena,
    code::{DISK, PROTOCOL},
    peer::total,
    protocol::{Channel, Offer, abort, accept, keys::lv, start, stored, wire::clear},
    stream::{Tail, assert_refused, sealed},
};

const HELLO: &[u8] = b"hello";

fn file() -> Offer {
    Offer::file(HELLO.len() as u64)
}

/// What is said first, instead of an offer, or behind it.
fn assert_refused_at_once(
    arena: &Arena,
    code: i32,
    case: &str,
    said: impl FnOnce(&mut Channel) -> Vec<u8> + Send + 'static,
) {
    let run = arena.receive(&["--json"], async move |peer| {
        let said = said(&mut peer.channel);
        peer.say(said).await;
    });
    arena.assert_refuses(&run, code, case);
}

/// E11. Before a byte of it comes.
#[test]
fn offers_whose_sizes_do_not_fit_are_refused() {
    let arena = Arena::new();
    let with = |change: fn(&mut Offer)| {
        let mut offer = file();
        change(&mut offer);
        offer.encode()
    };
    for (case, offer) in [
        ("2^63 bytes", Offer::file(1 << 63).encode()),
        ("2^64 - 2 bytes", Offer::file(u64::MAX - 1).encode()),
        ("more content than payload", with(|offer| offer.bytes += 1)),
        ("less content than payload", with(|offer| offer.bytes -= 1)),
        ("a file of two entries", with(|offer| offer.entries = 2)),
        ("a pipe with a length", with(|offer| offer.kind = 5)),
        ("no kind", with(|offer| offer.kind = 0)),
        ("an unknown kind", with(|offer| offer.kind = 6)),
        (
            "neither executable nor not",
            with(|offer| offer.executable = 2),
        ),
        (
            "more entries than fit",
            with(|offer| {
                (offer.kind, offer.payload, offer.bytes, offer.entries) = (3, 1024, 0, 3);
            }),
        ),
        (
            "65 names",
            with(|offer| {
                (offer.kind, offer.payload, offer.bytes, offer.entries) = (4, 1 << 20, 0, 65);
                offer.names = (0..65)
                    .map(|name: u8| name.to_string().into_bytes())
                    .collect();
            }),
        ),
    ] {
        assert_refused_at_once(&arena, PROTOCOL, case, move |channel| {
            channel.message(&offer)
        });
    }
    let most = Offer::file((1 << 63) - 1).encode();
    assert_refused_at_once(&arena, DISK, "more than any disk", move |channel| {
        channel.message(&most)
    });
    arena.assert_works();
}

/// E12. Each is the first thing behind the handshake.
#[test]
fn what_is_no_message_is_refused() {
    let arena = Arena::new();
    let messages: [(&str, Vec<u8>); 10] = [
        ("an empty message", vec![]),
        ("type 0", vec![0]),
        ("an unknown type", vec![9, 0, 0]),
        ("the greatest type", vec![255; 300]),
        ("32 KiB of nothing", vec![0; 32 << 10]),
        (
            "a name of 4 GiB",
            [&[1, 1][..], &u32::MAX.to_be_bytes()].concat(),
        ),
        ("an offer that ends early", file().encode()[..20].to_vec()),
        ("an offer that goes on", [file().encode(), vec![0]].concat()),
        ("an abort for no reason", abort(99, b"")),
        ("an abort in no UTF-8", abort(1, b"\xff\xfe")),
    ];
    for (case, message) in messages {
        assert_refused_at_once(&arena, PROTOCOL, case, move |channel| {
            channel.message(&message)
        });
    }
    let long = abort(1, &[b'a'; 513]);
    assert_refused_at_once(
        &arena,
        PROTOCOL,
        "a detail that is too long",
        move |channel| channel.message(&long),
    );
    for kind in [0, 1, 3, 5, 6, 7, 0x12, 0xff] {
        assert_refused_at_once(&arena, PROTOCOL, "a frame of another kind", move |_| {
            clear(kind, &[0; 64])
        });
    }
    assert_refused_at_once(&arena, PROTOCOL, "an open message", |_| {
        [&[0x10][..], &lv(&file().encode())].concat()
    });
    arena.assert_works();
}

/// E12. However many: the first that has no place is the end.
#[test]
fn a_flood_of_messages_costs_nothing() {
    let arena = Arena::new();
    let run = arena.receive(&["--json"], async |peer| {
        assert!(peer.offer(&file()).await);
        for _ in 0..2000 {
            let flood: Vec<_> = (0..100)
                .flat_map(|_| peer.channel.message(&[9; 100]))
                .collect();
            if !peer.say(flood).await {
                break;
            }
        }
    });
    arena.assert_refuses(&run, PROTOCOL, "a flood");
}

/// E13. Before the receiver agreed.
#[test]
fn nothing_may_come_before_it_is_agreed_on() {
    let arena = Arena::new();
    let early: [(&str, Tail); 7] = [
        ("data", |channel| sealed(channel, 0, true, HELLO)),
        ("a start", |channel| channel.message(&start(0))),
        ("a total", |channel| channel.message(&total(HELLO))),
        ("lanes", |channel| channel.message(&[8, 1, 1, 0xc3, 0x51])),
        ("success", |channel| {
            channel.message(&stored(blake3::hash(HELLO).as_bytes(), 0))
        }),
        ("consent", |channel| channel.message(&accept(0, [0; 32]))),
        ("another offer", |channel| channel.message(&file().encode())),
    ];
    for (case, said) in early {
        if case != "another offer" {
            assert_refused_at_once(&arena, PROTOCOL, case, said);
        }
        assert_refused_at_once(&arena, PROTOCOL, case, move |channel| {
            let offer = channel.message(&file().encode());
            [offer, said(channel)].concat()
        });
    }
    arena.assert_works();
}

/// E13. Each behind a start.
#[test]
fn nothing_may_come_twice_or_out_of_its_turn() {
    let arena = Arena::new();
    let late: [(&str, Tail); 9] = [
        ("another offer", |channel| channel.message(&file().encode())),
        ("another start", |channel| channel.message(&start(0))),
        ("consent", |channel| channel.message(&accept(0, [0; 32]))),
        ("success", |channel| {
            channel.message(&stored(blake3::hash(HELLO).as_bytes(), 0))
        }),
        ("the total twice", |channel| {
            let total = total(HELLO);
            [channel.message(&total), channel.message(&total)].concat()
        }),
        ("a block behind the total", |channel| {
            [
                channel.message(&total(HELLO)),
                sealed(channel, 0, true, HELLO),
            ]
            .concat()
        }),
        ("no lanes", |channel| channel.message(&[8, 0])),
        ("more lanes than there are", |channel| {
            channel.message(&[&[8, 8][..], &[1; 24]].concat())
        }),
        ("a widening of a sender that listens", |channel| {
            channel.message(&[7, 1, 1])
        }),
    ];
    for (case, said) in late {
        assert_refused(&arena, PROTOCOL, (case, file()), said);
    }
    let run = arena.receive(&["--json"], async |peer| {
        peer.message(&file().encode()).await;
        assert!(peer.hear(2).await.is_some());
        peer.message(&start(1)).await;
    });
    arena.assert_refuses(&run, PROTOCOL, "a start at a block that was not kept");
    arena.assert_works();
}
