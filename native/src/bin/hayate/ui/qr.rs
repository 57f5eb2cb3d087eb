//! A QR code (ISO/IEC 18004) in half blocks, for the camera of a phone.

use std::io;

use qrcodegen::{QrCode, QrCodeEcc};
use terminal_size::terminal_size_of;

/// The lines that show `text`: black on white whatever the terminal's colours are, or without colours as light on the
/// terminal's own dark. `None` when it is too long.
pub(super) fn lines(text: &str, colour: bool) -> Option<Vec<String>> {
    // A screen has no dirt and no creases: the smallest code is the easiest to read.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let size = code.size();
    let dark = |x, y| code.get_module(x, y);
    let line = |y: i32| -> String {
        let cells = (-QUIET..size + QUIET).map(|x| {
            match (dark(x, y) == colour, dark(x, y + 1) == colour) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }
        });
        let cells: String = cells.collect();
        match colour {
            true => format!("{BLACK_ON_WHITE}{cells}{RESET}"),
            false => cells,
        }
    };
    Some((-QUIET..size + QUIET).step_by(2).map(line).collect())
}

/// Whether the terminal has room for `lines` and a little more.
pub(super) fn fits(lines: &[String]) -> bool {
    let Some((columns, rows)) = terminal_size_of(io::stderr()) else {
        return false;
    };
    let cell = |c: &char| matches!(c, '█' | '▀' | '▄' | ' ');
    let width = lines
        .first()
        .map_or(0, |line| line.chars().filter(cell).count());
    width <= usize::from(columns.0) && lines.len() + 2 <= usize::from(rows.0)
}

/// Whether half blocks come out as such, as far as the environment tells.
pub(super) fn can_show() -> bool {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    let narrow = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    });
    variable("TERM").as_deref() != Some("dumb") && (!narrow || cfg!(windows))
}

/// Modules around the code that readers need.
const QUIET: i32 = 4;
/// From the fixed part of the 256 colours, which no theme changes.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
const RESET: &str = "\u{1b}[0m";

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://192.168.1.20:50001/#7-copper-lantern-violin";

    #[test]
    fn the_usual_address_fits_a_usual_terminal() {
        let lines = lines(URL, false).unwrap_or_default();
        assert!(lines.len() <= 21, "{}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 41));
    }

    #[test]
    fn colours_and_their_absence_show_the_same_modules() {
        let code = QrCode::encode_text(URL, QrCodeEcc::Low).expect("it is short");
        for colour in [true, false] {
            let lines = lines(URL, colour).unwrap_or_default();
            for (row, line) in lines.iter().enumerate() {
                let line = line.replace(BLACK_ON_WHITE, "").replace(RESET, "");
                for (column, cell) in line.chars().enumerate() {
                    let (top, bottom) = (matches!(cell, '█' | '▀'), matches!(cell, '█' | '▄'));
                    let (x, y) = (column as i32 - QUIET, 2 * row as i32 - QUIET);
                    assert_eq!(top == colour, code.get_module(x, y));
                    assert_eq!(bottom == colour, code.get_module(x, y + 1));
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_is_not_shown() {
        assert!(lines(&"x".repeat(3000), true).is_none());
    }
}
