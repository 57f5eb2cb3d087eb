//! The program on one machine, its peer on the other, and a look at everything that must not change.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::PathBuf,
    process::Command,
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use compio::runtime::Runtime;
use hayate::{
    identity::Identity,
    quic::{Dialler, ListenOptions, Listener, Port, Tuning},
};
use hayate_tests::{CODE, Family, Net, Process, files::set_mtime, noise};
use tempfile::TempDir;

use crate::{
    code,
    ends::{Door, Listening, Run},
    line::Line,
    look::{Look, assert_says_one_thing, is_kept, look},
    peer::{Heard, Peer},
};

/// Two machines; the program runs in `target`, which lies in a directory with other things.
pub(crate) struct Arena {
    pub(crate) net: Net,
    base: TempDir,
    before: Look,
}

impl Arena {
    pub(crate) fn new() -> Self {
        let base = tempfile::Builder::new().prefix("hyevil").tempdir().unwrap();
        let at = |path: &str| base.path().join(path);
        for directory in ["outside", "target/mine", "target/empty"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for file in [
            "precious",
            "outside/precious",
            "target/mine.txt",
            "target/mine/kept.txt",
        ] {
            fs::write(at(file), format!("what {file} held before")).unwrap();
            set_mtime(&at(file), 1_500_000_000);
        }
        fs::write(at("source.bin"), noise(SOURCE, 9)).unwrap();
        symlink("../outside", at("target/link")).unwrap();
        let before = look(base.path());
        Self {
            net: Net::new(Family::V4),
            base,
            before,
        }
    }

    /// Something in the directory around the target.
    pub(crate) fn base(&self, path: &str) -> PathBuf {
        self.base.path().join(path)
    }

    /// Something in the target.
    pub(crate) fn target(&self, path: &str) -> PathBuf {
        self.base("target").join(path)
    }

    /// What a test changed counts as having been so.
    pub(crate) fn look_again(&mut self) {
        self.before = look(self.base.path());
    }

    fn hayate(&self, words: &[&str], arguments: &[&str]) -> Command {
        let mut command = match words[0] {
            "send" => self.net.a().hayate(),
            _ => self.net.b().hayate(),
        };
        command.current_dir(self.target(""));
        command.args(words).args(arguments);
        command
    }

    /// `hayate receive`, which dials a sender that listens at this port of the other machine.
    pub(crate) fn receiving(&self, port: u16, arguments: &[&str]) -> Command {
        let from = format!("10.77.0.1:{port}");
        self.hayate(&["receive", CODE, "--from", &from], arguments)
    }

    /// `hayate receive -y`, against a sender that has proved the code and goes on as in `script`.
    pub(crate) fn receive(
        &self,
        arguments: &[&str],
        script: impl AsyncFnOnce(&mut Peer) + Send + 'static,
    ) -> Run {
        let (port, peer) =
            self.sender(async |line: Line| play(line.listen(|_, _| {}).await, script).await);
        self.run(self.receiving(port, &[&["-y"], arguments].concat()), peer)
    }

    /// Starts a sender that listens and does as in `script` with the first wire; its port.
    pub(crate) fn sender(
        &self,
        script: impl AsyncFnOnce(Line) -> Heard + Send + 'static,
    ) -> (u16, JoinHandle<Heard>) {
        self.sender_of(async |listening: Listening| script(listening.line().await).await)
    }

    /// As [`Arena::sender`], for one that is dialled more than once.
    pub(crate) fn sender_of(
        &self,
        script: impl AsyncFnOnce(Listening) -> Heard + Send + 'static,
    ) -> (u16, JoinHandle<Heard>) {
        let (ready, listening) = mpsc::channel();
        let thread = self.net.a().thread(move || {
            Runtime::new().unwrap().block_on(async move {
                let identity = Identity::generate().unwrap();
                let options = ListenOptions {
                    interface: None,
                    port: Port::Exactly(0),
                    bind: None,
                    tuning: Tuning::default(),
                };
                let listener = Listener::bind(options, &identity).unwrap();
                ready.send(listener.port()).unwrap();
                script(Listening(listener)).await
            })
        });
        (listening.recv().unwrap(), thread)
    }

    /// `hayate send source.bin`, against a receiver that has proved the code and goes on as in `script`.
    pub(crate) fn send(
        &self,
        arguments: &[&str],
        script: impl AsyncFnOnce(&mut Peer) + Send + 'static,
    ) -> Run {
        let program = self.sending(arguments);
        let peer =
            self.receiver(async |door: Door| play(door.line().await.dial().await, script).await);
        self.watch(program, peer)
    }

    /// Starts `hayate send` of the file beside the target, uncompressed, and waits until it listens.
    pub(crate) fn sending(&self, arguments: &[&str]) -> Process {
        let fixed = [
            "send",
            "../source.bin",
            "--json",
            "--no-web",
            "-c",
            CODE,
            "--compress",
            "off",
        ];
        let program = Process::start(self.hayate(&fixed, arguments));
        program.wait_for_event("waiting");
        program
    }

    /// Starts a receiver that may dial [`Arena::sending`] and does as in `script`.
    pub(crate) fn receiver(
        &self,
        script: impl AsyncFnOnce(Door) -> Heard + Send + 'static,
    ) -> JoinHandle<Heard> {
        self.receiver_with(Tuning::default().stream_window, script)
    }

    /// As [`Arena::receiver`], which lets the other side send so many bytes ahead.
    pub(crate) fn receiver_with(
        &self,
        stream_window: u32,
        script: impl AsyncFnOnce(Door) -> Heard + Send + 'static,
    ) -> JoinHandle<Heard> {
        let sender = SocketAddr::new(self.net.a().v4(), 50001);
        self.net.b().thread(move || {
            Runtime::new().unwrap().block_on(async move {
                let tuning = Tuning {
                    stream_window,
                    ..Tuning::default()
                };
                let dialler = Dialler::with_tuning(None, tuning).unwrap();
                script(Door { dialler, sender }).await
            })
        })
    }

    /// Runs the program until it and its peer have ended.
    pub(crate) fn run(&self, program: Command, peer: JoinHandle<Heard>) -> Run {
        self.watch(Process::start(program), peer)
    }

    pub(crate) fn watch(&self, program: Process, peer: JoinHandle<Heard>) -> Run {
        let start = Instant::now();
        let outcome = program.finish();
        let took = start.elapsed();
        Run::new(outcome, peer.join().unwrap(), took)
    }

    /// What was not there before, relative to the target, but for what is kept to go on with.
    pub(crate) fn news(&self) -> Vec<PathBuf> {
        let now = look(self.base.path());
        let new = now
            .into_keys()
            .filter(|path| !self.before.contains_key(path));
        new.filter(|path| !is_kept(path)).collect()
    }

    /// Fails unless the program ended as the README says for this kind of failure, and left no trace.
    #[track_caller]
    pub(crate) fn assert_fails_closed(&self, run: &Run, code: i32, case: &str) {
        let Run { outcome, took, .. } = run;
        assert_eq!(outcome.code, code, "{case}: {outcome}");
        assert_says_one_thing(outcome, case);
        assert!(
            outcome.peak > 0 && outcome.peak < 256 << 20,
            "{case}: {} bytes",
            outcome.peak
        );
        assert!(*took < Duration::from_secs(30), "{case}: {took:?}");
        self.assert_unchanged(case);
    }

    /// As [`Arena::assert_fails_closed`], where the peer is told what it did wrong.
    #[track_caller]
    pub(crate) fn assert_refuses(&self, run: &Run, code: i32, case: &str) {
        self.assert_fails_closed(run, code, case);
        let reason = match code {
            code::PROTOCOL => Some(6),
            code::UNSAFE => Some(5),
            code::DISK => Some(3),
            _ => panic!("{case}: nothing is said"),
        };
        assert_eq!(run.heard.reason(), reason, "{case}: {}", run.outcome);
    }

    /// The files that are kept to go on with.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        let files = look(self.base.path())
            .into_keys()
            .filter(|path| is_kept(path));
        let files = files.map(|path| self.base.path().join(path));
        files.filter(|path| path.is_file()).collect()
    }

