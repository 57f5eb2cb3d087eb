//! Choices that both sides of a transfer offer.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    str::FromStr,
    time::Duration,
};

use shared::{
    Packer, Side,
    cipher::{Suite, Suites},
    lane::LaneKind,
};

use crate::Error;

/// The port of a listener that nobody chose another for.
pub const DEFAULT_PORT: u16 = 50001;

/// Longest time to wait: adding more to the clock could overflow it.
pub(crate) const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Payload from which a lane is worth opening, in bytes.
pub(crate) const WORTH_A_LANE: u64 = 128 << 20;

/// Which cipher seals a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cipher {
    /// What the hardware of both sides does fast.
    #[default]
    Auto,
    /// AES-256-GCM.
    Aes,
    /// ChaCha20-Poly1305.
    ChaCha,
}

impl Cipher {
    /// What this side says it can do. A dialler that was told insists; a listener then only prefers, so that two sides
    /// with different wishes still agree.
    pub(crate) fn suites(self, side: Side) -> Suites {
        let suite = match self {
            Self::Aes => Suite::Aes256Gcm,
            Self::ChaCha => Suite::ChaCha20Poly1305,
            Self::Auto if aes_in_hardware() => Suite::Aes256Gcm,
            Self::Auto => Suite::ChaCha20Poly1305,
        };
        match (self, side) {
            (Self::Aes | Self::ChaCha, Side::Dialler) => Suites::only(suite),
            _ => Suites::preferring(suite),
        }
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn aes_in_hardware() -> bool {
    std::is_x86_feature_detected!("aes") && std::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn aes_in_hardware() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn aes_in_hardware() -> bool {
    false
}

/// What is done to blocks before they are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// zstd level 1 where two samples of a block promise that it pays, and as long as the link and not this machine is
    /// what limits.
    #[default]
    Auto,
    /// Nothing.
    Off,
    /// This zstd level, 1 to 19, under the same condition.
    Level(i32),
}

/// The connections that blocks of a transfer go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lanes {
    /// One of QUIC, and for a long transfer of files one of TCP if that proves faster.
    #[default]
    Auto,
    /// So many of QUIC, 1 to 8, each with a thread and a socket of its own.
    Quic(u8),
    /// One of TCP as soon as it is there, if it can be had.
    Tcp,
}

impl Lanes {
    /// The lanes beside the session's own connection, for `payload` bytes of content.
    pub(crate) fn kinds(self, payload: Option<u64>) -> Vec<LaneKind> {
        match self {
            // What comes out of a pipe cannot come twice, and over TCP a receiver that pauses is as one that is gone.
            Self::Auto if payload.is_none_or(|payload| payload < WORTH_A_LANE) => vec![],
            Self::Auto | Self::Tcp => vec![LaneKind::Tcp],
            Self::Quic(count) => vec![LaneKind::Quic; usize::from(count).saturating_sub(1)],
        }
    }
}

impl From<bool> for Compression {
    fn from(on: bool) -> Self {
        if on { Self::Auto } else { Self::Off }
    }
}

impl Compression {
    pub(crate) fn packer(self) -> Result<Packer, Error> {
        let level = match self {
            Self::Off => return Ok(Packer::off()),
            Self::Auto => 1,
            Self::Level(level) => level,
        };
        Packer::level(level)
            .map_err(|_| Error::Usage(format!("compression level {level} is not one of 1 to 19")))
    }
}

/// Where a peer is: an address or name, and a port where it is not the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || {
            Error::Usage(format!(
                "\"{}\" is not ADDR or ADDR:PORT",
                text.escape_debug()
            ))
        };
        let port = |port: &str| {
            port.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(malformed)
        };
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            match rest.split_once(']').ok_or_else(malformed)? {
                (host, "") => (host, DEFAULT_PORT),
                (host, rest) => (host, port(rest.strip_prefix(':').ok_or_else(malformed)?)?),
            }
        } else if text.matches(':').count() == 1 {
            let (host, number) = text.split_once(':').ok_or_else(malformed)?;
            (host, port(number)?)
        } else {
            (text, DEFAULT_PORT)
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || host.len() > 253 || !host.chars().all(fits) {
            return Err(malformed());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl Target {
    /// The addresses behind the name, which may ask a name server and so must not run on a lane.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that leads nowhere.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        let nowhere = || {
            Error::NotFound(format!(
                "\"{self}\" cannot be resolved; check the name, or give an IP address"
            ))
        };
        if let Some((address, zone)) = self.host.split_once('%') {
            let address = address.parse().map_err(|_| nowhere())?;
            let scope = zone
                .parse()
                .ok()
                .or_else(|| interface_index(zone))
                .ok_or_else(nowhere)?;
            return Ok(vec![
                std::net::SocketAddrV6::new(address, self.port, 0, scope).into(),
            ]);
        }
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let found: Vec<_> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|_| nowhere())?
            .collect();
        if found.is_empty() {
            Err(nowhere())
        } else {
            Ok(found)
        }
    }
}

/// An interface of this machine that has an address, by its name.
pub(crate) fn parse_interface(name: String) -> Result<String, Error> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    if interfaces.iter().any(|interface| interface.name == name) {
        return Ok(name);
    }
    let names: BTreeSet<_> = interfaces.into_iter().map(|known| known.name).collect();
    let names: Vec<_> = names
        .iter()
        .map(|name| name.escape_debug().to_string())
        .collect();
    Err(Error::Usage(format!(
        "no network interface \"{}\" has an address; there are: {}",
        name.escape_debug(),
        names.join(", ")
    )))
}

/// Whether `ip` is an address of the interface `name`; of any where no name is given.
pub(crate) fn is_on(name: Option<&str>, ip: IpAddr) -> bool {
    name.is_none_or(|name| {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let ip = ip.to_canonical();
        let mut addresses = interfaces.iter().filter(|known| known.name == name);
        addresses.any(|known| known.ip() == ip)
    })
}

fn interface_index(name: &str) -> Option<u32> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces
        .into_iter()
        .find(|interface| interface.name == name)?
        .index
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_in_every_form() {
        for (text, shown) in [
            ("192.168.1.20", "192.168.1.20:50001"),
            ("192.168.1.20:7000", "192.168.1.20:7000"),
            ("fd12::20", "[fd12::20]:50001"),
            ("[fd12::20]:7000", "[fd12::20]:7000"),
            ("[fe80::1%eth0]", "[fe80::1%eth0]:50001"),
            ("laptop.local", "laptop.local:50001"),
        ] {
            assert_eq!(
                text.parse::<Target>()
                    .map(|target| target.to_string())
                    .ok()
                    .as_deref(),
                Some(shown)
            );
        }
        for text in [
            "",
            ":7000",
            "host:0",
            "host:99999",
            "host:x",
            "[fd12::20",
            "[::1]7000",
            "a b",
            "x\u{1b}[2J",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }
}
