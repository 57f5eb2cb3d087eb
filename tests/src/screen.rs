//! What a terminal shows: the text of a program with the colours that it asks for (ECMA-48, SGR).

/// A colour, red, green and blue.
pub type Colour = [u8; 3];

/// The lines of a terminal.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// From the top, as far as something was written.
    pub lines: Vec<Vec<Cell>>,
}

/// One character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Which.
    pub glyph: char,
    /// Its looks.
    pub style: Style,
}

/// How a character looks; no colour is the terminal's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// What is written with.
    pub ink: Option<Colour>,
    /// What is written on.
    pub paper: Option<Colour>,
    /// Heavy.
    pub bold: bool,
    /// Faint.
    pub faint: bool,
    /// Ink and paper are the other way around.
    pub reverse: bool,
}

impl Screen {
    /// What `output` leaves on a terminal; of the ways to move the cursor it knows the return of the carriage, the line
    /// feed, and erasing what was in a line.
    pub fn of(output: &str) -> Self {
        let mut screen = Self::default();
        let (mut line, mut column, mut style) = (0, 0, Style::default());
        let mut glyphs = output.chars();
        while let Some(glyph) = glyphs.next() {
            match glyph {
                '\n' => line += 1,
                '\r' => column = 0,
                '\u{1b}' => match escape(&mut glyphs) {
                    Some((codes, 'm')) => style.change(&codes),
                    Some((_, 'K')) => screen.line(line).truncate(column),
                    Some((codes, 'A')) => line -= line.min(usize::from(codes[0].max(1))),
                    _ => {}
                },
                glyph if glyph.is_control() => {}
                glyph => {
                    let cells = screen.line(line);
                    if cells.len() <= column {
                        let empty = Cell {
                            glyph: ' ',
                            style: Style::default(),
                        };
                        cells.resize(column + 1, empty);
                    }
                    cells[column] = Cell { glyph, style };
                    column += 1;
                }
            }
        }
        screen
    }

    fn line(&mut self, number: usize) -> &mut Vec<Cell> {
        if self.lines.len() <= number {
            self.lines.resize(number + 1, Vec::new());
        }
        &mut self.lines[number]
    }

    /// The QR code that is shown, on a terminal that writes `ink` on `paper` by itself; none where none can be read.
    pub fn qr(&self, ink: Colour, paper: Colour) -> Option<String> {
        let width = self.lines.iter().map(Vec::len).max()?;
        let pixel = |x: usize, y: usize| {
            let cell = self.lines.get(y / 2).and_then(|line| line.get(x));
            let Some(cell) = cell else { return paper };
            let mut sides = [
                cell.style.ink.unwrap_or(ink),
                cell.style.paper.unwrap_or(paper),
            ];
            if cell.style.reverse {
                sides.swap(0, 1);
            }
            let inked = match cell.glyph {
                '█' => true,
                '▀' => y.is_multiple_of(2),
                '▄' => !y.is_multiple_of(2),
                _ => false,
            };
            sides[usize::from(!inked)]
        };
        let grey = |x: usize, y: usize| {
            let sum: u16 = pixel(x / SCALE, y / SCALE).map(u16::from).iter().sum();
            u8::try_from(sum / 3).unwrap()
        };
        let (width, height) = (width * SCALE, self.lines.len() * 2 * SCALE);
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let grids = picture.detect_grids();
        let (_, text) = grids.first()?.decode().ok()?;
        Some(text)
    }
}

impl Style {
    fn change(&mut self, codes: &[u16]) {
        let mut codes = codes.iter().copied();
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.faint = true,
                7 => self.reverse = true,
                22 => (self.bold, self.faint) = (false, false),
                27 => self.reverse = false,
                30..=37 => self.ink = Some(palette(code - 30)),
                38 => self.ink = chosen(&mut codes),
                39 => self.ink = None,
                40..=47 => self.paper = Some(palette(code - 40)),
                48 => self.paper = chosen(&mut codes),
                49 => self.paper = None,
                90..=97 => self.ink = Some(palette(code - 82)),
                100..=107 => self.paper = Some(palette(code - 92)),
                _ => {}
            }
        }
    }
}

/// The rest of a control sequence: its numbers and its last letter.
fn escape(glyphs: &mut std::str::Chars<'_>) -> Option<(Vec<u16>, char)> {
    if glyphs.next()? != '[' {
        return None;
    }
    let mut numbers = String::new();
    let last = loop {
        match glyphs.next()? {
            glyph @ ('0'..='9' | ';') => numbers.push(glyph),
            '?' => {}
            last => break last,
        }
    };
    let numbers = numbers.split(';').map(|number| number.parse().unwrap_or(0));
    Some((numbers.collect(), last))
}

/// A colour that is named by more numbers.
fn chosen(codes: &mut impl Iterator<Item = u16>) -> Option<Colour> {
    match codes.next()? {
        2 => {
            let mut part = || u8::try_from(codes.next().unwrap_or(0)).ok();
            Some([part()?, part()?, part()?])
        }
        5 => codes.next().map(palette),
        _ => None,
    }
}

/// xterm's 256 colours.
fn palette(number: u16) -> Colour {
    const NAMED: [Colour; 16] = [
        [0, 0, 0],
        [205, 49, 49],
        [13, 188, 121],
        [229, 229, 16],
        [36, 114, 200],
        [188, 63, 188],
        [17, 168, 205],
        [229, 229, 229],
        [102, 102, 102],
        [241, 76, 76],
        [35, 209, 139],
        [245, 245, 67],
        [59, 142, 234],
        [214, 112, 214],
        [41, 184, 219],
        [255, 255, 255],
    ];
    let level = |step: u16| u8::try_from(if step == 0 { 0 } else { step * 40 + 55 }).unwrap_or(255);
    match number {
        0..16 => NAMED[usize::from(number)],
        16..232 => [(number - 16) / 36, (number - 16) / 6 % 6, (number - 16) % 6].map(level),
        _ => [u8::try_from((number - 232) * 10 + 8).unwrap_or(255); 3],
    }
}

/// Pixels of the picture that a QR reader sees, for each half of a character.
const SCALE: usize = 4;
