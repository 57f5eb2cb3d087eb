//! Tries at the code: what counts as one, and that there are three.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use compio::time::sleep;

use crate::{
    siege::{Siege, works},
    stranger::{ANSWER, Caller, SHARE, frame, hello, on, proof},
};

/// A04.
#[test]
fn a_stranger_who_hangs_up_before_the_proof_has_used_a_try() {
    let siege = Siege::start();
    let at = siege.target();
    for left in [2, 1, 0] {
        let called = on(siege.pair.net.c(), move || async move {
            let mut caller = Caller::dial(at, None).await;
            caller.say(hello()).await;
            let answer = caller.hear().await.unwrap();
            caller.close(0).await;
            answer
        });
        assert_eq!(called.join().unwrap()[0], ANSWER);
        siege.wait_for_left(left);
    }
    siege.burns();
}

/// A04. Who waits for the end of the time has used one as well.
#[test]
fn a_stranger_who_never_proves_has_used_a_try() {
    let siege = Siege::start();
    let at = siege.target();
    let start = Instant::now();
    let called = on(siege.pair.net.c(), move || async move {
        let mut caller = Caller::dial(at, None).await;
        caller.say(hello()).await;
        assert_eq!(caller.hear().await.unwrap()[0], ANSWER);
        caller.gone().await;
    });
    siege.wait_for_left(2);
    called.join().unwrap();
    assert!(
        (9..14).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
    siege.survives(1);
}

/// A05. Each has 10 s, and an honest receiver need not wait for them.
#[test]
fn silent_strangers_are_dropped_after_ten_seconds_and_use_no_try() {
    let siege = Siege::with(["--keep"]);
    let at = siege.target();
    let callers = [(); 2].map(|()| {
        on(siege.pair.net.c(), move || async move {
            let mut caller = Caller::dial(at, None).await;
            let start = Instant::now();
            caller.gone().await;
            start.elapsed()
        })
    });
    // both are inside when the honest one comes
    std::thread::sleep(Duration::from_secs(1));
    siege.honest(Duration::from_secs(8));
    for caller in callers {
        let took = caller.join().unwrap();
        assert!((9..13).contains(&took.as_secs()), "{took:?}");
    }
    let text = siege
        .sender
        .wait_for("output", |stdout, _| Some(stdout.to_owned()));
    assert!(!text.contains("auth_failed"), "{text}");
}

/// A05, N07. There are four places for strangers, two for an address; one who means it gets the first that is free.
#[test]
fn strangers_who_take_every_place_hold_up_a_receiver_and_do_not_shut_it_out() {
    let siege = Siege::start();
    let (at, c) = (siege.target(), siege.pair.net.c());
    let callers: Vec<_> = [100, 100, 101, 101]
        .map(|last| IpAddr::from([10, 77, 0, last]))
        .into_iter()
        .collect();
    for last in [100, 101] {
        c.ip(&format!("addr add 10.77.0.{last}/24 dev lan"));
    }
    let (inside, all) = std::sync::mpsc::channel();
    let callers: Vec<_> = callers
        .into_iter()
        .map(|from| {
            let inside = inside.clone();
            on(c, move || async move {
                let mut caller = Caller::dial(at, Some(from)).await;
                inside.send(()).unwrap();
                caller.gone().await;
            })
        })
        .collect();
    (0..callers.len()).for_each(|_| all.recv().unwrap());
    let start = Instant::now();
    siege.survives_within(Duration::from_secs(14), 0);
    println!("a receiver took {:?}", start.elapsed());
    assert!(start.elapsed() > Duration::from_secs(7), "there was room");
    for caller in callers {
        caller.join().unwrap();
    }
}

/// N09.
#[test]
fn a_first_message_that_comes_byte_by_byte_is_not_waited_for() {
    let siege = Siege::with(["--keep"]);
    let at = siege.target();
    let caller = on(siege.pair.net.c(), move || async move {
        let mut caller = Caller::dial(at, None).await;
        let (start, mut said) = (Instant::now(), 0);
        for byte in hello() {
            if !caller.say(vec![byte]).await {
                break;
            }
            said += 1;
            sleep(Duration::from_secs(1)).await;
        }
        (start.elapsed(), said)
    });
    std::thread::sleep(Duration::from_secs(2));
    siege.honest(Duration::from_secs(8));
    let (took, said) = caller.join().unwrap();
    assert!(
        said >= 5 && took < Duration::from_secs(15),
        "{said} bytes in {took:?}"
    );
    let text = siege
        .sender
        .wait_for("output", |stdout, _| Some(stdout.to_owned()));
    assert!(!text.contains("auth_failed"), "{text}");
}

/// A06.
#[test]
fn two_hundred_guessers_at_once_get_three_shares() {
    const ADDRESSES: u8 = 10;
    let siege = Siege::start();
    let (at, c) = (siege.target(), siege.pair.net.c());
    for last in 0..ADDRESSES {
        c.ip(&format!("addr add 10.77.0.{}/24 dev lan", 100 + last));
    }
    let shares = Arc::<AtomicUsize>::default();
    let dialled = Arc::<AtomicUsize>::default();
    let guessers: Vec<_> = (0..ADDRESSES)
        .map(|last| {
            let (shares, dialled) = (Arc::clone(&shares), Arc::clone(&dialled));
            let from = IpAddr::from([10, 77, 0, 100 + last]);
            on(c, move || async move {
                let guess = |_| {
                    let (shares, dialled) = (Arc::clone(&shares), Arc::clone(&dialled));
                    async move {
                        dialled.fetch_add(1, Ordering::Relaxed);
                        let Some(mut caller) = Caller::try_dial(at, Some(from)).await else {
                            return;
                        };
                        caller.say(hello()).await;
                        while let Some(heard) = caller.hear().await {
                            if heard[0] == ANSWER {
                                shares.fetch_add(1, Ordering::Relaxed);
                                caller.say(proof(&SHARE)).await;
                            }
                        }
                    }
                };
                futures_util::future::join_all((0..20).map(guess)).await;
            })
        })
        .collect();
    let (pair, sent) = siege.burned_by("10.77.0.10");
    for guesser in guessers {
        guesser.join().unwrap();
    }
    works(&pair);
    assert_eq!(dialled.load(Ordering::Relaxed), 200);
    assert_eq!(shares.load(Ordering::Relaxed), 3, "{sent}");
}

/// A08. M1 and M3 of a receiver that knows the code, as a rogue sender hears them, are worth nothing elsewhere.
#[test]
fn words_of_an_honest_receiver_cannot_be_said_again() {
    let siege = Siege::start();
    let (at, pair) = (siege.target(), &siege.pair);
    let rogue = crate::stranger::Rogue::start(pair.net.c(), |_| {
        crate::stranger::answer(&crate::packets::random::<32>(), &SHARE)
    });
    let received = pair.receive(["--from", "10.77.0.3", "--timeout", "5"]);
    // the rogue never confirms what it cannot know
    rogue.wait_for(5 + 76 + 5 + 64);
    drop(received);
    let words = rogue.stop().concat();
    let (first, third) = words.split_at(5 + words[4] as usize);
    assert_eq!((first[0], third[0], third.len()), (1, 3, 5 + 64));
    let (first, third) = (first.to_vec(), third.to_vec());
    let called = on(pair.net.c(), move || async move {
        let mut caller = Caller::dial(at, None).await;
        caller.say(first).await;
        assert_eq!(caller.hear().await.unwrap()[0], ANSWER);
        caller.say(third).await;
        caller.rest().await
    });
    let rest = called.join().unwrap();
    assert_eq!(
        rest,
        frame(5, &[1, 7, 2]),
        "the wrong code, and two tries left"
    );
    siege.wait_for_left(2);
    siege.survives(1);
}
