//! What an erased user wrote: hidden at once wherever it stands, gone from the index after its chunks are written anew,
//! and nothing else changed by it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::{
    engine::IndexBatch,
    record_samples::{DAY, Samples},
};
use crate::model::{
    Content, ConversationId, Effect, Erasure, Seq, TimeMs, UserId, Version,
    record::{Message, ReceiptDay},
};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);

fn conversation() -> ConversationId {
    ConversationId::direct(ANN, BOB, 0)
}

/// Twelve messages in chunks of four, written in turn.
fn written() -> Samples {
    let mut store = Samples::new();
    for number in 0..12 {
        let (sender, peer) = if number % 2 == 0 { (1, 2) } else { (2, 1) };
        store.say(sender, peer, &format!("said {number}"));
        if number % 4 == 3 {
            store.index_all();
        }
    }
    store
}

fn erase(store: &mut Samples, user: UserId) {
    let begun = Version(store.tail.durable().0 + 1);
    store.publish(vec![
        Effect::AccountGone { user, name: None },
        Effect::Erasure(Erasure::begun(user, TimeMs(5), begun)),
    ]);
}

fn log(store: &Samples) -> Vec<Message> {
    store.view().range(conversation(), (Seq(1), Seq(u64::MAX)), 99, usize::MAX).unwrap().0
}

/// The log as it was, with nothing that Ann wrote.
fn without_ann(log: Vec<Message>) -> Vec<Message> {
    log.into_iter().map(|message| if message.sender == ANN { message.erased() } else { message }).collect()
}

/// Whether the index has these letters anywhere.
fn index_has(store: &Samples, letters: &[u8]) -> bool {
    let mut has = false;
    store
        .engine
        .scan(&[], None, super::engine::Direction::Forward, &mut |_, value| {
            has |= value.windows(letters.len()).any(|window| window == letters);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    has
}

fn rewrite_all(store: &Samples) -> usize {
    let users = BTreeSet::from([ANN]);
    let (mut from, mut count) = (Seq(1), 0);
    loop {
        let found = store.view().erased_chunks(conversation(), &users, from, 1).unwrap();
        let mut batch = IndexBatch::new();
        count += found.rewrites.len();
        for (key, value) in found.rewrites {
            batch.put(&key, value).unwrap();
        }
        store.engine.apply(&batch).unwrap();
        let Some(next) = found.next else { return count };
        from = next;
    }
}

#[test]
fn it_is_hidden_from_the_moment_that_is_durable() {
    for indexed in [false, true] {
        let mut store = written();
        if indexed {
            store.index_all();
        } else {
            for number in 12..14 {
                store.say(1, 2, &format!("said {number}"));
            }
        }
        let (before, held) = (log(&store), store.view());
        let due = without_ann(before.clone());
        assert_ne!(due, before);
        erase(&mut store, ANN);
        assert_eq!(log(&store), due, "by seq");
        // A read that began before ends as if it began after.
        assert_eq!(held.range(conversation(), (Seq(1), Seq(99)), 99, usize::MAX).unwrap().0, due);
        let page = store.view().inbox_above(BOB, Version(0), 99, usize::MAX).unwrap();
        assert_eq!(page.into_iter().map(|entry| entry.message).collect::<Vec<_>>(), due, "in a page");
        if !indexed {
            let push = store.tail.inbox_above(BOB, Version(12), store.tail.durable(), 99).unwrap().0;
            assert_eq!(push.len(), 2);
            assert!(push.iter().all(|entry| entry.message.content == Content::Erased), "in a push");
        }
        // What came after the chunks of before is written without it.
        store.index_all();
        assert!(!index_has(&store, b"said 12"));
        assert_eq!(log(&store), due);
    }
}

#[test]
fn its_chunks_are_written_anew_and_say_the_same_of_everything_else() {
    let mut store = written();
    let before = log(&store);
    let receipts = |store: &Samples| store.view().receipts(ReceiptDay { user: ANN, day: DAY }).unwrap();
    let known = receipts(&store);
    erase(&mut store, ANN);
    assert!(store.view().erasures_under_way(9).unwrap().is_empty(), "the index lacks what was written last");
    store.index_all();
    assert_eq!(store.view().erasures_under_way(9).unwrap().len(), 1);
    assert!(index_has(&store, b"said 0") && index_has(&store, b"said 10"));
    assert_eq!(rewrite_all(&store), 3);
    assert_eq!(rewrite_all(&store), 0, "there is nothing left to do");
    for number in 0..12 {
        let text = format!("said {number}");
        // Of "said 1" the letters are in "said 11" too, which Bob wrote.
        let is_there = index_has(&store, text.as_bytes());
        assert_eq!(is_there, number % 2 == 1, "{text}");
    }
    assert_eq!(log(&store), without_ann(before));
    assert_eq!(receipts(&store), known, "what was sent is still recognised");
}

#[test]
fn a_chunk_that_an_index_step_may_write_again_is_left_alone() {
    let mut store = written();
    store.say(1, 2, "not yet");
    let last = store.say(2, 1, "indexed");
    // The step is cut off before its reach.
    store.index_cut(store_batches(&store) - 1);
    let users = BTreeSet::from([ANN]);
    let found = store.view().erased_chunks(conversation(), &users, Seq(13), 9).unwrap();
    assert_eq!((found.rewrites.len(), found.looked), (0, 1), "below {last}");
}

/// In how many batches the next index step is applied.
fn store_batches(store: &Samples) -> usize {
    let records = store.tail.unindexed(usize::MAX);
    let last = records.last().unwrap().version;
    super::index_writer::step(&records, last, 1, |_| Version(0)).batches.len()
}

#[test]
fn what_the_user_has_alone_is_found_and_nothing_of_others() {
    let mut store = written();
    store.put(1, "mine", Some("{}"), Version(0));
    store.put(2, "theirs", Some("{}"), Version(0));
    store.index_all();
    let keys = store.view().own_keys(ANN, 9).unwrap();
    assert_eq!(keys.len(), 2, "the item, and which version it has");
    assert!(keys.iter().all(|key| key[1..9] == ANN.0.to_be_bytes()));
    assert_eq!(store.view().own_keys(ANN, 1).unwrap().len(), 1);
}
