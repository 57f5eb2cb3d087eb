//! The browser's side of Hayate: a [`shared::Receiver`] as JavaScript sees it.
//!
//! Everything is synchronous and belongs to one Worker, which moves the bytes (`www/worker.js`).
//!
//! | module | what it holds |
//! |---|---|
//! | [`Session`] | the class that JavaScript uses |
//! | [`transfer`] | the loop around the protocol: blocks opened, put in order, stored |
//! | [`lane`] | blocks that come by a request of their own |
//! | [`payload`] | what arrived so far, and what was kept from before |
//! | [`index`] | where the files of an archive are inside the payload |
//! | [`zip`] | the same files as one ZIP, without copying them |
//! | [`failure`] | errors in words for a person |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod event;
pub mod failure;
pub mod index;
pub mod lane;
pub mod name;
pub mod payload;
mod session;
pub mod sink;
pub mod transfer;
pub mod zip;

pub use session::{Session, words};
