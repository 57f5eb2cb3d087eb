//! Networks of their own: machines are network namespaces, the cable between them is a veth pair or a bridge.

use std::{
    fs::{self, File},
    net::IpAddr,
    os::fd::AsFd as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::Pid,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::{binary, process::PATIENCE};

/// What the network speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// 10.77.0.0/24 and fd77::/64.
    Both,
    /// 10.77.0.0/24 only; IPv6 is off.
    V4,
    /// fd77::/64 only.
    V6,
}

/// Machines on one network; gone when it is dropped.
#[derive(Debug)]
pub struct Net {
    spaces: Vec<Space>,
    /// Switches, and where nobody is.
    others: Vec<Space>,
}

/// One machine: a network namespace.
#[derive(Debug)]
pub struct Space {
    name: String,
    number: u8,
}

impl Net {
    /// Two machines, joined by a cable.
    pub fn new(family: Family) -> Self {
        let spaces = [1, 2].map(Space::new);
        let [a, b] = &spaces;
        ip(&format!(
            "link add lan netns {} type veth peer name lan netns {}",
            a.name, b.name
        ));
        let net = Self {
            spaces: spaces.into(),
            others: Vec::new(),
        };
        net.configure(family);
        net
    }

    /// So many machines, joined by a switch.
    pub fn switched(machines: u8) -> Self {
        let hub = Space::new(0);
        hub.ip("link add hub type bridge mcast_snooping 0");
        hub.ip("link set hub up");
        let spaces: Vec<_> = (1..=machines).map(Space::new).collect();
        for space in &spaces {
            ip(&format!(
                "link add lan netns {} type veth peer name port{} netns {}",
                space.name, space.number, hub.name
            ));
            hub.ip(&format!("link set port{} master hub up", space.number));
        }
        let net = Self {
            spaces,
            others: vec![hub],
        };
        net.configure(Family::Both);
        net
    }

    fn configure(&self, family: Family) {
        for space in &self.spaces {
            // Every address is whole at once: to a browser one that comes later is another network.
            space.ip("link set lan addrgenmode none");
            if family == Family::V4 {
                space.set("net/ipv6/conf/all/disable_ipv6", "1");
            } else {
                let local = format!("fe80::{}", space.number);
                for address in [local, space.v6().to_string()] {
                    space.ip(&format!("addr add {address}/64 dev lan nodad"));
                }
            }
            if family != Family::V6 {
                space.ip(&format!(
                    "addr add {}/24 brd 10.77.0.255 dev lan",
                    space.v4()
                ));
            }
            space.ip("link set lan up");
        }
    }

    /// The first machine; the sender by convention.
    pub fn a(&self) -> &Space {
        &self.spaces[0]
    }

    /// The second machine; the receiver by convention.
    pub fn b(&self) -> &Space {
        &self.spaces[1]
    }

    /// The third machine.
    pub fn c(&self) -> &Space {
        &self.spaces[2]
    }

    /// Gives the first two machines interfaces that are up and have addresses, and behind which there is nobody: one
    /// whose cable is not plugged in, and one into the void, which is also the default route.
    pub fn add_dead_interfaces(&mut self) {
        let void = Space::new(99);
        for space in &self.spaces[..2] {
            space.ip("link add unplugged type veth peer name plug");
            space.ip(&format!(
                "link add void type veth peer name void{} netns {}",
                space.number, void.name
            ));
            void.ip(&format!("link set void{} up", space.number));
            for (interface, network) in [("unplugged", 88), ("void", 99)] {
                let address = format!("10.{network}.0.1/24 brd 10.{network}.0.255");
                space.ip(&format!("addr add {address} dev {interface}"));
                space.ip(&format!("addr add fd{network}::1/64 dev {interface} nodad"));
                space.ip(&format!("link set {interface} up"));
            }
            space.ip("route add default via 10.99.0.254 dev void");
            space.ip("-6 route add default via fd99::fe dev void");
        }
        self.others.push(void);
    }

    /// Drops everything discovery sends or hears, on every machine.
    pub fn block_discovery(&self) {
        for space in &self.spaces {
            space.nft(
                "add table inet block
                 add chain inet block in { type filter hook input priority 0; }
                 add chain inet block out { type filter hook output priority 0; }
                 add rule inet block in udp dport { 50002, 5353 } drop
                 add rule inet block in udp sport { 50002, 5353 } drop
                 add rule inet block out udp dport { 50002, 5353 } drop",
            );
        }
    }
}

