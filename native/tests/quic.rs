//! Wires over QUIC, both ends in one runtime.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::Bytes;
use compio::time::{sleep, timeout};
use futures_util::future::{join, join_all};
use hayate::{
    Error,
    identity::Identity,
    quic::{Dialler, ListenOptions, Listener, Port, QuicCloser, QuicReader, QuicWriter, Tuning},
    wire::{Wire, WireCloser, WireError, WireReader, WireWriter},
};
use shared::Binding;

struct End {
    peer: SocketAddr,
    binding: Binding,
    reader: QuicReader,
    writer: QuicWriter,
    closer: QuicCloser,
}

impl<W: Wire<Reader = QuicReader, Writer = QuicWriter, Closer = QuicCloser>> From<W> for End {
    fn from(wire: W) -> Self {
        let (peer, binding) = (wire.peer(), wire.binding());
        let (reader, writer, closer) = wire.split();
        Self {
            peer,
            binding,
            reader,
            writer,
            closer,
        }
    }
}

fn listen(bind: Option<IpAddr>) -> (Listener, Identity) {
    let identity = Identity::generate().unwrap();
    let options = ListenOptions {
        interface: None,
        port: Port::Exactly(0),
        bind,
        tuning: Tuning::default(),
    };
    (Listener::bind(options, &identity).unwrap(), identity)
}

fn local(listener: &Listener) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, listener.port()).into()
}

async fn dial(dialler: &Dialler, at: SocketAddr) -> Result<End, Error> {
    let mut end = End::from(dialler.dial(at, PATIENCE).await?);
    end.writer.write(HELLO).await.unwrap();
    Ok(end)
}

async fn pair(listener: &Listener, dialler: &Dialler, at: SocketAddr) -> (End, End) {
    let (accepted, dialled) = join(listener.accept(), dial(dialler, at)).await;
    let mut accepted = End::from(accepted.unwrap());
    assert_eq!(accepted.reader.read().await.unwrap(), Some(vec![HELLO]));
    (accepted, dialled.unwrap())
}

#[compio::test]
async fn both_sides_bind_the_same_values() {
    let (listener, identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let (accepted, dialled) = pair(&listener, &dialler, local(&listener)).await;
    assert_eq!(accepted.binding, dialled.binding);
    assert_eq!(accepted.binding.certificate, identity.certificate_hash());
    assert!(accepted.binding.exporter.is_some());

    let (again, _dialled) = pair(&listener, &dialler, local(&listener)).await;
    assert_ne!(again.binding.exporter, accepted.binding.exporter);
}

#[compio::test]
async fn peers_are_named_by_their_plain_address() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let (accepted, dialled) = pair(&listener, &dialler, local(&listener)).await;
    assert_eq!(accepted.peer.ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(dialled.peer, local(&listener));
    if std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        let at = (Ipv6Addr::LOCALHOST, listener.port()).into();
        let (accepted, _dialled) = pair(&listener, &dialler, at).await;
        assert_eq!(accepted.peer.ip(), Ipv6Addr::LOCALHOST);
    }
}

#[compio::test]
async fn every_address_of_a_listener_can_be_dialled() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    for (_, at) in listener.addresses() {
        let _ends = pair(&listener, &dialler, at).await;
    }
}

#[compio::test]
async fn a_peer_is_answered_from_the_address_that_it_dialled() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    // From any other address the answers would be dropped.
    let at = (Ipv4Addr::new(127, 0, 0, 2), listener.port()).into();
    let _ends = pair(&listener, &dialler, at).await;
}

#[compio::test]
async fn wires_of_one_socket_do_not_disturb_each_other() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let mut pairs = Vec::new();
    for _ in 0..3 {
        let (mut accepted, mut dialled) = pair(&listener, &dialler, local(&listener)).await;
        accepted.closer.authenticated();
        dialled.closer.authenticated();
        pairs.push((accepted, dialled));
    }
    let (_, broken) = pairs.remove(1);
    let transfers = pairs.iter_mut().map(async |(accepted, dialled)| {
        let (one, two) = join(exchange(accepted, 3), exchange(dialled, 5)).await;
        assert!(one == pattern(5) && two == pattern(3));
    });
    let leave = async {
        sleep(Duration::from_millis(5)).await;
        drop(broken);
    };
    join(join_all(transfers), leave).await;
}

#[compio::test]
async fn large_amounts_go_both_ways_at_once() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let (mut accepted, mut dialled) = pair(&listener, &dialler, local(&listener)).await;
    accepted.closer.authenticated();
    dialled.closer.authenticated();
    let (one, two) = join(exchange(&mut accepted, 7), exchange(&mut dialled, 9)).await;
    assert!(one == pattern(9));
    assert!(two == pattern(7));
}

/// As the system gives where it limits buffers to a few packets (N17).
#[compio::test]
async fn buffers_of_a_few_packets_lose_no_bytes() {
    let tuning = Tuning {
        socket_buffer: 1,
        ..Tuning::default()
    };
    let options = ListenOptions {
        interface: None,
        port: Port::Exactly(0),
        bind: None,
        tuning: tuning.clone(),
    };
    let listener = Listener::bind(options, &Identity::generate().unwrap()).unwrap();
    let dialler = Dialler::with_tuning(None, tuning).unwrap();
    let (mut accepted, mut dialled) = pair(&listener, &dialler, local(&listener)).await;
    accepted.closer.authenticated();
    dialled.closer.authenticated();
    let (one, two) = join(exchange(&mut accepted, 7), exchange(&mut dialled, 9)).await;
    assert!(one == pattern(9));
    assert!(two == pattern(7));
    let lost = dialled.closer.stats().path.lost_packets;
    assert!(lost > 0, "the buffers were large enough");
}

