//! The command line as clap sees it; what fits together is checked by each command.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Command as Clap, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use hayate::{Cipher, Compression, Lanes, Links, OnConflict};

use crate::{endpoint, failure::exit_codes_help, quantity};

/// Send files between the machines of one room: fast, encrypted, verified
#[derive(Debug, Parser)]
#[command(name = "hayate", version, after_help = after_help(), max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command for clap; its help names the rule for variables once instead of one at every option.
pub(crate) fn command() -> Clap {
    let hide = |command: Clap| command.mut_args(|argument| argument.hide_env(true));
    hide(Cli::command()).mut_subcommands(hide)
}

fn after_help() -> String {
    format!(
        "Every option --some-flag has a variable HAYATE_SOME_FLAG; a switch is on with 1.\n\n{}",
        exit_codes_help()
    )
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Offer files, directories or a text under a code phrase
    #[command(visible_alias = "tx", after_help = format!("{BROWSER_NOTICE}\n\n{}", after_help()))]
    Send(Box<SendArgs>),
    /// Find the sender of a code phrase and store what it offers
    #[command(visible_aliases = ["rx", "recv"], after_help = after_help())]
    Receive(Box<ReceiveArgs>),
    /// Measure this machine's disk, ciphers and network stack, or the link to another machine, and name the slowest
    #[command(after_help = after_help())]
    Bench(BenchArgs),
    /// Look for what makes transfers fail or slow on this machine, and say what to do about it
    #[command(after_help = after_help())]
    Doctor,
    /// Remove what failed transfers have left in a directory
    Clean {
        /// The directory that they were received in
        #[arg(default_value = ".")]
        directory: PathBuf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Write events to standard output, one JSON object a line, and only errors and questions to standard error
    #[arg(long, global = true, env = "HAYATE_JSON", value_parser = quantity::switch, help_heading = OUTPUT)]
    pub(crate) json: bool,
    /// Say nothing but errors and the code phrase
    #[arg(short, long, global = true, env = "HAYATE_QUIET", value_parser = quantity::switch, help_heading = OUTPUT)]
    pub(crate) quiet: bool,
    /// Say more: ciphers, ports, every skipped item
    #[arg(short, long, global = true, env = "HAYATE_VERBOSE", value_parser = quantity::switch, help_heading = OUTPUT)]
    pub(crate) verbose: bool,
    /// Colour the messages; auto follows the terminal and NO_COLOR
    #[arg(long, global = true, env = "HAYATE_COLOR", value_name = "WHEN", default_value = "auto", help_heading = OUTPUT)]
    pub(crate) color: Color,
    /// Show progress as a bar, as plain lines, or not; auto is a bar on a terminal
    #[arg(long, global = true, env = "HAYATE_PROGRESS", value_name = "HOW", default_value = "auto", help_heading = OUTPUT)]
    pub(crate) progress: ProgressMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    Auto,
    Bar,
    Plain,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Qr {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Files and directories to send; - sends standard input
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Use this code phrase instead of a new one; HAYATE_CODE keeps it out of the process list
    #[arg(short, long, env = "HAYATE_CODE", hide_env_values = true)]
    pub(crate) code: Option<String>,
    /// Words in a new code phrase, 3 to 8 [default: 3]
    #[arg(long, value_name = "N", env = "HAYATE_WORDS", value_parser = clap::value_parser!(u8).range(3..=8))]
    pub(crate) words: Option<u8>,
    /// Send a text instead of files; - reads it from standard input
    #[arg(
        short,
        long,
        value_name = "MSG",
        env = "HAYATE_TEXT",
        hide_env_values = true
    )]
    pub(crate) text: Option<OsString>,
    /// Offer it under this name
    #[arg(long, env = "HAYATE_NAME")]
    pub(crate) name: Option<String>,
    /// Serve this many receivers, then end [default: 1]
    #[arg(short = 'n', long, value_name = "N", env = "HAYATE_RECEIVERS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) receivers: Option<u32>,
    /// Serve receivers until interrupted
    #[arg(short, long, env = "HAYATE_KEEP", value_parser = quantity::switch)]
    pub(crate) keep: bool,
    /// Dial a receiver that runs with --listen instead of waiting to be found
    #[arg(long, value_name = "ADDR[:PORT]", env = "HAYATE_TO", value_parser = endpoint::peer, help_heading = NETWORK)]
    pub(crate) to: Option<String>,
    /// Use this network interface only
    #[arg(short, long, value_name = "NAME", env = "HAYATE_INTERFACE", value_parser = nonempty, help_heading = NETWORK)]
    pub(crate) interface: Option<String>,
    /// Use this address of this machine
    #[arg(long, value_name = "ADDR", env = "HAYATE_BIND", value_parser = endpoint::local, help_heading = NETWORK)]
    pub(crate) bind: Option<String>,
    /// Listen on this port, UDP and TCP [default: 50001, the next free one if it is taken]
    #[arg(short, long, value_name = "N", env = "HAYATE_PORT", help_heading = NETWORK)]
    pub(crate) port: Option<u16>,
    /// Do not serve browsers
    #[arg(long, env = "HAYATE_NO_WEB", value_parser = quantity::switch, help_heading = BROWSERS)]
    pub(crate) no_web: bool,
    /// Send browsers to this https URL, a copy of the page on a site they trust
    #[arg(long, value_name = "URL", env = "HAYATE_PAGE", value_parser = nonempty, help_heading = BROWSERS)]
    pub(crate) page: Option<String>,
    /// Show the address of the page as a QR code; auto is on a terminal with room for it
    #[arg(long, value_name = "WHEN", env = "HAYATE_QR", default_value = "auto", help_heading = BROWSERS)]
    pub(crate) qr: Qr,
    /// Leave out what matches this glob; may be given several times
    #[arg(long, value_name = "GLOB", env = "HAYATE_EXCLUDE", value_parser = nonempty)]
    pub(crate) exclude: Vec<String>,
    /// Leave out what .gitignore files name
    #[arg(long, env = "HAYATE_GITIGNORE", value_parser = quantity::switch)]
    pub(crate) gitignore: bool,
    /// Treat symbolic links so [default: skip]
    #[arg(long, value_name = "HOW", env = "HAYATE_LINKS", value_parser = links_parser())]
    pub(crate) links: Option<Links>,
    /// Compress: auto, off or a zstd level from 1 to 19 [default: auto]
    #[arg(long, value_name = "HOW", env = "HAYATE_COMPRESS", value_parser = compression)]
    pub(crate) compress: Option<Compression>,
    /// Seal with AES-256-GCM or ChaCha20-Poly1305 [default: auto, the faster one]
    #[arg(long, env = "HAYATE_CIPHER", value_parser = cipher_parser(), help_heading = NETWORK)]
    pub(crate) cipher: Option<Cipher>,
    /// Connections of the transfer: auto, quic, tcp, or 1 to 8 of QUIC, each on a core of its own [default: auto]
    #[arg(long, value_name = "HOW", env = "HAYATE_LANES", value_parser = lanes, help_heading = NETWORK)]
    pub(crate) lanes: Option<Lanes>,
    /// Send no faster than this, such as 2MB/s
    #[arg(long, value_name = "RATE", env = "HAYATE_LIMIT", value_parser = quantity::rate, help_heading = NETWORK)]
    pub(crate) limit: Option<u64>,
    /// List what would be sent and what would be skipped, and end
    #[arg(long, env = "HAYATE_DRY_RUN", value_parser = quantity::switch)]
    pub(crate) dry_run: bool,
    /// Give up when nobody came for this long, such as 90, 5m or 1h
    #[arg(long, value_name = "DUR", env = "HAYATE_TIMEOUT", value_parser = quantity::duration, help_heading = NETWORK)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// The code phrase the sender shows; asked for when left out
    #[arg(env = "HAYATE_CODE", hide_env_values = true)]
    pub(crate) code: Option<String>,
    /// Store in this directory, or under this name if it is not one; - writes to standard output
    #[arg(short, long, value_name = "PATH", env = "HAYATE_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Accept without asking
    #[arg(short, long, env = "HAYATE_YES", value_parser = quantity::switch)]
    pub(crate) yes: bool,
    /// What to do when the name is taken [default: ask, which fails where nobody can be asked]
    #[arg(long, value_name = "HOW", env = "HAYATE_ON_CONFLICT", value_parser = conflict_parser())]
    pub(crate) on_conflict: Option<OnConflict>,
    /// Dial this sender instead of looking for it
    #[arg(long, value_name = "ADDR[:PORT]", env = "HAYATE_FROM", value_parser = endpoint::peer, help_heading = NETWORK)]
    pub(crate) from: Option<String>,
    /// Wait for a sender that runs with --to, on this address or on all
    #[arg(long, value_name = "ADDR", env = "HAYATE_LISTEN", value_parser = endpoint::listen,
          num_args = 0..=1, require_equals = true, default_missing_value = endpoint::ANY, help_heading = NETWORK)]
    pub(crate) listen: Option<String>,
    /// Use this address of this machine
    #[arg(long, value_name = "ADDR", env = "HAYATE_BIND", value_parser = endpoint::local, help_heading = NETWORK)]
    pub(crate) bind: Option<String>,
    /// Use this network interface only
    #[arg(short, long, value_name = "NAME", env = "HAYATE_INTERFACE", value_parser = nonempty, help_heading = NETWORK)]
    pub(crate) interface: Option<String>,
    /// Refuse an offer larger than this, such as 500M or 1.5GiB
    #[arg(long, value_name = "SIZE", env = "HAYATE_MAX_SIZE", value_parser = quantity::size)]
    pub(crate) max_size: Option<u64>,
    /// Keep nothing when the transfer fails, and begin anew where something was kept
    #[arg(long, env = "HAYATE_NO_RESUME", value_parser = quantity::switch)]
    pub(crate) no_resume: bool,
    /// Seal with AES-256-GCM or ChaCha20-Poly1305 [default: auto, the faster one]
    #[arg(long, env = "HAYATE_CIPHER", value_parser = cipher_parser(), help_heading = NETWORK)]
    pub(crate) cipher: Option<Cipher>,
    /// Give up when no sender was found for this long, such as 90, 5m or 1h
    #[arg(long, value_name = "DUR", env = "HAYATE_TIMEOUT", value_parser = quantity::duration, help_heading = NETWORK)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The code phrase that the other machine shows; for --listen, the one to use instead of a new one
    #[arg(env = "HAYATE_CODE", hide_env_values = true)]
    pub(crate) code: Option<String>,
    /// Write the test file in this directory; it has no name and never stays [default: .]
    #[arg(long, env = "HAYATE_DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Measure with so many bytes instead of for so long, such as 500M or 1.5GiB
    #[arg(long, env = "HAYATE_SIZE", value_parser = quantity::size)]
    pub(crate) size: Option<u64>,
    /// Measure the link from the machine that runs with --listen to this one
    #[arg(long, value_name = "ADDR[:PORT]", env = "HAYATE_FROM", value_parser = endpoint::peer, help_heading = NETWORK)]
    pub(crate) from: Option<String>,
    /// Serve the measurement of a machine that runs with --from, on this address or on all
    #[arg(long, value_name = "ADDR", env = "HAYATE_LISTEN", value_parser = endpoint::listen,
          num_args = 0..=1, require_equals = true, default_missing_value = endpoint::ANY, help_heading = NETWORK)]
    pub(crate) listen: Option<String>,
}

