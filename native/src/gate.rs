//! The gate in front of the code phrase: one guess at a time, three in all (PROTOCOL.md, "Handshake").

use std::{
    cell::RefCell,
    collections::VecDeque,
    net::IpAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use futures_util::lock::{Mutex, OwnedMutexGuard};
use shared::Refusal;

use crate::Error;

/// Wrong codes that burn a code phrase.
pub(crate) const GUESSES: u32 = 3;

/// How long the gate stays shut after a wrong code, so that guessing cannot outrun a person.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the place of a browser that went away in the middle is kept for it: a reload, or a change of networks.
pub(crate) const RETURN: Duration = Duration::from_secs(15);

/// Counts guesses and places, over all wires of one code phrase.
#[derive(Clone)]
pub(crate) struct Gate {
    turn: std::sync::Arc<Mutex<()>>,
    state: Rc<RefCell<State>>,
}

struct State {
    wrong: Vec<IpAddr>,
    places: Option<u32>,
    /// Places of those that may come back, and what it is if they do not.
    kept: VecDeque<(Instant, Error)>,
    /// Whether anybody proved the code.
    opened: bool,
}

/// The right to show a share: one guess for whoever is at the other end. Dropping it counts as a wrong code.
pub(crate) struct Guess {
    gate: Gate,
    peer: IpAddr,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Gate {
    /// A gate for so many peers; `None` is any number.
    pub(crate) fn new(places: Option<u32>) -> Self {
        let state = State {
            wrong: Vec::new(),
            places,
            kept: VecDeque::new(),
            opened: false,
        };
        Self {
            turn: std::sync::Arc::default(),
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// Waits for its turn.
    pub(crate) async fn guess(&self, peer: IpAddr) -> Result<Guess, Refusal> {
        self.open()?;
        let turn = self.turn.clone().lock_owned().await;
        self.open()?;
        Ok(Guess {
            gate: self.clone(),
            peer,
            turn: Some(turn),
        })
    }

    fn open(&self) -> Result<(), Refusal> {
        let state = self.state.borrow();
        match () {
            () if state.wrong.len() >= GUESSES as usize => Err(Refusal::Burned),
            () if state.places == Some(0) => Err(Refusal::Busy),
            () => Ok(()),
        }
    }

    /// Wrong codes that are still allowed.
    pub(crate) fn left(&self) -> u32 {
        GUESSES.saturating_sub(self.state.borrow().wrong.len() as u32)
    }

    /// Wrong codes that are still allowed if the guess that is open is one.
    pub(crate) fn left_after_this(&self) -> u8 {
        self.left().saturating_sub(1) as u8
    }

    /// Whether anybody has proved the code so far.
    pub(crate) fn was_opened(&self) -> bool {
        self.state.borrow().opened
    }

    /// Whether every place is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.state.borrow().places == Some(0)
    }

    /// Gives the place of a peer that was lost back for [`RETURN`]; `error` is what it means if nobody takes it.
    pub(crate) fn keep_place(&self, error: Error) {
        let mut state = self.state.borrow_mut();
        if let Some(places) = &mut state.places {
            *places += 1;
        }
        state.kept.push_back((Instant::now() + RETURN, error));
    }

    /// When the first of the places that are kept is given up.
    pub(crate) fn next_overdue(&self) -> Option<Instant> {
        self.state.borrow().kept.front().map(|(until, _)| *until)
    }

    /// Gives the first place up that is overdue, and says what that means. Whoever is just proving the code gets it
    /// first.
    pub(crate) fn give_up(&self) -> Option<Error> {
        let mut state = self.state.borrow_mut();
        let now = Instant::now();
        let (until, _) = state.kept.front_mut().filter(|(until, _)| *until <= now)?;
        if self.turn.try_lock().is_none() {
            *until = now + PAUSE;
            return None;
        }
        if let Some(places) = &mut state.places {
            *places = places.saturating_sub(1);
        }
        state.kept.pop_front().map(|(_, error)| error)
    }

    /// The end of the code phrase, once there were too many wrong ones.
    pub(crate) fn burned(&self) -> Option<Error> {
        let state = self.state.borrow();
        let mut from: Vec<String> = state.wrong.iter().map(ToString::to_string).collect();
        from.dedup();
        (state.wrong.len() >= GUESSES as usize).then(|| Error::Burned {
            count: GUESSES,
            from: from.join(", "),
        })
    }
}

impl Guess {
    /// The peer proved the code and takes a place.
    pub(crate) fn right(mut self) {
        self.turn = None;
        let mut state = self.gate.state.borrow_mut();
        state.opened = true;
        // Whoever lost a wire and who proves the code now are the same to all that is known.
        state.kept.pop_front();
        if let Some(places) = &mut state.places {
            *places = places.saturating_sub(1);
        }
    }
}

impl Drop for Guess {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        self.gate.state.borrow_mut().wrong.push(self.peer);
        // Without a runtime there is no next guess either.
        if compio::runtime::Runtime::try_with_current(|_| ()).is_ok() {
            compio::runtime::spawn(async move {
                compio::time::sleep(PAUSE).await;
                drop(turn);
            })
            .detach();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn enter(gate: &Gate) {
        gate.guess(PEER).await.unwrap().right();
    }

    fn lost() -> Error {
        Error::Internal("lost".into())
    }

    #[compio::test]
    async fn who_comes_back_finds_the_place_free() {
        let gate = Gate::new(Some(1));
        enter(&gate).await;
        assert!(gate.is_full() && gate.next_overdue().is_none());
        gate.keep_place(lost());
        assert!(!gate.is_full() && gate.next_overdue().is_some());
        enter(&gate).await;
        assert!(gate.is_full() && gate.next_overdue().is_none());
    }

    #[compio::test]
    async fn a_place_is_kept_for_a_while_only() {
        let gate = Gate::new(Some(2));
        enter(&gate).await;
        gate.keep_place(lost());
        assert!(gate.give_up().is_none());
        gate.state.borrow_mut().kept[0].0 = Instant::now();
        let guess = gate.guess(PEER).await.unwrap();
        assert!(gate.give_up().is_none(), "somebody is proving the code");
        guess.right();
        gate.keep_place(lost());
        gate.state.borrow_mut().kept[0].0 = Instant::now();
        assert!(gate.give_up().is_some());
        enter(&gate).await;
        assert!(gate.is_full());
    }

    #[compio::test]
    async fn burned_codes_stay_burned_for_who_comes_back() {
        let gate = Gate::new(Some(1));
        enter(&gate).await;
        gate.keep_place(lost());
        gate.state.borrow_mut().wrong = vec![PEER; 3];
        assert!(matches!(gate.guess(PEER).await, Err(Refusal::Burned)));
        assert!(gate.burned().is_some());
    }
}
