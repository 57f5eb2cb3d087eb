//! Signs of a firewall that can be read without privileges; what it lets through cannot.

use std::{fs, path::Path};

use super::Finding;

/// What looks like a firewall.
pub(super) fn signs() -> Vec<Finding> {
    if cfg!(target_os = "linux") {
        vec![judge(&firewalls(Path::new("/")))]
    } else {
        Vec::new()
    }
}

/// The firewalls that are on, by what lies below `root`.
fn firewalls(root: &Path) -> Vec<Firewall> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let ufw = read("etc/ufw/ufw.conf")
        .lines()
        .any(|line| line.trim().eq_ignore_ascii_case("enabled=yes"));
    let processes = fs::read_dir(root.join("proc")).into_iter().flatten();
    let firewalld = processes
        .flatten()
        .filter_map(|process| fs::read_to_string(process.path().join("comm")).ok())
        .any(|name| name.trim() == "firewalld");
    let used = |module: &str| {
        let users = read(&format!("sys/module/{module}/refcnt"));
        users.trim().parse().is_ok_and(|users: u32| users > 0)
    };
    [
        (Firewall::Ufw, ufw),
        (Firewall::Firewalld, firewalld),
        (Firewall::Rules, used("nf_tables") || used("ip_tables")),
    ]
    .into_iter()
    .filter_map(|(firewall, on)| on.then_some(firewall))
    .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Firewall {
    Ufw,
    Firewalld,
    /// Somebody's own rules.
    Rules,
}

fn judge(firewalls: &[Firewall]) -> Finding {
    let what = "firewall";
    // The first is the one that is told what to do: the others are what it is made of.
    let Some(first) = firewalls.first() else {
        return Finding::fine(what, "none is seen");
    };
    let (name, advice) = match first {
        Firewall::Ufw => (
            "ufw is on",
            "sudo ufw allow 50001; sudo ufw allow 50002/udp; sudo ufw allow 5353/udp",
        ),
        Firewall::Firewalld => (
            "firewalld runs",
            "sudo firewall-cmd --add-port=50001/udp --add-port=50001/tcp --add-port=50002/udp --add-service=mdns",
        ),
        Firewall::Rules => (
            "the kernel filters packets",
            "let in UDP ports 50001, 50002 and 5353, and TCP port 50001 for browsers",
        ),
    };
    Finding::note(what, format!("{name}; if nobody finds this machine:")).advise(advice)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn each_firewall_leaves_its_sign() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(firewalls(root.path()), []);
        write("etc/ufw/ufw.conf", "# comment\nENABLED=no\n");
        write("proc/17/comm", "bash\n");
        write("sys/module/nf_tables/refcnt", "0\n");
        assert_eq!(firewalls(root.path()), []);
        write("sys/module/nf_tables/refcnt", "12\n");
        assert_eq!(firewalls(root.path()), [Firewall::Rules]);
        write("proc/18/comm", "firewalld\n");
        assert_eq!(firewalls(root.path())[0], Firewall::Firewalld);
        write("etc/ufw/ufw.conf", "ENABLED=yes\n");
        assert_eq!(firewalls(root.path())[0], Firewall::Ufw);
    }
}
