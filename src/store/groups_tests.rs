//! Entries of a group whose pointers come later, wherever the entry and its pointers stand by then.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::record_samples::{DAY, Samples};
use crate::model::{
    ClientMessageId, ConversationId, Delivery, Effect, Expansion, GroupEffect, Interval, Member, Position,
    Role, Seq, TimeMs, UserId, Version,
    record::{Message, ReceiptDay},
};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);
const GROUP: ConversationId = ConversationId(0x6e0);

/// Ann's message, without pointers.
fn waiting(store: &mut Samples, version: u64, seq: u64) -> Version {
    let message = Message {
        conversation: GROUP,
        seq: Seq(seq),
        sender: ANN,
        sent_at: TimeMs(5),
        id: ClientMessageId([seq as u8; 16]),
        content: "hi".into(),
        count: seq,
        read: Seq(seq),
    };
    let (version, pointers) = (Version(version), Vec::new());
    let delivery = Delivery { version, message, day: DAY, fingerprint: 7, pointers };
    store.publish(vec![Effect::Message(Arc::new(delivery))])
}

fn expanded(store: &mut Samples, version: u64, seq: u64, pointers: &[(UserId, u64)]) -> Version {
    let pointers = pointers.iter().map(|(user, previous)| (*user, Version(*previous))).collect();
    let step = Expansion { version: Version(version), group: GROUP, seq: Seq(seq), pointers };
    store.publish(vec![Effect::Group(GroupEffect::Expanded(Arc::new(step)))])
}

fn inbox(store: &Samples, user: UserId) -> Vec<(u64, u64)> {
    let entries = store.view().inbox_above(user, Version(0), 9, usize::MAX).unwrap();
    entries.iter().map(|entry| (entry.version.0, entry.message.seq.0)).collect()
}

/// What a push to Bob would say; nothing when the tail does not show it.
fn pushed(store: &Samples, mark: u64) -> Option<Vec<u64>> {
    let shown = store.tail.inbox_above(BOB, Version(mark), store.tail.durable(), 9);
    shown.map(|(entries, _)| entries.iter().map(|entry| entry.version.0).collect())
}

#[test]
fn a_pointer_bears_the_version_of_its_step() {
    let mut store = Samples::new();
    assert_eq!(waiting(&mut store, 1, 1), Version(1));
    assert_eq!(waiting(&mut store, 2, 2), Version(2));
    assert_eq!((inbox(&store, ANN), inbox(&store, BOB)), (Vec::new(), Vec::new()));
    expanded(&mut store, 3, 1, &[(ANN, 0)]);
    expanded(&mut store, 4, 1, &[(BOB, 0)]);
    expanded(&mut store, 5, 2, &[(ANN, 3), (BOB, 4)]);
    assert_eq!(inbox(&store, ANN), [(3, 1), (5, 2)]);
    assert_eq!(inbox(&store, BOB), [(4, 1), (5, 2)]);
    assert_eq!(pushed(&store, 0), Some(vec![4, 5]));
    store.index_all();
    assert_eq!(store.tail.bytes(), 0);
    assert_eq!(inbox(&store, BOB), [(4, 1), (5, 2)]);
    assert_eq!(store.view().inbox_head(BOB).unwrap(), Version(5));
}

#[test]
fn a_step_may_point_to_what_only_the_index_has_but_no_push_does() {
    let mut store = Samples::new();
    waiting(&mut store, 1, 1);
    store.index_all();
    expanded(&mut store, 2, 1, &[(ANN, 0), (BOB, 0)]);
    assert_eq!(inbox(&store, BOB), [(2, 1)]);
    assert_eq!(pushed(&store, 0), None);
}

#[test]
fn a_send_that_waits_is_recognised_by_its_receipt() {
    let mut store = Samples::new();
    let day = ReceiptDay { user: ANN, day: DAY };
    let known = |store: &Samples| {
        let mut seqs: Vec<u64> =
            store.view().receipts(day).unwrap().values().map(|receipt| receipt.seq.0).collect();
        seqs.sort_unstable();
        seqs
    };
    waiting(&mut store, 1, 1);
    assert_eq!(known(&store), [1]);
    store.index_all();
    assert_eq!(known(&store), [1]);
    waiting(&mut store, 2, 2);
    expanded(&mut store, 3, 1, &[(ANN, 0)]);
    expanded(&mut store, 4, 2, &[(ANN, 3)]);
    assert_eq!(known(&store), [1, 2]);
    store.index_all();
    assert_eq!(known(&store), [1, 2]);
    let of_bob = store.view().receipts(ReceiptDay { user: BOB, day: DAY }).unwrap();
    assert!(of_bob.is_empty(), "he sent nothing");
}

#[test]
fn the_newest_rows_of_a_group_hide_those_of_the_index() {
    let mut store = Samples::new();
    let member = |user: UserId, join: u64, leave: Option<u64>| {
        let intervals = vec![Interval { join: Seq(join), leave: leave.map(Seq) }];
        let row = Member {
            group: GROUP,
            user,
            role: Role::Member,
            ranked: Seq(1),
            intervals,
            is_muted: false,
            is_removed: false,
        };
        Effect::Group(GroupEffect::Member(row))
    };
    let position = |entry: Option<u64>| {
        let position = entry.map(|entry| Position { entry: Seq(entry), after: None });
        Effect::Group(GroupEffect::FanOut { group: GROUP, position })
    };
    let shown = |store: &Samples| {
        let view = store.view();
        let members = view.members(GROUP).unwrap();
        let left = members.values().map(|member| (member.user.0, member.left().map(|seq| seq.0)));
        let position = view.position(GROUP).unwrap();
        assert_eq!(view.unfinished_groups().unwrap().contains(&GROUP), position.is_some());
        (left.collect::<Vec<_>>(), position.map(|position| position.entry.0))
    };
    let steps = [
        (
            vec![member(ANN, 1, None), member(BOB, 2, None), position(Some(2))],
            vec![(1, None), (2, None)],
            Some(2),
        ),
        (vec![member(BOB, 2, Some(3)), position(Some(3))], vec![(1, None), (2, Some(3))], Some(3)),
        (
            vec![Effect::Group(GroupEffect::MemberGone { group: GROUP, user: BOB }), position(None)],
            vec![(1, None)],
            None,
        ),
        (vec![member(BOB, 5, None), position(Some(5))], vec![(1, None), (2, None)], Some(5)),
    ];
    // Each of them read from the tail, and from the index.
    for (effects, members, waits) in steps {
        store.publish(effects);
        assert_eq!(shown(&store), (members.clone(), waits));
        store.index_all();
        assert_eq!(store.tail.bytes(), 0);
        assert_eq!(shown(&store), (members, waits), "from the index");
    }
    assert!(store.view().pin.members(GROUP).is_empty(), "the tail has let go of everything");
}
