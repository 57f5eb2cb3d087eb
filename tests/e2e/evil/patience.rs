//! Peers that hold the code and take for ever (N09 to N11).

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use hayate_tests::{Outcome, Process};
use rustix::process::Signal;

use crate::{
    arena::Arena,
    code::{LOST, NOT_FOUND},
    ends::{Door, Run},
    peer::Heard,
    protocol::{BLOCK, Dialler, Offer, accept, wire::clear},
};

/// Longer than a connection may be silent.
const SILENCE: Duration = Duration::from_secs(18);
/// Longer than a peer that does nothing is waited for.
const GOOD: Duration = Duration::from_secs(330);
/// Until whatever can come has come.
const STALL: Duration = Duration::from_secs(3);

/// A file of many windows.
fn grow_source(arena: &mut Arena) {
    let file = fs::File::options()
        .write(true)
        .open(arena.base("source.bin"))
        .unwrap();
    file.set_len(96 << 20).unwrap();
    drop(file);
    arena.look_again();
}

/// Ctrl-C ends a program whose peer is there and does nothing.
#[track_caller]
fn assert_can_be_stopped(arena: &Arena, program: Process, end: impl FnOnce() -> Heard) {
    thread::sleep(STALL);
    program.signal(Signal::INT);
    let start = Instant::now();
    let outcome = program.finish();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    let run = Run::new(outcome, end(), start.elapsed());
    arena.assert_fails_closed(&run, 130, "stopped");
}

/// N09. Half a message, half a block, and not a byte more; the connection lives.
#[test]
fn a_sender_that_stalls_does_not_hold_the_person() {
    let arena = Arena::new();
    for stall in ["in an offer", "in a block"] {
        let (end, over) = flume::bounded::<()>(0);
        let (port, peer) = arena.sender(async move |line| {
            let mut peer = line.listen(|_, _| {}).await.unwrap();
            let offer = Offer::file(2 * BLOCK as u64);
            let begun = match stall {
                "in an offer" => peer.channel.message(&offer.encode())[..20].to_vec(),
                _ => {
                    assert!(peer.offer(&offer).await);
                    peer.channel.equal(0, false, b'z', BLOCK)[..40].to_vec()
                }
            };
            for byte in begun {
                peer.say(vec![byte]).await;
                compio::time::sleep(Duration::from_millis(20)).await;
            }
            let _ = over.recv_async().await;
            Heard::default()
        });
        let program = Process::start(arena.receiving(port, &["-y", "--json"]));
        assert_can_be_stopped(&arena, program, || {
            drop(end);
            peer.join().unwrap()
        });
    }
    arena.assert_works();
}

/// N09. A sender that shows no share within the deadline of the handshake is nobody.
#[test]
fn a_sender_that_stalls_in_the_handshake_is_given_up() {
    let arena = Arena::new();
    let (port, peer) = arena.sender(async |mut line| {
        line.hear().await;
        // byte by byte, one a second
        for byte in clear(2, &[0; 130]) {
            if !line.say(vec![byte]).await {
                break;
            }
            compio::time::sleep(Duration::from_secs(1)).await;
        }
        Heard::default()
    });
    let program = arena.receiving(port, &["-y", "--json", "--timeout", "12"]);
    let run = arena.run(program, peer);
    arena.assert_fails_closed(&run, NOT_FOUND, "no share");
    arena.assert_works();
}

/// N09. A receiver that is slow to say hello is no guess, and keeps nobody out.
#[test]
fn a_receiver_that_stalls_in_the_handshake_keeps_nobody_out() {
    let arena = Arena::new();
    let program = arena.sending(&[]);
    let (end, over) = flume::bounded::<()>(0);
    let (tell, told) = flume::bounded(1);
    let slow = arena.receiver(async move |door: Door| {
        let mut line = door.line().await;
        let hello = clear(1, &Dialler::hello(line.settings.clone()).m1);
        line.say(hello[..40].to_vec()).await;
        tell.send(()).unwrap();
        let _ = over.recv_async().await;
        Heard::default()
    });
    told.recv().unwrap();
    Process::start(arena.receiving(50001, &["-y", "--json"]))
        .finish()
        .expect(0);
    let sent = program.finish().expect(0);
    assert!(sent.events("auth_failed").is_empty(), "{sent}");
    drop(end);
    slow.join().unwrap();
}

