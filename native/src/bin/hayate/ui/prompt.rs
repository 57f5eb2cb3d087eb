//! Questions to the person at the terminal, asked on standard error and answered on standard input.

use std::{
    io::{self, IsTerminal as _, Write as _},
    thread,
};

/// Whether somebody is there to be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Prints `question`, which must be harmless, and waits for a line; `None` at the end of the input (Ctrl-D).
///
/// A thread of its own reads, so that the session stays alive and Ctrl-C is heard while the person thinks.
pub(crate) async fn ask(question: &str) -> Option<String> {
    let mut err = io::stderr();
    let _ = write!(err, "{question}");
    let _ = err.flush();
    let (answer, answered) = flume::bounded(1);
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        let line = matches!(read, Ok(1..)).then(|| line.trim_end_matches(['\r', '\n']).to_owned());
        // nobody listens any more where the question was given up
        let _ = answer.send(line);
    });
    let answer = answered.recv_async().await.ok().flatten();
    if answer.is_none() {
        let _ = writeln!(err);
    }
    answer
}

/// Whether `answer` to a question with the given default means yes; `None` if it means nothing.
pub(crate) fn yes_or_no(answer: &str, default: bool) -> Option<bool> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "" => Some(default),
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clear_answers_count() {
        assert_eq!(yes_or_no("", true), Some(true));
        assert_eq!(yes_or_no(" ", false), Some(false));
        assert_eq!(yes_or_no("Y", false), Some(true));
        assert_eq!(yes_or_no("no", true), Some(false));
        assert_eq!(yes_or_no("yep?", true), None);
    }
}
