//! The bare transport: zeros from one process or thread to another, without a session, files or sealing. `stock` is
//! compio-quic as it comes; `bare` is compio-quic with Hayate's configuration, what Hayate is measured against; `wire` is
//! Hayate's own wire, which on Linux has a driver of its own: what Hayate can reach at best.
//!
//! `cargo bench -p hayate --bench quic` runs all over loopback. Between two machines or network namespaces:
//! `quic STACK serve ADDR:PORT` here, `quic STACK fetch ADDR:PORT MIB` there. Behind either, `key=value` sets `window`,
//! `cwnd`, `ack`, `buffer` or `datagram` (bytes; `ack` in packets), but for `stock`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use compio::runtime::Runtime;
use compio_quic::ConnectionStats;
use hayate::quic::Tuning;

pub(crate) fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let (settings, words): (Vec<&str>, Vec<&str>) = arguments
        .iter()
        .map(String::as_str)
        .partition(|argument| argument.contains('='));
    let tuning = tuning(&settings);
    match words[..] {
        [stack, "serve", at] => serve(stack, at.parse().unwrap(), tuning, |_| ()),
        [stack, "fetch", at, mib] => {
            fetch(stack, at.parse().unwrap(), mib.parse().unwrap(), tuning);
        }
        [] | [_] => {
            let mib = words.first().map_or(512, |mib| mib.parse().unwrap());
            loopback(mib, &tuning);
        }
        _ => println!(
            "usage: quic [MIB] | stock|bare|wire serve ADDR:PORT | stock|bare|wire fetch ADDR:PORT MIB, key=value ..."
        ),
    }
}

fn tuning(settings: &[&str]) -> Tuning {
    let mut tuning = Tuning::default();
    for setting in settings {
        let (key, value) = setting.split_once('=').unwrap();
        match key {
            "window" => tuning.stream_window = value.parse().unwrap(),
            "cwnd" => tuning.initial_window = value.parse().unwrap(),
            "ack" => tuning.ack_threshold = value.parse().unwrap(),
            "buffer" => tuning.socket_buffer = value.parse().unwrap(),
            "datagram" => tuning.datagram = Some(value.parse().unwrap()),
            _ => panic!("unknown setting {key}"),
        }
    }
    tuning
}

fn loopback(mib: u64, tuning: &Tuning) {
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    for stack in ["stock", "bare", "wire"] {
        println!("{stack}:");
        let (found, address) = flume::bounded(1);
        let (server, client) = (tuning.clone(), tuning.clone());
        let bound = move |at| found.send(at).unwrap();
        let serving = std::thread::spawn(move || serve(stack, at, server, bound));
        fetch(stack, address.recv().unwrap(), mib, client);
        serving.join().unwrap();
    }
}

fn serve(stack: &str, at: SocketAddr, tuning: Tuning, bound: impl FnOnce(SocketAddr)) {
    let runtime = Runtime::new().unwrap();
    match stack {
        "stock" => runtime.block_on(plain::serve(at, None, bound)),
        "bare" => runtime.block_on(plain::serve(at, Some(&tuning), bound)),
        "wire" => runtime.block_on(wire::serve(at, tuning, bound)),
        _ => panic!("unknown stack {stack}"),
    }
}

fn fetch(stack: &str, at: SocketAddr, mib: u64, tuning: Tuning) {
    let runtime = Runtime::new().unwrap();
    match stack {
        "stock" => runtime.block_on(plain::fetch(at, mib, None)),
        "bare" => runtime.block_on(plain::fetch(at, mib, Some(&tuning))),
        "wire" => runtime.block_on(wire::fetch(at, mib, tuning)),
        _ => panic!("unknown stack {stack}"),
    }
}

/// Over compio-quic, without or with Hayate's configuration.
mod plain {
    use std::{
        net::{Ipv4Addr, Ipv6Addr, SocketAddr},
        time::{Duration, Instant},
    };

    use bytes::Bytes;
    use compio::net::UdpSocket;
    use compio_quic::{Endpoint, EndpointConfig};
    use hayate::{
        identity::Identity,
        quic::{Tuning, client_config, endpoint_config, server_config, udp_socket},
    };

    use super::{cpu, report};

    async fn socket(at: SocketAddr, tuning: Option<&Tuning>) -> (UdpSocket, EndpointConfig) {
        match tuning {
            None => (
                UdpSocket::bind(at).await.unwrap(),
                EndpointConfig::default(),
            ),
            Some(tuning) => {
                let socket = udp_socket(at, tuning).unwrap();
                (UdpSocket::from_std(socket).unwrap(), endpoint_config())
            }
        }
    }

    /// Sends as many zeros as a peer asks for.
    pub(super) async fn serve(
        at: SocketAddr,
        tuning: Option<&Tuning>,
        bound: impl FnOnce(SocketAddr),
    ) {
        let (socket, endpoint) = socket(at, tuning).await;
        bound(socket.local_addr().unwrap());
        let mut config = server_config(&Identity::generate().unwrap()).unwrap();
        let endpoint = Endpoint::new(socket, endpoint, Some(config.clone()), None).unwrap();
        let incoming = endpoint.wait_incoming().await.unwrap();
        if let Some(tuning) = tuning {
            config.transport_config(tuning.transport(incoming.remote_address()));
        }
        let connection = incoming.accept_with(config).unwrap().await.unwrap();
        let (mut send, mut recv) = connection.accept_bi().await.unwrap();
        let request = recv.read_chunk(8, true).await.unwrap().unwrap();
        let mib = u64::from_be_bytes(request.bytes[..].try_into().unwrap());

        let block = Bytes::from(vec![0; 1 << 20]);
        let started = (Instant::now(), cpu());
        for _ in 0..mib {
            send.write_all_chunks(&mut [block.clone()]).await.unwrap();
        }
        send.finish().unwrap();
        let _ = send.stopped().await;
        report("sent", mib, started, &connection.stats());
    }

