//! What goes wrong is a sentence with what to do next; nothing incomplete is ever offered.

use std::time::Duration;

use hayate_tests::{Browser, Kind, Pair, Process, noise};
use rustix::process::Signal;
use serde_json::json;

use crate::page;

#[test]
fn a_wrong_code_costs_a_try_and_says_how_many_are_left() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let sender = pair.send(["a.txt"]);
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    browser.open(&page(&pair, "https"));
    browser.code_field().type_text("7-violin-copper-lantern");
    browser.click("Receive");
    let said = wait_for_end(&browser);
    assert!(said.contains("2 tries are left"), "{said}");
    assert!(browser.all("button", "Save").is_empty());
    let failed = sender.wait_for_event("auth_failed");
    assert_eq!(failed["left"], 2);
    // the right one still works
    browser.ask(&page(&pair, "https"));
    browser.accept();
    browser.wait_for_done("WebTransport", "Save");
    sender.finish().expect(0);
}

#[test]
fn guesses_of_browsers_and_natives_count_together() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let sender = pair.send(["a.txt"]);
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    for (scheme, left) in [("https", "2 tries are left"), ("http", "One try is left")] {
        browser.open(&page(&pair, scheme));
        browser.code_field().type_text("7-violin-copper-lantern");
        browser.click("Receive");
        let said = wait_for_end(&browser);
        assert!(said.contains(left), "{said}");
    }
    let mut native = pair.net.b().hayate();
    native
        .current_dir(pair.to(""))
        .args(["receive", "7-lantern-violin-copper", "-y"]);
    Process::start(native).finish().expect(4);
    sender.finish().expect(4);
}

#[test]
fn an_unknown_word_is_marked_while_it_is_typed() {
    let pair = Pair::new();
    let _sender = pair.send(["-t", "text"]);
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    browser.open(&page(&pair, "http"));
    let field = browser.code_field();
    let marked = || field.attribute("aria-invalid").as_deref() == Some("true");
    field.type_text("7-copper-lantern-");
    assert!(!marked());
    field.type_text("violni");
    browser.wait_for("a mark at the unknown word", || marked().then_some(()));
    assert!(browser.shown().contains("violni"), "{}", browser.shown());
    browser.click("Receive");
    assert!(marked(), "an unknown word is not sent anywhere");
    let shown = browser.shown();
    assert!(shown.contains("Did you mean “violin”"), "{shown}");
    for _ in 0..2 {
        field.type_text(BACKSPACE);
    }
    field.type_text("in");
    browser.wait_for("no mark at a known word", || (!marked()).then_some(()));
}

#[test]
fn a_sender_that_is_gone_is_said_and_nothing_partial_is_offered() {
    for scheme in ["https", "http"] {
        let pair = Pair::new();
        let browser = Browser::start(Kind::Chromium, pair.net.b());
        let sender = under_way(&pair, &browser, scheme);
        sender.signal(Signal::KILL);
        let said = wait_for_end(&browser);
        assert!(said.contains("Connection lost"), "{said}");
        nothing_is_offered(&browser);
    }
}

#[test]
fn a_sender_that_is_cancelled_is_said() {
    let pair = Pair::new();
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    let sender = under_way(&pair, &browser, "https");
    sender.signal(Signal::INT);
    let said = wait_for_end(&browser);
    assert!(said.contains("sender"), "{said}");
    nothing_is_offered(&browser);
    sender.finish().expect(130);
}

#[test]
fn a_browser_that_has_no_room_left_says_so() {
    let pair = Pair::new();
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    let sender = under_way(&pair, &browser, "https");
    let origin = browser.run("return location.origin", &[]);
    let quota = json!({ "origin": origin, "quotaSize": 1024 });
    browser.devtools("Storage.overrideQuotaForOrigin", quota);
    let said = wait_for_end(&browser);
    assert!(said.contains("no room left"), "{said}");
    assert!(said.contains("Free some space"), "{said}");
    nothing_is_offered(&browser);
    sender.finish_within(SOON).expect(14);
}

#[test]
fn a_person_can_decline() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let sender = pair.send(["a.txt"]);
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    browser.ask(&page(&pair, "https"));
    browser.wait_for_offer();
    assert!(browser.shown().contains("a.txt"), "{}", browser.shown());
    browser.click("Decline");
    let sent = sender.finish().expect(5);
    assert!(sent.events("progress").is_empty(), "{sent}");
    assert!(
        browser.status().contains("Declined"),
        "{}",
        browser.status()
    );
    nothing_is_offered(&browser);
}

