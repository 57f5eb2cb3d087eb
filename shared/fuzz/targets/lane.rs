//! Whatever comes over a lane, before and after its proof.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/peer/mod.rs"]
mod peer;
#[path = "../../tests/stages/mod.rs"]
mod stages;

use hayate_shared::lane::{Heard, Inlet, Joining};
use libfuzzer_sys::fuzz_target;

fn hear(mut lane: Joining, mut bytes: &[u8]) -> Option<(Inlet, &[u8])> {
    while !bytes.is_empty() {
        match lane.hear(bytes).ok()? {
            (Heard::Joining(next), used) => (lane, bytes) = (next, &bytes[used..]),
            (Heard::Joined(inlet), used) => return Some((inlet, &bytes[used..])),
        }
    }
    None
}

fuzz_target!(|input: &[u8]| {
    let [proved, bytes @ ..] = input else { return };
    let (receiver, keys) = stages::paired();
    let lane = || {
        receiver
            .lane(1)
            .expect("there are keys")
            .join(common::binding())
    };
    if proved & 1 == 0 {
        assert!(hear(lane(), bytes).is_none(), "a stranger joined");
        return;
    }
    let greeting = keys.greeting(1, 's', &[0xce; 32], &[0xe4; 32]);
    let (mut inlet, _) = hear(lane(), &greeting).expect("the other end is known");
    let mut rest = bytes;
    while !rest.is_empty() {
        let Ok((sealed, used)) = inlet.push(rest) else {
            return;
        };
        rest = &rest[used..];
        if let Some(sealed) = sealed {
            assert!(sealed.open().is_err(), "a block that nobody sealed");
        }
    }
});
