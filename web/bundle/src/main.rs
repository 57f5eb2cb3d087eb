//! Builds `hayate-web` for browsers into `www/pkg`, which is committed so that nothing else needs a wasm toolchain:
//!
//!     cargo run -p hayate-web-bundle
#![forbid(unsafe_code)]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use wasm_bindgen_cli_support::Bindgen;

mod digest;

fn main() -> ExitCode {
    match bundle(&root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("www/pkg was not built: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bundle(root: &Path) -> Result<(), Box<dyn Error>> {
    let package = root.join("www/pkg");
    let target = root.join("target/tmp/wasm");
    let built = Command::new("bash")
        .arg(root.join(".ci/wasm"))
        .args(["build", "-p", "hayate-web", "--profile", "web", "--locked"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()?;
    if !built.success() {
        return Err("the wasm build failed".into());
    }
    fs::create_dir_all(&package)?;
    Bindgen::new()
        .input_path(target.join("wasm32-unknown-unknown/web/hayate_web.wasm"))
        .out_name("hayate")
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&package)?;
    fs::write(package.join("digest"), digest::of(root)? + "\n")?;
    Ok(())
}

/// The repository this was built from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .components()
        .collect()
}
