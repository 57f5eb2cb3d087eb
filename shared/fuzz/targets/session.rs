//! A session as a sequence of operations: who speaks, how much of it arrives, which worker is done, what is changed on
//! the way. Whatever the order, the receiver has the payload or an error.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/world/mod.rs"]
mod world;

use libfuzzer_sys::fuzz_target;
use world::{World, payload};

fuzz_target!(|input: &[u8]| {
    let [how, operations @ ..] = input else {
        return;
    };
    let operations = operations.to_vec();
    let length = usize::from(*how) * 23;
    let mut next = 0;
    let chance = Box::new(move || {
        next += 1;
        // What the input no longer decides goes round.
        operations
            .get(next - 1)
            .map_or(next as u32, |byte| u32::from(*byte) * 0x0101_0101)
    });
    let mut world = World::with(payload(length, *how), how & 1 == 0, how & 2 == 0, chance);
    world.hostile = how & 4 == 0;
    world.run(how & 8 == 0, 4_000);
    for done in world.done.iter().flatten() {
        match done {
            Ok(()) => assert!(world.stored == world.payload, "another payload"),
            Err(error) => assert!(world.hostile, "{error}"),
        }
    }
});
