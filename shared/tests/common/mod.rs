//! Both ends of a session in one thread.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part; a test may panic"
)]

use hayate_shared::{
    BLOCK, Binding, Code, Credentials, Error, Kind, Offer, Output, Packer, Plain, Reason, Receiver,
    Refusal, Seed, Sender, Side, Ticket,
    cipher::{Suite, Suites},
    lane::Inlet,
    path::SafeName,
    receiver, sender,
    tree::{BlockHash, Tree},
};

pub(crate) const CODE: &str = "7-copper-lantern-violin";

pub(crate) fn binding() -> Binding {
    Binding {
        certificate: [0xce; 32],
        exporter: Some([0xe4; 32]),
    }
}

pub(crate) fn credentials(side: Side, code: &str) -> Credentials {
    Credentials {
        code: Code::parse(code).unwrap(),
        ticket: None,
        side,
        binding: binding(),
        suites: Suites::preferring(Suite::Aes256Gcm),
        seed: Seed::new([if side == Side::Dialler { 1 } else { 2 }; 32]),
    }
}

pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) fn offer(payload: &[u8]) -> Offer {
    Offer {
        name: SafeName::parse(b"payload.bin").unwrap(),
        kind: Kind::File {
            mtime: 1_700_000_000,
            executable: false,
        },
        payload: Some(payload.len() as u64),
        bytes: payload.len() as u64,
        entries: 1,
    }
}

pub(crate) fn tree_over(payload: &[u8], blocks: usize) -> Tree {
    let mut tree = Tree::new();
    for (index, block) in payload.chunks(BLOCK).take(blocks).enumerate() {
        tree.push(BlockHash::of(index as u64, false, block));
    }
    tree
}

/// Compresses where this build can.
fn packer() -> Packer {
    #[cfg(feature = "native")]
    return Packer::level(1).unwrap();
    #[cfg(not(feature = "native"))]
    Packer::off()
}

/// Two machines, the bytes between them, and a driver for each.
pub(crate) struct Pair {
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    pub(crate) payload: Vec<u8>,
    pub(crate) offer: Offer,
    /// What the receiver has from before, and what it makes of the rest.
    pub(crate) kept: usize,
    pub(crate) received: Vec<u8>,
    pub(crate) first_index: Option<u64>,
    pub(crate) cut: usize,
    pub(crate) reorder: bool,
    pub(crate) accept: bool,
    pub(crate) packer: Packer,
    pub(crate) to_receiver: Vec<u8>,
    pub(crate) to_sender: Vec<u8>,
    pub(crate) slots: Vec<hayate_shared::Slot>,
    /// Blocks go over these instead of the wire; none yet means that they wait.
    pub(crate) lanes: Option<Vec<(Inlet, Vec<u8>)>>,
    /// The blocks that were transmitted, by index.
    pub(crate) sent: Vec<u64>,
    /// What the side that listens knows of who may come back.
    pub(crate) ticket: Option<Ticket>,
}

pub(crate) type Ends = (Result<(), Error>, Result<(), Error>);

impl Pair {
    pub(crate) fn new(payload: &[u8]) -> Self {
        Self::with(
            Sender::new(credentials(Side::Listener, CODE)),
            Receiver::new(credentials(Side::Dialler, CODE)),
            payload,
        )
    }

    pub(crate) fn with(sender: Sender, receiver: Receiver, payload: &[u8]) -> Self {
        Self {
            sender,
            receiver,
            offer: offer(payload),
            payload: payload.to_vec(),
            kept: 0,
            received: Vec::new(),
            first_index: None,
            cut: usize::MAX,
            reorder: false,
            accept: true,
            packer: packer(),
            to_receiver: Vec::new(),
            to_sender: Vec::new(),
            slots: Vec::new(),
            lanes: None,
            sent: Vec::new(),
            ticket: None,
        }
    }

    /// Runs both until the sender asks for blocks.
    pub(crate) fn run_until_blocks(&mut self) {
        let mut moved = true;
        while moved && self.slots.is_empty() {
            moved = false;
            self.drive_sender_to_slots(&mut moved);
            self.drive_receiver(&mut moved);
            let (to_receiver, to_sender) = (
                std::mem::take(&mut self.to_receiver),
                std::mem::take(&mut self.to_sender),
            );
            self.receiver.receive(&to_receiver);
            self.sender.receive(&to_sender);
            moved |= !to_receiver.is_empty() || !to_sender.is_empty();
        }
    }

    /// Delivers what lies on the lanes, the last lane first; every other one reads straight into its blocks.
    fn drive_lanes(&mut self, moved: &mut bool) {
        let mut waiting = 0;
        let lanes: Vec<_> = self.lanes.iter_mut().flatten().collect();
        for (number, (inlet, bytes)) in lanes.into_iter().enumerate().rev() {
            let mut rest = &bytes[..];
            while !rest.is_empty() && waiting < 16 {
                let room = if number % 2 == 0 { inlet.lend() } else { None };
                let sealed = if let Some(mut room) = room {
                    let read = rest.len().min(room.missing()).min(99_999);
                    room.memory().extend_from_slice(&rest[..read]);
                    rest = &rest[read..];
                    inlet.fill(room).unwrap()
                } else {
                    // What is in front of a block, and a little of it.
                    let most = if number % 2 == 0 { 32 } else { rest.len() };
                    let (sealed, used) = inlet.push(&rest[..most.min(rest.len())]).unwrap();
                    rest = &rest[used..];
                    sealed
                };
                if let Some(sealed) = sealed {
                    self.receiver.arrive(sealed);
                    waiting += 1;
                }
                *moved = true;
            }
            *bytes = rest.to_vec();
        }
    }

