//! What was found so far: each way to a peer is told once, in memory a flood cannot grow.

use std::net::IpAddr;

use super::Found;

/// Most sessions that are remembered; a new one takes the place of the one not heard of for longest.
const MAX_SESSIONS: usize = 16;

/// Most addresses of one session.
const MAX_ADDRESSES: usize = 16;

/// Most sessions from one address: one machine cannot push all others out.
const MAX_PER_SOURCE: usize = 4;

/// The candidates of one search.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// The most recently heard last.
    sessions: Vec<Session>,
}

#[derive(Debug)]
struct Session {
    id: [u8; 8],
    found: Vec<Found>,
}

impl Candidates {
    /// Notes a candidate; true if it is new and to be told.
    pub(super) fn insert(&mut self, found: Found) -> bool {
        if let Some(at) = self
            .sessions
            .iter()
            .position(|session| session.id == found.session)
        {
            self.sessions[at..].rotate_left(1);
            let known = &mut self.sessions.last_mut().expect("it was found above").found;
            let new = known.len() < MAX_ADDRESSES
                && known.iter().all(|other| other.address != found.address);
            if new {
                known.push(found);
            }
            return new;
        }
        if self.sessions_from(found.address.ip()) >= MAX_PER_SOURCE {
            return false;
        }
        if self.sessions.len() == MAX_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(Session {
            id: found.session,
            found: vec![found],
        });
        true
    }

    /// Takes back [`Self::insert`], so that the candidate is told when it is heard again.
    pub(super) fn forget(&mut self, found: &Found) {
        for session in &mut self.sessions {
            session.found.retain(|other| other != found);
        }
        self.sessions.retain(|session| !session.found.is_empty());
    }

    fn sessions_from(&self, source: IpAddr) -> usize {
        let from = |session: &&Session| {
            session
                .found
                .iter()
                .any(|found| found.address.ip() == source)
        };
        self.sessions.iter().filter(from).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(session: u64, source: u32, port: u16) -> Found {
        let address = (IpAddr::V4(source.into()), port).into();
        Found {
            session: session.to_be_bytes(),
            address,
            web_port: 0,
            flags: 0,
        }
    }

    #[test]
    fn every_way_to_a_peer_is_told_once() {
        let mut candidates = Candidates::default();
        assert!(candidates.insert(found(1, 1, 5000)));
        assert!(!candidates.insert(found(1, 1, 5000)));
        assert!(candidates.insert(found(1, 2, 5000)));
        assert!(candidates.insert(found(2, 1, 5000)));
        assert!(!candidates.insert(found(1, 2, 5000)));
    }

    #[test]
    fn a_forgotten_candidate_is_told_again() {
        let mut candidates = Candidates::default();
        assert!(candidates.insert(found(1, 1, 5000)));
        candidates.forget(&found(1, 1, 5000));
        assert!(candidates.insert(found(1, 1, 5000)));
    }

    #[test]
    fn one_machine_cannot_push_the_others_out() {
        let mut candidates = Candidates::default();
        assert!(candidates.insert(found(1, 1, 5000)));
        let told = (100..10_100)
            .filter(|session| candidates.insert(found(*session, 2, 5000)))
            .count();
        assert_eq!(told, MAX_PER_SOURCE);
        assert!(!candidates.insert(found(1, 1, 5000)), "it is still known");
    }

    #[test]
    fn memory_is_flat_whoever_floods() {
        let mut candidates = Candidates::default();
        for number in 0..10_000_u32 {
            candidates.insert(found(u64::from(number), number, 5000));
            candidates.insert(found(1, number, 5000));
        }
        assert_eq!(candidates.sessions.len(), MAX_SESSIONS);
        assert!(
            candidates
                .sessions
                .iter()
                .all(|session| session.found.len() <= MAX_ADDRESSES)
        );
    }
}
