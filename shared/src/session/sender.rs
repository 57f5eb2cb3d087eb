//! The sender's half of the protocol.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Input, Output, Refusal, Session, State, WINDOW, channel::Channel};
use crate::{
    BLOCK, Block, BlockReceipt, Error, Offer, Reason, Slot,
    cipher::Suite,
    handshake::{Credentials, Role},
    lane::{Lane, LaneAt, LaneKind, MAX_LANES},
    message::{Have, Message, Total},
    ticket::{Ticket, TicketId},
    tree::Tree,
};

/// What a sender asks of its driver.
#[must_use]
pub enum Request {
    /// A listener is about to show its share, which is one guess for whoever dialled. Answer: [`Sender::pair`] or
    /// [`Sender::refuse`].
    Pair,
    /// A dialler says that it was here before, with this ticket, and its connection broke. Answer:
    /// [`Sender::pair_again`] with the ticket itself, or [`Sender::refuse`].
    Return(TicketId),
    /// The receiver holds the code; what is offered to it? Answer: [`Sender::offer`].
    Offer,
    /// The receiver agreed and kept blocks from before. Answer: [`Sender::resume`] with the tree over the first
    /// `blocks` blocks of the source, or with an empty one to begin again.
    Compare(Have),
    /// The receiver listens for lanes there, in the order of their numbers: dial them, or let it be. No answer.
    Join(Vec<LaneAt>),
    /// Fill this slot from the source. Answer: [`Sender::submit`].
    Read(Slot),
}

/// A machine that sends one payload to one receiver.
pub struct Sender(Session<Sending>);

impl Sender {
    /// A sender at the beginning of a wire.
    pub fn new(credentials: Credentials) -> Self {
        Self(Session::new(credentials))
    }

