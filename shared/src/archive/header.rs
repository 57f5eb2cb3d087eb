//! One entry as headers, and back.

use tar::{EntryType, Header};

use super::pax::{self, Records};
use super::{Entry, Kind, MTIMES, UNIT};
use crate::error::{Error, UnsafeContent};
use crate::path::SafePath;

/// The largest number 11 octal digits hold: 8 GiB - 1.
const MAX_OCTAL: u64 = (1 << 33) - 1;

/// Everything of an entry that comes before its content; a whole number of units.
///
/// A value goes into the ustar header wherever it fits, whatever its bytes: GNU tar takes a name that
/// is not UTF-8 from there as it is, and so it needs no PAX header, for which POSIX wants UTF-8.
pub(super) fn write(entry: &Entry) -> Vec<u8> {
    let mut records = Vec::new();
    let mut header = Header::new_ustar();
    let ustar = header.as_ustar_mut().expect("made as ustar just above");
    match split_path(entry.path.as_bytes()) {
        Some((prefix, name)) => {
            ustar.prefix[..prefix.len()].copy_from_slice(prefix);
            ustar.name[..name.len()].copy_from_slice(name);
        }
        None => {
            let name = entry.path.name();
            let shown = name.as_bytes().iter().take(ustar.name.len());
            ustar
                .name
                .iter_mut()
                .zip(shown)
                .for_each(|(to, from)| *to = *from);
            pax::append(&mut records, "path", entry.path.as_bytes());
        }
    }
    ustar.set_device_major(0);
    ustar.set_device_minor(0);
    let (kind, mode) = match &entry.kind {
        Kind::File if entry.executable => (EntryType::Regular, 0o755),
        Kind::File => (EntryType::Regular, 0o644),
        Kind::Directory => (EntryType::Directory, 0o755),
        Kind::Symlink { target } => {
            match ustar.linkname.get_mut(..target.len()) {
                Some(linkname) => linkname.copy_from_slice(target),
                None => pax::append(&mut records, "linkpath", target),
            }
            (EntryType::Symlink, 0o777)
        }
    };
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    if entry.size <= MAX_OCTAL {
        header.set_size(entry.size);
    } else {
        header.set_size(0);
        pax::append(&mut records, "size", entry.size.to_string().as_bytes());
    }
    match u64::try_from(entry.mtime) {
        Ok(mtime) if mtime <= MAX_OCTAL => header.set_mtime(mtime),
        _ => pax::append(&mut records, "mtime", entry.mtime.to_string().as_bytes()),
    }
    header.set_cksum();

    let mut bytes = Vec::with_capacity(UNIT);
    if !records.is_empty() {
        bytes.extend_from_slice(pax_header(records.len() as u64).as_bytes());
        bytes.append(&mut records);
        bytes.resize(bytes.len().next_multiple_of(UNIT), 0);
    }
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

fn pax_header(size: u64) -> Header {
    let mut header = Header::new_ustar();
    let ustar = header.as_ustar_mut().expect("made as ustar just above");
    ustar.name[..9].copy_from_slice(b"PaxHeader");
    ustar.set_device_major(0);
    ustar.set_device_minor(0);
    header.set_entry_type(EntryType::XHeader);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_cksum();
    header
}

/// The path as the two fields of a ustar header; `None` if it does not fit.
fn split_path(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= 100 {
        return Some((b"", path));
    }
    // The longest prefix leaves the shortest name.
    let slash = path.iter().take(156).rposition(|&byte| byte == b'/')?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (name.len() <= 100).then_some((prefix, name))
}

/// What a header turned out to be.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Data of a PAX header follows, this many bytes.
    Pax(u64),
    /// Content of this entry follows.
    Entry(Entry),
}

