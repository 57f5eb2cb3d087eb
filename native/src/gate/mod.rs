//! The gate in front of the code phrase: one guess at a time, three in all (PROTOCOL.md, "Handshake").

use std::{
    cell::RefCell,
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};

use futures_util::lock::{Mutex, OwnedMutexGuard};
use shared::Refusal;

use crate::Error;
use returns::{Claim, Returns, Stay};

pub(crate) mod returns;

/// Wrong codes that burn a code phrase.
pub(crate) const GUESSES: u32 = 3;

/// How long the gate stays shut after a wrong code, so that guessing cannot outrun a person.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the place of a browser that went away in the middle is kept for it: a reload, or another carrier.
pub(crate) const RELOAD: Duration = Duration::from_secs(15);

/// How long both sides wait for each other once nothing gets through any more.
pub(crate) const RETURN: Duration = Duration::from_secs(60);

/// Counts guesses and places, over all wires of one code phrase.
#[derive(Clone)]
pub(crate) struct Gate {
    turn: std::sync::Arc<Mutex<()>>,
    state: Rc<RefCell<State>>,
    returns: Returns,
}

struct State {
    wrong: Vec<IpAddr>,
    places: Option<u32>,
    /// Places of those that may come back, the first to be given up first.
    kept: VecDeque<Kept>,
    /// Whether anybody proved the code.
    opened: bool,
}

/// The place of somebody who may come back.
struct Kept {
    peer: SocketAddr,
    until: Instant,
    /// What it is if it is not taken.
    error: Error,
    /// What it can be taken up again with, besides the code.
    stay: Option<Stay>,
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
            returns: Returns::default(),
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

    /// Keeps the place of a peer that was lost for a while; `error` is what it means if it does not come back. With a `stay`
    /// the place is for its dialler alone; without, for whoever proves the code.
    pub(crate) fn keep_place(
        &self,
        peer: SocketAddr,
        wait: Duration,
        error: Error,
        stay: Option<Stay>,
    ) {
        let mut state = self.state.borrow_mut();
        if stay.is_none()
            && let Some(places) = &mut state.places
        {
            *places += 1;
        }
        let until = Instant::now() + wait;
        state.kept.push_back(Kept {
            peer,
            until,
            error,
            stay,
        });
        state.kept.make_contiguous().sort_by_key(|kept| kept.until);
    }

    /// Whether somebody may come back without the code.
    pub(crate) fn waits(&self) -> bool {
        let state = self.state.borrow();
        state.kept.iter().any(|kept| kept.stay.is_some())
    }

    /// Who may come back without the code.
    pub(crate) fn returns(&self) -> &Returns {
        &self.returns
    }

    /// Somebody who was here is back, has proved it and takes the old place. Says whether there still was one.
    pub(crate) fn take_back(&self, claim: &Claim) -> bool {
        let waited = self.returns.take(claim);
        let mut state = self.state.borrow_mut();
        let is_it = |kept: &Kept| kept.stay.as_ref().is_some_and(|stay| stay.is(claim));
        let kept = state.kept.iter().position(is_it);
        let kept = kept.and_then(|at| state.kept.remove(at));
        drop((state, kept));
        waited
    }

    /// Gives up the place that is kept for `peer`: it is known not to come back. Says what that means.
    pub(crate) fn give_up_on(&self, peer: SocketAddr) -> Option<Error> {
        let at = {
            let state = self.state.borrow();
            state.kept.iter().position(|kept| kept.peer == peer)
        };
        self.lose(at?)
    }

    fn lose(&self, at: usize) -> Option<Error> {
        let mut state = self.state.borrow_mut();
        let kept = state.kept.remove(at)?;
        if kept.stay.is_none()
            && let Some(places) = &mut state.places
        {
            *places = places.saturating_sub(1);
        }
        Some(kept.error)
    }

    /// When the first of the places that are kept is given up.
    pub(crate) fn next_overdue(&self) -> Option<Instant> {
        self.state.borrow().kept.front().map(|kept| kept.until)
    }

