//! "Handshake" of PROTOCOL.md, from either end.

use curve25519_dalek::Scalar;
use sha2::{Digest, Sha512};
use x25519_dalek::{PublicKey, StaticSecret};

use super::{
    keys::{expand, extract, generator, h, isk, lv, mac, prs, prs_again, secret_point},
    wire::Channel,
};

/// What a peer starts from.
#[derive(Clone)]
pub(crate) struct Settings {
    /// The code phrase in its normal form.
    pub(crate) code: String,
    /// 1: the listener is the sender; 2: it is the receiver.
    pub(crate) listener_is: u8,
    pub(crate) certificate: [u8; 32],
    /// Empty where there is none.
    pub(crate) exporter: Vec<u8>,
    pub(crate) suites: Vec<u8>,
    pub(crate) seed: u8,
    /// The `master` of the session that is taken up again.
    pub(crate) before: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            code: "7-copper-lantern-violin".into(),
            listener_is: 1,
            certificate: [0xce; 32],
            exporter: vec![0xe4; 32],
            suites: vec![2, 1],
            seed: 0x50,
            before: None,
        }
    }
}

impl Settings {
    fn random(&self, label: &str) -> [u8; 64] {
        Sha512::digest([&[self.seed], label.as_bytes()].concat()).into()
    }

    fn secret(&self) -> StaticSecret {
        StaticSecret::from(<[u8; 32]>::try_from(&self.random("x25519")[..32]).unwrap())
    }

    fn scalar(&self) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.random("cpace"))
    }

    fn prs(&self) -> Vec<u8> {
        match &self.before {
            Some(master) => prs_again(master),
            None => prs(&self.code),
        }
    }

    fn ci(&self) -> Vec<u8> {
        [
            lv(b"hayate/7 ci"),
            lv(&[self.listener_is]),
            lv(b"tls-server-cert-sha256"),
            lv(&self.certificate),
        ]
        .concat()
    }

    /// M1.
    pub(crate) fn hello(&self) -> Vec<u8> {
        let mut m1 = b"HAYATE\x07".to_vec();
        m1.push(self.listener_is);
        m1.push(u8::from(!self.exporter.is_empty()) + 2 * u8::from(self.before.is_some()));
        m1.push(self.suites.len() as u8);
        m1.extend(&self.suites);
        m1.extend(&self.random("nonce")[..32]);
        m1.extend(PublicKey::from(&self.secret()).as_bytes());
        if let Some(master) = &self.before {
            m1.extend(&expand(master, "ticket", b"")[..16]);
        }
        m1
    }
}

/// Nonce and X25519 key of M1.
fn of_hello(m1: &[u8]) -> (&[u8], [u8; 32]) {
    let fields = &m1[10 + usize::from(m1[9])..];
    (&fields[..32], fields[32..64].try_into().unwrap())
}

/// Nonce, X25519 key and share of M2.
fn of_answer(m2: &[u8]) -> (&[u8], [u8; 32], [u8; 32]) {
    let fields = &m2[2 + usize::from(m2[1])..];
    (
        &fields[..32],
        fields[32..64].try_into().unwrap(),
        fields[64..96].try_into().unwrap(),
    )
}

/// What both ends compute once they have M1, M2 and both shares.
pub(crate) struct Proofs {
    pub(crate) dialler: [u8; 32],
    pub(crate) listener: [u8; 32],
    pub(crate) master: [u8; 32],
}

fn proofs(
    settings: &Settings,
    (m1, m2): (&[u8], &[u8]),
    yc: &[u8; 32],
    secret: &[u8; 32],
    dh: &[u8; 32],
) -> Proofs {
    let (ys, without) = (of_answer(m2).2, &m2[..m2.len() - 32]);
    let sid = h(&[of_hello(m1).0, of_answer(m2).0]);
    let isk = isk(&sid, secret, (&ys, without), (yc, m1));
    let salt = h(&[b"hayate/7 salt", &settings.prs(), &isk]);
    let prk = extract(&salt, dh);
    let th = h(&[
        b"hayate/7 transcript",
        m1,
        m2,
        yc,
        &settings.certificate,
        &settings.exporter,
    ]);
    let dialler = mac(&expand(&prk, "confirm c", &th), &th);
    let listener = mac(&expand(&prk, "confirm s", &th), &h(&[&th, &dialler]));
    let master = expand(&prk, "master", &h(&[&th, &dialler, &listener]));
    Proofs {
        dialler,
        listener,
        master,
    }
}

/// A listener that has answered.
pub(crate) struct Listener {
    pub(crate) settings: Settings,
    m1: Vec<u8>,
    pub m2: Vec<u8>,
}

impl Listener {
    /// Answers M1 with this suite.
    pub(crate) fn answer(settings: Settings, m1: &[u8], suite: u8) -> Self {
        let mut m2 = vec![suite, settings.suites.len() as u8];
        m2.extend(&settings.suites);
        m2.extend(&settings.random("nonce")[32..]);
        m2.extend(PublicKey::from(&settings.secret()).as_bytes());
        let sid = h(&[of_hello(m1).0, &settings.random("nonce")[32..]]);
        let g = generator(&settings.prs(), &settings.ci(), &sid);
        m2.extend((settings.scalar() * g).compress().as_bytes());
        Self {
            settings,
            m1: m1.to_vec(),
            m2,
        }
    }

    /// Takes M3; gives the proofs, and whether M3 holds the right one.
    pub(crate) fn proofs(&self, m3: &[u8]) -> Option<(Proofs, bool)> {
        let yc = m3[..32].try_into().unwrap();
        let secret = secret_point(&self.settings.scalar(), &yc)?;
        let dh = self
            .settings
            .secret()
            .diffie_hellman(&of_hello(&self.m1).1.into());
        let proofs = proofs(
            &self.settings,
            (&self.m1, &self.m2),
            &yc,
            &secret,
            dh.as_bytes(),
        );
        let right = m3[32..] == proofs.dialler;
        Some((proofs, right))
    }

    /// M4 and the keys, for a right M3.
    pub(crate) fn confirm(&self, m3: &[u8]) -> ([u8; 32], Channel) {
        let (proofs, right) = self.proofs(m3).expect("a good share");
        assert!(right, "the dialler's proof");
        let role = self.settings.listener_is;
        (
            proofs.listener,
            Channel::new(&proofs.master, role, self.m2[0]),
        )
    }
}

/// A dialler that has said hello.
pub(crate) struct Dialler {
    pub(crate) settings: Settings,
    pub m1: Vec<u8>,
}

impl Dialler {
    pub(crate) fn hello(settings: Settings) -> Self {
        let m1 = settings.hello();
        Self { settings, m1 }
    }

    /// M3, what M4 must be, and the keys.
    pub(crate) fn proof(&self, m2: &[u8]) -> (Vec<u8>, [u8; 32], Channel) {
        let (nonce, public, ys) = of_answer(m2);
        let sid = h(&[of_hello(&self.m1).0, nonce]);
        let g = generator(&self.settings.prs(), &self.settings.ci(), &sid);
        let yc = (self.settings.scalar() * g).compress().to_bytes();
        let secret = secret_point(&self.settings.scalar(), &ys).expect("a good share");
        let dh = self.settings.secret().diffie_hellman(&public.into());
        let proofs = proofs(&self.settings, (&self.m1, m2), &yc, &secret, dh.as_bytes());
        let m3 = [yc, proofs.dialler].concat();
        let role = 3 - self.settings.listener_is;
        (
            m3,
            proofs.listener,
            Channel::new(&proofs.master, role, m2[0]),
        )
    }
}
