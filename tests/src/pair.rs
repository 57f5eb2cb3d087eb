//! The usual case: a sender and a receiver, each on its machine and in its directory.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{Family, Net, Outcome, Process};

/// The code phrase of the tests.
pub const CODE: &str = "7-copper-lantern-violin";

/// How the names of directories begin in which something is kept.
const KEPT: &str = ".hayate-part-";

/// Two machines; the sender runs in `from` on the first, the receiver in `to` on the second.
#[derive(Debug)]
pub struct Pair {
    /// The network.
    pub net: Net,
    from: TempDir,
    to: TempDir,
}

impl Pair {
    /// Two machines that speak IPv4 and IPv6.
    pub fn new() -> Self {
        Self::on(Net::new(Family::Both))
    }

    /// The first two machines of `net`.
    pub fn on(net: Net) -> Self {
        Self::within(net, &std::env::temp_dir())
    }

    /// The first two machines of `net`, with their directories in `directory`.
    pub fn within(net: Net, directory: &Path) -> Self {
        let make = || tempfile::Builder::new().prefix("hy").tempdir_in(directory);
        let (from, to) = (make().unwrap(), make().unwrap());
        Self { net, from, to }
    }

    /// The sender's directory, or something in it.
    pub fn from(&self, path: impl AsRef<Path>) -> PathBuf {
        self.from.path().join(path)
    }

    /// The receiver's directory, or something in it.
    pub fn to(&self, path: impl AsRef<Path>) -> PathBuf {
        self.to.path().join(path)
    }

    /// Puts a file into the sender's directory.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.from(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// What a file has that was received.
    pub fn received(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = self.to(path);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names in the receiver's directory, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        names(self.to.path())
    }

    /// [`Pair::names`] but for what is kept of a transfer that failed.
    pub fn stored(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| !name.starts_with(KEPT));
        names
    }

    /// What is kept of transfers that failed.
    pub fn kept(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| name.starts_with(KEPT));
        names
    }

    /// `hayate send` with [`CODE`] and `--json`.
    pub fn sending(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.net.a().hayate();
        command
            .current_dir(&self.from)
            .args(["send", "--json", "-c", CODE])
            .args(arguments);
        command
    }

    /// `hayate receive -y` with [`CODE`], without `--json`.
    pub fn receiving(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.net.b().hayate();
        command
            .current_dir(&self.to)
            .args(["receive", CODE, "-y"])
            .args(arguments);
        command
    }

    /// Starts [`Pair::sending`] and waits until it can be found.
    pub fn send(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        let sender = Process::start(self.sending(arguments));
        sender.wait_for_event("waiting");
        sender
    }

    /// Starts [`Pair::receiving`] with `--json`.
    pub fn receive(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        let mut command = self.receiving(arguments);
        command.arg("--json");
        Process::start(command)
    }

    /// A transfer of `long.bin`, which is too long to be read ahead: it runs when this returns.
    pub fn long_under_way(&self) -> (Process, Process) {
        let file = fs::File::create(self.from("long.bin")).unwrap();
        file.set_len(256 << 20).unwrap();
        let sender = self.send(["long.bin", "--limit", "16M", "--compress", "off"]);
        let receiver = self.receive(PLAIN);
        receiver.wait_for_event("progress");
        (sender, receiver)
    }

    /// A whole transfer, which must succeed; returns how the sender and the receiver ended.
    #[track_caller]
    pub fn transfer<S: AsRef<OsStr>, R: AsRef<OsStr>>(
        &self,
        send: impl IntoIterator<Item = S>,
        receive: impl IntoIterator<Item = R>,
    ) -> (Outcome, Outcome) {
        let sender = self.send(send);
        let received = self.receive(receive).finish().expect(0);
        (sender.finish().expect(0), received)
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

/// The names in a directory, hidden ones too, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// No arguments.
pub const PLAIN: [&str; 0] = [];
