//! A terminal as a web page.

use std::fmt::Write as _;

use hayate_tests::screen::{Cell, Colour, Screen};

const INK: Colour = [220, 223, 228];
const PAPER: Colour = [24, 28, 33];

/// The page. Blocks are drawn and not written, so that there is no gap between them.
pub(crate) fn page(screen: &Screen) -> String {
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><style>
        main {{ display: inline-block; padding: 16px 20px; font: 13px/16px 'DejaVu Sans Mono', monospace;
            color: rgb({ink}); background: rgb({paper}); }}
        div {{ height: 16px; white-space: pre; }}
        i {{ display: inline-block; width: 8px; height: 16px; vertical-align: top; font-style: normal; }}
        </style><main>",
        ink = list(INK),
        paper = list(PAPER)
    );
    for line in &screen.lines {
        page.push_str("<div>");
        for cell in line {
            draw(&mut page, cell);
        }
        page.push_str("</div>");
    }
    page
}

fn draw(page: &mut String, cell: &Cell) {
    let style = cell.style;
    let mut colours = [style.ink.unwrap_or(INK), style.paper.unwrap_or(PAPER)];
    if style.reverse {
        colours.swap(0, 1);
    }
    let [ink, paper] = colours.map(list);
    let (above, below, glyph) = match cell.glyph {
        '█' => (&ink, &ink, ' '),
        '▀' => (&ink, &paper, ' '),
        '▄' => (&paper, &ink, ' '),
        glyph => (&paper, &paper, glyph),
    };
    let weight = if style.bold { 700 } else { 400 };
    let opacity = if style.faint { 0.65 } else { 1.0 };
    let glyph = match glyph {
        '<' => "&lt;".to_owned(),
        '&' => "&amp;".to_owned(),
        glyph => glyph.to_string(),
    };
    write!(
        page,
        "<i style=\"background: linear-gradient(rgb({above}) 50%, rgb({below}) 50%); color: rgb({ink}); \
         font-weight: {weight}; opacity: {opacity}\">{glyph}</i>"
    )
    .expect("a string takes everything");
}

fn list(colour: Colour) -> String {
    let [red, green, blue] = colour;
    format!("{red}, {green}, {blue}")
}
