//! Messages that go by policy: what can be removed, and what a read shows before, while and after it is.

#![allow(clippy::unwrap_used)]

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    engine::{Direction, Engine, EngineFault, IndexBatch, RawEngine},
    engine_memory::MemoryEngine,
    record_samples::{DAY, Samples},
    tail::Tail,
    view::{LogPrefix, ReadFault, View},
};
use crate::model::{
    ConversationId, Effect, Record, Seq, TimeMs, UserId, Version,
    record::{Conversation, ReceiptDay},
};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);

fn conversation() -> ConversationId {
    ConversationId::direct(ANN, BOB, 0)
}

fn row(oldest: u64) -> Effect {
    let (members, created, oldest) = ([ANN, BOB], TimeMs(0), Seq(oldest));
    Effect::Conversation(Conversation {
        conversation: conversation(),
        members,
        created,
        oldest,
        let_go: let_go(oldest),
    })
}

/// Version of the message before the oldest one: see `chunks_of_two`.
fn let_go(oldest: Seq) -> Version {
    if oldest == Seq(1) { Version(0) } else { Version(oldest.0) }
}

/// Chunks of two messages each: seqs 1 and 2 under versions 2 and 3, and so on.
fn chunks_of_two(count: u64) -> Samples {
    chunks_in(Arc::new(MemoryEngine::new()), count)
}

fn chunks_in(engine: Arc<dyn Engine>, count: u64) -> Samples {
    let mut store = Samples::new();
    store.engine = engine;
    store.publish(vec![row(1)]);
    for number in 0..count {
        for part in ["a", "b"] {
            store.say(1, 2, &format!("{number}{part}"));
        }
        store.index_all();
    }
    store
}

fn seqs(view: &View, from: u64, to: u64) -> Result<Vec<u64>, ReadFault> {
    let (messages, more) = view.range(conversation(), (Seq(from), Seq(to)), 99, usize::MAX)?;
    assert!(!more);
    Ok(messages.iter().map(|message| message.seq.0).collect())
}

fn remove(engine: &dyn Engine, keys: &[Vec<u8>]) {
    let mut batch = IndexBatch::new();
    keys.iter().for_each(|key| batch.delete(key).unwrap());
    engine.apply(&batch).unwrap();
}

#[test]
fn whole_chunks_are_found_by_version_and_never_the_newest() {
    let store = chunks_of_two(4);
    let view = store.view();
    let older = |oldest, through, max| {
        view.older_messages(conversation(), Seq(oldest), Version(through), max).unwrap()
    };
    let prefix = |next, through| Some(LogPrefix { next: Seq(next), through: Version(through) });
    for (oldest, through, max, expected) in [
        (1, 2, 9, (None, 0)),
        (1, 3, 9, (prefix(3, 3), 1)),
        (1, 4, 9, (prefix(3, 3), 1)),
        (1, 1000, 9, (prefix(7, 7), 3)),
        (1, 1000, 2, (prefix(5, 5), 2)),
        (1, 1000, 0, (None, 0)),
        (3, 1000, 9, (prefix(7, 7), 2)),
        // An oldest one that is no chunk's first: the chunk in which it lies goes with the next one.
        (4, 1000, 9, (prefix(7, 7), 1)),
        (7, 1000, 9, (None, 0)),
    ] {
        assert_eq!(older(oldest, through, max), expected, "from {oldest}, through {through}, {max} chunks");
    }
    let removable = |oldest, max| view.removable_messages(conversation(), Seq(oldest), max).unwrap().len();
    let counts = [1, 2, 3, 4, 5, 7, 9].map(|oldest| removable(oldest, 9));
    assert_eq!(counts, [0, 0, 1, 1, 2, 3, 3], "only what lies wholly before, and never the newest");
    assert_eq!([removable(9, 0), removable(9, 2)], [0, 2]);
    assert_eq!(view.conversations_after(None, 9).unwrap().len(), 1);
    assert!(view.conversations_after(Some(conversation()), 9).unwrap().is_empty());
}

