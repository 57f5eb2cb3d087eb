//! The only writer to the terminal: what people read goes to standard error, data to standard output.

mod bar;
mod json;
mod prompt;
mod qr;
mod report;
#[cfg(test)]
mod schema;
mod screen;
mod text;

use std::{
    cell::RefCell,
    collections::HashMap,
    io::{self, ErrorKind as Io, IsTerminal as _, Write as _},
    net::SocketAddr,
    path::Path,
    rc::Rc,
    time::Instant,
};

use anstream::{AutoStream, ColorChoice};
use hayate::{ErrorKind, Event, Offered, OnConflict, Received, Survey};
use shared::path::escape;

use crate::{
    args::{Color, Global, ProgressMode, Qr},
    failure::Failure,
};

pub(crate) use prompt::can_ask;
use screen::{Screen, red};
pub(crate) use text::bytes as size;

/// Which side this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Sender,
    Receiver,
    Bench,
    Doctor,
}

/// A handle to the terminal; its clones are the same terminal.
#[derive(Clone)]
pub(crate) struct Ui(Rc<RefCell<Screen>>);

impl Ui {
    /// The terminal of a command, as the global options want it.
    pub(crate) fn new(global: &Global, role: Role, start: Instant) -> Self {
        let err = stderr(global.color);
        let terminal = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let style = match global.progress {
            _ if global.json || global.quiet => bar::Style::Nothing,
            ProgressMode::None => bar::Style::Nothing,
            ProgressMode::Auto if !terminal => bar::Style::Nothing,
            ProgressMode::Auto | ProgressMode::Bar if terminal && !dumb => bar::Style::Bar,
            _ => bar::Style::Plain,
        };
        Self(Rc::new(RefCell::new(Screen {
            role,
            quiet: global.quiet || global.json,
            verbose: global.verbose,
            err,
            json: global.json.then(|| json::Lines::new(start)),
            bars: bar::Bars::new(style),
            peers: HashMap::new(),
            earlier: HashMap::new(),
            contents: None,
            skipped: 0,
            several: false,
            qr: Qr::Never,
            asking: false,
        })))
    }

    /// Whether events go to standard output.
    pub(crate) fn is_json(&self) -> bool {
        self.0.borrow().json.is_some()
    }

    /// When the page's address is shown as a QR code; never, unless this is called.
    pub(crate) fn show_qr(&self, when: Qr) {
        self.0.borrow_mut().qr = when;
    }

    /// More than one receiver is expected.
    pub(crate) fn expect_several(&self) {
        self.0.borrow_mut().several = true;
    }

    /// The first JSON line.
    pub(crate) fn start(&self) {
        let screen = self.0.borrow();
        if let Some(json) = &screen.json {
            print_line(&json.start(match screen.role {
                Role::Sender => "send",
                Role::Receiver => "receive",
                Role::Bench => "bench",
                Role::Doctor => "doctor",
            }));
        }
    }

    /// A line for people who want to know; nothing with `--quiet`.
    pub(crate) fn say(&self, line: &str) {
        self.0.borrow_mut().say(line);
    }

    /// A line for people who want to know everything.
    pub(crate) fn detail(&self, line: &str) {
        let mut screen = self.0.borrow_mut();
        if screen.verbose {
            screen.say(line);
        }
    }

    /// Everything a transfer would send, on standard output; what it would skip, on standard error.
    pub(crate) fn list(&self, survey: &Survey) -> Result<(), Failure> {
        let mut screen = self.0.borrow_mut();
        if let Some(json) = &mut screen.json {
            print_line(&json.survey(
                &survey.name,
                survey.bytes,
                survey.entries.len().max(1) as u64,
            ));
            for (path, why) in &survey.skipped {
                let (path, why) = (path.clone(), why.clone());
                json.event(&Event::Skipped { path, why })
                    .iter()
                    .for_each(|line| print_line(line));
            }
            return Ok(());
        }
        let mut list = String::new();
        if survey.entries.is_empty() {
            list.push_str(&format!(
                "{:>8}  {}\n",
                text::bytes(survey.bytes),
                text::harmless(&escape(&survey.name))
            ));
        }
        for (path, bytes) in &survey.entries {
            list.push_str(&format!(
                "{:>8}  {}\n",
                text::bytes(*bytes),
                text::harmless(&escape(path))
            ));
        }
        write_stdout(list.as_bytes())?;
        for (path, why) in &survey.skipped {
            screen.say(&format!("skipped \"{}\": {why}", escape(path)));
        }
        Ok(())
    }

    /// Shows an event of the library.
    pub(crate) fn event(&self, event: &Event) {
        self.0.borrow_mut().event(event);
    }

    /// A question that has a yes and a no; the end of the input is a no.
    pub(crate) async fn confirm(&self, question: &str, default: bool) -> bool {
        let choices = if default { "[Y/n]" } else { "[y/N]" };
        loop {
            let Some(answer) = self.ask(&format!("{question} {choices} ")).await else {
                return false;
            };
            if let Some(answer) = prompt::yes_or_no(&answer, default) {
                return answer;
            }
        }
    }

    /// Something the person should know.
    pub(crate) fn warn(&self, line: &str) {
        self.0.borrow_mut().warn(line);
    }

