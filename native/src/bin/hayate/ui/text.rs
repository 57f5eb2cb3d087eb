//! Numbers, times and foreign text in the words of a person.

use std::{borrow::Cow, net::SocketAddr, path::Path, time::Duration};

use shared::{Kind, Offer, path::escape};

/// `3.8 GB`: SI units, one decimal below 10, so that the digits fit a narrow line.
pub(crate) fn bytes(bytes: u64) -> String {
    let (value, unit) = scale(bytes, bytes);
    format!("{value} {unit}")
}

/// `1.9/3.8 GB`: both in the unit of the larger.
pub(crate) fn bytes_of(done: u64, total: u64) -> String {
    let (done, _) = scale(done, total);
    let (total, unit) = scale(total, total);
    format!("{done}/{total} {unit}")
}

/// `bytes` in the unit that suits `like`.
fn scale(bytes: u64, like: u64) -> (String, &'static str) {
    // from 999.5 of a unit on, the next one is used: never "1000 kB"
    let mut divisor = 1_u64;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if like / divisor < 999
            || (like / divisor == 999 && like % divisor < divisor / 2 + divisor % 2)
        {
            break;
        }
        divisor *= 1_000;
        unit = next;
    }
    if divisor == 1 {
        return (bytes.to_string(), unit);
    }
    let value = bytes as f64 / divisor as f64;
    let text = if value < 9.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    (text, unit)
}

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// `112 MB/s`; nothing is said about no time.
pub(crate) fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", bytes(bytes_per_second.max(0.0) as u64))
}

/// `1.21 GiB/s`, `112 MiB/s`: for what is compared with other measurements.
pub(crate) fn binary_rate(bytes_per_second: f64) -> String {
    let mib = bytes_per_second.max(0.0) / f64::from(1 << 20);
    match mib {
        1_000.0.. => format!("{:.2} GiB/s", mib / 1_024.0),
        10.0.. => format!("{mib:.0} MiB/s"),
        _ => format!("{mib:.2} MiB/s"),
    }
}

/// `1,204`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 file`, `1,204 files`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        count(number),
        if number == 1 { "" } else { "s" }
    )
}

/// `0.4 s`, `17 s`, `2 min 5 s`, `1 h 4 min`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", span.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A path of this machine, harmless to print: its name may have come from a peer.
pub(crate) fn path(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

/// The address of a peer or of this machine, without what a dual-stack socket makes of IPv4.
pub(crate) fn host(address: &SocketAddr) -> String {
    address.ip().to_canonical().to_string()
}

/// The address and its port, as [`host`].
pub(crate) fn endpoint(address: &SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

/// What is offered, with its size: `photos/  1,204 items, 3.8 GB`.
pub(crate) fn offer(offer: &Offer) -> String {
    let name = escape(offer.name.as_bytes());
    match &offer.kind {
        Kind::File { .. } => format!("{name}  {}", contents(offer)),
        Kind::Text => format!("a text, {}", contents(offer)),
        Kind::Directory { .. } => format!("{name}/  {}", contents(offer)),
        Kind::Items { names } => {
            let shown: Vec<_> = names
                .iter()
                .take(NAMES)
                .map(|name| escape(name.as_bytes()))
                .collect();
            let more = if names.len() > NAMES { ", …" } else { "" };
            format!("{}{more}  {}", shown.join(", "), contents(offer))
        }
        Kind::Stream => format!("{name}, a stream of unknown size"),
    }
}

/// How much it is: `1,204 items, 3.8 GB`.
pub(crate) fn contents(offer: &Offer) -> String {
    match offer.kind {
        Kind::Directory { .. } | Kind::Items { .. } => {
            format!("{}, {}", plural(offer.entries, "item"), bytes(offer.bytes))
        }
        Kind::File { .. } | Kind::Text | Kind::Stream => bytes(offer.bytes),
    }
}

/// Names at the top level that begin with a dot: ordinary listings hide them, and some are run by programs.
pub(crate) fn hidden(offer: &Offer) -> Vec<String> {
    let names: Vec<&[u8]> = match &offer.kind {
        Kind::Items { names } => names.iter().map(|name| name.as_bytes()).collect(),
        Kind::Text => Vec::new(),
        _ => vec![offer.name.as_bytes()],
    };
    let names = names.into_iter().filter(|name| name.starts_with(b"."));
    names.map(escape).collect()
}

/// Top-level names shown before "…".
const NAMES: usize = 8;

/// The last guard before the terminal: no line of ours contains control or direction characters.
pub(crate) fn harmless(line: &str) -> Cow<'_, str> {
    if !line.contains(is_harmful) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        if is_harmful(c) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// A received text for a terminal: as [`harmless`], but its lines and tabs stay.
pub(crate) fn harmless_text(text: &str) -> String {
    let keep = |c: char| c == '\n' || c == '\t';
    text.split_inclusive(keep)
        .flat_map(|part| match part.strip_suffix(keep) {
            Some(body) => [harmless(body), Cow::Borrowed(&part[body.len()..])],
            None => [harmless(part), Cow::Borrowed("")],
        })
        .collect()
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_si_and_never_reach_1000() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_204, "1.2 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (3_800_000_000, "3.8 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(bytes_of(1_900_000_000, 3_800_000_000), "1.9/3.8 GB");
        assert_eq!(bytes_of(0, 0), "0/0 B");
        assert_eq!(bytes_of(7, 1_000), "0.0/1.0 kB");
        assert_eq!(rate(f64::NAN), "0 B/s");
    }

    #[test]
    fn measured_rates_are_binary() {
        let mib = f64::from(1 << 20);
        for (rate, text) in [
            (0.5, "0.50 MiB/s"),
            (112.4, "112 MiB/s"),
            (999.4, "999 MiB/s"),
            (1_024.0, "1.00 GiB/s"),
            (9_216.0, "9.00 GiB/s"),
        ] {
            assert_eq!(binary_rate(rate * mib), text);
        }
        assert_eq!(binary_rate(f64::NAN), "0.00 MiB/s");
    }

    #[test]
    fn counts_have_separators_and_plurals() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_204), "1,204");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "file"), "1 file");
        assert_eq!(plural(1_204, "file"), "1,204 files");
    }

    #[test]
    fn ipv4_looks_like_ipv4_on_every_socket() {
        let mapped = "[::ffff:192.0.2.1]:5".parse().expect("an address");
        assert_eq!(host(&mapped), "192.0.2.1");
        assert_eq!(endpoint(&mapped), "192.0.2.1:5");
    }

    #[test]
    fn spans_keep_two_units() {
        for (milliseconds, text) in [
            (400, "0.4 s"),
            (17_300, "17 s"),
            (125_000, "2 min 5 s"),
            (3_840_000, "1 h 4 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn no_control_or_direction_character_passes() {
        let all: String = ('\0'..='\u{a0}')
            .chain(['\u{202e}', '\u{2066}', '\u{feff}'])
            .collect();
        assert!(!harmless(&all).contains(is_harmful));
        assert_eq!(harmless("größe 文件.txt"), "größe 文件.txt");
        assert_eq!(harmless("a\u{1b}[31m"), "a\\u{1b}[31m");
        assert_eq!(harmless("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn a_text_keeps_its_lines_but_not_its_escapes() {
        assert_eq!(harmless_text("a\tb\n\u{1b}c\r\n"), "a\tb\n\\u{1b}c\\u{d}\n");
        assert_eq!(harmless_text(""), "");
    }
}
