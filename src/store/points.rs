//! Points of the monitor on disk: minutes, and five minutes and hours rolled up from them.
//!
//! A directory of its own beside log and index, since points are nobody's data and must cost no commit. Each resolution
//! has a row of chunks, `points_chunk`; rows are appended, and a chunk is synced when the next one begins: the end of the
//! process loses nothing that was appended, a power cut what the system had not written yet, usually half a minute.
//!
//! Longer stretches are written when the next one begins. They can always be computed from the minutes, so a start adds
//! those that are lacking, and a crash between the two files costs nothing.
//!
//! As many chunks are kept as the retention asks for, the newest: by number and not by the clock, so that a clock that
//! is years ahead for a moment removes one chunk and not everything.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

pub use super::points_retention::PointRetention;
use super::{
    files::{FileFault, Files, LogFile},
    points_chunk::{ChunkWriter, HEADER_BYTES, ROWS, chunk_of, header, read},
    points_roll_up::roll_up,
};
use crate::model::{PointRow, Resolution};

/// Bytes of a chunk: rows that would not fit are not written, as on a full disk. Source: 1,440 rows of 1,000 ids whose
/// values all change by 2³².
const CHUNK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Numbers of chunks. Source: a thousand million days are enough, and no number overflows.
const NUMBERS: i64 = 1_000_000_000;

/// Stored minutes that a clock which went back may take back. Source: a clock that was ahead was so for less than a day
/// before somebody saw it; where more lies ahead, it is the clock of now that is wrong, as after a start without a battery.
const FORGOTTEN_MINUTES_MAX: usize = 1440;

/// Minutes that a start hands to the curves: the last day, and the running hour.
const START_MINUTES: i64 = 25 * 60;

/// The stored points. One owner, who lets one thread at a time at it.
pub struct PointStore {
    files: Arc<dyn Files>,
    retention: PointRetention,
    /// The chunk that is written to, by resolution; nothing before the first row, and after a fault.
    open: [Option<OpenChunk>; 3],
    /// Stored minutes from the beginning of the newest one's hour on: at most 60.
    running: Vec<PointRow>,
    /// The newest stored stretch by resolution.
    newest: [Option<i64>; 3],
    /// Chunks that did not end with a whole frame when they were read to be written to.
    torn: u64,
    /// After a fault: what the fields above say is read anew before anything is written.
    is_behind: bool,
}

struct OpenChunk {
    number: i64,
    file: Box<dyn LogFile>,
    length: u64,
    writer: ChunkWriter,
}

impl PointStore {
    /// The points of a directory, of which nothing is read yet.
    #[must_use]
    pub fn new(files: Arc<dyn Files>, retention: PointRetention) -> PointStore {
        PointStore {
            files,
            retention,
            open: [None, None, None],
            running: Vec::new(),
            newest: [None; 3],
            torn: 0,
            is_behind: true,
        }
    }

    /// The minutes of the last day that was counted, oldest first. Longer stretches that are lacking are added before.
    ///
    /// # Errors
    /// [`FileFault`]: a file could not be read or written. What a file says wrongly is no fault; see [`PointStore::torn`].
    pub fn last_day(&mut self) -> Result<Vec<PointRow>, FileFault> {
        self.catch_up()?;
        match self.newest_minute() {
            Some(newest) => {
                self.stored(Resolution::Minute, newest.saturating_sub(START_MINUTES - 1)..newest + 1)
            }
            None => Ok(Vec::new()),
        }
    }

    /// For how long points are kept.
    #[must_use]
    pub fn retention(&self) -> PointRetention {
        self.retention
    }

    /// The newest minute that is stored.
    #[must_use]
    pub fn newest_minute(&self) -> Option<i64> {
        self.newest[Resolution::Minute as usize]
    }

