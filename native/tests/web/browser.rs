//! What a browser does, in Rust: a sender to receive from, requests, both wires, and a session over them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    thread::JoinHandle,
    time::Duration,
};

use hayate::{Error, Event, HayateSender, Page, Payload, Sent};
use shared::{
    BLOCK, Binding, Code, Credentials, Opened, Output, Receiver, Seed, Side,
    cipher::Suite,
    cipher::Suites,
    receiver::Request,
    tree::{BlockHash, Tree},
};

pub(crate) const CODE: &str = "7-copper-lantern-violin";

/// A sender on a thread of its own, on loopback.
pub(crate) struct Sending {
    pub(crate) page: Page,
    pub(crate) at: SocketAddr,
    pub(crate) events: flume::Receiver<Event>,
    result: JoinHandle<Result<Vec<Sent>, Error>>,
    _file: tempfile::NamedTempFile,
}

impl Sending {
    pub(crate) fn start(payload: &[u8]) -> Self {
        Self::with(payload, |sender| sender)
    }

    pub(crate) fn with(
        payload: &[u8],
        options: impl FnOnce(HayateSender) -> HayateSender + Send + 'static,
    ) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(payload).unwrap();
        let path = PathBuf::from(file.path());
        let (tell, events) = flume::unbounded();
        let result = std::thread::spawn(move || {
            compio::runtime::Runtime::new().unwrap().block_on(async {
                let sender = HayateSender::new()
                    .code(CODE)
                    .web(true)
                    .bind("127.0.0.1")
                    .port(0)
                    .compress(false);
                let sender = options(sender).on_event(move |event| drop(tell.send(event)));
                sender.send_all(Payload::Paths(vec![path])).await
            })
        });
        let (page, at) = loop {
            if let Ok(Event::Waiting {
                page, addresses, ..
            }) = events.recv_timeout(PATIENCE)
            {
                break (page.unwrap(), addresses[0]);
            }
        };
        Self {
            page,
            at,
            events,
            result,
            _file: file,
        }
    }

    pub(crate) fn end(self) -> Result<Vec<Sent>, Error> {
        self.result.join().unwrap()
    }

    /// The first event that `pick` wants.
    pub(crate) fn wait_for<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("the event comes");
            if let Some(picked) = pick(&event) {
                return picked;
            }
        }
    }

    /// A request with the usual headers and those of `extra`, on a connection of its own.
    pub(crate) fn ask(&self, line: &str, extra: &str, body: &[u8]) -> Answer {
        let at = self.at;
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Length: {length}\r\n{extra}\r\n"
        );
        raw(at, &[head.as_bytes(), body].concat())
    }

    /// A request of the page itself.
    pub(crate) fn wire(&self, line: &str, body: &[u8]) -> Answer {
        self.ask(line, "Hayate: 7\r\n", body)
    }

    pub(crate) fn webtransport_port(&self) -> u16 {
        let facts = self.ask("GET /hayate.json", "", b"").text();
        let (_, rest) = facts.split_once("\"webtransport\":").unwrap();
        rest.trim_end_matches("}\n").parse().unwrap()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

/// Sends `bytes` as they are and reads until the other side closes; status 0 is no answer at all.
pub(crate) fn raw(at: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that has seen enough does not read the rest.
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let split = all.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = all.split_at(split.map_or(all.len(), |at| at + 4));
    let head = String::from_utf8_lossy(head).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_default(),
        head,
        body: body.to_vec(),
    }
}

/// Asks as the page does; the body of the answer is still to come, by [`next_chunk`].
pub(crate) fn streamed(at: SocketAddr, line: &str, body: &[u8]) -> (u16, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head =
        format!("{line} HTTP/1.1\r\nHost: {at}\r\nHayate: 7\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(answer.read_line(&mut head).unwrap() > 0);
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// The next piece of a body (RFC 9112, 7.1); `None` at its end, however it came.
pub(crate) fn next_chunk(body: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut size = String::new();
    body.read_line(&mut size).ok()?;
    let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
    let mut chunk = vec![0; size + 2];
    body.read_exact(&mut chunk).ok()?;
    chunk.truncate(size);
    (size > 0).then_some(chunk)
}

/// A browser's end of a wire.
pub(crate) trait Browser {
    fn send(&mut self, bytes: &[u8]);
    /// `None` at the end of the sender's half, however it came.
    fn receive(&mut self) -> Option<Vec<u8>>;
}

/// The wire over requests.
pub(crate) struct Fetch<'a> {
    sending: &'a Sending,
    pub(crate) id: String,
    next: u64,
    pub(crate) body: BufReader<TcpStream>,
}

impl<'a> Fetch<'a> {
    pub(crate) fn open(sending: &'a Sending) -> Self {
        let answer = sending.wire("POST /wire", b"");
        assert_eq!(answer.status, 201, "{answer:?}");
        let (id, at) = (answer.text(), sending.at);
        let (status, body) = streamed(at, &format!("GET /wire/{id}"), b"");
        assert_eq!(status, 200);
        Self {
            sending,
            id,
            next: 0,
            body,
        }
    }

    pub(crate) fn post(&self, what: &str, body: &[u8]) -> u16 {
        let line = format!("POST /wire/{}/{what}", self.id);
        self.sending.wire(&line, body).status
    }
}

impl Browser for Fetch<'_> {
    fn send(&mut self, bytes: &[u8]) {
        // Refused when the wire is over, and then the body ends as well.
        self.post(&self.next.to_string(), bytes);
        self.next += 1;
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        next_chunk(&mut self.body)
    }
}

/// The wire over WebTransport.
pub(crate) struct WebTransport {
    pub(crate) connection: wtransport::Connection,
    pub(crate) writer: WebTransportWriter,
    pub(crate) reader: WebTransportReader,
}

