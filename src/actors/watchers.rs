//! Who is told hints of whom: users with a connection that asked how far another one has come.
//!
//! Shared by user actors, which add and remove, and by persistence, which asks of everybody whose marks rose. Bounded by
//! `limits::WATCHED_PER_CONNECTION_MAX` of each connection. Where nobody asked, a batch costs one look at a number.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::model::{Effect, Record, UserId};

/// See the module.
#[derive(Clone, Default)]
pub struct Watchers {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Users of whom hints are told; read without the lock, since usually there are none.
    readers: AtomicUsize,
    /// By reader: who watches, and by how many connections.
    watched: Mutex<FxHashMap<UserId, Vec<(UserId, usize)>>>,
}

/// A connection watches a reader; dropped, it does so no longer.
pub struct Watch {
    watchers: Watchers,
    reader: UserId,
    watcher: UserId,
}

impl Watchers {
    /// One more connection of a user watches a reader.
    #[must_use]
    pub fn watch(&self, reader: UserId, watcher: UserId) -> Watch {
        let mut watched = self.shared.watched.lock();
        let watchers = watched.entry(reader).or_default();
        match watchers.iter_mut().find(|(user, _)| *user == watcher) {
            Some((_, connections)) => *connections += 1,
            None => watchers.push((watcher, 1)),
        }
        self.shared.readers.store(watched.len(), Ordering::Release);
        Watch { watchers: self.clone(), reader, watcher }
    }

    fn remove(&self, reader: UserId, watcher: UserId) {
        let mut watched = self.shared.watched.lock();
        let Some(watchers) = watched.get_mut(&reader) else { return };
        if let Some(place) = watchers.iter().position(|(user, _)| *user == watcher) {
            watchers[place].1 -= 1;
            if watchers[place].1 == 0 {
                watchers.swap_remove(place);
            }
        }
        if watchers.is_empty() {
            watched.remove(&reader);
        }
        self.shared.readers.store(watched.len(), Ordering::Release);
    }

    /// Whether anybody watches anybody.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.shared.readers.load(Ordering::Acquire) > 0
    }

    /// Who is to be told that somebody may have come further by these records: pairs of watcher and reader, each once.
    #[must_use]
    pub fn concerned(&self, records: &[Arc<Record>]) -> Vec<(UserId, UserId)> {
        let watched = self.shared.watched.lock();
        let mut concerned = Vec::new();
        for reader in records.iter().flat_map(|record| &record.effects).filter_map(risen) {
            let watchers = watched.get(&reader).into_iter().flatten();
            concerned.extend(watchers.map(|(watcher, _)| (*watcher, reader)));
        }
        concerned.sort_unstable();
        concerned.dedup();
        concerned
    }
}

impl Watch {
    /// Whom.
    #[must_use]
    pub fn reader(&self) -> UserId {
        self.reader
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watchers.remove(self.reader, self.watcher);
    }
}

/// Whose marks an effect may raise: by handing back, by reading, or by writing.
fn risen(effect: &Effect) -> Option<UserId> {
    match effect {
        Effect::Lineages(lineages) => Some(lineages.user),
        Effect::Reading(reading) => Some(reading.user),
        Effect::Message(delivery) => Some(delivery.message.sender),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationId, Lineages, Reading, Version};

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const CAT: UserId = UserId(3);

    fn record(effects: Vec<Effect>) -> Arc<Record> {
        Arc::new(Record { version: Version(9), effects })
    }

    #[test]
    fn each_watcher_is_named_once_for_each_reader_and_none_when_nobody_watches() {
        let watchers = Watchers::default();
        assert!(!watchers.is_any());
        let [first, second] = [watchers.watch(BOB, ANN), watchers.watch(BOB, ANN)];
        let (cats, of_cat) = (watchers.watch(BOB, CAT), watchers.watch(CAT, ANN));
        let reading = Effect::Reading(Box::new(Reading::none(BOB, ConversationId(7))));
        let lineages = Effect::Lineages(Lineages::none(BOB));
        let records = [record(vec![reading]), record(vec![lineages.clone()])];
        assert_eq!(watchers.concerned(&records), [(ANN, BOB), (CAT, BOB)]);
        drop(first);
        assert_eq!(watchers.concerned(&records).len(), 2, "another connection of hers still watches");
        drop(second);
        assert_eq!(watchers.concerned(&records), [(CAT, BOB)]);
        drop(cats);
        assert!(watchers.is_any() && watchers.concerned(&records).is_empty());
        drop(of_cat);
        assert!(!watchers.is_any());
    }
}
