//! A sender that serves browsers, and what browsers and strangers do to it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod lanes;
mod strangers;
mod transfers;
