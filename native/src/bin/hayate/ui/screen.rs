//! Events as lines for a person.

use std::{
    collections::HashMap,
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anstream::{AutoStream, ColorChoice};
use hayate::{Event, Offered, Page};
use shared::{Kind, Offer, path::escape};

use super::{Role, bar, json, print_line, qr, text};
use crate::args::Qr;

/// What is on the terminal, and what is remembered of the sessions it shows.
pub(super) struct Screen {
    pub(super) role: Role,
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    pub(super) err: AutoStream<io::Stderr>,
    pub(super) json: Option<json::Lines>,
    pub(super) bars: bar::Bars,
    /// Sessions under way, since when.
    pub(super) peers: HashMap<SocketAddr, Instant>,
    /// Bytes that an earlier run had brought.
    pub(super) earlier: HashMap<SocketAddr, u64>,
    /// What is sent, for the last line: `1,204 items, 3.8 GB`.
    pub(super) contents: Option<String>,
    pub(super) skipped: usize,
    /// More than one receiver may come, so lines name theirs.
    pub(super) several: bool,
    /// When the page's address is shown as a QR code.
    pub(super) qr: Qr,
    /// A question waits for its answer.
    pub(super) asking: bool,
}

impl Screen {
    pub(super) fn say(&mut self, line: &str) {
        if !self.quiet {
            self.print(&text::harmless(line));
        }
    }

    /// Prints a line that is harmless already.
    pub(super) fn print(&mut self, line: &str) {
        let Self { bars, err, .. } = self;
        bars.around(|| {
            let _ = writeln!(err, "{line}");
        });
    }

    /// What is about to be sent, in one line; a person knows the text that was typed.
    fn gathered(&mut self, offer: &Offer, skipped: u64) {
        self.contents = Some(text::contents(offer));
        let mut line = text::offer(offer);
        if skipped > 0 {
            let skipped = text::plural(skipped, "item");
            line.push_str(&format!("  ({skipped} skipped: --dry-run lists them)"));
        }
        if offer.kind != Kind::Text {
            self.say(&line);
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let now = Instant::now();
        if let Some(json) = &mut self.json {
            // the receiver's end is told by `received`, which knows a text
            if self.role == Role::Sender || !matches!(event, Event::Done { .. }) {
                json.event(event).iter().for_each(|line| print_line(line));
            }
        }
        match event {
            Event::Gathered { offer, skipped } => self.gathered(offer, *skipped),
            Event::Waiting {
                code,
                addresses,
                interfaces,
                page,
            } => self.waiting(code, addresses, interfaces, page.as_ref()),
            Event::Searching { seen } => {
                self.say(&format!("Still looking.  {seen}"));
                self.say("If you know the sender's address: hayate receive CODE --from ADDRESS");
            }
            Event::Paired {
                peer,
                cipher,
                transport,
            } => {
                self.peers.insert(*peer, now);
                let detail = if self.verbose {
                    format!(" ({cipher})")
                } else {
                    String::new()
                };
                self.say(&format!(
                    "{} connected over {}, code accepted{detail}.",
                    text::host(peer),
                    transport.name()
                ));
            }
            Event::Gone { peer, wait } => {
                self.bars.finish(*peer);
                self.peers.remove(peer);
                self.say(&format!(
                    "{} is gone; waiting {} for it to come back.",
                    text::host(peer),
                    text::span(*wait)
                ));
            }
            Event::Back { peer } => {
                self.peers.insert(*peer, now);
                match self.role {
                    // its time begins anew, and its bytes with what is resumed
                    Role::Sender => drop(self.earlier.remove(peer)),
                    _ => drop(self.earlier.entry(*peer).or_insert(0)),
                }
                self.say(&format!("{} is back.", text::host(peer)));
            }
            Event::AuthFailed { peer, left } => {
                let rest = match left {
                    0 => "this code phrase is burned".to_owned(),
                    _ => format!(
                        "{} left",
                        text::plural(u64::from(*left), "try").replace("trys", "tries")
                    ),
                };
                self.warn(&format!(
                    "{} did not prove the code; {rest}",
                    text::host(peer)
                ));
            }
            Event::Offered(Offered { peer, .. }) if self.role == Role::Sender => {
                self.say(&format!("Waiting for {} to accept.", text::host(peer)));
            }
            Event::Accepted { peer } => {
                self.peers.insert(*peer, now);
            }
            Event::Resumed { peer, bytes } => {
                self.earlier.entry(*peer).or_insert(*bytes);
                self.say(&format!(
                    "Going on behind the {} that are there already.",
                    text::bytes(*bytes)
                ));
            }
            Event::Kept { path } => {
                self.bars.clear();
                self.say(&format!(
                    "What arrived is kept in {}: run both sides again to go on, or hayate clean to drop it.",
                    super::place(path)
                ));
            }
            Event::Progress { peer, progress } => {
                if let Some(line) = self.bars.update(*peer, progress, now) {
                    self.say(&line);
                }
            }
            Event::Skipped { path, why } => self.skipped(path, why),
            Event::Warning(message) => self.warn(message),
            Event::Done {
                peer,
                bytes,
                blake3,
                ..
            } if self.role == Role::Sender => {
                self.bars.finish(*peer);
                let since = self.peers.remove(peer).unwrap_or(now);
                let verified = ", verified by the receiver";
                let mut line = self.summary(
                    *peer,
                    *bytes,
                    now.saturating_duration_since(since),
                    blake3,
                    verified,
                );
                if self.several {
                    line = format!("{}: {line}", text::host(peer));
                }
                self.say(&line);
            }
            _ => {}
        }
    }

    fn waiting(
        &mut self,
        code: &str,
        addresses: &[SocketAddr],
        interfaces: &[String],
        page: Option<&Page>,
    ) {
        if self.role == Role::Sender && self.json.is_none() && !io::stdout().is_terminal() {
            print_line(&text::harmless(code));
        }
        let code = text::harmless(code).into_owned();
        if self.role == Role::Sender {
            let listen = if addresses.is_empty() {
                "--listen "
            } else {
                ""
            };
            let line = format!(
                "  On another computer   hayate receive {listen}{}",
                bold(&code)
            );
            if !self.quiet {
                self.print("");
                self.print(&line);
                if let Some(page) = page {
                    self.page(page, &code);
                }
                self.print("");
            } else if self.json.is_none() && io::stdout().is_terminal() {
                self.print(&code);
            }
        }
        if addresses.is_empty() {
            return self.say("Connecting.  Ctrl-C cancels.");
        }
        let place = |(at, address): (usize, &SocketAddr)| {
            let host = if self.verbose {
                text::endpoint(address)
            } else {
                text::host(address)
            };
            match interfaces.get(at).filter(|name| !name.is_empty()) {
                Some(interface) => format!("{host} ({interface})"),
                None => host,
            }
        };
        let mut places: Vec<_> = addresses.iter().enumerate().map(place).collect();
        if places.len() > PLACES && !self.verbose {
            let more = places.len() - PLACES;
            places.truncate(PLACES);
            places.push(format!("{more} more"));
        }
        self.say(&format!(
            "Waiting on {}.  Ctrl-C cancels.",
            places.join(", ")
        ));
    }

    /// What a phone needs: the address of the page, and the same for its camera.
    fn page(&mut self, page: &Page, code: &str) {
        let line = match page.url.split_once('#') {
            // Somebody else's page has to be told more than the code.
            Some((_, fragment)) if fragment.starts_with("code=") => page.url.clone(),
            Some((address, _)) => format!("{address}   code {}", bold(code)),
            None => page.url.clone(),
        };
        self.print(&format!("  On a phone            {line}"));
        if self.verbose {
            let digest: Vec<_> = page
                .certificate
                .iter()
                .map(|b| format!("{b:02X}"))
                .collect();
            let digest = digest.join(":");
            self.print(&format!("  Its certificate       SHA-256 {digest}"));
        }
        let colour = self.err.current_choice() != ColorChoice::Never;
        let code = match self.qr {
            Qr::Never => None,
            Qr::Always => qr::lines(&page.url, colour),
            Qr::Auto if !colour || !qr::can_show() => None,
            Qr::Auto => qr::lines(&page.url, colour).filter(|lines| qr::fits(lines)),
        };
        let Some(lines) = code else { return };
        self.print("");
        for line in lines {
            self.print(&line);
        }
    }

    fn skipped(&mut self, path: &[u8], why: &str) {
        self.skipped += 1;
        let shown = self.verbose || (self.role == Role::Receiver && self.skipped <= SKIPPED);
        if shown {
            self.say(&format!("skipped \"{}\": {why}", escape(path)));
        } else if self.role == Role::Receiver && self.skipped == SKIPPED + 1 {
            self.say("more items are skipped: -v names them all");
        }
    }

    pub(super) fn warn(&mut self, message: &str) {
        if !self.quiet {
            let line = format!("{} {}", yellow("warning:"), text::harmless(message));
            self.print(&line);
        }
    }

    /// `Done: 1,204 items, 3.8 GB in 34 s (112 MB/s), verified by the receiver.  blake3 9f1c…`
    pub(super) fn summary(
        &self,
        peer: SocketAddr,
        bytes: u64,
        elapsed: Duration,
        blake3: &[u8],
        how: &str,
    ) -> String {
        let contents = self.contents.clone().unwrap_or_else(|| text::bytes(bytes));
        let earlier = self.earlier.get(&peer).copied().unwrap_or(0);
        let moved = bytes.saturating_sub(earlier);
        let seconds = elapsed.as_secs_f64();
        let rate = match seconds > 0.0 {
            true => format!(" ({})", text::rate(moved as f64 / seconds)),
            false => String::new(),
        };
        let digest = text::hex(blake3);
        let digest = match self.verbose {
            true => digest,
            false => format!("{}…", &digest[..digest.len().min(16)]),
        };
        format!(
            "Done: {contents} in {}{rate}{how}.  blake3 {digest}",
            text::span(elapsed)
        )
    }
}

fn bold(text: &str) -> String {
    format!("\u{1b}[1m{text}\u{1b}[0m")
}

pub(super) fn red(text: &str) -> String {
    format!("\u{1b}[1;31m{text}\u{1b}[0m")
}

fn yellow(text: &str) -> String {
    format!("\u{1b}[33m{text}\u{1b}[0m")
}

/// Addresses shown without `--verbose`.
const PLACES: usize = 6;
/// Skipped items a receiver names without `--verbose`.
const SKIPPED: usize = 10;
