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
const JS: &str = "text/javascript; charset=utf-8";

/// The files of `www`, each under its own name.
macro_rules! files {
    ($($name:literal $kind:expr,)*) => {
        [
            Asset::new("/", HTML, include_bytes!("../../../www/index.html")),
            $(Asset::new(
                concat!("/", $name),
                $kind,
                include_bytes!(concat!("../../../www/", $name)),
            ),)*
        ]
    };
}

static ASSETS: &[Asset] = &files![
    "app.js" JS,
    "code-field.js" JS,
    "code-phrase.js" JS,
    "courier.js" JS,
    "done.js" JS,
    "file-name.js" JS,
    "files.js" JS,
    "icon.svg" "image/svg+xml",
    "link.js" JS,
    "offer.js" JS,
    "pkg/hayate.js" JS,
    "pkg/hayate_bg.wasm" "application/wasm",
    "progress.js" JS,
    "quantity.js" JS,
    "save.js" JS,
    "sink.js" JS,
    "status.js" JS,
    "strings.js" JS,
    "style.css" "text/css; charset=utf-8",
    "text.js" JS,
    "wake.js" JS,
    "wire.js" JS,
    "worker.js" JS,
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn gzip_is_the_same_file() {
        for asset in ASSETS {
            let Some(packed) = asset.gzip() else { continue };
            let mut plain = Vec::new();
            GzDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, asset.content, "{}", asset.path);
        }
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
