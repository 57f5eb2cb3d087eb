//! What `bench` and `doctor` found: tables for people and events for programs, both on standard output.

use std::net::SocketAddr;

use hayate::{DEFAULT_PORT, Event};

use super::{Ui, print_line, text};
use crate::{
    bench::{Measured, Verdict},
    doctor::Finding,
};

impl Ui {
    /// A row of what was measured.
    pub(crate) fn measured(&self, part: &Measured) {
        match &self.0.borrow().json {
            Some(json) => print_line(&json.measured(part)),
            None => print_line(&row(part)),
        }
    }

    /// The last line of a measurement.
    pub(crate) fn verdict(&self, verdict: &Verdict) {
        match &self.0.borrow().json {
            Some(json) => print_line(&json.verdict(verdict)),
            None => print_line(&format!("\n{}", verdict.sentence(text::binary_rate))),
        }
    }

    /// An event of a transfer that measures the link.
    pub(crate) fn linking(&self, event: &Event) {
        // what is offered has no end, and is over when there is enough
        if matches!(
            event,
            Event::Done { .. }
                | Event::Gathered { .. }
                | Event::Offered(_)
                | Event::Accepted { .. }
                | Event::Progress { .. }
        ) {
            return;
        }
        let mut screen = self.0.borrow_mut();
        screen.event(event);
        if let Event::Waiting {
            code, addresses, ..
        } = event
            && let Some(address) = reachable(addresses)
        {
            screen.say(&format!(
                "  On the other machine   hayate bench {code} --from {address}"
            ));
        }
    }

    /// One thing that was looked at.
    pub(crate) fn found(&self, finding: &Finding) {
        let screen = self.0.borrow();
        if let Some(json) = &screen.json {
            return print_line(&json.found(finding));
        }
        if screen.quiet && !finding.hinders() {
            return;
        }
        let line = format!(
            "{:<8} {:<12} {}",
            finding.level.name(),
            finding.what,
            finding.message
        );
        print_line(&text::harmless(&line));
        if let Some(advice) = &finding.advice {
            print_line(&format!("{:21} {}", "", text::harmless(advice)));
        }
    }

    /// How many things hinder.
    pub(crate) fn summed_up(&self, hindrances: u64) {
        match hindrances {
            0 => self.say("Nothing here hinders transfers."),
            count => self.say(&format!("{}.", text::plural(count, "warning"))),
        }
    }
}

/// `loopback: QUIC        0.91 GiB/s   1.10 CPU s/GiB`
fn row(part: &Measured) -> String {
    let rate = text::binary_rate(part.rate());
    let cpu = part.cpu().map(|cpu| format!("{cpu:>9.2} CPU s/GiB"));
    let row = format!(
        "{:<42}{rate:>12}{}",
        part.what.label(),
        cpu.unwrap_or_default()
    );
    row.trim_end().to_owned()
}

/// The address that another machine most likely reaches, with its port where that has to be said.
fn reachable(addresses: &[SocketAddr]) -> Option<String> {
    let far = |address: &&SocketAddr| {
        let scoped = matches!(address, SocketAddr::V6(v6) if v6.scope_id() != 0);
        !address.ip().is_loopback() && !scoped
    };
    let address = addresses.iter().find(far).or_else(|| addresses.first())?;
    Some(match address.port() {
        DEFAULT_PORT => text::host(address),
        _ => text::endpoint(address),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_machine_is_told_an_address_it_can_reach() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let all = [
            at("127.0.0.1:50001"),
            at("[fe80::1%2]:50001"),
            at("192.0.2.7:50001"),
        ];
        assert_eq!(reachable(&all).as_deref(), Some("192.0.2.7"));
        assert_eq!(reachable(&all[..1]).as_deref(), Some("127.0.0.1"));
        let other = reachable(&[at("[fd12::20]:50003")]);
        assert_eq!(other.as_deref(), Some("[fd12::20]:50003"));
        assert_eq!(reachable(&[]), None);
    }
}
