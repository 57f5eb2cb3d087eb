//! The program that drives a browser, and how it is spoken to: W3C WebDriver, section 6, JSON over HTTP/1.1.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Process, Space, process::PATIENCE};

/// A running driver; killed when dropped.
#[derive(Debug)]
pub(super) struct Driver<'net> {
    space: &'net Space,
    process: Process,
}

/// What a driver answers when it cannot: section 6.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error code, such as `no such element`.
    pub error: String,
    /// What the driver says about it.
    pub message: String,
}

impl<'net> Driver<'net> {
    /// Where every driver listens: a machine has one.
    pub(super) const PORT: u16 = 4444;

    /// Starts `command`, a driver told to listen on [`Driver::PORT`], on the machine `space`.
    pub(super) fn start(space: &'net Space, command: Command) -> Self {
        let mut driver = Self {
            space,
            process: Process::start(command),
        };
        let deadline = Instant::now() + PATIENCE;
        // no driver says in words that all of them share that it listens
        while driver.exchange("GET", "/status", None).is_err() {
            assert!(!driver.process.has_ended(), "no driver: see tests/run");
            assert!(Instant::now() < deadline, "the driver does not answer");
            thread::sleep(Duration::from_millis(20));
        }
        driver
    }

    /// One command: its value, or why there is none.
    pub(super) fn command(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let (status, mut answer) = self
            .exchange(method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: the driver is gone: {error}"));
        let value = answer["value"].take();
        if status == 200 {
            return Ok(value);
        }
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Err(Refusal {
            error: text("error"),
            message: text("message"),
        })
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<(u16, Value)> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, Self::PORT));
        let connect = self.space.thread(move || TcpStream::connect(address));
        let mut stream = connect.join().unwrap()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        answer(BufReader::new(stream))
    }
}

/// Status and body of an HTTP response that says its length.
fn answer(mut stream: BufReader<TcpStream>) -> io::Result<(u16, Value)> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status in {line:?}")))?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    // geckodriver answers what it does not know with an empty page
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.error, self.message)
    }
}
