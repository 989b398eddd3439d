//! Minute points of the last 24 hours, in memory. Pure: the time is handed in.
//!
//! A tick ends the open minute when the clock has passed it and keeps one point per id: what a sum gained, the value
//! of a gauge, the highest of a maximum. All registered ids get their point together, so a minute is either present
//! for all of them (a quiet id reads 0) or missing for all.
//!
//! No minute ever gets two points. If the clock jumps
//! - forward, the minutes in between are missing;
//! - back by up to [`HOLD_MINUTES_MAX`], the open minute lasts until the clock has caught up;
//! - back by more, the points that lie ahead of the clock are forgotten and counting goes on at the new time.
//!
//! In every case what was counted meanwhile goes into the next point: sums lose nothing.
//!
//! Points that an earlier process stored can be loaded before the first tick. The clock is then held against them in the
//! same way, and a minute that both processes counted in has one point: [`Kind::combine`] of theirs.
//!
//! Memory: an id that was never anything but 0 costs 24 bytes. One that was takes 400 bytes and, per hour in which it
//! was not always 0, 240 bytes (480 with values of 2³² and above): at most 12.4 KB, so at most
//! [`Minutes::memory_bytes_max`] in all: 7.3 MB for the 587 ids of the framework, 3.8 MB with ordinary values. Host programs
//! can register 256 more: 3.2 MB.

use std::sync::Arc;

use super::registry::{Entry, Kind, assert_well_ordered};
use super::values::Values;
use crate::model::{PointIds, TimeMs};

/// Hours of points kept: the last 24 complete ones and the running one. The oldest makes room for the newest.
const HOURS: usize = 25;
const MINUTES_PER_HOUR: usize = 60;
/// Minutes of the last day: at least as many are kept.
pub const DAY_MINUTES: i64 = 24 * 60;
const _: () = assert!(DAY_MINUTES <= ((HOURS - 1) * MINUTES_PER_HOUR) as i64);
/// Largest step back of the clock that is waited out. Source: what time servers correct in one step is seconds; longer
/// waiting would leave the operator blind.
pub const HOLD_MINUTES_MAX: i64 = 2;

/// Minutes since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(pub i64);

/// Points of all ids by minute.
#[derive(Debug)]
pub struct Minutes {
    ids: PointIds,
    /// The minute that is being counted; `None` before the first tick.
    open: Option<Minute>,
    newest: Option<Minute>,
    /// How often a point was given to all ids.
    emissions: u64,
    /// The first minute of which something is known, by index of the ids: one that stored points lack is missing, and one
    /// that was not registered yet.
    known_from: Box<[Minute]>,
    /// Totals of the sums up to the last point, by index of the ids.
    emitted: Box<[i64]>,
    present: [Present; HOURS],
    series: Box<[Option<Box<Series>>]>,
}

/// Which minutes of an hour have a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Present {
    /// Hours since 1970-01-01 UTC.
    hour: i64,
    /// Bit n is set if minute n of the hour has a point.
    minutes: u64,
}

/// Points of one id, by hour modulo [`HOURS`].
type Series = [Hour; HOURS];

/// Points of one id in one hour, no wider than needed.
#[derive(Debug, Clone, Default)]
enum Hour {
    #[default]
    Zero,
    Narrow(Box<[u32; MINUTES_PER_HOUR]>),
    Wide(Box<[i64; MINUTES_PER_HOUR]>),
}

impl Minute {
    /// The minute in which a moment lies.
    #[must_use]
    pub fn of(now: TimeMs) -> Minute {
        Minute(now.0.div_euclid(60_000))
    }

    /// The minute `n` later, or earlier if `n` is negative.
    #[must_use]
    pub fn plus(self, n: i64) -> Minute {
        Minute(self.0.saturating_add(n))
    }

    /// The moment at which it has passed.
    #[must_use]
    pub fn end(self) -> TimeMs {
        TimeMs(self.0.saturating_add(1).saturating_mul(60_000))
    }

