//! The browser's package in `www/pkg` was built from what is here, and the page's policy knows its inline script. Needs
//! no wasm toolchain.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../web/bundle/src/digest.rs"]
mod digest;

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

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

#[test]
fn the_policy_names_the_one_inline_script_of_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("www/index.html")).unwrap();
    let (_, inline) = page.split_once("<script>").unwrap();
    let (script, rest) = inline.split_once("</script>").unwrap();
    assert!(!rest.contains("<script>"), "one hash, one script");
    let hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(script)));
    let server = std::fs::read_to_string(root.join("native/src/web/page.rs")).unwrap();
    assert!(
        page.contains(&format!("script-src 'self' '{hash}' ")),
        "{hash}"
    );
    assert!(server.contains(&format!("\"{hash}\"")), "{hash}");
    assert!(server.contains("script-src 'self' '{INLINE}' "));
}
