//! When a connection is told that somebody has come further with a conversation: hints, at most one in a step of time, of
//! which the last one says what is so.
//!
//! A rise is only noted. What is so is read when a hint may be told, so however many rises there are between two hints,
//! the newest counts. What could not be read or told stays due.

use crate::model::Ticks;

/// Time between two hints of one conversation on one connection, milliseconds; and between two looks for one.
/// Source: choice; nobody sees more than that, and a reader who reads on costs one look a second.
pub const HINT_STEP_MS: u64 = 1_000;

/// The hints of one conversation on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickHints {
    told: Ticks,
    /// There may be something that was not told.
    is_due: bool,
    is_reading: bool,
    /// Nothing is read before it, milliseconds of the monotonic clock.
    rests_until_ms: u64,
}

impl TickHints {
    /// The answer to a question said this. What rose while it was on its way is found by a first look.
    #[must_use]
    pub fn after(told: Ticks) -> TickHints {
        TickHints { told, is_due: true, is_reading: false, rests_until_ms: 0 }
    }

    /// Asked again, and answered with this.
    pub fn answered(&mut self, told: Ticks) {
        self.told = self.told.raised_to(told);
        self.is_due = true;
    }

    /// Something rose, or may have.
    pub fn rose(&mut self) {
        self.is_due = true;
    }

    /// Whether it is time to read what is so. If it is, the outcome is said by [`TickHints::found`] or
    /// [`TickHints::put_off`], and until then there is no other look.
    pub fn begins_look(&mut self, now_ms: u64) -> bool {
        let begins = self.due_at().is_some_and(|at| at <= now_ms);
        if begins {
            // What rises from here on may not be in what is read.
            (self.is_due, self.is_reading) = (false, true);
        }
        begins
    }

    /// From when on it is time for a look, milliseconds; nothing while none is due.
    #[must_use]
    pub fn due_at(&self) -> Option<u64> {
        (self.is_due && !self.is_reading).then_some(self.rests_until_ms)
    }

    /// This was read: what is to be told, if it is news. [`TickHints::told`] follows when it was.
    pub fn found(&mut self, now_ms: u64, found: Ticks) -> Option<Ticks> {
        if !self.is_reading {
            // Of a look that was begun before this was watched anew.
            self.is_due = true;
            return None;
        }
        (self.is_reading, self.rests_until_ms) = (false, now_ms + HINT_STEP_MS);
        let raised = self.told.raised_to(found);
        (raised != self.told).then_some(raised)
    }

    /// A hint went out.
    pub fn told(&mut self, ticks: Ticks) {
        self.told = ticks;
    }

    /// It could not be read, or not be told: later.
    pub fn put_off(&mut self, now_ms: u64) {
        (self.is_due, self.is_reading, self.rests_until_ms) = (true, false, now_ms + HINT_STEP_MS);
    }
}
