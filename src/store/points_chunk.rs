//! Bytes of a chunk of points: a file that is only appended to. Pure. Laid out in `docs/points-format.md`.
//!
//! A chunk is a header and frames. A frame names the ids that the following rows have, or is a row, or takes rows back.
//! A row holds what differs from the row before it: an id that stands still, at 0 or elsewhere, costs nothing. A stretch
//! that is written twice has its last row, so writing again what may have been written is harmless.
//!
//! Reading ends at the first frame that is not whole. What a crash tears is the end, so that costs the newest rows alone.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::varint::{put_i64, put_u64, take_i64, take_u64};
use crate::model::{PointIds, PointKind, PointRow, Resolution};

/// Rows of a chunk: stretches that share a file. Source: a day of minutes; the file of a day is read in milliseconds.
pub(crate) const ROWS: i64 = 1440;

/// Body of a frame, bytes; a longer one is damage. Source: 65,536 ids at 14 bytes each would fit.
const BODY_BYTES_MAX: u64 = 1024 * 1024;

const MAGIC: [u8; 6] = *b"HWPOIN";
const FORMAT: u8 = 1;
pub(crate) const HEADER_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 4;

const TAG_IDS: u8 = 1;
const TAG_ROW: u8 = 2;
const TAG_FORGET: u8 = 3;

/// The chunk of a stretch.
pub(crate) fn chunk_of(slot: i64) -> i64 {
    slot.div_euclid(ROWS)
}

/// The bytes with which a chunk begins.
pub(crate) fn header(resolution: Resolution, chunk: i64) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    out[..6].copy_from_slice(&MAGIC);
    out[6] = FORMAT;
    out[7] = resolution.minutes() as u8;
    out[8..].copy_from_slice(&chunk.to_le_bytes());
    out
}

/// Makes frames; knows what the last row said.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    first_slot: i64,
    ids: Option<PointIds>,
    last: Vec<i64>,
}

impl ChunkWriter {
    /// For a chunk of this number. Its first row is preceded by its ids, whatever the file has already.
    pub(crate) fn new(chunk: i64) -> ChunkWriter {
        ChunkWriter { first_slot: chunk * ROWS, ids: None, last: Vec::new() }
    }

    /// Appends a row; ids before it, if they are not those of the last one.
    pub(crate) fn put_row(&mut self, out: &mut Vec<u8>, row: &PointRow) {
        assert!((0..ROWS).contains(&(row.slot - self.first_slot)), "a row lies in its chunk");
        if self.ids.as_ref() != Some(&row.ids) {
            put_frame(out, &ids_body(&row.ids));
            self.last = vec![0; row.ids.len()];
            self.ids = Some(Arc::clone(&row.ids));
        }
        let mut body = vec![TAG_ROW];
        put_u64(&mut body, (row.slot - self.first_slot).unsigned_abs());
        put_u64(&mut body, u64::from(row.minutes));
        let mut next = 0;
        for (index, (value, last)) in row.values.iter().zip(&mut self.last).enumerate() {
            if value != last {
                put_u64(&mut body, (index - next) as u64);
                put_i64(&mut body, value.wrapping_sub(*last));
                *last = *value;
                next = index + 1;
            }
        }
        put_frame(out, &body);
    }

    /// Takes back the rows of this stretch and of those after it.
    pub(crate) fn put_forget(&self, out: &mut Vec<u8>, from_slot: i64) {
        let mut body = vec![TAG_FORGET];
        put_u64(&mut body, (from_slot - self.first_slot).clamp(0, ROWS).unsigned_abs());
        put_frame(out, &body);
    }
}

fn ids_body(ids: &PointIds) -> Vec<u8> {
    let mut body = vec![TAG_IDS];
    put_u64(&mut body, ids.len() as u64);
    let mut next = 0;
    for (id, kind) in ids.iter() {
        let kind = match kind {
            PointKind::Sum => 0,
            PointKind::Gauge => 1,
            PointKind::Max => 2,
        };
        put_u64(&mut body, u64::from(id - next) << 2 | kind);
        next = id + 1;
    }
    body
}

