//! What an id means: name, kind, unit, owner, and how it is shown to Prometheus.
//!
//! A registry is a static slice of entries in ascending order of id. Ranges of ids: 1 to 9,999 belong to the
//! framework, 10,000 to 59,999 to host programs, which register them while the server runs (`host_values`), from 60,000
//! to tests.
//!
//! An average is no kind: it is the quotient of two ids of the same minutes, such as the sum of a histogram and the count
//! in its bands. So it can be taken over any stretch of points, which an average of averages cannot.

pub use crate::model::{PointKind as Kind, PointUnit as Unit};

/// What an id is within its Prometheus family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A sample of its own.
    Plain,
    /// One band of a histogram, not cumulative; the text is the upper bound as Prometheus writes it (`le`).
    Band(&'static str),
    /// The sum of the values that a histogram observed; comes directly after the last band.
    BandSum,
}

/// One id of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The number that callers report to.
    pub id: u32,
    /// Words of small letters, digits and underscores, joined by dots. Unique.
    pub name: &'static str,
    /// How reports combine.
    pub kind: Kind,
    /// What is counted.
    pub unit: Unit,
    /// The part of the server that reports it.
    pub owner: &'static str,
    /// Prometheus family without prefix and suffix; entries of one family differ by label or part.
    pub family: &'static str,
    /// Labels within the family, in the order in which they are shown.
    pub labels: &'static [(&'static str, &'static str)],
    /// What the id is within its family.
    pub part: Part,
}

/// Id under which reports are counted that no slot takes: an id that is not in the registry, or a call that does not
/// fit its kind. Every registry begins with it.
pub const LOST: u32 = 1;

/// The entry of [`LOST`], first in every registry.
pub const LOST_ENTRY: Entry = Entry {
    id: LOST,
    name: "monitor.lost",
    kind: Kind::Sum,
    unit: Unit::Count,
    owner: "monitor",
    family: "monitor_lost",
    labels: &[],
    part: Part::Plain,
};

/// Place of an id in a registry, by binary search; `None` if it is not registered.
#[must_use]
pub fn index_of(registry: &[Entry], id: u32) -> Option<usize> {
    registry.binary_search_by_key(&id, |entry| entry.id).ok()
}

/// Stops the program if a registry is not what [`crate::monitor::slots::Slots`] and the ring of minutes rely on: it begins with
/// [`LOST`] and its ids ascend without a repetition.
pub const fn assert_well_ordered(registry: &[Entry]) {
    assert!(!registry.is_empty() && registry[0].id == LOST, "a registry begins with the id of lost reports");
    let mut index = 1;
    while index < registry.len() {
        assert!(
            registry[index - 1].id < registry[index].id,
            "ids of a registry ascend and none is used twice"
        );
        index += 1;
    }
}
