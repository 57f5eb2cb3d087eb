//! Memory of a tab does not grow with what it receives, and what encryption costs is bounded: next to it the same browser
//! downloads the same file over plain HTTPS.
//!
//! The promise is for 2 GiB and a release build:
//! `HAYATE_TESTS_LARGE=2048 cargo test --release -p hayate-tests --test browser_large`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, File},
    io::{self, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    time::Instant,
};

use hayate_tests::{Browser, Family, Kind, Net, Pair, noise};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer,
    version::TLS13,
};

const MIB: u64 = 1 << 20;

/// The least share of a download's rate. A sender that was built for debugging reads, compresses and seals slowly.
const RATIO: f64 = if cfg!(debug_assertions) { 0.2 } else { 0.5 };

#[test]
fn a_large_file_takes_little_memory_and_not_much_longer_than_a_download() {
    let length = std::env::var("HAYATE_TESTS_LARGE").map_or(256, |mib| mib.parse().unwrap()) * MIB;
    let pair = Pair::within(Net::new(Family::V4), Path::new(env!("CARGO_TARGET_TMPDIR")));
    let source = pair.from("large.bin");
    write_noise(&source, length);
    let sent = digest(&source);
    let browser = Browser::start(Kind::Chromium, pair.net.b());

    let plain = plain_https(&pair, &source);
    browser.open(&format!("https://{plain}/"));
    let start = Instant::now();
    browser.select("a").pop().unwrap().click();
    let saved = browser.downloaded("large.bin", length);
    let download = rate(length, start);
    assert_eq!(digest(&saved), sent, "the plain download");
    fs::remove_file(saved).unwrap();

    let sender = pair.send(["large.bin"]);
    browser.ask("https://10.77.0.1:50001/");
    browser.wait_for_offer();
    let before = browser.memory();
    let start = Instant::now();
    browser.click("Receive");
    // Until then the browser is left alone: looking at the page costs it a tenth of its time.
    sender.wait_for_event("done");
    browser.wait_for_done("WebTransport", "Save");
    let received = rate(length, start);
    let after = browser.memory();
    sender.finish().expect(0);
    browser.click("Save");
    assert_eq!(digest(&browser.downloaded("large.bin", length)), sent);

    let tab = after.tab_peak.saturating_sub(before.tab) / MIB;
    let rest = after.rest_peak.saturating_sub(before.rest) / MIB;
    // told even if the test passes
    writeln!(
        io::stderr(),
        "{} MiB: {received:.0} MB/s over WebTransport into the origin's file system, {download:.0} MB/s as a plain HTTPS \
         download; the tab grew by {tab} MiB, the rest of the browser by {rest} MiB",
        length / MIB
    )
    .unwrap();
    assert!(tab < 300, "the tab grew by {tab} MiB");
    assert!(rest < 300, "the browser grew by {rest} MiB");
    assert!(
        received >= download * RATIO,
        "{received:.0} MB/s next to {download:.0} MB/s"
    );
}

/// MB/s since `start`.
fn rate(bytes: u64, start: Instant) -> f64 {
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn write_noise(path: &Path, length: u64) {
    let mut file = File::create(path).unwrap();
    for number in 0..length / MIB {
        file.write_all(&noise(1 << 20, number + 1)).unwrap();
    }
}

fn digest(path: &Path) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).unwrap()).unwrap();
    hasher.finalize()
}

/// A server of somebody else on the sender's machine: a page with a link to `file`. It ends with the test.
fn plain_https(pair: &Pair, file: &Path) -> SocketAddr {
    let address = SocketAddr::new(pair.net.a().v4(), 8443);
    let named = rcgen::generate_simple_self_signed([address.ip().to_string()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(named.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![named.cert.into()], key)
        .unwrap();
    let (config, file) = (Arc::new(config), file.to_owned());
    let (ready, listening) = std::sync::mpsc::channel();
    pair.net.a().thread(move || {
        let listener = TcpListener::bind(address).unwrap();
        ready.send(()).unwrap();
        for stream in listener.incoming() {
            let (config, file) = (Arc::clone(&config), file.clone());
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                // a browser opens connections that it does not use
                let _ = serve(StreamOwned::new(connection, stream.unwrap()), &file);
            });
        }
    });
    listening.recv().unwrap();
    address
}

/// Serves one connection after the other request: Chromium downloads only over one whose certificate it has accepted.
fn serve(mut stream: StreamOwned<ServerConnection, TcpStream>, file: &Path) -> io::Result<()> {
    let page = "<!doctype html><title>A file</title><a href=large.bin download>Download</a>";
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            request.extend(byte);
        }
        let wanted = request.starts_with(b"GET /large.bin ");
        let (length, kind) = if wanted {
            (file.metadata()?.len(), "application/octet-stream")
        } else {
            (page.len() as u64, "text/html")
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        )?;
        if wanted {
            let mut file = BufReader::with_capacity(1 << 18, File::open(file)?);
            io::copy(&mut file, &mut stream)?;
        } else {
            stream.write_all(page.as_bytes())?;
        }
        stream.flush()?;
    }
}
