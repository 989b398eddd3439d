//! ID-Value monitoring: `set` and `add` on numeric ids.
//!
//! The table is fixed when it is made. A report is a look-up in a dense table and one atomic instruction: it takes no
//! lock, allocates nothing and never fails. What no slot takes (an unknown id, a call that does not fit the kind) is
//! counted under [`LOST`].
//!
//! Sums and maxima are spread over [`SHARDS`] shards, each on cache lines of its own, and a thread always reports to
//! the same shard, so that threads do not take lines from each other. `add` and `set` of a gauge are wait-free. `set`
//! of a maximum is wait-free as long as no other thread shares the shard (up to [`SHARDS`] threads); beyond that it
//! repeats only while another thread raises the same maximum at the same instant.
//!
//! All accesses are relaxed: a reader may see one id newer than another, but never a sum that goes down.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::registry::{self, Entry, Kind, LOST};

/// Shards of sums and maxima. Source: four times the cores of the smallest machine that the server is measured on;
/// threads beyond it share shards, which costs time and nothing else.
pub const SHARDS: usize = 16;

/// Values on one line of a shard. Source: x86-64 fetches pairs of 64-byte lines, so 128 bytes keep neighbours apart.
const VALUES_PER_LINE: usize = 16;

/// Largest id that a registry may hold: the look-up table takes two bytes per id up to its largest.
pub const ID_MAX: u32 = 65_535;

/// Largest number of slots of one kind: what fits beside the kind in the two bytes of a place.
const SLOTS_OF_A_KIND_MAX: usize = 1 << 14;

/// The fixed table of values of one process.
#[derive(Debug)]
pub struct Slots {
    registry: &'static [Entry],
    /// By id: where its value lies.
    places: Box<[Place]>,
    sums: [Shard; SHARDS],
    maxima: [Shard; SHARDS],
    /// Highest value of the last period that [`Slots::take_max`] ended, by place.
    ended_maxima: Box<[AtomicU64]>,
    gauges: Box<[Line]>,
    lost: Place,
}

/// Kind and index of a slot in two bytes; 0 is "not registered".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u16);

/// What a place says.
enum Slot {
    None,
    Sum(usize),
    Gauge(usize),
    Max(usize),
}

/// Values that lie on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([AtomicU64; VALUES_PER_LINE]);

/// The values of those threads that report to it.
#[derive(Debug)]
struct Shard(Box<[Line]>);

impl Slots {
    /// A table with every value at 0. Takes 8 bytes × [`SHARDS`] per sum and maximum and 128 bytes per gauge.
    #[must_use]
    pub fn new(registry: &'static [Entry]) -> Slots {
        registry::assert_well_ordered(registry);
        let id_max = registry.last().map_or(0, |entry| entry.id);
        assert!(id_max <= ID_MAX, "the largest id of a registry is {ID_MAX}");
        let mut places = vec![Place::NONE; id_max as usize + 1].into_boxed_slice();
        let [mut sums, mut gauges, mut maxima] = [0usize; 3];
        for entry in registry {
            places[entry.id as usize] = match entry.kind {
                Kind::Sum => Place::next(Place::SUM, &mut sums),
                Kind::Gauge => Place::next(Place::GAUGE, &mut gauges),
                Kind::Max => Place::next(Place::MAX, &mut maxima),
            };
        }
        Slots {
            registry,
            lost: places[LOST as usize],
            places,
            sums: std::array::from_fn(|_| Shard::new(sums)),
            maxima: std::array::from_fn(|_| Shard::new(maxima)),
            ended_maxima: (0..maxima).map(|_| AtomicU64::new(0)).collect(),
            gauges: (0..gauges).map(|_| Line::default()).collect(),
        }
    }

    /// The same table, which takes reports of these ids alone: any other report comes to nothing and is not lost either.
    #[must_use]
    pub fn of_these_alone(mut self, ids: &[u32]) -> Slots {
        for (id, place) in self.places.iter_mut().enumerate() {
            if !ids.iter().any(|kept| *kept as usize == id) {
                *place = Place::NONE;
            }
        }
        self.lost = Place::NONE;
        self
    }