    /// Asks for `mib` MiB and throws them away.
    pub(super) async fn fetch(at: SocketAddr, mib: u64, tuning: Option<&Tuning>) {
        let any = match at {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let (socket, endpoint) = socket(any, tuning).await;
        let endpoint = Endpoint::new(socket, endpoint, None, None).unwrap();
        let mut config = client_config().unwrap();
        if let Some(tuning) = tuning {
            config.transport_config(tuning.transport(at));
        }
        let connecting = endpoint.connect(at, "hayate", Some(config)).unwrap();
        let connection = connecting.await.unwrap();
        if let Some(tuning) = tuning {
            connection.set_receive_window((2 * tuning.stream_window).into());
        }
        let (mut send, mut recv) = connection.open_bi_wait().await.unwrap();

        let started = (Instant::now(), cpu());
        let request = Bytes::copy_from_slice(&mib.to_be_bytes());
        send.write_all_chunks(&mut [request]).await.unwrap();
        let mut received = 0;
        let mut chunks = [const { Bytes::new() }; 256];
        while let Some(count) = recv.read_chunks(&mut chunks).await.unwrap() {
            received += chunks[..count].iter().map(Bytes::len).sum::<usize>() as u64;
        }
        assert_eq!(received, mib << 20);
        report("received", mib, started, &connection.stats());
        connection.close(0u32.into(), b"");
        drop((connection, send, recv));
        let _ = compio::time::timeout(Duration::from_secs(1), endpoint.shutdown()).await;
    }
}

/// The same over Hayate's own wire.
mod wire {
    use std::{
        net::SocketAddr,
        time::{Duration, Instant},
    };

    use bytes::Bytes;
    use hayate::{
        identity::Identity,
        quic::{Dialler, ListenOptions, Listener, Port, Tuning},
        wire::{Wire, WireCloser, WireReader, WireWriter},
    };

    use super::{cpu, report};

    pub(super) async fn serve(at: SocketAddr, tuning: Tuning, bound: impl FnOnce(SocketAddr)) {
        let options = ListenOptions {
            interface: None,
            port: Port::Exactly(at.port()),
            bind: Some(at.ip()),
            tuning,
        };
        let listener = Listener::bind(options, &Identity::generate().unwrap()).unwrap();
        bound((at.ip(), listener.port()).into());
        let (mut reader, mut writer, mut closer) = listener.accept().await.unwrap().split();
        closer.authenticated();
        let request = reader.read().await.unwrap().unwrap().concat();
        let mib = u64::from_be_bytes(request.try_into().unwrap());

        let block = Bytes::from(vec![0; 1 << 20]);
        let started = (Instant::now(), cpu());
        for _ in 0..mib {
            writer.write(block.clone()).await.unwrap();
        }
        writer.finish().await.unwrap();
        report("sent", mib, started, &closer.stats());
        closer.closed().await;
        drop((reader, writer, closer));
        listener.shutdown().await;
    }

    pub(super) async fn fetch(at: SocketAddr, mib: u64, tuning: Tuning) {
        let dialler = Dialler::with_tuning(None, tuning).unwrap();
        let wire = dialler.dial(at, Duration::from_secs(5)).await.unwrap();
        let (mut reader, mut writer, mut closer) = wire.split();
        closer.authenticated();
        let started = (Instant::now(), cpu());
        let request = Bytes::copy_from_slice(&mib.to_be_bytes());
        writer.write(request).await.unwrap();
        let mut received = 0;
        while let Some(pieces) = reader.read().await.unwrap() {
            received += pieces.iter().map(Bytes::len).sum::<usize>() as u64;
        }
        assert_eq!(received, mib << 20);
        report("received", mib, started, &closer.stats());
        closer.close(0).await;
        dialler.shutdown().await;
    }
}

/// Over loopback the CPU time is that of both ends.
fn report(what: &str, mib: u64, started: (Instant, Duration), stats: &ConnectionStats) {
    let seconds = started.0.elapsed().as_secs_f64();
    let cpu = (cpu() - started.1).as_secs_f64();
    let gib = mib as f64 / 1024.0;
    println!(
        "{what} {mib} MiB: {:.2} GiB/s, {:.2} cpu-s/GiB, datagrams of {} bytes, {:.1} a send, {} lost, {} congestion events, {} black holes, cwnd {} KiB, rtt {:?}",
        gib / seconds,
        cpu / gib,
        stats.path.current_mtu,
        stats.udp_tx.datagrams as f64 / stats.udp_tx.ios.max(1) as f64,
        stats.path.lost_packets,
        stats.path.congestion_events,
        stats.path.black_holes_detected,
        stats.path.cwnd >> 10,
        stats.path.rtt,
    );
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let usage = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(usage.tv_sec as u64, usage.tv_nsec as u32)
}
