//! Whatever a person types or a peer names: code phrases, names, paths.
#![no_main]

use hayate_shared::{
    Code,
    path::{SafeName, SafePath, escape, windows_problem},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let shown = escape(bytes);
    assert!(!shown.chars().any(char::is_control));
    let _ = windows_problem(bytes);
    if let Ok(name) = SafeName::parse(bytes) {
        assert_eq!(name.as_bytes(), bytes);
        assert!(!bytes.contains(&b'/') && !bytes.contains(&0) && bytes != b"..");
    }
    if let Ok(path) = SafePath::parse(bytes) {
        assert!(path.components().all(|name| SafeName::parse(name).is_ok()));
        assert_eq!(SafePath::parse(path.as_bytes()).ok(), Some(path));
    }
    if let Ok(typed) = str::from_utf8(bytes)
        && let Ok(code) = Code::parse(typed)
    {
        let shown = code.to_string();
        assert_eq!(
            Code::parse(&shown).map(|again| again.to_string()).ok(),
            Some(shown)
        );
    }
});