    /// Bytes of the peer, cut in any way.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.0.receive(bytes);
    }

    /// The peer will say no more.
    pub fn eof(&mut self) {
        self.0.eof();
    }

    /// Ends the session; the peer is told `reason` and `detail` (at most [`crate::MAX_DETAIL`] bytes of it).
    pub fn abort(&mut self, reason: Reason, detail: &str) {
        self.0.abort(reason, detail);
    }

    /// What is wanted next.
    ///
    /// # Errors
    /// The failure of the session, again and again, once everything that the peer must be told was transmitted.
    pub fn poll(&mut self) -> Result<Output<Request>, Error> {
        self.0.poll()
    }

    /// Whether the session failed: what is left to transmit is a farewell, and a block on its way is of no more use.
    pub fn has_failed(&self) -> bool {
        self.0.has_failed()
    }

    /// Whether the peer said the last word, successful or not: this side closes the wire, and need not wait.
    pub fn heard_last_word(&self) -> bool {
        self.0.heard_last_word()
    }

    /// The suite that was agreed on, once both sides have proved.
    pub fn suite(&self) -> Option<Suite> {
        self.0.channel.suite()
    }

    /// Items that the receiver could not keep although the payload arrived whole; known once [`Output::Done`] came.
    pub fn skipped(&self) -> u64 {
        match &self.0.state {
            Some(Sending::Done { skipped, .. }) => *skipped,
            _ => 0,
        }
    }

    /// The BLAKE3 root of the payload, once every block was submitted.
    pub fn root(&self) -> Option<[u8; 32]> {
        self.0.state.as_ref()?.root()
    }

    /// What this session can be taken up again with when its connection is lost, once both sides have proved.
    pub fn ticket(&self) -> Option<Ticket> {
        self.0.channel.ticket()
    }

    /// This side's end of lane `number`, from 1 on, once both sides have proved.
    pub fn lane(&self, number: u8) -> Option<Lane> {
        self.0.lane(number)
    }

    /// Tells the receiver, while blocks are sent, where it may dial lanes: what a sender that listens does.
    pub fn lanes(&mut self, at: &[LaneAt]) {
        if matches!(self.0.state, Some(Sending::Blocks(_))) {
            self.0.lanes(at);
        }
    }

    /// Asks the receiver, while blocks are sent, to listen for lanes: what a sender that dialled does.
    pub fn widen(&mut self, kinds: Vec<LaneKind>) {
        let fits = (1..=MAX_LANES).contains(&kinds.len());
        if fits && matches!(self.0.state, Some(Sending::Blocks(_))) {
            self.0.say_of_lanes(&Message::Widen { kinds });
        }
    }

    /// Answers [`Request::Pair`]: go on. The peer is told that so many more tries are left, should it not know the code.
    pub fn pair(&mut self, tries: u8) {
        self.0.pair(tries, None);
    }

    /// Answers [`Request::Return`]: go on, under the ticket that was named.
    pub fn pair_again(&mut self, ticket: Ticket) {
        self.0.pair(0, Some(ticket));
    }

    /// Answers [`Request::Pair`] or [`Request::Return`]: turn the dialler away.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.0.refuse(refusal);
    }

    /// Answers [`Request::Offer`].
    pub fn offer(&mut self, offer: Offer) {
        self.0.answer(|state, channel| match state {
            Sending::Choosing => {
                channel.send(&Message::Offer(offer.clone()));
                Ok(Sending::Offering(offer))
            }
            _ => Err(Error::Misuse("offer() without a request")),
        });
    }

    /// Answers [`Request::Compare`], and says how many blocks need not be sent.
    pub fn resume(&mut self, own: Tree) -> u64 {
        let mut from = 0;
        self.0.answer(|state, channel| match state {
            Sending::Comparing(offer, have) => {
                let equal = own.blocks() == have.blocks && own.proof() == have.proof;
                let tree = if equal { own } else { Tree::new() };
                from = tree.blocks();
                channel.send(&Message::Start { from });
                Ok(Sending::Blocks(Box::new(Progress::new(&offer, tree))))
            }
            _ => Err(Error::Misuse("resume() without a request")),
        });
        from
    }

    /// Answers [`Request::Read`]. Blocks may come in any order; they are transmitted in that of their indexes, so that
    /// none ever waits behind one that needs it first.
    pub fn submit(&mut self, block: Block) {
        self.submit_as(block, Bytes::from);
    }

    /// Answers [`Request::Read`] and lets the driver own the frame's memory: see [`Block::map_frame`].
    pub fn submit_as(&mut self, block: Block, own: impl FnOnce(Vec<u8>) -> Bytes) {
        self.0.answer(|mut state, channel| match &mut state {
            Sending::Blocks(progress) => {
                let (frame, receipt) = block.map_frame(own);
                progress.submitted(receipt, frame)?;
                while let Some(frame) = progress.next_in_order() {
                    channel.transmit(frame);
                }
                Ok(state)
            }
            _ => Err(Error::Misuse("submit() without a request")),
        });
    }
}

/// The states of a sender.
enum Sending {
    Shaking,
    Choosing,
    Offering(Offer),
    Comparing(Offer, Have),
    Blocks(Box<Progress>),
    Finishing(Total),
    Done { root: [u8; 32], skipped: u64 },
}

/// Which blocks were asked for, and what those that came make.
struct Progress {
    tree: Tree,
    /// Blocks that were submitted before one in front of them.
    early: BTreeMap<u64, (BlockReceipt, Bytes)>,
    requested: u64,
    bytes: u64,
    /// The index of the last block, once it is known.
    last: Option<u64>,
    payload: Option<u64>,
}

impl Progress {
    fn new(offer: &Offer, tree: Tree) -> Self {
        let requested = tree.blocks();
        let last = offer
            .payload
            .map(|length| length.div_ceil(BLOCK as u64).saturating_sub(1));
        Self {
            requested,
            bytes: requested * BLOCK as u64,
            last,
            payload: offer.payload,
            early: BTreeMap::new(),
            tree,
        }
    }

