//! Receiving: from whom, where to, and whether at all.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use shared::Code;

use crate::{
    Cipher, Error, Event, Offered, Progress, Target,
    event::Listener,
    options::parse_interface,
    sender::parse_ip,
    sink::{OnConflict, Output, Plan},
};

mod again;
mod find;
mod session;

/// One transfer that arrived, was verified and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The sender's address.
    pub peer: SocketAddr,
    /// Payload bytes.
    pub bytes: u64,
    /// BLAKE3 root of the payload: for a file, what `b3sum` prints.
    pub blake3: [u8; 32],
    /// Where it is; for several items the directory they are in.
    pub path: Option<PathBuf>,
    /// The text, where one was sent and no place for it was given; hostile, escape it for a terminal.
    pub text: Option<String>,
    /// From the consent to the end.
    pub elapsed: Duration,
    /// Items that were not stored because their names were taken.
    pub skipped: u64,
}

/// What is to become of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Receive it.
    Accept,
    /// Receive it, and do this about names that are taken.
    AcceptAs(OnConflict),
    /// Do not.
    Decline,
}

/// How the sender is found.
#[derive(Debug, Clone, Default)]
enum Source {
    /// By the channel of the code phrase.
    #[default]
    Discovery,
    /// At this address.
    At(Target),
    /// It dials.
    Listen(Option<SocketAddr>),
}

/// Receives what the holder of the same code phrase sends.
///
/// ```no_run
/// # async fn example() -> Result<(), hayate::Error> {
/// use hayate::HayateReceiver;
///
/// let received = HayateReceiver::new()
///     .code("7-copper-lantern-violin")
///     .receive("./downloads", async |offered| offered.offer.bytes < 1 << 30, |_progress| {})
///     .await?;
/// println!("{:?} is there", received.path);
/// # Ok(())
/// # }
/// ```
///
/// Runs inside a compio runtime. Dropping the future ends the connection at once; [`HayateReceiver::until`] ends it
/// with a word to the sender.
#[derive(Debug)]
#[must_use]
pub struct HayateReceiver {
    code: Option<Code>,
    source: Source,
    bind: Option<IpAddr>,
    interface: Option<String>,
    conflict: OnConflict,
    output: Output,
    max_size: Option<u64>,
    resume: bool,
    timeout: Option<Duration>,
    cipher: Cipher,
    events: Listener,
    stop: flume::Receiver<()>,
    /// Kept so that `stop` stays silent where nobody called `until`.
    quiet: Option<flume::Sender<()>>,
    /// The first option that was set wrongly.
    problem: Option<Error>,
}

impl Default for HayateReceiver {
    fn default() -> Self {
        let (quiet, stop) = flume::bounded(0);
        Self {
            code: None,
            source: Source::default(),
            bind: None,
            interface: None,
            conflict: OnConflict::default(),
            output: Output::Directory(PathBuf::from(".")),
            max_size: None,
            resume: true,
            timeout: None,
            cipher: Cipher::default(),
            events: Listener::new(|_| {}),
            stop,
            quiet: Some(quiet),
            problem: None,
        }
    }
}

impl HayateReceiver {
    /// A receiver that stores into the current directory.
    pub fn new() -> Self {
        Self::default()
    }

    fn check<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result
            .map_err(|error| self.problem.get_or_insert(error))
            .ok()
    }

    /// The code phrase that the sender shows.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        let code = Code::parse(&code.into()).map_err(|error| Error::Usage(error.to_string()));
        self.code = self.check(code);
        self
    }

    /// Dials the sender at `ADDR` or `ADDR:PORT` instead of looking for it.
    pub fn target(mut self, address: impl Into<String>) -> Self {
        if let Some(target) = self.check(address.into().parse()) {
            self.source = Source::At(target);
        }
        self
    }

    /// Listens for a sender that dials, on `ADDR`, `ADDR:PORT`, or everywhere on port 50001.
    pub fn listen(mut self, address: Option<String>) -> Self {
        let address = address.map(|text| parse_listen(&text)).transpose();
        if let Some(address) = self.check(address) {
            self.source = Source::Listen(address);
        }
        self
    }

    /// Dials from this address of the machine only.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        let bind = parse_ip(&address.into());
        self.bind = self.check(bind);
        self
    }

    /// Looks for the sender on this network interface only; one that listens answers at its addresses only.
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        let interface = parse_interface(name.into());
        self.interface = self.check(interface);
        self
    }

    /// What to do about names that are taken.
    pub fn on_conflict(mut self, conflict: OnConflict) -> Self {
        self.conflict = conflict;
        self
    }

    /// Where the payload goes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Refuses offers of more bytes than this, and ends streams that exceed it.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// Whether to keep what arrived of files and directories when the transfer fails, and to go on from what was kept: it
    /// is, unless this says otherwise.
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Gives up when no sender was found and proved the code within this time: 50 s, or for ever where it listens.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout.min(crate::options::LONGEST));
        self
    }

    /// Which cipher seals the session.
    pub fn cipher(mut self, cipher: Cipher) -> Self {
        self.cipher = cipher;
        self
    }

    /// Reports everything that happens.
    pub fn on_event(mut self, listener: impl FnMut(Event) + 'static) -> Self {
        self.events = Listener::new(listener);
        self
    }

    /// Stops when this future is ready, and tells the sender that it was cancelled.
    pub fn until(mut self, stop: impl Future<Output = ()> + 'static) -> Self {
        if let Some(signal) = self.quiet.take() {
            compio::runtime::spawn(async move {
                stop.await;
                drop(signal);
            })
            .detach();
        }
        self
    }

    /// Receives into a directory, if `accept` says yes to the offer.
    ///
    /// # Errors
    /// See [`crate::ErrorKind`].
    pub async fn receive(
        mut self,
        directory: impl AsRef<Path>,
        mut accept: impl AsyncFnMut(&Offered) -> bool,
        progress: impl FnMut(Progress) + 'static,
    ) -> Result<Received, Error> {
        self.events = self.events.with_progress(progress);
        self.output = Output::Directory(directory.as_ref().to_owned());
        self.run(async |offered, _| match accept(offered).await {
            true => Decision::Accept,
            false => Decision::Decline,
        })
        .await
    }

    /// Receives to where [`HayateReceiver::output`] said, as `decide` wants it.
    ///
    /// # Errors
    /// See [`crate::ErrorKind`].
    pub async fn run(
        mut self,
        decide: impl AsyncFnMut(&Offered, &Plan) -> Decision,
    ) -> Result<Received, Error> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        session::run(self, decide).await
    }

    /// The address of this machine that lanes are bound to, where one was chosen.
    fn lane_address(&self) -> Option<IpAddr> {
        match self.source {
            Source::Listen(Some(address)) => Some(address.ip()).filter(|ip| !ip.is_unspecified()),
            _ => self.bind,
        }
    }

    /// When the search is over.
    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout.unwrap_or(find::PATIENCE)
    }
}

fn parse_listen(text: &str) -> Result<SocketAddr, Error> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    Ok(SocketAddr::new(parse_ip(text)?, crate::DEFAULT_PORT))
}
