//! `hayate receive`: from arguments to a receiver, and the questions it asks.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{ArgMatches, parser::ValueSource};
use hayate::{Decision, ErrorKind, HayateReceiver, Offered, OnConflict, Output, Plan};
use shared::{Kind, code::Code};

use crate::{
    args::{Global, ReceiveArgs},
    confine, endpoint,
    failure::Failure,
    interrupt::Interrupt,
    send::skipped,
    ui::{Role, Ui, can_ask, describe, place},
};

/// Receives what is offered under the code; `matches` say which options were typed.
pub(crate) fn run(
    args: ReceiveArgs,
    matches: &ArgMatches,
    global: &Global,
    start: Instant,
) -> Result<(), Failure> {
    let ui = Ui::new(global, Role::Receiver, start);
    let result = check(&args, matches, &ui).and_then(|()| {
        ui.detail(&confine::receiver(place_of(args.out.as_deref()).as_deref()).to_string());
        crate::block_on(receive(args, &ui))
    });
    if let Err(failure) = &result {
        ui.failed(failure);
    }
    result
}

async fn receive(args: ReceiveArgs, ui: &Ui) -> Result<(), Failure> {
    let interrupt = Interrupt::default();
    let code = interrupt.or(code(&args, ui)).await??;
    ui.start();
    if args.listen.is_none() {
        ui.say("Looking for the sender.  Ctrl-C cancels.");
    }
    let receiver = receiver(&args, code, ui).until(interrupt.clone().signal());
    let decide = async |offered: &Offered, plan: &Plan| {
        let decision = decide(offered, plan, &args, ui).await;
        if decision == Decision::Decline {
            ui.declined(offered.peer);
        }
        decision
    };
    let received = receiver.run(decide).await;
    let received = interrupt.explain(received.map_err(|error| match error.kind() {
        ErrorKind::NotFound if args.from.is_some() => Failure::from(error).hint(
            "check that hayate send runs there; hayate doctor looks for what is in the way on either machine",
        ),
        _ => error.into(),
    }))?;
    ui.received(&received)?;
    match received.skipped {
        0 => Ok(()),
        count => Err(skipped(count, "stored")),
    }
}

fn receiver(args: &ReceiveArgs, code: String, ui: &Ui) -> HayateReceiver {
    /// Calls the setter of every option that is set.
    macro_rules! with {
        ($builder:expr, $($setter:ident: $value:expr),* $(,)?) => {{
            let builder = $builder;
            $(let builder = match $value { Some(value) => builder.$setter(value), None => builder };)*
            builder
        }};
    }
    let listen = args.listen.as_deref().map(|address| match address {
        endpoint::ANY => None,
        address => Some(address.to_owned()),
    });
    let events = ui.clone();
    with!(
        HayateReceiver::new().code(code).output(output(args.out.as_deref())),
        target: args.from.as_deref(),
        listen: listen,
        bind: args.bind.as_deref(),
        interface: args.interface.as_deref(),
        on_conflict: args.on_conflict,
        max_size: args.max_size,
        timeout: args.timeout,
        cipher: args.cipher,
    )
    .resume(!args.no_resume)
    .on_event(move |event| events.event(&event))
}

/// Where `-o` leads; whether a path is a directory to store in is looked at when the offer is known.
fn output(out: Option<&Path>) -> Output {
    match out {
        None => Output::Directory(PathBuf::from(".")),
        Some(out) if out == Path::new("-") => Output::Stdout,
        Some(out) => Output::Path(out.to_owned()),
    }
}

/// The directory that everything is written in, staging included; `None` for standard output.
fn place_of(out: Option<&Path>) -> Option<PathBuf> {
    let beside = |path: &Path| path.parent().map(Path::to_owned);
    match output(out) {
        Output::Stdout | Output::Nowhere => None,
        Output::Directory(path) => Some(path),
        Output::Path(path) if path.is_dir() => Some(path),
        Output::Path(path) => beside(&path).map(|parent| match parent.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => parent,
        }),
    }
}

