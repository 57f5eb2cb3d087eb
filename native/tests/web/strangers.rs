//! What strangers may not do.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use hayate::ErrorKind;
use shared::BLOCK;
use socket2::{Domain, Socket, Type};

use crate::browser::{Browser, Fetch, Sending, Session, WebTransport, noise, raw, receive};

/// W04.
#[test]
fn guesses_of_browsers_and_natives_count_together() {
    let sending = Sending::with(b"secret", |sender| sender.receivers(5));
    let (certificate, wrong) = (sending.page.certificate, "7-copper-lantern-zebra");
    let guess = |result: Result<(), shared::Error>| match result {
        Err(shared::Error::WrongCode { left }) => left,
        other => panic!("{other:?}"),
    };
    let mut session = Session::default();
    let first = session.run(&mut Fetch::open(&sending), certificate, wrong, 1);
    assert_eq!(guess(first), Some(2));
    let second = session.run(&mut WebTransport::open(&sending), certificate, wrong, 1);
    assert_eq!(guess(second), Some(1));
    let at = sending.at;
    let native = compio::runtime::Runtime::new().unwrap().block_on(async {
        let receiver = hayate::HayateReceiver::new()
            .code(wrong)
            .target(at.to_string());
        receiver
            .receive(std::env::temp_dir(), async |_| false, |_| {})
            .await
    });
    assert_eq!(native.unwrap_err().kind(), ErrorKind::Code);
    assert_eq!(sending.end().unwrap_err().kind(), ErrorKind::Code);
}

#[test]
fn strangers_of_all_carriers_share_their_places() {
    let sending = Sending::start(b"x");
    let _first = Fetch::open(&sending);
    let second = WebTransport::open(&sending);
    // A session counts from its first packet on.
    let answer = sending.wire("POST /wire", b"");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.text().contains("Try again"));
    second
        .connection
        .close(wtransport::VarInt::from_u32(0), b"");
    let freed = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        sending.wire("POST /wire", b"").status == 201
    });
    assert!(freed);
}

#[test]
fn posts_are_taken_in_order_and_once() {
    let sending = Sending::start(b"x");
    let wire = Fetch::open(&sending);
    assert_eq!(wire.post("1", b"b"), 409);
    assert_eq!(wire.post("0", &[0; (4 << 10) + 1]), 413);
    assert_eq!(wire.post("0", b"\x01"), 204);
    assert_eq!(wire.post("0", b"\x01"), 204);
    assert_eq!(wire.post("2", b"c"), 409);
    for odd in [
        "-1",
        "18446744073709551616",
        "x",
        "0/1",
        "close/x",
        "close/-1",
    ] {
        assert!(matches!(wire.post(odd, b""), 400 | 404), "{odd}");
    }
    let line = format!("GET /wire/{}", wire.id);
    assert_eq!(sending.wire(&line, b"").status, 409);
    assert_eq!(wire.post("close/9", b""), 204);
    let gone = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        wire.post("1", b"b") == 404
    });
    assert!(gone);
}

#[test]
fn only_the_page_itself_gets_a_wire() {
    let sending = Sending::start(b"x");
    let own = format!("http://{}", sending.at);
    let with = |extra: &str| sending.ask("POST /wire", extra, b"").status;
    assert_eq!(with(""), 403);
    assert_eq!(with("Hayate: 6\r\n"), 403);
    assert_eq!(with("Hayate: 7\r\nOrigin: https://evil.example\r\n"), 403);
    assert_eq!(with("Hayate: 7\r\nOrigin: null\r\n"), 403);
    assert_eq!(with("Hayate: 7\r\nSec-Fetch-Site: cross-site\r\n"), 403);
    let preflight = "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\
                     Access-Control-Request-Headers: hayate\r\n";
    let answer = sending.ask("OPTIONS /wire", preflight, b"");
    assert!(answer.status >= 400 && answer.header("access-control-allow-origin").is_none());
    assert_eq!(with(&format!("Hayate: 7\r\nOrigin: {own}\r\n")), 201);
    assert_eq!(sending.wire("GET /wire", b"").status, 405);
    assert_eq!(
        sending
            .wire("GET /wire/0123456789abcdef0123456789abcdef", b"")
            .status,
        404
    );
}

