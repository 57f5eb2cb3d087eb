//! Code phrases: `7-copper-lantern-violin` is a public channel and three secret words (PROTOCOL.md, "Code phrases").

use std::fmt;

#[cfg(feature = "nfkc")]
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{codec::Encode, path::escape};

pub mod words;

/// Words in a generated code phrase where nobody asks for more: 33 bits, three guesses.
pub const DEFAULT_WORDS: usize = 3;

/// Most words in a code phrase.
pub const MAX_WORDS: usize = 8;

/// The highest channel; the lowest is 1.
pub const MAX_CHANNEL: u16 = 999;

/// Fewest characters of a phrase of the person's own.
const MIN_OWN: usize = 8;

/// Most bytes of any code phrase as typed.
const MAX_BYTES: usize = 256;

/// A code phrase in its one normal form; two peers that typed it differently hold equal values.
///
/// It has no readable `Debug`, and is wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Code {
    #[zeroize(skip)]
    channel: u16,
    phrase: String,
}

impl Code {
    /// Makes a code phrase for `channel` out of one random number for each word.
    ///
    /// The caller brings the randomness: `random` must come from the system's generator.
    pub fn generate(channel: u16, random: &[u16]) -> Self {
        let mut phrase = channel.clamp(1, MAX_CHANNEL).to_string();
        for index in random {
            phrase.push('-');
            phrase.push_str(words::word(*index));
        }
        Self {
            channel: channel.clamp(1, MAX_CHANNEL),
            phrase,
        }
    }

    /// Reads what a person typed: case, kind and number of separators, and Unicode form do not matter,
    /// and a word may be cut short as long as only one word of the list begins that way.
    ///
    /// # Errors
    /// [`CodeError`] says which word is wrong; nothing else was looked at, least of all the network.
    pub fn parse(typed: &str) -> Result<Self, CodeError> {
        if typed.len() > MAX_BYTES {
            return Err(CodeError::TooLong);
        }
        let normal = compatible(typed).to_lowercase();
        // Normalising may lengthen, and the normal form must itself be one that can be typed.
        if normal.len() > MAX_BYTES {
            return Err(CodeError::TooLong);
        }
        if normal.trim().is_empty() {
            return Err(CodeError::Empty);
        }
        if normal.trim().chars().any(char::is_control) {
            return Err(CodeError::Control);
        }
        let mut parts = normal.split(is_separator).filter(|part| !part.is_empty());
        let first = parts.next().ok_or(CodeError::Empty)?;
        let rest: Vec<&str> = parts.collect();
        if first.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::listed(first, &rest)
        } else {
            Self::own(first, &rest)
        }
    }

    fn listed(channel: &str, typed: &[&str]) -> Result<Self, CodeError> {
        let channel = channel
            .parse::<u16>()
            .ok()
            .filter(|channel| (1..=MAX_CHANNEL).contains(channel))
            .ok_or(CodeError::Channel)?;
        let mut phrase = channel.to_string();
        for word in typed {
            phrase.push('-');
            phrase.push_str(words::find(word).ok_or_else(|| unknown(word))?);
        }
        match typed.len() {
            0..DEFAULT_WORDS => Err(CodeError::TooFewWords(typed.len())),
            DEFAULT_WORDS..=MAX_WORDS => Ok(Self { channel, phrase }),
            _ => Err(CodeError::TooLong),
        }
    }

    fn own(first: &str, rest: &[&str]) -> Result<Self, CodeError> {
        if rest.len() + 1 >= DEFAULT_WORDS
            && rest
                .iter()
                .chain([&first])
                .all(|word| words::find(word).is_some())
        {
            return Err(CodeError::NoChannel);
        }
        let mut phrase = first.to_owned();
        for part in rest {
            phrase.push('-');
            phrase.push_str(part);
        }
        if phrase.chars().count() < MIN_OWN {
            return Err(CodeError::TooShort);
        }
        Ok(Self { channel: 0, phrase })
    }

    /// The public channel that discovery announces: 1 to 999, or 0 for a phrase of the person's own.
    pub fn channel(&self) -> u16 {
        self.channel
    }

    /// The password-related string of CPace: `lv("hayate/7 prs") || lv(normal form)`.
    pub(crate) fn prs(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let mut prs = zeroize::Zeroizing::new(Vec::with_capacity(self.phrase.len() + 32));
        prs.lv(b"hayate/7 prs").lv(self.phrase.as_bytes());
        prs
    }
}

/// The phrase itself, to be shown to the person who sends.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.phrase)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}-…)", self.channel)
    }
}

#[cfg(feature = "nfkc")]
fn compatible(typed: &str) -> String {
    typed.nfkc().collect()
}

