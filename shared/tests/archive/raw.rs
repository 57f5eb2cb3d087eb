//! Archives made by hand, so that anything can be wrong with them; with none of the crate's code in it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses its part; a test may panic"
)]

/// A ustar header with every field free to be changed; the checksum is right.
pub(crate) fn header(name: &[u8], typeflag: u8, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
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

pub(crate) fn plain(name: &str, typeflag: u8) -> Vec<u8> {
    header(name.as_bytes(), typeflag, |_| {})
}

pub(crate) fn set(at: usize, text: &[u8]) -> impl FnOnce(&mut [u8]) {
    move |unit| unit[at..at + text.len()].copy_from_slice(text)
}

pub(crate) fn sized(name: &str, typeflag: u8, size: usize) -> Vec<u8> {
    header(
        name.as_bytes(),
        typeflag,
        set(124, format!("{size:011o}").as_bytes()),
    )
}

pub(crate) fn pax(data: &[u8]) -> Vec<u8> {
    let mut bytes = sized("PaxHeader", b'x', data.len());
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest + 1..)
        .find(|length| *length == rest + length.to_string().len())
        .unwrap();
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

pub(crate) fn archive(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), vec![0; 1024]].concat()
}
