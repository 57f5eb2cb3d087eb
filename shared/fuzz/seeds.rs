//! Fills `corpus/` with what the fuzz targets begin from: the protocol's vectors, and some of what a person types.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let corpus = here.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        fs::write(corpus.join(name), bytes)
    };
    for file in fs::read_dir(here.join("../testdata"))? {
        let path = file?.path();
        let text = fs::read_to_string(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let body = text
            .split_once("\n\n")
            .map(|(_, body)| unhex(body))
            .unwrap_or_default();
        for first in 0..6 {
            // The first byte chooses the stage, or how the rest is taken.
            let input = [&[first][..], &body].concat();
            let targets: &[&str] = match name.split('-').next() {
                Some("archive") => &["archive"],
                Some("beacon") if first == 0 => &["beacon"],
                Some("code" | "path" | "name") if first == 0 => &["strings"],
                Some("beacon" | "code" | "path" | "name") => &[],
                _ => &["stage", "lane", "session"],
            };
            for target in targets {
                let whole = matches!(*target, "beacon" | "strings");
                put(
                    target,
                    &format!("{name}-{first}"),
                    if whole { &body } else { &input },
                )?;
            }
        }
    }
    for (name, typed) in [
        ("spoken", "7 Copper lantern VIOLIN"),
        ("own", "7-meine eigene Losung, lang genug"),
        ("unknown", "7-coper-lantern-violin"),
        ("wide", "７‐copper‐lantern‐violin"),
    ] {
        put("strings", name, typed.as_bytes())?;
    }
    Ok(())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits
        .chunks_exact(2)
        .filter_map(|pair| str::from_utf8(pair).ok());
    pairs
        .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect()
}
