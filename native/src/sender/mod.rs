//! Sending: what to send, to whom, and how.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use shared::{
    Code,
    code::{DEFAULT_WORDS, MAX_CHANNEL, MAX_WORDS},
    lane::MAX_LANES,
};

use crate::{
    Cipher, Compression, Error, Event, Lanes, Progress, Target,
    event::Listener,
    options::parse_interface,
    source::{self, Links, Selection},
};

mod dial;
mod payload;
mod ports;
mod serve;

pub use payload::{Payload, Sent, Survey};
pub(crate) use {
    dial::reach,
    serve::{cancelled, credentials},
};

/// Sends files, a text or a pipe to whoever holds the code phrase.
///
/// ```no_run
/// # async fn example() -> Result<(), hayate::Error> {
/// use hayate::HayateSender;
///
/// let sent = HayateSender::new()
///     .code("7-copper-lantern-violin")
///     .compress(true)
///     .send("photos", |progress| println!("{} bytes", progress.done))
///     .await?;
/// println!("{} bytes are there", sent.bytes);
/// # Ok(())
/// # }
/// ```
///
/// Runs inside a compio runtime. Dropping the future ends every connection at once; [`HayateSender::until`] ends them
/// with a word to the peer.
#[derive(Debug)]
#[must_use]
pub struct HayateSender {
    code: Option<Code>,
    words: usize,
    receivers: Option<u32>,
    target: Option<Target>,
    interface: Option<String>,
    bind: Option<IpAddr>,
    port: Option<u16>,
    selection: Selection,
    compression: Compression,
    cipher: Cipher,
    lanes: Lanes,
    limit: Option<u64>,
    timeout: Option<Duration>,
    web: bool,
    page: Option<String>,
    events: Listener,
    stop: flume::Receiver<()>,
    /// Kept so that `stop` stays silent where nobody called `until`.
    quiet: Option<flume::Sender<()>>,
    /// The first option that was set wrongly.
    problem: Option<Error>,
}

impl Default for HayateSender {
    fn default() -> Self {
        let (quiet, stop) = flume::bounded(0);
        Self {
            code: None,
            words: DEFAULT_WORDS,
            receivers: Some(1),
            target: None,
            interface: None,
            bind: None,
            port: None,
            selection: Selection::default(),
            compression: Compression::default(),
            cipher: Cipher::default(),
            lanes: Lanes::Auto,
            limit: None,
            timeout: None,
            web: false,
            page: None,
            events: Listener::new(|_| {}),
            stop,
            quiet: Some(quiet),
            problem: None,
        }
    }
}

impl HayateSender {
    /// A sender that serves one receiver under a fresh code phrase.
    pub fn new() -> Self {
        Self::default()
    }

