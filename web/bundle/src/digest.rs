//! What `www/pkg` was built from, as one hash.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// Files and directories that decide as a whole what the build gives.
const SOURCES: [&str; 7] = [
    ".ci/wasm",
    "shared/Cargo.toml",
    "shared/src",
    "web/Cargo.toml",
    "web/src",
    "web/bundle/Cargo.toml",
    "web/bundle/src/main.rs",
];

/// The beginnings of the tables of the workspace's `Cargo.toml` that do so.
const TABLES: [&str; 4] = [
    "workspace.package]",
    "workspace.dependencies]",
    "profile.release]",
    "profile.web",
];

/// BLAKE3 over the sources of the package and over the versions of all that it depends on, in hex.
///
/// # Errors
/// A source cannot be read.
pub(crate) fn of(root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        list(root, Path::new(source), &mut files)?;
    }
    files.sort();
    let mut hasher = blake3::Hasher::new();
    let mut add = |name: &str, bytes: &[u8]| {
        for part in [name.as_bytes(), bytes] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    };
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        add(&name, unix(root, &name)?.as_bytes());
    }
    for table in unix(root, "Cargo.toml")?.split("\n[") {
        if TABLES.iter().any(|name| table.starts_with(name)) {
            add("Cargo.toml", table.as_bytes());
        }
    }
    for package in closure(&unix(root, "Cargo.lock")?, "hayate-web") {
        add("Cargo.lock", package.join(" ").as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// A text file, whatever Git made of the ends of its lines.
fn unix(root: &Path, name: &str) -> io::Result<String> {
    Ok(fs::read_to_string(root.join(name))?.replace('\r', ""))
}

fn list(root: &Path, path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !root.join(path).is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(path))? {
        list(root, &path.join(entry?.file_name()), files)?;
    }
    Ok(())
}

/// A package and all that it depends on: name, version and checksum as the lock file pins them. How it writes down their
/// dependencies hangs on packages that have nothing to do with this one.
fn closure<'a>(lock: &'a str, root: &'a str) -> BTreeSet<[&'a str; 3]> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        if let Some(name) = field(package, "name") {
            packages.entry(name).or_default().push(package);
        }
    }
    let mut found = BTreeSet::new();
    let mut next = vec![root];
    while let Some(dependency) = next.pop() {
        // "name", or "name version" where there are several.
        let (name, version) = dependency.split_once(' ').unwrap_or((dependency, ""));
        for package in packages.get(name).into_iter().flatten() {
            let fits = version.is_empty() || field(package, "version") == Some(version);
            let pin =
                ["name", "version", "checksum"].map(|key| field(package, key).unwrap_or_default());
            if fits && found.insert(pin) {
                next.extend(dependencies(package));
            }
        }
    }
    found
}

fn field<'a>(package: &'a str, name: &str) -> Option<&'a str> {
    package.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(" = \"")?;
        value.strip_suffix('"')
    })
}

fn dependencies(package: &str) -> impl Iterator<Item = &str> {
    package.lines().filter_map(|line| {
        let name = line.strip_prefix(" \"")?;
        name.strip_suffix("\",")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_closure_holds_what_is_depended_on_and_nothing_else() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1\"\ndependencies = [\n \"b 2\",\n]\n\n\
            [[package]]\nname = \"b\"\nversion = \"1\"\n\n[[package]]\nname = \"b\"\nversion = \"2\"\n\n\
            [[package]]\nname = \"c\"\nversion = \"1\"\n";
        let found = closure(lock, "a");
        assert_eq!(Vec::from_iter(found), [["a", "1", ""], ["b", "2", ""]]);
    }
}
