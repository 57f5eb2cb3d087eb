//! A sender with the code and bad manners.

use hayate_shared::{
    BLOCK, Error, Reason, Receiver, Sealed, WINDOW,
    receiver::Request,
    tree::{BlockHash, Tree},
};

use super::{
    Channel, abort_of, hear,
    peer::{Header, Offer, abort, complete, start, wire::clear},
    receiver_of,
};

/// A receiver that waits for blocks.
pub(super) fn ready(offer: &Offer) -> (Receiver, Channel) {
    let (mut machine, mut keys, _) = receiver_of(1);
    machine.receive(&keys.message(&offer.encode()));
    assert!(matches!(hear(&mut machine).asked[..], [Request::Decide(_)]));
    machine.accept(Tree::new());
    let accept = keys.open(&hear(&mut machine).said).unwrap();
    assert_eq!(accept, [&[2][..], &[0; 40]].concat());
    machine.receive(&keys.message(&start(0)));
    (machine, keys)
}

pub(super) fn root(length: usize) -> [u8; 32] {
    blake3::hash(&vec![b'a'; length]).into()
}

/// The failure, after which nothing but one abort was said.
pub(super) fn failure(machine: &mut Receiver, keys: &mut Channel) -> Error {
    let heard = hear(machine);
    assert_eq!(abort_of(keys, &heard.said), 6, "a violation");
    assert!(heard.asked.is_empty(), "nothing is asked after a failure");
    heard.end.unwrap().unwrap_err()
}

/// The one block that is to be opened.
fn block(machine: &mut Receiver) -> Sealed {
    let asked = hear(machine).asked;
    match <[_; 1]>::try_from(asked) {
        Ok([Request::Open(sealed)]) => sealed,
        _ => panic!("one block"),
    }
}

#[test]
fn no_more_than_the_window_is_handed_out() {
    let (mut machine, mut keys) = ready(&Offer::file(40 * BLOCK as u64));
    for index in 0..40 {
        machine.receive(&keys.equal(index, index == 39, b'a', BLOCK));
    }
    let mut asked = hear(&mut machine).asked;
    assert_eq!(asked.len() as u64, WINDOW);
    assert!(machine.is_full());
    let Request::Open(sealed) = asked.remove(0) else {
        panic!("a block")
    };
    machine.opened(sealed.open().unwrap().receipt);
    assert_eq!(block(&mut machine).index(), WINDOW);
    machine.abort(Reason::Cancelled, "");
    assert!(!machine.is_full(), "what waited is forgotten");
    assert_eq!(abort_of(&mut keys, &hear(&mut machine).said), 1);
}

#[test]
fn window_begins_at_the_first_block_that_has_not_come() {
    // 30 blocks are here and none is opened yet: a sender with several workers may be 31 ahead of its own slowest.
    let (mut machine, mut keys) = ready(&Offer::file(99 * BLOCK as u64));
    for index in (0..30).chain([61]) {
        machine.receive(&keys.equal(index, false, b'a', BLOCK));
    }
    assert_eq!(hear(&mut machine).asked.len(), 31);
    machine.receive(&keys.equal(62, false, b'a', BLOCK));
    assert!(matches!(
        failure(&mut machine, &mut keys),
        Error::Unexpected(_)
    ));
}

#[test]
fn second_total_is_refused_while_blocks_are_out() {
    let (mut machine, mut keys) = ready(&Offer::file(5));
    let total = complete(1, 5, &root(5));
    machine.receive(&keys.equal(0, true, b'a', 5));
    machine.receive(&keys.message(&total));
    machine.receive(&keys.message(&total));
    assert!(matches!(
        failure(&mut machine, &mut keys),
        Error::Unexpected(_)
    ));
}

#[test]
fn block_behind_the_total_is_refused() {
    let (mut machine, mut keys) = ready(&Offer::stream());
    machine.receive(&keys.equal(0, false, b'a', BLOCK));
    machine.receive(&keys.message(&complete(1, BLOCK as u64, &root(BLOCK))));
    machine.receive(&keys.equal(1, true, b'a', 5));
    assert!(matches!(
        failure(&mut machine, &mut keys),
        Error::Unexpected(_)
    ));
}

