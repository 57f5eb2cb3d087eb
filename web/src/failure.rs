//! Errors in words for a person: what happened, and what to do next.

use shared::{Error, Reason, code::CodeError, path::escape};

/// What kind of thing went wrong, for the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The code phrase is not the sender's.
    WrongCode,
    /// What was typed is no code phrase.
    BadCode,
    /// The code phrase was tried too often.
    Burned,
    /// The sender serves somebody else.
    Busy,
    /// The connection was lost.
    Gone,
    /// The browser's storage.
    Disk,
    /// More than this browser takes.
    TooLarge,
    /// Content that is not safe to store.
    Unsafe,
    /// The offer was not wanted.
    Declined,
    /// The person here, or the sender, stopped.
    Cancelled,
    /// The sender could not go on.
    Failed,
    /// Versions do not fit.
    Version,
    /// The sender, or somebody between, broke the protocol.
    Protocol,
    /// A mistake in this page.
    Browser,
}

impl Kind {
    /// Its name in messages to the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongCode => "wrong-code",
            Self::BadCode => "bad-code",
            Self::Burned => "burned",
            Self::Busy => "busy",
            Self::Gone => "gone",
            Self::Disk => "disk",
            Self::TooLarge => "too-large",
            Self::Unsafe => "unsafe",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Version => "version",
            Self::Protocol => "protocol",
            Self::Browser => "browser",
        }
    }

    /// What the sender is told.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Disk | Self::TooLarge => Reason::Disk,
            Self::Unsafe => Reason::Unsafe,
            Self::Declined => Reason::Declined,
            Self::Cancelled => Reason::Cancelled,
            Self::Protocol => Reason::Violation,
            _ => Reason::Failed,
        }
    }
}

/// A failure as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub kind: Kind,
    /// What happened: a sentence. Names in it are escaped.
    pub message: String,
    /// What to do next: a sentence, or nothing.
    pub next: &'static str,
    /// Tries that are left for the code phrase, where the sender has said so.
    pub left: Option<u8>,
    /// Whether trying again with the same code phrase can help.
    pub retry: bool,
}

