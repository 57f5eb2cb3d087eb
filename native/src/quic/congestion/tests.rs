//! What the window does on links of all kinds.

use super::simulation::{Link, Net};

/// A gigabit over some thousand kilometres, with a queue of one bandwidth-delay product.
const WAN: Link = Link {
    rate: 1000.0 * MBIT,
    round_trip: 0.02,
    queue: 2.5e6,
    loss: 0.001,
};

/// What flows contend for; a tenth of the packets of `WAN`, for the sake of the test's time.
const SHARED: Link = Link {
    rate: 100.0 * MBIT,
    round_trip: 0.02,
    queue: 250e3,
    loss: 0.0,
};

/// A port of 100 Mbit/s, and a switch with little memory.
const SLOW: Link = Link {
    rate: 100.0 * MBIT,
    round_trip: 0.001,
    queue: 262_144.0,
    loss: 0.0,
};

fn alone(link: Link, seconds: f64) -> Net {
    let mut net = Net::new(link).ours(0.0);
    net.run(seconds + 0.1);
    net
}

/// The share of the first of two flows from the third second to the thirteenth.
fn share(mut net: Net) -> f64 {
    net.run(13.1);
    let (first, second) = (net.rate(0, 3.0, 13.0), net.rate(1, 3.0, 13.0));
    assert!(first + second > 0.85 * net.link.rate, "{first} {second}");
    first / (first + second)
}

#[test]
fn fills_a_long_path_that_loses_one_in_a_thousand() {
    let net = alone(WAN, 3.0);
    assert!(net.rate(0, 0.5, 3.0) > 0.9 * WAN.rate);
    assert!(net.flows[0].loss() < 0.005, "{}", net.flows[0].loss());
}

#[test]
fn fills_a_long_path_without_a_flood() {
    let link = Link { loss: 0.0, ..WAN };
    let net = alone(link, 3.0);
    assert!(net.rate(0, 0.5, 3.0) > 0.9 * link.rate);
    assert!(net.flows[0].loss() < 0.005, "{}", net.flows[0].loss());
}

#[test]
fn takes_a_path_that_loses_much_for_what_it_is() {
    for (loss, least) in [(0.05, 0.7), (0.1, 0.6)] {
        let link = Link { loss, ..WAN };
        let net = alone(link, 3.0);
        assert!(net.rate(0, 0.5, 3.0) > least * link.rate, "{loss}");
    }
}

#[test]
fn reaches_the_rate_of_a_path_with_little_queue() {
    let link = Link {
        queue: 128e3,
        loss: 0.0,
        ..WAN
    };
    let net = alone(link, 5.0);
    assert!(net.rate(0, 1.0, 5.0) > 0.7 * link.rate);
    assert!(net.flows[0].loss() < 0.02, "{}", net.flows[0].loss());
}

#[test]
fn a_few_losses_on_a_lan_change_nothing() {
    let mut net = Net::new(Link {
        rate: 8000.0 * MBIT,
        round_trip: 0.0002,
        queue: 4e6,
        loss: 0.0,
    })
    .ours(0.0);
    net.flows[0].ahead = 4 << 20;
    net.run(0.25);
    net.lose(0.01);
    net.run(0.251);
    net.lose(0.0);
    net.run(0.55);
    assert!((1..100).contains(&(net.flows[0].lost / PACKET)));
    assert!(net.flows[0].windows.iter().all(|window| *window >= 4 << 20));
}

#[test]
fn does_not_flood_a_slow_port() {
    let net = alone(SLOW, 3.0);
    assert!(net.rate(0, 0.5, 3.0) > 0.98 * SLOW.rate);
    // CUBIC loses some 1650, and 540 of the initial window fit nowhere.
    assert!(net.flows[0].lost / PACKET < 900, "{}", net.flows[0].lost);
}

#[test]
fn a_deep_queue_stays_short() {
    let link = Link {
        rate: 10.0 * MBIT,
        round_trip: 0.02,
        queue: 1.25e6,
        loss: 0.0,
    };
    let net = alone(link, 6.0);
    assert!(net.rate(0, 2.0, 6.0) > 0.9 * link.rate);
    // There is a second of room.
    assert!(
        net.waits[20..].iter().all(|wait| *wait < 0.03),
        "{:?}",
        net.waits
    );
}

#[test]
fn finds_its_rate_again_after_an_outage() {
    let mut net = Net::new(SHARED).ours(0.0);
    net.run(1.0);
    net.lose(1.0);
    net.run(2.0);
    net.lose(0.0);
    net.run(5.1);
    assert!(net.rate(0, 3.0, 5.0) > 0.8 * SHARED.rate);
}

#[test]
fn two_flows_share_a_path() {
    for link in [
        SHARED,
        SLOW,
        Link {
            loss: 0.001,
            ..SHARED
        },
    ] {
        for (first, second) in [(0.0, 0.0), (0.0, 3.0)] {
            let share = share(Net::new(link).ours(first).ours(second));
            assert!((0.25..0.75).contains(&share), "{link:?} {second}: {share}");
        }
    }
}

#[test]
fn shares_a_path_with_tcp() {
    for link in [SHARED, SLOW] {
        for (ours, cubic) in [(0.0, 0.0), (0.0, 3.0), (3.0, 0.0)] {
            let share = share(Net::new(link).ours(ours).cubic(cubic));
            assert!(
                (0.25..0.75).contains(&share),
                "{link:?} {ours} {cubic}: {share}"
            );
        }
    }
}

/// Bytes a second.
const MBIT: f64 = 1e6 / 8.0;
/// Bytes.
const PACKET: u64 = 1490;