impl WebTransport {
    pub(crate) fn open(sending: &Sending) -> Self {
        let url = format!("https://127.0.0.1:{}/hayate/7", sending.webtransport_port());
        Self::dial(&url, sending.page.certificate).unwrap()
    }

    pub(crate) fn dial(url: &str, certificate: [u8; 32]) -> Result<Self, String> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let network = builder.enable_all().build().unwrap();
        let runtime = network.handle().clone();
        // As long as the process: a browser answers while its page does something else.
        std::thread::spawn(move || network.block_on(std::future::pending::<()>()));
        let (connection, send, recv) = runtime.block_on(async {
            let config = wtransport::ClientConfig::builder()
                .with_bind_address(([127, 0, 0, 1], 0).into())
                .with_server_certificate_hashes([wtransport::tls::Sha256Digest::new(certificate)])
                .build();
            let endpoint = wtransport::Endpoint::client(config).unwrap();
            let connection = endpoint.connect(url).await.map_err(|e| e.to_string())?;
            let opening = connection.open_bi().await.map_err(|e| e.to_string())?;
            let (send, recv) = opening.await.map_err(|e| e.to_string())?;
            Ok::<_, String>((connection, send, recv))
        })?;
        Ok(Self {
            connection,
            writer: WebTransportWriter {
                runtime: runtime.clone(),
                send,
            },
            reader: WebTransportReader { runtime, recv },
        })
    }
}

pub(crate) struct WebTransportWriter {
    runtime: tokio::runtime::Handle,
    send: wtransport::SendStream,
}

impl WebTransportWriter {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.runtime.block_on(self.send.write_all(bytes));
    }
}

pub(crate) struct WebTransportReader {
    runtime: tokio::runtime::Handle,
    recv: wtransport::RecvStream,
}

impl WebTransportReader {
    /// `None` at the end of the sender's half, however it came.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        let mut piece = vec![0; 64 << 10];
        let read = self.runtime.block_on(self.recv.read(&mut piece));
        piece.truncate(read.ok()??);
        Some(piece)
    }
}

impl Browser for WebTransport {
    fn send(&mut self, bytes: &[u8]) {
        self.writer.send(bytes);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        self.reader.receive()
    }
}

/// A session of a browser, with what it has stored.
pub(crate) struct Session {
    pub(crate) stored: Vec<u8>,
    pub(crate) tree: Tree,
    /// Blocks that came in this session.
    pub(crate) came: u64,
    /// Blocks that came before one that is before them.
    waiting: BTreeMap<u64, Opened>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            stored: Vec::new(),
            tree: Tree::new(),
            came: 0,
            waiting: BTreeMap::new(),
        }
    }
}

impl Session {
    /// Receives until the end, or until `enough` blocks came.
    pub(crate) fn run(
        &mut self,
        browser: &mut impl Browser,
        certificate: [u8; 32],
        code: &str,
        enough: u64,
    ) -> Result<(), shared::Error> {
        let mut session = dialling(certificate, code);
        self.begin();
        while self.came < enough {
            match session.poll()? {
                Output::Transmit(bytes) => browser.send(&bytes),
                // A browser may do without a lane.
                Output::Request(Request::Join(_)) => {}
                Output::Request(request) => self.answer(&mut session, request)?,
                Output::Done => return Ok(()),
                Output::Wait => match browser.receive() {
                    Some(bytes) => session.receive(&bytes),
                    None => session.eof(),
                },
            }
        }
        Ok(())
    }

    /// Another session goes on with what is stored.
    pub(crate) fn begin(&mut self) {
        self.came = 0;
        self.waiting.clear();
    }

    /// Does what a session wants; blocks are stored in their order.
    pub(crate) fn answer(
        &mut self,
        session: &mut Receiver,
        request: Request,
    ) -> Result<(), shared::Error> {
        match request {
            Request::Decide(_) => session.accept(self.tree.clone()),
            Request::Open(sealed) => {
                if session.blocks() != self.tree.blocks() && self.waiting.is_empty() {
                    // What was kept is of no use.
                    (self.tree, self.stored) = (Tree::new(), Vec::new());
                }
                let opened = sealed.open()?;
                self.waiting.insert(opened.receipt.index(), opened);
                while let Some(opened) = self.waiting.remove(&self.tree.blocks()) {
                    let (index, bytes) = (opened.receipt.index(), &opened.bytes);
                    self.stored.truncate(index as usize * BLOCK);
                    self.stored.extend_from_slice(bytes);
                    let last = bytes.len() < BLOCK;
                    self.tree.push(BlockHash::of(index, last, bytes));
                    self.came += 1;
                    session.opened(opened.receipt);
                }
            }
            Request::Commit => session.committed(0),
            _ => panic!("no browser is asked that"),
        }
        Ok(())
    }
}

/// The session of a browser that has connected.
pub(crate) fn dialling(certificate: [u8; 32], code: &str) -> Receiver {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).unwrap();
    Receiver::new(Credentials {
        code: Code::parse(code).unwrap(),
        ticket: None,
        side: Side::Dialler,
        binding: Binding {
            certificate,
            exporter: None,
        },
        suites: Suites::preferring(Suite::ChaCha20Poly1305),
        seed: Seed::new(seed),
    })
}

/// Receives everything.
pub(crate) fn receive(
    browser: &mut impl Browser,
    sending: &Sending,
) -> Result<Vec<u8>, shared::Error> {
    let mut session = Session::default();
    session.run(browser, sending.page.certificate, CODE, u64::MAX)?;
    Ok(session.stored)
}

/// Bytes that no compression makes smaller and no two blocks share.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
