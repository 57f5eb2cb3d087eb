//! Every kind of payload, in every browser, over the transport that it is to use.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use hayate_tests::{Browser, Kind, Outcome, Pair, files::Entry, noise, snapshot};

use crate::page;

#[test]
fn chromium_receives_over_webtransport() {
    everything(Kind::Chromium, "https", "WebTransport");
}

#[test]
fn firefox_receives_over_webtransport() {
    everything(Kind::Firefox, "https", "WebTransport");
}

#[test]
fn webkit_receives_on_plain_http() {
    everything(Kind::WebKit, "http", "fetch");
}

#[test]
fn chromium_receives_on_plain_http() {
    everything(Kind::Chromium, "http", "fetch");
}

#[test]
fn a_browser_without_udp_receives_over_fetch() {
    let pair = Pair::new();
    let bytes = noise(3_000_000, 7);
    pair.write("a.bin", &bytes);
    pair.net.b().block_udp();
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    let sender = pair.send(["a.bin"]);
    browser.ask(&page(&pair, "https"));
    let asked = Instant::now();
    browser.wait_for_offer();
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    browser.click("Receive");
    browser.wait_for_done("fetch", "Save");
    sent_over(sender.finish(), "fetch");
    browser.click("Save");
    assert!(fs::read(browser.downloaded("a.bin", 3_000_000)).unwrap() == bytes);
}

fn everything(kind: Kind, scheme: &str, transport: &'static str) {
    let pair = Pair::new();
    let person = Person {
        browser: Browser::start(kind, pair.net.b()),
        pair: &pair,
        url: page(&pair, scheme),
        transport,
    };
    person.receives_files();
    person.receives_a_tree();
    person.receives_a_text();
}

struct Person<'a> {
    browser: Browser<'a>,
    pair: &'a Pair,
    url: String,
    transport: &'static str,
}

impl Person<'_> {
    /// Receives what `hayate send` is given, until the button that keeps it is shown.
    fn receives(&self, send: &[&str], button: &str) {
        let sender = self.pair.send(send);
        self.browser.ask(&self.url);
        self.browser.accept();
        self.browser.wait_for_done(self.transport, button);
        sent_over(sender.finish(), self.transport);
    }

    fn receives_files(&self) {
        let text = "All work and no play makes Jack a dull boy.\n".repeat(200_000);
        let files = [
            ("empty.bin", Vec::new()),
            ("random.bin", noise(64 << 20, 1)),
            ("dull.txt", text.into_bytes()),
        ];
        for (name, bytes) in files {
            self.pair.write(name, &bytes);
            let before = self.pair.net.b().received_bytes();
            self.receives(&[name], "Save");
            let came = self.pair.net.b().received_bytes() - before;
            self.browser.click("Save");
            let saved = self.browser.downloaded(name, bytes.len() as u64);
            assert!(
                fs::read(saved).unwrap() == bytes,
                "{name} is not what was sent"
            );
            // the page comes along each time
            let least = if name == "dull.txt" { 0 } else { bytes.len() };
            let most = if name == "dull.txt" {
                0
            } else {
                bytes.len() * 6 / 5
            } + (2 << 20);
            assert!(
                (least as u64..most as u64).contains(&came),
                "{came} bytes came for {name}"
            );
        }
    }

    fn receives_a_tree(&self) {
        let files = [
            ("photos/one.bin", noise(1_500_000, 2)),
            ("photos/deep/er/two.txt", b"two".to_vec()),
            ("photos/deep/empty", Vec::new()),
            (
                "photos/\u{fc}ml\u{e4}ut \u{1f4f7} and space.txt",
                b"three".to_vec(),
            ),
        ];
        for (name, bytes) in &files {
            self.pair.write(name, bytes);
        }
        fs::create_dir(self.pair.from("photos/nothing")).unwrap();
        self.receives(&["photos"], "Save all");

        // as a list
        let saves = self.browser.all("button", "Save");
        assert_eq!(saves.len(), files.len(), "files in the list");
        let before = self.browser.downloads().len();
        for (number, save) in saves.iter().enumerate() {
            // MiniBrowser makes room for a bar when a download begins: all moves, and a click may go beside
            let mut clicked: Option<Instant> = None;
            let what = format!("{} downloads", number + 1);
            self.browser.wait_for(&what, || {
                if clicked.is_none_or(|at| at.elapsed() > AGAIN) {
                    save.click();
                    clicked = Some(Instant::now());
                }
                (self.browser.downloads().len() > before + number).then_some(())
            });
        }
        for (path, bytes) in &files {
            let (_, name) = path.rsplit_once('/').unwrap();
            let saved = self.browser.downloaded(name, bytes.len() as u64);
            assert!(
                fs::read(saved).unwrap() == *bytes,
                "{path} is not what was sent"
            );
        }

        // as an archive, read by somebody else's program
        self.browser.click("Save all");
        let zip = self.browser.wait_for_download("photos.zip");
        let unpacked = tempfile::tempdir().unwrap();
        let unzip = Command::new("unzip")
            .arg("-q")
            .arg(&zip)
            .arg("-d")
            .arg(unpacked.path())
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(unzip.status.success(), "unzip says {unzip:?}");
        let sent = tree(&self.pair.from("photos"));
        assert!(
            sent == tree(&unpacked.path().join("photos")),
            "the archive holds something else"
        );
    }

    fn receives_a_text(&self) {
        let text = "<b>Not bold</b> & \"quoted\" \u{1f600}";
        self.receives(&["-t", text], "Copy");
        assert!(
            self.browser.shown().contains(text),
            "{}",
            self.browser.shown()
        );
        self.browser.click("Copy");
        self.browser.wait_for("\"Copied\"", || {
            self.browser.status().contains("Copied").then_some(())
        });
        // what was copied can be pasted
        self.browser.click("Start over");
        let field = self.browser.code_field();
        field.type_text(PASTE);
        assert_eq!(field.property("value"), text);
    }
}

/// The sender is content, and says that this transport was used.
#[track_caller]
fn sent_over(sent: Outcome, transport: &str) {
    let sent = sent.expect(0);
    assert_eq!(sent.event("peer")["transport"], transport, "{sent}");
}

/// The files below `root`, and the directories that hold nothing.
fn tree(root: &Path) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    let entries = snapshot(root).into_iter();
    let entries = entries.map(|(path, entry)| match entry {
        Entry::File { bytes, .. } => (path, Some(bytes)),
        _ => (path, None),
    });
    entries.collect()
}

/// How soon a browser is to have an offer where nothing comes of WebTransport.
const SOON: Duration = Duration::from_secs(5);

/// When a person would click once more.
const AGAIN: Duration = Duration::from_secs(5);

/// Control, held, and V.
const PASTE: &str = "\u{e009}v";