    /// Chunks that ended in the middle of a frame and were cut there: the newest rows before a crash are lost.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// Appends minutes, oldest first; none is older than the newest that is stored, which may be given once more.
    ///
    /// # Errors
    /// [`FileFault`]: of the minutes, those after [`PointStore::newest_minute`] are not stored. It may be called again.
    ///
    /// # Panics
    /// If a minute is older than what is stored: the caller's bug.
    pub fn append(&mut self, minutes: &[PointRow]) -> Result<(), FileFault> {
        self.catch_up()?;
        self.is_behind = true;
        for of_chunk in minutes.chunk_by(|a, b| chunk_of(a.slot) == chunk_of(b.slot)) {
            let newest = self.newest_minute();
            assert!(
                newest.is_none_or(|newest| of_chunk[0].slot >= newest),
                "minutes are stored in their order"
            );
            self.append_to(Resolution::Minute, of_chunk)?;
            for minute in of_chunk {
                self.note_running(minute)?;
            }
        }
        self.is_behind = false;
        Ok(())
    }

    /// Whether a clock that went back to this minute is to be believed: what lies ahead of it is not more than it may take
    /// back.
    ///
    /// # Errors
    /// [`FileFault`]: it could not be read.
    pub fn may_forget_from(&self, minute: i64) -> Result<bool, FileFault> {
        let mut ahead = 0;
        for chunk in self.chunks(Resolution::Minute)?.into_iter().filter(|chunk| *chunk >= chunk_of(minute)) {
            ahead += self.chunk(Resolution::Minute, chunk)?.iter().filter(|row| row.slot >= minute).count();
        }
        Ok(ahead <= FORGOTTEN_MINUTES_MAX)
    }

    /// Takes back this minute and all after it, as if they had not been counted.
    ///
    /// # Errors
    /// [`FileFault`]: nothing or part of it was done; it may be called again.
    pub fn forget_from(&mut self, minute: i64) -> Result<(), FileFault> {
        self.open = [None, None, None];
        self.is_behind = true;
        // The longest first: minutes that are still there can make the others once more.
        for resolution in Resolution::ALL.into_iter().rev() {
            let from = resolution.slot_of(minute);
            for chunk in self.chunks(resolution)?.into_iter().rev().filter(|chunk| *chunk >= chunk_of(from)) {
                if chunk > chunk_of(from) {
                    self.files.remove(&name(resolution, chunk))?;
                    continue;
                }
                let mut open = self.open_chunk(resolution, chunk)?;
                let mut bytes = Vec::new();
                open.writer.put_forget(&mut bytes, from);
                open.append(&bytes)?;
            }
        }
        self.catch_up()
    }

    /// The rows of these stretches, oldest first, with the values of these ids alone. The newest one of a longer
    /// resolution may be running: it has what its minutes add up to so far.
    ///
    /// # Errors
    /// [`FileFault`].
    pub fn rows(
        &self,
        resolution: Resolution,
        slots: Range<i64>,
        ids: RangeInclusive<u32>,
    ) -> Result<Vec<PointRow>, FileFault> {
        let mut rows = Vec::new();
        // Chunk by chunk, so that the other ids of years are never in memory together.
        for chunk in self.chunks_of(resolution, &slots)? {
            let of_chunk = self.chunk(resolution, chunk)?;
            let within = of_chunk.iter().filter(|row| slots.contains(&row.slot));
            rows.extend(within.map(|row| row.only(&ids)));
        }
        if resolution != Resolution::Minute {
            let stored = self.newest[resolution as usize];
            let is_running =
                |row: &PointRow| slots.contains(&row.slot) && stored.is_none_or(|s| row.slot > s);
            let running = roll_up(&self.running, resolution);
            rows.extend(running.iter().filter(|row| is_running(row)).map(|row| row.only(&ids)));
        }
        Ok(rows)
    }