const BROWSERS: &str = "Options for browsers";
const OUTPUT: &str = "Output options";
const NETWORK: &str = "Network options";

/// What receiving in a browser does not protect against.
const BROWSER_NOTICE: &str = "A browser that receives is protected against listeners, but not against someone who \
controls the network at the moment its page is loaded. On a network you do not trust use hayate on both ends, or \
--page, or compare the fingerprint of the certificate, which -v shows, with the one the browser shows.";

use clap::builder::{PossibleValuesParser, TypedValueParser};

fn links_parser() -> impl TypedValueParser<Value = Links> {
    choice(&[
        ("skip", Links::Skip),
        ("keep", Links::Keep),
        ("follow", Links::Follow),
    ])
}

fn cipher_parser() -> impl TypedValueParser<Value = Cipher> {
    choice(&[
        ("auto", Cipher::Auto),
        ("aes", Cipher::Aes),
        ("chacha", Cipher::ChaCha),
    ])
}

fn conflict_parser() -> impl TypedValueParser<Value = OnConflict> {
    choice(&[
        ("ask", OnConflict::Ask),
        ("rename", OnConflict::Rename),
        ("overwrite", OnConflict::Overwrite),
        ("skip", OnConflict::Skip),
        ("fail", OnConflict::Fail),
    ])
}

