//! The page on a small screen, in light and dark, without a mouse, and as axe-core sees it.

use std::fs;

use hayate_tests::{Browser, CODE, Kind, Pair, noise};
use rustix::process::Signal;

use crate::page;

#[test]
fn no_state_of_the_page_has_violations_or_is_too_wide() {
    let pair = Pair::new();
    let name = "a-name-that-is-as-long-as-names-can-be-".repeat(6);
    pair.write(format!("tree/{name}.bin"), noise(14 << 20, 1));
    pair.write("tree/other", "other");
    let browser = Browser::start(Kind::Phone, pair.net.b());
    let sender = pair.send(["tree", "--limit", "1M", "--compress", "off"]);
    browser.open(&page(&pair, "https"));
    assert_eq!(browser.run("return innerWidth", &[]), 360);
    browser.audit("idle");
    browser.code_field().type_text("7-copper-la");
    browser.audit("idle, completing");
    browser.code_field().type_text("ntern-violni");
    browser.audit("idle, with an unknown word");
    browser.code_field().clear();
    browser.code_field().type_text(CODE);
    browser.click("Receive");
    browser.wait_for_offer();
    browser.audit("offer");
    browser.click("Receive");
    browser.wait_for("a share of the tree", || {
        browser.progress().filter(|&percent| percent > 0.0)
    });
    browser.audit("receiving");
    assert!(browser.progress().is_some(), "it was over too soon");
    browser.wait_for_done("WebTransport", "Save all");
    browser.audit("done");
    sender.finish().expect(0);

    let sender = pair.send(["-t", "text"]);
    browser.ask(&page(&pair, "https"));
    browser.accept();
    browser.wait_for_done("WebTransport", "Copy");
    browser.audit("done, with a text");
    sender.finish().expect(0);

    let sender = pair.send(["tree"]);
    browser.ask(&page(&pair, "https"));
    browser.wait_for_offer();
    sender.signal(Signal::KILL);
    browser.wait_for("an error", || {
        browser.status().starts_with("Stopped").then_some(())
    });
    browser.audit("error");
}

#[test]
fn a_keyboard_is_enough() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let sender = pair.send(["a.txt"]);
    let browser = Browser::start(Kind::Chromium, pair.net.b());
    browser.open(&page(&pair, "https"));
    browser.code_field();
    move_focus_to(&browser, "Code phrase");
    browser.press(CODE);
    browser.press(ENTER);
    browser.wait_for_offer();
    move_focus_to(&browser, "Receive");
    browser.press(ENTER);
    browser.wait_for_done("WebTransport", "Save");
    move_focus_to(&browser, "Save");
    browser.press(ENTER);
    assert_eq!(fs::read(browser.downloaded("a.txt", 5)).unwrap(), b"hello");
    sender.finish().expect(0);
}

/// Presses the tabulator until what has the focus is called `name`; whatever has it must be seen to have it.
#[track_caller]
fn move_focus_to(browser: &Browser<'_>, name: &str) {
    let mut passed = Vec::new();
    for _ in 0..20 {
        let label = browser.focused().label().unwrap();
        if label == name {
            let outline = "const style = getComputedStyle(document.activeElement);
                return style.outlineStyle !== 'none' || style.boxShadow !== 'none'";
            assert_eq!(
                browser.run(outline, &[]),
                true,
                "no focus is seen at {name}"
            );
            return;
        }
        passed.push(label);
        browser.press(TAB);
    }
    panic!("the tabulator never leads to {name}, but to {passed:?}");
}

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