/// N09. Nothing of a peer for 15 s, not even of its machine, and then it is gone.
#[test]
fn a_peer_that_falls_silent_is_lost() {
    let arena = Arena::new();
    let (port, peer) = arena.sender(async |line| {
        let mut peer = line.listen(|_, _| {}).await.unwrap();
        assert!(peer.offer(&Offer::file(2 * BLOCK as u64)).await);
        thread::sleep(SILENCE);
        Heard::default()
    });
    let run = arena.run(arena.receiving(port, &["-y", "--json"]), peer);
    arena.assert_fails_closed(&run, LOST, "a silent sender");
    arena.assert_works();
}

/// N10.
#[test]
fn a_receiver_that_falls_silent_is_lost() {
    let mut arena = Arena::new();
    grow_source(&mut arena);
    let program = arena.sending(&[]);
    let peer = arena.receiver(async |door: Door| {
        let mut peer = door.line().await.dial().await.unwrap();
        peer.hear(1).await.unwrap();
        peer.message(&accept(0, [0; 32])).await;
        thread::sleep(SILENCE);
        Heard::default()
    });
    let run = arena.watch(program, peer);
    arena.assert_fails_closed(&run, LOST, "a silent receiver");
}

/// N10, N11. The connection lives, and little or all the room of the protocol is announced.
#[test]
fn a_receiver_that_reads_no_further_takes_no_memory_and_does_not_hold_the_person() {
    let mut arena = Arena::new();
    grow_source(&mut arena);
    for window in [1 << 10, 64 << 20, u32::MAX >> 1] {
        let program = arena.sending(&[]);
        let (end, over) = flume::bounded::<()>(0);
        let peer = arena.receiver_with(window, async move |door: Door| {
            let mut peer = door.line().await.dial().await.unwrap();
            peer.hear(1).await.unwrap();
            peer.message(&accept(0, [0; 32])).await;
            let _ = over.recv_async().await;
            Heard::default()
        });
        assert_can_be_stopped(&arena, program, || {
            drop(end);
            peer.join().unwrap()
        });
    }
}

/// It says why, five minutes after the last that it heard.
#[track_caller]
fn assert_given_up(arena: &Arena, outcome: Outcome, heard: Heard, took: Duration) {
    let said = outcome.stderr.contains("nothing has moved for 5 minutes");
    assert!(said, "{outcome}");
    let late = took.checked_sub(Duration::from_secs(300)).unwrap();
    arena.assert_fails_closed(&Run::new(outcome, heard, late), LOST, "given up");
}

/// N09. Five minutes of nothing: nobody has to stand by.
#[test]
#[ignore = "takes five minutes"]
fn a_sender_that_stalls_for_good_is_given_up() {
    let arena = Arena::new();
    let (end, over) = flume::bounded::<()>(0);
    let (port, peer) = arena.sender(async move |line| {
        let mut peer = line.listen(|_, _| {}).await.unwrap();
        assert!(peer.offer(&Offer::file(2 * BLOCK as u64)).await);
        let _ = over.recv_async().await;
        Heard::default()
    });
    let start = Instant::now();
    let program = Process::start(arena.receiving(port, &["-y", "--json"]));
    let outcome = program.finish_within(GOOD);
    drop(end);
    assert_given_up(&arena, outcome, peer.join().unwrap(), start.elapsed());
}

/// N10. The same the other way round.
#[test]
#[ignore = "takes five minutes"]
fn a_receiver_that_reads_no_further_for_good_is_given_up() {
    let mut arena = Arena::new();
    grow_source(&mut arena);
    let program = arena.sending(&[]);
    let (end, over) = flume::bounded::<()>(0);
    let peer = arena.receiver_with(1 << 20, async move |door: Door| {
        let mut peer = door.line().await.dial().await.unwrap();
        peer.hear(1).await.unwrap();
        peer.message(&accept(0, [0; 32])).await;
        let _ = over.recv_async().await;
        Heard::default()
    });
    let start = Instant::now();
    let outcome = program.finish_within(GOOD);
    drop(end);
    assert_given_up(&arena, outcome, peer.join().unwrap(), start.elapsed());
}
