//! Archives made by hand, so that anything can be wrong with them.

use super::*;

/// A ustar header with every field free to be changed; the checksum is right.
pub(super) fn header(name: &[u8], typeflag: u8, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut unit = vec![0; 512];
    let mut field = |at: usize, text: &[u8]| unit[at..at + text.len()].copy_from_slice(text);
    field(0, name);
    field(100, b"0000644");
    field(124, b"00000000000");
    field(136, b"00000000000");
    field(156, &[typeflag]);
    field(257, b"ustar\x0000");
    change(&mut unit);
    unit[148..156].fill(b' ');
    let sum: u32 = unit.iter().map(|&byte| u32::from(byte)).sum();
    unit[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    unit
}

pub(super) fn plain(name: &str, typeflag: u8) -> Vec<u8> {
    header(name.as_bytes(), typeflag, |_| {})
}

pub(super) fn set(at: usize, text: &[u8]) -> impl FnOnce(&mut [u8]) {
    move |unit| unit[at..at + text.len()].copy_from_slice(text)
}

pub(super) fn sized(name: &str, typeflag: u8, size: usize) -> Vec<u8> {
    header(
        name.as_bytes(),
        typeflag,
        set(124, format!("{size:011o}").as_bytes()),
    )
}

pub(super) fn pax(data: &[u8]) -> Vec<u8> {
    let mut bytes = sized("PaxHeader", b'x', data.len());
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(super) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest + 1..)
        .find(|length| *length == rest + length.to_string().len())
        .unwrap();
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

pub(super) fn archive(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), vec![0; 1024]].concat()
}

pub(super) fn accept(parts: &[Vec<u8>]) -> Vec<Entry> {
    let (entries, _) = read(LINKS, [&archive(parts)[..]]).unwrap();
    entries.into_iter().map(|(entry, _)| entry).collect()
}

pub(super) fn refuse_with(policy: Policy, parts: &[Vec<u8>]) -> Error {
    let bytes = archive(parts);
    let error = read(policy, [&bytes[..]]).unwrap_err();
    assert_eq!(read(policy, bytes.chunks(100)).unwrap_err(), error);
    error
}

pub(super) fn refuse(parts: &[Vec<u8>]) -> Error {
    refuse_with(LINKS, parts)
}

/// The name in an error about unsafe content.
pub(super) fn unsafe_name(error: Error) -> Vec<u8> {
    match error {
        Error::Unsafe(error) => error.name,
        other => panic!("{other}"),
    }
}

pub(super) fn assert_malformed(error: Error) {
    assert!(matches!(error, Error::Malformed(_)), "{error}");
}