    /// What to do about taken names, as `problem` calls them; `None` at the end of the input.
    pub(crate) async fn resolve(&self, problem: &str) -> Option<OnConflict> {
        let question = format!("{problem}  [r]ename the new, [o]verwrite the old, or [s]kip? [r] ");
        loop {
            match self
                .ask(&question)
                .await?
                .trim()
                .to_ascii_lowercase()
                .as_str()
            {
                "" | "r" | "rename" => return Some(OnConflict::Rename),
                "o" | "overwrite" => return Some(OnConflict::Overwrite),
                "s" | "skip" => return Some(OnConflict::Skip),
                _ => {}
            }
        }
    }

    /// A free question; `None` at the end of the input.
    pub(crate) async fn ask(&self, question: &str) -> Option<String> {
        {
            let mut screen = self.0.borrow_mut();
            screen.bars.clear();
            screen.asking = true;
        }
        let answer = prompt::ask(&text::harmless(question)).await;
        self.0.borrow_mut().asking = false;
        answer
    }

    /// Notes that this side declined.
    pub(crate) fn declined(&self, peer: SocketAddr) {
        if let Some(json) = &mut self.0.borrow_mut().json {
            print_line(&json.consent(peer, false));
        }
    }

    /// The end of a successful receiver; a text goes to standard output.
    pub(crate) fn received(&self, received: &Received) -> Result<(), Failure> {
        let mut screen = self.0.borrow_mut();
        screen.bars.clear();
        screen.peers.clear();
        if let Some(json) = &mut screen.json {
            json.received(received)
                .iter()
                .for_each(|line| print_line(line));
            return Ok(());
        }
        if let Some(text) = &received.text {
            let mut shown = if io::stdout().is_terminal() {
                text::harmless_text(text)
            } else {
                text.clone()
            };
            if !shown.ends_with('\n') {
                shown.push('\n');
            }
            write_stdout(shown.as_bytes())?;
        }
        let place = received
            .path
            .as_deref()
            .map(|path| match path == Path::new(".") {
                true => " to this directory".to_owned(),
                false => format!(" to {}", text::path(path)),
            });
        let line = screen.summary(
            received.peer,
            received.bytes,
            received.elapsed,
            &received.blake3,
            &place.unwrap_or_default(),
        );
        screen.say(&line);
        Ok(())
    }

    /// The last words of a command that failed.
    pub(crate) fn failed(&self, failure: &Failure) {
        let mut screen = self.0.borrow_mut();
        screen.bars.clear();
        if screen.asking {
            // the question ended without the answer's line
            let _ = writeln!(screen.err);
        }
        let Screen {
            json, peers, err, ..
        } = &mut *screen;
        if let Some(json) = json {
            if let Failure::Said {
                kind: ErrorKind::Declined,
                ..
            } = failure
            {
                peers
                    .keys()
                    .for_each(|peer| print_line(&json.consent(*peer, false)));
            }
            print_line(&json.error(failure));
        }
        complain(err, failure);
    }
}

/// What is offered, as the receiver's question: `192.168.1.20 offers photos/  1,204 items, 3.8 GB.`
pub(crate) fn describe(offered: &Offered) -> String {
    let mut line = format!(
        "{} offers {}.",
        text::host(&offered.peer),
        text::offer(&offered.offer)
    );
    let hidden = text::hidden(&offered.offer);
    if !hidden.is_empty() {
        line.push_str(&format!("  Hidden names: {}.", hidden.join(", ")));
    }
    line
}

/// The words of a path in a question: `./photos`.
pub(crate) fn place(path: &Path) -> String {
    let shown = text::path(path);
    if path.is_absolute() || path.starts_with(".") || path.starts_with("..") {
        shown
    } else {
        format!("./{shown}")
    }
}

/// The last words of a process whose arguments made no sense, before there is a [`Ui`].
pub(crate) fn reject(failure: &Failure, json: bool, start: Instant) {
    if json {
        print_line(&json::Lines::new(start).error(failure));
    }
    complain(&mut stderr(Color::Auto), failure);
}

/// Writes data to standard output; a reader that has gone is not a failure.
pub(crate) fn write_stdout(data: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(data).and_then(|()| out.flush()) {
        Err(error) if error.kind() != Io::BrokenPipe => Err(Failure::new(
            ErrorKind::Disk,
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// A line of data whose reader may have gone: the transfer matters more.
fn print_line(line: &str) {
    let _ = write_stdout(format!("{line}\n").as_bytes());
}

fn complain(err: &mut AutoStream<io::Stderr>, failure: &Failure) {
    let (message, hint) = match failure {
        Failure::Said { message, hint, .. } => (message.as_str(), hint.as_deref()),
        Failure::Interrupted(_) => ("interrupted", None),
        // what hinders was told one by one
        Failure::Hindered => return,
    };
    let _ = writeln!(err, "{} {}", red("hayate:"), text::harmless(message));
    if let Some(hint) = hint {
        let _ = writeln!(err, "hint: {}", text::harmless(hint));
    }
}

fn stderr(color: Color) -> AutoStream<io::Stderr> {
    let choice = match color {
        Color::Auto => AutoStream::choice(&io::stderr()),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    AutoStream::new(io::stderr(), choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_look_like_paths() {
        assert_eq!(place(Path::new("photos")), "./photos");
        assert_eq!(place(Path::new("./photos")), "./photos");
        assert_eq!(place(Path::new("/tmp/photos")), "/tmp/photos");
    }
}
