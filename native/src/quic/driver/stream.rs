//! The halves of a stream.

use std::{
    fmt,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use quinn_proto::{ConnectionError, FinishError, ReadError, StreamId, VarInt, WriteError};

use super::connection::{Awaited, Hold};

/// Why a stream carries nothing more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::quic) enum StreamError {
    /// The peer reads no further, or will not send the rest; with its code.
    #[error("the peer gave the stream up (code {0})")]
    Abandoned(VarInt),
    /// It was finished or given up on this side.
    #[error("the stream has ended")]
    Ended,
    /// The connection is gone.
    #[error(transparent)]
    ConnectionLost(ConnectionError),
}

/// The half that sends. Dropped, it finishes.
pub(in crate::quic) struct SendStream {
    hold: Rc<Hold>,
    id: StreamId,
}

#[expect(
    clippy::needless_pass_by_ref_mut,
    reason = "only one task can wait for it at a time"
)]
impl SendStream {
    pub(super) fn new(hold: Rc<Hold>, id: StreamId) -> Self {
        Self { hold, id }
    }

    /// Takes all of `chunks`, as the peer leaves room for them. No byte is copied until its packet is made.
    pub(in crate::quic) async fn write_all_chunks(
        &mut self,
        chunks: &mut [Bytes],
    ) -> Result<(), StreamError> {
        let mut written = 0;
        while written < chunks.len() {
            written += poll_fn(|cx| self.poll_write(cx, &mut chunks[written..])).await?;
        }
        Ok(())
    }

    fn poll_write(
        &self,
        cx: &Context<'_>,
        chunks: &mut [Bytes],
    ) -> Poll<Result<usize, StreamError>> {
        let inner = self.hold.inner();
        let written = inner.with(|state| {
            if let Some(error) = &state.error {
                return Poll::Ready(Err(StreamError::ConnectionLost(error.clone())));
            }
            match state.proto.send_stream(self.id).write_chunks(chunks) {
                Ok(written) => Poll::Ready(Ok(written.chunks)),
                Err(WriteError::Blocked) => {
                    state.wait(Awaited::Writable(self.id), cx);
                    Poll::Pending
                }
                Err(WriteError::Stopped(code)) => Poll::Ready(Err(StreamError::Abandoned(code))),
                Err(WriteError::ClosedStream) => Poll::Ready(Err(StreamError::Ended)),
            }
        });
        if let Poll::Ready(Ok(_)) = written {
            inner.touch();
        }
        written
    }

    /// Says that nothing follows.
    pub(in crate::quic) fn finish(&mut self) -> Result<(), FinishError> {
        let inner = self.hold.inner();
        inner.with(|state| state.proto.send_stream(self.id).finish())?;
        inner.touch();
        Ok(())
    }

    /// Waits until all has arrived, or the peer reads no further: then its code comes back.
    pub(in crate::quic) async fn stopped(&mut self) -> Result<Option<VarInt>, StreamError> {
        poll_fn(|cx| {
            self.hold.inner().with(|state| {
                match (state.proto.send_stream(self.id).stopped(), &state.error) {
                    (Err(_), _) => Poll::Ready(Ok(None)),
                    (Ok(Some(code)), _) => Poll::Ready(Ok(Some(code))),
                    (Ok(None), Some(error)) => {
                        Poll::Ready(Err(StreamError::ConnectionLost(error.clone())))
                    }
                    (Ok(None), None) => {
                        state.wait(Awaited::Finished(self.id), cx);
                        Poll::Pending
                    }
                }
            })
        })
        .await
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        let inner = self.hold.inner();
        inner.with(|state| {
            if state.error.is_none()
                && let mut stream = state.proto.send_stream(self.id)
                && let Err(FinishError::Stopped(code)) = stream.finish()
            {
                let _ = stream.reset(code);
            }
        });
        inner.touch();
    }
}

/// The half that receives. Dropped before its end, it tells the peer to stop.
pub(in crate::quic) struct RecvStream {
    hold: Rc<Hold>,
    id: StreamId,
    end: Option<Result<(), StreamError>>,
}

impl RecvStream {
    pub(super) fn new(hold: Rc<Hold>, id: StreamId) -> Self {
        Self {
            hold,
            id,
            end: None,
        }
    }

    /// Puts what has come in into `chunks`, in order and without a copy, and says how many it filled; `None` at the
    /// end of the stream. Dropping the future loses nothing.
    pub(in crate::quic) async fn read_chunks(
        &mut self,
        chunks: &mut [Bytes],
    ) -> Result<Option<usize>, StreamError> {
        poll_fn(|cx| self.poll_read(cx, chunks)).await
    }

    fn poll_read(
        &mut self,
        cx: &Context<'_>,
        chunks: &mut [Bytes],
    ) -> Poll<Result<Option<usize>, StreamError>> {
        let inner = self.hold.inner();
        let mut count = 0;
        let transmit = inner.with(|state| {
            if self.end.is_some() {
                return false;
            }
            let mut stream = state.proto.recv_stream(self.id);
            let Ok(mut pieces) = stream.read(true) else {
                self.end = Some(Err(StreamError::Ended));
                return false;
            };
            while count < chunks.len() {
                match pieces.next(usize::MAX) {
                    Ok(Some(piece)) => {
                        chunks[count] = piece.bytes;
                        count += 1;
                        continue;
                    }
                    Ok(None) => self.end = Some(Ok(())),
                    Err(ReadError::Reset(code)) => {
                        self.end = Some(Err(StreamError::Abandoned(code)));
                    }
                    Err(ReadError::Blocked) => {}
                }
                break;
            }
            let transmit = pieces.finalize().should_transmit();
            if count == 0 && self.end.is_none() {
                match &state.error {
                    Some(error) => {
                        self.end = Some(Err(StreamError::ConnectionLost(error.clone())));
                    }
                    None => state.wait(Awaited::Readable(self.id), cx),
                }
            }
            transmit
        });
        if transmit {
            inner.touch();
        }
        match &self.end {
            _ if count > 0 => Poll::Ready(Ok(Some(count))),
            Some(Ok(())) => Poll::Ready(Ok(None)),
            Some(Err(error)) => Poll::Ready(Err(error.clone())),
            None => Poll::Pending,
        }
    }
}

impl Drop for RecvStream {
    fn drop(&mut self) {
        if self.end.is_some() {
            return;
        }
        let inner = self.hold.inner();
        inner.with(|state| {
            if state.error.is_none() {
                let _ = state.proto.recv_stream(self.id).stop(VarInt::from_u32(0));
            }
        });
        inner.touch();
    }
}

impl fmt::Debug for SendStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendStream({})", self.id)
    }
}

impl fmt::Debug for RecvStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecvStream({})", self.id)
    }
}
