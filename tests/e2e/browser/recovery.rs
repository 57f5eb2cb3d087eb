//! Several receivers, tabs that are closed and tabs that are loaded again.

use std::{fs, process::Command, time::Duration};

use hayate_tests::{Browser, CODE, Kind, Net, Pair, Process, noise};

use crate::page;

#[test]
fn a_browser_and_a_native_receiver_are_served_at_once() {
    let pair = Pair::on(Net::switched(3));
    let bytes = noise(6 << 20, 1);
    pair.write("big.bin", &bytes);
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    let sender = pair.send(["big.bin", "-n", "2", "--limit", "2M", "--compress", "off"]);
    browser.ask(&page(&pair, "https"));
    browser.wait_for_offer();
    let mut native: Command = pair.net.c().hayate();
    native
        .current_dir(pair.to(""))
        .args(["receive", CODE, "-y", "--json"]);
    let native = Process::start(native);
    native.wait_for_event("progress");
    browser.click("Receive");
    // both are under way before either is done
    browser.wait_for("a share of the file", || {
        browser.progress().filter(|&percent| percent > 0.0)
    });
    assert!(pair.names().iter().all(|name| name != "big.bin"));
    native.finish().expect(0);
    browser.wait_for_done("WebTransport", "Save");
    let sent = sender.finish().expect(0);
    assert_eq!(sent.events("done").len(), 2, "{sent}");
    let mut transports: Vec<_> = sent
        .events("peer")
        .into_iter()
        .map(|peer| peer["transport"].as_str().unwrap().to_owned())
        .collect();
    transports.sort();
    assert_eq!(transports, ["QUIC", "WebTransport"]);
    browser.click("Save");
    let saved = browser.downloaded("big.bin", bytes.len() as u64);
    assert!(fs::read(saved).unwrap() == bytes);
    assert!(pair.received("big.bin") == bytes);
}

#[test]
fn a_sender_notices_a_tab_that_is_closed() {
    for (scheme, transport) in [("https", "WebTransport"), ("http", "fetch")] {
        let pair = Pair::new();
        let browser = Browser::start(Kind::Chromium, pair.net.b());
        let sender = under_way(&pair, &browser, scheme);
        browser.close();
        let sent = sender.finish_within(LATE).expect(9);
        assert_eq!(sent.event("peer")["transport"], transport, "{sent}");
        assert!(sent.events("done").is_empty(), "{sent}");
    }
}

#[test]
fn a_tab_that_is_loaded_again_goes_on_where_it_was() {
    for kind in [Kind::Chromium, Kind::Firefox] {
        let pair = Pair::new();
        let browser = Browser::start(kind, pair.net.b());
        let sender = under_way(&pair, &browser, "https");
        browser.reload();
        let before = pair.net.b().received_bytes();
        browser.wait_for_done("WebTransport", "Save");
        let came = pair.net.b().received_bytes() - before;
        assert!(
            came < LENGTH as u64 * 7 / 10,
            "{came} bytes came after half of the file was there"
        );
        let sent = sender.finish().expect(0);
        assert_eq!(sent.events("done").len(), 1, "{sent}");
        browser.click("Save");
        let saved = browser.downloaded("big.bin", LENGTH as u64);
        assert!(fs::read(saved).unwrap() == noise(LENGTH, 1));
    }
}

#[test]
fn a_tab_whose_network_goes_dark_goes_on_by_itself() {
    for scheme in ["https", "http"] {
        let pair = Pair::new();
        let browser = Browser::start(Kind::Chromium, pair.net.b());
        let sender = under_way(&pair, &browser, scheme);
        pair.net.b().darken(Duration::from_secs(35));
        // over whatever it found first afterwards
        browser.wait_for_done("", "Save");
        sender.finish().expect(0);
        browser.click("Save");
        let saved = browser.downloaded("big.bin", LENGTH as u64);
        assert!(fs::read(saved).unwrap() == noise(LENGTH, 1));
    }
}

/// Some transfer of which more than half is there, and which still lasts for some seconds, when this returns.
fn under_way(pair: &Pair, browser: &Browser<'_>, scheme: &str) -> Process {
    pair.write("big.bin", noise(LENGTH, 1));
    let sender = pair.send(["big.bin", "--limit", "4M", "--compress", "off"]);
    browser.ask(&page(pair, scheme));
    browser.accept();
    browser.wait_for("half of the file", || {
        browser.progress().filter(|&percent| percent > 50.0)
    });
    sender
}

const LENGTH: usize = 24 << 20;

/// How long a sender may wait for a browser to come back: one that did not even say goodbye is silent for 15 s first, and then
/// waited for as a network that went dark, 60 s.
const LATE: Duration = Duration::from_secs(100);
