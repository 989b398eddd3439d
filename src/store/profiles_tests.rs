//! Who has something of whom, and which changes are to be told, as the index follows the records.

#![allow(clippy::unwrap_used)]

use super::{profiles, record_samples::Samples};
use crate::model::{
    Contact, Effect, Kind, UserId, Version,
    record::{Item, ItemValue},
};

const ANN: UserId = UserId(1);

/// What one user has of another from a version on, which has to be the next one; or has no more.
fn item(version: u64, owner: u64, other: u64, is_there: bool, supersedes: u64) -> Effect {
    let contact = Contact::plain(UserId(other), format!("u{other}"));
    let value = is_there.then(|| ItemValue::Contact(Box::new(contact)));
    let item = Item { kind: Kind(2), key: other.to_string(), version: Version(version), value };
    Effect::Item { user: UserId(owner), item, supersedes: Version(supersedes) }
}

fn holders(store: &Samples, after: Option<u64>, max: usize) -> Vec<u64> {
    let holders = store.view().holders_after(ANN, after.map(UserId), max).unwrap();
    holders.into_iter().map(|owner| owner.0).collect()
}

#[test]
fn who_has_something_of_a_user_is_found_in_order_and_nobody_else() {
    let mut store = Samples::new();
    store.publish(vec![item(1, 9, 1, true, 0), item(1, 3, 1, true, 0), item(1, 1, 9, true, 0)]);
    store.publish(vec![item(2, u64::MAX, 1, true, 0), item(2, 4, 2, true, 0)]);
    // A document under a key that looks like an id says nothing of anybody.
    store.put(5, "1", Some("{}"), Version(0));
    store.index_all();
    assert_eq!(holders(&store, None, 9), [3, 9, u64::MAX]);
    assert_eq!(holders(&store, None, 2), [3, 9]);
    assert_eq!(holders(&store, Some(3), 9), [9, u64::MAX]);
    assert_eq!(holders(&store, Some(u64::MAX), 9), [0; 0]);
    store.publish(vec![item(4, 9, 1, false, 1)]);
    store.index_all();
    assert_eq!(holders(&store, None, 9), [3, u64::MAX]);
    store.publish(vec![item(5, 9, 1, true, 4)]);
    store.index_all();
    assert_eq!(holders(&store, None, 9), [3, 9, u64::MAX]);
}

#[test]
fn a_change_is_shown_when_the_index_has_everything_through_it() {
    let mut store = Samples::new();
    let changes = |store: &Samples| store.view().profile_changes(9).unwrap();
    store.publish(vec![Effect::ProfileChanged(ANN)]);
    assert_eq!(changes(&store), []);
    for cut in 0..3 {
        store.index_cut(cut);
        assert_eq!(changes(&store), [], "after {cut} batches");
    }
    store.index_all();
    store.publish(vec![Effect::ProfileChanged(UserId(2))]);
    store.publish(vec![Effect::ProfileChanged(ANN)]);
    assert_eq!(changes(&store), [(ANN, Version(1))]);
    store.index_all();
    assert_eq!(changes(&store), [(ANN, Version(1)), (ANN, Version(3)), (UserId(2), Version(2))]);
    assert_eq!(store.view().profile_changes(1).unwrap(), [(ANN, Version(1))]);
}

#[test]
fn nothing_of_both_sides_is_left_of_who_was_erased() {
    let mut store = Samples::new();
    store.publish(vec![item(1, 1, 7, true, 0), item(1, 7, 1, true, 0), item(1, 7, 8, true, 0)]);
    store.publish(vec![Effect::ProfileChanged(ANN)]);
    store.index_all();
    let keys = store.view().own_keys(ANN, 99).unwrap();
    for key in [
        profiles::holder_key(ANN, UserId(7)),
        profiles::holder_key(UserId(7), ANN),
        profiles::change_key(ANN, Version(2)),
    ] {
        assert!(keys.contains(&key), "{key:?} is left");
    }
    assert!(!keys.contains(&profiles::holder_key(UserId(8), UserId(7))), "it is of others");
}
