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
}
