//! Questions to the person at the terminal, asked on standard error and answered on standard input.

use std::io::{self, IsTerminal as _, Write as _};

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A line, without its end.
    Line(String),
    /// Standard input ended (Ctrl-D).
    End,
    /// A signal came.
    Interrupted,
}

/// Whether somebody is there to be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Prints `question`, which must be harmless, and waits for a line.
pub(crate) fn ask(question: &str) -> Answer {
    let mut err = io::stderr();
    let _ = write!(err, "{question}");
    let _ = err.flush();
    let answer = read_line();
    if !matches!(answer, Answer::Line(_)) {
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

/// `poll` is not restarted after a signal, a plain read would be: Ctrl-C must reach us within the question.
#[cfg(unix)]
fn read_line() -> Answer {
    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::{Errno, read},
    };
    let stdin = io::stdin();
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None);
        match ready.and_then(|_| read(&stdin, &mut byte)) {
            Err(Errno::INTR) => return Answer::Interrupted,
            Ok(0) | Err(_) if line.is_empty() => return Answer::End,
            Ok(0) | Err(_) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if line.len() < LONGEST => line.push(byte[0]),
            Ok(_) => {}
        }
    }
    Answer::Line(
        String::from_utf8_lossy(&line)
            .trim_end_matches('\r')
            .to_owned(),
    )
}

#[cfg(not(unix))]
fn read_line() -> Answer {
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => Answer::End,
        Ok(_) => Answer::Line(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// Bytes of an answer that are looked at.
#[cfg(unix)]
const LONGEST: usize = 1_024;

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
