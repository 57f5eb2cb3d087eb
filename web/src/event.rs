//! What the page hears of a transfer, as plain JavaScript objects.

use bytes::Bytes;
use js_sys::{Array, Object, Reflect, Uint8Array};
use shared::{Kind, Offer, path::escape};
use wasm_bindgen::JsValue;

use crate::{failure::Failure, name, payload::Received, zip::Part};

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// Both sides have proved the code, and this is offered.
    Offered(Box<Offer>),
    /// So many bytes of what was kept were read again.
    Checked {
        /// Bytes so far.
        done: u64,
        /// Bytes altogether.
        total: u64,
    },
    /// So many bytes of the payload are stored.
    Progress {
        /// Bytes so far, with those from before.
        done: u64,
        /// Bytes altogether, where that is known.
        total: Option<u64>,
    },
    /// The sender would give its blocks over a lane, which is asked for with this greeting.
    Lane(Bytes),
    /// Everything is stored, and the sender was told; with the BLAKE3 root of the payload.
    Finished(Box<Received>, [u8; 32]),
    /// It failed. What is still outgoing tells the sender why.
    Failed(Failure),
}

impl Event {
    /// `{type: "offer" | "checked" | "progress" | "lane" | "finished" | "failed", …}`
    pub fn to_js(&self) -> JsValue {
        match self {
            Self::Offered(offer) => offered(offer),
            Self::Checked { done, total } => object(&[
                ("type", "checked".into()),
                ("done", number(*done)),
                ("total", number(*total)),
            ]),
            Self::Progress { done, total } => object(&[
                ("type", "progress".into()),
                ("done", number(*done)),
                ("total", total.map_or(JsValue::NULL, number)),
            ]),
            Self::Lane(greeting) => object(&[
                ("type", "lane".into()),
                ("greeting", Uint8Array::from(&greeting[..]).into()),
            ]),
            Self::Finished(received, root) => finished(received, root),
            Self::Failed(failure) => failed(failure),
        }
    }
}

/// What the worker adds its own `type` to, where a session does not even begin.
pub fn failed(failure: &Failure) -> JsValue {
    object(&[
        ("type", "failed".into()),
        ("kind", failure.kind.name().into()),
        ("message", failure.message.as_str().into()),
        ("next", failure.next.into()),
        (
            "left",
            failure
                .left
                .map_or(JsValue::NULL, |left| number(left.into())),
        ),
        ("retry", failure.retry.into()),
    ])
}

fn offered(offer: &Offer) -> JsValue {
    let (kind, mtime) = match &offer.kind {
        Kind::File { mtime, .. } => ("file", *mtime),
        Kind::Text => ("text", 0),
        Kind::Directory { mtime } => ("directory", *mtime),
        Kind::Items { .. } => ("items", 0),
        Kind::Stream => ("stream", 0),
    };
    // Two offers with the same words here may be one that was interrupted; the blocks themselves are compared later.
    let identity = format!(
        "{kind} {mtime} {:?} {} {} {}",
        offer.payload,
        offer.bytes,
        offer.entries,
        escape(offer.name.as_bytes())
    );
    object(&[
        ("type", "offer".into()),
        ("kind", kind.into()),
        ("name", escape(offer.name.as_bytes()).into()),
        ("saveName", name::stored(offer.name.as_bytes()).into()),
        ("payload", offer.payload.map_or(JsValue::NULL, number)),
        ("bytes", number(offer.bytes)),
        ("entries", number(offer.entries)),
        ("identity", identity.into()),
    ])
}

fn finished(received: &Received, root: &[u8; 32]) -> JsValue {
    let files = received.files.iter().map(|file| {
        object(&[
            ("path", file.path.as_str().into()),
            ("name", file.name.as_str().into()),
            ("offset", number(file.offset)),
            ("size", number(file.size)),
        ])
    });
    let skipped = received.skipped.iter().map(|skipped| {
        object(&[
            ("path", skipped.path.as_str().into()),
            ("why", skipped.why.into()),
        ])
    });
    let parts = |parts: &Vec<Part>| {
        parts
            .iter()
            .map(|part| match part {
                Part::Bytes(bytes) => Uint8Array::from(&bytes[..]).into(),
                Part::Slice { offset, size } => {
                    object(&[("offset", number(*offset)), ("size", number(*size))])
                }
            })
            .collect::<Array>()
    };
    let hex: String = root.iter().map(|byte| format!("{byte:02x}")).collect();
    object(&[
        ("type", "finished".into()),
        ("length", number(received.length)),
        ("blake3", hex.into()),
        (
            "text",
            received
                .text
                .as_deref()
                .map_or(JsValue::NULL, JsValue::from),
        ),
        ("files", files.collect::<Array>().into()),
        (
            "zip",
            received
                .zip
                .as_ref()
                .map_or(JsValue::NULL, |zip| parts(zip).into()),
        ),
        ("skipped", skipped.collect::<Array>().into()),
    ])
}

/// Exact up to 2^53, which no browser's store reaches.
fn number(value: u64) -> JsValue {
    (value as f64).into()
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Only a frozen object or a proxy refuses.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}
