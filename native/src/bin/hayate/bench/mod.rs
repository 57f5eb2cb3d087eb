//! `hayate bench`: what a transfer could do here, part by part, and which part is the slowest.

mod blocks;
mod clock;
mod disk;
mod link;
mod loopback;
mod measured;
mod session;
mod verdict;

use std::{
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{ArgMatches, parser::ValueSource};
use hayate::{Error, ErrorKind, Event, HayateReceiver, HayateSender, Output, Payload};
use shared::code::Code;

#[cfg(test)]
pub(crate) use self::clock::Spent;
pub(crate) use self::{
    measured::{Measured, What},
    verdict::{Route, Verdict},
};
use crate::{
    args::{BenchArgs, Global},
    confine, endpoint,
    failure::Failure,
    interrupt::Interrupt,
    ui::{Role, Ui},
};

/// Measures what `args` ask for; `matches` say which options were typed.
pub(crate) fn run(
    args: BenchArgs,
    matches: &ArgMatches,
    global: &Global,
    start: Instant,
) -> Result<(), Failure> {
    let ui = Ui::new(global, Role::Bench, start);
    let result = check(&args, matches).and_then(|()| {
        ui.detail(&confine::receiver(Some(&directory(&args))).to_string());
        crate::block_on(bench(&args, &ui))
    });
    if let Err(failure) = &result {
        ui.failed(failure);
    }
    result
}

async fn bench(args: &BenchArgs, ui: &Ui) -> Result<(), Failure> {
    let route = match (&args.from, &args.listen) {
        (Some(_), _) => Route::To,
        (None, Some(_)) => Route::From,
        (None, None) => Route::Like,
    };
    let interrupt = Interrupt::default();
    // Who hears of the start may send a signal at once, and it counts.
    let begin = async {
        ui.start();
        here(args, route, ui).await
    };
    let mut measured = interrupt.or(begin).await??;
    let linked = match route {
        Route::Like => None,
        Route::From => Some(listen(args, ui, &interrupt).await),
        Route::To => Some(fetch(args, ui, &interrupt).await),
    };
    if let Some(linked) = linked.transpose()? {
        ui.measured(&linked);
        measured.push(linked);
    }
    if let Some(verdict) = Verdict::new(route, &measured, hayate::workers()) {
        ui.verdict(&verdict);
    }
    Ok(())
}

/// What concerns this machine alone, on a thread that need not be waited for when a signal comes.
async fn here(args: &BenchArgs, route: Route, ui: &Ui) -> Result<Vec<Measured>, Failure> {
    let (tell, told) = flume::unbounded();
    let (directory, size) = (directory(args), args.size);
    let work = move || {
        let mut told = |part: Measured| drop(tell.send(Ok(part)));
        let result = disk::measure(&directory, size, &mut told)
            .and_then(|()| blocks::measure(&mut told))
            .and_then(|()| match route {
                Route::Like => loopback::measure(&mut told),
                _ => Ok(()),
            });
        if let Err(error) = result {
            let _ = tell.send(Err(error));
        }
    };
    std::thread::Builder::new()
        .name("hayate-bench".into())
        .spawn(work)
        .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
    let mut measured = Vec::new();
    while let Ok(part) = told.recv_async().await {
        let part = part.map_err(|error| match error {
            Error::Disk { .. } => {
                Failure::from(error).hint("name a directory that can be written to: --dir DIR")
            }
            error => error.into(),
        })?;
        ui.measured(&part);
        measured.push(part);
    }
    Ok(measured)
}

/// Serves one machine that runs with `--from`.
async fn listen(args: &BenchArgs, ui: &Ui, interrupt: &Interrupt) -> Result<Measured, Failure> {
    let mut sender = HayateSender::new()
        .name("hayate-bench")
        .until(interrupt.clone().signal());
    if let Some(code) = args.code.as_deref().filter(|code| !code.is_empty()) {
        sender = sender.code(code);
    }
    match args.listen.as_deref() {
        None | Some(endpoint::ANY) => {}
        Some(address) => match address.parse::<SocketAddr>() {
            Ok(at) => sender = sender.bind(at.ip().to_string()).port(at.port()),
            Err(_) => sender = sender.bind(address),
        },
    }
    let events = ui.clone();
    let listener = move |event: &Event| events.linking(event);
    let bytes = args.size.unwrap_or(link::ENDLESS);
    interrupt.explain(link::send(sender, Payload::Noise(bytes), listener).await)
}

/// Has the machine at `--from` send.
async fn fetch(args: &BenchArgs, ui: &Ui, interrupt: &Interrupt) -> Result<Measured, Failure> {
    let receiver = HayateReceiver::new()
        .code(args.code.as_deref().unwrap_or_default())
        .target(args.from.as_deref().unwrap_or_default())
        .output(Output::Nowhere);
    let events = ui.clone();
    let listener = move |event: &Event| events.linking(event);
    let time = match args.size {
        Some(_) => Duration::MAX,
        None => LINK_TIME,
    };
    let stop = interrupt.clone().signal();
    let fetched = link::receive(receiver, What::Link, time, stop, listener).await;
    interrupt.explain(fetched.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::from(error).hint(
            "run hayate bench --listen on the other machine, and give the address that it shows",
        ),
        _ => error.into(),
    }))
}

fn directory(args: &BenchArgs) -> PathBuf {
    let directory = args.dir.as_deref().unwrap_or_else(|| Path::new("."));
    directory.to_owned()
}

/// Everything that can be known to be wrong before something is measured.
fn check(args: &BenchArgs, matches: &ArgMatches) -> Result<(), Failure> {
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    if args.listen.is_some() && args.from.is_some() {
        return Err(Failure::usage(
            "--listen waits for the other machine and --from dials it; leave out one of them",
        ));
    }
    if typed("code") && args.listen.is_none() && args.from.is_none() {
        return Err(Failure::usage(
            "a code phrase is for the link to another machine; add --from ADDRESS or --listen",
        ));
    }
    let code = args.code.as_deref().filter(|code| !code.is_empty());
    if args.from.is_some() && code.is_none() {
        return Err(Failure::usage(
            "no code phrase; hayate bench --listen on the other machine shows it",
        ));
    }
    if let Some(code) = code {
        Code::parse(code).map_err(|error| Failure::usage(error.to_string()))?;
    }
    if args.size == Some(0) {
        return Err(Failure::usage(
            "nothing takes no time; give a --size above 0",
        ));
    }
    if !directory(args).is_dir() {
        return Err(Failure::new(
            ErrorKind::Disk,
            format!("{} is no directory", crate::ui::place(&directory(args))),
        )
        .hint("name a directory that can be written to: --dir DIR"));
    }
    Ok(())
}

/// Reads what is there; the I/O ring that a thread had before may still interrupt it.
fn read_some(from: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// How long each part of this machine is measured.
const TIME: Duration = Duration::from_millis(500);
/// How long the link is measured.
const LINK_TIME: Duration = Duration::from_secs(3);