    /// Runs both until neither has anything to say.
    pub(crate) fn run(&mut self) -> Ends {
        let (mut sender_end, mut receiver_end) = (None, None);
        loop {
            let mut moved = false;
            if sender_end.is_none() {
                sender_end = self.drive_sender(&mut moved);
            }
            if receiver_end.is_none() {
                receiver_end = self.drive_receiver(&mut moved);
            }
            self.drive_lanes(&mut moved);
            for bytes in std::mem::take(&mut self.to_receiver).chunks(self.cut.min(1 << 20)) {
                moved = true;
                self.receiver.receive(bytes);
            }
            for bytes in std::mem::take(&mut self.to_sender).chunks(self.cut.min(1 << 20)) {
                moved = true;
                self.sender.receive(bytes);
            }
            if !moved {
                if sender_end.is_some() && receiver_end.is_none() {
                    self.receiver.eof();
                    receiver_end = self.drive_receiver(&mut moved);
                } else if receiver_end.is_some() && sender_end.is_none() {
                    self.sender.eof();
                    sender_end = self.drive_sender(&mut moved);
                }
                return (
                    sender_end.expect("the sender came to an end"),
                    receiver_end.expect("the receiver came to an end"),
                );
            }
        }
    }

    fn drive_sender_to_slots(&mut self, moved: &mut bool) -> Option<Result<(), Error>> {
        loop {
            match self.sender.poll() {
                Err(error) => return Some(Err(error)),
                Ok(Output::Done) => return Some(Ok(())),
                Ok(Output::Wait) => return None,
                Ok(Output::Transmit(bytes)) => {
                    let block = hayate_shared::is_block(&bytes);
                    let way = match &mut self.lanes {
                        // Each block to another lane, and the first lane is the slowest: it speaks last.
                        Some(lanes) if block => {
                            let place = self.sent.len() % lanes.len();
                            &mut lanes[place].1
                        }
                        _ => &mut self.to_receiver,
                    };
                    way.extend_from_slice(&bytes);
                    if block {
                        let index = bytes[1..9].try_into().unwrap();
                        self.sent.push(u64::from_be_bytes(index));
                    }
                }
                Ok(Output::Request(sender::Request::Pair)) => self.sender.pair(2),
                Ok(Output::Request(sender::Request::Return(id))) => match self.ticket.clone() {
                    Some(ticket) if ticket.id() == id => self.sender.pair_again(ticket),
                    _ => self.sender.refuse(Refusal::Over),
                },
                Ok(Output::Request(sender::Request::Join(_))) => {}
                Ok(Output::Request(sender::Request::Offer)) => {
                    self.sender.offer(self.offer.clone());
                }
                Ok(Output::Request(sender::Request::Compare(have))) => {
                    self.sender
                        .resume(tree_over(&self.payload, have.blocks as usize));
                }
                Ok(Output::Request(sender::Request::Read(slot))) => self.slots.push(slot),
            }
            *moved = true;
        }
    }

    fn drive_sender(&mut self, moved: &mut bool) -> Option<Result<(), Error>> {
        let end = self.drive_sender_to_slots(moved);
        if end.is_some() {
            return end;
        }
        if self.reorder {
            self.slots.reverse();
        }
        for slot in std::mem::take(&mut self.slots) {
            let start = slot.index() as usize * BLOCK;
            if start > self.payload.len() || (start == self.payload.len() && start > 0) {
                continue;
            }
            let end = (start + BLOCK).min(self.payload.len());
            let mut plain = Plain::new(Vec::new());
            plain.buffer().extend_from_slice(&self.payload[start..end]);
            let block = slot
                .fill(&mut self.packer, plain, end == self.payload.len())
                .unwrap();
            self.sender.submit(block);
            *moved = true;
        }
        None
    }

    fn drive_receiver(&mut self, moved: &mut bool) -> Option<Result<(), Error>> {
        loop {
            match self.receiver.poll() {
                Err(error) => return Some(Err(error)),
                Ok(Output::Done) => return Some(Ok(())),
                Ok(Output::Wait) => return None,
                Ok(Output::Transmit(bytes)) => self.to_sender.extend_from_slice(&bytes),
                Ok(Output::Request(receiver::Request::Pair)) => self.receiver.pair(2),
                Ok(Output::Request(receiver::Request::Return(id))) => match self.ticket.clone() {
                    Some(ticket) if ticket.id() == id => self.receiver.pair_again(ticket),
                    _ => self.receiver.refuse(Refusal::Over),
                },
                Ok(Output::Request(receiver::Request::Join(_) | receiver::Request::Widen(_))) => {}
                Ok(Output::Request(receiver::Request::Decide(offer))) => {
                    assert_eq!(offer, self.offer);
                    if self.accept {
                        self.receiver.accept(tree_over(&self.received, self.kept));
                    } else {
                        self.receiver.abort(Reason::Declined, "");
                    }
                }
                Ok(Output::Request(receiver::Request::Open(sealed))) => match sealed.open() {
                    Ok(opened) => {
                        let index = opened.receipt.index();
                        self.first_index = Some(self.first_index.unwrap_or(u64::MAX).min(index));
                        let (start, end) = (
                            index as usize * BLOCK,
                            index as usize * BLOCK + opened.bytes.len(),
                        );
                        self.received.resize(self.received.len().max(end), 0);
                        self.received[start..end].copy_from_slice(&opened.bytes);
                        self.receiver.opened(opened.receipt);
                    }
                    Err(_) => self
                        .receiver
                        .abort(Reason::Violation, "a block does not open"),
                },
                Ok(Output::Request(receiver::Request::Commit)) => self.receiver.committed(0),
            }
            *moved = true;
        }
    }
}