#[test]
fn seqs_go_on_after_everything_that_can_go_is_gone_and_the_tail_with_it() {
    let mut store = chunks_of_two(3);
    store.publish(vec![row(5)]);
    store.index_all();
    let keys = store.view().removable_messages(conversation(), Seq(5), 99).unwrap();
    assert_eq!(keys.len(), 2);
    remove(&*store.engine, &keys);
    // As after a restart: nothing but the index.
    let tail = Arc::new(Tail::new(store.tail.indexed()));
    let view = View::new(&tail, &store.engine);
    assert_eq!(view.conversation_head(conversation()).unwrap(), Seq(6));
    assert_eq!(seqs(&view, 1, 99).unwrap(), [5, 6]);
    assert_eq!(seqs(&view, 1, 4).unwrap(), [0; 0]);
    assert!(view.removable_messages(conversation(), Seq(5), 99).unwrap().is_empty());
    assert_eq!(view.older_messages(conversation(), Seq(5), Version(1000), 9).unwrap(), (None, 0));
    // Seq 4 has version 5, and so on; of what is gone only its newest version is known.
    let head_at = |through| view.head_at(conversation(), Version(through)).unwrap();
    assert_eq!([4, 5, 6, 7, 99].map(head_at), [0, 4, 5, 6, 6].map(Seq));
    // What is gone is still recognised when it is sent again.
    assert_eq!(view.receipts(ReceiptDay { user: ANN, day: DAY }).unwrap().len(), 6);
}

#[test]
fn what_is_behind_the_oldest_is_left_out_at_once_whatever_the_bound_and_wherever_it_stands() {
    let mut store = chunks_of_two(2);
    store.say(2, 1, "in the tail");
    let view = store.view();
    assert_eq!(seqs(&view, 1, 99).unwrap(), [1, 2, 3, 4, 5]);
    store.publish(vec![row(4)]);
    assert_eq!(seqs(&view, 1, 99).unwrap(), [4, 5]);
    store.publish(vec![row(5)]);
    assert_eq!(seqs(&view, 2, 99).unwrap(), [5]);
    assert_eq!(view.oldest_message(conversation()).unwrap(), Seq(5));
}

/// An engine in which something happens before the n-th scan.
struct Interrupted {
    inner: Arc<MemoryEngine>,
    scans_left: AtomicUsize,
    happens: Box<dyn Fn() + Send + Sync>,
}

impl RawEngine for Interrupted {
    fn raw_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        self.inner.raw_get(key)
    }

    fn raw_scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        if self.scans_left.fetch_sub(1, Ordering::Relaxed) == 0 {
            (self.happens)();
        }
        self.inner.raw_scan(from, to, direction, visit)
    }

    fn raw_apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        self.inner.raw_apply(batch)
    }

    fn raw_sync(&self) -> Result<(), EngineFault> {
        self.inner.raw_sync()
    }

    fn raw_size_on_disk(&self) -> u64 {
        self.inner.raw_size_on_disk()
    }

    fn raw_name(&self) -> &'static str {
        self.inner.raw_name()
    }
}

#[test]
fn a_range_under_which_messages_are_removed_shows_what_is_left_without_a_hole() {
    let mut interrupted = 0;
    for scans in 0..6 {
        let inner = Arc::new(MemoryEngine::new());
        let store = chunks_in(Arc::clone(&inner) as Arc<dyn Engine>, 4);
        let keys = store.view().removable_messages(conversation(), Seq(5), 99).unwrap();
        assert_eq!(keys.len(), 2);
        let (tail, engine) = (Arc::clone(&store.tail), Arc::clone(&inner));
        let happens = Box::new(move || {
            let record = Record { version: tail.durable().next(), effects: vec![row(5)] };
            tail.publish(vec![(Arc::new(record), 1)]);
            remove(&*engine, &keys);
        });
        let engine: Arc<dyn Engine> =
            Arc::new(Interrupted { inner, scans_left: AtomicUsize::new(scans), happens });
        let found = seqs(&View::new(&store.tail, &engine), 2, 7).unwrap();
        // It was read before, or it is left out; there is never a hole.
        let whole: &[u64] = &[2, 3, 4, 5, 6, 7];
        let left: &[u64] = &[5, 6, 7];
        assert!(found == whole || found == left, "after {scans} scans: {found:?}");
        interrupted += usize::from(found == left);
    }
    assert!((1..6).contains(&interrupted), "{interrupted}");
}