    fn submitted(&mut self, block: BlockReceipt, frame: Bytes) -> Result<(), Error> {
        let fresh = (self.tree.blocks()..self.requested).contains(&block.index);
        if !fresh || self.early.insert(block.index, (block, frame)).is_some() {
            return Err(Error::Misuse("a block that was not asked for"));
        }
        if self
            .last
            .is_some_and(|last| block.index > last || block.last != (block.index == last))
        {
            return Err(Error::Misuse(
                "a payload of another length than was offered",
            ));
        }
        if block.last {
            self.last = Some(block.index);
        }
        self.bytes += u64::from(block.length);
        Ok(())
    }

    /// The frame of the block that the tree lacks, if it was submitted.
    fn next_in_order(&mut self) -> Option<Bytes> {
        let (block, frame) = self.early.remove(&self.tree.blocks())?;
        self.tree.push(block.hash);
        Some(frame)
    }

    fn complete(&self) -> bool {
        self.last.is_some_and(|last| self.tree.blocks() > last)
    }

    fn total(&self) -> Result<Total, Error> {
        if self.payload.is_some_and(|payload| payload != self.bytes) {
            return Err(Error::Misuse(
                "a payload of another length than was offered",
            ));
        }
        Ok(Total {
            blocks: self.tree.blocks(),
            bytes: self.bytes,
            root: self.tree.clone().root()?,
        })
    }
}

impl State for Sending {
    type Request = Request;
    const ROLE: Role = Role::Sender;

    fn start() -> Self {
        Self::Shaking
    }

    fn pair(ticket: Option<TicketId>) -> Request {
        ticket.map_or(Request::Pair, Request::Return)
    }

    fn paired(self, channel: &mut Channel<Request>) -> Self {
        channel.request(Request::Offer);
        Self::Choosing
    }

    fn on_input(self, input: Input, channel: &mut Channel<Request>) -> Result<Self, Error> {
        match (self, input) {
            (Self::Offering(offer), Input::Message(Message::Accept(have))) => {
                if have.blocks == 0 {
                    channel.send(&Message::Start { from: 0 });
                    return Ok(Self::Blocks(Box::new(Progress::new(&offer, Tree::new()))));
                }
                // The last block cannot be kept: the root can only be told from one that is sent or read as the last.
                let whole = offer
                    .payload
                    .map_or(u64::MAX, |length| length.saturating_sub(1) / BLOCK as u64);
                if have.blocks > whole {
                    return Err(Error::Malformed("more kept blocks than the payload has"));
                }
                channel.request(Request::Compare(have));
                Ok(Self::Comparing(offer, have))
            }
            (Self::Finishing(total), Input::Message(Message::Stored { root, skipped })) => {
                if root != total.root {
                    return Err(Error::Mismatch("the receiver stored something else"));
                }
                Ok(Self::Done { root, skipped })
            }
            (
                state @ (Self::Blocks(_) | Self::Finishing(_)),
                Input::Message(Message::Lanes { at }),
            ) => {
                channel.request(Request::Join(at));
                Ok(state)
            }
            (_, Input::Message(message)) => Err(Error::Unexpected(message.name())),
            (_, Input::Block(_)) => Err(Error::Unexpected("block")),
        }
    }

    fn advance(&mut self, channel: &mut Channel<Request>) -> Result<(), Error> {
        let Self::Blocks(progress) = self else {
            return Ok(());
        };
        if progress.complete() {
            let total = progress.total()?;
            channel.send(&Message::Complete(total));
            *self = Self::Finishing(total);
            return Ok(());
        }
        while progress.requested < progress.tree.blocks() + WINDOW
            && progress.last.is_none_or(|last| progress.requested <= last)
        {
            channel.request(Request::Read(channel.slot(progress.requested)?));
            progress.requested += 1;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    fn root(&self) -> Option<[u8; 32]> {
        match self {
            Self::Finishing(total) => Some(total.root),
            Self::Done { root, .. } => Some(*root),
            _ => None,
        }
    }
}