    fn hour(self) -> i64 {
        self.0.div_euclid(60)
    }

    /// Place of the hour in the ring, and of the minute in the hour.
    fn place(self) -> (usize, usize) {
        let ring = self.hour().rem_euclid(HOURS as i64);
        (ring as usize, self.0.rem_euclid(60) as usize)
    }
}

impl Minutes {
    const BYTES_PER_ID: usize = size_of::<Option<Box<Series>>>() + size_of::<i64>() + size_of::<Minute>();

    /// An empty ring for the ids of a registry.
    #[must_use]
    pub fn new(registry: &'static [Entry]) -> Minutes {
        assert_well_ordered(registry);
        Minutes {
            ids: registry.iter().map(|entry| (entry.id, entry.kind)).collect(),
            open: None,
            newest: None,
            emissions: 0,
            known_from: vec![Minute(i64::MIN); registry.len()].into_boxed_slice(),
            emitted: vec![0; registry.len()].into_boxed_slice(),
            present: [Present { hour: i64::MIN, minutes: 0 }; HOURS],
            series: registry.iter().map(|_| None).collect(),
        }
    }

    /// Tells the ring the time. Called at least once a minute, better once a second; the time between two calls is by
    /// how much the edges of a minute are off. `values` are the same at every call.
    ///
    /// Answers from which minute on points were forgotten, if any were.
    pub fn tick(&mut self, now: TimeMs, values: impl Values) -> Option<Minute> {
        let now = Minute::of(now);
        let Some(open) = self.open.or(self.newest.filter(|newest| *newest > now)) else {
            self.open = Some(now);
            return None;
        };
        if now > open {
            self.emit(open, values);
            self.open = Some(now);
        } else if open.0 - now.0 > HOLD_MINUTES_MAX {
            self.forget_from(now);
            self.open = Some(now);
            return Some(now);
        } else {
            self.open = Some(open);
        }
        None
    }

    /// The point of an id: `None` if the minute is missing or the id is not registered.
    #[must_use]
    pub fn point(&self, id: u32, minute: Minute) -> Option<i64> {
        let index = self.index_of(id)?;
        let is_known = self.is_present(minute) && minute >= self.known_from[index];
        is_known.then(|| self.stored(index, minute))
    }

    /// Whether a minute has points.
    #[must_use]
    pub fn is_present(&self, minute: Minute) -> bool {
        let (ring, bit) = minute.place();
        self.present[ring].hour == minute.hour() && self.present[ring].minutes & (1 << bit) != 0
    }

    /// The newest minute that has points; `None` before the first.
    #[must_use]
    pub fn newest(&self) -> Option<Minute> {
        self.newest
    }

    /// How often all ids were given a point: it rises when there is something new to store.
    #[must_use]
    pub fn emissions(&self) -> u64 {
        self.emissions
    }

    fn index_of(&self, id: u32) -> Option<usize> {
        self.ids.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    /// What a sum has gained since its last point; 0 for other kinds and unknown ids.
    #[must_use]
    pub fn residue(&self, id: u32, values: impl Values) -> i64 {
        match self.index_of(id) {
            Some(index) if self.ids[index].1 == Kind::Sum => {
                values.value(id).wrapping_sub(self.emitted[index])
            }
            _ => 0,
        }
    }

    /// Bytes that the points take now, without the overhead of the allocator.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let series = self.series.iter().flatten();
        let touched: usize =
            series.map(|hours| size_of::<Series>() + hours.iter().map(Hour::heap_bytes).sum::<usize>()).sum();
        touched + self.series.len() * Self::BYTES_PER_ID
    }

    /// Bytes that the points of `ids` ids take at most, without the overhead of the allocator.
    #[must_use]
    pub const fn memory_bytes_max(ids: usize) -> usize {
        let points = size_of::<Series>() + HOURS * MINUTES_PER_HOUR * size_of::<i64>();
        ids * (points + Self::BYTES_PER_ID)
    }

