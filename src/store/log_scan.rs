//! Reading a whole commit log: every segment in order, every checksum of the chain, and what became of the last batch.
//!
//! The segments before the last one count exactly up to where the next header says; anything wrong there is damage. In
//! the last segment the first frame that is not valid ends the log. If only zeros follow, that is the plain end. Else it
//! is a torn batch, provided that one unfinished append can have left those bytes; if not, or if a valid frame follows,
//! it is damage.

use super::files::{FileFault, Files, LogFile};
use super::log_batch::{
    Batch, Chain, FRAME_ALIGN_BYTES, FRAME_HEADER_BYTES, FrameHeader, OwnedBatch, StoreId, frame_bytes,
};
use super::log_fault::LogFault;
use super::log_segment::{BadHeader, SEGMENT_HEADER_BYTES, SegmentHeader, segment_name, segment_number};
use crate::model::Version;

/// Files are read in pieces of at least this size.
const READ_PIECE_BYTES: usize = 256 * 1024;

/// A segment that is not written any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClosedSegment {
    pub(super) number: u64,
    /// Byte up to which it counts.
    pub(super) counts_to: u64,
    /// First version in it; nothing if it has no batch that counts.
    pub(super) first: Option<Version>,
    /// Last version up to its end, from an earlier segment if it has none itself.
    pub(super) last: Version,
    /// Length of its file.
    pub(super) bytes: u64,
}

/// What was found in the directory.
#[derive(Debug)]
pub(super) struct Scan {
    /// Every segment, oldest first; the last one counts up to where `batch` begins in it.
    pub(super) segments: Vec<ClosedSegment>,
    /// Chain value at the end of what counts in `segments`.
    pub(super) chain: Chain,
    /// The last whole batch, if it is in the last segment: it may be in memory only.
    pub(super) batch: Option<OwnedBatch>,
    /// Behind the last whole batch lies an unfinished one.
    pub(super) torn: bool,
}

impl Scan {
    /// Version with which the segments end, without the batch in doubt.
    pub(super) fn counted_version(&self) -> Version {
        self.segments.last().map_or(Version(0), |segment| segment.last)
    }

    /// Last version found; 0 if there is none.
    pub(super) fn last_version(&self) -> Version {
        self.batch.as_ref().map_or(self.counted_version(), |batch| batch.last)
    }
}

/// Reads the log in `files` and hands every batch but one in doubt to `visit`. Changes nothing.
///
/// # Errors
/// [`LogFault`]: damage of any kind, a disk that fails, or what `visit` returned.
pub(super) fn scan(
    files: &dyn Files,
    store: StoreId,
    visit: &mut dyn FnMut(Batch<'_>) -> Result<(), LogFault>,
) -> Result<Scan, LogFault> {
    let headers = read_headers(files, store)?;
    let mut found = Scan { segments: Vec::new(), chain: store.chain_start(), batch: None, torn: false };
    for (at, header) in headers.iter().enumerate() {
        let file = files.open(&segment_name(header.number))?;
        let bytes = file.len()?;
        let mut walk = SegmentWalk::new(&*file, bytes, *header);
        match headers.get(at + 1) {
            Some(next) => walk.go_to_stated_end(next, visit)?,
            None => (found.batch, found.torn) = walk.go_to_found_end(visit)?,
        }
        let end = walk.position;
        found.chain = end.chain;
        found.segments.push(ClosedSegment {
            number: header.number,
            counts_to: end.at,
            first: end.first,
            last: end.last,
            bytes,
        });
    }
    Ok(found)
}

/// The headers of all segments, which must follow each other without a hole.
fn read_headers(files: &dyn Files, store: StoreId) -> Result<Vec<SegmentHeader>, LogFault> {
    let numbers: Vec<u64> = files.list()?.iter().filter_map(|name| segment_number(name)).collect();
    let mut headers = Vec::with_capacity(numbers.len());
    for (at, &segment) in numbers.iter().enumerate() {
        let expected = numbers[0] + at as u64;
        if segment != expected {
            return Err(LogFault::Missing { segment: expected });
        }
        let mut block = vec![0; SEGMENT_HEADER_BYTES];
        let read = files.open(&segment_name(segment))?.read_at(0, &mut block)?;
        let header = SegmentHeader::parse(&block[..read], store).map_err(|bad| match bad {
            BadHeader::Damaged => LogFault::Damaged { segment, offset: 0 },
            BadHeader::Format(format) => LogFault::Format { segment, format },
            BadHeader::Foreign => LogFault::Foreign { segment },
        })?;
        if header.number != segment {
            return Err(LogFault::Misplaced { segment, is: header.number });
        }
        headers.push(header);
    }
    Ok(headers)
}

/// Where a walk through a segment stands, between two frames.
#[derive(Debug, Clone, Copy)]
struct Position {
    /// Where the next frame is expected.
    at: u64,
    /// Chain value before it.
    chain: Chain,
    /// First version of the segment so far.
    first: Option<Version>,
    /// Last version so far.
    last: Version,
}

/// Goes through one segment, frame by frame.
struct SegmentWalk<'a> {
    window: Window<'a>,
    header: SegmentHeader,
    position: Position,
}

