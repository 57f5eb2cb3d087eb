//! What browsers are served.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use hayate::{ErrorKind, Event, identity::KeyProof, wire::Carrier};
use sha2::{Digest, Sha256};
use shared::BLOCK;

use crate::browser::{CODE, Fetch, Sending, Session, WebTransport, noise, receive};

fn transport(event: &Event) -> Option<Carrier> {
    match event {
        Event::Paired { transport, .. } => Some(*transport),
        _ => None,
    }
}

#[test]
fn a_browser_receives_over_requests() {
    let payload = noise(5 * BLOCK + 9);
    let sending = Sending::start(&payload);
    let mut wire = Fetch::open(&sending);
    assert!(receive(&mut wire, &sending).unwrap() == payload);
    assert_eq!(sending.wait_for(transport), Carrier::Fetch);
    let sent = sending.end().unwrap();
    assert_eq!(sent[0].bytes, payload.len() as u64);
}

#[test]
fn a_browser_receives_over_webtransport() {
    let payload = noise(40 * BLOCK + 9);
    let sending = Sending::start(&payload);
    let mut wire = WebTransport::open(&sending);
    assert!(receive(&mut wire, &sending).unwrap() == payload);
    assert_eq!(sending.wait_for(transport), Carrier::WebTransport);
    sending.end().unwrap();
}

#[test]
fn several_browsers_are_served_at_once() {
    let payload = noise(3 * BLOCK);
    let sending = Sending::with(&payload, |sender| sender.receivers(2));
    let mut one = WebTransport::open(&sending);
    let mut two = Fetch::open(&sending);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| receive(&mut one, &sending).unwrap());
        assert!(receive(&mut two, &sending).unwrap() == payload);
        assert!(first.join().unwrap() == payload);
    });
    assert_eq!(sending.end().unwrap().len(), 2);
}

#[test]
fn a_browser_that_comes_back_goes_on_where_it_was() {
    let payload = noise(60 * BLOCK + 9);
    let sending = Sending::start(&payload);
    let (certificate, mut session) = (sending.page.certificate, Session::default());
    let mut wire = Fetch::open(&sending);
    session.run(&mut wire, certificate, CODE, 4).unwrap();
    drop(wire);
    let gone = |event: &Event| matches!(event, Event::Gone { .. }).then_some(());
    sending.wait_for(gone);
    let mut wire = WebTransport::open(&sending);
    session.run(&mut wire, certificate, CODE, 2).unwrap();
    wire.connection.close(wtransport::VarInt::from_u32(0), b"");
    sending.wait_for(gone);
    let mut wire = Fetch::open(&sending);
    session.run(&mut wire, certificate, CODE, u64::MAX).unwrap();
    assert!(session.stored == payload);
    assert_eq!(session.came, 61 - 6);
    sending.end().unwrap();
}

#[test]
fn a_browser_that_stays_away_is_a_lost_connection() {
    let sending = Sending::start(&noise(60 * BLOCK));
    let (certificate, mut session) = (sending.page.certificate, Session::default());
    let mut wire = Fetch::open(&sending);
    session.run(&mut wire, certificate, CODE, 2).unwrap();
    drop(wire);
    let lost = Instant::now();
    let error = sending.end().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(
        (14..20).contains(&lost.elapsed().as_secs()),
        "{:?}",
        lost.elapsed()
    );
}

#[test]
fn a_browser_that_does_not_read_holds_the_sender_back() {
    let sending = Sending::start(&noise(100 * BLOCK));
    let mut wire = Fetch::open(&sending);
    let mut session = Session::default();
    session
        .run(&mut wire, sending.page.certificate, CODE, 1)
        .unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let done = sending.events.try_iter().filter_map(|event| match event {
        Event::Progress { progress, .. } => Some(progress.done),
        _ => None,
    });
    let done = done.last().unwrap();
    assert!(done < 40 * BLOCK as u64, "{done}");
    session
        .run(&mut wire, sending.page.certificate, CODE, 0)
        .unwrap();
}

#[test]
fn every_answer_says_what_it_is_and_is_kept_by_nobody() {
    let sending = Sending::start(b"x");
    for line in ["GET /", "GET /hayate.json", "GET /nothing", "POST /wire"] {
        let answer = sending.ask(line, "Accept-Encoding: gzip\r\n", b"");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{line}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{line}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{line}"
        );
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{line}");
        assert!(policy.contains("; connect-src 'self'"), "{policy}");
    }
    let facts = sending.ask("GET /hayate.json", "", b"").text();
    let certificate: String = sending
        .page
        .certificate
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert!(facts.starts_with(&format!(
        "{{\"version\":7,\"certificate\":\"{certificate}\""
    )));
    assert!(!facts.contains("copper"));
}

#[test]
fn https_is_on_the_same_port_with_the_certificate_of_the_run() {
    let sending = Sending::start(b"x");
    let client = rustls::ClientConfig::builder_with_provider(hayate::identity::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(KeyProof::new()))
        .with_no_client_auth();
    let connect = |alpn: &[&[u8]]| {
        let mut client = client.clone();
        client.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = sending.at.ip().into();
        let connection = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
        rustls::StreamOwned::new(connection, TcpStream::connect(sending.at).unwrap())
    };
    let mut stream = connect(&[b"h2", b"http/1.1"]);
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        sending.at
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("cross-origin-opener-policy: same-origin"));
    let certificate = &stream.conn.peer_certificates().unwrap()[0];
    let hash: [u8; 32] = Sha256::digest(certificate).into();
    assert_eq!(hash, sending.page.certificate);
    assert!(connect(&[b"h2"]).write_all(b"x").is_err());
}
