//! The binary under test, as new as its sources.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The path of `hayate`, built in the profile of these tests; built once a process, and for nothing when it is new.
pub fn hayate() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> PathBuf {
    // target/debug/deps/discovery-0123456789abcdef, or target/debug/screenshots
    let test = std::env::current_exe().unwrap();
    let out = test
        .ancestors()
        .skip(1)
        .find(|path| !path.ends_with("deps"));
    let out = out.expect("a test lies in target/PROFILE/deps");
    let profile = match out.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--package", "hayate", "--bin", "hayate"])
        .args(["--profile", profile, "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    // what cargo says of this test to it would make ring's build script, and all that needs it, run again
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&*name);
        }
    }
    // target/PROFILE, or target/TRIPLE/PROFILE
    let above = out.parent().expect("target/PROFILE has a parent");
    let target = if above.join("CACHEDIR.TAG").exists() {
        above
    } else {
        let triple = above.file_name().expect("target/TRIPLE has a name");
        build.arg("--target").arg(triple);
        above.parent().expect("target/TRIPLE has a parent")
    };
    build.arg("--target-dir").arg(target);
    let built = build.status().expect("cargo runs");
    assert!(built.success(), "cargo build -p hayate failed");
    out.join("hayate")
}
