//! What is measured, by its names, and how it went.

use super::clock::Spent;

/// A part of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    DiskWrite,
    DiskFlush,
    DiskRead,
    Hash,
    SealAes,
    OpenAes,
    SealChaCha,
    OpenChaCha,
    Compress,
    Refuse,
    Quic,
    QuicEthernet,
    Tcp,
    Transfer,
    Link,
}

impl What {
    /// All of them, in the order of the events' schema.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 15] = [
        Self::DiskWrite,
        Self::DiskFlush,
        Self::DiskRead,
        Self::Hash,
        Self::SealAes,
        Self::OpenAes,
        Self::SealChaCha,
        Self::OpenChaCha,
        Self::Compress,
        Self::Refuse,
        Self::Quic,
        Self::QuicEthernet,
        Self::Tcp,
        Self::Transfer,
        Self::Link,
    ];

    /// The word for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DiskWrite => "disk_write",
            Self::DiskFlush => "disk_flush",
            Self::DiskRead => "disk_read",
            Self::Hash => "hash",
            Self::SealAes => "seal_aes",
            Self::OpenAes => "open_aes",
            Self::SealChaCha => "seal_chacha",
            Self::OpenChaCha => "open_chacha",
            Self::Compress => "compress",
            Self::Refuse => "refuse",
            Self::Quic => "quic",
            Self::QuicEthernet => "quic_ethernet",
            Self::Tcp => "tcp",
            Self::Transfer => "transfer",
            Self::Link => "link",
        }
    }

    /// The words for a person.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::DiskWrite => "disk: write",
            Self::DiskFlush => "disk: write and flush",
            Self::DiskRead if cfg!(target_os = "linux") => "disk: read",
            Self::DiskRead => "disk: read, perhaps out of memory",
            Self::Hash => "block: BLAKE3",
            Self::SealAes => "block: hash and seal, AES-256-GCM",
            Self::OpenAes => "block: open and hash, AES-256-GCM",
            Self::SealChaCha => "block: hash and seal, ChaCha20-Poly1305",
            Self::OpenChaCha => "block: open and hash, ChaCha20-Poly1305",
            Self::Compress => "block: hash, compress and seal, text",
            Self::Refuse => "block: hash and seal, compression refused",
            Self::Quic => "loopback: QUIC",
            Self::QuicEthernet => "loopback: QUIC, packets of Ethernet",
            Self::Tcp => "loopback: TCP",
            Self::Transfer => "loopback: transfer, memory to memory",
            Self::Link => "link: transfer, memory to memory",
        }
    }
}

/// How a part went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) what: What,
    pub(crate) bytes: u64,
    pub(crate) spent: Spent,
}

impl Measured {
    /// Bytes a second.
    pub(crate) fn rate(&self) -> f64 {
        // what takes no time that the clock can tell took a nanosecond
        self.bytes as f64 / self.spent.wall.as_secs_f64().max(1e-9)
    }

    /// Seconds of the processor for a gibibyte.
    pub(crate) fn cpu(&self) -> Option<f64> {
        let gib = self.bytes as f64 / f64::from(1 << 30);
        let cpu = self.spent.cpu.filter(|_| gib > 0.0);
        cpu.map(|cpu| cpu.as_secs_f64() / gib)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rates_are_bytes_a_second_and_seconds_a_gibibyte() {
        let measured = Measured {
            what: What::Hash,
            bytes: 1 << 29,
            spent: Spent {
                wall: Duration::from_millis(250),
                cpu: Some(Duration::from_millis(200)),
            },
        };
        assert_eq!(measured.rate(), f64::from(1_u32 << 31));
        assert_eq!(measured.cpu(), Some(0.4));
        let nothing = Measured {
            bytes: 0,
            ..measured
        };
        assert_eq!((nothing.rate(), nothing.cpu()), (0.0, None));
    }
}