/// A closed set of words, each with the value of the library it stands for.
fn choice<T: Copy + Send + Sync>(
    choices: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(choices.iter().map(|(word, _)| *word)).try_map(move |given| {
        let found = choices.iter().find(|(word, _)| *word == given);
        found.map(|(_, value)| *value).ok_or("not one of the words")
    })
}

fn compression(text: &str) -> Result<Compression, String> {
    match text {
        "auto" => Ok(Compression::Auto),
        "off" => Ok(Compression::Off),
        level => match level.parse() {
            Ok(level @ 1..=19) => Ok(Compression::Level(level)),
            _ => Err("give auto, off or a level from 1 to 19".to_owned()),
        },
    }
}

fn lanes(text: &str) -> Result<Lanes, String> {
    match text {
        "auto" => Ok(Lanes::Auto),
        "quic" => Ok(Lanes::Quic(1)),
        "tcp" => Ok(Lanes::Tcp),
        count => match count.parse() {
            Ok(count @ 1..=8) => Ok(Lanes::Quic(count)),
            _ => Err("give auto, quic, tcp or a number from 1 to 8".to_owned()),
        },
    }
}

fn nonempty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("it is empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_has_its_variable() {
        let cli = command();
        for command in cli.get_subcommands().chain([&cli]) {
            for argument in command.get_arguments() {
                let Some(flag) = argument.get_long().filter(|flag| *flag != "help") else {
                    continue;
                };
                let variable = format!("HAYATE_{}", flag.replace('-', "_").to_uppercase());
                assert_eq!(
                    argument.get_env().and_then(|name| name.to_str()),
                    Some(&*variable)
                );
            }
        }
    }

    #[test]
    fn lanes_take_words_and_numbers() {
        assert_eq!(lanes("auto"), Ok(Lanes::Auto));
        assert_eq!(lanes("quic"), Ok(Lanes::Quic(1)));
        assert_eq!(lanes("tcp"), Ok(Lanes::Tcp));
        assert_eq!(lanes("8"), Ok(Lanes::Quic(8)));
        for wrong in ["", "0", "9", "-1", "udp", "2.0"] {
            assert!(lanes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn compression_takes_words_and_levels() {
        assert_eq!(compression("auto"), Ok(Compression::Auto));
        assert_eq!(compression("19"), Ok(Compression::Level(19)));
        for wrong in ["", "0", "20", "-1", "on", "1.5"] {
            assert!(compression(wrong).is_err(), "{wrong}");
        }
    }
}
