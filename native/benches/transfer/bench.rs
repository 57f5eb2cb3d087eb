//! Two hosts on one machine, and what runs on them.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Run, Usage};

const CODE: &str = "7-copper-lantern-violin";
const SENDER: &str = "10.77.0.1";
const RECEIVER: &str = "10.77.0.2";
const PORT: &str = "50001";

/// No run takes this long; whatever does is stuck.
const STUCK: Duration = Duration::from_secs(120);

/// Linux gives free pages back to the host of a virtual machine 2 s after some were freed.
const REPORT: Duration = Duration::from_millis(2500);

/// Two namespaces and a directory in memory; all of it goes when this is dropped.
pub(crate) struct Bench {
    mib: u64,
    directory: PathBuf,
    namespaces: [String; 2],
}

impl Bench {
    pub(crate) fn new(mib: u64, text: bool) -> Self {
        let id = std::process::id();
        let bench = Self {
            mib,
            directory: std::env::temp_dir().join(format!("hayate-bench-{id}")),
            namespaces: ["a", "b"].map(|side| format!("hayate-{side}-{id}")),
        };
        let [a, b] = &bench.namespaces;
        for name in [a, b] {
            ip(&format!("netns add {name}"));
            ip(&format!("-n {name} link set lo up"));
        }
        ip(&format!(
            "link add eth0 netns {a} mtu 1500 type veth peer name eth0 netns {b} mtu 1500"
        ));
        for (name, address) in [(a, SENDER), (b, RECEIVER)] {
            ip(&format!("-n {name} addr add {address}/24 dev eth0"));
            ip(&format!("-n {name} link set eth0 up"));
        }
        fs::create_dir(&bench.directory).unwrap();
        let size = 3 * mib + 64;
        command(
            "mount",
            &format!(
                "-t tmpfs -o huge=always,size={size}m hayate {}",
                bench.directory.display()
            ),
        );
        bench.fill(text);
        bench
    }

    /// Has the network carry each packet by itself, as a card without offloads would.
    pub(crate) fn send_packets_alone(&self) {
        for name in &self.namespaces {
            command(
                "ip",
                &format!(
                    "netns exec {name} ethtool -K eth0 tso off gso off gro off tx-udp-segmentation off"
                ),
            );
        }
    }

    fn payload(&self) -> PathBuf {
        self.directory.join("payload")
    }

    fn fill(&self, text: bool) {
        let mut random = File::open("/dev/urandom").unwrap();
        let mut file = File::create(self.payload()).unwrap();
        let mut block = vec![0; 1 << 20];
        for _ in 0..self.mib {
            random.read_exact(&mut block).unwrap();
            if text {
                // two bits of surprise a byte
                for byte in &mut block {
                    *byte = b"aeno"[usize::from(*byte & 3)];
                }
            }
            file.write_all(&block).unwrap();
        }
    }

    /// Has the machine hold the memory that will be written: a virtual one gives free pages back to its host within
    /// seconds, and each of them then costs more than all the rest.
    fn hold_memory(&self) -> PathBuf {
        let held = self.directory.join("held");
        let mut file = File::create(&held).unwrap();
        let block = vec![0; 1 << 20];
        for _ in 0..self.mib {
            file.write_all(&block).unwrap();
        }
        held
    }

    /// Frees what is held at the moment when the first block arrives.
    fn free_when_written(&self, held: &Path) {
        let started = Instant::now();
        let known = ["payload", "held"].map(std::ffi::OsStr::new);
        let arrives = |entry: fs::DirEntry| {
            let log = Path::new(&entry.file_name()).extension() == Some("log".as_ref());
            let other = !known.contains(&&*entry.file_name()) && !log;
            other && entry.metadata().is_ok_and(|file| file.len() > 0)
        };
        while !fs::read_dir(&self.directory)
            .unwrap()
            .flatten()
            .any(arrives)
        {
            assert!(started.elapsed() < STUCK, "nothing arrives");
            thread::sleep(Duration::from_millis(1));
        }
        fs::remove_file(held).unwrap();
    }

