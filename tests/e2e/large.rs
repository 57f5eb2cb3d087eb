//! Memory does not grow with what is sent.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use hayate_tests::{Family, Net, Pair, Process, noise, pair::PLAIN};

const GIB: u64 = 1 << 30;
/// Most memory of each side, bytes.
const MEMORY: u64 = 128 << 20;

/// A directory with room for 6 GiB: in memory where there is plenty, since a disk may be slow.
fn spacious() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let available = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(0)
        << 10;
    if free.min(available) > 10 * GIB {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

#[test]
fn five_gib_arrive_in_little_memory() {
    let pair = Pair::within(Net::new(Family::Both), &spacious());
    let length = 5 * GIB + 4321;
    // a hole with islands: at the start, across block boundaries, beyond 4 GiB, at the end
    let islands = [
        0,
        (1 << 20) - 500,
        3 * GIB + 77,
        4 * GIB - 1000,
        length - 5000,
    ];
    let source = File::create(pair.from("sparse.img")).unwrap();
    source.set_len(length).unwrap();
    for (seed, offset) in islands.into_iter().enumerate() {
        source
            .write_all_at(&noise(5000, seed as u64), offset)
            .unwrap();
    }
    let sender = pair.send(["sparse.img"]);
    let received = pair.receive(PLAIN);
    // both are watched at once, since memory is looked at while waiting for the end
    let received = std::thread::spawn(move || received.finish_within(LONG));
    let sent = sender.finish_within(LONG).expect(0);
    let received = received.join().unwrap().expect(0);

    let arrived = File::open(pair.to("sparse.img")).unwrap();
    assert_eq!(arrived.metadata().unwrap().size(), length);
    for (seed, offset) in islands.into_iter().enumerate() {
        let mut bytes = vec![0; 5000];
        arrived.read_exact_at(&mut bytes, offset).unwrap();
        assert!(bytes == noise(5000, seed as u64), "wrong bytes at {offset}");
    }
    let root = root_of(arrived);
    assert_eq!(sent.event("done")["blake3"], root.as_str());
    assert_eq!(received.event("done")["blake3"], root.as_str());
    for (side, outcome) in [("sender", &sent), ("receiver", &received)] {
        println!("{side}: at most {} MiB", outcome.peak >> 20);
        assert!(
            outcome.peak > 0 && outcome.peak < MEMORY,
            "the {side} took {} MiB",
            outcome.peak >> 20
        );
    }
}

#[test]
fn a_long_pipe_arrives_in_little_memory() {
    let pair = Pair::new();
    let (length, piece) = (300_usize << 20, noise(1 << 20, 8));
    let bytes = piece.repeat(length >> 20);
    let expected = blake3::hash(&bytes);
    let sender = Process::feed(pair.sending(["-", "--compress", "off"]), bytes);
    sender.wait_for_event("waiting");
    let receiver = pair.receive(["-o", "pipe.bin"]);
    let receiver = std::thread::spawn(move || receiver.finish_within(LONG));
    let sent = sender.finish_within(LONG).expect(0);
    let received = receiver.join().unwrap().expect(0);
    let arrived = File::open(pair.to("pipe.bin")).unwrap();
    assert_eq!(root_of(arrived), expected.to_hex().to_string());
    for (side, outcome) in [("sender", &sent), ("receiver", &received)] {
        println!("{side}: at most {} MiB", outcome.peak >> 20);
        assert!(
            outcome.peak > 0 && outcome.peak < MEMORY,
            "the {side} took {} MiB",
            outcome.peak >> 20
        );
    }
}

fn root_of(mut file: File) -> String {
    let (mut hasher, mut piece) = (blake3::Hasher::new(), vec![0; 4 << 20]);
    loop {
        match file.read(&mut piece).unwrap() {
            0 => return hasher.finalize().to_hex().to_string(),
            length => hasher.update(&piece[..length]),
        };
    }
}

const LONG: std::time::Duration = std::time::Duration::from_secs(240);