fn pattern(seed: u8) -> Vec<u8> {
    (0..8 << 20)
        .map(|at: u32| seed ^ (at / 251) as u8)
        .collect()
}

async fn exchange(end: &mut End, seed: u8) -> Vec<u8> {
    let write = async {
        for block in pattern(seed).chunks(1 << 20) {
            end.writer
                .write(Bytes::copy_from_slice(block))
                .await
                .unwrap();
        }
        end.writer.finish().await.unwrap();
    };
    let read = async {
        let mut all = Vec::new();
        while let Some(pieces) = end.reader.read().await.unwrap() {
            all.extend(pieces.concat());
        }
        all
    };
    join(write, read).await.1
}

#[compio::test]
async fn the_side_that_spoke_last_learns_the_code_of_the_close() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let (mut accepted, dialled) = pair(&listener, &dialler, local(&listener)).await;
    // An abandoned wait costs nothing.
    let _ = timeout(Duration::from_millis(1), accepted.closer.closed()).await;
    dialled.closer.close(42).await;
    assert_eq!(accepted.closer.closed().await, WireError::Closed(42));
    assert_eq!(accepted.reader.read().await, Err(WireError::Closed(42)));
    assert_eq!(
        accepted.writer.write(HELLO).await,
        Err(WireError::Closed(42))
    );
}

#[compio::test]
async fn a_dropped_wire_closes() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let (mut accepted, dialled) = pair(&listener, &dialler, local(&listener)).await;
    let End {
        reader,
        writer,
        closer,
        ..
    } = dialled;
    drop(closer);
    drop(writer);
    assert_eq!(accepted.reader.read().await, Ok(None));
    drop(reader);
    assert_eq!(accepted.closer.closed().await, WireError::Closed(0));
}

#[compio::test]
async fn silent_strangers_delay_nobody_and_leave_room_for_others() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let at = local(&listener);
    let _silent = dialler.dial(at, PATIENCE).await.unwrap();
    let started = Instant::now();
    let (mut accepted, _dialled) = pair(&listener, &dialler, at).await;
    assert!(started.elapsed() < Duration::from_secs(2));

    // Both places of this address are taken.
    let soon = Duration::from_millis(700);
    let refused = dialler.dial(at, soon).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");

    accepted.closer.authenticated();
    let _next = pair(&listener, &dialler, at).await;
}

#[compio::test]
async fn a_refused_dialler_gets_in_when_a_place_is_free() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let at = local(&listener);
    let first = pair(&listener, &dialler, at).await;
    let _second = pair(&listener, &dialler, at).await;
    let leave = async {
        sleep(Duration::from_millis(400)).await;
        drop(first);
    };
    join(leave, pair(&listener, &dialler, at)).await;
}

#[compio::test]
async fn a_stranger_can_make_the_listener_hold_no_more_than_a_little() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let (mut accepted, mut dialled) = pair(&listener, &dialler, local(&listener)).await;
    let flood = dialled.writer.write(Bytes::from(vec![0; 1 << 20]));
    let watch = async {
        sleep(Duration::from_millis(200)).await;
        let sent = dialled.closer.stats().udp_tx.bytes;
        assert!(sent < 32 << 10, "{sent}");
        accepted.closer.authenticated();
    };
    let flood = timeout(PATIENCE, flood);
    join(flood, watch).await.0.unwrap().unwrap();
}

#[compio::test]
async fn nobody_there_is_said_in_time() {
    let nobody = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let dialler = Dialler::new(None).unwrap();
    let started = Instant::now();
    let error = dialler
        .dial(nobody.local_addr().unwrap(), Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::NotFound(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[compio::test]
async fn a_taken_port_is_passed_over_unless_it_was_asked_for() {
    let (first, identity) = listen(None);
    let bind = |port| {
        let options = ListenOptions {
            interface: None,
            port,
            bind: None,
            tuning: Tuning::default(),
        };
        Listener::bind(options, &identity)
    };
    let taken = first.port();
    assert!(matches!(
        bind(Port::Exactly(taken)),
        Err(Error::Network { .. })
    ));
    let next = bind(Port::From(taken)).unwrap().port();
    assert!(next > taken && next <= taken + 20);
}

#[compio::test]
async fn one_address_can_be_bound() {
    let (listener, _identity) = listen(Some(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(listener.addresses()[0].1, local(&listener));
    let dialler = Dialler::new(Some(Ipv4Addr::LOCALHOST.into())).unwrap();
    let _ends = pair(&listener, &dialler, local(&listener)).await;
}

#[compio::test]
async fn a_shutdown_tells_the_peers_and_ends() {
    let (listener, _identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let (accepted, mut dialled) = pair(&listener, &dialler, local(&listener)).await;
    drop(accepted);
    let started = Instant::now();
    listener.shutdown().await;
    assert!(started.elapsed() < Duration::from_millis(900));
    assert_eq!(dialled.closer.closed().await, WireError::Closed(0));
    drop(dialled);
    dialler.shutdown().await;
}

#[compio::test]
async fn a_shutdown_gives_the_port_back() {
    let (listener, identity) = listen(None);
    let dialler = Dialler::new(None).unwrap();
    let _ends = pair(&listener, &dialler, local(&listener)).await;
    let options = ListenOptions {
        interface: None,
        port: Port::Exactly(listener.port()),
        bind: None,
        tuning: Tuning::default(),
    };
    listener.shutdown().await;
    let listener = Listener::bind(options, &identity).unwrap();
    let _again = pair(&listener, &dialler, local(&listener)).await;
}

const HELLO: Bytes = Bytes::from_static(b"hello");
const PATIENCE: Duration = Duration::from_secs(5);
