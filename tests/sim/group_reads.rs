//! Reads of a group's log: each member, present or former, reads exactly the places within the own memberships, whether or
//! not they are expanded, from the tail and from the index, however the answer is cut.

use highwater::{
    actors::user::{heads, range},
    logic::operation::GroupChange,
    model::{GroupBounds, Seq, UserId, limits::PAGE_BYTES_MAX},
    sync::{Locale, Rendering},
};
use highwater_wire::{
    Refusal,
    proto::{self, server_frame::Body},
};

use crate::group_store::{GROUP, GroupStore, Indexing};

const RENDERING: Rendering = Rendering { level: 3, locale: Locale::English };

/// User 1 is there from the beginning, 2 leaves, 3 leaves and comes again, 4 comes late, 5 never.
fn store(indexing: Indexing) -> GroupStore {
    let bounds = GroupBounds { step_pointers_max: 2, ..GroupBounds::default() };
    let mut store = GroupStore::new(5, 3, bounds, indexing);
    for say in [2, 3] {
        store.send(say).unwrap();
    }
    store.change(1, GroupChange::Remove(UserId(3))).unwrap();
    store.send(2).unwrap();
    store.change(2, GroupChange::Leave).unwrap();
    store.send(1).unwrap();
    store.change(1, GroupChange::Add(vec![UserId(3), UserId(4)])).unwrap();
    store.send(4).unwrap();
    store
}

/// The places that each user may read, by the log: seqs from 1.
fn expected() -> [(u64, Vec<u64>); 4] {
    [(1, (1..=9).collect()), (2, (1..=6).collect()), (3, vec![1, 2, 3, 4, 8, 9]), (4, vec![8, 9])]
}

fn read(store: &GroupStore, user: u64, seqs: (u64, u64), bytes_max: usize) -> (Vec<u64>, bool) {
    let wanted = proto::Range { conversation_id: GROUP.0, from_seq: seqs.0, to_seq: seqs.1 };
    let answer = range(&store.view(), UserId(user), RENDERING, &wanted, bytes_max).unwrap();
    let Ok(Body::Entries(list)) = answer else { panic!("user {user}: {answer:?}") };
    let seqs: Vec<u64> = list.entries.iter().map(|entry| entry.seq).collect();
    let log = store.log();
    let bytes = |seq: &u64| log[*seq as usize - 1].content.bytes();
    let bytes: usize = seqs.iter().map(bytes).sum();
    assert!(bytes <= bytes_max || seqs.len() == 1, "user {user}: {bytes} of {bytes_max} bytes");
    (seqs, list.more)
}

fn check(store: &GroupStore) {
    for (user, expected) in expected() {
        for from in 0..=10 {
            for to in from..=10 {
                let within = expected.iter().copied().filter(|seq| (from..=to).contains(seq));
                let within: Vec<u64> = within.collect();
                // One answer has no hole: it ends where a membership does, and says that more follows.
                let first = within.first().copied().unwrap_or_default();
                let run = within.iter().copied().zip(first..).take_while(|(seq, due)| seq == due);
                let run: Vec<u64> = run.map(|(seq, _)| seq).collect();
                let more = run.len() < within.len();
                assert_eq!(read(store, user, (from, to), PAGE_BYTES_MAX), (run, more), "{user}: {from}–{to}");
            }
        }
        for bytes_max in [0, 1, 20, 40, 60, PAGE_BYTES_MAX] {
            assert_eq!(by_pages(store, user, bytes_max), expected, "user {user}, {bytes_max} bytes");
        }
    }
    let wanted = proto::Range { conversation_id: GROUP.0, from_seq: 1, to_seq: 9 };
    let stranger = range(&store.view(), UserId(5), RENDERING, &wanted, PAGE_BYTES_MAX).unwrap();
    assert_eq!(stranger.err(), Some(Refusal::NoSuchConversation), "whether there is one is not said");
}

/// Asks again from the seq after the last, as clients do. Every answer brings something.
fn by_pages(store: &GroupStore, user: u64, bytes_max: usize) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let from = found.last().map_or(0, |last| last + 1);
        let (seqs, more) = read(store, user, (from, u64::MAX), bytes_max);
        assert!(!more || !seqs.is_empty(), "an answer that promises more brings something");
        found.extend(seqs);
        if !more {
            return found;
        }
    }
}

#[test]
fn everybody_reads_what_lies_in_the_own_memberships() {
    for indexing in [Indexing::Never, Indexing::Always] {
        let mut store = store(indexing);
        assert!(store.position().is_some(), "what waits is read all the same");
        check(&store);
        store.drain();
        check(&store);
    }
}

#[test]
fn a_head_lies_within_the_own_membership() {
    for indexing in [Indexing::Never, Indexing::Always] {
        let mut store = store(indexing);
        let head = |store: &GroupStore, user: u64| {
            let answer = heads(&store.view(), (UserId(user), RENDERING), &proto::Heads::default()).unwrap();
            let Ok(Body::Heads(list)) = answer else { panic!("{answer:?}") };
            list.heads.iter().map(|head| (Seq(head.seq), Seq(head.oldest_seq))).collect::<Vec<_>>()
        };
        // The first entry is expanded to its first two; of the leaves nobody was told yet.
        store.expand();
        assert_eq!(head(&store, 1), [(Seq(9), Seq(1))]);
        assert_eq!(head(&store, 2), [(Seq(6), Seq(1))], "who has left is told no head behind it");
        store.drain();
        assert_eq!(head(&store, 1), [(Seq(9), Seq(1))]);
        assert_eq!(head(&store, 2), [], "the conversation ended with the leave");
        assert_eq!(head(&store, 3), [(Seq(9), Seq(1))]);
        assert_eq!(head(&store, 4), [(Seq(9), Seq(8))], "nothing from before the join");
    }
}
