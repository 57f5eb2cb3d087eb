//! A man in the middle, with a certificate of his own, between two peers that know the code.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use hayate::{
    identity::Identity,
    quic::{Dialler, ListenOptions, Listener, Port, Tuning},
    wire::{Wire as _, WireCloser as _, WireReader, WireWriter},
};
use hayate_tests::{Net, Pair, Space, capture::holds};

/// What went through the middle, one entry a connection and direction.
type Loot = Arc<Mutex<Vec<Vec<u8>>>>;

struct Middle {
    loot: Loot,
    over: flume::Sender<()>,
    thread: JoinHandle<()>,
}

impl Middle {
    /// Relays between whoever dials `space` and `target`, on `space`.
    fn start(space: &Space, target: SocketAddr) -> Self {
        let loot = Loot::default();
        let (over, end) = flume::bounded(0);
        let (ready, listening) = mpsc::channel();
        let taken = Arc::clone(&loot);
        let thread = space.thread(move || {
            let runtime = compio::runtime::Runtime::new().unwrap();
            runtime.block_on(async move {
                let identity = Identity::generate().unwrap();
                let options = ListenOptions {
                    interface: None,
                    port: Port::Exactly(50001),
                    bind: None,
                    tuning: Tuning::default(),
                };
                let listener = Listener::bind(options, &identity).unwrap();
                ready.send(()).unwrap();
                let relay = async {
                    loop {
                        let wire = listener.accept().await.unwrap();
                        let taken = Arc::clone(&taken);
                        compio::runtime::spawn(relay(wire, target, taken)).detach();
                    }
                };
                let end = std::pin::pin!(end.recv_async());
                futures_util::future::select(std::pin::pin!(relay), end).await;
            });
        });
        listening.recv().unwrap();
        Self { loot, over, thread }
    }

    fn stop(self) -> Vec<Vec<u8>> {
        drop(self.over);
        self.thread.join().unwrap();
        std::mem::take(&mut *self.loot.lock().unwrap())
    }
}

async fn relay(wire: hayate::quic::QuicWire, target: SocketAddr, loot: Loot) {
    let dialler = Dialler::new(None).unwrap();
    let other = dialler.dial(target, Duration::from_secs(10)).await.unwrap();
    let (near_reader, near_writer, near) = wire.split();
    let (far_reader, far_writer, far) = other.split();
    futures_util::future::join(
        pump(near_reader, far_writer, Arc::clone(&loot)),
        pump(far_reader, near_writer, loot),
    )
    .await;
    near.close(0).await;
    far.close(0).await;
    dialler.shutdown().await;
}

async fn pump(mut reader: impl WireReader, mut writer: impl WireWriter, loot: Loot) {
    let place = {
        let mut loot = loot.lock().unwrap();
        loot.push(Vec::new());
        loot.len() - 1
    };
    while let Ok(Some(bytes)) = reader.read().await {
        let bytes = Bytes::from(bytes.concat());
        loot.lock().unwrap()[place].extend_from_slice(&bytes);
        if writer.write(bytes).await.is_err() {
            break;
        }
    }
    let _ = writer.finish().await;
}

/// A07.
#[test]
fn a_man_in_the_middle_gets_nothing_and_is_noticed() {
    let pair = Pair::on(Net::switched(3));
    pair.net.block_discovery();
    let content = "the quarterly figures ".repeat(100);
    pair.write("confidential-budget.txt", &content);
    let sender = pair.send(["confidential-budget.txt"]);
    let middle = Middle::start(pair.net.c(), SocketAddr::new(pair.net.a().v4(), 50001));
    for left in [2, 1, 0] {
        let received = pair.receive(["--from", "10.77.0.3"]).finish();
        assert!(matches!(received.code, 4 | 7), "{received}");
        assert!(received.events("peer").is_empty(), "{received}");
        assert!(received.events("offer").is_empty(), "{received}");
        sender.wait_for("auth_failed", |stdout, _| {
            stdout.contains(&format!("\"left\":{left}")).then_some(())
        });
    }
    let sent = sender.finish().expect(4);
    assert!(sent.events("peer").is_empty(), "{sent}");
    assert!(sent.events("offer").is_empty(), "{sent}");
    assert!(
        sent.stderr.contains("10.77.0.3"),
        "it says from where: {sent}"
    );
    assert!(pair.names().is_empty());
    let loot = middle.stop();
    assert!(loot.len() >= 6, "three sessions passed: {}", loot.len());
    assert!(loot.iter().all(|passed| !passed.is_empty()), "{loot:?}");
    for passed in &loot {
        assert!(passed.len() < 4096, "{} bytes passed", passed.len());
        for needle in [
            "confidential",
            "budget",
            "figures",
            "copper",
            "lantern",
            "violin",
        ] {
            assert!(
                !holds(passed, needle.as_bytes()),
                "{}",
                passed.escape_ascii()
            );
        }
    }
}
