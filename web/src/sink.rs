//! Where the payload goes: what this crate asks of a store, and the one that JavaScript brings.

use js_sys::{Error, Reflect};
use wasm_bindgen::prelude::*;

use crate::failure::{Failure, Kind};

/// A store of bytes by offset.
pub trait Store {
    /// Stores all of `bytes` at an offset, now or later, but in the order of the calls.
    ///
    /// # Errors
    /// [`Kind::Disk`] or [`Kind::TooLarge`], which may be an earlier call's.
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Failure>;

    /// Fills `bytes` from an offset, and says whether there was so much.
    ///
    /// # Errors
    /// [`Kind::Disk`].
    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<bool, Failure>;

    /// Forgets everything from an offset on.
    ///
    /// # Errors
    /// [`Kind::Disk`].
    fn truncate(&mut self, length: u64) -> Result<(), Failure>;

    /// Makes durable what was written.
    ///
    /// # Errors
    /// [`Kind::Disk`], which may be an earlier call's.
    fn flush(&mut self) -> Result<(), Failure>;
}

#[wasm_bindgen]
extern "C" {
    /// A sink of `www/sink.js`. The bytes are a view of this module's memory, good for the time of the call.
    #[derive(Debug)]
    pub type Sink;

    #[wasm_bindgen(method, structural, catch)]
    fn write(this: &Sink, at: f64, bytes: &[u8]) -> Result<(), JsValue>;

    #[wasm_bindgen(method, structural, catch)]
    fn read(this: &Sink, at: f64, bytes: &mut [u8]) -> Result<f64, JsValue>;

    #[wasm_bindgen(method, structural, catch)]
    fn truncate(this: &Sink, length: f64) -> Result<(), JsValue>;

    #[wasm_bindgen(method, structural, catch)]
    fn flush(this: &Sink) -> Result<(), JsValue>;
}

// Offsets are exact in a `f64`: no store holds 8 PiB.
impl Store for Sink {
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        Self::write(self, at as f64, bytes).map_err(|error| refused(&error))
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<bool, Failure> {
        let wanted = bytes.len() as f64;
        let filled = Self::read(self, at as f64, bytes).map_err(|error| refused(&error))?;
        Ok(filled >= wanted)
    }

    fn truncate(&mut self, length: u64) -> Result<(), Failure> {
        Self::truncate(self, length as f64).map_err(|error| refused(&error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        Self::flush(self).map_err(|error| refused(&error))
    }
}

/// What an exception of the browser's storage means.
fn refused(error: &JsValue) -> Failure {
    let name = Reflect::get(error, &"name".into()).ok();
    let name = name.and_then(|name| name.as_string()).unwrap_or_default();
    let message = error.dyn_ref::<Error>().map(Error::message);
    let message = message.map(String::from).unwrap_or_default();
    match name.as_str() {
        "TooLargeError" => Failure::new(Kind::TooLarge, message)
            .next("Open the page over https, or receive with the hayate command, which has no such limit."),
        "QuotaExceededError" => Failure::new(
            Kind::Disk,
            "This browser has no room left for the files.".to_owned(),
        )
        .next("Free some space on this device, then try again."),
        _ => Failure::new(
            Kind::Disk,
            format!("This browser could not store the files ({name}: {message})."),
        )
        .next("Free some space on this device or use another browser, then try again."),
    }
}