    /// Keeps a minute that was stored, and writes the stretches that it ended.
    fn note_running(&mut self, minute: &PointRow) -> Result<(), FileFault> {
        self.running.pop_if(|row| row.slot == minute.slot);
        let before = self.running.last().map(|row| row.slot);
        for resolution in [Resolution::FiveMinutes, Resolution::Hour] {
            let ended = before.map(|slot| resolution.slot_of(slot)).filter(|ended| {
                *ended < resolution.slot_of(minute.slot)
                    && self.newest[resolution as usize].is_none_or(|stored| stored < *ended)
            });
            if let Some(ended) = ended {
                let of_it = self.running.iter().filter(|row| resolution.slot_of(row.slot) == ended);
                let rows = roll_up(of_it, resolution);
                self.append_to(resolution, &rows)?;
            }
        }
        let hour = Resolution::Hour.slot_of(minute.slot);
        self.running.retain(|row| Resolution::Hour.slot_of(row.slot) == hour);
        self.running.push(minute.clone());
        Ok(())
    }

    /// Writes the longer stretches of a chunk of minutes that are not stored, but for the running one.
    fn add_lacking(&mut self, resolution: Resolution, chunk: i64) -> Result<(), FileFault> {
        let (Some(newest), stored) = (self.newest_minute(), self.newest[resolution as usize]) else {
            return Ok(());
        };
        let is_lacking = |slot: i64| slot < resolution.slot_of(newest) && stored.is_none_or(|s| slot > s);
        // Chunks of minutes begin and end with an hour.
        if !(chunk * ROWS..(chunk + 1) * ROWS).step_by(5).any(|minute| is_lacking(resolution.slot_of(minute)))
        {
            return Ok(());
        }
        let mut rows = roll_up(&self.chunk(Resolution::Minute, chunk)?, resolution);
        rows.retain(|row| is_lacking(row.slot));
        for of_chunk in rows.chunk_by(|a, b| chunk_of(a.slot) == chunk_of(b.slot)) {
            self.append_to(resolution, of_chunk)?;
        }
        Ok(())
    }

    /// Reads what was stored last, and adds the longer stretches that are lacking.
    fn catch_up(&mut self) -> Result<(), FileFault> {
        if !self.is_behind {
            return Ok(());
        }
        for resolution in Resolution::ALL {
            self.newest[resolution as usize] = self.newest_stored(resolution)?;
        }
        for resolution in [Resolution::FiveMinutes, Resolution::Hour] {
            for chunk in self.chunks(Resolution::Minute)? {
                self.add_lacking(resolution, chunk)?;
            }
        }
        self.running = match self.newest_minute() {
            Some(newest) => {
                let hour = Resolution::Hour.first_minute(Resolution::Hour.slot_of(newest));
                self.stored(Resolution::Minute, hour..newest + 1)?
            }
            None => Vec::new(),
        };
        self.is_behind = false;
        Ok(())
    }

    fn newest_stored(&self, resolution: Resolution) -> Result<Option<i64>, FileFault> {
        for chunk in self.chunks(resolution)?.into_iter().rev() {
            if let Some(row) = self.chunk(resolution, chunk)?.last() {
                return Ok(Some(row.slot));
            }
        }
        Ok(None)
    }

    fn stored(&self, resolution: Resolution, slots: Range<i64>) -> Result<Vec<PointRow>, FileFault> {
        let mut rows = Vec::new();
        for chunk in self.chunks_of(resolution, &slots)? {
            rows.extend(self.chunk(resolution, chunk)?.into_iter().filter(|row| slots.contains(&row.slot)));
        }
        Ok(rows)
    }

    fn chunks_of(&self, resolution: Resolution, slots: &Range<i64>) -> Result<Vec<i64>, FileFault> {
        let mut chunks = self.chunks(resolution)?;
        chunks.retain(|chunk| (chunk_of(slots.start)..=chunk_of(slots.end)).contains(chunk));
        Ok(chunks)
    }

    fn chunk(&self, resolution: Resolution, chunk: i64) -> Result<Vec<PointRow>, FileFault> {
        let bytes = self.files.read_all(&name(resolution, chunk), CHUNK_BYTES_MAX)?;
        Ok(read(&bytes, resolution, chunk).rows)
    }

