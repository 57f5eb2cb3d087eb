//! Long payloads, whose blocks a browser fetches by one request beside its session.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver as Queue, SyncSender, sync_channel},
};

use hayate::Event;
use shared::{
    Binding, Output, Receiver,
    lane::{Heard, Inlet, Joining, LaneAt, LaneKind},
    receiver::Request,
};

use crate::browser::{
    CODE, PATIENCE, Sending, Session, WebTransport, dialling, next_chunk, streamed,
};

/// As long as a payload must be to be worth a lane.
const LONG: usize = 128 << 20;

/// What comes to a browser, whichever way.
enum Came {
    Wire(Option<Vec<u8>>),
    Lane(Option<Vec<u8>>),
}

/// A browser with a session over WebTransport that takes up the lane which it is offered.
struct Laned<'a> {
    sending: &'a Sending,
    session: Receiver,
    lane: Option<Lane>,
    tell: SyncSender<Came>,
    told: Queue<Came>,
    over_lane: usize,
    /// What the lane's request begins with, in the place of the greeting.
    forged: Option<Vec<u8>>,
    /// After so many bytes the browser drops the lane.
    enough: usize,
}

enum Lane {
    Joining(Box<Joining>),
    Joined(Inlet),
}

impl<'a> Laned<'a> {
    fn new(sending: &'a Sending) -> Self {
        let (tell, told) = sync_channel(8);
        Self {
            sending,
            session: dialling(sending.page.certificate, CODE),
            lane: None,
            tell,
            told,
            over_lane: 0,
            forged: None,
            enough: usize::MAX,
        }
    }

    fn run(&mut self, kept: &mut Session) -> Result<(), shared::Error> {
        kept.begin();
        let WebTransport {
            connection: _connection,
            mut writer,
            mut reader,
        } = WebTransport::open(self.sending);
        let tell = self.tell.clone();
        // What came over the lane while it was too far ahead of the wire.
        let mut held: VecDeque<Option<Vec<u8>>> = VecDeque::new();
        std::thread::spawn(move || {
            loop {
                let piece = reader.receive();
                let end = piece.is_none();
                if tell.send(Came::Wire(piece)).is_err() || end {
                    return;
                }
            }
        });
        loop {
            match self.session.poll()? {
                Output::Transmit(bytes) => writer.send(&bytes),
                Output::Request(Request::Join(at)) => self.open(&at),
                Output::Request(request) => kept.answer(&mut self.session, request)?,
                Output::Done => {
                    // The sender hears the last word, and closes.
                    while !matches!(self.told.recv_timeout(PATIENCE), Ok(Came::Wire(None))) {}
                    return Ok(());
                }
                Output::Wait if !self.session.is_ahead() && !held.is_empty() => {
                    match held.pop_front().flatten() {
                        Some(bytes) => self.on_lane(&bytes)?,
                        None => {
                            if let Some(Lane::Joined(_)) = self.lane.take() {
                                self.session.lane_ended();
                            }
                        }
                    }
                }
                Output::Wait => match self.told.recv_timeout(PATIENCE).unwrap() {
                    Came::Wire(Some(bytes)) => self.session.receive(&bytes),
                    Came::Wire(None) => self.session.eof(),
                    Came::Lane(bytes) => held.push_back(bytes),
                },
            }
        }
    }

