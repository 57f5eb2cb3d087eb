//! The files of the page, embedded: the one list of them.

use std::{io::Write as _, sync::OnceLock};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// A file of the page.
pub(super) struct Asset {
    path: &'static str,
    /// Its `Content-Type`.
    pub(super) kind: &'static str,
    content: &'static [u8],
    gzip: OnceLock<Option<Bytes>>,
}

/// The file at `path`, exactly.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    const fn new(path: &'static str, kind: &'static str, content: &'static [u8]) -> Self {
        Self {
            path,
            kind,
            content,
            gzip: OnceLock::new(),
        }
    }

    /// Its bytes.
    pub(super) fn plain(&self) -> Bytes {
        Bytes::from_static(self.content)
    }

    /// Its bytes in the gzip format (RFC 1952), where that is worth it.
    pub(super) fn gzip(&self) -> Option<Bytes> {
        let packed = self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(self.content).ok()?;
            let packed = encoder.finish().ok()?;
            (packed.len() < self.content.len() / 10 * 9).then(|| packed.into())
        });
        packed.clone()
    }
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const WASM: &str = "application/wasm";

/// The file of `www/` at this path.
macro_rules! asset {
    ($path:literal, $kind:expr) => {
        asset!($path, $path, $kind)
    };
    ($path:literal, $file:literal, $kind:expr) => {
        Asset::new($path, $kind, include_bytes!(concat!("../../../www", $file)))
    };
}

static ASSETS: [Asset; 29] = [
    asset!("/", "/index.html", HTML),
    asset!("/style.css", STYLE),
    asset!("/icon.svg", IMAGE),
    asset!("/app.js", SCRIPT),
    asset!("/worker.js", SCRIPT),
    asset!("/worker-url.js", SCRIPT),
    asset!("/writer.js", SCRIPT),
    asset!("/handle.js", SCRIPT),
    asset!("/slots.js", SCRIPT),
    asset!("/code-field.js", SCRIPT),
    asset!("/code-phrase.js", SCRIPT),
    asset!("/courier.js", SCRIPT),
    asset!("/done.js", SCRIPT),
    asset!("/file-name.js", SCRIPT),
    asset!("/files.js", SCRIPT),
    asset!("/link.js", SCRIPT),
    asset!("/offer.js", SCRIPT),
    asset!("/pkg/hayate.js", SCRIPT),
    asset!("/pkg/hayate_bg.wasm", WASM),
    asset!("/progress.js", SCRIPT),
    asset!("/quantity.js", SCRIPT),
    asset!("/save.js", SCRIPT),
    asset!("/session.js", SCRIPT),
    asset!("/sink.js", SCRIPT),
    asset!("/status.js", SCRIPT),
    asset!("/strings.js", SCRIPT),
    asset!("/text.js", SCRIPT),
    asset!("/wake.js", SCRIPT),
    asset!("/wire.js", SCRIPT),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::{
        collections::BTreeSet,
        io::Read as _,
        path::{Path, PathBuf},
    };

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn gzip_is_the_same_file() {
        for asset in &ASSETS {
            let Some(packed) = asset.gzip() else { continue };
            let mut plain = Vec::new();
            GzDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, asset.content, "{}", asset.path);
        }
    }

    #[test]
    fn every_file_of_the_page_is_in_the_list() {
        let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www");
        let mut found = BTreeSet::from(["/".to_owned()]);
        let mut directories: Vec<PathBuf> = vec![www.clone()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&www).unwrap().to_str().unwrap();
                match name {
                    _ if path.is_dir() => directories.push(path),
                    // At "/", and for the build alone.
                    "index.html" | "pkg/digest" => {}
                    name => drop(found.insert(format!("/{name}"))),
                }
            }
        }
        let listed: BTreeSet<_> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn paths_are_compared_as_they_are() {
        assert!(find("/").is_some());
        for path in [
            "",
            "//",
            "/.",
            "/%2e",
            "/index.html/..",
            "/../etc/passwd",
            "/Index.html",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