    /// Fails if anything was created, changed or deleted; what is kept to go on with is removed.
    #[track_caller]
    pub(crate) fn assert_unchanged(&self, case: &str) {
        let now = look(self.base.path());
        for (path, was) in &self.before {
            let is = now.get(path);
            assert!(
                is == Some(was),
                "{case}: {} was {was:?}, is {is:?}",
                path.display()
            );
        }
        assert!(self.news().is_empty(), "{case}: {:?}", self.news());
        for path in now.keys().filter(|path| is_kept(path)) {
            let _ = fs::remove_dir_all(self.base.path().join(path));
        }
    }

    /// An honest transfer under the same code, in the same directory.
    #[track_caller]
    pub(crate) fn assert_works(&self) {
        let sender = self.sending(&["--name", "honest.bin"]);
        let program = self.receiving(50001, &["-y", "--json"]);
        Process::start(program).finish().expect(0);
        sender.finish().expect(0);
        let (source, stored) = (self.base("source.bin"), self.target("honest.bin"));
        assert!(fs::read(&stored).unwrap() == fs::read(source).unwrap());
        fs::remove_file(stored).unwrap();
        self.assert_unchanged("an honest transfer");
    }
}

async fn play(peer: Option<Peer>, script: impl AsyncFnOnce(&mut Peer)) -> Heard {
    let mut peer = peer.expect("both know the code");
    script(&mut peer).await;
    peer.part().await
}

/// Bytes of the file that the program sends: three blocks and some.
pub(crate) const SOURCE: usize = (3 << 20) + 5;