/// W01.
#[test]
fn only_own_addresses_are_hosts() {
    let sending = Sending::start(b"x");
    let port = sending.at.port();
    let with = |head: String| raw(sending.at, head.as_bytes()).status;
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("evil.example:{port}"), 421),
        ("127.0.0.1".to_owned(), 421),
        (format!("127.0.0.2:{port}"), 421),
        (String::new(), 421),
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(with(head), status, "{host}");
    }
    assert_eq!(
        with("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".into()),
        400
    );
    let own = format!("Host: 127.0.0.1:{port}\r\nConnection: close\r\n");
    assert_eq!(with(format!("GET / HTTP/1.1\r\n{own}{own}\r\n")), 400);
    assert_eq!(
        with(format!("GET http://evil.example/ HTTP/1.1\r\n{own}\r\n")),
        421
    );
}

/// W01.
#[test]
fn nothing_but_the_files_of_the_page_exists() {
    let sending = Sending::start(b"x");
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/wire.js", "text/javascript; charset=utf-8"),
        ("/pkg/hayate_bg.wasm", "application/wasm"),
    ] {
        let answer = sending.ask(&format!("GET {path}"), "", b"");
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
    }
    for path in [
        "/../../etc/passwd",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "//etc/passwd",
        "/./",
        "/index.html/../../Cargo.toml",
        "/proc/self/environ",
        "/%00",
        "/\\..\\..",
        "*",
    ] {
        let status = sending.ask(&format!("GET {path}"), "", b"").status;
        assert!(matches!(status, 400 | 404), "{path} {status}");
    }
    let long = format!("GET /{}", "a".repeat(64 << 10));
    assert!(matches!(sending.ask(&long, "", b"").status, 0 | 414 | 431));
    assert_eq!(raw(sending.at, b"GET /\0 HTTP/1.1\r\n\r\n").status, 400);
    for method in ["POST", "PUT", "DELETE", "TRACE"] {
        assert_eq!(
            sending.ask(&format!("{method} /"), "", b"").status,
            405,
            "{method}"
        );
    }
    let preface = raw(sending.at, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(matches!(preface.status, 0 | 400 | 505), "{preface:?}");
}

/// W03.
#[test]
fn garbage_and_slowness_are_cut_off() {
    let sending = Sending::start(b"x");
    let garbage = [&[0x16, 3, 1, 0xff, 0xff][..], &[0; 2000]].concat();
    let started = Instant::now();
    assert_eq!(raw(sending.at, &garbage).status, 0);
    assert!(started.elapsed() < Duration::from_secs(5));
    let started = Instant::now();
    let mut slow = TcpStream::connect(sending.at).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    let mut silent = TcpStream::connect(sending.at).unwrap();
    for stream in [&mut slow, &mut silent] {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        assert!(stream.read_to_end(&mut Vec::new()).is_ok());
    }
    assert!(
        (9..13).contains(&started.elapsed().as_secs()),
        "{:?}",
        started.elapsed()
    );
}

/// A browser whose sender gets a crowd of strangers in the middle of the transfer.
struct Crowded<'a> {
    wire: Fetch<'a>,
    at: SocketAddr,
    received: usize,
    crowd: Vec<Socket>,
}

impl Browser for Crowded<'_> {
    fn send(&mut self, bytes: &[u8]) {
        self.wire.send(bytes);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        if self.received > 4 * BLOCK && self.crowd.is_empty() {
            for number in 0..400_u32 {
                let stranger = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                let from = [127, 0, 0, 2 + (number % 8) as u8];
                stranger.bind(&SocketAddr::from((from, 0)).into()).unwrap();
                let connected = stranger.connect_timeout(&self.at.into(), Duration::from_secs(5));
                connected.unwrap();
                self.crowd.push(stranger);
            }
        }
        let piece = self.wire.receive()?;
        self.received += piece.len();
        Some(piece)
    }
}

/// W03.
#[test]
fn a_crowd_at_the_door_disturbs_no_transfer() {
    let payload = noise(60 * BLOCK);
    let sending = Sending::start(&payload);
    let mut browser = Crowded {
        wire: Fetch::open(&sending),
        at: sending.at,
        received: 0,
        crowd: Vec::new(),
    };
    assert!(receive(&mut browser, &sending).unwrap() == payload);
    assert_eq!(browser.crowd.len(), 400);
    sending.end().unwrap();
}

/// W07, W08.
#[test]
fn another_path_or_version_is_no_session() {
    let sending = Sending::start(b"x");
    let udp = sending.webtransport_port();
    for path in ["/", "/hayate/6", "/hayate/7/", "/hayate/7?x"] {
        let dialled = WebTransport::dial(
            &format!("https://127.0.0.1:{udp}{path}"),
            sending.page.certificate,
        );
        assert!(dialled.is_err(), "{path}");
    }
    let other = WebTransport::dial(&format!("https://127.0.0.1:{udp}/hayate/7"), [7; 32]);
    assert!(other.is_err());
}
