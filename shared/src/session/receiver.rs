//! The receiver's half of the protocol.

use bytes::Bytes;

use super::{Input, Output, Refusal, Session, State, WINDOW, channel::Channel, progress::Progress};
use crate::{
    BlockReceipt, Error, Offer, Reason, Sealed,
    cipher::Suite,
    handshake::{Credentials, Role},
    lane::{Lane, LaneAt, LaneKind},
    message::{Have, Message},
    ticket::{Ticket, TicketId},
    tree::Tree,
};

/// What a receiver asks of its driver.
#[must_use]
pub enum Request {
    /// As for a sender. Answer: [`Receiver::pair`] or [`Receiver::refuse`].
    Pair,
    /// As for a sender. Answer: [`Receiver::pair_again`] or [`Receiver::refuse`].
    Return(TicketId),
    /// Is this wanted? Answer: [`Receiver::accept`], or [`Receiver::abort`] with [`Reason::Declined`].
    Decide(Offer),
    /// The sender listens for lanes there, in the order of their numbers: dial them, or let it be. No answer.
    Join(Vec<LaneAt>),
    /// The sender would use these lanes: listen for them and say where with [`Receiver::lanes`], or let it be.
    Widen(Vec<LaneKind>),
    /// Open this block, put its bytes where they belong, and answer with [`Receiver::opened`].
    Open(Sealed),
    /// Everything arrived and its root is right: make it durable, give it its final name, and answer with
    /// [`Receiver::committed`].
    Commit,
}

/// A machine that receives one payload from one sender.
pub struct Receiver(Session<Receiving>);

impl Receiver {
    /// A receiver at the beginning of a wire.
    pub fn new(credentials: Credentials) -> Self {
        Self(Session::new(credentials))
    }

    /// Bytes of the peer, cut in any way.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.0.receive(bytes);
    }

    /// Whether bytes wait for blocks to be opened, or for those of a lane: reading more from the wire would only pile
    /// them up.
    pub fn is_full(&self) -> bool {
        !self.0.backlog.is_empty()
    }

    /// The peer will say no more: what was not taken up yet is of no use.
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
    /// As for [`crate::Sender::poll`].
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

    /// What this session can be taken up again with when its connection is lost, once both sides have proved.
    pub fn ticket(&self) -> Option<Ticket> {
        self.0.channel.ticket()
    }

    /// This side's end of lane `number`, from 1 on, once both sides have proved.
    pub fn lane(&self, number: u8) -> Option<Lane> {
        self.0.lane(number)
    }

    /// Tells the sender where it may dial the lanes that it asked for: what a receiver that listens does, asked to
    /// [widen](Request::Widen).
    pub fn lanes(&mut self, at: &[LaneAt]) {
        if matches!(self.0.state, Some(Receiving::Blocks(_))) && self.0.lanes(at) {
            self.lane_joined();
        }
    }

    /// The other end of a lane has joined: blocks may be on their way beside the wire.
    pub fn lane_joined(&mut self) {
        self.0.answer(|mut state, _| {
            if let Receiving::Blocks(progress) = &mut state {
                progress.wide = true;
            }
            Ok(state)
        });
    }

    /// A block that came over a lane. Not more than [`WINDOW`] of them may wait to be opened.
    pub fn arrive(&mut self, sealed: Sealed) {
        self.0.answer(|state, channel| match state {
            Receiving::Blocks(mut progress) => {
                progress.early.push(sealed);
                progress.take_early(channel)?;
                Ok(Receiving::Blocks(progress))
            }
            _ => Err(Error::Unexpected("block on a lane")),
        });
    }

    /// Whether blocks of lanes wait for others in front of them: reading more from a lane would only pile them up.
    pub fn is_ahead(&self) -> bool {
        match &self.0.state {
            Some(Receiving::Blocks(progress)) => progress.early.len() as u64 >= WINDOW / 2,
            _ => false,
        }
    }

    /// A lane has ended. Before everything came that is a loss.
    pub fn lane_ended(&mut self) {
        self.0.answer(|state, _| match state {
            Receiving::Blocks(_) => Err(Error::Disconnected),
            state => Ok(state),
        });
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

    /// Answers [`Request::Decide`]: yes. `kept` covers the blocks that are still there from an earlier session, proven
    /// by reading them again; [`Tree::new`] where there are none. [`Receiver::blocks`] tells, with the first block, whether
    /// the sender goes on behind them or begins again.
    pub fn accept(&mut self, kept: Tree) {
        self.0.answer(|state, channel| match state {
            Receiving::Deciding(offer) => {
                let blocks = kept.blocks();
                let proof = if blocks == 0 { [0; 32] } else { kept.proof() };
                channel.send(&Message::Accept(Have { blocks, proof }));
                Ok(Receiving::Accepting(offer, Box::new(kept)))
            }
            _ => Err(Error::Misuse("accept() without a request")),
        });
    }

    /// Answers [`Request::Open`]: the block's bytes are where they belong. Blocks may come in any order.
    pub fn opened(&mut self, receipt: BlockReceipt) {
        self.0.answer(|mut state, channel| match &mut state {
            Receiving::Blocks(progress) => {
                progress.opened(receipt)?;
                progress.take_early(channel)?;
                Ok(state)
            }
            _ => Err(Error::Misuse("opened() without a request")),
        });
    }

    /// Blocks that are accounted for, from the first on: when the first [`Request::Open`] comes, where the sender began.
    pub fn blocks(&self) -> u64 {
        match &self.0.state {
            Some(Receiving::Blocks(progress)) => progress.blocks(),
            _ => 0,
        }
    }

    /// Whether the sender has said where it begins: blocks are due.
    pub fn has_begun(&self) -> bool {
        matches!(self.0.state, Some(Receiving::Blocks(_)))
    }

    /// Gives back the memory of a block that was put away, for the next one to arrive in.
    pub fn recycle(&mut self, block: Bytes) {
        self.0.deframer.recycle(block);
    }

    /// Answers [`Request::Commit`]; `skipped` counts items that could not be kept.
    pub fn committed(&mut self, skipped: u64) {
        self.0.answer(|state, channel| match state {
            Receiving::Committing(root) => {
                channel.send(&Message::Stored { root, skipped });
                Ok(Receiving::Done(root))
            }
            _ => Err(Error::Misuse("committed() without a request")),
        });
    }

    /// The BLAKE3 root of the payload, once it was found to be right.
    pub fn root(&self) -> Option<[u8; 32]> {
        self.0.state.as_ref()?.root()
    }
}