impl<'a> SegmentWalk<'a> {
    fn new(file: &'a dyn LogFile, length: u64, header: SegmentHeader) -> SegmentWalk<'a> {
        let position = Position {
            at: SEGMENT_HEADER_BYTES as u64,
            chain: header.chain,
            first: None,
            last: header.versions_above,
        };
        SegmentWalk { window: Window { file, length, start: 0, bytes: Vec::new() }, header, position }
    }

    /// Up to where the next segment's header says that this one counts, which must be reached exactly.
    fn go_to_stated_end(
        &mut self,
        next: &SegmentHeader,
        visit: &mut dyn FnMut(Batch<'_>) -> Result<(), LogFault>,
    ) -> Result<(), LogFault> {
        while self.position.at < next.previous_counts_to {
            let Some((frame, batch)) = self.next()? else {
                return Err(self.damaged());
            };
            visit(batch)?;
            self.advance(&frame);
        }
        let Position { at, chain, last, .. } = self.position;
        let agrees = at == next.previous_counts_to && chain == next.chain && last == next.versions_above;
        if agrees { Ok(()) } else { Err(self.damaged()) }
    }

    /// Up to the last batch of the log, which is held back and returned: whatever follows, it may be in memory only.
    /// Also whether a torn batch lies behind it.
    fn go_to_found_end(
        &mut self,
        visit: &mut dyn FnMut(Batch<'_>) -> Result<(), LogFault>,
    ) -> Result<(Option<OwnedBatch>, bool), LogFault> {
        let bytes = self.window.length;
        if bytes < self.header.segment_bytes {
            // It had its whole length before it had its name, so no crash can have shortened it.
            return Err(LogFault::Damaged { segment: self.header.number, offset: bytes });
        }
        let mut held: Option<(Position, OwnedBatch)> = None;
        loop {
            let before = self.position;
            let Some((frame, batch)) = self.next()? else { break };
            let batch = OwnedBatch::from(batch);
            self.advance(&frame);
            if let Some((_, earlier)) = held.replace((before, batch)) {
                visit(earlier.as_batch())?;
            }
        }
        let torn = self.ends_torn()?;
        Ok(match held {
            Some((before, batch)) => {
                self.position = before;
                (Some(batch), torn)
            }
            None => (None, torn),
        })
    }

    /// The frame at the current position, if it is valid and continues the chain.
    fn next(&mut self) -> Result<Option<(FrameHeader, Batch<'_>)>, FileFault> {
        let at = self.position.at;
        let Some(frame) = FrameHeader::parse(self.window.get(at, FRAME_HEADER_BYTES)?, self.header.store)
        else {
            return Ok(None);
        };
        if !self.continues(&frame) {
            return Ok(None);
        }
        let batch = frame.batch(self.window.get(at, frame.frame_bytes())?);
        Ok(batch.map(|batch| (frame, batch)))
    }

    fn continues(&self, frame: &FrameHeader) -> bool {
        frame.previous == self.position.chain && self.may_follow(frame)
    }

    /// Whether the frame may stand somewhere behind the current position.
    fn may_follow(&self, frame: &FrameHeader) -> bool {
        self.position.last < frame.first
            && frame.first <= frame.last
            && frame.payload_bytes <= self.header.batch_bytes_max
    }

    fn advance(&mut self, frame: &FrameHeader) {
        self.position = Position {
            at: self.position.at + frame.frame_bytes() as u64,
            chain: frame.chain,
            first: self.position.first.or(Some(frame.first)),
            last: frame.last,
        };
    }

    /// Whether an unfinished append lies behind the last valid frame; false if there are only zeros.
    ///
    /// One append writes one frame, so what it left lies within the longest frame, or within the frame's own length if
    /// its header is whole, and has no valid frame behind it. Anything else was synced once, and is damage.
    fn ends_torn(&mut self) -> Result<bool, LogFault> {
        let at = self.position.at;
        let Some(last_byte) = self.window.last_non_zero(at)? else {
            return Ok(false);
        };
        let header = FrameHeader::parse(self.window.get(at, FRAME_HEADER_BYTES)?, self.header.store);
        let frame_bytes = match header {
            Some(frame) if self.continues(&frame) => frame.frame_bytes(),
            Some(_) => return Err(self.damaged()),
            None => frame_bytes(self.header.batch_bytes_max as usize),
        };
        let is_too_long = last_byte >= at + frame_bytes as u64;
        if is_too_long || (header.is_none() && self.has_frame_between(at, last_byte)?) {
            return Err(self.damaged());
        }
        Ok(true)
    }

    /// Whether a valid frame with later versions begins behind `at`, at most at `last_byte`.
    fn has_frame_between(&mut self, at: u64, last_byte: u64) -> Result<bool, FileFault> {
        let mut place = at + FRAME_ALIGN_BYTES as u64;
        while place <= last_byte {
            let header = FrameHeader::parse(self.window.get(place, FRAME_HEADER_BYTES)?, self.header.store);
            if let Some(frame) = header.filter(|frame| self.may_follow(frame))
                && frame.batch(self.window.get(place, frame.frame_bytes())?).is_some()
            {
                return Ok(true);
            }
            place += FRAME_ALIGN_BYTES as u64;
        }
        Ok(false)
    }

    fn damaged(&self) -> LogFault {
        LogFault::Damaged { segment: self.header.number, offset: self.position.at }
    }
}

/// A piece of the file in memory: at most the longest frame, or one piece if that is more.
struct Window<'a> {
    file: &'a dyn LogFile,
    /// Length of the file.
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// Up to `length` bytes from `at`; fewer where the file ends.
    fn get(&mut self, at: u64, length: usize) -> Result<&[u8], FileFault> {
        let end = self.length.min(at + length as u64);
        let is_held = self.start <= at && end <= self.start + self.bytes.len() as u64;
        if !is_held {
            let piece = (self.length.saturating_sub(at)).min(length.max(READ_PIECE_BYTES) as u64);
            self.bytes.resize(piece as usize, 0);
            let read = self.file.read_at(at, &mut self.bytes)?;
            self.bytes.truncate(read);
            self.start = at;
        }
        let from =
            usize::try_from(at - self.start).expect("a window is far below 4 GiB").min(self.bytes.len());
        Ok(&self.bytes[from..self.bytes.len().min(from + length)])
    }

    /// Position of the last byte from `at` on that is not zero.
    fn last_non_zero(&mut self, at: u64) -> Result<Option<u64>, FileFault> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let mut found = None;
        let mut piece_at = at;
        loop {
            let piece = self.get(piece_at, READ_PIECE_BYTES)?;
            if piece.is_empty() {
                return Ok(found);
            }
            for (index, block) in piece.chunks(ZEROS.len()).enumerate().rev() {
                // Comparing whole blocks first keeps the end of a large preallocated segment cheap.
                if *block != ZEROS[..block.len()]
                    && let Some(last) = block.iter().rposition(|&byte| byte != 0)
                {
                    found = Some(piece_at + (index * ZEROS.len() + last) as u64);
                    break;
                }
            }
            piece_at += piece.len() as u64;
        }
    }
}
