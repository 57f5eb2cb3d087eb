//! A sender that waits while strangers are at it, and what holds for it whatever they do.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hayate_tests::{Net, Outcome, Pair, Process, pair::PLAIN};

/// What is sent; none of it may be known to a stranger.
const SECRET: &str = "confidential-budget.txt";
const CONTENT: &str = "the quarterly figures";

/// A sender on the first machine, an honest receiver's machine, and a third of the strangers.
pub(crate) struct Siege {
    pub(crate) pair: Pair,
    pub(crate) sender: Process,
}

impl Siege {
    pub(crate) fn start() -> Self {
        Self::with([])
    }

    /// With more options of the sender.
    pub(crate) fn with<const N: usize>(options: [&str; N]) -> Self {
        let pair = Pair::on(Net::switched(3));
        pair.write(SECRET, CONTENT);
        let sender = pair.send([&[SECRET], &options[..]].concat());
        Self { pair, sender }
    }

    /// Where the sender listens.
    pub(crate) fn target(&self) -> SocketAddr {
        (self.pair.net.a().v4(), 50001).into()
    }

    /// Waits until so many tries at the code are left.
    pub(crate) fn wait_for_left(&self, left: u32) {
        self.sender.wait_for("auth_failed", |stdout, _| {
            stdout.contains(&format!("\"left\":{left}")).then_some(())
        });
    }

    /// The honest receiver gets it from this sender, within `patience`.
    #[track_caller]
    pub(crate) fn honest(&self, patience: Duration) {
        let start = Instant::now();
        let received = self.pair.receive(PLAIN).finish();
        let received = harmless(received).expect(0);
        let took = start.elapsed();
        assert!(took < patience, "{took:?}; {received}");
        assert_eq!(self.pair.received(SECRET), CONTENT.as_bytes());
    }

    /// The sender serves the honest receiver and ends well, so many tries at the code having failed before.
    #[track_caller]
    pub(crate) fn survives(self, failed: usize) -> Outcome {
        self.survives_within(Duration::from_secs(10), failed)
    }

    /// As [`Siege::survives`], with another patience.
    #[track_caller]
    pub(crate) fn survives_within(self, patience: Duration, failed: usize) -> Outcome {
        let peak = self.sender.peak();
        assert!((1..MEMORY).contains(&peak), "{peak} bytes");
        self.honest(patience);
        let sent = harmless(self.sender.finish()).expect(0);
        assert_eq!(sent.events("auth_failed").len(), failed, "{sent}");
        assert_eq!(sent.events("peer").len(), 1, "{sent}");
        sent
    }

    /// The sender gives the code up and says who is to blame; a new one works.
    #[track_caller]
    pub(crate) fn burns(self) -> Outcome {
        let (pair, sent) = self.burned_by("10.77.0.3");
        works(&pair);
        sent
    }

    /// The sender gives the code up because of whoever has an address that begins so.
    #[track_caller]
    pub(crate) fn burned_by(self, from: &str) -> (Pair, Outcome) {
        let sent = harmless(self.sender.finish_within(Duration::from_secs(30))).expect(4);
        let left = sent.events("auth_failed");
        let left: Vec<_> = left.iter().map(|event| event["left"].clone()).collect();
        assert_eq!(left, [2, 1, 0], "{sent}");
        assert!(sent.events("peer").is_empty(), "{sent}");
        assert!(sent.stderr.contains(from), "it says from where: {sent}");
        assert!(self.pair.names().is_empty());
        (self.pair, sent)
    }
}

/// A fresh transfer works.
#[track_caller]
pub(crate) fn works(pair: &Pair) {
    pair.write("after.txt", "after");
    pair.transfer(["after.txt"], PLAIN);
    assert_eq!(pair.received("after.txt"), b"after");
}

/// However it ended: in few and printable words, without a panic, and without much memory.
#[track_caller]
pub(crate) fn harmless(outcome: Outcome) -> Outcome {
    let text = outcome.to_string();
    assert!(outcome.peak < MEMORY, "{} bytes; {text}", outcome.peak);
    assert!(outcome.stderr.lines().count() <= 2, "{text}");
    assert!(!matches!(outcome.code, 1 | 101 | 134 | 139), "{text}");
    for said in [&outcome.stderr, &*String::from_utf8_lossy(&outcome.stdout)] {
        assert!(
            !said.contains("panicked") && !said.contains('\u{1b}'),
            "{text}"
        );
    }
    outcome
}

/// Most that a process may have, bytes.
const MEMORY: u64 = 256 << 20;
