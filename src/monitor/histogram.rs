//! Histograms: a value is counted in its band, in the sum and in the maximum.

/// Upper bounds of the latency bands in µs, inclusive; one more band takes what lies above the last.
///
/// Source: a send is good below 10 ms and an admitted request below 500 ms (the figures that the server promises),
/// with steps of about two around them.
pub const LATENCY_BOUNDS_US: [u64; 9] =
    [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 2_000_000];
/// Number of latency bands.
pub const BAND_COUNT: usize = LATENCY_BOUNDS_US.len() + 1;

/// A block of consecutive ids: one sum per band, the sum of the values, the highest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram {
    /// Id of the lowest band.
    pub first: u32,
    /// Upper bounds of the bands, inclusive and ascending; one more band takes what lies above the last.
    pub bounds: &'static [u64],
}

impl Histogram {
    /// Id of the band in which a value lies.
    #[inline]
    #[must_use]
    pub fn band(&self, value: u64) -> u32 {
        // At most ten bounds, and most values lie in the lowest bands: a walk beats a binary search.
        let mut id = self.first;
        for bound in self.bounds {
            if value <= *bound {
                break;
            }
            id += 1;
        }
        id
    }

    /// Ids of the bands, lowest first.
    #[must_use]
    pub const fn bands(&self) -> std::ops::Range<u32> {
        self.first..self.sum()
    }

    /// Id of the sum of the values.
    #[must_use]
    pub const fn sum(&self) -> u32 {
        self.first + self.bounds.len() as u32 + 1
    }

    /// Id of the highest value.
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.sum() + 1
    }
}