    /// Zeros through compio-quic (`stock`, `bare`) or our own driver (`wire`): no session, no sealing, no files.
    pub(crate) fn memory(&self, stack: &str) -> Run {
        let this = std::env::current_exe().unwrap();
        let at = format!("{SENDER}:{PORT}");
        let (from, to) = (format!("{stack}-sender"), format!("{stack}-receiver"));
        let sender = self.start(0, &this, &[stack, "serve", &at], &from);
        thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        let mib = self.mib.to_string();
        let receiver = self.start(1, &this, &[stack, "fetch", &at, &mib], &to);
        let (receiver, sender) = (finish(receiver, &to), finish(sender, &from));
        let wall = started.elapsed().as_secs_f64();
        let (report, sent) = (self.output(&to), self.output(&from));
        Run {
            speed: number_before(&report, " GiB/s"),
            wall,
            sender,
            receiver,
            lost: Some(number_before(&sent, " lost")),
        }
    }

    /// `hayate send` to `hayate receive`, found and stored as a person would do it.
    pub(crate) fn whole(&self, verify: bool, options: &[&str]) -> Run {
        let hayate = Path::new(env!("CARGO_BIN_EXE_hayate"));
        let (payload, out) = (self.payload(), self.directory.join("received"));
        let held = self.hold_memory();
        thread::sleep(REPORT);
        let send = ["send", "--json", "-c", CODE, payload.to_str().unwrap()];
        let send = [&send[..], options].concat();
        let sender = self.start(0, hayate, &send, "sender");
        thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        let receive = ["receive", "--json", "--yes", CODE, "-o"];
        let receive = [&receive[..], &[out.to_str().unwrap()]].concat();
        let receiver = self.start(1, hayate, &receive, "receiver");
        self.free_when_written(&held);
        let receiver = finish(receiver, "hayate receive");
        let sender = finish(sender, "hayate send");
        let wall = started.elapsed().as_secs_f64();
        let took = elapsed(&self.output("sender"));
        if verify {
            assert!(same(&payload, &out), "what arrived is not what was sent");
        }
        fs::remove_file(out).unwrap();
        Run {
            speed: self.mib as f64 / 1024.0 / took,
            wall,
            sender,
            receiver,
            lost: None,
        }
    }

    fn start(&self, side: usize, program: &Path, arguments: &[&str], log: &str) -> Child {
        Command::new("ip")
            .args(["netns", "exec", &self.namespaces[side]])
            .arg(program)
            .args(arguments)
            .current_dir(&self.directory)
            .env_remove("HAYATE_CODE")
            .stdin(Stdio::null())
            .stdout(File::create(self.log(log)).unwrap())
            .spawn()
            .unwrap()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    fn output(&self, name: &str) -> String {
        fs::read_to_string(self.log(name)).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for name in &self.namespaces {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
        let _ = Command::new("umount").arg(&self.directory).status();
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Waits for a child and takes what it used.
fn finish(child: Child, name: &str) -> Usage {
    let started = Instant::now();
    let pid = child.id() as libc::pid_t;
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    loop {
        // SAFETY: both pointers are to memory of this frame that is large enough; the child is not waited for elsewhere.
        let got = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, usage.as_mut_ptr()) };
        assert!(got >= 0, "cannot wait for {name}");
        if got == pid {
            break;
        }
        assert!(started.elapsed() < STUCK, "{name} does not end");
        thread::sleep(Duration::from_millis(1));
    }
    let status = ExitStatus::from_raw(status);
    assert!(status.success(), "{name}: {status}");
    // SAFETY: zeroed is a valid rusage, and wait4 filled it.
    let usage = unsafe { usage.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Usage {
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        memory: usage.ru_maxrss as f64 / 1024.0,
    }
}

/// Seconds of the transfer, as the sender's last event has them.
fn elapsed(events: &str) -> f64 {
    let done = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|event| event["event"] == "done");
    let done = done.unwrap_or_else(|| panic!("the sender reports no end:\n{events}"));
    done["elapsed_ms"].as_f64().unwrap() / 1000.0
}

/// The number in front of a unit.
fn number_before(text: &str, unit: &str) -> f64 {
    let (before, _) = text.split_once(unit).unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

fn same(one: &Path, other: &Path) -> bool {
    let hash = |path| {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path).unwrap()).unwrap();
        hasher.finalize()
    };
    hash(one) == hash(other)
}

fn ip(arguments: &str) {
    command("ip", arguments);
}

fn command(program: &str, arguments: &str) {
    let status = Command::new(program)
        .args(arguments.split(' '))
        .status()
        .unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(status.success(), "{program} {arguments}: {status}");
}
