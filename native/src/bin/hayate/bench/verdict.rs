//! Which part is the slowest.

use shared::cipher::Suite;

use super::{
    blocks,
    measured::{Measured, What},
};

/// Where the slowest part is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// From this machine to one like it.
    Like,
    /// Over the link, from here.
    From,
    /// Over the link, to here.
    To,
}

/// A part in which a transfer may be slowest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stage {
    pub(crate) what: What,
    /// Bytes a second, on as many cores as a transfer uses.
    pub(crate) rate: f64,
    words: String,
}

/// The slowest part, and the one after it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) route: Route,
    pub(crate) slowest: Stage,
    pub(crate) next: Option<Stage>,
}

impl Verdict {
    /// Of what was measured; `None` where nothing of the path was. Blocks are worked on by so many `workers` at a time.
    pub(crate) fn new(route: Route, measured: &[Measured], workers: usize) -> Option<Self> {
        // A transfer takes the faster of the two.
        let carriers = [What::QuicEthernet, What::Tcp];
        let carried = measured.iter().filter(|part| carriers.contains(&part.what));
        let carrier = carried.max_by(|a, b| a.rate().total_cmp(&b.rate()));
        let others = measured
            .iter()
            .filter(|part| !carriers.contains(&part.what));
        let stages = others
            .chain(carrier)
            .filter_map(|part| Stage::of(route, part, workers));
        let mut stages: Vec<_> = stages.collect();
        stages.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let mut stages = stages.into_iter();
        Some(Self {
            route,
            slowest: stages.next()?,
            next: stages.next(),
        })
    }

    /// `A transfer … is limited by …`, with rates as `rate` writes them.
    pub(crate) fn sentence(&self, rate: impl Fn(f64) -> String) -> String {
        let path = match self.route {
            Route::Like => "A transfer between two machines like this one",
            Route::From => "A transfer from here over this link",
            Route::To => "A transfer to here over this link",
        };
        let Self { slowest, next, .. } = self;
        let next = next.as_ref().map(|next| {
            let Stage {
                rate: of, words, ..
            } = next;
            format!("; next comes {words}, {}", rate(*of))
        });
        format!(
            "{path} is limited by {}, {}{}.",
            slowest.words,
            rate(slowest.rate),
            next.unwrap_or_default()
        )
    }
}

impl Stage {
    fn of(route: Route, part: &Measured, workers: usize) -> Option<Self> {
        let (seal, open) = match blocks::fast() {
            Suite::Aes256Gcm => (What::SealAes, What::OpenAes),
            Suite::ChaCha20Poly1305 => (What::SealChaCha, What::OpenChaCha),
        };
        let (sends, receives) = (route != Route::To, route != Route::From);
        let cores = match workers {
            1 => "one core".to_owned(),
            count => format!("{count} cores"),
        };
        let (words, cores) = match part.what {
            What::DiskRead if sends => ("reading from the disk".to_owned(), 1),
            What::DiskFlush if receives => ("writing to the disk".to_owned(), 1),
            what if what == seal && sends => (format!("sealing on {cores}"), workers),
            what if what == open && receives => (format!("opening on {cores}"), workers),
            What::QuicEthernet if route == Route::Like => ("QUIC on one core".to_owned(), 1),
            What::Tcp if route == Route::Like => ("TCP on one core".to_owned(), 1),
            What::Link => (link(part), 1),
            _ => return None,
        };
        Some(Self {
            what: part.what,
            rate: part.rate() * cores as f64,
            words,
        })
    }
}

/// The link, and how busy it keeps the processor here: one that is busy may be what limits it.
fn link(part: &Measured) -> String {
    match part.spent.cpu {
        Some(cpu) => {
            let busy = cpu.as_secs_f64() / part.spent.wall.as_secs_f64().max(1e-9);
            format!("the link, which keeps {busy:.1} cores busy here")
        }
        None => "the link".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::clock::Spent;

    fn at(what: What, rate: u64) -> Measured {
        let wall = Duration::from_secs(1);
        Measured {
            what,
            bytes: rate,
            spent: Spent { wall, cpu: None },
        }
    }

    fn verdict(route: Route, parts: &[Measured]) -> Verdict {
        Verdict::new(route, parts, 2).unwrap()
    }

    #[test]
    fn the_slowest_part_of_the_path_is_named() {
        let parts = [
            at(What::DiskWrite, 1),
            at(What::DiskFlush, 50),
            at(What::DiskRead, 40),
            at(What::Hash, 2),
            at(What::SealAes, 15),
            at(What::SealChaCha, 15),
            at(What::OpenAes, 30),
            at(What::OpenChaCha, 30),
            at(What::QuicEthernet, 35),
            at(What::Tcp, 20),
        ];
        let like = verdict(Route::Like, &parts);
        let slowest = (like.slowest.rate, like.next.as_ref().unwrap().what);
        assert_eq!(slowest, (30.0, What::QuicEthernet));
        assert_eq!(
            like.sentence(|rate| format!("{rate} B/s")),
            "A transfer between two machines like this one is limited by sealing on 2 cores, 30 B/s; \
             next comes QUIC on one core, 35 B/s."
        );
        let linked: Vec<_> = parts.into_iter().chain([at(What::Link, 55)]).collect();
        assert_eq!(
            verdict(Route::From, &linked).next.unwrap().what,
            What::DiskRead
        );
        let to = verdict(Route::To, &linked);
        assert_eq!(
            (to.slowest.what, to.next.unwrap().what),
            (What::DiskFlush, What::Link)
        );
    }

    #[test]
    fn the_link_is_told_with_what_it_asks_of_the_processor() {
        let mut part = at(What::Link, 55);
        part.spent.cpu = Some(Duration::from_millis(800));
        let sentence = verdict(Route::To, &[part]).sentence(|rate| format!("{rate} B/s"));
        assert_eq!(
            sentence,
            "A transfer to here over this link is limited by the link, which keeps 0.8 cores busy here, 55 B/s."
        );
    }

    #[test]
    fn nothing_measured_is_no_verdict() {
        assert_eq!(Verdict::new(Route::Like, &[at(What::Hash, 1)], 1), None);
    }
}
