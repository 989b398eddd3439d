//! Up to where something may have left the tail, by key: what is newer is here, so that what is not here is not there at all.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::model::Version;

/// Keys that one shard remembers. One more: all are forgotten, and taken to end where the newest of them does, so that some
/// who could be pushed to are nudged instead.
/// Source: 64 shards of about 40 bytes each are 10 MB when all are full.
const KEYS_MAX: usize = 4096;

/// See the module.
pub(super) struct Ends<K> {
    by_key: FxHashMap<K, Version>,
    /// Of every other key.
    others: Version,
}

impl<K> Default for Ends<K> {
    fn default() -> Ends<K> {
        Ends { by_key: FxHashMap::default(), others: Version(0) }
    }
}

impl<K: Eq + Hash> Ends<K> {
    /// The index has everything through `indexed`, and whose it is was not seen.
    pub fn behind(indexed: Version) -> Ends<K> {
        Ends { by_key: FxHashMap::default(), others: indexed }
    }

    /// What a key had through this version has left, or all that it had was put into the index before it came here.
    pub fn left(&mut self, key: K, version: Version) {
        if self.by_key.len() >= KEYS_MAX && !self.by_key.contains_key(&key) {
            let newest = self.by_key.drain().map(|(_, end)| end).max();
            self.others = self.others.max(newest.unwrap_or_default());
        }
        let end = self.by_key.entry(key).or_default();
        *end = version.max(*end);
    }

    /// Nothing of the key above this version has left.
    pub fn end(&self, key: &K) -> Version {
        self.by_key.get(key).map_or(self.others, |end| *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_end_is_ever_too_low_however_many_keys_there_are() {
        let mut ends = Ends::behind(Version(5));
        let mut left = FxHashMap::default();
        assert_eq!(ends.end(&1), Version(5));
        for number in 0..3 * KEYS_MAX as u64 {
            let (key, version) = (number * 7 % 9_000, Version(10 + number));
            ends.left(key, version);
            left.insert(key, version);
            assert_eq!(ends.end(&key), version);
            assert!(ends.by_key.len() <= KEYS_MAX);
        }
        assert!(left.iter().all(|(key, version)| ends.end(key) >= *version));
    }
}
