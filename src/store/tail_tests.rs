//! What a push may be made of, and what the tail keeps for whom.

#![allow(clippy::unwrap_used)]

use super::record_samples::Samples;
use crate::model::{UserId, Version};

const ANN: UserId = UserId(1);

fn shown(store: &Samples, mark: u64, max: usize) -> Option<(Vec<u64>, bool)> {
    let above = store.tail.inbox_above(ANN, Version(mark), store.tail.durable(), max);
    above.map(|(deliveries, more)| (deliveries.iter().map(|delivery| delivery.version.0).collect(), more))
}

#[test]
fn a_push_is_made_only_of_an_unbroken_chain() {
    let mut store = Samples::new();
    assert_eq!(shown(&store, 0, 9), Some((Vec::new(), false)), "nothing was ever put into the index");
    store.say(1, 2, "a");
    store.say(2, 1, "b");
    store.say(1, 2, "c");
    assert_eq!(shown(&store, 0, 9), Some((vec![1, 2, 3], false)));
    assert_eq!(shown(&store, 0, 2), Some((vec![1, 2], true)));
    assert_eq!(shown(&store, 3, 9), Some((Vec::new(), false)), "it has everything");
    store.index_all();
    store.say(1, 2, "d");
    assert_eq!(shown(&store, 3, 9), Some((vec![4], false)));
    assert_eq!(shown(&store, 2, 9), None, "entry 3 is in the index only");
    store.index_all();
    assert_eq!(shown(&store, 3, 9), None, "entry 4 is, too");
    assert_eq!(shown(&store, 4, 9), Some((Vec::new(), false)), "nothing came after the last that left");
}

#[test]
fn every_pin_holds_what_lies_above_its_floor() {
    let mut store = Samples::new();
    store.say(1, 2, "a");
    let first = store.tail.pin();
    store.index_all();
    let bytes = store.tail.bytes();
    store.say(1, 2, "b");
    let second = store.tail.pin();
    assert_eq!((first.floor, second.floor), (Version(0), Version(1)));
    store.index_all();
    assert!(store.tail.bytes() > bytes, "the older pin holds everything");
    drop(first);
    store.tail.retire();
    assert!(store.tail.bytes() > 0, "the younger one its part");
    assert_eq!(second.inbox_above(ANN, Version(0), 9).len(), 1);
    drop(second);
    store.tail.retire();
    assert_eq!(store.tail.bytes(), 0);
}

#[test]
fn a_bound_hides_what_came_later() {
    let mut store = Samples::new();
    store.say(1, 2, "a");
    let pin = store.tail.pin();
    store.say(2, 1, "b");
    assert_eq!(pin.inbox_above(ANN, Version(0), 9).len(), 1);
    assert_eq!(pin.inbox_head(ANN), Some(Version(1)));
}