/// The states of a receiver.
enum Receiving {
    Shaking,
    Waiting,
    Deciding(Offer),
    Accepting(Offer, Box<Tree>),
    Blocks(Box<Progress>),
    Committing([u8; 32]),
    Done([u8; 32]),
}

impl State for Receiving {
    type Request = Request;
    const ROLE: Role = Role::Receiver;

    fn start() -> Self {
        Self::Shaking
    }

    fn pair(ticket: Option<TicketId>) -> Request {
        ticket.map_or(Request::Pair, Request::Return)
    }

    fn paired(self, _: &mut Channel<Request>) -> Self {
        Self::Waiting
    }

    fn on_input(self, input: Input, channel: &mut Channel<Request>) -> Result<Self, Error> {
        match (self, input) {
            (Self::Waiting, Input::Message(Message::Offer(offer))) => {
                channel.request(Request::Decide(offer.clone()));
                Ok(Self::Deciding(offer))
            }
            (Self::Accepting(offer, kept), Input::Message(Message::Start { from })) => {
                let tree = match from {
                    0 => Tree::new(),
                    from if from == kept.blocks() => *kept,
                    _ => return Err(Error::Malformed("a start at a block that is not kept")),
                };
                Ok(Self::Blocks(Box::new(Progress::new(&offer, tree))))
            }
            (Self::Blocks(mut progress), Input::Block(sealed)) => {
                if progress.total.is_some() {
                    return Err(Error::Unexpected("block behind the total"));
                }
                if progress.wide {
                    // A slow lane may hold back what this one is ahead of.
                    progress.held = Some(sealed);
                    progress.take_early(channel)?;
                } else {
                    progress.arrived(&sealed.header)?;
                    channel.request(Request::Open(sealed));
                }
                Ok(Self::Blocks(progress))
            }
            (Self::Blocks(mut progress), Input::Message(Message::Complete(total))) => {
                if progress.total.replace(total).is_some() {
                    return Err(Error::Unexpected("complete, a second time"));
                }
                Ok(Self::Blocks(progress))
            }
            (Self::Blocks(mut progress), Input::Message(Message::Lanes { at }))
                if progress.total.is_none() =>
            {
                progress.wide = true;
                channel.request(Request::Join(at));
                Ok(Self::Blocks(progress))
            }
            (Self::Blocks(progress), Input::Message(Message::Widen { kinds }))
                if progress.total.is_none() =>
            {
                channel.request(Request::Widen(kinds));
                Ok(Self::Blocks(progress))
            }
            (_, Input::Message(message)) => Err(Error::Unexpected(message.name())),
            (_, Input::Block(_)) => Err(Error::Unexpected("block")),
        }
    }

    fn advance(&mut self, channel: &mut Channel<Request>) -> Result<(), Error> {
        if let Self::Blocks(progress) = self
            && let Some(root) = progress.verified()?
        {
            channel.request(Request::Commit);
            *self = Self::Committing(root);
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn has_room(&self) -> bool {
        match self {
            Self::Blocks(progress) => {
                progress.held.is_none() && (progress.window.len() as u64) < WINDOW
            }
            _ => true,
        }
    }

    fn root(&self) -> Option<[u8; 32]> {
        match self {
            Self::Committing(root) | Self::Done(root) => Some(*root),
            _ => None,
        }
    }
}
