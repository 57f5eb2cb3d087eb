//! QUIC for Linux: `quinn-proto` on plain socket calls, one task of the compio runtime for each UDP socket.
//!
//! Each time it wakes, the task reads what the socket holds, lets the connections work it off, and sends what they
//! have to say, in batches of up to 64 KiB in both directions; only then it waits, through io_uring, for the socket,
//! a timer or the application. compio-quic has one read and one send under way at a time and wakes a second task for
//! each packet: a quarter more CPU time where packets are batched by the system, four times as much where they are not.
//!
//! The types are called and behave as compio-quic's, which other systems use; everything belongs to one thread.

mod connection;
mod endpoint;
mod socket;
mod stream;
mod task;

pub(super) use self::{
    connection::{Connecting, Connection, ended},
    endpoint::{Endpoint, Incoming},
    stream::{
        RecvStream, SendStream, StreamError as ReadError, StreamError as StoppedError,
        StreamError as WriteError,
    },
};
pub(super) use quinn_proto::ConnectionError;
