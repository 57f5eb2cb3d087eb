//! Who this process is to TLS: a certificate of its own that lives as long as the process.
//!
//! Nobody vouches for it. The handshake inside the connection binds its hash, so what has to hold
//! is that the peer owns the key of the certificate it shows: [`KeyProof`] checks just that.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType, date_time_ymd};
use rustls::{
    CipherSuite, DigitallySignedStruct, PeerIncompatible, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use sha2::{Digest, Sha256};

use crate::Error;

/// A self-signed ECDSA P-256 certificate and its key, made afresh for one process.
///
/// It carries no name of this machine or its user, and is valid for 10 days from a day ago: clocks
/// differ, and browsers take at most 14 days for a certificate that is pinned by its hash.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Identity {
    /// Makes a new key pair and its certificate.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        Self::generate_for([])
    }

    /// As [`Identity::generate`], for a machine at these addresses: a browser compares them with its address bar.
    ///
    /// # Errors
    /// As for [`Identity::generate`].
    pub fn generate_for(addresses: impl IntoIterator<Item = IpAddr>) -> Result<Self, Error> {
        let internal = |error: rcgen::Error| Error::Internal(format!("certificate: {error}"));
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(internal)?;
        let mut parameters = CertificateParams::new(vec![SERVER_NAME.into()]).map_err(internal)?;
        let addresses = addresses.into_iter().map(SanType::IpAddress);
        parameters.subject_alt_names.extend(addresses);
        parameters.distinguished_name = DistinguishedName::new();
        parameters
            .distinguished_name
            .push(DnType::CommonName, SERVER_NAME);
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(DAY);
        parameters.not_before = date_time_ymd(1970, 1, 1) + since_epoch.saturating_sub(DAY);
        parameters.not_after = parameters.not_before + VALIDITY;
        let certificate = parameters.self_signed(&key).map_err(internal)?;
        Ok(Self {
            certificate: certificate.into(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
        })
    }

    /// SHA-256 of the DER certificate: what both sides bind, and what a browser pins.
    pub fn certificate_hash(&self) -> [u8; 32] {
        certificate_hash(&self.certificate)
    }

    /// The certificate, DER.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The private key, PKCS #8 DER.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key().into()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// SHA-256 of a DER certificate.
pub(crate) fn certificate_hash(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// A verifier that takes any certificate whose key the server really holds.
///
/// The name and the chain say nothing between strangers; without the check of CertificateVerify
/// (RFC 8446, 4.4.3), though, a stranger in the middle could show the certificate of the real peer
/// and its hash would bind nothing.
#[derive(Debug)]
pub struct KeyProof(WebPkiSupportedAlgorithms);

impl KeyProof {
    /// A verifier that checks signatures with the algorithms of [`provider`].
    pub fn new() -> Self {
        Self(provider().signature_verification_algorithms)
    }
}

impl Default for KeyProof {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerCertVerifier for KeyProof {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The cryptography of TLS: ring with the TLS 1.3 suites, the one this machine does fastest first.
///
/// The payload is sealed on its own, so packets need no more than AES-128. ChaCha20 costs 0.6 s of
/// CPU per GiB more where AES is in hardware, AES several times as much where it is not.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider
        .cipher_suites
        .retain(|suite| suite.tls13().is_some());
    provider.cipher_suites.sort_by_key(|suite| {
        let chacha = suite.suite() == CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
        let strong = suite.suite() == CipherSuite::TLS13_AES_256_GCM_SHA384;
        (chacha == has_aes(), strong)
    });
    Arc::new(provider)
}

/// Whether this machine does AES in hardware.
pub fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// The name in the certificate and the one the client asks for; it is not sent.
pub(crate) const SERVER_NAME: &str = "hayate";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const VALIDITY: Duration = DAY.saturating_mul(10);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use rustls::{
        ClientConnection, ServerConnection,
        sign::{CertifiedKey, SingleCertAndKey},
        version::TLS13,
    };

    use super::*;

    #[test]
    fn every_identity_is_fresh() {
        let [one, two] = [Identity::generate().unwrap(), Identity::generate().unwrap()];
        assert_ne!(one.certificate_hash(), two.certificate_hash());
        assert_ne!(one.key(), two.key());
    }

    #[test]
    fn the_key_stays_out_of_debug_output() {
        let shown = format!("{:?}", Identity::generate().unwrap());
        assert_eq!(shown, "Identity { .. }");
    }

    #[test]
    fn aes_128_comes_first_where_it_is_in_hardware() {
        let suites = provider().cipher_suites.clone();
        assert_eq!(suites.len(), 3);
        assert_eq!(
            suites[0].suite() == CipherSuite::TLS13_AES_128_GCM_SHA256,
            has_aes()
        );
    }

    /// A TLS handshake in memory, of a client that asks for [`KeyProof`] and a server that shows
    /// `certificate` and signs with `key`.
    fn handshake(certificate: &Identity, key: &Identity) -> Result<(), rustls::Error> {
        let key = rustls::crypto::ring::sign::any_supported_type(&key.key())?;
        let shown = CertifiedKey::new(vec![certificate.certificate().clone()], key);
        let server = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        let client = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(KeyProof::new()))
            .with_no_client_auth();
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            server.read_tls(&mut bytes.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            client.read_tls(&mut bytes.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn a_server_with_its_own_certificate_is_taken() {
        let own = Identity::generate().unwrap();
        assert_eq!(handshake(&own, &own), Ok(()));
    }

    #[test]
    fn a_server_with_somebody_elses_certificate_is_refused() {
        let [other, own] = [Identity::generate().unwrap(), Identity::generate().unwrap()];
        let error = handshake(&other, &own).unwrap_err();
        assert_eq!(error, rustls::CertificateError::BadSignature.into());
    }
}
