//! What a client says of itself in TLS: which protocol it speaks, and its transport parameters (RFC 9000, 18).

use std::{collections::BTreeMap, mem, sync::Arc};

use hayate::identity::{KeyProof, provider};
use rustls::quic::{ClientConnection, Connection, Keys, PacketKeySet, Version};

use crate::packets::{self, Packet, varint};

/// A transport parameter's number, with what is announced for it: nothing where there is none.
pub(crate) type Term = (u64, Option<u64>);

/// TLS of a client with this connection id that speaks Hayate, or HTTP/3 as browsers do; `terms` change what is usual.
pub(crate) fn tls(own: &[u8], native: bool, terms: &[Term]) -> Connection {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(KeyProof::new()))
        .with_no_client_auth();
    let protocol: &[u8] = if native { hayate::quic::ALPN } else { b"h3" };
    config.alpn_protocols = vec![protocol.to_vec()];
    config.enable_sni = false;
    // windows of 1 MiB, room for a few streams, and our connection id
    let window = Some(1 << 20);
    let usual = [4, 5, 6, 7].map(|id| (id, window));
    let usual = usual.into_iter().chain([(8, Some(8)), (9, Some(8))]);
    let all: BTreeMap<_, _> = usual.chain(terms.iter().copied()).collect();
    let mut parameters = Vec::new();
    for (id, value) in all {
        let Some(value) = value.map(varint) else {
            continue;
        };
        parameters.extend([&varint(id)[..], &varint(value.len() as u64), &value].concat());
    }
    parameters.extend([&varint(0xf)[..], &varint(own.len() as u64), own].concat());
    let name = "hayate".try_into().unwrap();
    let client = ClientConnection::new(Arc::new(config), Version::V1, name, parameters);
    Connection::Client(client.unwrap())
}

/// Opens a packet of data, and follows the peer to its next keys (RFC 9001, 6): a careful one takes them early, and once.
pub(crate) fn open(
    keys: &mut Keys,
    newer: &mut Option<PacketKeySet>,
    packet: &Packet<'_>,
    expected: u64,
) -> Option<(u64, Vec<u8>)> {
    let opened = packet.open(&keys.remote, expected);
    let Some(mut next) = newer.take_if(|_| opened.is_none()) else {
        return opened;
    };
    mem::swap(&mut keys.remote.packet, &mut next.remote);
    let opened = packet.open(&keys.remote, expected);
    if opened.is_some() {
        keys.local.packet = next.local;
    } else {
        mem::swap(&mut keys.remote.packet, &mut next.remote);
        *newer = Some(next);
    }
    opened
}

/// What TLS says first.
pub(crate) fn hello(native: bool) -> Vec<u8> {
    let mut said = Vec::new();
    tls(&packets::random::<8>(), native, &[]).write_hs(&mut said);
    said
}