/// The caller has done it.
#[cfg(not(feature = "nfkc"))]
fn compatible(typed: &str) -> &str {
    typed
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '_' | '.' | ',' | '\u{2010}'..='\u{2015}' | '\u{2212}'
        )
}

fn unknown(word: &str) -> CodeError {
    let candidates = words::complete(word);
    CodeError::UnknownWord {
        word: escape(word.as_bytes()),
        suggestion: match candidates {
            [] => words::nearest(word).map(|near| format!("did you mean \"{near}\"?")),
            [first, second, ..] => Some(format!(
                "it may be \"{first}\" or \"{second}\"; type more of it"
            )),
            [_] => None,
        }
        .unwrap_or_else(|| "look at the sender's screen again".to_owned()),
    }
}

/// Why a text is no code phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing was typed.
    #[error("the code phrase is empty")]
    Empty,
    /// More than 256 bytes or 8 words.
    #[error("the code phrase is too long: at most {MAX_WORDS} words and {MAX_BYTES} bytes")]
    TooLong,
    /// A control character.
    #[error("the code phrase holds a control character")]
    Control,
    /// The number in front is not 1 to 999.
    #[error("the number in front of a code phrase is 1 to {MAX_CHANNEL}")]
    Channel,
    /// Words of the list, but no number in front.
    #[error(
        "the number in front of the code phrase is missing: it looks like 7-copper-lantern-violin"
    )]
    NoChannel,
    /// Fewer than three words.
    #[error("the code phrase has {0} of at least {DEFAULT_WORDS} words")]
    TooFewWords(usize),
    /// A phrase of the person's own with fewer than 8 characters.
    #[error("a code phrase of your own has at least {MIN_OWN} characters")]
    TooShort,
    /// A word that is not on the list.
    #[error("\"{word}\" is not a word of code phrases: {suggestion}")]
    UnknownWord {
        /// The word, escaped.
        word: String,
        /// What may have been meant, for a sentence.
        suggestion: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(typed: &str) -> String {
        Code::parse(typed).expect(typed).to_string()
    }

    #[test]
    fn spelling_variants_are_one_code() {
        for typed in [
            "7-copper-lantern-violin",
            " 7  Copper LANTERN violin\n",
            "7_copper.lantern,violin",
            "007-copp-lant-violi",
            "７－ｃｏｐｐｅｒ－ｌａｎｔｅｒｎ－ｖｉｏｌｉｎ",
            "7–copper—lantern--violin-",
        ] {
            assert_eq!(parsed(typed), "7-copper-lantern-violin", "{typed:?}");
        }
    }

    #[test]
    fn decomposed_and_composed_letters_are_one_code() {
        assert_eq!(parsed("cafe\u{301}-au-lait"), parsed("caf\u{e9}-au-lait"));
    }

    #[test]
    fn unknown_word_is_named_with_a_suggestion() {
        let error =
            Code::parse("7-coper-violin-violin").expect_err("a word that is not on the list");
        assert_eq!(
            error.to_string(),
            "\"coper\" is not a word of code phrases: did you mean \"copper\"?"
        );
    }

    #[test]
    fn hostile_and_unusable_input_is_refused() {
        use CodeError::*;
        let long = "a".repeat(10_000);
        for (typed, error) in [
            ("", Empty),
            (" - - ", Empty),
            ("\n\t", Empty),
            ("abc", TooShort),
            ("1234567", Channel),
            ("0-copper-violin-violin", Channel),
            ("1000-copper-violin-violin", Channel),
            ("7", TooFewWords(0)),
            ("7-copper-violin", TooFewWords(2)),
            ("copper-violin-zoo", NoChannel),
            ("secret\0phrase", Control),
            ("\u{1b}[2Jsecretphrase", Control),
            (&long, TooLong),
            ("7-zoo-zoo-zoo-zoo-zoo-zoo-zoo-zoo-zoo", TooLong),
        ] {
            assert_eq!(Code::parse(typed).expect_err(typed), error, "{typed:?}");
        }
    }

    #[test]
    fn own_phrase_has_channel_0() {
        let code = Code::parse("Correct Horse 🐴").expect("an own phrase");
        assert_eq!(
            (code.channel(), code.to_string().as_str()),
            (0, "correct-horse-🐴")
        );
    }

    #[test]
    fn generated_code_reads_back_as_itself() {
        let code = Code::generate(7, &[0, 2047, 65_535]);
        assert_eq!(code.to_string(), "7-abandon-zoo-zoo");
        assert_eq!(Code::parse(&code.to_string()), Ok(code));
    }

    #[test]
    fn debug_shows_no_word() {
        assert_eq!(format!("{:?}", Code::generate(7, &[1, 2, 3])), "Code(7-…)");
    }
}
