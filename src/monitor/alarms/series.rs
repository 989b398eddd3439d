//! Where rules read points: whatever keeps a value of an id at a minute.

use crate::monitor::minutes::{Minute, Minutes};

/// Points by id and minute.
pub trait Series {
    /// The point; `None` if the minute has none, or the id is not known. A quiet id has 0, which is a point.
    fn point(&self, id: u32, minute: Minute) -> Option<i64>;
}

impl Series for Minutes {
    fn point(&self, id: u32, minute: Minute) -> Option<i64> {
        Minutes::point(self, id, minute)
    }
}