    fn open(&mut self, at: &[LaneAt]) {
        let (kind, port) = (LaneKind::Fetch, self.sending.at.port());
        assert_eq!(at, [LaneAt { kind, port }]);
        let joining = self.session.lane(1).unwrap().join(Binding {
            certificate: self.sending.page.certificate,
            exporter: None,
        });
        let greeting = joining.greeting();
        let greeting = self.forged.take().unwrap_or_else(|| greeting.to_vec());
        self.lane = Some(Lane::Joining(Box::new(joining)));
        let (status, mut body) = streamed(self.sending.at, "POST /lane", &greeting);
        if status != 200 {
            assert_eq!(status, 403);
            self.lane = None;
            return;
        }
        // Whoever heard it can do nothing with it any more.
        assert_eq!(self.sending.wire("POST /lane", &greeting).status, 403);
        let (tell, enough) = (self.tell.clone(), self.enough);
        std::thread::spawn(move || {
            let mut taken = 0;
            while taken < enough {
                let piece = next_chunk(&mut body);
                let Some(length) = piece.as_ref().map(Vec::len) else {
                    break;
                };
                taken += length;
                if tell.send(Came::Lane(piece)).is_err() {
                    return;
                }
            }
            let _ = tell.send(Came::Lane(None));
        });
    }

    fn on_lane(&mut self, bytes: &[u8]) -> Result<(), shared::Error> {
        self.over_lane += bytes.len();
        let mut rest = bytes;
        while !rest.is_empty()
            && let Some(lane) = self.lane.take()
        {
            let (lane, used) = match lane {
                Lane::Joining(joining) => match joining.hear(rest)? {
                    (Heard::Joining(joining), used) => (Lane::Joining(Box::new(joining)), used),
                    (Heard::Joined(inlet), used) => {
                        self.session.lane_joined();
                        (Lane::Joined(inlet), used)
                    }
                },
                Lane::Joined(mut inlet) => {
                    let (sealed, used) = inlet.push(rest)?;
                    if let Some(sealed) = sealed {
                        self.session.arrive(sealed);
                    }
                    (Lane::Joined(inlet), used)
                }
            };
            self.lane = Some(lane);
            rest = &rest[used..];
        }
        Ok(())
    }
}

#[test]
fn a_long_payload_comes_by_one_request() {
    let payload = vec![7; LONG];
    let sending = Sending::start(&payload);
    let (mut browser, mut session) = (Laned::new(&sending), Session::default());
    browser.run(&mut session).unwrap();
    assert!(session.stored == payload);
    assert!(browser.over_lane > LONG / 2, "{}", browser.over_lane);
    drop(browser);
    sending.end().unwrap();
}

#[test]
fn a_short_payload_comes_without_one() {
    let sending = Sending::start(&vec![7; LONG - 1]);
    let (mut browser, mut session) = (Laned::new(&sending), Session::default());
    browser.run(&mut session).unwrap();
    assert_eq!((session.stored.len(), browser.over_lane), (LONG - 1, 0));
    drop(browser);
    sending.end().unwrap();
}

#[test]
fn who_cannot_prove_gets_no_lane_and_costs_none() {
    let payload = vec![7; LONG];
    let sending = Sending::start(&payload);
    assert_eq!(sending.wire("POST /lane", &[6; 38]).status, 403);
    assert_eq!(sending.wire("POST /lane", &[6; 39]).status, 403);
    assert_eq!(sending.ask("POST /lane", "", &[6; 38]).status, 403);
    let (mut browser, mut session) = (Laned::new(&sending), Session::default());
    browser.forged = Some([&[6, 0, 0, 0, 33, 1][..], &[0; 32]].concat());
    browser.run(&mut session).unwrap();
    assert!(session.stored == payload);
    drop(browser);
    sending.end().unwrap();
}

#[test]
fn a_lane_that_breaks_keeps_the_browsers_place() {
    let payload = vec![7; LONG];
    let sending = Sending::start(&payload);
    let (mut browser, mut session) = (Laned::new(&sending), Session::default());
    // More than a lane may be ahead of the wire, so that something is stored.
    browser.enough = LONG / 2;
    browser.run(&mut session).unwrap_err();
    drop(browser);
    sending.wait_for(|event| matches!(event, Event::Gone { .. }).then_some(()));
    let mut browser = Laned::new(&sending);
    browser.run(&mut session).unwrap();
    assert!(session.stored == payload);
    assert!(session.came < (LONG >> 20) as u64);
    drop(browser);
    sending.end().unwrap();
}