#[test]
fn offers_do_not_change_while_the_person_reads_one() {
    let (mut machine, mut keys, _) = receiver_of(1);
    machine.receive(&keys.message(&Offer::file(5).encode()));
    let _ = hear(&mut machine);
    machine.receive(&keys.message(&Offer::file(6).encode()));
    assert!(matches!(
        failure(&mut machine, &mut keys),
        Error::Unexpected(_)
    ));
    machine.accept(Tree::new());
    assert!(hear(&mut machine).said.is_empty(), "nothing is accepted");
}

#[test]
fn sender_that_gives_up_is_heard_in_every_state() {
    let end = |machine: &mut Receiver, keys: &mut Channel| {
        machine.receive(&keys.message(&abort(1, b"")));
        let heard = hear(machine);
        assert!(heard.said.is_empty() && heard.asked.is_empty());
        assert!(matches!(
            heard.end,
            Some(Err(Error::Peer {
                reason: Reason::Cancelled,
                ..
            }))
        ));
    };
    let (mut machine, mut keys, _) = receiver_of(1);
    end(&mut machine, &mut keys);
    let (mut machine, mut keys, _) = receiver_of(1);
    machine.receive(&keys.message(&Offer::file(5).encode()));
    end(&mut machine, &mut keys);
    let (mut machine, mut keys) = ready(&Offer::file(5));
    machine.receive(&keys.equal(0, true, b'a', 5));
    end(&mut machine, &mut keys);
}

#[test]
fn flood_of_messages_ends_with_the_first() {
    let (mut machine, mut keys) = ready(&Offer::file(5));
    let flood: Vec<u8> = (0..10_000).flat_map(|_| keys.message(&start(0))).collect();
    machine.receive(&flood);
    machine.receive(&flood);
    assert!(matches!(
        failure(&mut machine, &mut keys),
        Error::Unexpected(_)
    ));
}

#[test]
fn block_of_another_session_does_not_open() {
    let (_, other) = {
        let (machine, keys, _) = receiver_of(2);
        (machine, keys)
    };
    let (mut machine, mut keys) = ready(&Offer::file(5));
    machine.receive(&other.equal(0, true, b'a', 5));
    let sealed = block(&mut machine);
    assert_eq!(sealed.open().unwrap_err(), Error::Tampered);
    machine.abort(Reason::Violation, "a block does not open");
    let heard = hear(&mut machine);
    assert_eq!(abort_of(&mut keys, &heard.said), 6);
}

#[test]
fn block_renumbered_with_its_seal_does_not_open() {
    let (mut machine, keys) = ready(&Offer::file(2 * BLOCK as u64));
    let mut first = keys.equal(0, false, b'a', BLOCK);
    first[8] = 1;
    first[9] = 3;
    machine.receive(&first);
    let sealed = block(&mut machine);
    assert_eq!(sealed.index(), 1);
    assert_eq!(sealed.open().unwrap_err(), Error::Tampered);
}

#[test]
fn kept_blocks_that_are_not_the_senders_are_found_out_at_the_end() {
    let kept = || {
        let mut tree = Tree::new();
        for index in 0..2 {
            tree.push(BlockHash::of(index, false, &vec![b'b'; BLOCK]));
        }
        tree
    };
    let length = 2 * BLOCK + 5;
    let run = |root: &[u8; 32]| {
        let (mut machine, mut keys, _) = receiver_of(1);
        machine.receive(&keys.message(&Offer::file(length as u64).encode()));
        let _ = hear(&mut machine);
        machine.accept(kept());
        let _ = hear(&mut machine);
        // It did not compare, or lies: the kept blocks are not those of its file.
        machine.receive(&keys.message(&start(2)));
        machine.receive(&keys.equal(2, true, b'a', 5));
        let sealed = block(&mut machine);
        machine.opened(sealed.open().unwrap().receipt);
        machine.receive(&keys.message(&complete(3, length as u64, root)));
        hear(&mut machine)
    };
    let heard = run(&root(length));
    assert!(matches!(heard.end, Some(Err(Error::Mismatch(_)))));
    let mixed = [vec![b'b'; 2 * BLOCK], vec![b'a'; 5]].concat();
    let heard = run(blake3::hash(&mixed).as_bytes());
    assert!(matches!(heard.asked[..], [Request::Commit]));
}

