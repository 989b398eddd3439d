//! Panics on purpose: tests have tellings end in one, to prove that nobody misses anything. Otherwise there are none.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many are still to come.
#[derive(Default)]
pub(super) struct PanicsOnPurpose {
    left: AtomicUsize,
}

impl PanicsOnPurpose {
    /// A telling is about to begin.
    pub(super) fn pass(&self) {
        let one_less = |left: usize| left.checked_sub(1);
        let was_one_left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        assert!(!was_one_left, "a panic on purpose");
    }

    /// From now on so many tellings end in a panic.
    #[cfg(test)]
    pub(super) fn come(&self, count: usize) {
        self.left.store(count, Ordering::SeqCst);
    }
}
