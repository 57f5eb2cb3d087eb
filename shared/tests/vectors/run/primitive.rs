//! Vectors of what stands on its own: ciphers, codes, names, beacons, archives.

use bytes::Bytes;
use hayate_shared::{
    Code, Error,
    archive::{Event, Kind, Policy, Reader, Summary},
    cipher::{self, Aead, Suite},
    code::CodeError,
    discovery::Beacon,
    pake,
    path::{SafeName, SafePath},
    tree::{BlockHash, Tree},
};

use super::{Outcome, Vector, hex, name as error_name};
use crate::peer::keys;

/// Opens the body with every implementation this build has; what opens must seal to the same bytes.
pub(crate) fn aead(vector: &Vector<'_>) -> Result<Outcome, String> {
    let suite = Suite::from_code(vector.number("suite")? as u8).ok_or("no such suite")?;
    let (key, nonce) = (vector.array("key")?, vector.array("nonce")?);
    let associated = vector.bytes("aad")?;
    let portable = cipher::portable::key(suite, &key);
    let outcome = open(&*portable, &nonce, &associated, &vector.body)?;
    #[cfg(feature = "native")]
    {
        let native = cipher::native::key(suite, &key);
        let other = open(&*native, &nonce, &associated, &vector.body)?;
        if other.end != outcome.end || other.facts != outcome.facts {
            return Err(format!("ring says {}, portable {}", other.end, outcome.end));
        }
    }
    Ok(outcome)
}

