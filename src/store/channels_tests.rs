//! Posts of followed channels and the inbox, read in one order, wherever tail and index have them.

#![allow(clippy::unwrap_used)]

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    engine::{Direction, Engine, IndexBatch},
    engine_fault::EngineFault,
    record_samples::{DAY, Samples, posted},
    view::View,
};
use crate::{
    model::{
        ChannelEffect, ClientMessageId, Content, ConversationId, Delivery, Effect, Follow, FollowEnd,
        FollowInterval, Notice, Seq, TimeMs, UserId, Version, record::Message,
    },
    sync::{PageLimits, Passed},
};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);
const NEWS: ConversationId = ConversationId(0xc4a);
const SPORT: ConversationId = ConversationId(0xc4b);
const WIDE: PageLimits = PageLimits { entries: 1000, bytes: usize::MAX };

/// Ann's entry of a channel, put on the number line at once.
fn post(store: &mut Samples, version: u64, channel: ConversationId, seq: u64) {
    said(store, version, channel, seq, "hi".into());
}

fn said(store: &mut Samples, version: u64, channel: ConversationId, seq: u64, content: Content) {
    let message = Message {
        conversation: channel,
        seq: Seq(seq),
        sender: ANN,
        sent_at: TimeMs(5),
        id: ClientMessageId([seq as u8; 16]),
        content,
        count: seq,
        read: Seq(seq),
    };
    let pointers = Vec::new();
    let delivery = Delivery { version: Version(version), message, day: DAY, fingerprint: 7, pointers };
    let effects = vec![Effect::Message(Arc::new(delivery)), posted(channel, seq, version)];
    assert_eq!(store.publish(effects), Version(version));
}

/// Bob follows between these places of the log.
fn follow(store: &mut Samples, channel: ConversationId, times: &[(u64, Option<u64>)]) {
    let end = |seq| FollowEnd { seq: Seq(seq), version: Version(1) };
    let interval = |(after, through): &(u64, Option<u64>)| FollowInterval {
        after: end(*after),
        through: through.map(end),
    };
    let intervals = times.iter().map(interval).collect();
    store.publish(vec![Effect::Channel(ChannelEffect::Follow(Follow { user: BOB, channel, intervals }))]);
}

/// Versions of what Bob is told above a mark, and what is passed over.
fn told(store: &Samples, mark: u64, limits: PageLimits, posts_max: usize) -> (Vec<u64>, Vec<(u64, u64)>) {
    let found = store.view().messages_above(BOB, Version(mark), limits, posts_max).unwrap();
    let passed = found.passed.iter().map(|Passed { from, to, .. }| (from.0, to.0)).collect();
    (found.entries.iter().map(|entry| entry.version.0).collect(), passed)
}

/// Two channels and the inbox in turn; the index follows behind every so many records.
fn mixed(index_every: u64) -> Samples {
    let mut store = Samples::new();
    follow(&mut store, NEWS, &[(0, Some(2)), (3, None)]);
    follow(&mut store, SPORT, &[(1, Some(3))]);
    for round in 0..5 {
        let version = 3 + round * 3;
        post(&mut store, version, NEWS, round + 1);
        post(&mut store, version + 1, SPORT, round + 1);
        store.say(1, 2, "hello");
        if index_every > 0 && round % index_every == 0 {
            store.index_cut(if round % 2 == 0 { 2 } else { 0 });
            store.index_all();
        }
    }
    store
}

#[test]
fn posts_and_the_inbox_come_in_one_order_and_in_any_pages() {
    // News 1, 2, 4, 5 at 3, 6, 12, 15; sport 2, 3 at 7, 10; the inbox at 5, 8, 11, 14, 17.
    let due = [3, 5, 6, 7, 8, 10, 11, 12, 14, 15, 17];
    for index_every in 0..4 {
        let store = mixed(index_every);
        for entries in 1..=due.len() {
            for bytes in [0, 7, usize::MAX] {
                let (mut seen, mut mark) = (Vec::new(), 0);
                while mark < 17 {
                    let (page, passed) = told(&store, mark, PageLimits { entries, bytes }, 100);
                    assert!(!page.is_empty() && page.len() <= entries && passed.is_empty());
                    mark = page[page.len() - 1];
                    seen.extend(page);
                }
                assert_eq!(seen, due, "index every {index_every}, {entries} entries, {bytes} bytes");
            }
        }
        assert!(told(&store, 17, WIDE, 100).0.is_empty());
    }
}