    /// The registry that the table was made for.
    #[must_use]
    pub fn registry(&self) -> &'static [Entry] {
        self.registry
    }

    /// Adds `n` to a sum, or raises a gauge by `n`.
    #[inline]
    pub fn add(&self, id: u32, n: u64) {
        match self.slot(id) {
            Slot::Sum(index) => {
                self.sums[own_shard()].value(index).fetch_add(n, Relaxed);
            }
            Slot::Gauge(index) => {
                self.gauges[index].0[0].fetch_add(n, Relaxed);
            }
            Slot::None | Slot::Max(_) => self.count_lost(),
        }
    }

    /// Lowers a gauge by `n`. A gauge that is lowered more often than raised shows a negative value.
    #[inline]
    pub fn subtract(&self, id: u32, n: u64) {
        match self.slot(id) {
            Slot::Gauge(index) => {
                self.gauges[index].0[0].fetch_sub(n, Relaxed);
            }
            Slot::None | Slot::Sum(_) | Slot::Max(_) => self.count_lost(),
        }
    }

    /// Sets a gauge, or raises a maximum to at least `value`.
    #[inline]
    pub fn set(&self, id: u32, value: u64) {
        match self.slot(id) {
            Slot::Gauge(index) => self.gauges[index].0[0].store(value, Relaxed),
            Slot::Max(index) => {
                let highest = self.maxima[own_shard()].value(index);
                // Most values are not the highest: reading first leaves the line clean.
                if highest.load(Relaxed) < value {
                    highest.fetch_max(value, Relaxed);
                }
            }
            Slot::None | Slot::Sum(_) => self.count_lost(),
        }
    }

    /// The value of an id now; 0 for one that is not registered. A sum is its total since the table was made; a
    /// maximum is the highest of the running period and the one before it, so that a reader between two periods
    /// never finds it empty.
    #[must_use]
    pub fn value(&self, id: u32) -> i64 {
        let bits = match self.slot(id) {
            Slot::Sum(index) => self.total(index),
            Slot::Gauge(index) => self.gauges[index].0[0].load(Relaxed),
            Slot::Max(index) => {
                let running = self.maxima.iter().map(|shard| shard.value(index).load(Relaxed)).max();
                running.unwrap_or(0).max(self.ended_maxima[index].load(Relaxed))
            }
            Slot::None => 0,
        };
        bits.cast_signed()
    }

    /// Ends the running period of a maximum and returns its highest value. One caller only: the ring of minutes.
    /// A value that is set meanwhile belongs to one of the two periods, never to none.
    pub fn take_max(&self, id: u32) -> i64 {
        let Slot::Max(index) = self.slot(id) else {
            return 0;
        };
        let highest = self.maxima.iter().map(|shard| shard.value(index).swap(0, Relaxed)).max().unwrap_or(0);
        self.ended_maxima[index].store(highest, Relaxed);
        highest.cast_signed()
    }

    #[inline]
    fn slot(&self, id: u32) -> Slot {
        self.places.get(id as usize).copied().unwrap_or(Place::NONE).slot()
    }

    #[cold]
    fn count_lost(&self) {
        if let Slot::Sum(index) = self.lost.slot() {
            self.sums[own_shard()].value(index).fetch_add(1, Relaxed);
        }
    }

    fn total(&self, index: usize) -> u64 {
        self.sums.iter().fold(0, |total, shard| total.wrapping_add(shard.value(index).load(Relaxed)))
    }
}

impl Place {
    const NONE: Place = Place(0);
    const SUM: u16 = 1 << 14;
    const GAUGE: u16 = 2 << 14;
    const MAX: u16 = 3 << 14;

    fn next(kind: u16, used: &mut usize) -> Place {
        assert!(*used < SLOTS_OF_A_KIND_MAX, "a registry has at most {SLOTS_OF_A_KIND_MAX} ids of one kind");
        let index = u16::try_from(*used).expect("the number of slots is below the bound just asserted");
        *used += 1;
        Place(kind | index)
    }

    #[inline]
    fn slot(self) -> Slot {
        let index = usize::from(self.0 & (Place::SUM - 1));
        match self.0 & Place::MAX {
            Place::SUM => Slot::Sum(index),
            Place::GAUGE => Slot::Gauge(index),
            Place::MAX => Slot::Max(index),
            _ => Slot::None,
        }
    }
}

impl Shard {
    fn new(values: usize) -> Shard {
        Shard((0..values.div_ceil(VALUES_PER_LINE)).map(|_| Line::default()).collect())
    }

    #[inline]
    fn value(&self, index: usize) -> &AtomicU64 {
        &self.0[index / VALUES_PER_LINE].0[index % VALUES_PER_LINE]
    }
}

/// The shard of the calling thread: threads take the numbers in turn as they first report.
#[inline]
fn own_shard() -> usize {
    static THREADS_SEEN: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    OWN.with(|own| {
        if own.get() == usize::MAX {
            own.set(THREADS_SEEN.fetch_add(1, Relaxed) % SHARDS);
        }
        own.get()
    })
}

#[cfg(test)]
mod tests;
