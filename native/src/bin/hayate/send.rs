//! `hayate send`: from arguments to a sender, and what it says on the way.

use std::{
    cell::Cell,
    io::{self, Read as _},
    path::Path,
    rc::Rc,
    time::Instant,
};

use clap::{ArgMatches, parser::ValueSource};
use hayate::{ErrorKind, Event, HayateSender, Payload};
use shared::code::Code;

use crate::{
    args::{Global, SendArgs},
    confine,
    failure::Failure,
    interrupt::Interrupt,
    ui::{Role, Ui},
};

/// Sends what `args` name; `matches` say which options were typed and which come from the environment.
pub(crate) fn run(
    args: SendArgs,
    matches: &ArgMatches,
    global: &Global,
    start: Instant,
) -> Result<(), Failure> {
    let ui = Ui::new(global, Role::Sender, start);
    ui.show_qr(args.qr);
    let result = check(&args, matches).and_then(|()| {
        ui.detail(&confine::sender().to_string());
        crate::block_on(send(args, &ui))
    });
    if let Err(failure) = &result {
        ui.failed(failure);
    }
    result
}

async fn send(args: SendArgs, ui: &Ui) -> Result<(), Failure> {
    let payload = payload(&args)?;
    if args.dry_run {
        return ui.list(&sender(&args).survey(&args.paths)?);
    }
    ui.start();
    if args.keep || args.receivers.is_some_and(|receivers| receivers > 1) {
        ui.expect_several();
    }
    let events = ui.clone();
    let interrupt = Interrupt::default();
    let left_out = Rc::new(Cell::new(0));
    let told = Rc::clone(&left_out);
    let sender = sender(&args)
        .on_event(move |event| {
            if let Event::Gathered { skipped, .. } = event {
                told.set(skipped);
            }
            events.event(&event);
        })
        .until(interrupt.clone().signal());
    let sent = interrupt.explain(sender.send_all(payload).await)?;
    // the receivers share one source, so the same items are missing everywhere
    let missing = sent.iter().map(|sent| sent.skipped).max().unwrap_or(0);
    match (left_out.get(), missing.saturating_sub(left_out.get())) {
        (0, 0) => Ok(()),
        (0, count) => Err(skipped(count, "stored by the receiver").hint("the receiver says why")),
        (count, _) => {
            Err(skipped(count, "sent").hint("hayate send --dry-run lists them with the reason"))
        }
    }
}

/// The failure of a transfer that went well except for `count` items.
pub(crate) fn skipped(count: u64, verb: &str) -> Failure {
    let items = if count == 1 {
        "1 item was".to_owned()
    } else {
        format!("{count} items were")
    };
    Failure::new(
        ErrorKind::Skipped,
        format!("done, but {items} skipped and not {verb}"),
    )
}

fn sender(args: &SendArgs) -> HayateSender {
    /// Calls the setter of every option that is set.
    macro_rules! with {
        ($builder:expr, $($setter:ident: $value:expr),* $(,)?) => {{
            let builder = $builder;
            $(let builder = match $value { Some(value) => builder.$setter(value), None => builder };)*
            builder
        }};
    }
    with!(
        HayateSender::new(),
        code: args.code.as_deref(),
        words: args.words.map(usize::from),
        name: args.name.as_deref(),
        receivers: args.receivers,
        keep: args.keep.then_some(true),
        target: args.to.as_deref(),
        interface: args.interface.as_deref(),
        bind: args.bind.as_deref(),
        port: args.port,
        exclude: (!args.exclude.is_empty()).then_some(&args.exclude),
        gitignore: args.gitignore.then_some(true),
        links: args.links,
        compress: args.compress,
        cipher: args.cipher,
        lanes: args.lanes,
        limit: args.limit,
        timeout: args.timeout,
        web: Some(!args.no_web),
        page: args.page.as_deref(),
    )
}

