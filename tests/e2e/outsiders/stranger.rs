//! Who speaks Hayate's frames over a real connection, from either end, without knowing the code phrase.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use compio::time::timeout;
use hayate::{
    identity::Identity,
    quic::{
        Dialler, ListenOptions, Listener, Port, QuicCloser, QuicReader, QuicWire, QuicWriter,
        Tuning,
    },
    wire::{Wire as _, WireCloser as _, WireReader as _, WireWriter as _},
};
use hayate_tests::Space;

use crate::packets::random;

/// The kinds of frames (PROTOCOL.md, "Frames").
pub(crate) const HELLO: u8 = 1;
pub(crate) const ANSWER: u8 = 2;
pub(crate) const PROOF: u8 = 3;
pub(crate) const REJECT: u8 = 5;

/// The generator of ristretto255: a share that is as good as any (RFC 9496, A.1).
pub(crate) const SHARE: [u8; 32] =
    *b"\xe2\xf2\xae\x0a\x6a\xbc\x4e\x71\xa8\x84\xa9\x61\xc5\x00\x51\x5f\
    \x58\xe3\x0b\x6a\xa5\x82\xdd\x8d\xb6\xa6\x59\x45\xe0\x8d\x2d\x76";

/// A clear frame.
pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes(), body].concat()
}

/// M1 for a sender that listens, as it should be.
pub(crate) fn hello() -> Vec<u8> {
    hello_with(7, &[2, 1], &random::<32>())
}

/// M1 with another version, other suites or another key.
pub(crate) fn hello_with(version: u8, suites: &[u8], key: &[u8]) -> Vec<u8> {
    let head = [version, 1, 1, suites.len() as u8];
    let body = [b"HAYATE", &head[..], suites, &random::<32>(), key].concat();
    frame(HELLO, &body)
}

/// M2 with this key and this share.
pub(crate) fn answer(key: &[u8], share: &[u8]) -> Vec<u8> {
    frame(
        ANSWER,
        &[&[2, 2, 2, 1][..], &random::<32>(), key, share].concat(),
    )
}

/// M3 with this share, and a proof by nobody who knows the code.
pub(crate) fn proof(share: &[u8]) -> Vec<u8> {
    frame(PROOF, &[share, &random::<32>()].concat())
}

/// Runs `work` on `space`, in a runtime of its own.
pub(crate) fn on<T: Send + 'static, F: Future<Output = T>>(
    space: &Space,
    work: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<T> {
    space.thread(move || {
        let runtime = compio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { work().await })
    })
}

/// One end of a connection.
pub(crate) struct Caller {
    reader: QuicReader,
    writer: QuicWriter,
    closer: QuicCloser,
    heard: Vec<u8>,
    /// What was dialled from.
    _dialler: Option<Dialler>,
}

impl Caller {
    fn new(wire: QuicWire, dialler: Option<Dialler>) -> Self {
        let (reader, writer, closer) = wire.split();
        Self {
            reader,
            writer,
            closer,
            heard: Vec::new(),
            _dialler: dialler,
        }
    }

    /// Dials `at`, from one address of this machine or any.
    pub(crate) async fn dial(at: SocketAddr, from: Option<IpAddr>) -> Self {
        Self::try_dial(at, from).await.expect("the peer answers")
    }

    /// As [`Caller::dial`], where the peer may not want it.
    pub(crate) async fn try_dial(at: SocketAddr, from: Option<IpAddr>) -> Option<Self> {
        let dialler = Dialler::new(from).unwrap();
        let wire = dialler.dial(at, Duration::from_secs(6)).await.ok()?;
        Some(Self::new(wire, Some(dialler)))
    }

    /// Says something; nobody may be there any more.
    pub(crate) async fn say(&mut self, bytes: impl Into<Bytes>) -> bool {
        self.writer.write(bytes.into()).await.is_ok()
    }

    /// The next frame; none where the peer says no more.
    pub(crate) async fn hear(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = self.heard.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.heard.len() >= 5 + length {
                    let rest = self.heard.split_off(5 + length);
                    return Some(std::mem::replace(&mut self.heard, rest));
                }
            }
            let pieces = timeout(PATIENCE, self.reader.read())
                .await
                .expect("no silence");
            self.heard.extend(pieces.ok()??.concat());
        }
    }

    /// All that the peer still says, until it is gone.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.heard);
        while let Ok(Ok(Some(pieces))) = timeout(PATIENCE, self.reader.read()).await {
            all.extend(pieces.concat());
        }
        all
    }

    /// Waits until the peer is gone.
    pub(crate) async fn gone(&mut self) {
        timeout(PATIENCE, self.closer.closed())
            .await
            .expect("the peer closes");
    }

    /// Closes with this code.
    pub(crate) async fn close(self, code: u32) {
        self.closer.close(code).await;
        if let Some(dialler) = self._dialler {
            dialler.shutdown().await;
        }
    }
}

/// Somebody who listens where a sender is expected, and says one thing to each who dials.
pub(crate) struct Rogue {
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    over: flume::Sender<()>,
    thread: JoinHandle<()>,
}

impl Rogue {
    /// Listens on port 50001 of `space`; `answer` makes of M1 what is said to it.
    pub(crate) fn start(space: &Space, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let (over, end) = flume::bounded::<()>(0);
        let (ready, listening) = mpsc::channel();
        let heard = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let taken = Arc::clone(&heard);
        let thread = on(space, move || async move {
            let options = ListenOptions {
                interface: None,
                port: Port::Exactly(50001),
                bind: None,
                tuning: Tuning::default(),
            };
            let listener = Listener::bind(options, &Identity::generate().unwrap()).unwrap();
            ready.send(()).unwrap();
            let attend = async {
                while let Some(wire) = listener.accept().await {
                    let mut caller = Caller::new(wire, None);
                    let Some(said) = caller.hear().await else {
                        continue;
                    };
                    let place = {
                        let mut heard = taken.lock().unwrap();
                        heard.push(said.clone());
                        heard.len() - 1
                    };
                    caller.say(answer(&said)).await;
                    let taken = Arc::clone(&taken);
                    compio::runtime::spawn(async move {
                        while let Some(said) = caller.hear().await {
                            taken.lock().unwrap()[place].extend(said);
                        }
                    })
                    .detach();
                }
            };
            let end = std::pin::pin!(end.recv_async());
            futures_util::future::select(std::pin::pin!(attend), end).await;
        });
        listening.recv().unwrap();
        Self {
            heard,
            over,
            thread,
        }
    }

    /// Waits until so many bytes were said in all.
    pub(crate) fn wait_for(&self, bytes: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self
            .heard
            .lock()
            .unwrap()
            .iter()
            .map(Vec::len)
            .sum::<usize>()
            < bytes
        {
            assert!(
                Instant::now() < deadline,
                "nobody says anything to the rogue"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// All that was said to it, one entry a connection, once it has ended.
    pub(crate) fn stop(self) -> Vec<Vec<u8>> {
        drop(self.over);
        self.thread.join().unwrap();
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

/// Longer than any peer may be silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
