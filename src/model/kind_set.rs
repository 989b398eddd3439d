//! A set of kinds, small enough to stand in a snapshot and in a row.

use super::{Kind, limits::KINDS_MAX};

/// Kinds by number: bit 0 is kind 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct KindSet(u8);

impl KindSet {
    /// Every kind that there can be.
    pub const ALL: KindSet = KindSet(u8::MAX);

    /// From its bits, as stored.
    #[must_use]
    pub fn from_bits(bits: u8) -> KindSet {
        KindSet(bits)
    }

    /// Its bits, to be stored.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether a kind is in it.
    #[must_use]
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds a kind.
    pub fn insert(&mut self, kind: Kind) {
        self.0 |= bit(kind);
    }

    /// Takes a kind out.
    pub fn remove(&mut self, kind: Kind) {
        self.0 &= !bit(kind);
    }

    /// Those that are in one or the other.
    #[must_use]
    pub fn or(self, other: KindSet) -> KindSet {
        KindSet(self.0 | other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(self, other: KindSet) -> KindSet {
        KindSet(self.0 & !other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: KindSet) -> KindSet {
        KindSet(self.0 & other.0)
    }

    /// Its kinds, lowest number first.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        (1..=KINDS_MAX as u8).map(Kind).filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<T: IntoIterator<Item = Kind>>(kinds: T) -> KindSet {
        let mut set = KindSet::default();
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

fn bit(kind: Kind) -> u8 {
    assert!((1..=KINDS_MAX).contains(&usize::from(kind.0)), "kinds are numbered from 1 to {KINDS_MAX}");
    1 << (kind.0 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_not_taken_out() {
        let mut set: KindSet = [Kind(1), Kind(4), Kind(8)].into_iter().collect();
        set.remove(Kind(1));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Kind(4), Kind(8)]);
        assert_eq!(KindSet::from_bits(set.bits()), set);
        assert_eq!(KindSet::ALL.without(set).or(set), KindSet::ALL);
        assert!(KindSet::ALL.and(set) == set && !set.contains(Kind(1)) && KindSet::default().is_empty());
    }
}
