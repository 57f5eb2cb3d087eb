//! Values as people type them: sizes, rates, durations, switches.

use std::time::Duration;

/// Bytes: `10M`, `1.5GiB`, `500k`, `1000`. `k`, `M`, `G`, `T` are decimal, `Ki`, `Mi`, `Gi`, `Ti` binary.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "give a size such as 500k, 10M or 1.5GiB".to_owned();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.len() > 9 || fraction.contains('.') {
        return Err(wrong());
    }
    let factor = factor(unit.trim_start()).ok_or_else(wrong)?;
    let tenths = 10_u128.pow(fraction.len() as u32);
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    digits
        .checked_mul(factor)
        .and_then(|bytes| u64::try_from(bytes / tenths).ok())
        .ok_or_else(|| "that is more than 16 EiB".to_owned())
}

fn factor(unit: &str) -> Option<u128> {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    Some(match unit {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ => return None,
    })
}

/// Bytes per second: a size with or without `/s`; not 0, which would never end.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    let wrong = || "give a rate such as 500k, 2MB/s or 10MiB/s".to_owned();
    match size(text.strip_suffix("/s").unwrap_or(text)) {
        Ok(0) | Err(_) => Err(wrong()),
        Ok(rate) => Ok(rate),
    }
}

/// A time span: `90` (seconds), `500ms`, `30s`, `5m`, `1h`; more than nothing and at most a year.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "give a time such as 90, 30s, 5m or 1h".to_owned();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    match number.checked_mul(milliseconds) {
        Some(0) => Err("it must be longer than nothing".to_owned()),
        Some(span) if span <= YEAR => Ok(Duration::from_millis(span)),
        _ => Err("at most 365d".to_owned()),
    }
}

/// A switch from the environment: empty and `0` are off, `1` is on.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "" | "0" | "no" | "off" | "false" | "n" => Ok(false),
        "1" | "yes" | "on" | "true" | "y" => Ok(true),
        _ => Err("give 1 or 0".to_owned()),
    }
}

/// Milliseconds in a year: far below where adding to the clock overflows.
const YEAR: u64 = 365 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_unless_binary_is_said() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1_000),
            ("500k", 500_000),
            ("10M", 10_000_000),
            ("10 MB", 10_000_000),
            ("1.5GiB", 1_610_612_736),
            ("0.5kb", 500),
            (".5k", 500),
            ("2TiB", 2 << 40),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn malformed_sizes_are_refused() {
        for text in [
            "",
            ".",
            "M",
            "-1",
            "1e9",
            "1..2",
            "1.2.3",
            "10X",
            "10Mbit",
            "0x10",
            "NaN",
            "１０",
            "18446744073709551616",
            "99999999999999999999999999999999999999999999",
            "16777216TiB",
            "1.0000000000k",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_may_say_per_second_and_are_not_zero() {
        assert_eq!(rate("2MB/s"), Ok(2_000_000));
        assert_eq!(rate("500k"), Ok(500_000));
        for text in ["0", "0.1", "/s", "2MB/h", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_default_to_seconds_and_are_bounded() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3_600)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in [
            "",
            "0",
            "s",
            "-1",
            "1.5h",
            "1 h",
            "366d",
            "99999999999999999999",
            "1w",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_variable_switches_nothing_on() {
        assert_eq!(switch(""), Ok(false));
        assert_eq!(switch("YES"), Ok(true));
        assert!(switch("maybe").is_err());
    }
}