#[test]
fn of_a_channel_the_newest_few_are_told_and_the_others_are_named() {
    for index_every in 0..3 {
        let store = mixed(index_every);
        // The last two posts for Bob: news 4 and 5, sport 2 and 3; of news 1 to 3 the third is not for him.
        assert_eq!(told(&store, 0, WIDE, 2), (vec![5, 7, 8, 10, 11, 12, 14, 15, 17], vec![(1, 2)]));
        assert_eq!(told(&store, 3, WIDE, 2).1, [(2, 2)], "only what lies above the mark");
        assert_eq!(told(&store, 6, WIDE, 2).1, []);
        let one = PageLimits { entries: 1, bytes: usize::MAX };
        assert_eq!(told(&store, 0, one, 2), (vec![5], vec![(1, 2)]), "named before the mark can pass it");
        assert_eq!(told(&store, 0, WIDE, 1).0, [5, 8, 10, 11, 14, 15, 17]);
        assert_eq!(told(&store, 0, WIDE, 1).1, [(1, 2), (4, 4), (2, 2)]);
    }
}

#[test]
fn a_push_has_what_a_page_has_or_is_none_wherever_tail_and_index_have_it() {
    for index_every in 0..6 {
        let store = mixed(index_every);
        let follows: Vec<Follow> = store.view().follows(BOB).unwrap().into_values().collect();
        let (mut pushed, mut nudged) = (0, 0);
        for mark in 0..18 {
            let news = store.tail.news_above((BOB, &follows), Version(mark), store.tail.durable(), 64);
            let Some((news, more)) = news else {
                nudged += 1;
                continue;
            };
            let versions: Vec<u64> = news.iter().map(|entry| entry.version.0).collect();
            let page = store.view().messages_above(BOB, Version(mark), WIDE, 100).unwrap();
            assert_eq!(
                (versions, more),
                (told(&store, mark, WIDE, 100).0, false),
                "index every {index_every}, above {mark}"
            );
            assert_eq!(news, page.entries);
            pushed += 1;
        }
        // Where nothing is indexed everything is at hand; else what lies low is not.
        assert_eq!((pushed > 0, nudged > 0), (true, index_every > 0), "index every {index_every}");
    }
}

#[test]
fn a_push_stops_where_it_is_full_and_leaves_a_new_name_to_a_page() {
    let mut store = mixed(0);
    let follows: Vec<Follow> = store.view().follows(BOB).unwrap().into_values().collect();
    let news = |store: &Samples, bound: u64, max: usize| {
        let found = store.tail.news_above((BOB, &follows), Version(0), Version(bound), max);
        found.map(|(news, more)| (news.iter().map(|entry| entry.version.0).collect::<Vec<_>>(), more))
    };
    assert_eq!(news(&store, 99, 3), Some((vec![3, 5, 6], true)));
    assert_eq!(news(&store, 7, 9), Some((vec![3, 5, 6, 7], false)), "through the bound");
    let renamed = Content::Notice(Arc::new(Notice::Renamed("new".to_owned())));
    let version = store.tail.durable().0 + 1;
    said(&mut store, version, NEWS, 6, renamed);
    assert_eq!(news(&store, version, 99), None);
}

#[test]
fn a_post_that_waited_has_the_version_of_its_step() {
    let mut store = Samples::new();
    follow(&mut store, NEWS, &[(0, Some(1))]);
    let message = Message {
        conversation: NEWS,
        seq: Seq(1),
        sender: ANN,
        sent_at: TimeMs(5),
        id: ClientMessageId([1; 16]),
        content: "hi".into(),
        count: 1,
        read: Seq(1),
    };
    let delivery = Delivery { version: Version(2), message, day: DAY, fingerprint: 7, pointers: Vec::new() };
    store.publish(vec![Effect::Message(Arc::new(delivery))]);
    assert!(told(&store, 0, WIDE, 9).0.is_empty());
    store.index_all();
    store.say(1, 2, "hello");
    store.publish(vec![posted(NEWS, 1, 4)]);
    assert_eq!(told(&store, 0, WIDE, 9).0, [3, 4]);
    assert_eq!(told(&store, 3, WIDE, 9).0, [4]);
    assert_eq!(store.view().messages_head(BOB).unwrap(), Version(4));
}

#[test]
fn a_read_sees_nothing_above_its_bound_and_all_below_whatever_the_index_takes_over() {
    let mut store = mixed(2);
    let view = store.view();
    post(&mut store, 18, NEWS, 6);
    store.say(1, 2, "later");
    store.index_all();
    let found = view.messages_above(BOB, Version(0), WIDE, 100).unwrap();
    let versions: Vec<u64> = found.entries.iter().map(|entry| entry.version.0).collect();
    assert_eq!(versions, [3, 5, 6, 7, 8, 10, 11, 12, 14, 15, 17]);
    drop(view);
    assert_eq!(told(&store, 15, WIDE, 100).0, [17, 18, 19]);
}