fn payload(args: &SendArgs) -> Result<Payload, Failure> {
    let Some(text) = &args.text else {
        return Ok(match args.paths.as_slice() {
            [path] if is_pipe(path) => Payload::Stdin,
            paths => Payload::Paths(paths.to_vec()),
        });
    };
    let not_text =
        || Failure::usage("the text is not UTF-8; send it as a file or as - instead of --text");
    if text != "-" {
        return text
            .to_str()
            .map(|text| Payload::Text(text.to_owned()))
            .ok_or_else(not_text);
    }
    let mut text = Vec::new();
    io::stdin()
        .take(LONGEST_TEXT + 1)
        .read_to_end(&mut text)
        .map_err(|error| {
            Failure::new(
                ErrorKind::Disk,
                format!("cannot read standard input: {error}"),
            )
        })?;
    if text.len() as u64 > LONGEST_TEXT {
        return Err(Failure::usage(
            "the text is longer than 1 MiB; send it as - instead of --text",
        ));
    }
    String::from_utf8(text)
        .map(Payload::Text)
        .map_err(|_| not_text())
}

/// Everything that can be known to be wrong before a file or the network is touched.
fn check(args: &SendArgs, matches: &ArgMatches) -> Result<(), Failure> {
    let wrong = |message: &str| Err(Failure::usage(message));
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let pipe = args.paths.iter().any(|path| is_pipe(path));
    let several = args.keep || args.receivers.is_some_and(|receivers| receivers > 1);
    if args.text.is_some() && !args.paths.is_empty() {
        return wrong("--text and a path cannot go together; send them one after the other");
    }
    if args.text.is_none() && args.paths.is_empty() {
        return wrong(
            "nothing to send; name a file or directory, - for standard input, or --text MSG",
        );
    }
    if args.paths.iter().any(|path| path.as_os_str().is_empty()) {
        return wrong("a path is empty; name a file or directory");
    }
    if pipe && args.paths.len() > 1 {
        return wrong(
            "- cannot go together with other paths; send standard input on its own (./- is a file of that name)",
        );
    }
    if pipe && several {
        return wrong(
            "standard input can be read only once, so it can go to one receiver; leave out --receivers and --keep",
        );
    }
    if args.keep && args.receivers.is_some() {
        return wrong("--keep serves any number of receivers; leave out --receivers or --keep");
    }
    if args.to.is_some() && several {
        return wrong("--to dials one receiver; leave out --receivers and --keep");
    }
    if args.to.is_some() && typed("port") {
        return wrong(
            "--port is for listening, and --to dials; give the receiver's port as --to ADDR:PORT",
        );
    }
    for (id, flag) in [("no_web", "--no-web"), ("page", "--page"), ("qr", "--qr")] {
        if args.to.is_some() && typed(id) {
            return Err(Failure::usage(format!(
                "{flag} is for senders that wait, and --to dials; leave it out"
            )));
        }
    }
    if args.no_web && args.page.is_some() {
        return wrong("--page is for browsers, and --no-web serves none; leave one of them out");
    }
    if args.code.is_some() && typed("words") {
        return wrong("--words is for a new code phrase; leave out --words or --code");
    }
    for (id, flag) in [
        ("exclude", "--exclude"),
        ("gitignore", "--gitignore"),
        ("links", "--links"),
        ("dry_run", "--dry-run"),
    ] {
        if typed(id) && (pipe || args.text.is_some()) {
            return Err(Failure::usage(format!(
                "{flag} has no effect without files; leave it out"
            )));
        }
    }
    if args.text.is_some() && typed("name") {
        return wrong("a text has no name; leave out --name");
    }
    if let Some(code) = &args.code {
        Code::parse(code).map_err(|error| Failure::usage(error.to_string()))?;
    }
    Ok(())
}

fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Bytes of a text; a receiver holds it in memory.
const LONGEST_TEXT: u64 = 1 << 20;