fn open(
    key: &dyn Aead,
    nonce: &[u8; 12],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Outcome, String> {
    let split = sealed.len().checked_sub(cipher::TAG).ok_or("no tag")?;
    let (mut buffer, tag) = (sealed[..split].to_vec(), sealed[split..].to_vec());
    let tag = tag.try_into().map_err(|_| "no tag")?;
    if key.open(nonce, associated, &mut buffer, &tag).is_err() {
        return Ok(Outcome::new("tampered"));
    }
    let plaintext = hex(&buffer);
    if key.seal(nonce, associated, &mut buffer) != tag || buffer != sealed[..split] {
        return Err("it opens, but does not seal to the same bytes".into());
    }
    Ok(Outcome::new("success").fact("plaintext", plaintext))
}

/// The reference of `tests/peer` on the draft's numbers; with a body, that body as a share of the other party.
pub(crate) fn cpace(vector: &Vector<'_>) -> Result<Outcome, String> {
    if !vector.body.is_empty() {
        let share = vector.body[..].try_into().map_err(|_| "no share")?;
        let context = pake::Context {
            channel: b"",
            session: b"",
            first: b"",
            second: b"",
        };
        let respond = pake::respond(&share, b"Password", context, &[7; 32]);
        let (_, pending) =
            pake::start(b"Password", context, &[7; 32]).map_err(|e| e.to_string())?;
        let finish = pending.finish(&share, context);
        return match (respond, finish) {
            (Ok(_), Ok(_)) => Ok(Outcome::new("success")),
            (Err(a), Err(b)) if a == b => Ok(Outcome::new(error_name(&a))),
            _ => Err("the two parties differ".into()),
        };
    }
    let (prs, ci, sid) = (
        vector.bytes("prs")?,
        vector.bytes("ci")?,
        vector.bytes("sid")?,
    );
    let (ada, adb) = (vector.bytes("ada")?, vector.bytes("adb")?);
    let scalar = |key| -> Result<_, String> {
        Option::from(curve25519_dalek::Scalar::from_canonical_bytes(
            vector.array(key)?,
        ))
        .ok_or_else(|| format!("{key} is no scalar"))
    };
    let (a, b): (curve25519_dalek::Scalar, curve25519_dalek::Scalar) = (scalar("a")?, scalar("b")?);
    let g = keys::generator(&prs, &ci, &sid);
    let (ya, yb) = ((a * g).compress().to_bytes(), (b * g).compress().to_bytes());
    let k = keys::secret_point(&a, &yb).ok_or("no secret")?;
    if keys::secret_point(&b, &ya) != Some(k) {
        return Err("the two secrets differ".into());
    }
    let isk = keys::isk(&sid, &k, (&ya, &ada), (&yb, &adb));
    Ok(Outcome::new("success")
        .fact("g", hex(g.compress().as_bytes()))
        .fact("ya", hex(&ya))
        .fact("yb", hex(&yb))
        .fact("k", hex(&k))
        .fact("isk", hex(&isk)))
}

pub(crate) fn code(vector: &Vector<'_>) -> Result<Outcome, String> {
    let typed = std::str::from_utf8(&vector.body).map_err(|_| "not UTF-8")?;
    Ok(match Code::parse(typed) {
        Ok(code) => Outcome::new("success")
            .fact("normal", &code)
            .fact("channel", code.channel()),
        Err(error) => Outcome::new(match error {
            CodeError::Empty => "empty",
            CodeError::TooLong => "too-long",
            CodeError::Control => "control",
            CodeError::Channel => "channel",
            CodeError::NoChannel => "no-channel",
            CodeError::TooFewWords(_) => "too-few-words",
            CodeError::TooShort => "too-short",
            CodeError::UnknownWord { .. } => "unknown-word",
        }),
    })
}

pub(crate) fn name(vector: &Vector<'_>) -> Result<Outcome, String> {
    Ok(match SafeName::parse(&vector.body) {
        Ok(name) => Outcome::new("success").fact("shown", name),
        Err(error) => Outcome::new(error_name(&Error::Unsafe(error))),
    })
}

pub(crate) fn path(vector: &Vector<'_>) -> Result<Outcome, String> {
    Ok(match SafePath::parse(&vector.body) {
        Ok(path) => Outcome::new("success").fact("depth", path.depth()),
        Err(error) => Outcome::new(error_name(&Error::Unsafe(error))),
    })
}

pub(crate) fn beacon(vector: &Vector<'_>) -> Result<Outcome, String> {
    Ok(match Beacon::decode(&vector.body) {
        Ok(Beacon::Ask { channel }) => Outcome::new("success").fact("ask", channel),
        Ok(Beacon::Announce(it)) => Outcome::new("success")
            .fact("announce", it.channel)
            .fact("session", hex(&it.session))
            .fact("ports", format!("{} {}", it.port, it.web_port))
            .fact("flags", it.flags),
        Err(error) => Outcome::new(error_name(&error)),
    })
}

/// Reads the body as an archive, whole and in pieces.
pub(crate) fn archive(vector: &Vector<'_>) -> Result<Outcome, String> {
    let policy = Policy {
        links: vector.get("links").is_ok(),
        max_entries: vector.number("entries")?,
    };
    let whole = read(policy, &vector.body, usize::MAX);
    for piece in [511, 7] {
        if read(policy, &vector.body, piece) != whole {
            return Err(format!("another result in pieces of {piece}"));
        }
    }
    Ok(match whole.1 {
        Ok(summary) => Outcome::new("success")
            .fact("tree", whole.0)
            .fact("bytes", summary.bytes),
        Err(error) => Outcome::new(error_name(&error)),
    })
}

fn read(policy: Policy, archive: &[u8], piece: usize) -> (String, Result<Summary, Error>) {
    let (mut reader, mut tree) = (Reader::new(policy), Vec::new());
    for bytes in archive.chunks(piece.min(archive.len().max(1))) {
        reader.push(Bytes::copy_from_slice(bytes));
        loop {
            match reader.next() {
                Ok(Some(Event::Entry(entry))) => tree.push(match &entry.kind {
                    Kind::File => format!(
                        "{}{} {}@{}",
                        entry.path,
                        if entry.executable { "*" } else { "" },
                        entry.size,
                        entry.mtime
                    ),
                    Kind::Directory => format!("{}/", entry.path),
                    Kind::Symlink { target } => {
                        format!("{} -> {}", entry.path, target.escape_ascii())
                    }
                }),
                Ok(Some(Event::Content(_))) => {}
                Ok(None) => break,
                Err(error) => return (String::new(), Err(error)),
            }
        }
    }
    match reader.finish() {
        Ok(summary) => (tree.join(", "), Ok(summary)),
        Err(error) => (String::new(), Err(error)),
    }
}

/// The root over so many equal bytes, and the proof over the whole blocks but the last.
pub(crate) fn tree(vector: &Vector<'_>) -> Result<Outcome, String> {
    let length = vector.number("length")? as usize;
    let byte = vector.bytes("byte")?[0];
    let blocks = length.div_ceil(hayate_shared::BLOCK).max(1);
    let mut tree = Tree::new();
    let mut proof = tree.proof();
    for index in 0..blocks {
        let end = length.min((index + 1) * hayate_shared::BLOCK);
        let block = vec![byte; end - index * hayate_shared::BLOCK];
        let last = index + 1 == blocks;
        if last {
            proof = tree.proof();
        }
        tree.push(BlockHash::of(index as u64, last, &block));
    }
    let root = tree.root().map_err(|error| error.to_string())?;
    Ok(Outcome::new("success")
        .fact("root", hex(&root))
        .fact("proof", hex(&proof)))
}
