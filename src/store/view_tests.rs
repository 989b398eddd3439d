//! Reads that meet the index while it takes over: pinned tails, redone steps, bounds and limits.

#![allow(clippy::unwrap_used)]

use super::{
    engine::IndexBatch,
    inboxes,
    packing::ChunkBuilder,
    record_samples::{DAY, Samples},
    view::View,
};
use crate::model::{
    Content, ConversationId, Day, DeviceId, Effect, HeardSince, Horizon, Kind, KindSet, Lineage, LineageId,
    Lineages, Seq, TimeMs, UserId, Version,
    record::{HostIdentity, Item, Pointer, ReceiptDay},
};

const ANN: UserId = UserId(1);
const DOCUMENTS: Kind = Kind(5);

fn texts(view: &View, user: UserId, mark: u64, max: usize) -> Vec<String> {
    let entries = view.inbox_above(user, Version(mark), max, usize::MAX).unwrap();
    let text = |content: &Content| match content {
        Content::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    entries.iter().map(|entry| text(&entry.message.content)).collect()
}

fn documents(view: &View, mark: u64, max: usize) -> Vec<(String, u64)> {
    let items = view.items_above(ANN, DOCUMENTS, Version(mark), max).unwrap();
    items.into_iter().map(|item: Item| (item.key, item.version.0)).collect()
}

#[test]
fn a_page_read_while_the_index_takes_over_shows_what_was_true_when_it_began() {
    let mut store = Samples::new();
    for text in ["a", "b", "c"] {
        store.say(1, 2, text);
    }
    store.index_all();
    store.say(2, 1, "d");
    let view = store.view();
    store.say(1, 2, "e");
    // Every prefix of the batches, then all: the reader still has its tail.
    for cut in 0..8 {
        store.index_cut(cut);
        assert_eq!(texts(&view, ANN, 0, 100), ["a", "b", "c", "d"], "after {cut} batches");
    }
    store.index_all();
    assert!(store.tail.bytes() > 0, "the pin holds the tail");
    assert_eq!(texts(&view, ANN, 0, 100), ["a", "b", "c", "d"]);
    assert_eq!(view.inbox_head(ANN).unwrap(), Version(4));
    drop(view);
    store.tail.retire();
    assert_eq!(store.tail.bytes(), 0);
    assert_eq!(texts(&store.view(), ANN, 0, 100), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_step_that_was_cut_off_and_done_again_reads_as_one() {
    for cut in 0..10 {
        let mut store = Samples::new();
        for number in 0..6 {
            store.say(1, 2, &format!("m{number}"));
        }
        store.index_cut(cut);
        for number in 6..9 {
            store.say(2, 1, &format!("m{number}"));
        }
        store.index_all();
        let all: Vec<String> = (0..9).map(|number| format!("m{number}")).collect();
        for mark in 0..9 {
            assert_eq!(texts(&store.view(), ANN, mark, 100), all[mark as usize..], "cut {cut}, mark {mark}");
        }
        assert_eq!(store.view().receipts(ReceiptDay { user: ANN, day: DAY }).unwrap().len(), 6);
    }
}

#[test]
fn chunks_that_overlap_give_each_pointer_once() {
    let mut store = Samples::new();
    for number in 0..6 {
        store.say(1, 2, &format!("m{number}"));
    }
    store.index_all();
    let conversation = store.view().inbox_above(ANN, Version(0), 1, 99).unwrap()[0].message.conversation;
    // A second chunk begins in the middle of the first.
    let mut chunk = ChunkBuilder::new();
    for version in 3..=6 {
        let mut bytes = Vec::new();
        let seq = crate::model::Seq(version);
        let pointer =
            Pointer { version: Version(version), previous: Version(version - 1), conversation, seq };
        inboxes::encode(&mut bytes, &pointer);
        chunk.push(&bytes).unwrap();
    }
    let mut batch = IndexBatch::new();
    batch.put(&inboxes::chunk_key(ANN, Version(3)), chunk.encode()).unwrap();
    store.engine.apply(&batch).unwrap();
    for mark in 0..6 {
        let expected: Vec<String> = (mark..6).map(|number| format!("m{number}")).collect();
        assert_eq!(texts(&store.view(), ANN, mark, 100), expected, "mark {mark}");
    }
}

#[test]
fn an_item_whose_newest_value_lies_above_the_bound_is_left_out() {
    let mut store = Samples::new();
    let old = store.put(1, "theme", Some("1"), Version(0));
    store.put(1, "other", Some("1"), Version(0));
    store.index_all();
    let view = store.view();
    let new = store.put(1, "theme", Some("2"), old);
    assert_eq!(documents(&view, 0, 9), [("other".to_owned(), 2)], "the older value is not told any more");
    store.index_all();
    assert_eq!(documents(&view, 0, 9), [("other".to_owned(), 2)], "nor when the index has the newer one");
    assert_eq!(documents(&store.view(), 0, 9), [("other".to_owned(), 2), ("theme".to_owned(), new.0)]);
    assert_eq!(documents(&store.view(), 2, 9), [("theme".to_owned(), new.0)]);
}

#[test]
fn a_host_apps_user_is_found_in_the_tail_and_in_the_index() {
    let mut store = Samples::new();
    let identity = HostIdentity { key: [3; 32], user: ANN };
    store.publish(vec![Effect::HostIdentity(identity)]);
    let user = |store: &Samples, key| store.view().user_of_host_identity(&[key; 32]).unwrap();
    assert_eq!((user(&store, 3), user(&store, 4)), (Some(ANN), None));
    store.index_all();
    store.tail.retire();
    assert_eq!(store.tail.bytes(), 0);
    assert_eq!((user(&store, 3), user(&store, 4)), (Some(ANN), None));
}

#[test]
fn limits_cut_anywhere_and_lose_nothing() {
    let mut store = Samples::new();
    for number in 0..40 {
        store.say(1, 2, &format!("m{number}"));
        store.put(1, &format!("k{number}"), Some("v"), Version(0));
        if number == 25 {
            store.index_all();
        }
    }
    let view = store.view();
    for max in [1, 2, 3, 25, 26, 27, 39, 40] {
        let (mut mark, mut seen) = (0, Vec::new());
        loop {
            let entries = view.inbox_above(ANN, Version(mark), max, usize::MAX).unwrap();
            assert!(entries.len() <= max);
            let Some(last) = entries.last() else { break };
            mark = last.version.0;
            seen.extend(entries.into_iter().map(|entry| entry.version.0));
        }
        assert_eq!(seen, (0..40).map(|number| 2 * number + 1).collect::<Vec<_>>(), "messages by {max}");
        let (mut mark, mut seen) = (0, Vec::new());
        loop {
            let items = documents(&view, mark, max);
            assert!(items.len() <= max);
            let Some((_, version)) = items.last() else { break };
            mark = *version;
            seen.extend(items.into_iter().map(|(_, version)| version));
        }
        assert_eq!(seen, (1..=40).map(|number| 2 * number).collect::<Vec<_>>(), "items by {max}");
    }
}

#[test]
fn bytes_cut_but_never_before_the_first() {
    let mut store = Samples::new();
    store.say(1, 2, &"x".repeat(1000));
    store.say(1, 2, "y");
    for indexed in [false, true] {
        if indexed {
            store.index_all();
        }
        let lengths = |bytes_max| store.view().inbox_above(ANN, Version(0), 9, bytes_max).unwrap().len();
        assert_eq!([lengths(0), lengths(1000), lengths(1001)], [1, 1, 2], "indexed: {indexed}");
    }
}

#[test]
fn notes_to_oneself_stand_in_one_inbox_once() {
    let mut store = Samples::new();
    store.say(1, 1, "note");
    store.say(1, 2, "mail");
    store.say(1, 1, "more");
    for indexed in [false, true] {
        if indexed {
            store.index_all();
        }
        assert_eq!(texts(&store.view(), ANN, 0, 9), ["note", "mail", "more"], "indexed: {indexed}");
        assert_eq!(texts(&store.view(), UserId(2), 0, 9), ["mail"]);
        assert_eq!(store.view().receipts(ReceiptDay { user: ANN, day: DAY }).unwrap().len(), 3);
    }
}

#[test]
fn receipts_of_days_before_one_are_found_and_those_of_the_day_itself_are_not() {
    let mut store = Samples::new();
    for number in 0..3 {
        store.say(1, 2, &format!("m{number}"));
        store.index_all();
    }
    store.say(2, 1, "another sender");
    store.index_all();
    let view = store.view();
    assert!(view.receipt_chunks_before(ANN, DAY, 9).unwrap().is_empty());
    let found = view.receipt_chunks_before(ANN, Day(DAY.0 + 1), 9).unwrap();
    assert_eq!(found.len(), 3, "one chunk of each step, and none of another sender");
    assert_eq!(view.receipt_chunks_before(ANN, Day(DAY.0 + 1), 2).unwrap(), found[..2], "oldest first");
    assert!(view.receipt_chunks_before(ANN, Day(DAY.0 + 1), 0).unwrap().is_empty());
}

#[test]
fn the_newest_durable_horizon_is_shown_whatever_the_bound() {
    let mut store = Samples::new();
    let view = store.view();
    let horizon = Horizon::stored(DAY, Vec::new());
    store.publish(vec![Effect::Horizon(horizon.clone())]);
    assert_eq!((view.bound(), view.horizon()), (Version(0), horizon));
}

#[test]
fn the_head_of_a_log_is_the_one_of_the_bound_when_the_index_has_more_by_now() {
    let mut store = Samples::new();
    store.say(1, 2, "a");
    store.index_all();
    let view = store.view();
    store.say(2, 1, "b");
    store.index_all();
    let conversation = ConversationId::direct(ANN, UserId(2), 0);
    let shown = |view: &View| {
        let (messages, _) = view.range(conversation, (Seq(1), Seq(9)), 9, 9999).unwrap();
        (view.conversation_head(conversation).unwrap(), messages.len())
    };
    assert_eq!(shown(&view), (Seq(1), 1));
    assert_eq!(shown(&store.view()), (Seq(2), 2));
}

/// Ann's one lineage, which has handed back messages through `acked`, and the floor that follows.
fn handed_back(store: &mut Samples, acked: Version, heard: i64) -> Version {
    let id = LineageId { device: DeviceId(1), context: 0 };
    let mut lineages = Lineages::none(ANN);
    lineages.add(Lineage::new(id, acked, KindSet::ALL, TimeMs(heard)));
    lineages.raise_floor(HeardSince(TimeMs(0)));
    store.publish(vec![Effect::Lineages(lineages)])
}

#[test]
fn what_every_live_lineage_has_is_left_out_and_the_inbox_ends_where_it_did() {
    let keys = |store: &Samples| store.view().removable_chunks(ANN, Version(1 << 40), 99).unwrap().len();
    for (acked, left) in [(0, 4), (2, 2), (4, 0)] {
        let mut store = Samples::new();
        for text in ["a", "b", "c", "d"] {
            store.say(1, 2, text);
        }
        handed_back(&mut store, Version(acked), 1);
        store.index_all();
        let view = store.view();
        assert_eq!(view.inbox_head(ANN).unwrap(), Version(4), "acked {acked}");
        assert_eq!(view.kept_entries(ANN, 99).unwrap().1, left, "acked {acked}");
        let all = ["a", "b", "c", "d"];
        let due = usize::try_from(acked).unwrap();
        assert_eq!(texts(&view, ANN, acked, 99), all[due..], "acked {acked}");
        assert_eq!(texts(&view, UserId(2), 0, 99), all, "who has no lineage here has everything kept");
        let conversation = ConversationId::direct(ANN, UserId(2), 0);
        assert_eq!(view.range(conversation, (Seq(1), Seq(9)), 9, 9999).unwrap().0.len(), 4, "bodies stay");
        drop(view);
        // The next entries follow, through another step and from the index alone.
        store.say(2, 1, "e");
        assert_eq!(texts(&store.view(), ANN, acked, 99).len(), 5 - due);
        store.index_all();
        assert_eq!(texts(&store.view(), ANN, acked, 99).len(), 5 - due);
        assert_eq!(store.view().inbox_head(ANN).unwrap(), Version(6));
        assert_eq!(
            keys(&store),
            usize::from(left > 0),
            "one chunk of each step that wrote something, but the newest"
        );
    }
}

#[test]
fn with_no_live_lineage_everything_above_the_floor_is_written() {
    let mut store = Samples::new();
    store.say(1, 2, "a");
    store.say(2, 1, "b");
    handed_back(&mut store, Version(1), 0);
    let mut expired = store.view().lineages(ANN).unwrap();
    expired.floor = Version(1);
    store.publish(vec![Effect::Lineages(expired)]);
    store.index_all();
    assert_eq!(store.view().kept_entries(ANN, 99).unwrap().1, 1);
}

#[test]
fn a_step_that_was_cut_off_and_is_done_again_after_more_was_handed_back_reads_as_one() {
    for cut in 0..10 {
        let mut store = Samples::new();
        for text in ["a", "b", "c", "d"] {
            store.say(1, 2, text);
        }
        store.index_cut(cut);
        handed_back(&mut store, Version(3), 1);
        store.index_all();
        store.say(2, 1, "e");
        store.index_all();
        assert_eq!(texts(&store.view(), ANN, 3, 99), ["d", "e"], "after {cut} batches");
        assert_eq!(store.view().inbox_head(ANN).unwrap(), Version(6));
    }
}
