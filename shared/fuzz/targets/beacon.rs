//! Datagrams of discovery.
#![no_main]

use hayate_shared::discovery::Beacon;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    if let Ok(beacon) = Beacon::decode(datagram) {
        assert_eq!(Beacon::decode(&beacon.encode()).ok(), Some(beacon));
    }
});
