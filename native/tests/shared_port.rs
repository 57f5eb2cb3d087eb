//! One UDP port for our QUIC and for another server on another thread.
#![cfg(all(target_os = "linux", not(feature = "portable-quic")))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join;
use hayate::{
    identity::Identity,
    quic::{
        Dialler, ListenOptions, Listener, Port, SharedPort, Tuning, client_config, server_config,
    },
    wire::{Wire, WireCloser, WireReader, WireWriter},
};
use quinn::{EndpointConfig, TokioRuntime};
use quinn_proto::{ConnectionIdGenerator, RandomConnectionIdGenerator};

fn shared() -> (Listener, SharedPort, Identity) {
    let identity = Identity::generate().unwrap();
    let options = ListenOptions {
        interface: None,
        port: Port::Exactly(0),
        bind: None,
        tuning: Tuning::default(),
    };
    let (listener, port) = Listener::bind_shared(options, &identity).unwrap();
    (listener, port.unwrap(), identity)
}

/// What comes of `work` on a thread of its own, with a runtime of tokio.
fn on_tokio<T: Send + 'static>(
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> flume::Receiver<T> {
    let (result, done) = flume::bounded(1);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let _ = result.send(runtime.unwrap().block_on(work()));
    });
    done
}

/// Sends each of so many peers what it sends.
fn echo(port: SharedPort, identity: &Identity, peers: usize) -> flume::Receiver<()> {
    let config = server_config(identity).unwrap();
    on_tokio(async move || {
        let endpoint = quinn::Endpoint::new_with_abstract_socket(
            EndpointConfig::default(),
            Some(config),
            Arc::new(port),
            Arc::new(TokioRuntime),
        )
        .unwrap();
        for _ in 0..peers {
            let connection = endpoint.accept().await.unwrap().await.unwrap();
            let (mut send, mut recv) = connection.accept_bi().await.unwrap();
            let bytes = recv.read_to_end(MOST).await.unwrap();
            send.write_all(&bytes).await.unwrap();
            send.finish().unwrap();
            connection.closed().await;
        }
    })
}

/// What a peer of another protocol gets back for `bytes`: one without our mark.
fn ask(at: SocketAddr, bytes: Vec<u8>) -> flume::Receiver<Vec<u8>> {
    on_tokio(async move || {
        let mut config = client_config().unwrap();
        config.initial_dst_cid_provider(Arc::new(|| {
            RandomConnectionIdGenerator::new(8).generate_cid()
        }));
        let endpoint = quinn::Endpoint::new(
            EndpointConfig::default(),
            None,
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap(),
            Arc::new(TokioRuntime),
        )
        .unwrap();
        let connecting = endpoint.connect_with(config, at, "other").unwrap();
        let connection = connecting.await.unwrap();
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        send.write_all(&bytes).await.unwrap();
        send.finish().unwrap();
        let answer = recv.read_to_end(MOST).await.unwrap();
        connection.close(0u32.into(), b"");
        endpoint.wait_idle().await;
        answer
    })
}

/// Carries `bytes` over our own wire.
async fn carry(listener: &Listener, at: SocketAddr, bytes: Bytes) -> Vec<u8> {
    let dialler = Dialler::new(None).unwrap();
    let send = async {
        let wire = dialler.dial(at, Duration::from_secs(5)).await.unwrap();
        let (reader, mut writer, mut closer) = wire.split();
        writer.write(bytes).await.unwrap();
        writer.finish().await.unwrap();
        closer.closed().await;
        drop(reader);
    };
    let receive = async {
        let (mut reader, _writer, mut closer) = listener.accept().await.unwrap().split();
        closer.authenticated();
        let mut all = Vec::new();
        while let Some(pieces) = reader.read().await.unwrap() {
            all.extend(pieces.concat());
        }
        closer.close(0).await;
        all
    };
    join(send, receive).await.1
}

#[compio::test]
async fn both_kinds_of_peers_are_served_on_one_port_at_the_same_time() {
    let (listener, port, identity) = shared();
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.port()));
    let server = echo(port, &identity, 2);
    let bytes: Vec<u8> = (0..3 << 20).map(|at: u32| (at / 97) as u8).collect();
    for _ in 0..2 {
        let client = ask(at, bytes.clone());
        assert!(carry(&listener, at, bytes.clone().into()).await == bytes);
        assert!(client.recv_async().await.unwrap() == bytes);
    }
    server.recv_async().await.unwrap();
}

#[compio::test]
async fn a_port_is_ours_alone_again_when_the_other_server_is_gone() {
    let (listener, port, _identity) = shared();
    drop(port);
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.port()));
    assert!(carry(&listener, at, Bytes::from_static(b"still here")).await == b"still here");
}

const MOST: usize = 64 << 20;