    /// Numbers of the chunks that are there, ascending.
    fn chunks(&self, resolution: Resolution) -> Result<Vec<i64>, FileFault> {
        let names = self.files.list()?;
        let mut numbers: Vec<i64> = names.iter().filter_map(|file| number(resolution, file)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Appends rows of one chunk.
    fn append_to(&mut self, resolution: Resolution, rows: &[PointRow]) -> Result<(), FileFault> {
        let Some(last) = rows.last() else {
            return Ok(());
        };
        let number = chunk_of(last.slot);
        // Taken out: after a fault it is opened anew, and what was written of it is cut.
        let mut open = match self.open[resolution as usize].take().filter(|open| open.number == number) {
            Some(open) => open,
            None => {
                self.sync_before(resolution, number)?;
                let open = self.open_chunk(resolution, number)?;
                self.expire(resolution)?;
                open
            }
        };
        let mut bytes = Vec::new();
        for row in rows {
            open.writer.put_row(&mut bytes, row);
        }
        open.append(&bytes)?;
        self.open[resolution as usize] = Some(open);
        self.newest[resolution as usize] = Some(last.slot);
        Ok(())
    }

    /// Makes the chunk before this one durable: it is not written to any more.
    fn sync_before(&self, resolution: Resolution, number: i64) -> Result<(), FileFault> {
        if let Some(before) = self.chunks(resolution)?.into_iter().rfind(|chunk| *chunk < number) {
            self.files.open(&name(resolution, before))?.sync_data()?;
            self.files.sync_dir()?;
        }
        Ok(())
    }

    /// Opens a chunk to write behind what is whole of it.
    fn open_chunk(&mut self, resolution: Resolution, number: i64) -> Result<OpenChunk, FileFault> {
        let name = name(resolution, number);
        let writer = ChunkWriter::new(number);
        let (file, whole) = match self.files.exists(&name)? {
            true => {
                let bytes = self.files.read_all(&name, CHUNK_BYTES_MAX)?;
                let whole = read(&bytes, resolution, number).whole_bytes;
                let file = self.files.open(&name)?;
                if whole < bytes.len() {
                    self.torn += 1;
                    file.set_len(whole as u64)?;
                }
                (file, whole)
            }
            false => (self.files.create(&name)?, 0),
        };
        if whole == 0 {
            file.write_at(0, &header(resolution, number))?;
        }
        Ok(OpenChunk { number, file, length: whole.max(HEADER_BYTES) as u64, writer })
    }

    /// Removes the oldest chunks, beyond those that are kept.
    fn expire(&self, resolution: Resolution) -> Result<(), FileFault> {
        let chunks = self.chunks(resolution)?;
        let surplus = chunks.len().saturating_sub(self.retention.chunks(resolution));
        for chunk in &chunks[..surplus] {
            self.files.remove(&name(resolution, *chunk))?;
        }
        Ok(())
    }
}

impl OpenChunk {
    fn append(&mut self, bytes: &[u8]) -> Result<(), FileFault> {
        if self.length as usize + bytes.len() > CHUNK_BYTES_MAX {
            let full = std::io::ErrorKind::StorageFull.into();
            return Err(FileFault::new("write more to", "a file of points", full));
        }
        self.file.write_at(self.length, bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

const fn prefix(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Minute => "minutes-",
        Resolution::FiveMinutes => "five-minutes-",
        Resolution::Hour => "hours-",
    }
}

fn name(resolution: Resolution, chunk: i64) -> String {
    format!("{}{chunk:08}", prefix(resolution))
}

/// The number of a chunk; nothing of a file that is none of ours.
fn number(resolution: Resolution, file: &str) -> Option<i64> {
    let number = file.strip_prefix(prefix(resolution))?.parse().ok()?;
    ((0..NUMBERS).contains(&number) && name(resolution, number) == file).then_some(number)
}
