//! Events for programs: one JSON object a line on standard output, as `events.schema.json` describes.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use hayate::{Event, Offered, Progress, Received};
use serde_json::{Map, Value, json};
use shared::Kind;

use super::text::{binary_rate, endpoint, hex};
use crate::{
    bench::{Measured, Verdict},
    doctor::Finding,
    failure::Failure,
};

/// Turns events into lines.
pub(crate) struct Lines {
    start: Instant,
    peers: HashMap<SocketAddr, Peer>,
}

/// What is remembered of a peer between events.
#[derive(Default)]
struct Peer {
    accepted: Duration,
    told: Option<Duration>,
    current: Option<Vec<u8>>,
}

impl Lines {
    /// Lines whose `t_ms` counts from `start`.
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            peers: HashMap::new(),
        }
    }

    /// The first line: what this process is.
    pub(crate) fn start(&self, role: &str) -> String {
        self.line(
            "start",
            json!({ "role": role, "version": env!("CARGO_PKG_VERSION") }),
        )
    }

    /// The lines for one event of the library; none where it says nothing new.
    pub(crate) fn event(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::Waiting {
                code,
                addresses,
                interfaces,
                page,
            } => vec![self.line(
                "waiting",
                json!({
                    "code": code,
                    "addresses": addresses.iter().map(endpoint).collect::<Vec<_>>(),
                    "interfaces": interfaces,
                    "port": addresses.first().map(SocketAddr::port),
                    "url": page.as_ref().map(|page| &page.url),
                    "certificate": page.as_ref().map(|page| hex(&page.certificate)),
                }),
            )],
            Event::Searching { seen } => vec![self.warning(seen)],
            Event::Warning(message) => vec![self.warning(message)],
            Event::Paired {
                peer,
                cipher,
                transport,
            } => {
                let transport = transport.name();
                let fields =
                    json!({ "peer": endpoint(peer), "cipher": cipher, "transport": transport });
                vec![self.line("peer", fields)]
            }
            Event::Gone { peer, wait } => {
                self.peers.remove(peer);
                let wait = wait.as_millis() as u64;
                vec![self.line("gone", json!({ "peer": endpoint(peer), "wait_ms": wait }))]
            }
            Event::Back { peer } => {
                vec![self.line("back", json!({ "peer": endpoint(peer) }))]
            }
            Event::AuthFailed { peer, left } => {
                vec![self.line(
                    "auth_failed",
                    json!({ "peer": endpoint(peer), "left": left }),
                )]
            }
            Event::Offered(offered) => vec![self.offer(offered)],
            Event::Accepted { peer } => vec![self.consent(*peer, true)],
            Event::Resumed { peer, bytes } => {
                let fields = json!({ "peer": endpoint(peer), "bytes": bytes });
                vec![self.line("resumed", fields)]
            }
            Event::Kept { path } => {
                let mut fields = json!({});
                name(&mut fields, "path", path.as_os_str().as_encoded_bytes());
                vec![self.line("kept", fields)]
            }
            Event::Progress { peer, progress } => self.progress(*peer, progress),
            Event::Skipped { path, why } => {
                let mut fields = json!({ "why": why });
                name(&mut fields, "path", path);
                vec![self.line("skipped", fields)]
            }
            Event::Done {
                peer,
                bytes,
                blake3,
                path,
            } => self.done(*peer, *bytes, blake3, path.as_deref(), None),
            _ => Vec::new(),
        }
    }

    /// The last lines of a successful receiver: like [`Event::Done`], with a text that came.
    pub(crate) fn received(&mut self, received: &Received) -> Vec<String> {
        let Received {
            peer,
            bytes,
            blake3,
            path,
            text,
            ..
        } = received;
        self.done(*peer, *bytes, blake3, path.as_deref(), text.as_deref())
    }

    /// What a dry run would offer.
    pub(crate) fn survey(&self, path: &[u8], bytes: u64, entries: u64) -> String {
        let mut fields = json!({ "peer": null, "kind": null, "bytes": bytes, "entries": entries });
        name(&mut fields, "name", path);
        self.line("offer", fields)
    }

    /// Whether the receiver agreed.
    pub(crate) fn consent(&mut self, peer: SocketAddr, accepted: bool) -> String {
        let now = self.start.elapsed();
        self.peers.entry(peer).or_default().accepted = now;
        self.line(
            "consent",
            json!({ "peer": endpoint(&peer), "accepted": accepted }),
        )
    }

    /// The last line of a failure.
    pub(crate) fn error(&self, failure: &Failure) -> String {
        let (kind, message, hint) = match failure {
            Failure::Said {
                message,
                hint,
                kind,
            } => (kind.name(), message.as_str(), hint.as_deref()),
            Failure::Interrupted(_) => ("cancelled", "interrupted", None),
            Failure::Hindered => ("hindered", "something hinders transfers", None),
        };
        let exit = failure.exit_code();
        self.line(
            "error",
            json!({ "kind": kind, "exit": exit, "message": message, "hint": hint }),
        )
    }

    /// A part of a transfer that was measured.
    pub(crate) fn measured(&self, part: &Measured) -> String {
        let fields = json!({
            "what": part.what.name(),
            "bytes": part.bytes,
            "elapsed_ms": part.spent.wall.as_millis() as u64,
            "bytes_per_s": part.rate() as u64,
            "cpu_s_per_gib": part.cpu(),
        });
        self.line("measured", fields)
    }

    /// Which part is the slowest.
    pub(crate) fn verdict(&self, verdict: &Verdict) -> String {
        let Verdict { slowest, next, .. } = verdict;
        let fields = json!({
            "what": slowest.what.name(),
            "bytes_per_s": slowest.rate as u64,
            "next": next.as_ref().map(|next| next.what.name()),
            "next_bytes_per_s": next.as_ref().map(|next| next.rate as u64),
            "message": verdict.sentence(binary_rate),
        });
        self.line("limit", fields)
    }

    /// What the doctor found out about one thing.
    pub(crate) fn found(&self, finding: &Finding) -> String {
        let Finding {
            what,
            level,
            message,
            advice,
        } = finding;
        let fields =
            json!({ "what": what, "level": level.name(), "message": message, "advice": advice });
        self.line("checked", fields)
    }

    fn warning(&self, message: &str) -> String {
        self.line("warning", json!({ "message": message }))
    }

    fn offer(&self, offered: &Offered) -> String {
        let offer = &offered.offer;
        let (kind, names): (_, &[_]) = match &offer.kind {
            Kind::File { .. } => ("file", &[]),
            Kind::Text => ("text", &[]),
            Kind::Directory { .. } => ("directory", &[]),
            Kind::Items { names } => ("items", names),
            Kind::Stream => ("stream", &[]),
        };
        let bytes = offer.payload.map(|_| offer.bytes);
        let mut fields = json!({ "peer": endpoint(&offered.peer), "kind": kind, "bytes": bytes, "entries": offer.entries });
        name(&mut fields, "name", offer.name.as_bytes());
        if !names.is_empty() {
            let names = names
                .iter()
                .map(|name| String::from_utf8_lossy(name.as_bytes()));
            fields["names"] = names.collect();
        }
        self.line("offer", fields)
    }

    fn progress(&mut self, peer: SocketAddr, progress: &Progress) -> Vec<String> {
        let now = self.start.elapsed();
        let mut lines = Vec::new();
        let state = self.peers.entry(peer).or_default();
        let finished = (state.current != progress.current)
            .then(|| std::mem::replace(&mut state.current, progress.current.clone()))
            .flatten();
        let due = state.told.is_none_or(|told| now >= told + INTERVAL);
        if due {
            state.told = Some(now);
        }
        if let Some(path) = finished {
            lines.push(self.file_done(peer, &path));
        }
        if due || progress.total == Some(progress.done) {
            let mut fields =
                json!({ "peer": endpoint(&peer), "done": progress.done, "total": progress.total });
            if let Some(current) = &progress.current {
                name(&mut fields, "path", current);
            }
            lines.push(self.line("progress", fields));
        }
        lines
    }

    fn file_done(&self, peer: SocketAddr, path: &[u8]) -> String {
        let mut fields = json!({ "peer": endpoint(&peer) });
        name(&mut fields, "path", path);
        self.line("file_done", fields)
    }

    fn done(
        &mut self,
        peer: SocketAddr,
        bytes: u64,
        blake3: &[u8],
        path: Option<&Path>,
        text: Option<&str>,
    ) -> Vec<String> {
        let state = self.peers.remove(&peer).unwrap_or_default();
        let elapsed = self.start.elapsed().saturating_sub(state.accepted);
        let mut lines: Vec<_> = state
            .current
            .iter()
            .map(|path| self.file_done(peer, path))
            .collect();
        let mut fields = json!({
            "peer": endpoint(&peer), "bytes": bytes, "blake3": hex(blake3), "elapsed_ms": elapsed.as_millis() as u64,
        });
        if let Some(path) = path {
            name(&mut fields, "path", path.as_os_str().as_encoded_bytes());
        }
        if let Some(text) = text {
            fields["text"] = text.into();
        }
        lines.push(self.line("done", fields));
        lines
    }

    fn line(&self, event: &str, fields: Value) -> String {
        let mut object = Map::new();
        object.insert("v".to_owned(), VERSION.into());
        object.insert("event".to_owned(), event.into());
        let t_ms = self.start.elapsed().as_millis() as u64;
        object.insert("t_ms".to_owned(), t_ms.into());
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        ascii(&Value::Object(object).to_string())
    }
}

