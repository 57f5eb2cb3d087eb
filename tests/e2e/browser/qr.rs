//! A phone points its camera at the terminal, and nothing needs to be typed.

use hayate_tests::{Browser, Kind, Pair, Terminal, screen::Screen};

const BLACK: [u8; 3] = [0; 3];
const WHITE: [u8; 3] = [255; 3];

#[test]
fn the_qr_code_opens_a_page_that_needs_no_typing() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let mut command = pair.net.a().hayate();
    command.current_dir(pair.from("")).args(["send", "a.txt"]);
    let mut sender = Terminal::sized(command, 100, 50);
    sender.wait_for("Waiting on");
    let screen = Screen::of(sender.screen());
    let dark = screen.qr(WHITE, BLACK);
    let light = screen.qr(BLACK, WHITE);
    assert_eq!(dark, light, "on a dark and on a light terminal");
    let url = dark.unwrap_or_else(|| panic!("no QR code in {}", sender.screen()));
    assert!(url.starts_with("https://10.77.0.1:50001/#"), "{url}");

    let phone = Browser::start(Kind::Phone, pair.net.b());
    phone.open(&url);
    phone.accept();
    phone.wait_for_done("WebTransport", "Save");
    let (code, shown) = sender.finish();
    assert_eq!(code, 0, "{shown}");
    // the code phrase does not stay where it can be read or copied
    let address = phone.run("return location.href", &[]);
    assert_eq!(address, "https://10.77.0.1:50001/");
    phone.click("Save");
    let saved = phone.downloaded("a.txt", 5);
    assert_eq!(std::fs::read(saved).unwrap(), b"hello");
}

#[test]
fn no_qr_code_is_drawn_where_there_is_no_room() {
    let pair = Pair::new();
    let mut command = pair.net.a().hayate();
    command.args(["send", "-t", "text"]);
    let mut sender = Terminal::sized(command, 30, 20);
    sender.wait_for("Waiting on");
    assert!(!sender.screen().contains('▀'), "{}", sender.screen());
    assert!(!sender.screen().contains('█'), "{}", sender.screen());
}
