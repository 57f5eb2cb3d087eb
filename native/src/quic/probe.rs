//! Whether somebody is still there behind a connection that fell silent.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use compio::time;

use crate::discover::is_neighbour;

/// Between a refusal and the next question.
const PAUSE: Duration = Duration::from_secs(1);

/// Between a question that nobody answered and the next one. Whoever dials there meanwhile uses up refusals too.
const SOON: Duration = Duration::from_millis(100);

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(300);

/// Refusals that are believed: who is there and can be reached is back before. Systems refuse about once a second, whatever
/// they are asked, so that an answer now and then is missing.
const ENOUGH: u32 = 3;

/// As [`left`] for a peer that dialled. Through a router its port is open to its own connection alone, so it is believed
/// only of a neighbour.
pub(crate) async fn dialler_left(peer: SocketAddr) {
    match is_neighbour(&peer) {
        true => left(peer).await,
        false => std::future::pending().await,
    }
}

/// Waits until the system of `peer` says that nobody listens at its port any more (ICMP port unreachable, RFC 792 and
/// 4443): the process is gone and will not come back. A network that is dark says nothing.
pub(crate) async fn left(peer: SocketAddr) {
    let mut refused = 0;
    loop {
        let asked = compio::runtime::spawn_blocking(move || refuses(peer)).await;
        let refuses = matches!(asked, Ok(true));
        refused += u32::from(refuses);
        if refused >= ENOUGH {
            return;
        }
        time::sleep(if refuses { PAUSE } else { SOON }).await;
    }
}

fn refuses(peer: SocketAddr) -> bool {
    let any = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let ask = || -> io::Result<()> {
        let socket = UdpSocket::bind(any)?;
        socket.connect(peer)?;
        socket.set_read_timeout(Some(ANSWER))?;
        // No packet of QUIC: its fixed bit is not set (RFC 9000, 17).
        socket.send(&[0])?;
        socket.recv(&mut [0; 8]).map(drop)
    };
    ask().is_err_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[compio::test]
    async fn who_is_there_does_not_refuse_and_who_left_does() {
        let there = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = there.local_addr().unwrap();
        assert!(
            time::timeout((ENOUGH + 2) * PAUSE, left(address))
                .await
                .is_err()
        );
        drop(there);
        assert!(
            time::timeout(3 * ENOUGH * PAUSE, left(address))
                .await
                .is_ok()
        );
    }
}