impl Space {
    fn new(number: u8) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hy{}x{count}", std::process::id());
        assert!(
            rustix::process::geteuid().is_root(),
            "the end-to-end tests make network namespaces, which takes root: run them as root"
        );
        ip(&format!("netns add {name}"));
        let space = Self { name, number };
        space.ip("link set lo up");
        space
    }

    /// Its IPv4 address.
    pub fn v4(&self) -> IpAddr {
        [10, 77, 0, self.number].into()
    }

    /// Its IPv6 address.
    pub fn v6(&self) -> IpAddr {
        [0xfd77, 0, 0, 0, 0, 0, 0, u16::from(self.number)].into()
    }

    /// A program that runs on this machine.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// `hayate` on this machine, free of variables that would change what it does.
    pub fn hayate(&self) -> Command {
        let mut command = self.command(binary::hayate());
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"HAYATE_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// The processes of this machine that have `variable`, a name and a value, in their environment, and what they
    /// started: some write over their own.
    pub fn family(&self, variable: &str) -> Vec<Pid> {
        let listed = Command::new("ip")
            .args(["netns", "pids", &self.name])
            .output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        let all = || {
            listed
                .lines()
                .filter_map(|id| Pid::from_raw(id.parse().ok()?))
        };
        let read = |id: Pid, file| fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        let has = |id: &Pid| {
            let environment = read(*id, "environ");
            let mut variables = environment.split(|&byte| byte == 0);
            variables.any(|set| set == variable.as_bytes())
        };
        let parent = |id: Pid| {
            let status = String::from_utf8_lossy(&read(id, "status")).into_owned();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
            parent.and_then(|id| Pid::from_raw(id.trim().parse().ok()?))
        };
        let mut family: Vec<_> = all().filter(has).collect();
        let mut at = 0;
        while let Some(&elder) = family.get(at) {
            let born = all().filter(|&id| parent(id) == Some(elder));
            let new: Vec<_> = born.filter(|id| !family.contains(id)).collect();
            family.extend(new);
            at += 1;
        }
        family
    }

    /// Runs `work` on a thread that lives on this machine: its sockets are the machine's.
    pub fn thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let space = File::open(format!("/run/netns/{}", self.name)).unwrap();
        thread::spawn(move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        })
    }

    /// Runs `ip` with these arguments on this machine.
    pub fn ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.name));
    }

    /// Bytes that came over the network so far.
    pub fn received_bytes(&self) -> u64 {
        let listed = self
            .command("ip")
            .args(["-j", "-s", "link", "show", "dev", "lan"])
            .output()
            .unwrap();
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        listed[0]["stats64"]["rx"]["bytes"].as_u64().unwrap()
    }

    /// Waits until the network is up and every address can be used: to a browser each change is another network, and it
    /// gives up its requests.
    pub fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        let shown = |what: &[&str]| {
            let shown = self.command("ip").args(what).output().unwrap();
            String::from_utf8(shown.stdout).unwrap()
        };
        while !shown(&["link", "show", "lan"]).contains("state UP")
            || !shown(&["address", "show", "tentative"]).is_empty()
        {
            assert!(Instant::now() < deadline, "the network never settles");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Drops every UDP packet that comes in or goes out.
    pub fn block_udp(&self) {
        self.nft(
            "add table inet noudp
             add chain inet noudp in { type filter hook input priority 0; }
             add chain inet noudp out { type filter hook output priority 0; }
             add rule inet noudp in meta l4proto udp drop
             add rule inet noudp out meta l4proto udp counter drop",
        );
    }

    /// Lets nothing through to or from the network for a while.
    pub fn darken(&self, time: Duration) {
        self.nft(
            "add table inet dark
             add chain inet dark in { type filter hook input priority 0; }
             add chain inet dark out { type filter hook output priority 0; }
             add rule inet dark in iifname lan drop
             add rule inet dark out oifname lan drop",
        );
        thread::sleep(time);
        self.nft("delete table inet dark");
    }

    /// Lets no more than this out to the network, as the `rate` of tc-tbf(8).
    pub fn slow_down(&self, rate: &str) {
        let mut tc = self.command("tc");
        tc.args(["qdisc", "add", "dev", "lan", "root", "tbf", "rate", rate]);
        tc.args(["burst", "64kb", "latency", "50ms"]);
        assert!(tc.status().unwrap().success(), "tc refused {rate}");
    }

    /// Adds rules to the machine's firewall.
    pub fn nft(&self, rules: &str) {
        let mut nft = self
            .command("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("nft runs: install nftables");
        let mut stdin = nft.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, rules.as_bytes()).unwrap();
        drop(stdin);
        assert!(nft.wait().unwrap().success(), "nft refused: {rules}");
    }

    /// Starts to count the packets that programs of this machine send.
    pub fn count_packets(&self) {
        self.nft(
            "add table inet tally
             add chain inet tally out { type filter hook output priority 0; }
             add rule inet tally out meta l4proto { tcp, udp } counter",
        );
    }

    /// Packets that programs sent since [`Space::count_packets`].
    pub fn packets(&self) -> u64 {
        let listed = self
            .command("nft")
            .args(["list", "table", "inet", "tally"])
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let (_, count) = listed.split_once("counter packets ").unwrap();
        count.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn set(&self, variable: &str, value: &str) {
        let (path, value) = (format!("/proc/sys/{variable}"), value.to_owned());
        self.thread(move || fs::write(path, value).unwrap())
            .join()
            .unwrap();
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "delete", &self.name])
            .status();
    }
}

fn ip(arguments: &str) {
    let ran = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .expect("ip runs: install iproute2");
    assert!(
        ran.status.success(),
        "ip {arguments}: {} (the end-to-end tests need root and network namespaces)",
        String::from_utf8_lossy(&ran.stderr)
    );
}