/// Reads a header that is not all zeros; `records` come from the PAX header before it.
pub(super) fn parse(
    unit: &[u8; UNIT],
    records: Option<Records>,
    links: bool,
) -> Result<Parsed, Error> {
    let header = Header::from_byte_slice(unit);
    if octal(&header.as_old().cksum) != Some(checksum(unit)) {
        return Err(Error::Malformed("an archive header with a wrong checksum"));
    }
    let ustar = header
        .as_ustar()
        .ok_or(Error::Malformed("an archive header that is not ustar"))?;
    let size = octal(&ustar.size).ok_or(Error::Malformed("an archive entry without a size"))?;
    let typeflag = ustar.typeflag[0];
    if typeflag == b'x' {
        return match records {
            None => Ok(Parsed::Pax(size)),
            Some(_) => Err(Error::Malformed("two PAX headers in a row")),
        };
    }
    if let b'L' | b'K' = typeflag {
        return Err(Error::Malformed("a GNU long name in the archive"));
    }

    let records = records.unwrap_or_default();
    let path = match records.path {
        Some(path) => path,
        None => join_path(text(&ustar.prefix)?, text(&ustar.name)?),
    };
    let linkname = text(&ustar.linkname)?;
    let kind = match typeflag {
        b'0' => Kind::File,
        b'5' => Kind::Directory,
        b'2' if links => Kind::Symlink {
            target: records
                .linkpath
                .clone()
                .unwrap_or_else(|| linkname.to_vec()),
        },
        _ => {
            let what = foreign_kind(typeflag);
            return Err(UnsafeContent { what, name: path }.into());
        }
    };
    let path = SafePath::parse(&path)?;
    let is_link = matches!(kind, Kind::Symlink { .. });
    if !is_link && (records.linkpath.is_some() || !linkname.is_empty()) {
        return Err(Error::Malformed("a link target on what is not a link"));
    }
    let mtime = match records.mtime {
        Some(mtime) => mtime,
        None => octal(&ustar.mtime)
            .and_then(|mtime| i64::try_from(mtime).ok())
            .ok_or(Error::Malformed("an archive entry without a time"))?,
    };
    let mode = octal(&ustar.mode).ok_or(Error::Malformed("an archive entry without a mode"))?;
    Ok(Parsed::Entry(Entry {
        executable: kind == Kind::File && mode & 0o100 != 0,
        path,
        kind,
        size: agreed_size(size, records.size)?,
        mtime: mtime.clamp(*MTIMES.start(), *MTIMES.end()),
    }))
}

/// The one size of an entry. Two that differ are how entries have been smuggled past other readers.
fn agreed_size(ustar: u64, pax: Option<u64>) -> Result<u64, Error> {
    match pax {
        None => Ok(ustar),
        Some(pax) if pax == ustar => Ok(pax),
        Some(pax) if pax > MAX_OCTAL && ustar == 0 && i64::try_from(pax).is_ok() => Ok(pax),
        Some(_) => Err(Error::Malformed("an archive entry with two sizes")),
    }
}

fn join_path(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if prefix.is_empty() {
        name.to_vec()
    } else {
        [prefix, b"/", name].concat()
    }
}

/// What a field says up to its first NUL, after which there must be nothing else.
fn text(field: &[u8]) -> Result<&[u8], Error> {
    let end = field.iter().position(|&byte| byte == 0);
    let (text, rest) = field.split_at(end.unwrap_or(field.len()));
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Error::Malformed("an archive header with a NUL in a name"));
    }
    Ok(text)
}

/// A number as POSIX writes it: octal digits, then spaces or NULs. GNU's binary numbers are none.
fn octal(field: &[u8]) -> Option<u64> {
    let end = field.iter().rposition(|byte| !b" \0".contains(byte))?;
    field[..=end].iter().try_fold(0_u64, |number, &byte| {
        let digit = matches!(byte, b'0'..=b'7').then(|| u64::from(byte - b'0'))?;
        number.checked_mul(8)?.checked_add(digit)
    })
}

/// The sum of all bytes, with spaces in place of the sum itself.
fn checksum(unit: &[u8; UNIT]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    sum(&unit[..148]) + 8 * u64::from(b' ') + sum(&unit[156..])
}

fn foreign_kind(typeflag: u8) -> &'static str {
    match typeflag {
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'6' => "a named pipe",
        b'g' => "a header for the whole archive",
        b'S' => "a sparse file",
        _ => "an archive entry of an unknown kind",
    }
}
