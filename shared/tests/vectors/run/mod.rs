//! Runs the vectors of `testdata/`, natively and in wasm alike.
//!
//! A vector is headers (`key: value` lines), an empty line, and a body in hex. `expect` is `success` or the name of an
//! error, `kind` says what is run, `comment` is for people. What else a run shows, its *facts*, must stand in the headers word
//! for word.

pub(crate) mod list;
mod primitive;
mod session;

use std::collections::BTreeMap;

use hayate_shared::Error;

/// One parsed vector.
pub(crate) struct Vector<'a> {
    headers: BTreeMap<&'a str, &'a str>,
    pub(crate) body: Vec<u8>,
}

impl<'a> Vector<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let (head, body) = text.split_once("\n\n").ok_or("no empty line")?;
        let mut headers = BTreeMap::new();
        for line in head.lines() {
            let (key, value) = line
                .split_once(": ")
                .ok_or_else(|| format!("not a header: {line}"))?;
            if headers.insert(key, value).is_some() {
                return Err(format!("{key} comes twice"));
            }
        }
        let body = unhex(body)?;
        Ok(Self { headers, body })
    }

    pub(crate) fn get(&self, key: &str) -> Result<&'a str, String> {
        self.headers
            .get(key)
            .copied()
            .ok_or_else(|| format!("no {key}"))
    }

    pub(crate) fn number(&self, key: &str) -> Result<u64, String> {
        self.get(key)?
            .parse()
            .map_err(|_| format!("{key} is no number"))
    }

    pub(crate) fn bytes(&self, key: &str) -> Result<Vec<u8>, String> {
        unhex(self.headers.get(key).copied().unwrap_or_default())
    }

    pub(crate) fn array<const N: usize>(&self, key: &str) -> Result<[u8; N], String> {
        let bytes = self.bytes(key)?;
        bytes
            .try_into()
            .map_err(|_| format!("{key} has another length"))
    }
}

/// What a run came to: the name of its end, and what it showed on the way.
pub(crate) struct Outcome {
    end: String,
    facts: Vec<(&'static str, String)>,
}

impl Outcome {
    pub(crate) fn new(end: impl Into<String>) -> Self {
        Self {
            end: end.into(),
            facts: Vec::new(),
        }
    }

    pub(crate) fn fact(mut self, key: &'static str, value: impl ToString) -> Self {
        self.facts.push((key, value.to_string()));
        self
    }
}

/// Runs a vector.
///
/// # Errors
/// How it went otherwise than it says.
pub(crate) fn run(text: &str) -> Result<(), String> {
    let vector = Vector::parse(text)?;
    let outcome = match vector.get("kind")? {
        "aead" => primitive::aead(&vector)?,
        "archive" => primitive::archive(&vector)?,
        "beacon" => primitive::beacon(&vector)?,
        "block" => session::block(&vector)?,
        "code" => primitive::code(&vector)?,
        "cpace" => primitive::cpace(&vector)?,
        "frames" => session::frames(&vector)?,
        "message" => session::message(&vector)?,
        "name" => primitive::name(&vector)?,
        "path" => primitive::path(&vector)?,
        "receiver" => session::receiver(&vector)?,
        "sender" => session::sender(&vector)?,
        "tree" => primitive::tree(&vector)?,
        "zstd" => session::zstd(&vector)?,
        kind => return Err(format!("nothing runs the kind {kind}")),
    };
    let expected = vector.get("expect")?;
    if outcome.end != expected {
        return Err(format!("{} and not {expected}", outcome.end));
    }
    for (key, value) in &outcome.facts {
        let expected = vector.headers.get(key).copied();
        if expected != Some(value) {
            return Err(format!("{key}: {value}"));
        }
    }
    Ok(())
}

/// The stable name of an error.
pub(crate) fn name(error: &Error) -> String {
    match error {
        Error::Version { theirs } => format!("version {theirs}"),
        Error::WrongCode { .. } => "wrong-code".into(),
        Error::Burned => "burned".into(),
        Error::Busy => "busy".into(),
        Error::Over => "over".into(),
        Error::Tampered => "tampered".into(),
        Error::Malformed(_) => "malformed".into(),
        Error::Unexpected(_) => "unexpected".into(),
        Error::Mismatch(_) => "mismatch".into(),
        Error::Unsafe(_) => "unsafe".into(),
        Error::Peer { reason, .. } => format!("peer {}", *reason as u8),
        Error::Ended(reason) => format!("ended {}", *reason as u8),
        Error::Disconnected => "disconnected".into(),
        other => format!("{other:?}"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_ascii_whitespace()) {
        let digit = c
            .to_digit(16)
            .ok_or_else(|| format!("{c} is no hex digit"))?;
        digits.push(digit as u8);
    }
    if !digits.len().is_multiple_of(2) {
        return Err("half a byte".into());
    }
    Ok(digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect())
}
