//! The browser's package in `www/pkg` was built from what is here. Needs no wasm toolchain.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../web/bundle/src/digest.rs"]
mod digest;

use std::path::Path;

#[test]
fn the_committed_package_was_built_from_these_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let built = std::fs::read_to_string(root.join("www/pkg/digest")).unwrap();
    assert_eq!(
        built.trim(),
        digest::of(root).unwrap(),
        "www/pkg is stale: run `cargo run -p hayate-web-bundle` and commit what it writes"
    );
}
