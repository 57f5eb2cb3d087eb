//! The library's examples do what the README says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use hayate_tests::{CODE, Family, Net, Process, noise};

/// An example of the library; `cargo test --workspace` builds them.
fn example(name: &str) -> PathBuf {
    // target/debug/deps/examples-0123456789abcdef
    let test = std::env::current_exe().unwrap();
    let out = test.ancestors().nth(2).unwrap();
    let path = out.join("examples").join(name);
    assert!(path.exists(), "run cargo build -p hayate --examples first");
    path
}

#[test]
fn the_examples_move_a_file() {
    let net = Net::new(Family::V4);
    let scratch = tempfile::tempdir().unwrap();
    let (file, out) = (scratch.path().join("file.bin"), scratch.path().join("out"));
    let bytes = noise(3_000_000, 7);
    fs::write(&file, &bytes).unwrap();
    fs::create_dir(&out).unwrap();

    let mut send = net.a().command(example("send"));
    send.arg(&file).arg(CODE);
    let sender = Process::start(send);
    let mut receive = net.b().command(example("receive"));
    receive.arg(CODE).arg(&out);
    let received = Process::start(receive).finish().expect(0);
    sender.finish().expect(0);

    assert!(fs::read(out.join("file.bin")).unwrap() == bytes);
    let said = String::from_utf8(received.stdout).unwrap();
    assert!(said.contains("3000000 bytes are in"), "{said}");
}
