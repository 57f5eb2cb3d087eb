//! What the system gives a UDP socket, and whether the ports can be had.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use hayate::{
    DEFAULT_PORT,
    quic::{Tuning, udp_socket},
};
use quinn_udp::UdpSocketState;
use socket2::SockRef;

use super::Finding;
use crate::ui::size;

/// How much waits in a socket, and how many packets go through one system call.
pub(super) fn buffers() -> Vec<Finding> {
    let tuning = Tuning::default();
    let socket = match udp_socket((Ipv4Addr::LOCALHOST, 0).into(), &tuning) {
        Ok(socket) => socket,
        Err(error) => {
            let advice = "the system must let this program use the network";
            return vec![Finding::warning(
                "udp",
                format!("no UDP socket can be had ({error})"),
                advice,
            )];
        }
    };
    let reference = SockRef::from(&socket);
    let sizes = [reference.recv_buffer_size(), reference.send_buffer_size()];
    // Linux counts its own overhead in, and reports the double of what was asked for.
    let share = if cfg!(target_os = "linux") { 2 } else { 1 };
    let [receive, send] = sizes.map(|size| size.unwrap_or_default() / share);
    vec![
        judge_buffers(receive, send, tuning.socket_buffer),
        batches(&socket),
    ]
}

fn judge_buffers(receive: usize, send: usize, wanted: usize) -> Finding {
    let got = format!(
        "a socket gets {} to receive and {} to send",
        size(receive as u64),
        size(send as u64)
    );
    if receive.min(send) >= wanted {
        return Finding::fine("udp_buffers", got);
    }
    let advice = if cfg!(target_os = "linux") {
        format!(
            "sudo sysctl -w net.core.rmem_max={wanted} net.core.wmem_max={wanted}; \
             in a file in /etc/sysctl.d it stays so"
        )
    } else {
        "raise the system's limit for socket buffers".to_owned()
    };
    let wanted = size(wanted as u64);
    Finding::warning(
        "udp_buffers",
        format!("{got}, of {wanted}: fast networks lose packets"),
        advice,
    )
}

fn batches(socket: &UdpSocket) -> Finding {
    let what = "udp_batches";
    match UdpSocketState::new(socket.into()) {
        Ok(state) => judge_batches(state.max_gso_segments(), state.gro_segments()),
        Err(error) => Finding::note(what, format!("cannot be found out ({error})")),
    }
}

fn judge_batches(out: usize, into: usize) -> Finding {
    let what = "udp_batches";
    let counts = format!("up to {out} packets leave and {into} come in at once (GSO, GRO)");
    match out > 1 && into > 1 {
        true => Finding::fine(what, counts),
        false => Finding::note(
            what,
            format!("{counts}: packets cost more of the processor"),
        ),
    }
}

/// Whether a sender gets the port that everybody expects.
pub(super) fn ports() -> Vec<Finding> {
    let udp = |address| udp_socket(address, &Tuning::default()).map(drop);
    let tcp = |address| TcpListener::bind::<SocketAddr>(address).map(drop);
    vec![
        judge_port("udp_port", "UDP", everywhere(udp)),
        judge_port("tcp_port", "TCP", everywhere(tcp)),
    ]
}

/// Opens the port on all addresses: of IPv4 alone where the machine has no IPv6.
fn everywhere(open: impl Fn(SocketAddr) -> io::Result<()>) -> io::Result<()> {
    let all = [
        IpAddr::from(Ipv6Addr::UNSPECIFIED),
        Ipv4Addr::UNSPECIFIED.into(),
    ];
    let mut last = Ok(());
    for address in all {
        last = open((address, DEFAULT_PORT).into());
        match &last {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {}
            _ => break,
        }
    }
    last
}

fn judge_port(what: &'static str, protocol: &str, opened: io::Result<()>) -> Finding {
    match opened {
        Ok(()) => Finding::fine(what, format!("{protocol} port {DEFAULT_PORT} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Finding::warning(
            what,
            format!("{protocol} port {DEFAULT_PORT} is taken, perhaps by another hayate"),
            "senders take the next free one, which --from and firewalls have to be told; --listen needs =ADDR:PORT",
        ),
        Err(error) => Finding::warning(
            what,
            format!("{protocol} port {DEFAULT_PORT} cannot be opened ({error})"),
            "choose another with --port or --listen=ADDR:PORT",
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn small_buffers_are_named_with_both_sizes() {
        let small = judge_buffers(212_992, 4 << 20, 4 << 20);
        assert!(small.hinders());
        assert!(small.message.contains("213 kB") && small.message.contains("4.2 MB"));
        assert!(small.advice.is_some());
        assert_eq!(judge_buffers(4 << 20, 8 << 20, 4 << 20).level, Level::Fine);
    }

    #[test]
    fn packets_one_by_one_are_noted() {
        assert_eq!(judge_batches(1, 64).level, Level::Note);
        assert_eq!(judge_batches(64, 64).level, Level::Fine);
    }

    #[test]
    fn a_taken_port_is_told_from_one_that_is_forbidden() {
        let taken = judge_port("udp_port", "UDP", Err(io::ErrorKind::AddrInUse.into()));
        assert!(taken.hinders() && taken.message.contains("taken"));
        let forbidden = io::ErrorKind::PermissionDenied.into();
        let forbidden = judge_port("udp_port", "UDP", Err(forbidden));
        assert!(forbidden.hinders() && !forbidden.message.contains("taken"));
        assert!(!judge_port("udp_port", "UDP", Ok(())).hinders());
    }

    #[test]
    fn a_machine_without_ipv6_is_asked_for_ipv4() {
        let no_v6 = |address: SocketAddr| match address.is_ipv4() {
            true => Ok(()),
            false => Err(io::ErrorKind::Unsupported.into()),
        };
        assert!(everywhere(no_v6).is_ok());
        let taken = |_| Err(io::ErrorKind::AddrInUse.into());
        let error = everywhere(taken).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
