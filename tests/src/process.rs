//! A process that a test watches: what it says, how it ends, how much memory it took.

use std::{
    borrow::Cow,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than anything takes on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    line: String,
    said: Arc<Said>,
    readers: Vec<JoinHandle<()>>,
    peak: u64,
}

/// How a process ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code, or 128 and the signal.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// Most memory it ever had, bytes (VmHWM).
    pub peak: u64,
}

#[derive(Debug, Default)]
struct Said {
    text: Mutex<Texts>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Texts {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    ended: bool,
}

impl Process {
    /// Starts `command` without input.
    pub fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::null(), |_| {})
    }

    /// Starts `command` with this input; `on_line` is called with each line of output the moment it is there.
    pub fn start_with(
        mut command: Command,
        stdin: Stdio,
        mut on_line: impl FnMut(&str) + Send + 'static,
    ) -> Self {
        let words = command.get_args().map(OsStr::to_string_lossy);
        let line = words.collect::<Vec<_>>().join(" ");
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Said::default());
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let out = {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                let mut stdout = BufReader::with_capacity(1 << 16, stdout);
                let mut line = Vec::new();
                while stdout.read_until(b'\n', &mut line).unwrap() > 0 {
                    on_line(&String::from_utf8_lossy(&line));
                    said.text.lock().unwrap().stdout.append(&mut line);
                    said.more.notify_all();
                }
                said.text.lock().unwrap().ended = true;
                said.more.notify_all();
            })
        };
        let err = {
            let (said, mut stderr, mut piece) = (Arc::clone(&said), stderr, [0; 4096]);
            thread::spawn(move || {
                while let Ok(length @ 1..) = stderr.read(&mut piece) {
                    let mut text = said.text.lock().unwrap();
                    text.stderr.extend_from_slice(&piece[..length]);
                    drop(text);
                    said.more.notify_all();
                }
            })
        };
        Self {
            child,
            line,
            said,
            readers: vec![out, err],
            peak: 0,
        }
    }

    /// Starts `command` and writes `input` to its standard input, beside it.
    pub fn feed(command: Command, input: impl AsRef<[u8]> + Send + 'static) -> Self {
        let mut process = Self::start_with(command, Stdio::piped(), |_| {});
        let mut stdin = process.child.stdin.take().unwrap();
        thread::spawn(move || {
            // a process that ends early does not read it all
            let _ = stdin.write_all(input.as_ref());
        });
        process
    }

    /// Waits until something that `find` sees in the output and the errors is there.
    pub fn wait_for<T>(&self, what: &str, mut find: impl FnMut(&str, &str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut text = self.said.text.lock().unwrap();
        loop {
            let (stdout, stderr) = (
                String::from_utf8_lossy(&text.stdout).into_owned(),
                String::from_utf8_lossy(&text.stderr).into_owned(),
            );
            if let Some(found) = find(&stdout, &stderr) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !text.ended && !left.is_zero(),
                "no {what} came; output: {stdout}\nerrors: {stderr}"
            );
            text = self.said.more.wait_timeout(text, left).unwrap().0;
        }
    }

    /// Waits for the first event of this kind in the output of `--json`.
    pub fn wait_for_event(&self, kind: &str) -> Value {
        self.wait_for(kind, |stdout, _| events_of(stdout, kind).into_iter().next())
    }

    /// Whether it ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).unwrap();
    }

    /// Waits until it ends.
    pub fn finish(self) -> Outcome {
        self.finish_within(PATIENCE)
    }

    /// Waits until it ends, which it must within this time.
    pub fn finish_within(mut self, patience: Duration) -> Outcome {
        let deadline = Instant::now() + patience;
        let status = loop {
            self.peak = self.peak.max(self.peak());
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    let text = self.said.text.lock().unwrap();
                    panic!(
                        "still running after {patience:?}; output: {}\nerrors: {}",
                        String::from_utf8_lossy(&text.stdout),
                        String::from_utf8_lossy(&text.stderr)
                    );
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let mut text = self.said.text.lock().unwrap();
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal));
        Outcome {
            code: code.unwrap(),
            stdout: std::mem::take(&mut text.stdout),
            stderr: String::from_utf8_lossy(&text.stderr).into_owned(),
            peak: self.peak,
        }
    }

    /// Most memory it had so far, bytes; 0 once it has ended.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
        peak.unwrap_or(0_u64) << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let text = self.said.text.lock();
            let text = text.unwrap_or_else(PoisonError::into_inner);
            let [output, errors] = [&text.stdout, &text.stderr].map(|said| tail(said));
            eprintln!("{}\noutput: {output}\nerrors: {errors}", self.line);
        }
    }
}

impl Outcome {
    /// The events of this kind, of a process with `--json`.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        events_of(&String::from_utf8_lossy(&self.stdout), kind)
    }

    /// The one event of this kind.
    #[track_caller]
    pub fn event(&self, kind: &str) -> Value {
        let events = self.events(kind);
        assert_eq!(events.len(), 1, "events of kind {kind}: {self}");
        events.into_iter().next().unwrap()
    }

    /// Fails unless the process ended with this exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "the exit code; {self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        let tail: Vec<_> = stdout.lines().rev().take(12).collect();
        writeln!(f, "it exited with {}; last lines of output:", self.code)?;
        for line in tail.iter().rev() {
            writeln!(f, "  {}", line.chars().take(300).collect::<String>())?;
        }
        write!(f, "errors:\n{}", self.stderr)
    }
}

/// The end of what a process said.
fn tail(said: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&said[said.len().saturating_sub(4000)..])
}

/// The events of this kind in lines of JSON; a last line that is not complete is not looked at.
fn events_of(lines: &str, kind: &str) -> Vec<Value> {
    lines
        .split_inclusive('\n')
        .filter(|line| line.starts_with('{') && line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["event"] == kind)
        .collect()
}
