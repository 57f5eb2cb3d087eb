//! The page is small and soon there.

use std::{fs, path::Path, process::Command};

use hayate_tests::{Browser, Kind, Pair};

use crate::page;

#[test]
fn the_whole_page_is_small() {
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../www")];
    let (mut sum, mut names) = (0, Vec::new());
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let packed = Command::new("gzip").arg("-9c").arg(&path).output();
        let packed = packed.unwrap();
        assert!(packed.status.success(), "{path:?}: {packed:?}");
        sum += packed.stdout.len();
        names.push(path.file_name().unwrap().to_owned());
    }
    for name in ["index.html", "style.css", "app.js", "hayate_bg.wasm"] {
        assert!(names.iter().any(|found| found == name), "{name} is missing");
    }
    assert!(sum <= MOST, "{sum} bytes, gzipped");
}

#[test]
fn the_page_is_soon_interactive() {
    let pair = Pair::new();
    let _sender = pair.send(["-t", "text"]);
    let browser = Browser::start(Kind::Phone, pair.net.b());
    browser.open(&page(&pair, "https"));
    let mut took = Vec::new();
    // the quickest of some: other tests run beside this one
    for _ in 0..5 {
        browser.reload();
        let milliseconds = browser.run_async(MARKED, &[]).as_f64().unwrap();
        took.push(milliseconds);
        if milliseconds < SOON {
            return;
        }
    }
    panic!("interactive after {took:?} ms");
}

/// Milliseconds from the start of the navigation until the page knows an unknown word, which takes all of it: page,
/// Worker and wasm.
const MARKED: &str = "
    const done = arguments[0];
    const field = document.querySelector('input');
    const look = () => {
        field.value = '7-copper-lantern-violni';
        field.dispatchEvent(new InputEvent('input'));
        if (field.getAttribute('aria-invalid') === 'true') done(performance.now());
        else setTimeout(look, 10);
    };
    look();
";

/// Milliseconds.
const SOON: f64 = 1000.0;

/// Bytes of all files, each gzipped.
const MOST: usize = 300_000;
