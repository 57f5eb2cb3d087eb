//! The command line of Hayate.
#![forbid(unsafe_code)]

mod args;
mod bench;
mod clean;
mod completions;
mod confine;
mod doctor;
mod endpoint;
mod failure;
mod interrupt;
mod man;
mod process;
mod quantity;
mod receive;
mod send;
mod ui;

use std::{ffi::OsString, future::Future, process::ExitCode, time::Instant};

use clap::{FromArgMatches as _, error::ErrorKind as Clap};
use hayate::ErrorKind;

use args::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    process::protect_memory();
    let start = Instant::now();
    match run(std::env::args_os().collect(), start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.exit_code()),
    }
}

/// Runs the command; a failure has been told to the person when it comes back.
fn run(words: Vec<OsString>, start: Instant) -> Result<(), Failure> {
    let json = words.iter().any(|word| word == "--json");
    let told = |failure: Failure| {
        ui::reject(&failure, json, start);
        failure
    };
    let mut matches = match args::command().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return explain(&error).map_err(told),
    };
    let matches_of_command = matches
        .subcommand()
        .map(|(_, matches)| matches.clone())
        .unwrap_or_default();
    let cli = Cli::from_arg_matches_mut(&mut matches)
        .map_err(|error| told(Failure::usage(one_line(&error.to_string()).0)))?;
    let global = &cli.global;
    match cli.command {
        Command::Send(args) => send::run(*args, &matches_of_command, global, start),
        Command::Receive(args) => receive::run(*args, &matches_of_command, global, start),
        Command::Bench(args) => bench::run(args, &matches_of_command, global, start),
        Command::Doctor => doctor::run(global, start),
        Command::Clean { directory } => clean::run(&directory).map_err(told),
        Command::Completions { shell } => completions::run(shell).map_err(told),
        Command::Man => man::run().map_err(told),
    }
}

/// Help and version go to standard output; everything else clap has to say becomes one line.
fn explain(error: &clap::Error) -> Result<(), Failure> {
    if matches!(error.kind(), Clap::DisplayHelp | Clap::DisplayVersion) {
        // a reader that has gone, as in `hayate --help | head`, is no failure
        let _ = error.print();
        return Ok(());
    }
    if error.kind() == Clap::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Failure::usage(
            "no command is given; try hayate send PATH, or hayate receive CODE",
        )
        .hint("hayate --help lists commands and options"));
    }
    let (message, tip) = one_line(&error.render().to_string());
    Err(Failure::usage(message)
        .hint(tip.unwrap_or_else(|| "hayate --help lists commands and options".to_owned())))
}

/// The message and the tip of a rendered error of clap.
fn one_line(rendered: &str) -> (String, Option<String>) {
    let mut paragraphs = rendered.split("\n\n");
    let join = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = join(paragraphs.next().unwrap_or_default());
    let tip = paragraphs
        .map(join)
        .find_map(|text| text.strip_prefix("tip: ").map(str::to_owned));
    let message = message
        .strip_prefix("error: ")
        .map(str::to_owned)
        .unwrap_or(message);
    (message, tip)
}

/// Runs `work` on a compio runtime of this thread.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match compio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(Failure::new(
            ErrorKind::Internal,
            format!("cannot start the I/O runtime: {error}"),
        )
        .hint(
            "the system may forbid io_uring and epoll to this process, or its limits are too low",
        )),
    }
}