#[test]
fn start_anywhere_but_at_nothing_or_all_that_is_kept_is_refused() {
    for from in [1, 3, 32, u64::MAX] {
        let (mut machine, mut keys, _) = receiver_of(1);
        machine.receive(&keys.message(&Offer::file(9 * BLOCK as u64).encode()));
        let _ = hear(&mut machine);
        let mut kept = Tree::new();
        for index in 0..2 {
            kept.push(BlockHash::of(index, false, &vec![b'b'; BLOCK]));
        }
        machine.accept(kept);
        assert_eq!(keys.open(&hear(&mut machine).said).unwrap()[8], 2);
        machine.receive(&keys.message(&start(from)));
        assert!(matches!(
            failure(&mut machine, &mut keys),
            Error::Malformed(_)
        ));
    }
}

#[test]
fn success_is_not_undone() {
    let (mut machine, mut keys) = ready(&Offer::file(5));
    machine.receive(&keys.equal(0, true, b'a', 5));
    let sealed = block(&mut machine);
    machine.opened(sealed.open().unwrap().receipt);
    machine.receive(&keys.message(&complete(1, 5, &root(5))));
    assert!(matches!(hear(&mut machine).asked[..], [Request::Commit]));
    machine.committed(0);
    let stored = keys.open(&hear(&mut machine).said).unwrap();
    assert_eq!(stored, [&[5][..], &root(5), &[0; 8]].concat());
    machine.abort(Reason::Cancelled, "too late");
    machine.eof();
    let heard = hear(&mut machine);
    assert_eq!((heard.end, heard.said.len()), (Some(Ok(())), 0));
}

#[test]
fn total_before_the_files_are_durable_does_not_let_more_in() {
    let (mut machine, mut keys) = ready(&Offer::file(5));
    machine.receive(&keys.equal(0, true, b'a', 5));
    let sealed = block(&mut machine);
    machine.opened(sealed.open().unwrap().receipt);
    machine.receive(&keys.message(&complete(1, 5, &root(5))));
    let _ = hear(&mut machine);
    machine.receive(&keys.message(&Offer::file(6).encode()));
    assert!(matches!(
        failure(&mut machine, &mut keys),
        Error::Unexpected(_)
    ));
    machine.committed(0);
    assert!(hear(&mut machine).said.is_empty(), "nothing is claimed");
}

#[test]
fn clear_frames_after_the_keys_are_refused() {
    for kind in 1..=5 {
        let (mut machine, mut keys) = ready(&Offer::file(5));
        machine.receive(&clear(kind, &[1, 7]));
        assert!(matches!(
            failure(&mut machine, &mut keys),
            Error::Unexpected(_)
        ));
    }
}

#[test]
fn words_of_the_peer_never_reach_a_terminal_raw() {
    let mut controls: Vec<char> = (0..=0x9f_u8)
        .map(char::from)
        .filter(|c| c.is_control())
        .collect();
    controls.extend(
        "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{200b}\u{feff}\u{2028}".chars(),
    );
    for control in controls {
        let (mut machine, mut keys) = ready(&Offer::file(5));
        let detail = format!("a{control}b");
        machine.receive(&keys.message(&abort(7, detail.as_bytes())));
        let shown = hear(&mut machine).end.unwrap().unwrap_err().to_string();
        assert!(!shown.contains(control), "{control:?} in {shown:?}");
        assert!(shown.ends_with('b'), "{shown:?}");

        let (mut machine, mut keys, _) = receiver_of(1);
        let offer = Offer {
            name: detail.into_bytes(),
            ..Offer::file(5)
        };
        machine.receive(&keys.message(&offer.encode()));
        let heard = hear(&mut machine);
        let shown = match (&heard.end, &heard.asked[..]) {
            (Some(Err(error)), _) => error.to_string(),
            (None, [Request::Decide(offer)]) => offer.name.to_string(),
            _ => panic!("neither offer nor error"),
        };
        assert!(!shown.contains(control), "{control:?} in {shown:?}");
    }
}

#[test]
fn header_that_lies_about_its_content_is_found_out_behind_the_seal() {
    let packed = super::peer::equal_bytes(b'a', 1000);
    for length in [999, 1001, BLOCK] {
        let (mut machine, keys) = ready(&Offer::stream());
        machine.receive(&keys.block(Header::new(0, 3, length, packed.len()), &packed));
        let sealed = block(&mut machine);
        assert!(matches!(sealed.open(), Err(Error::Malformed(_))));
    }
}
