//! Wide values as small numbers: every table after reading is indexed by them.

use std::collections::HashMap;

/// Gives each distinct value a dense number from 0, in order of first appearance.
///
/// Grows with the number of distinct tokens, ids, users or conversations of the history, 40 to 60 bytes each;
/// at most `u32::MAX` of them, which is more than a history that fits in memory can name.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    numbers: HashMap<u128, u32>,
    values: Vec<u128>,
}

impl Interner {
    /// The number of `value`, new if it was not seen before.
    pub(crate) fn intern(&mut self, value: u128) -> u32 {
        *self.numbers.entry(value).or_insert_with(|| {
            let number = u32::try_from(self.values.len()).expect("a history in memory has fewer values");
            self.values.push(value);
            number
        })
    }

    /// The value behind a number that this interner gave.
    pub(crate) fn value(&self, number: u32) -> u128 {
        self.values[number as usize]
    }

    /// How many distinct values were seen.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}
