//! The class that JavaScript uses.

use js_sys::JsString;
use shared::Code;
use wasm_bindgen::prelude::*;

use crate::{
    event::failed,
    failure::{Failure, Kind},
    sink::Sink,
    transfer::Transfer,
};

/// A transfer over one wire. Nothing waits: feed it bytes, then fetch what is outgoing and what happened until there is
/// no more.
#[wasm_bindgen]
pub struct Session(Transfer<Sink>);

#[wasm_bindgen]
impl Session {
    /// A session with the sender whose certificate has this SHA-256; `seed` is 32 random bytes, used once.
    ///
    /// # Errors
    /// A failure with kind "bad-code" for what is no code phrase.
    #[wasm_bindgen(constructor)]
    pub fn new(code: &JsString, certificate: &[u8], seed: &[u8]) -> Result<Self, JsValue> {
        let code = String::from(code.normalize("NFKC"));
        let code = Code::parse(&code).map_err(|error| failed(&error.into()))?;
        let (Ok(certificate), Ok(seed)) = (certificate.try_into(), seed.try_into()) else {
            let error = shared::Error::Misuse("a certificate's hash and a seed are 32 bytes");
            return Err(failed(&Failure::from(error)));
        };
        Ok(Self(Transfer::new(code, certificate, seed)))
    }

    /// Bytes from the wire.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.0.receive(bytes);
    }

    /// Whether nothing more shall be read from the wire until more came over the lane.
    #[wasm_bindgen(js_name = isFull)]
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// Bytes of the lane that an event of this name asked for.
    #[wasm_bindgen(js_name = laneReceive)]
    pub fn lane_receive(&mut self, bytes: &[u8]) {
        self.0.lane_receive(bytes);
    }

    /// The lane ended.
    #[wasm_bindgen(js_name = laneEof)]
    pub fn lane_eof(&mut self) {
        self.0.lane_eof();
    }

    /// Whether nothing more shall be read from the lane until more came over the wire.
    #[wasm_bindgen(js_name = laneIsAhead)]
    pub fn lane_is_ahead(&self) -> bool {
        self.0.lane_is_ahead()
    }

    /// The wire ended, with the code that the sender closed it with, or 0.
    pub fn eof(&mut self, code: u32) {
        self.0.eof(code);
    }

    /// Takes the offer into `sink`, which may have so many whole blocks from before. Then call [`Session::check`] until it
    /// returns false.
    pub fn accept(&mut self, sink: Sink, kept: f64) {
        self.0.accept(sink, kept as u64);
    }

    /// Reads so many kept blocks again, and says whether there are more.
    pub fn check(&mut self, blocks: u32) -> bool {
        self.0.check(blocks.into())
    }

    /// Turns the offer down.
    pub fn decline(&mut self) {
        self.0.stop(Failure::stopped(Kind::Declined));
    }

    /// Stops.
    pub fn cancel(&mut self) {
        self.0.stop(Failure::stopped(Kind::Cancelled));
    }

    /// Stops because the browser cannot take what is offered; the sender is told why.
    pub fn refuse(&mut self, why: &str) {
        self.0.stop(Failure::new(Kind::Disk, why.to_owned()));
    }

    /// The next bytes for the wire.
    pub fn outgoing(&mut self) -> Option<Vec<u8>> {
        self.0.outgoing().map(Vec::from)
    }

    /// What happened next; see [`crate::event::Event::to_js`].
    pub fn event(&mut self) -> Option<js_sys::Object> {
        Some(self.0.event()?.to_js().unchecked_into())
    }

    /// Whether the sender spoke the last word, so that the wire may be closed at once.
    #[wasm_bindgen(js_name = heardLastWord)]
    pub fn heard_last_word(&self) -> bool {
        self.0.heard_last_word()
    }

    /// What to close the wire with.
    #[wasm_bindgen(js_name = closeCode)]
    pub fn close_code(&self) -> u32 {
        self.0.close_code()
    }
}

/// The word list of code phrases, one a line.
#[wasm_bindgen]
pub fn words() -> String {
    shared::code::words::complete("").join("\n")
}
