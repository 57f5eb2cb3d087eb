//! Messages to a receiver that waits for an offer: offers good and bad.

use super::{Made, vector};
use crate::peer::{Offer, abort};

pub(crate) fn all() -> Vec<Made> {
    [offers(), sizes(), names(), shapes()].concat()
}

fn made(name: &str, expect: &str, comment: &str, message: &[u8]) -> Made {
    let offered = match expect {
        "disconnected" => "offered: yes",
        _ => "offered: no",
    };
    let headers = [offered, "opened: 0"];
    vector(name, "message", expect, comment, &headers, message)
}

/// An offer that a receiver takes: then the wire ends.
fn good(name: &str, comment: &str, offer: &Offer) -> Made {
    made(
        &format!("offer-{name}"),
        "disconnected",
        comment,
        &offer.encode(),
    )
}

fn bad(name: &str, comment: &str, offer: &Offer) -> Made {
    made(
        &format!("offer-{name}"),
        "malformed",
        comment,
        &offer.encode(),
    )
}

fn with(change: impl FnOnce(&mut Offer)) -> Offer {
    let mut offer = Offer::file(5);
    change(&mut offer);
    offer
}

fn archive(change: impl FnOnce(&mut Offer)) -> Offer {
    let mut offer = Offer {
        kind: 3,
        payload: 4096,
        bytes: 9,
        entries: 3,
        ..Offer::file(0)
    };
    change(&mut offer);
    offer
}

fn items(count: usize) -> Offer {
    archive(|o| {
        o.kind = 4;
        o.names = vec![vec![b'x'; 255]; count];
    })
}

fn offers() -> Vec<Made> {
    vec![
        good("file", "a file", &with(|_| {})),
        good(
            "executable",
            "a file that can be run",
            &with(|o| o.executable = 1),
        ),
        good("text", "a text", &with(|o| o.kind = 2)),
        good("directory", "a directory", &archive(|_| {})),
        good("items", "64 items", &items(64)),
        good("stream", "a pipe", &Offer::stream()),
        good(
            "mtime-min",
            "the lowest time there is: the receiver moves it",
            &with(|o| o.mtime = i64::MIN),
        ),
        good(
            "mtime-max",
            "the highest time there is: the receiver moves it",
            &with(|o| o.mtime = i64::MAX),
        ),
        good(
            "not-utf8",
            "a name that is not UTF-8",
            &with(|o| o.name = b"\xff\xfe".to_vec()),
        ),
        good(
            "payload-max",
            "the longest payload a file can have",
            &Offer::file(i64::MAX as u64),
        ),
    ]
}

fn sizes() -> Vec<Made> {
    vec![
        bad(
            "payload-2-63",
            "a payload that no file offset reaches",
            &Offer::file(1 << 63),
        ),
        bad(
            "payload-unknown",
            "a file of unknown length",
            &Offer::file(u64::MAX),
        ),
        bad(
            "bytes-differ",
            "a file whose two lengths differ",
            &with(|o| o.bytes = 4),
        ),
        bad("entries-0", "a file of no entry", &with(|o| o.entries = 0)),
        bad(
            "entries-2",
            "a file of two entries",
            &with(|o| o.entries = 2),
        ),
        bad(
            "stream-length",
            "a stream with a length",
            &with(|o| o.kind = 5),
        ),
        bad(
            "stream-bytes",
            "a stream with bytes",
            &Offer {
                bytes: 5,
                ..Offer::stream()
            },
        ),
        bad(
            "directory-bytes",
            "more content than payload",
            &archive(|o| o.bytes = 4097),
        ),
        bad(
            "directory-entries",
            "more entries than headers fit",
            &archive(|o| o.entries = 9),
        ),
        bad(
            "directory-unknown",
            "a directory of unknown length",
            &archive(|o| o.payload = u64::MAX),
        ),
    ]
}

fn names() -> Vec<Made> {
    let named = |name: &str, comment: &str, bytes: &[u8]| {
        let offer = with(|o| o.name = bytes.to_vec()).encode();
        made(&format!("offer-name-{name}"), "unsafe", comment, &offer)
    };
    let second = archive(|o| {
        o.kind = 4;
        o.names = vec![b"a".to_vec(), b"../b".to_vec()];
    });
    vec![
        named("empty", "no name", b""),
        named("dotdot", "the directory above", b".."),
        named(
            "traversal",
            "a path to somebody's keys",
            b"../../.ssh/authorized_keys",
        ),
        named("absolute", "a path of the system", b"/etc/cron.d/x"),
        named("slash", "a path", b"a/b"),
        named("nul", "a NUL", b"a\0b"),
        named("escape", "a terminal escape", b"\x1b]0;owned\x07"),
        bad(
            "name-256",
            "a name of one byte too many",
            &with(|o| o.name = vec![b'x'; 256]),
        ),
        made(
            "offer-items-traversal",
            "unsafe",
            "a bad name among the items",
            &second.encode(),
        ),
        bad("items-65", "one name too many", &items(65)),
    ]
}

fn shapes() -> Vec<Made> {
    let offer = Offer::file(5).encode();
    let name_max = [&offer[..2], &[255; 4], &offer[6..]].concat();
    vec![
        bad(
            "kind-0",
            "a kind that does not exist",
            &with(|o| o.kind = 0),
        ),
        bad(
            "kind-6",
            "a kind that does not exist",
            &with(|o| o.kind = 6),
        ),
        bad(
            "executable-2",
            "a flag that is neither 0 nor 1",
            &with(|o| o.executable = 2),
        ),
        made(
            "offer-long",
            "malformed",
            "one byte more",
            &[&offer[..], &[0]].concat(),
        ),
        made(
            "offer-short",
            "malformed",
            "the last byte missing",
            &offer[..offer.len() - 1],
        ),
        made(
            "offer-name-4-gib",
            "malformed",
            "a field that claims 2^32-1 bytes",
            &name_max,
        ),
        made(
            "message-0",
            "malformed",
            "a message that does not exist",
            &[0],
        ),
        made(
            "message-7",
            "malformed",
            "a message that does not exist",
            &[7],
        ),
        made(
            "message-255",
            "malformed",
            "a message that does not exist",
            &[255; 9],
        ),
        made(
            "message-max",
            "malformed",
            "as many bytes as a message may have, none of them known",
            &vec![9; 32 << 10],
        ),
        made(
            "message-abort",
            "peer 1",
            "cancelled before the offer",
            &abort(1, b""),
        ),
    ]
}
