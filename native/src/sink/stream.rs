//! Payloads that are not stored: standard output and texts.

use std::{
    fmt,
    io::{self, Write},
};

use super::{Stored, mismatch};
use crate::{Error, source::MAX_TEXT};

/// Writes a payload on in order.
pub(super) struct StreamSink(Box<dyn Write + Send>);

impl StreamSink {
    pub(super) fn stdout() -> Self {
        Self::new(io::stdout())
    }

    fn new(output: impl Write + Send + 'static) -> Self {
        Self(Box::new(output))
    }

    pub(super) fn push(&mut self, block: &[u8]) -> Result<(), Error> {
        self.0.write_all(block).map_err(failed)
    }

    /// What was written cannot be taken back.
    pub(super) fn written(&self) -> Error {
        failed(io::Error::other(
            "the sender begins again, but a part of it is written",
        ))
    }

    pub(super) fn finish(mut self) -> Result<Stored, Error> {
        self.0.flush().map_err(failed)?;
        Ok(Stored::default())
    }
}

fn failed(error: io::Error) -> Error {
    Error::disk("write to", "standard output", error)
}

impl fmt::Debug for StreamSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamSink")
    }
}

/// Collects a text.
#[derive(Debug, Default)]
pub(super) struct TextSink(Vec<u8>);

impl TextSink {
    pub(super) fn push(&mut self, block: &[u8]) -> Result<(), Error> {
        if self.0.len() + block.len() > MAX_TEXT {
            return Err(mismatch("the text is too long to be shown"));
        }
        self.0.extend_from_slice(block);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Stored, Error> {
        let text = String::from_utf8(self.0).map_err(|_| mismatch("the text is not UTF-8"))?;
        Ok(Stored {
            text: Some(text),
            ..Stored::default()
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_an_error_of_the_disk() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = StreamSink::new(Closed).push(b"x").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Disk);
        let words = error.to_string();
        assert!(
            words.starts_with("cannot write to \"standard output\""),
            "{words}"
        );
    }

    #[test]
    fn a_text_is_short_and_utf8() {
        let mut text = TextSink::default();
        text.push("né".as_bytes()).unwrap();
        assert!(text.push(&vec![b'x'; MAX_TEXT]).is_err());
        assert_eq!(text.finish().unwrap().text.as_deref(), Some("né"));
        let mut text = TextSink::default();
        text.push(b"\xff").unwrap();
        assert!(text.finish().is_err());
    }
}
