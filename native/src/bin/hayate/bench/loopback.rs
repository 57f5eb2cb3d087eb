//! The network stack of this machine: both ends are here, so they share its cores.

use std::{
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use bytes::Bytes;
use compio::{runtime::Runtime, time};
use hayate::{
    Error, Event, HayateReceiver, HayateSender, Output, Payload,
    identity::Identity,
    quic::{Dialler, ListenOptions, Listener, Port, Tuning},
    wire::{Wire as _, WireCloser as _, WireError, WireReader as _, WireWriter as _},
};
use shared::BLOCK;

use super::{
    TIME,
    clock::Watch,
    link::{self, ENDLESS},
    measured::{Measured, What},
    read_some,
};

/// Measures QUIC and TCP alone, and whole transfers out of memory and into it.
///
/// # Errors
/// What the library says.
pub(super) fn measure(tell: &mut impl FnMut(Measured)) -> Result<(), Error> {
    let ethernet = Tuning {
        datagram: Some(ETHERNET),
        ..Tuning::default()
    };
    for (what, tuning) in [
        (What::Quic, Tuning::default()),
        (What::QuicEthernet, ethernet),
    ] {
        tell(quic(what, &tuning)?);
    }
    tell(tcp().map_err(|source| Error::Network {
        doing: "cannot measure TCP over loopback".into(),
        source,
    })?);
    tell(transfer()?);
    Ok(())
}

/// Zeros over a wire, without a session.
fn quic(what: What, tuning: &Tuning) -> Result<Measured, Error> {
    let (found, port) = flume::bounded(1);
    let serving = tuning.clone();
    let server = thread::spawn(move || run(serve(serving, found)));
    let fetched = match port.recv() {
        Ok(port) => run(fetch(what, (HERE, port).into(), tuning.clone())),
        Err(_) => Err(Error::Internal("nobody serves the loopback".into())),
    };
    let served = server
        .join()
        .unwrap_or_else(|_| Err(Error::Internal("the loopback's server broke off".into())));
    fetched.and_then(|measured| served.map(|()| measured))
}

/// Sends zeros to the first that comes, until it closes.
async fn serve(tuning: Tuning, found: flume::Sender<u16>) -> Result<(), Error> {
    let options = ListenOptions {
        interface: None,
        port: Port::Exactly(0),
        bind: Some(HERE),
        tuning,
    };
    let listener = Listener::bind(options, &Identity::generate()?)?;
    let _ = found.send(listener.port());
    if let Ok(Some(wire)) = time::timeout(PATIENCE, listener.accept()).await {
        let (_reader, mut writer, mut closer) = wire.split();
        closer.authenticated();
        let zeros = Bytes::from(vec![0; BLOCK]);
        while writer.write(zeros.clone()).await.is_ok() {}
    }
    listener.shutdown().await;
    Ok(())
}

async fn fetch(what: What, at: SocketAddr, tuning: Tuning) -> Result<Measured, Error> {
    let dialler = Dialler::with_tuning(Some(HERE), tuning)?;
    let (mut reader, mut writer, mut closer) = dialler.dial(at, PATIENCE).await?.split();
    closer.authenticated();
    let lost = |error: WireError| error.into_error(at);
    writer.write(Bytes::from_static(b"?")).await.map_err(lost)?;
    let watch = Watch::start();
    let (mut bytes, mut spent) = (0, watch.spent());
    while spent.wall < TIME {
        let Some(pieces) = reader.read().await.map_err(lost)? else {
            break;
        };
        bytes += pieces.iter().map(Bytes::len).sum::<usize>() as u64;
        spent = watch.spent();
    }
    closer.close(0).await;
    drop((reader, writer));
    dialler.shutdown().await;
    Ok(Measured { what, bytes, spent })
}

/// Zeros over a plain connection, which is what a lane of TCP pays for the network.
fn tcp() -> io::Result<Measured> {
    let listener = TcpListener::bind((HERE, 0))?;
    let mut receiving = TcpStream::connect(listener.local_addr()?)?;
    receiving.set_read_timeout(Some(PATIENCE))?;
    let (mut sending, _) = listener.accept()?;
    let sender = thread::spawn(move || {
        let zeros = vec![0; BLOCK];
        while sending.write_all(&zeros).is_ok() {}
    });
    let mut block = vec![0; BLOCK];
    let watch = Watch::start();
    let (mut bytes, mut spent) = (0, watch.spent());
    while spent.wall < TIME {
        bytes += read_some(&mut receiving, &mut block)? as u64;
        spent = watch.spent();
    }
    drop(receiving);
    // closing it has ended the sender
    let _ = sender.join();
    Ok(Measured {
        what: What::Tcp,
        bytes,
        spent,
    })
}

/// A session of the library with itself.
fn transfer() -> Result<Measured, Error> {
    let (found, waiting) = flume::bounded(1);
    let sender = thread::spawn(move || {
        run(async {
            let sender = HayateSender::new()
                .bind(HERE.to_string())
                .port(0)
                .timeout(PATIENCE);
            let listener = move |event: &Event| {
                if let Event::Waiting {
                    code, addresses, ..
                } = event
                    && let Some(address) = addresses.first()
                {
                    let _ = found.send((code.clone(), *address));
                }
            };
            link::send(sender, Payload::Noise(ENDLESS), listener).await
        })
    });
    let received = match waiting.recv() {
        Ok((code, address)) => run(async {
            let receiver = HayateReceiver::new()
                .code(code)
                .target(address.to_string())
                .output(Output::Nowhere)
                .timeout(PATIENCE);
            let never = std::future::pending();
            link::receive(receiver, What::Transfer, TIME, never, |_| {}).await
        }),
        Err(_) => Err(Error::Internal("nobody sends on the loopback".into())),
    };
    let sent = sender
        .join()
        .unwrap_or_else(|_| Err(Error::Internal("the loopback's sender broke off".into())));
    // why nobody sends is said by who was to send
    match (received, sent) {
        (Err(Error::Internal(_)), Err(error)) => Err(error),
        (received, _) => received,
    }
}

fn run<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = Runtime::new()
        .map_err(|error| Error::Internal(format!("cannot start the I/O runtime: {error}")))?;
    runtime.block_on(work)
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// UDP payload of a full packet on a path of 1500 bytes, which loopback would not choose by itself.
const ETHERNET: u16 = 1452;
/// Longer than two threads of one machine need to find each other.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_part_moves_something() {
        let mut told = Vec::new();
        measure(&mut |part| told.push(part)).unwrap();
        let whats: Vec<_> = told.iter().map(|part| part.what).collect();
        assert_eq!(
            whats,
            [What::Quic, What::QuicEthernet, What::Tcp, What::Transfer]
        );
        assert!(told.iter().all(|part| part.bytes > 0), "{told:?}");
    }
}
