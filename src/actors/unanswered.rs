//! How many requests of WebSockets are being answered: what a stop waits for before it closes the connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The count of the whole server. Cheap to clone. Bounded by the connections and what each may have unanswered.
#[derive(Debug, Clone, Default)]
pub struct Unanswered {
    count: Arc<AtomicUsize>,
}

/// One party's part of the count. What it still has when it is dropped will not be answered and is taken off.
#[derive(Debug)]
pub struct Share {
    own: u32,
    all: Unanswered,
}

impl Unanswered {
    /// Requests that are being answered now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// A part that has none yet.
    #[must_use]
    pub fn share(&self) -> Share {
        Share { own: 0, all: self.clone() }
    }
}

impl Share {
    /// One more request is being answered. Returns how many of this part are.
    pub fn add(&mut self) -> u32 {
        self.own += 1;
        self.all.count.fetch_add(1, Ordering::AcqRel);
        self.own
    }

    /// The answer to one has been queued.
    pub fn answered(&mut self) {
        if self.own > 0 {
            self.own -= 1;
            self.all.count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.count.fetch_sub(self.own as usize, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_and_what_goes_unanswered_is_taken_off() {
        let all = Unanswered::default();
        let (mut one, mut other) = (all.share(), all.share());
        assert_eq!((one.add(), one.add(), other.add()), (1, 2, 1));
        assert_eq!(all.count(), 3);
        one.answered();
        drop(one);
        assert_eq!(all.count(), 1);
        other.answered();
        other.answered();
        assert_eq!(all.count(), 0, "an answer too many does no harm");
    }
}
