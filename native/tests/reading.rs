//! What is gathered and read: names, filters, what cannot be sent, what changes meanwhile.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tree;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use hayate::{
    ErrorKind,
    sink::{OnConflict, Output, Stored},
    source::{Gathered, Selection, gather},
};
use shared::BLOCK;
use tree::{Scratch, deliver, pattern, receive, refused, select, snapshot};

#[test]
fn threads_may_read_blocks_in_any_order() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/t");
    for number in 0..40 {
        scratch.file(
            &format!("from/t/{number}"),
            &pattern(BLOCK / 3 * number % (2 * BLOCK)),
        );
    }
    let source = gather(&select(&[&root])).unwrap().source;
    let read = |block| {
        let mut buffer = Vec::with_capacity(BLOCK + 64);
        source.read(block, &mut buffer).unwrap();
        buffer
    };
    let all: Vec<_> = (0..source.blocks()).map(read).collect();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (all, read) = (&all, &read);
            scope.spawn(move || {
                for step in 0..2 * all.len() {
                    let block = (step * 7 + seed * 13) % all.len();
                    assert!(read(block as u64) == all[block], "block {block}");
                }
            });
        }
    });
    assert!(source.read(source.blocks(), &mut Vec::new()).is_err());
}

#[test]
fn noise_is_made_and_dropped_without_a_file() {
    let noise = Gathered::noise(3 * BLOCK as u64 + 5, None).unwrap();
    assert_eq!(noise.source.blocks(), 4);
    let mut block = Vec::new();
    noise.source.read(1, &mut block).unwrap();
    assert!(block[..BLOCK / 2] != block[BLOCK / 2..]);
    let stored = deliver(&noise, &Output::Nowhere, OnConflict::Fail).unwrap();
    assert_eq!(stored, Stored::default());
}

#[test]
fn the_name_is_that_of_the_real_directory() {
    let scratch = Scratch::new();
    let dir = scratch.dir("from/real");
    scratch.dir("from/real/sub");
    for path in [dir.join("."), dir.join("sub/.."), dir.join("")] {
        let offer = gather(&select(&[&path])).unwrap().offer;
        assert_eq!(offer.name.as_bytes(), b"real", "{}", path.display());
    }
    let named = Selection {
        name: Some("other".into()),
        ..select(&[&dir])
    };
    let (_, stored) = receive(&named, &scratch.dir("to"));
    assert_eq!(stored.path.unwrap(), scratch.path("to/other"));
    let bad = Selection {
        name: Some("../evil".into()),
        ..select(&[&dir])
    };
    refused(&bad);
}

#[test]
fn what_cannot_be_sent_is_told() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/r");
    scratch.file("from/r/fine", b"x");
    scratch.file("from/r/line\nbreak", b"x");
    let fifo = root.join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let gathered = gather(&select(&[&root])).unwrap();
    let told: Vec<_> = gathered
        .skipped
        .iter()
        .map(|skipped| skipped.why.as_str())
        .collect();
    assert_eq!(gathered.offer.entries, 1);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&"a named pipe") && told.contains(&"a socket"));
    refused(&select(&[&fifo]));
    refused(&select(&[Path::new("/dev/null")]));
    refused(&select(&[&root, &fifo]));
    refused(&select(&[]));
    let missing = refused(&select(&[&root.join("missing")]));
    assert!(missing.contains("missing\" does not exist"), "{missing}");
    if Path::new("/proc/self/status").exists() {
        refused(&select(&[Path::new("/proc/self/status")]));
    }
}

#[test]
fn patterns_and_gitignore_leave_out() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/r");
    for name in [
        "keep.txt",
        "a.log",
        "build/out",
        "sub/build/out",
        "sub/b.log",
        "sub/c.tmp",
    ] {
        scratch.file(&format!("from/r/{name}"), b"x");
    }
    let sent = |selection: &Selection| {
        let gathered = gather(selection).unwrap();
        assert!(gathered.skipped.is_empty());
        let to = scratch.dir("to");
        deliver(
            &gathered,
            &Output::Directory(to.clone()),
            OnConflict::Overwrite,
        )
        .unwrap();
        let mut files = snapshot(&to.join("r")).into_keys().collect::<Vec<_>>();
        files.retain(|file| to.join("r").join(file).is_file());
        files
    };
    let exclude = Selection {
        exclude: vec!["*.log".into(), "sub/build/".into(), "c.?mp".into()],
        ..select(&[&root])
    };
    assert_eq!(sent(&exclude), ["build/out", "keep.txt"].map(PathBuf::from));
    scratch.file("from/r/.gitignore", b"*.log\n/build\n");
    scratch.file("from/r/sub/.gitignore", b"!b.log\n*.tmp\n");
    let gitignore = Selection {
        gitignore: true,
        ..select(&[&root])
    };
    let expected = [
        ".gitignore",
        "keep.txt",
        "sub/.gitignore",
        "sub/b.log",
        "sub/build/out",
    ];
    assert_eq!(sent(&gitignore), expected.map(PathBuf::from));
    let bad = Selection {
        exclude: vec!["a{".into()],
        ..select(&[&root])
    };
    refused(&bad);
}

#[test]
fn a_file_that_changes_ends_the_transfer() {
    let scratch = Scratch::new();
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("grew", |path| {
            fs::write(path, pattern(2 * BLOCK + 1)).unwrap();
        }),
        ("shrank", |path| {
            fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(9)
                .unwrap();
        }),
        ("changed", |path| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            fs::write(path, vec![1; 2 * BLOCK]).unwrap();
        }),
        ("vanished", |path| fs::remove_file(path).unwrap()),
    ];
    for (what, change) in changes {
        for in_tree in [true, false] {
            let path = scratch.file(&format!("{what}/file"), &pattern(2 * BLOCK));
            let sent = if in_tree {
                path.parent().unwrap()
            } else {
                &path
            };
            let gathered = gather(&select(&[sent])).unwrap();
            change(&path);
            let mut buffer = Vec::new();
            match gathered.source.read(1, &mut buffer) {
                // What is open already stays as it is.
                Ok(_) => assert!(what == "vanished" && !in_tree),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error}");
                    assert!(error.to_string().contains(what), "{error}");
                }
            }
        }
    }
}

#[test]
fn nothing_outside_is_read_when_a_directory_becomes_a_link() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/r");
    scratch.file("from/r/sub/secret", b"mine");
    scratch.file("outside/secret", b"not!");
    let gathered = gather(&select(&[&root])).unwrap();
    fs::rename(root.join("sub"), root.join("was")).unwrap();
    symlink(scratch.path("outside"), root.join("sub")).unwrap();
    assert!(gathered.source.read(0, &mut Vec::new()).is_err());
    fs::remove_file(root.join("sub")).unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    symlink(scratch.path("outside/secret"), root.join("sub/secret")).unwrap();
    let error = gathered.source.read(0, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error}");
}
