//! The protocol as wasm, with SIMD as browsers run it: the same vectors that run natively, in a module that can reach
//! nothing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use wasmi::{Engine, Linker, Module, Store};

/// Builds `shared/examples` for wasm32-unknown-unknown, in a target directory of their own.
fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm");
    let built = Command::new("bash")
        .arg(root.join(".ci/wasm"))
        .args(["build", "-p", "hayate-shared", "--examples", "--release"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the wasm build of `shared` failed: it needs bash and a toolchain for wasm32-unknown-unknown \
         (`rustup target add wasm32-unknown-unknown`)"
    );
    target.join("wasm32-unknown-unknown/release/examples")
}

/// What the `main` of an example returns, which must import nothing.
fn run(name: &str) -> i32 {
    let engine = Engine::default();
    let bytes = std::fs::read(build().join(name)).unwrap();
    let module = Module::new(&engine, &bytes[..]).unwrap();
    let imports: Vec<String> = module
        .imports()
        .map(|import| format!("{}.{}", import.module(), import.name()))
        .collect();
    assert_eq!(
        imports, [""; 0],
        "a clock, a file or chance got into `shared`"
    );
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let main = instance
        .get_typed_func::<(i32, i32), i32>(&store, "main")
        .unwrap();
    main.call(&mut store, (0, 0)).unwrap()
}

/// Z02, Z03, Z05. The decoder of browsers: what grows beyond its block is `zstd-inner-over-128-kib` and its kin.
#[test]
fn vectors_pass_in_wasm_that_imports_nothing() {
    let failed = run("vectors.wasm");
    assert_eq!(
        failed, 0,
        "vector {failed} of the list in shared/tests/vectors/run/list.rs fails in wasm alone"
    );
}

#[test]
fn blocks_of_every_length_are_sealed_in_wasm_as_elsewhere() {
    assert_eq!(run("seals.wasm"), 0);
}
