//! Makes the pictures of the README: what a phone shows while it receives, and the sender's terminal.
#![allow(clippy::unwrap_used, reason = "a script fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use hayate_tests::{Browser, Kind, Pair, Terminal, noise, screen::Screen};

mod terminal;

fn main() {
    let out = std::env::args_os().nth(1);
    let out = PathBuf::from(out.expect("usage: screenshots DIRECTORY"));
    let pair = Pair::new();
    for number in 1..=12 {
        let name = format!("photos/2026/summer-{number:02}.jpg");
        pair.write(name, noise(3_400_000 + number * 91_000, number as u64));
    }
    let mut command = pair.net.a().hayate();
    command
        .current_dir(pair.from(""))
        .args(["send", "photos", "--limit", "5M"]);
    let mut sender = Terminal::sized(command, 92, 48);
    sender.wait_for("Waiting on");
    let screen = Screen::of(sender.screen());
    let url = screen.qr([255; 3], [0; 3]).expect("a QR code");

    let phone = Browser::start(Kind::Phone, pair.net.b());
    phone.open(&url);
    phone.wait_for_offer();
    take(&phone, &out, "offer");
    phone.click("Receive");
    phone.wait_for("a third of the photos", || {
        phone.progress().filter(|&percent| percent > 33.0)
    });
    take(&phone, &out, "receiving");
    phone.wait_for_done("WebTransport", "Save all");
    take(&phone, &out, "done");
    drop(phone);

    let (code, shown) = sender.finish();
    assert_eq!(code, 0, "{shown}");
    let desk = Browser::start(Kind::Chromium, pair.net.b());
    desk.resize(1000, 1200);
    let page = pair.from("terminal.html");
    fs::write(&page, terminal::page(&Screen::of(&shown))).unwrap();
    desk.open(&format!("file://{}", page.display()));
    let terminal = desk.select("main").remove(0);
    fs::write(out.join("terminal.png"), terminal.picture()).unwrap();
}

/// Pictures of what the phone shows, in light and in dark.
fn take(phone: &Browser<'_>, out: &Path, state: &str) {
    for scheme in ["light", "dark"] {
        phone.prefer(scheme);
        let picture = phone.picture();
        fs::write(out.join(format!("phone-{state}-{scheme}.png")), picture).unwrap();
    }
}
