//! Somebody comes back with a ticket that is not his, or not any more (R08).

use rustix::process::Signal;

use crate::{
    arena::{Arena, SOURCE},
    code::PROTOCOL,
    ends::{Door, Listening},
    peer::{Heard, Peer},
    protocol::{Dialler, Settings, accept, stored, wire::clear},
};

/// A receiver that has agreed, and whose connection breaks after a block; the secret to come back with.
async fn be_cut(door: &Door) -> Vec<u8> {
    let mut peer = door.line().await.dial().await.unwrap();
    peer.hear(1).await.unwrap();
    peer.message(&accept(0, [0; 32])).await;
    peer.hear(3).await.unwrap();
    let master = peer.channel.master.clone();
    peer.line.cut().await;
    master
}

/// Comes back with this ticket, and proves what `change` leaves of the settings; the frame it is turned away with.
async fn come_back(
    door: &Door,
    master: &[u8],
    change: impl FnOnce(&mut Settings),
) -> Result<Peer, Vec<u8>> {
    let mut line = door.line().await;
    line.settings.before = Some(master.to_vec());
    line.settings.seed ^= 1;
    let mut dialler = Dialler::hello(line.settings.clone());
    change(&mut dialler.settings);
    line.prove(dialler).await
}

async fn refusal(back: Result<Peer, Vec<u8>>) -> Vec<u8> {
    back.err().expect("it is turned away")
}

/// The answer to a ticket that nobody waits for.
fn over() -> Vec<u8> {
    clear(5, &[6, 7, 0])
}

/// R08.
#[test]
fn a_ticket_is_good_for_its_owner_and_once() {
    let arena = Arena::new();
    let program = arena.sending(&[]);
    let peer = arena.receiver(async |door: Door| {
        let master = be_cut(&door).await;
        let mut other = master.clone();
        other[0] ^= 1;
        assert_eq!(
            refusal(come_back(&door, &other, |_| {}).await).await,
            over(),
            "of no session"
        );
        // The name of a ticket is public. A guess at its secret is none at the code: there may be any number of them.
        for _ in 0..5 {
            let knows_the_code = come_back(&door, &master, |settings| settings.before = None);
            assert_eq!(
                refusal(knows_the_code.await).await,
                clear(5, &[1, 7, 0]),
                "without its secret"
            );
        }
        let elsewhere = come_back(&door, &master, |settings| settings.exporter[0] ^= 1);
        assert_eq!(
            refusal(elsewhere.await).await,
            clear(5, &[1, 7, 0]),
            "on another connection"
        );
        let Ok(mut peer) = come_back(&door, &master, |_| {}).await else {
            panic!("its owner is turned away");
        };
        peer.hear(1).await.unwrap();
        peer.message(&accept(0, [0; 32])).await;
        peer.hear(3).await.unwrap();
        // a second time, while the session that it began is under way
        assert_eq!(
            refusal(come_back(&door, &master, |_| {}).await).await,
            over(),
            "used already"
        );
        assert_eq!(peer.finish().await.unwrap().len(), SOURCE);
        peer.part().await
    });
    let run = arena.watch(program, peer);
    assert_eq!(run.outcome.code, 0, "{}", run.outcome);
    for failed in run.outcome.events("auth_failed") {
        assert_eq!(failed["left"], 3, "no guess of the code: {}", run.outcome);
    }
    arena.assert_works();
}

/// R08.
#[test]
fn who_comes_back_is_held_to_the_protocol() {
    let arena = Arena::new();
    let program = arena.sending(&[]);
    let peer = arena.receiver(async |door: Door| {
        let master = be_cut(&door).await;
        let Ok(mut peer) = come_back(&door, &master, |_| {}).await else {
            panic!("its owner is turned away");
        };
        peer.hear(1).await.unwrap();
        // not taken for the one who agreed before it agrees again
        peer.message(&accept(1 << 40, [0; 32])).await;
        assert_eq!(peer.part().await.reason(), Some(6));
        let Ok(mut peer) = come_back(&door, &master, |_| {}).await else {
            panic!("its owner is turned away");
        };
        peer.hear(1).await.unwrap();
        peer.message(&accept(0, [0; 32])).await;
        peer.hear(4).await.unwrap();
        peer.message(&stored(&[7; 32], 0)).await;
        peer.part().await
    });
    let run = arena.watch(program, peer);
    arena.assert_fails_closed(&run, PROTOCOL, "another root of one who came back");
    arena.assert_works();
}

/// R08. A sender that comes back offers what the person agreed to.
#[test]
fn a_sender_that_comes_back_with_another_offer_is_refused() {
    let arena = Arena::new();
    let (port, peer) = arena.sender_of(async |listener: Listening| {
        let mut peer = listener.line().await.listen(|_, _| {}).await.unwrap();
        let offer = crate::protocol::Offer::file(5);
        assert!(peer.offer(&offer).await);
        let master = peer.channel.master.clone();
        peer.line.cut().await;
        let mut line = listener.line().await;
        (line.settings.before, line.settings.seed) = (Some(master), 0x51);
        let mut peer = line.listen(|_, _| {}).await.unwrap();
        let other = crate::protocol::Offer {
            name: b"other.txt".to_vec(),
            ..offer
        };
        peer.send(&other, b"hello").await;
        peer.part().await
    });
    let run = arena.run(arena.receiving(port, &["-y", "--json"]), peer);
    arena.assert_refuses(&run, PROTOCOL, "another offer");
    arena.assert_works();
}

/// R08. The session's end is the ticket's.
#[test]
fn a_ticket_of_a_session_that_is_over_is_worth_nothing() {
    let arena = Arena::new();
    let program = arena.sending(&["--keep"]);
    let (tell, told) = flume::bounded(1);
    let peer = arena.receiver(async move |door: Door| {
        let mut peer = door.line().await.dial().await.unwrap();
        let master = peer.channel.master.clone();
        peer.take().await.unwrap();
        peer.part().await;
        assert_eq!(
            refusal(come_back(&door, &master, |_| {}).await).await,
            over()
        );
        tell.send(()).unwrap();
        Heard::default()
    });
    told.recv().unwrap();
    program.signal(Signal::INT);
    let run = arena.watch(program, peer);
    assert_eq!(run.outcome.code, 130, "{}", run.outcome);
}
