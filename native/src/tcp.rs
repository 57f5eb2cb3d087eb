//! Plain TCP (RFC 9293) for lanes: what they carry is sealed already, and systems move TCP in far larger pieces than the
//! packets of QUIC.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use compio::{
    BufResult,
    buf::{IntoInner, IoBuf},
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use shared::{Binding, lane::Room};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::{
    drive::lanes::{Ends, LaneReader},
    quic::{dialable, on_one_or_all},
    wire::{WireError, WireReader, WireWriter},
};

/// Bytes asked for between two blocks: what is in front of one, and hardly anything of it, since the rest is read
/// straight to where it belongs.
const READ: usize = 32;

/// How long the other end may be silent while something is on its way, as over QUIC; and, since Linux counts that, too, how
/// long it may leave no room for more.
const SILENCE: Duration = Duration::from_secs(15);

/// Waits for one connection.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    port: u16,
}

impl Listener {
    /// Listens at a free port of the address `bind`, or of all of this machine.
    pub(crate) fn bind(bind: Option<IpAddr>) -> io::Result<Self> {
        let socket = on_one_or_all(bind, open)?;
        Ok(Self {
            port: socket.local_addr()?.port(),
            socket: TcpListener::from_std(socket)?,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The first connection that comes, and no other.
    pub(crate) async fn accept(self) -> io::Result<Ends<Reader, Writer>> {
        let (stream, _) = self.socket.accept().await?;
        ends(stream)
    }
}

fn open(ip: IpAddr) -> io::Result<std::net::TcpListener> {
    let address = SocketAddr::new(ip, 0);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if ip.is_ipv6() {
        socket.set_only_v6(!ip.is_unspecified())?;
    }
    socket.bind(&address.into())?;
    socket.listen(1)?;
    Ok(socket.into())
}

/// Dials `peer` from the address `bind`, or from any.
pub(crate) async fn dial(
    peer: SocketAddr,
    bind: Option<IpAddr>,
) -> io::Result<Ends<Reader, Writer>> {
    let peer = dialable(peer);
    let (socket, any) = match peer {
        SocketAddr::V4(_) => (TcpSocket::new_v4().await?, Ipv4Addr::UNSPECIFIED.into()),
        SocketAddr::V6(_) => (TcpSocket::new_v6().await?, Ipv6Addr::UNSPECIFIED.into()),
    };
    socket.bind((bind.unwrap_or(any), 0).into()).await?;
    ends(socket.connect(peer).await?)
}

/// Takes a connection into use. Its keys are those of its session alone: there is nothing else to bind its proofs to.
fn ends(stream: TcpStream) -> io::Result<Ends<Reader, Writer>> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    let keepalive = TcpKeepalive::new().with_time(SILENCE / 3);
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
    let keepalive = keepalive.with_interval(SILENCE / 3);
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let keepalive = keepalive.with_retries(2);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    let (reader, writer) = stream.into_split();
    Ok(Ends {
        binding: Binding {
            certificate: [0; 32],
            exporter: None,
        },
        reader: Reader { stream: reader },
        writer: Writer { stream: writer },
    })
}

/// What comes over a connection.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: TcpStream,
}

impl WireReader for Reader {
    async fn read(&mut self) -> Result<Option<Vec<Bytes>>, WireError> {
        let BufResult(read, memory) = self.stream.read(BytesMut::with_capacity(READ)).await;
        match read {
            Err(error) => Err(lost(&error)),
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(vec![memory.freeze()])),
        }
    }
}

impl LaneReader for Reader {
    async fn fill(&mut self, mut room: Room) -> Result<(Room, Option<Vec<Bytes>>), WireError> {
        let missing = room.missing();
        let memory = std::mem::take(room.memory());
        let filled = memory.len();
        let BufResult(read, memory) = self
            .stream
            .read(memory.slice(filled..filled + missing))
            .await;
        *room.memory() = memory.into_inner();
        match read {
            Err(error) => Err(lost(&error)),
            Ok(0) => Ok((room, None)),
            Ok(_) => Ok((room, Some(Vec::new()))),
        }
    }
}

/// What goes over a connection.
#[derive(Debug)]
pub(crate) struct Writer {
    stream: TcpStream,
}

impl WireWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), WireError> {
        let BufResult(written, _) = self.stream.write_all(bytes).await;
        written.map_err(|error| lost(&error))
    }

    async fn finish(&mut self) -> Result<(), WireError> {
        self.stream.shutdown().await.map_err(|error| lost(&error))
    }
}

fn lost(error: &io::Error) -> WireError {
    match error.kind() {
        io::ErrorKind::TimedOut => WireError::Silent,
        _ => WireError::Lost(error.to_string()),
    }
}
