//! What the end-to-end tests share: the binary, networks of namespaces, processes, files.
//!
//! Every test runs its peers in network namespaces of its own, which takes root. Nothing leaves them.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod binary;
pub mod browser;
pub mod capture;
pub mod faulty;
pub mod files;
pub mod net;
pub mod pair;
pub mod process;
pub mod relay;
pub mod screen;
pub mod terminal;

pub use browser::{Browser, Kind};
pub use capture::Capture;
pub use faulty::Faulty;
pub use files::{Disk, noise, snapshot};
pub use net::{Family, Net, Space};
pub use pair::{CODE, Pair};
pub use process::{Outcome, Process};
pub use relay::{Faults, Relay};
pub use terminal::Terminal;