#[test]
fn the_head_of_a_user_is_the_newest_of_inbox_and_channels() {
    for index_every in 0..3 {
        let mut store = mixed(index_every);
        assert_eq!(store.view().messages_head(BOB).unwrap(), Version(17));
        post(&mut store, 18, SPORT, 6);
        assert_eq!(store.view().messages_head(BOB).unwrap(), Version(17), "Bob left sport before");
        post(&mut store, 19, NEWS, 6);
        assert_eq!(store.view().messages_head(BOB).unwrap(), Version(19));
    }
}

#[test]
fn rows_of_follows_are_those_of_the_tail_before_those_of_the_index() {
    let mut store = mixed(1);
    let followers =
        |store: &Samples| store.view().followers(NEWS, 9).unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(followers(&store), [BOB]);
    follow(&mut store, NEWS, &[(0, Some(9))]);
    for indexed in [false, true] {
        if indexed {
            store.index_all();
        }
        assert_eq!(followers(&store), []);
        assert_eq!(store.view().follows(BOB).unwrap().len(), 2);
        assert_eq!(store.view().follow(BOB, NEWS).unwrap().unwrap().last(), Seq(9));
    }
    let gone = |channel| Effect::Channel(ChannelEffect::FollowGone { user: BOB, channel });
    let count = Effect::Channel(ChannelEffect::FollowCount { user: BOB, follows: 1 });
    store.publish(vec![gone(NEWS), count]);
    for indexed in [false, true] {
        if indexed {
            store.index_all();
        }
        assert_eq!(store.view().follows(BOB).unwrap().into_keys().collect::<Vec<_>>(), [SPORT]);
        assert_eq!(store.view().follow(BOB, NEWS).unwrap(), None);
        assert_eq!(store.view().follow_count(BOB).unwrap(), 1);
    }
}

#[test]
fn ended_times_are_found_with_the_last_post_in_them() {
    let mut store = Samples::new();
    follow(&mut store, NEWS, &[(0, Some(2)), (3, None)]);
    follow(&mut store, SPORT, &[(4, Some(5))]);
    for seq in 1..=5 {
        post(&mut store, 2 + seq, NEWS, seq);
    }
    post(&mut store, 8, SPORT, 4);
    let ended = |past| store.view().ended_follows(BOB, Version(past)).unwrap();
    // Every end of the samples has the version 1.
    assert_eq!(ended(0), []);
    assert_eq!(ended(1), [(NEWS, Seq(2), Version(4)), (SPORT, Seq(5), Version(0))]);
}

/// Counts what is read of an engine.
struct Counting(Arc<dyn Engine>, AtomicUsize);

impl Engine for Counting {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.scan(from, to, direction, visit)
    }

    fn apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        self.0.apply(batch)
    }

    fn sync(&self) -> Result<(), EngineFault> {
        self.0.sync()
    }

    fn size_on_disk(&self) -> u64 {
        self.0.size_on_disk()
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }
}

#[test]
fn with_many_follows_a_sync_reads_of_those_channels_alone_that_have_something_new() {
    const CHANNELS: u64 = 200;
    let mut store = Samples::new();
    for number in 0..CHANNELS {
        follow(&mut store, ConversationId(1000 + number), &[(0, None)]);
    }
    for number in 0..CHANNELS {
        for seq in 1..=3 {
            let version = CHANNELS + 3 * number + seq;
            post(&mut store, version, ConversationId(1000 + number), seq);
        }
    }
    store.index_all();
    let all = 4 * CHANNELS;
    let counting = Arc::new(Counting(Arc::clone(&store.engine), AtomicUsize::new(0)));
    let engine: Arc<dyn Engine> = counting.clone();
    let reads = |tail: &Arc<super::tail::Tail>, mark| {
        let before = counting.1.load(Ordering::Relaxed);
        let found = View::new(tail, &engine).messages_above(BOB, Version(mark), WIDE, 100).unwrap();
        (found.entries.len(), counting.1.load(Ordering::Relaxed) - before)
    };
    // One range of follows, and two looks at the inbox below the head; of a channel with news its posts and their chunk.
    assert_eq!(reads(&store.tail, all), (0, 1));
    assert_eq!(reads(&store.tail, all - 1), (1, 3 + 2));
    assert_eq!(reads(&store.tail, all - 6), (6, 3 + 2 * 2));
    // After a start each channel costs one seek more, once.
    let tail = Arc::new(super::tail::Tail::new(Version(all)));
    assert_eq!(reads(&tail, all), (0, 1 + usize::try_from(CHANNELS).unwrap()));
    assert_eq!(reads(&tail, all), (0, 1));
}