/// The person's decision on an offer.
async fn decide(offered: &Offered, plan: &Plan, args: &ReceiveArgs, ui: &Ui) -> Decision {
    let destination = plan.destination();
    let startup = destination
        .as_deref()
        .is_some_and(|path| touches_home(offered, path));
    if args.yes && startup && !can_ask() {
        ui.warn("hidden files in the home directory can run programs; give another directory with --out");
        return Decision::Decline;
    }
    if args.yes && !startup {
        ui.say(&describe(offered));
    } else {
        let question = match (&offered.offer.kind, &destination) {
            (_, Some(destination)) => format!("Save to {}?", place(destination)),
            (Kind::Text, None) => "Show it?".to_owned(),
            (_, None) => "Write it to standard output?".to_owned(),
        };
        let question = format!("{}  {question}", describe(offered));
        if !ui.confirm(&question, !startup).await {
            return Decision::Decline;
        }
    }
    let asks = args.on_conflict.unwrap_or(OnConflict::Ask) == OnConflict::Ask;
    match destination {
        Some(_) if plan.taken() && asks && !can_ask() => Decision::AcceptAs(OnConflict::Fail),
        Some(taken) if plan.taken() && asks => {
            let problem = match &offered.offer.kind {
                Kind::Items { .. } => format!("Some of these names exist in {}.", place(&taken)),
                _ if taken.is_dir() => format!(
                    "{} exists; to overwrite is to replace all of it.",
                    place(&taken)
                ),
                _ => format!("{} exists.", place(&taken)),
            };
            ui.resolve(&problem)
                .await
                .map_or(Decision::Decline, Decision::AcceptAs)
        }
        _ => Decision::Accept,
    }
}

/// Whether hidden names would land in the home directory or in `/`, where programs read and run them.
fn touches_home(offered: &Offered, destination: &Path) -> bool {
    let hidden = |name: &[u8]| name.starts_with(b".");
    let directory = match &offered.offer.kind {
        Kind::Text => return false,
        Kind::Items { names } => {
            // the offer lists only so many names: behind a full list, anything may follow
            let all = names.len() < shared::MAX_TOP_LEVEL;
            if all && !names.iter().any(|name| hidden(name.as_bytes())) {
                return false;
            }
            Some(destination)
        }
        _ => {
            if !destination
                .file_name()
                .is_some_and(|name| hidden(name.as_encoded_bytes()))
            {
                return false;
            }
            destination.parent()
        }
    };
    let directory = directory
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let Ok(directory) = directory.canonicalize() else {
        return false;
    };
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    directory.parent().is_none() || home.is_some_and(|home| home == directory)
}

/// The code phrase, asked for if it was not given.
async fn code(args: &ReceiveArgs, ui: &Ui) -> Result<String, Failure> {
    if let Some(code) = args.code.as_deref().filter(|code| !code.is_empty()) {
        return parse(code);
    }
    let mut question = "Code phrase: ".to_owned();
    for left in (0..QUESTIONS).rev() {
        let Some(line) = ui.ask(&question).await else {
            break;
        };
        match Code::parse(&line) {
            Ok(code) => return Ok(code.to_string()),
            Err(error) if left == 0 => return Err(Failure::usage(error.to_string())),
            Err(error) => question = format!("({error}) Code phrase: "),
        }
    }
    Err(Failure::usage(
        "no code phrase was given; the sender shows it",
    ))
}

fn parse(code: &str) -> Result<String, Failure> {
    match Code::parse(code) {
        Ok(code) => Ok(code.to_string()),
        Err(error) => Err(Failure::usage(error.to_string())),
    }
}

/// Everything that can be known to be wrong before a file or the network is touched.
fn check(args: &ReceiveArgs, matches: &ArgMatches, ui: &Ui) -> Result<(), Failure> {
    let wrong = |message: &str| Err(Failure::usage(message));
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let stdout = args.out.as_deref() == Some(Path::new("-"));
    if args.listen.is_some() && args.from.is_some() {
        return wrong("--listen waits for the sender and --from dials it; leave out one of them");
    }
    if args.listen.is_some() && args.bind.is_some() {
        return wrong("give the address to --listen=ADDR and leave out --bind");
    }
    if args
        .out
        .as_deref()
        .is_some_and(|out| out.as_os_str().is_empty())
    {
        return wrong("--out is empty; name a directory or a file");
    }
    if stdout && ui.is_json() {
        return wrong("--json and -o - would both write to standard output; leave out one of them");
    }
    if stdout && typed("on_conflict") {
        return wrong("standard output has no name that could be taken; leave out --on-conflict");
    }
    if stdout && io::stdout().is_terminal() {
        return wrong(
            "-o - would write what comes to the terminal; redirect it to a file or a program",
        );
    }
    if args.code.as_deref().is_none_or(str::is_empty) && !can_ask() {
        return wrong(
            "no code phrase and no terminal to ask for it; give it as an argument or in HAYATE_CODE",
        );
    }
    if let Some(code) = args.code.as_deref().filter(|code| !code.is_empty()) {
        parse(code)?;
    }
    if !args.yes && !can_ask() {
        return wrong(
            "no terminal to ask for consent; --yes accepts what the holder of the code phrase offers",
        );
    }
    Ok(())
}

/// How often a mistyped code phrase may be typed anew.
const QUESTIONS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_names_a_path_or_a_pipe() {
        assert_eq!(output(None), Output::Directory(".".into()));
        assert_eq!(output(Some(Path::new("-"))), Output::Stdout);
        assert_eq!(output(Some(Path::new("new/"))), Output::Path("new/".into()));
    }
}