    fn check<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result
            .map_err(|error| self.problem.get_or_insert(error))
            .ok()
    }

    /// Uses this code phrase instead of a fresh one.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        let code = Code::parse(&code.into()).map_err(|error| Error::Usage(error.to_string()));
        self.code = self.check(code);
        self
    }

    /// Makes a fresh code phrase of so many words, 3 (the default) to 8; each brings 11 bits.
    pub fn words(mut self, words: usize) -> Self {
        let fits = (DEFAULT_WORDS..=MAX_WORDS).contains(&words);
        let words = fits.then_some(words).ok_or_else(|| {
            Error::Usage(format!(
                "a code phrase of {words} words: it has {DEFAULT_WORDS} to {MAX_WORDS}"
            ))
        });
        self.words = self.check(words).unwrap_or(DEFAULT_WORDS);
        self
    }

    /// Offers the payload under this name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.selection.name = Some(name.into());
        self
    }

    /// Serves so many receivers, one after the other or at once, instead of one.
    pub fn receivers(mut self, receivers: u32) -> Self {
        let receivers = Some(receivers).filter(|count| *count > 0);
        let receivers =
            receivers.ok_or_else(|| Error::Usage("there is at least one receiver".into()));
        self.receivers = self.check(receivers);
        self
    }

    /// Serves receivers until it is stopped.
    pub fn keep(mut self, keep: bool) -> Self {
        if keep {
            self.receivers = None;
        }
        self
    }

    /// Dials a receiver that listens at `ADDR` or `ADDR:PORT`, instead of listening.
    pub fn target(mut self, address: impl Into<String>) -> Self {
        let target = address.into().parse();
        self.target = self.check(target);
        self
    }

    /// Is found through this network interface, and answers at its addresses, only.
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        let interface = parse_interface(name.into());
        self.interface = self.check(interface);
        self
    }

    /// Listens on, or dials from, this address of the machine only.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        let bind = parse_ip(&address.into());
        self.bind = self.check(bind);
        self
    }

    /// Listens on this port and no other. Without it, on 50001 or the next free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Serves browsers as well: the page they receive with, on the TCP port of the same number, and their wires.
    pub fn web(mut self, on: bool) -> Self {
        self.web = on;
        self
    }

    /// Serves browsers that have their page from this `https://` URL, a copy of `www/` that somebody hosts.
    pub fn page(mut self, url: impl Into<String>) -> Self {
        let page = parse_page(url.into());
        self.page = self.check(page);
        self.web = true;
        self
    }

    /// Leaves out what these globs match, by base name or by path below the directory.
    pub fn exclude(mut self, globs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.selection
            .exclude
            .extend(globs.into_iter().map(Into::into));
        self
    }

    /// Leaves out what `.gitignore` files name.
    pub fn gitignore(mut self, on: bool) -> Self {
        self.selection.gitignore = on;
        self
    }

    /// What to do with symbolic links in directories; they are skipped otherwise.
    pub fn links(mut self, links: Links) -> Self {
        self.selection.links = links;
        self
    }

    /// Whether, and how hard, blocks are compressed.
    pub fn compress(mut self, compression: impl Into<Compression>) -> Self {
        self.compression = compression.into();
        let packer = self.compression.packer();
        self.check(packer);
        self
    }

    /// Which cipher seals the sessions.
    pub fn cipher(mut self, cipher: Cipher) -> Self {
        self.cipher = cipher;
        self
    }

    /// Which connections the blocks of each transfer go over. Those that cannot be opened are done without. A limited
    /// transfer uses one of QUIC.
    pub fn lanes(mut self, lanes: Lanes) -> Self {
        let most = MAX_LANES as u8 + 1;
        let fits = match lanes {
            Lanes::Quic(count) if !(1..=most).contains(&count) => Err(Error::Usage(format!(
                "{count} connections: there are 1 to {most}"
            ))),
            lanes => Ok(lanes),
        };
        self.lanes = self.check(fits).unwrap_or_default();
        self
    }

    /// Sends at most so many bytes a second to each receiver.
    pub fn limit(mut self, bytes_per_second: u64) -> Self {
        self.limit = Some(bytes_per_second.max(1));
        self
    }

    /// Gives up when no receiver proved the code within this time. Without it, a sender waits until it is stopped.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout.min(crate::options::LONGEST));
        self
    }

    /// Reports everything that happens.
    pub fn on_event(mut self, listener: impl FnMut(Event) + 'static) -> Self {
        self.events = Listener::new(listener);
        self
    }

    /// Stops when this future is ready, and tells the receivers that it was cancelled.
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

    /// Sends one file or directory to one receiver.
    ///
    /// # Errors
    /// See [`crate::ErrorKind`].
    pub async fn send(
        mut self,
        path: impl AsRef<Path>,
        progress: impl FnMut(Progress) + 'static,
    ) -> Result<Sent, Error> {
        self.events = self.events.with_progress(progress);
        self.receivers = Some(1);
        let sent = self
            .send_all(Payload::Paths(vec![path.as_ref().to_owned()]))
            .await?;
        sent.into_iter()
            .next()
            .ok_or_else(|| Error::Internal("a transfer without a receiver".into()))
    }

    /// Sends a payload to as many receivers as were asked for, and returns what each got.
    ///
    /// # Errors
    /// The failure of the first transfer that failed, once all have ended; see [`crate::ErrorKind`].
    pub async fn send_all(mut self, payload: Payload) -> Result<Vec<Sent>, Error> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        serve::serve(self, payload).await
    }

    /// What [`HayateSender::send_all`] would send of these paths; nothing leaves the machine.
    ///
    /// # Errors
    /// [`Error::Usage`] or [`Error::Disk`], as when sending.
    pub fn survey(mut self, paths: &[PathBuf]) -> Result<Survey, Error> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        self.selection.paths = paths.to_vec();
        let gathered = source::gather(&self.selection)?;
        let bytes_of = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        Ok(Survey {
            name: gathered.offer.name.as_bytes().to_vec(),
            entries: gathered.source.entries(),
            skipped: gathered
                .skipped
                .iter()
                .map(|item| (bytes_of(&item.path), item.why.clone()))
                .collect(),
            bytes: gathered.offer.bytes,
        })
    }
}

/// A code phrase out of the system's randomness.
fn fresh_code(words: usize) -> Result<Code, Error> {
    let mut random = [0; 2 * (MAX_WORDS + 1)];
    fill_random(&mut random)?;
    let mut numbers = random
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let channel = numbers.next().unwrap_or_default() % MAX_CHANNEL + 1;
    let numbers: Vec<u16> = numbers.take(words).collect();
    Ok(Code::generate(channel, &numbers))
}

/// Bytes of the system's random generator.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes)
        .map_err(|error| Error::Internal(format!("the system has no randomness: {error}")))
}

pub(crate) fn parse_ip(text: &str) -> Result<IpAddr, Error> {
    text.trim_matches(['[', ']']).parse().map_err(|_| {
        Error::Usage(format!(
            "\"{}\" is not an IP address of this machine",
            text.escape_debug()
        ))
    })
}

fn parse_page(url: String) -> Result<String, Error> {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || url.contains(['#', '\\', '"', '<', '>']) || !visible {
        return Err(Error::Usage(format!(
            "\"{}\" is not a URL such as https://example.org/hayate/, without a fragment",
            url.escape_debug()
        )));
    }
    Ok(url)
}
