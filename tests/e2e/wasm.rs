//! The protocol as wasm: the same vectors that run natively, in a module that can reach nothing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use wasmi::{Engine, Linker, Module, Store};

/// Builds `shared/examples/vectors.rs` for wasm32-unknown-unknown, in a target directory of its own.
fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm");
    let built = Command::new("bash")
        .arg(root.join(".ci/wasm"))
        .args(["build", "-p", "hayate-shared", "--example", "vectors"])
        .args(["--release", "--no-default-features"])
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
    target.join("wasm32-unknown-unknown/release/examples/vectors.wasm")
}

#[test]
fn vectors_pass_in_wasm_that_imports_nothing() {
    let engine = Engine::default();
    let module = Module::new(&engine, &std::fs::read(build()).unwrap()[..]).unwrap();
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
    let failed = main.call(&mut store, (0, 0)).unwrap();
    assert_eq!(
        failed, 0,
        "vector {failed} of the list in shared/tests/vectors/run/list.rs fails in wasm alone"
    );
}