fn put_frame(out: &mut Vec<u8>, body: &[u8]) {
    put_u64(out, body.len() as u64);
    out.extend_from_slice(&checksum(body));
    out.extend_from_slice(body);
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    (xxh3_64(body) as u32).to_le_bytes()
}

/// What a chunk says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Ascending, one per stretch.
    pub(crate) rows: Vec<PointRow>,
    /// Bytes up to the end of the last whole frame.
    pub(crate) whole_bytes: usize,
}

/// Reads a chunk as far as it is whole; nothing of one whose header is not that of this chunk.
pub(crate) fn read(bytes: &[u8], resolution: Resolution, chunk: i64) -> Chunk {
    let mut found = Chunk::default();
    let Some(mut rest) = bytes.strip_prefix(&header(resolution, chunk)) else {
        return found;
    };
    let mut state = Reading { first_slot: chunk * ROWS, ids: None, last: Vec::new() };
    found.whole_bytes = HEADER_BYTES;
    while let Some(body) = take_frame(&mut rest) {
        if state.take(body, &mut found.rows).is_none() {
            break;
        }
        found.whole_bytes = bytes.len() - rest.len();
    }
    found
}

fn take_frame<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_u64(rest).ok().filter(|length| (1..=BODY_BYTES_MAX).contains(length))? as usize;
    let (sum, behind) = rest.split_at_checked(CHECKSUM_BYTES)?;
    let (body, behind) = behind.split_at_checked(length)?;
    *rest = behind;
    (sum == checksum(body)).then_some(body)
}

struct Reading {
    first_slot: i64,
    ids: Option<PointIds>,
    last: Vec<i64>,
}

impl Reading {
    /// Nothing if the frame does not say what one can say.
    fn take(&mut self, body: &[u8], rows: &mut Vec<PointRow>) -> Option<()> {
        let (tag, mut body) = body.split_first()?;
        match *tag {
            TAG_IDS => {
                let ids = take_ids(&mut body)?;
                self.last = vec![0; ids.len()];
                self.ids = Some(ids);
            }
            TAG_ROW => {
                let row = self.take_row(&mut body)?;
                let at = rows.partition_point(|stored| stored.slot < row.slot);
                match rows.get_mut(at) {
                    Some(stored) if stored.slot == row.slot => *stored = row,
                    _ => rows.insert(at, row),
                }
            }
            TAG_FORGET => {
                let from = self.take_slot(&mut body, ROWS)?;
                rows.truncate(rows.partition_point(|stored| stored.slot < from));
            }
            _ => return None,
        }
        body.is_empty().then_some(())
    }

    fn take_slot(&self, body: &mut &[u8], max: i64) -> Option<i64> {
        let place = i64::try_from(take_u64(body).ok()?).ok().filter(|place| *place <= max)?;
        self.first_slot.checked_add(place)
    }

    fn take_row(&mut self, body: &mut &[u8]) -> Option<PointRow> {
        let ids = Arc::clone(self.ids.as_ref()?);
        let slot = self.take_slot(body, ROWS - 1)?;
        let minutes = u32::try_from(take_u64(body).ok()?).ok()?;
        let mut next = 0usize;
        while !body.is_empty() {
            let index = next.checked_add(usize::try_from(take_u64(body).ok()?).ok()?)?;
            let value = self.last.get_mut(index)?;
            *value = value.wrapping_add(take_i64(body).ok()?);
            next = index + 1;
        }
        Some(PointRow { slot, minutes, ids, values: self.last.clone().into_boxed_slice() })
    }
}

fn take_ids(body: &mut &[u8]) -> Option<PointIds> {
    // An id takes a byte at least: no more are asked for than there can be.
    let count = usize::try_from(take_u64(body).ok()?).ok().filter(|count| *count <= body.len())?;
    let mut ids = Vec::with_capacity(count);
    let mut next = 0u32;
    for _ in 0..count {
        let coded = take_u64(body).ok()?;
        let kind = match coded & 3 {
            0 => PointKind::Sum,
            1 => PointKind::Gauge,
            2 => PointKind::Max,
            _ => return None,
        };
        let id = next.checked_add(u32::try_from(coded >> 2).ok()?)?;
        ids.push((id, kind));
        next = id.checked_add(1)?;
    }
    Some(ids.into())
}
