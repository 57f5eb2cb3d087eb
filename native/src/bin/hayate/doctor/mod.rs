//! `hayate doctor`: what makes transfers fail or slow on this machine, and what to do about it.

mod firewall;
mod network;
mod sockets;
mod system;

use std::time::Instant;

use crate::{
    args::Global,
    confine,
    failure::Failure,
    ui::{Role, Ui},
};

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// As it should be.
    Fine,
    /// Worth knowing.
    Note,
    /// Transfers fail, or are slower than they could be.
    Warning,
}

impl Level {
    /// The word for people and programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
        }
    }
}

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at, as one word.
    pub(crate) what: &'static str,
    pub(crate) level: Level,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
}

impl Finding {
    fn fine(what: &'static str, message: impl Into<String>) -> Self {
        Self {
            what,
            level: Level::Fine,
            message: message.into(),
            advice: None,
        }
    }

    fn note(what: &'static str, message: impl Into<String>) -> Self {
        Self {
            level: Level::Note,
            ..Self::fine(what, message)
        }
    }

    fn warning(what: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::fine(what, message)
        }
        .advise(advice)
    }

    fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    /// Whether it is a warning.
    pub(crate) fn hinders(&self) -> bool {
        self.level == Level::Warning
    }
}

/// Looks at everything, and tells each thing as soon as it is known.
pub(crate) fn run(global: &Global, start: Instant) -> Result<(), Failure> {
    let ui = Ui::new(global, Role::Doctor, start);
    ui.start();
    // Nothing below writes a file, so that what a sender gives up is tried out here.
    let confined = confine::sender();
    let looks: [&dyn Fn() -> Vec<Finding>; 6] = [
        &sockets::buffers,
        &sockets::ports,
        &network::interfaces,
        &network::discovery,
        &firewall::signs,
        &|| system::all(confined),
    ];
    let mut hindrances = 0;
    for look in looks {
        for finding in look() {
            hindrances += u64::from(finding.hinders());
            ui.found(&finding);
        }
    }
    ui.summed_up(hindrances);
    match hindrances {
        0 => Ok(()),
        _ => {
            ui.failed(&Failure::Hindered);
            Err(Failure::Hindered)
        }
    }
}
