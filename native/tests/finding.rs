//! Announcers and browsers of one machine, over its loopback.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use hayate::discover::{Announcement, Announcer, Browser, Found, Scope};
use shared::discovery::{Beacon, FLAG_RECEIVER, LENGTH, PORT};

/// Longer than it takes, shorter than it may take.
const SOON: Duration = Duration::from_secs(2);

/// Several gaps between announcements.
const A_WHILE: Duration = Duration::from_millis(2500);

/// Reaches every socket of this machine that hears the port.
const EVERYBODY: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 255, 255, 255), PORT);

#[test]
fn a_browser_finds_the_announcer_that_was_there_first() {
    let announcement = announcement();
    let _announcer = Announcer::start(announcement, loopback()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    let browser = Browser::start(announcement.channel, loopback()).unwrap();
    let found = find(&browser, announcement.session, SOON);
    assert_eq!(found, Some(expected(&announcement, Ipv4Addr::LOCALHOST)));
    eprintln!("found after {:?}", start.elapsed());
}

#[test]
fn a_browser_finds_the_announcer_that_comes_later() {
    let announcement = announcement();
    let browser = Browser::start(announcement.channel, loopback()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    let _announcer = Announcer::start(announcement, loopback()).unwrap();
    let found = find(&browser, announcement.session, SOON);
    assert_eq!(found, Some(expected(&announcement, Ipv4Addr::LOCALHOST)));
    eprintln!("found after {:?}", start.elapsed());
}

#[test]
fn they_find_each_other_over_ipv6_alone() {
    let scope = Scope {
        interface: None,
        address: Some(Ipv6Addr::LOCALHOST.into()),
    };
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    // Linux has no multicast on `lo`, and gives what is sent to ::1 to one of those that share the port: to the same one
    // as long as both ends keep their ports. On a network everybody hears the group.
    let found = (0..16).any(|_| {
        let announcement = announcement();
        let _announcer = Announcer::start(announcement, scope.clone()).unwrap();
        let browser = Browser::start(announcement.channel, scope.clone()).unwrap();
        let found = find(&browser, announcement.session, SOON / 2);
        found == Some(expected(&announcement, Ipv6Addr::LOCALHOST))
    });
    assert!(found);
}

#[test]
fn several_announcers_and_browsers_share_the_machine() {
    let first = announcement();
    let second = Announcement {
        session: announcement().session,
        port: 50005,
        ..first
    };
    let other = announcement();
    let _announcers = [first, second, other]
        .map(|announcement| Announcer::start(announcement, loopback()).unwrap());
    let browsers = [(); 2].map(|()| Browser::start(first.channel, loopback()).unwrap());
    let for_other = Browser::start(other.channel, loopback()).unwrap();
    for browser in &browsers {
        let mut sessions = [next(browser, SOON), next(browser, SOON)]
            .map(|found| found.map(|found| found.session));
        sessions.sort();
        let mut wanted = [Some(first.session), Some(second.session)];
        wanted.sort();
        assert_eq!(sessions, wanted);
    }
    assert!(find(&for_other, other.session, SOON).is_some());
}

#[test]
fn the_same_way_is_told_once_and_other_channels_only_in_the_summary() {
    let wanted = announcement();
    let other = announcement();
    let _announcers =
        [wanted, other].map(|announcement| Announcer::start(announcement, loopback()).unwrap());
    let browser = Browser::start(wanted.channel, loopback()).unwrap();
    assert!(find(&browser, wanted.session, SOON).is_some());
    let end = Instant::now() + A_WHILE;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if let Some(found) = next(&browser, left) {
            assert_ne!(found.session, wanted.session, "told twice: {found:?}");
            assert_ne!(found.session, other.session, "another channel: {found:?}");
        }
    }
    assert!(
        browser
            .seen()
            .iter()
            .any(|seen| seen.channel == other.channel)
    );
    assert_eq!(browser.warnings(), [""; 0]);
}

#[test]
fn a_flood_of_rubbish_does_not_hide_the_announcer() {
    let announcement = announcement();
    let browser = Browser::start(announcement.channel, loopback()).unwrap();
    let rubbish = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    rubbish.set_broadcast(true).unwrap();
    let good = Beacon::Announce(announcement).encode();
    for number in 0..10_000_usize {
        let mut bytes = good.to_vec();
        match number % 5 {
            0 => bytes.truncate(number % LENGTH),
            1 => bytes.push(0),
            2 => bytes[number / 5 % 5] ^= 0x80,
            3 => bytes[5..7].fill(0xff),
            _ => bytes[15..17].copy_from_slice(&80_u16.to_be_bytes()),
        }
        let _ = rubbish.send_to(&bytes, EVERYBODY);
    }
    assert_eq!(
        find(&browser, announcement.session, Duration::from_millis(300)),
        None
    );
    let _announcer = Announcer::start(announcement, loopback()).unwrap();
    let found = find(&browser, announcement.session, SOON);
    assert_eq!(found, Some(expected(&announcement, Ipv4Addr::LOCALHOST)));
}

#[test]
fn an_ask_is_answered_at_once_with_as_many_bytes() {
    let announcement = announcement();
    let _announcer = Announcer::start(announcement, loopback()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let asker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    asker.set_broadcast(true).unwrap();
    asker
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let ask = |channel| {
        asker
            .send_to(&Beacon::Ask { channel }.encode(), EVERYBODY)
            .unwrap()
    };
    let mut answer = [0; 100];

    ask(self::announcement().channel);
    assert!(
        asker.recv(&mut answer).is_err(),
        "a question for another channel was answered"
    );
    ask(announcement.channel);
    let length = asker.recv(&mut answer).expect("an answer comes");
    assert_eq!(
        Beacon::decode(&answer[..length]),
        Ok(Beacon::Announce(announcement))
    );
    assert!(asker.recv(&mut answer).is_err(), "one question, one answer");
}

#[test]
fn a_dropped_announcer_is_silent() {
    let announcement = announcement();
    let announcer = Announcer::start(announcement, loopback()).unwrap();
    let browser = Browser::start(announcement.channel, loopback()).unwrap();
    assert!(find(&browser, announcement.session, SOON).is_some());
    let start = Instant::now();
    drop((announcer, browser));
    assert!(
        start.elapsed() < Duration::from_millis(100),
        "a drop waits for nothing"
    );
    std::thread::sleep(Duration::from_millis(400));
    let browser = Browser::start(announcement.channel, loopback()).unwrap();
    assert_eq!(find(&browser, announcement.session, A_WHILE), None);
}

#[test]
fn an_announcement_nobody_would_hear_is_refused() {
    let (mut channel, mut port) = (announcement(), announcement());
    channel.channel = 1000;
    port.port = 443;
    for wrong in [channel, port] {
        let error = Announcer::start(wrong, loopback()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

fn loopback() -> Scope {
    Scope {
        interface: None,
        address: Some(Ipv4Addr::LOCALHOST.into()),
    }
}

/// On a channel of its own, so that the tests do not disturb one another; other processes hardly ever do.
fn announcement() -> Announcement {
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(getrandom::u32().unwrap() as u16 / 2));
    Announcement {
        channel: NEXT.fetch_add(1, Ordering::Relaxed) % 999 + 1,
        session: getrandom::u64().unwrap().to_be_bytes(),
        port: 50001,
        web_port: 50003,
        flags: FLAG_RECEIVER,
    }
}

fn expected(announcement: &Announcement, address: impl Into<IpAddr>) -> Found {
    Found {
        session: announcement.session,
        address: SocketAddr::new(address.into(), announcement.port),
        web_port: announcement.web_port,
        flags: announcement.flags,
    }
}

/// What the browser finds of one session.
fn find(browser: &Browser, session: [u8; 8], within: Duration) -> Option<Found> {
    let end = Instant::now() + within;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        let found = next(browser, left)?;
        if found.session == session {
            return Some(found);
        }
    }
    None
}

fn next(browser: &Browser, within: Duration) -> Option<Found> {
    let runtime = compio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        compio::time::timeout(within, browser.next())
            .await
            .ok()
            .flatten()
    })
}
