//! Places that are limited in number, in all and for each address: what keeps strangers from costing anything.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So many places; clones are the same places, whatever thread they are on.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: usize,
    per_address: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

impl Inner {
    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a newcomer hears at the door.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It has to show first that it is where it says it is (RFC 9000, 8.1).
    Prove,
    /// There is no place.
    Refuse,
    Enter(Place),
}

/// One place, given back by being dropped.
#[derive(Debug)]
pub(crate) struct Place {
    ip: IpAddr,
    places: Places,
}

impl Places {
    /// Places for `all`, of which one address gets at most `per_address`.
    pub(crate) fn new(all: usize, per_address: usize) -> Self {
        Self(Arc::new(Inner {
            all,
            per_address,
            taken: Mutex::default(),
        }))
    }

    /// Places for peers that have not proved yet that they know the code, over all carriers.
    pub(crate) fn for_strangers() -> Self {
        Self::new(STRANGERS, STRANGERS_PER_ADDRESS)
    }

    /// Places for everybody: they only tell who is there.
    pub(crate) fn for_all() -> Self {
        Self::new(usize::MAX, usize::MAX)
    }

    /// Decides about a newcomer that says it is `ip`, and may be asked to prove that or not (any more).
    pub(crate) fn admit(&self, ip: IpAddr, provable: bool) -> Admission {
        if provable && self.taken() >= UNVALIDATED {
            return Admission::Prove;
        }
        self.take(ip).map_or(Admission::Refuse, Admission::Enter)
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken().values().sum()
    }

    /// Whether `ip` has a place.
    pub(crate) fn has(&self, ip: IpAddr) -> bool {
        self.0.taken().contains_key(&ip)
    }

    /// A place for `ip`, if there is one.
    pub(crate) fn take(&self, ip: IpAddr) -> Option<Place> {
        let mut places = self.0.taken();
        let all: usize = places.values().sum();
        let own = places.get(&ip).copied().unwrap_or_default();
        if all >= self.0.all || own >= self.0.per_address {
            return None;
        }
        places.insert(ip, own + 1);
        Some(Place {
            ip,
            places: self.clone(),
        })
    }
}

impl Place {
    /// How many are taken, with this one.
    pub(crate) fn crowd(&self) -> usize {
        self.places.taken()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.0.taken();
        if let Some(taken) = places.get_mut(&self.ip) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.ip);
            }
        }
    }
}

/// From this many taken places on a newcomer's address must be proved to be its own.
const UNVALIDATED: usize = 2;
/// Strangers at a time.
const STRANGERS: usize = 4;
/// Strangers at a time from one address.
const STRANGERS_PER_ADDRESS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let places = Places::for_strangers();
        let [one, two, three] = [1, 2, 3].map(|last| IpAddr::from([192, 0, 2, last]));
        let first = places.take(one);
        let second = places.take(one);
        assert!(first.is_some() && second.is_some() && places.take(one).is_none());
        let third = places.take(two);
        let fourth = places.take(two);
        assert!(third.is_some() && fourth.is_some() && places.take(three).is_none());
        drop(first);
        assert_eq!(places.taken(), 3);
        assert!(places.has(one) && !places.has(three));
        assert!(places.take(three).is_some());
        drop((second, third, fourth));
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn a_newcomer_proves_its_address_once_two_are_inside() {
        let places = Places::for_strangers();
        let enter = |last| places.admit([192, 0, 2, last].into(), true);
        let inside = [enter(1), enter(2)];
        assert!(inside.iter().all(|one| matches!(one, Admission::Enter(_))));
        assert!(matches!(enter(3), Admission::Prove));
        let proved = [3, 4].map(|last| places.admit([192, 0, 2, last].into(), false));
        assert!(proved.iter().all(|one| matches!(one, Admission::Enter(_))));
        let fifth = places.admit([192, 0, 2, 5].into(), false);
        assert!(matches!(fifth, Admission::Refuse));
    }
}