/// Puts a name under `key`; one that is not UTF-8 is approximated there and exact, in hex, under `key_hex`.
fn name(fields: &mut Value, key: &str, bytes: &[u8]) {
    fields[key] = String::from_utf8_lossy(bytes).into();
    if std::str::from_utf8(bytes).is_err() {
        fields[format!("{key}_hex")] = hex(bytes).into();
    }
}

/// The same JSON in ASCII without DEL: no name can steer a terminal this is printed on.
fn ascii(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        if (' '..='~').contains(&c) {
            line.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    line
}

/// The version of the events; it changes when a field changes its meaning or goes.
const VERSION: u64 = 1;
/// At most ten progress lines a second for each peer.
const INTERVAL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ascii_and_mean_the_same() {
        let value = json!({ "name": "é\u{202e}\u{7f}\u{9b}\u{1f600}\u{1b}\n\"\\" });
        let line = ascii(&value.to_string());
        assert!(
            line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{line}"
        );
        assert_eq!(serde_json::from_str::<Value>(&line).ok(), Some(value));
    }

    #[test]
    fn names_that_are_not_utf_8_are_exact_in_hex() {
        let mut fields = json!({});
        name(&mut fields, "path", b"a\xff");
        assert_eq!(fields["path"], "a\u{fffd}");
        assert_eq!(fields["path_hex"], "61ff");
    }
}
