//! The word list: the 2048 English words of BIP-39 (with "lantern" for "lawsuit"), chosen so that four letters
//! tell any two apart.

use std::sync::LazyLock;

/// Bits of secrecy that one word of the list brings.
pub const BITS_PER_WORD: u32 = 11;

static WORDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("words.txt").lines().collect());

/// The word at an index; only the low 11 bits count.
pub fn word(index: u16) -> &'static str {
    WORDS[usize::from(index) & 0x7ff]
}

/// All words that begin with `prefix`, in alphabetical order.
pub fn complete(prefix: &str) -> &'static [&'static str] {
    let start = WORDS.partition_point(|word| *word < prefix);
    let count = WORDS[start..].partition_point(|word| word.starts_with(prefix));
    &WORDS[start..start + count]
}

/// The word that `input` is, or is the only possible beginning of.
pub fn find(input: &str) -> Option<&'static str> {
    match complete(input) {
        [only] => Some(only),
        [first, ..] if *first == input => Some(first),
        _ => None,
    }
}

/// The word of the list that differs least from `input`, where one is close enough to be a typing mistake.
pub fn nearest(input: &str) -> Option<&'static str> {
    WORDS
        .iter()
        .map(|word| (distance(input, word), *word))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, word)| word)
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(32).collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn list_has_2048_words_told_apart_by_four_letters() {
        let prefixes: HashSet<_> = WORDS
            .iter()
            .map(|word| word.chars().take(4).collect::<String>())
            .collect();
        assert_eq!(prefixes.len(), 2048);
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn unique_beginning_is_enough() {
        assert_eq!(find("vi"), None);
        assert_eq!(find("viol"), Some("violin"));
        assert_eq!(find("lant"), Some("lantern"));
        assert_eq!(
            find("act"),
            Some("act"),
            "a word is itself even where longer ones begin with it"
        );
        assert_eq!(find("zzz"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn typing_mistakes_find_the_nearest_word() {
        assert_eq!(nearest("coper"), Some("copper"));
        assert_eq!(nearest("vioiln"), Some("violin"));
        assert_eq!(nearest("qqqqqqq"), None);
    }
}
