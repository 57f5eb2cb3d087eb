//! Addresses as people type them, checked for form before anything is resolved or bound.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// `ADDR[:PORT]` of a peer: an IP address or a host name.
pub(crate) fn peer(text: &str) -> Result<String, String> {
    if is_address(text) || is_host(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "give an address such as 192.168.1.20, 192.168.1.20:50001 or [fd12::20]:50001"
                .to_owned(),
        )
    }
}

/// An address of this machine: an IP address, with or without a port.
pub(crate) fn local(text: &str) -> Result<String, String> {
    if is_address(text) {
        Ok(text.to_owned())
    } else {
        Err("give an IP address of this machine, such as 192.168.1.20".to_owned())
    }
}

/// What `--listen` takes: an address of this machine, or nothing, which is every address.
pub(crate) fn listen(text: &str) -> Result<String, String> {
    if text == ANY {
        Ok(text.to_owned())
    } else {
        local(text)
    }
}

/// The value of `--listen` without an address.
pub(crate) const ANY: &str = "any";

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok() || is_scoped(text)
}

/// `fe80::1%wlan0` and `[fe80::1%wlan0]:50001` (RFC 4007, section 11).
fn is_scoped(text: &str) -> bool {
    let inner = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((inner, "")) => inner,
            Some((inner, port)) if is_port(port) => inner,
            _ => return false,
        },
        None => text,
    };
    let (address, zone) = inner.split_once('%').unwrap_or((inner, "0"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.chars().all(plain)
}

/// A host name (RFC 1123, section 2.1), with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.find(':') {
        Some(at) => text.split_at(at),
        None => (text, ":1"),
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    // "300.1.2" is a mistyped address, not a host
    let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    host.len() <= 253 && !numeric && host.split('.').all(label) && is_port(port)
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .and_then(|port| port.parse::<u16>().ok())
        .is_some_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_host_names_pass() {
        for text in [
            "192.168.1.20",
            "192.168.1.20:50001",
            "fd12::20",
            "[fd12::20]:50001",
            "[fd12::20]",
            "fe80::1%wlan0",
            "[fe80::1%wlan0]:50001",
            "attic",
            "attic.local:50001",
        ] {
            assert!(peer(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn malformed_endpoints_are_refused() {
        for text in [
            "",
            " ",
            "300.1.2.3",
            "1.2.3",
            "host:",
            "host:0",
            "host:65536",
            "ho st",
            "-host",
            "a..b",
            "fe80::1%",
            "[fd12::20]50001",
            "[fd12::20",
            "http://attic",
            "\u{1b}[31m",
        ] {
            assert!(peer(text).is_err(), "{text}");
        }
        assert!(local("attic").is_err());
        assert!(listen(ANY).is_ok());
    }
}
