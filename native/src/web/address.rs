//! The URL that people open, with what a page has to know in its fragment: a browser tells that to no server.

use std::net::SocketAddr;

use shared::Code;

use super::hex;

/// The page of this sender at `address`.
pub(crate) fn own_url(address: SocketAddr, code: &Code) -> String {
    format!("https://{}/#{}", plain(address), escaped(&code.to_string()))
}

/// A page that somebody else serves, for the sender at `address` with its WebTransport port.
pub(crate) fn page_url(
    page: &str,
    address: SocketAddr,
    code: &Code,
    certificate: &[u8; 32],
    webtransport: u16,
) -> String {
    let certificate = hex(certificate);
    let code = escaped(&code.to_string());
    let host = plain(address);
    format!("{page}#code={code}&host={host}&cert={certificate}&wt={webtransport}")
}

/// Without a scope, which no URL can hold.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

/// Percent-encoded (RFC 3986, 2.1), all but unreserved characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(byte.into());
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    #[test]
    fn the_code_is_in_the_fragment() {
        let own = own_url(
            "192.168.1.20:50001".parse().unwrap(),
            &code("7-copper-lantern-violin"),
        );
        assert_eq!(own, "https://192.168.1.20:50001/#7-copper-lantern-violin");
        let own = own_url(
            "[fd12::20]:50001".parse().unwrap(),
            &code("größer & besser#"),
        );
        assert_eq!(
            own,
            "https://[fd12::20]:50001/#gr%C3%B6%C3%9Fer-%26-besser%23"
        );
    }

    #[test]
    fn a_page_elsewhere_learns_where_to_go_and_whom_to_trust() {
        let url = page_url(
            "https://example.org/hayate/",
            "[fe80::1%3]:50001".parse().unwrap(),
            &code("7-copper-lantern-violin"),
            &[0xab; 32],
            50_003,
        );
        let expected = format!(
            "https://example.org/hayate/#code=7-copper-lantern-violin&host=[fe80::1]:50001&cert={}&wt=50003",
            "ab".repeat(32)
        );
        assert_eq!(url, expected);
    }
}
