//! How a command ends without success: one line, at most one hint, one exit code.

use hayate::{Error, ErrorKind};

use crate::interrupt::INTERRUPTED;

/// Why the process does not exit with 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to say.
    Said {
        /// What went wrong, for the line after `hayate: `.
        message: String,
        /// What to do about it.
        hint: Option<String>,
        /// The class of error.
        kind: ErrorKind,
    },
    /// A signal asked to stop; the exit code says which.
    Interrupted(u8),
    /// The doctor found something, and has said what.
    Hindered,
}

impl Failure {
    /// Options or arguments that make no sense; `message` says what to do.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A failure of `kind` without a hint.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Said {
            message: message.into(),
            hint: None,
            kind,
        }
    }

    /// Adds what to do.
    pub(crate) fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Said { message, kind, .. } => Self::Said {
                message,
                hint: Some(text.into()),
                kind,
            },
            silent => silent,
        }
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Said { kind, .. } => kind.exit_code(),
            Self::Interrupted(code) => *code,
            Self::Hindered => HINDERED,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        if kind == ErrorKind::Cancelled {
            return Self::Interrupted(INTERRUPTED);
        }
        let message = match kind {
            ErrorKind::DeclinedHere => "declined; nothing was stored".to_owned(),
            _ => error.to_string(),
        };
        let hint = match &error {
            Error::Network { .. } if kind == ErrorKind::Usage => {
                Some("choose another port or address: --port, --bind or --listen=ADDR:PORT")
            }
            _ => hint(kind),
        };
        Self::Said {
            message,
            hint: hint.map(str::to_owned),
            kind,
        }
    }
}

/// What usually helps.
fn hint(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => {
            "check that both machines are in one network, or name the sender's address: hayate receive CODE --from ADDRESS"
        }
        ErrorKind::Code => "compare the code phrase with the one the sender shows",
        ErrorKind::Declined => "ask the other side, then send again",
        ErrorKind::Protocol => {
            "run both sides again; if it happens again, somebody may be tampering with the network"
        }
        ErrorKind::Disconnected => "check the network of both machines and run both sides again",
        ErrorKind::Version => "install the same version of Hayate on both machines",
        _ => return None,
    })
}

/// The exit codes and what they mean: the table of `--help` and of the manual page.
pub(crate) const EXIT_CODES: [(&str, &str); 17] = [
    ("0", "everything sent or received, verified"),
    ("1", "internal error, a bug"),
    ("2", "usage"),
    ("3", "nobody found in time"),
    ("4", "wrong code, or the code is burned"),
    ("5", "the other side declined"),
    ("6", "declined here"),
    ("7", "the peer broke the protocol, or verification failed"),
    ("8", "this machine's disk: space, permission, name taken"),
    ("9", "connection lost; run both sides again to go on"),
    ("10", "unsafe content refused"),
    ("11", "a source file changed while being sent"),
    ("12", "done, but some items were skipped or failed"),
    ("13", "versions do not fit"),
    (
        "14",
        "the other side failed or cancelled (its reason is shown)",
    ),
    ("15", "the doctor found something that hinders transfers"),
    ("130, 143", "interrupted"),
];

/// Exit code of a doctor with warnings.
const HINDERED: u8 = 15;

/// [`EXIT_CODES`] for the end of `--help`.
pub(crate) fn exit_codes_help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in EXIT_CODES {
        text.push_str(&format!("  {code:<8}  {meaning}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_error_is_in_the_table() {
        use ErrorKind::*;
        for kind in [
            Internal,
            Usage,
            NotFound,
            Code,
            Declined,
            DeclinedHere,
            Protocol,
            Disk,
            Disconnected,
            Unsafe,
            SourceChanged,
            Skipped,
            Version,
            Peer,
            Cancelled,
        ] {
            let code = kind.exit_code().to_string();
            let listed = |(codes, _): &(&str, &str)| codes.split(", ").any(|listed| listed == code);
            assert!(EXIT_CODES.iter().any(listed), "{kind:?}");
        }
    }

    #[test]
    fn a_library_error_keeps_its_code_and_gets_a_hint() {
        let failure = Failure::from(Error::NotFound("nobody answered".to_owned()));
        assert_eq!(failure.exit_code(), 3);
        let Failure::Said { message, hint, .. } = failure else {
            panic!("a signal");
        };
        assert_eq!(message, "nobody answered");
        assert!(hint.is_some_and(|hint| hint.contains("--from")));
    }
}
