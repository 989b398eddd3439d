//! Power cuts: what a client received while one went on proves nothing.
//!
//! An answer that races the cut is unknown, not acknowledged: a forced shutdown may let a sync in flight answer
//! well without having reached the disk. A kill -9 has no such moment, for the system keeps what was written.

/// The times in which power was going away, sorted, without overlap.
#[derive(Debug, Default)]
pub(crate) struct CutWindows {
    /// Begin (included) and end (not included), nanoseconds.
    windows: Vec<(u64, u64)>,
}

impl CutWindows {
    /// `cuts` are begin and, where the driver wrote it, end. A cut without an end lasts until the next of `ends`
    /// (server restarts and heals), or for ever.
    pub(crate) fn new(cuts: &[(u64, Option<u64>)], mut ends: Vec<u64>) -> Self {
        ends.sort_unstable();
        let mut windows: Vec<(u64, u64)> = cuts
            .iter()
            .map(|&(t, t_end)| {
                let next = ends.partition_point(|&end| end <= t);
                (t, t_end.unwrap_or_else(|| ends.get(next).copied().unwrap_or(u64::MAX)))
            })
            .collect();
        windows.sort_unstable();
        windows.dedup_by(|later, earlier| {
            let overlap = later.0 <= earlier.1;
            if overlap {
                earlier.1 = earlier.1.max(later.1);
            }
            overlap
        });
        Self { windows }
    }

    /// Whether something received at `t` raced a cut.
    pub(crate) fn cover(&self, t: u64) -> bool {
        let begun = self.windows.partition_point(|&(begin, _)| begin <= t);
        begun > 0 && t < self.windows[begun - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_where_written_or_at_the_restart() {
        let windows = CutWindows::new(&[(10, Some(20)), (30, None), (15, Some(22))], vec![5, 35, 50]);
        let covered: Vec<u64> = (0..60).filter(|&t| windows.cover(t)).collect();
        let expected: Vec<u64> = (10..22).chain(30..35).collect();
        assert_eq!(covered, expected);
    }

    #[test]
    fn a_cut_that_nothing_follows_lasts() {
        let windows = CutWindows::new(&[(10, None)], vec![3]);
        assert!(!windows.cover(9) && windows.cover(10) && windows.cover(u64::MAX - 1));
    }
}