    /// Gives the first place up that is overdue, and says what that means. Whoever is just proving the code gets it
    /// first.
    pub(crate) fn give_up(&self) -> Option<Error> {
        {
            let mut state = self.state.borrow_mut();
            let now = Instant::now();
            let first = state.kept.front_mut().filter(|kept| kept.until <= now)?;
            let proving = match &first.stay {
                Some(stay) => stay.is_claimed(),
                None => self.turn.try_lock().is_none(),
            };
            if proving {
                first.until = now + PAUSE;
                return None;
            }
        }
        self.lose(0)
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
        if let Some(at) = state.kept.iter().position(|kept| kept.stay.is_none()) {
            state.kept.remove(at);
        }
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
    use shared::Ticket;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn enter(gate: &Gate) {
        gate.guess(PEER).await.unwrap().right();
    }

    /// The ticket of a session between two machines.
    fn ticket() -> Ticket {
        let credentials = |side| shared::Credentials {
            code: shared::Code::parse("7-copper-lantern-violin").unwrap(),
            ticket: None,
            side,
            binding: shared::Binding {
                certificate: [1; 32],
                exporter: None,
            },
            suites: crate::Cipher::default().suites(side),
            seed: shared::Seed::new([side as u8; 32]),
        };
        let mut sender = shared::Sender::new(credentials(shared::Side::Listener));
        let mut receiver = shared::Receiver::new(credentials(shared::Side::Dialler));
        while sender.ticket().is_none() {
            while let Ok(shared::Output::Transmit(bytes)) = receiver.poll() {
                sender.receive(&bytes);
            }
            match sender.poll() {
                Ok(shared::Output::Transmit(bytes)) => receiver.receive(&bytes),
                Ok(shared::Output::Request(_)) => sender.pair(2),
                _ => {}
            }
        }
        sender.ticket().unwrap()
    }

    fn keep(gate: &Gate) {
        let error = Error::Internal("lost".into());
        gate.keep_place((PEER, 5).into(), RELOAD, error, None);
    }

    #[compio::test]
    async fn who_comes_back_finds_the_place_free() {
        let gate = Gate::new(Some(1));
        enter(&gate).await;
        assert!(gate.is_full() && gate.next_overdue().is_none());
        keep(&gate);
        assert!(!gate.is_full() && gate.next_overdue().is_some());
        enter(&gate).await;
        assert!(gate.is_full() && gate.next_overdue().is_none());
    }

    #[compio::test]
    async fn a_place_is_kept_for_a_while_only() {
        let gate = Gate::new(Some(2));
        enter(&gate).await;
        keep(&gate);
        assert!(gate.give_up().is_none());
        gate.state.borrow_mut().kept[0].until = Instant::now();
        let guess = gate.guess(PEER).await.unwrap();
        assert!(gate.give_up().is_none(), "somebody is proving the code");
        guess.right();
        keep(&gate);
        gate.state.borrow_mut().kept[0].until = Instant::now();
        assert!(gate.give_up().is_some());
        enter(&gate).await;
        assert!(gate.is_full());
    }

    fn keep_for(gate: &Gate, ticket: &Ticket) {
        let stay = gate.returns().enter(ticket.clone());
        let error = Error::Internal("lost".into());
        gate.keep_place((PEER, 6).into(), RETURN, error, Some(stay));
    }

    #[compio::test]
    async fn a_place_with_a_ticket_is_for_its_owner_alone() {
        let gate = Gate::new(Some(1));
        enter(&gate).await;
        let ticket = ticket();
        keep_for(&gate, &ticket);
        assert!(gate.is_full() && gate.waits());
        assert!(matches!(gate.guess(PEER).await, Err(Refusal::Busy)));
        let (_, claim) = gate.returns().find(&ticket.id()).unwrap();
        assert!(gate.take_back(&claim) && gate.is_full() && !gate.waits());
        assert!(!gate.take_back(&claim), "once");
        assert!(gate.returns().find(&ticket.id()).is_none());
    }

    #[compio::test]
    async fn who_proves_the_code_takes_no_place_that_is_for_somebody_else() {
        let gate = Gate::new(Some(3));
        enter(&gate).await;
        enter(&gate).await;
        let ticket = ticket();
        keep_for(&gate, &ticket);
        keep(&gate);
        enter(&gate).await;
        assert!(gate.waits(), "the browser's place was taken");
        assert!(!gate.is_full());
        enter(&gate).await;
        assert!(gate.is_full() && gate.waits());
        assert!(gate.give_up_on((PEER, 6).into()).is_some());
        assert!(gate.is_full(), "a place that was given up is not free");
    }

    #[compio::test]
    async fn a_place_is_not_given_up_while_its_owner_proves_it() {
        let gate = Gate::new(Some(1));
        enter(&gate).await;
        let ticket = ticket();
        keep_for(&gate, &ticket);
        gate.state.borrow_mut().kept[0].until = Instant::now();
        let (_, claim) = gate.returns().find(&ticket.id()).unwrap();
        assert!(gate.give_up().is_none());
        drop(claim);
        gate.state.borrow_mut().kept[0].until = Instant::now();
        assert!(gate.give_up().is_some());
    }

    #[compio::test]
    async fn burned_codes_stay_burned_for_who_comes_back() {
        let gate = Gate::new(Some(1));
        enter(&gate).await;
        keep(&gate);
        gate.state.borrow_mut().wrong = vec![PEER; 3];
        assert!(matches!(gate.guess(PEER).await, Err(Refusal::Burned)));
        assert!(gate.burned().is_some());
    }
}
