//! The gate in front of the code phrase: one guess at a time, three in all (PROTOCOL.md, "Handshake").

use std::{cell::RefCell, net::IpAddr, rc::Rc, time::Duration};

use futures_util::lock::{Mutex, OwnedMutexGuard};
use shared::Refusal;

use crate::Error;

/// Wrong codes that burn a code phrase.
pub(crate) const GUESSES: u32 = 3;

/// How long the gate stays shut after a wrong code, so that guessing cannot outrun a person.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts guesses and places, over all wires of one code phrase.
#[derive(Clone)]
pub(crate) struct Gate {
    turn: std::sync::Arc<Mutex<()>>,
    state: Rc<RefCell<State>>,
}

struct State {
    wrong: Vec<IpAddr>,
    places: Option<u32>,
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