#[test]
fn a_person_can_cancel() {
    for scheme in ["https", "http"] {
        let pair = Pair::new();
        let browser = Browser::start(Kind::Chromium, pair.net.b());
        let sender = under_way(&pair, &browser, scheme);
        browser.click("Cancel");
        sender.finish_within(SOON).expect(14);
        assert!(
            browser.status().contains("Cancelled"),
            "{}",
            browser.status()
        );
        nothing_is_offered(&browser);
    }
}

#[test]
fn hostile_names_are_text() {
    const NAMES: [&str; 4] = [
        "<img src=x onerror='window.owned=1'>.txt",
        "\"><svg onload=window.owned=1>",
        "{{constructor}}${1+1}&lt;b&gt;.txt",
        "invoice\u{202e}fdp.exe",
    ];
    let pair = Pair::new();
    for name in NAMES {
        pair.write(format!("tree/{name}"), name);
    }
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    for name in &NAMES[..2] {
        let sender = pair.send([format!("tree/{name}")]);
        browser.ask(&page(&pair, "https"));
        browser.wait_for_offer();
        assert!(browser.shown().contains(name), "{}", browser.shown());
        browser.click("Receive");
        browser.wait_for_done("WebTransport", "Save");
        assert!(browser.shown().contains(name), "{}", browser.shown());
        assert_harmless(&browser);
        sender.finish().expect(0);
        browser.click("Save");
        browser.wait_for("the download", || browser.downloads().pop());
    }
    let sender = pair.send(["tree"]);
    browser.ask(&page(&pair, "https"));
    browser.accept();
    browser.wait_for_done("WebTransport", "Save all");
    sender.finish().expect(0);
    let shown = browser.shown();
    for name in &NAMES[..3] {
        assert!(shown.contains(name), "{shown}");
    }
    assert!(
        !shown.contains('\u{202e}'),
        "the direction of a name can be turned around: {shown}"
    );
    assert_harmless(&browser);
}

fn assert_harmless(browser: &Browser<'_>) {
    let script = "return [typeof window.owned, document.querySelectorAll('[onerror], [onload], [src=x]').length]";
    let found = browser.run(script, &[]);
    assert_eq!(found, json!(["undefined", 0]));
}

#[test]
fn a_page_of_which_not_all_arrives_tries_once_more_and_says_so() {
    let pair = Pair::new();
    let _sender = pair.send(["-t", "text"]);
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    let block = |urls: &[&str]| {
        browser.devtools("Network.enable", json!({}));
        browser.devtools("Network.setBlockedURLs", json!({ "urls": urls }));
    };
    block(&["*strings.js*"]);
    browser.open(&page(&pair, "https"));
    // Nothing of a page that is loaded again can be held on to.
    let said = || browser.run("return document.getElementById('status')?.textContent", &[]);
    browser.wait_for("a sentence on what to do", || {
        said()
            .as_str()?
            .contains("load the page again")
            .then_some(())
    });
    let kind = "return performance.getEntriesByType('navigation')[0].type";
    assert_eq!(browser.run(kind, &[]), "reload");
    block(&[]);
    browser.open("about:blank");
    browser.ask(&page(&pair, "https"));
    browser.accept();
    browser.wait_for("the text", || {
        browser.shown().contains("text").then_some(())
    });
}

#[track_caller]
fn nothing_is_offered(browser: &Browser<'_>) {
    for button in ["Save", "Save all", "Copy"] {
        assert!(browser.all("button", button).is_empty(), "{button}");
    }
    assert!(browser.downloads().is_empty(), "{:?}", browser.downloads());
}

/// Waits until the page has given up: all that it shows then.
#[track_caller]
fn wait_for_end(browser: &Browser<'_>) -> String {
    browser.wait_within(LATE, "a sentence on what went wrong", || {
        let status = browser.status();
        status.starts_with("Stopped").then(|| browser.shown())
    })
}

/// Some transfer that lasts for half a minute if nothing happens: it runs when this returns.
fn under_way(pair: &Pair, browser: &Browser<'_>, scheme: &str) -> Process {
    pair.write("big.bin", noise(30 << 20, 1));
    let sender = pair.send(["big.bin", "--limit", "1M", "--compress", "off"]);
    browser.ask(&page(pair, scheme));
    browser.accept();
    browser.wait_for("a share of the file", || {
        browser.progress().filter(|&percent| percent > 0.0)
    });
    sender
}

const BACKSPACE: &str = "\u{e003}";

/// How long the other side may take to hear of a farewell.
const SOON: Duration = Duration::from_secs(10);

/// How long a page may look for a sender that is gone.
const LATE: Duration = Duration::from_secs(60);