    fn emit(&mut self, minute: Minute, mut values: impl Values) {
        self.open_hour(minute);
        let has_point = self.is_present(minute);
        assert!(!has_point || self.newest == Some(minute), "only the newest minute is counted on");
        for (index, (id, kind)) in Arc::clone(&self.ids).iter().enumerate() {
            let value = match kind {
                Kind::Sum => {
                    let total = values.value(*id);
                    total.wrapping_sub(std::mem::replace(&mut self.emitted[index], total))
                }
                Kind::Gauge => values.value(*id),
                Kind::Max => values.take_max(*id),
            };
            let value = if has_point { kind.combine(self.stored(index, minute), value) } else { value };
            self.store(index, minute, value);
            // A minute that was counted on may be one whose stored point lacked the id.
            self.known_from[index] = self.known_from[index].min(minute);
        }
        self.note_present(minute);
        self.emissions += 1;
    }

    fn note_present(&mut self, minute: Minute) {
        let (ring, bit) = minute.place();
        self.present[ring].minutes |= 1 << bit;
        self.newest = Some(minute);
    }

    /// Gives the hour of a minute its place in the ring, in which an older (or mistaken) hour may lie.
    fn open_hour(&mut self, minute: Minute) {
        let (ring, _) = minute.place();
        if self.present[ring].hour == minute.hour() {
            return;
        }
        self.present[ring] = Present { hour: minute.hour(), minutes: 0 };
        for hours in self.series.iter_mut().flatten() {
            hours[ring] = Hour::Zero;
        }
    }

    /// Makes this minute and all later ones missing.
    fn forget_from(&mut self, minute: Minute) {
        for present in &mut self.present {
            if present.hour > minute.hour() {
                present.minutes = 0;
            } else if present.hour == minute.hour() {
                let (_, bit) = minute.place();
                present.minutes &= (1 << bit) - 1;
            }
        }
        self.newest = self
            .present
            .iter()
            .filter(|present| present.minutes != 0)
            .map(|present| Minute(present.hour * 60 + i64::from(present.minutes.ilog2())))
            .max();
    }

    fn stored(&self, index: usize, minute: Minute) -> i64 {
        let (ring, place) = minute.place();
        self.series[index].as_ref().map_or(0, |hours| hours[ring].get(place))
    }

    fn store(&mut self, index: usize, minute: Minute, value: i64) {
        let (ring, place) = minute.place();
        let series = &mut self.series[index];
        match series {
            Some(hours) => hours[ring].put(place, value),
            None if value == 0 => {}
            None => series.insert(Box::default())[ring].put(place, value),
        }
    }
}

impl Hour {
    fn get(&self, place: usize) -> i64 {
        match self {
            Hour::Zero => 0,
            Hour::Narrow(values) => i64::from(values[place]),
            Hour::Wide(values) => values[place],
        }
    }

    fn put(&mut self, place: usize, value: i64) {
        match (&mut *self, u32::try_from(value)) {
            (Hour::Zero, Ok(0)) => {}
            (Hour::Narrow(values), Ok(narrow)) => values[place] = narrow,
            (Hour::Wide(values), _) => values[place] = value,
            (Hour::Zero, Ok(_)) => {
                *self = Hour::Narrow(Box::new([0; MINUTES_PER_HOUR]));
                self.put(place, value);
            }
            (Hour::Zero | Hour::Narrow(_), _) => {
                *self = Hour::Wide(Box::new(std::array::from_fn(|place| self.get(place))));
                self.put(place, value);
            }
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Hour::Zero => 0,
            Hour::Narrow(values) => size_of_val(&**values),
            Hour::Wide(values) => size_of_val(&**values),
        }
    }
}

mod changed;
mod stored;
#[cfg(test)]
mod tests;
