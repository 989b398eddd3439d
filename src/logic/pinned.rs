//! Rows that the committer holds in memory, so that a decision never waits for a disk.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash},
};

use crate::model::Version;

/// A bounded map of rows. When it is over its limit, rows whose last change is indexed are evicted; the others stay,
/// since only here (and in the tail) is their newest value. A row that was evicted is warmed again by a reader.
pub struct Pinned<K, V, S = RandomState> {
    rows: HashMap<K, Row<V>, S>,
    rows_max: usize,
}

#[derive(Debug)]
struct Row<V> {
    value: V,
    /// Version that last changed it; 0 when it was only read.
    changed: Version,
}

impl<K: Eq + Hash + Clone, V, S: BuildHasher + Default> Pinned<K, V, S> {
    /// An empty map that is swept when it holds more than `rows_max` rows.
    #[must_use]
    pub fn new(rows_max: usize) -> Self {
        Pinned { rows: HashMap::default(), rows_max }
    }

    /// The row, if it is held. A value may itself say that nothing is stored.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|row| &row.value)
    }

    /// Whether the row is held.
    pub fn holds(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    /// Gives the row a new value, decided as `version`.
    pub fn change(&mut self, key: K, value: V, version: Version) {
        self.rows.insert(key, Row { value, changed: version });
    }

    /// The same, and returns the value that it had, if it was held.
    pub fn replace(&mut self, key: K, value: V, version: Version) -> Option<V> {
        self.rows.insert(key, Row { value, changed: version }).map(|row| row.value)
    }

    /// Changes a held row in place, decided as `version`; nothing happens when it is not held.
    pub fn change_with(&mut self, key: &K, version: Version, change: impl FnOnce(&mut V)) {
        if let Some(row) = self.rows.get_mut(key) {
            change(&mut row.value);
            row.changed = version;
        }
    }

    /// Takes a row that a reader found. What is held already is newer and stays.
    pub fn warm(&mut self, key: K, value: V) {
        self.rows.entry(key).or_insert(Row { value, changed: Version(0) });
    }

    /// Forgets one row, which is read again when it is needed. Returns the version of its last change, as a sweep does.
    pub fn forget(&mut self, key: &K) -> Version {
        self.rows.remove(key).map_or(Version(0), |row| row.changed)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Rows held.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// When over the limit, evicts down to three quarters of it, as far as rows are indexed through `indexed`.
    /// Returns the newest change among what was evicted: a reader that began before it may have read an older value.
    pub fn sweep(&mut self, indexed: Version) -> Version {
        let mut newest_evicted = Version(0);
        if self.rows.len() <= self.rows_max {
            return newest_evicted;
        }
        let mut surplus = self.rows.len() - self.rows_max * 3 / 4;
        self.rows.retain(|_, row| {
            if surplus == 0 || row.changed > indexed {
                return true;
            }
            surplus -= 1;
            newest_evicted = newest_evicted.max(row.changed);
            false
        });
        newest_evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_keeps_what_is_not_indexed() {
        let mut pinned: Pinned<u32, &str> = Pinned::new(4);
        for key in 0..6 {
            pinned.change(key, "row", Version(u64::from(key) + 1));
        }
        let newest = pinned.sweep(Version(2));
        assert_eq!(newest, Version(2));
        assert_eq!(pinned.len(), 4);
        assert!(!pinned.holds(&0) && !pinned.holds(&1));
    }

    #[test]
    fn below_its_limit_nothing_is_evicted() {
        let mut pinned: Pinned<u32, &str> = Pinned::new(4);
        pinned.warm(1, "row");
        assert_eq!(pinned.sweep(Version(9)), Version(0));
        assert!(pinned.holds(&1));
    }

    #[test]
    fn what_a_reader_found_never_overwrites_what_was_decided() {
        let mut pinned: Pinned<u32, &str> = Pinned::new(4);
        pinned.change(1, "decided", Version(5));
        pinned.warm(1, "read");
        assert_eq!(pinned.get(&1), Some(&"decided"));
    }
}
