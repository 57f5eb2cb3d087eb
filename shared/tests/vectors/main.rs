//! The vectors of `testdata/`, natively. `cargo test -p hayate-shared --test vectors -- --ignored` writes those that are made
//! here anew; the ones from elsewhere are written by hand and stay.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and has files"
)]

mod made;
#[path = "../peer/mod.rs"]
mod peer;
mod run;

use std::{collections::BTreeMap, fs, path::PathBuf};

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn on_disk() -> BTreeMap<String, String> {
    fs::read_dir(testdata())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_vector_comes_out_as_it_says() {
    let failures: Vec<String> = run::list::ALL
        .iter()
        .filter_map(|(name, text)| {
            let error = run::run(text).err()?;
            Some(format!("{name}: {error}"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn list_holds_every_file() {
    let listed: Vec<&str> = run::list::ALL.iter().map(|(name, _)| *name).collect();
    let files = on_disk();
    let files: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        listed, files,
        "write the list anew: see the top of this file"
    );
    assert!(files.len() >= 120, "{} vectors", files.len());
}

#[test]
fn made_vectors_are_what_is_made_here() {
    let files = on_disk();
    for (name, text) in made::all() {
        assert_eq!(files.get(&name), Some(&text), "{name}");
    }
}

#[test]
#[ignore = "writes testdata/ and the list"]
fn write() {
    for (name, text) in made::all() {
        fs::write(testdata().join(format!("{name}.txt")), text).unwrap();
    }
    let mut list = include_str!("run/list.rs")
        .split_inclusive("list! {\n")
        .next()
        .unwrap()
        .to_owned();
    let mut line = String::from("   ");
    for name in on_disk().keys() {
        if line.len() + name.len() > 96 {
            list += &format!("{line}\n");
            line = "   ".into();
        }
        line += &format!(" \"{name}\"");
    }
    list += &format!("{line}\n}}\n");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/run/list.rs");
    fs::write(path, list).unwrap();
}