impl Failure {
    /// A failure without advice.
    pub fn new(kind: Kind, message: String) -> Self {
        Self {
            kind,
            message,
            next: "",
            left: None,
            retry: matches!(kind, Kind::Busy | Kind::Gone | Kind::Disk),
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, next: &'static str) -> Self {
        self.next = next;
        self
    }

    /// Somebody here stopped the transfer.
    pub(crate) fn stopped(kind: Kind) -> Self {
        let message = match kind {
            Kind::Declined => "Declined: nothing was received.",
            _ => "Cancelled: nothing was received.",
        };
        Self::new(kind, message.to_owned())
    }

    /// A text that this page does not show.
    pub(crate) fn text() -> Self {
        Self::new(
            Kind::Protocol,
            "The sender offered a text that is too long or is not Unicode.".to_owned(),
        )
        .next("Ask the sender to send it as a file.")
    }
}

impl From<CodeError> for Failure {
    fn from(error: CodeError) -> Self {
        Self::new(Kind::BadCode, sentence(&error.to_string()))
            .next("Type the code phrase as the sender's screen shows it.")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        const AGAIN: &str =
            "Try again. If it happens again, somebody may be tampering with this network.";
        match error {
            Error::WrongCode { left } => {
                let message = match left {
                    None => "This is not the sender's code phrase.".to_owned(),
                    Some(0) => {
                        "This is not the sender's code phrase, and it can be tried no more."
                            .to_owned()
                    }
                    Some(1) => {
                        "This is not the sender's code phrase. One try is left.".to_owned()
                    }
                    Some(left) => {
                        format!("This is not the sender's code phrase. {left} tries are left.")
                    }
                };
                let next = match left {
                    Some(0) => "Ask the sender for a new code phrase.",
                    _ => "Compare it with the one on the sender's screen.",
                };
                Self {
                    left,
                    retry: left != Some(0),
                    ..Self::new(Kind::WrongCode, message).next(next)
                }
            }
            Error::Burned => Self::new(
                Kind::Burned,
                "The code phrase was tried too often and is no longer valid.".to_owned(),
            )
            .next("Ask the sender for a new code phrase."),
            Error::Busy => Self::new(
                Kind::Busy,
                "The sender is busy with somebody else.".to_owned(),
            )
            .next("Wait until the sender is free, then try again."),
            Error::Version { theirs } => Self::new(
                Kind::Version,
                format!(
                    "The sender speaks version {theirs} of the protocol, this page version {}.",
                    shared::VERSION
                ),
            )
            .next("Reload this page from the sender's address."),
            Error::Unsafe(content) => Self::new(
                Kind::Unsafe,
                format!(
                    "Refused for safety: {}: \"{}\".",
                    content.what,
                    escape(&content.name).chars().take(300).collect::<String>()
                ),
            )
            .next("Nothing was kept. Ask the sender what was meant to be sent."),
            Error::Peer { reason, detail } => Self::peer(reason, &detail),
            Error::Disconnected => Self::new(
                Kind::Gone,
                "The connection to the sender was lost.".to_owned(),
            )
            .next("Check that the sender is still waiting and that both devices are in the same network, then try again."),
            Error::Ended(Reason::Declined) => Self::stopped(Kind::Declined),
            Error::Ended(_) => Self::stopped(Kind::Cancelled),
            error @ (Error::Tampered
            | Error::Malformed(_)
            | Error::Unexpected(_)
            | Error::Mismatch(_)) => {
                Self::new(Kind::Protocol, sentence(&error.to_string())).next(AGAIN)
            }
            error => Self::new(Kind::Browser, sentence(&error.to_string()))
                .next("Reload this page, then try again."),
        }
    }
}

impl Failure {
    fn peer(reason: Reason, detail: &str) -> Self {
        const ASK: &str = "Ask the sender to send it again.";
        match reason {
            Reason::Cancelled => Self::new(
                Kind::Cancelled,
                "The sender cancelled the transfer.".to_owned(),
            )
            .next(ASK),
            Reason::SourceChanged => Self::new(
                Kind::Failed,
                "A file changed while it was being sent.".to_owned(),
            )
            .next(ASK),
            reason if detail.is_empty() => {
                Self::new(Kind::Failed, format!("The sender {reason}.")).next(ASK)
            }
            reason => {
                let detail = escape(detail.as_bytes());
                Self::new(Kind::Failed, format!("The sender {reason}: {detail}.")).next(ASK)
            }
        }
    }
}

/// An error's own words as a sentence.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let end = match words.ends_with(['.', '?', '!']) {
        true => "",
        false => ".",
    };
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect::<String>() + end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::UnsafeContent;

    #[test]
    fn every_failure_is_a_sentence_with_hostile_words_escaped() {
        let hostile = "\u{1b}[2J\u{202e}<b>";
        let errors = [
            Error::WrongCode { left: Some(2) },
            Error::Burned,
            Error::Busy,
            Error::Version { theirs: 9 },
            Error::Tampered,
            Error::Malformed("x"),
            Error::Disconnected,
            Error::Unsafe(UnsafeContent {
                what: "a device",
                name: hostile.into(),
            }),
            Error::Peer {
                reason: Reason::Failed,
                detail: hostile.into(),
            },
            Error::Misuse("x"),
        ];
        for error in errors {
            let failure = Failure::from(error.clone());
            assert!(failure.message.ends_with('.'), "{failure:?}");
            assert!(failure.next.ends_with('.'), "{failure:?}");
            assert!(
                !failure.message.contains(['\u{1b}', '\u{202e}']),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_wrong_code_tells_how_many_tries_are_left() {
        let failure = |left| Failure::from(Error::WrongCode { left });
        assert!(failure(Some(1)).message.contains("One try") && failure(Some(1)).retry);
        assert!(failure(Some(0)).message.contains("no more") && !failure(Some(0)).retry);
        assert_eq!(failure(None).left, None);
    }
}
