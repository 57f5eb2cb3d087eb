//! `hayate completions SHELL`.

use clap_complete::{Shell, generate};

use crate::{args::command, failure::Failure, ui::write_stdout};

/// Prints the completion script for `shell`.
pub(crate) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(shell, &mut command(), "hayate", &mut script);
    write_stdout(&script)
}
