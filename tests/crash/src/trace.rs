//! Reads the trace that `shim/powercut.c` writes: every change below the root, in the order in which it was finished.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const MAGIC: u32 = 0x5455_4350;
const HEADER_BYTES: usize = 56;
/// Bytes read from the trace at a time; a record may be longer.
const CHUNK_BYTES: usize = 4 << 20;

/// One change, or one end of a sync, of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The process that did it.
    pub pid: u32,
    /// CLOCK_MONOTONIC when it was recorded, nanoseconds.
    pub mono_ns: u64,
    /// What happened.
    pub event: Event,
}

/// What a process did. Paths are relative to the root; `open` names one opening of a file within its process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    /// A process began; what an earlier one of the same number had opened is closed.
    Start,
    /// `inode` is the number of the real file, by which a rename that was not recorded is recognised.
    Open {
        open: u64,
        path: String,
        flags: OpenFlags,
        inode: u64,
    },
    Write {
        open: u64,
        offset: u64,
        data: Vec<u8>,
    },
    SetSize {
        open: u64,
        size: u64,
    },
    SetSizeOf {
        path: String,
        size: u64,
    },
    /// `mode` as in fallocate(2).
    Allocate {
        open: u64,
        mode: u16,
        offset: u64,
        length: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    /// The name of a file or of an empty directory went away.
    Remove {
        path: String,
    },
    MakeDir {
        path: String,
    },
    /// `open` 0 means the whole file system. `sync` is unique within the process.
    SyncBegin {
        open: u64,
        sync: u64,
    },
    SyncEnd {
        sync: u64,
        ok: bool,
    },
    Close {
        open: u64,
    },
    Unsupported {
        what: String,
    },
}

/// The open flags that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenFlags {
    /// O_CREAT: the name is made when it does not exist.
    pub create: bool,
    /// O_TRUNC: the file is emptied.
    pub truncate: bool,
}

/// Reads a growing trace from where it stopped last.
#[derive(Debug)]
pub struct TraceReader {
    path: PathBuf,
    offset: u64,
}

impl TraceReader {
    /// Starts at the beginning of `path`, which need not exist yet.
    pub fn new(path: &Path) -> TraceReader {
        TraceReader { path: path.to_owned(), offset: 0 }
    }

    /// Hands every whole record that was added since the last call to `each`, then cuts off a torn last one, so that
    /// the next process appends behind whole records. Call it only while no process writes the trace.
    ///
    /// # Errors
    /// When the trace cannot be read or holds something that is not a record.
    pub fn read_new(&mut self, mut each: impl FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        let file = match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let end = file.metadata()?.len();
        let mut buffer = Vec::new();
        loop {
            let mut used = 0;
            while let Some((record, length)) = parse(&buffer[used..])? {
                each(record)?;
                used += length;
            }
            self.offset += used as u64;
            buffer.drain(..used);
            if !fill(&file, self.offset, end, &mut buffer)? {
                break;
            }
        }
        file.set_len(self.offset)
    }
}

/// Appends the next part of the file to `buffer`, which holds what stands from `start` on. False at the end.
fn fill(file: &File, start: u64, end: u64, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let from = start + buffer.len() as u64;
    let count = usize::try_from(end.saturating_sub(from)).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
    if count == 0 {
        return Ok(false);
    }
    let old = buffer.len();
    buffer.resize(old + count, 0);
    file.read_exact_at(&mut buffer[old..], from)?;
    Ok(true)
}

/// The first record of `bytes` and its length, or `None` when it is not whole.
fn parse(bytes: &[u8]) -> io::Result<Option<(Record, usize)>> {
    if bytes.len() < HEADER_BYTES {
        return Ok(None);
    }
    let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
    if u32_at(0) != MAGIC {
        return Err(invalid("no record where one should begin"));
    }
    let length = u32_at(4) as usize;
    let (path_len, path2_len, data_len) = (u16_at(14) as usize, u16_at(16) as usize, u32_at(20) as usize);
    if length != HEADER_BYTES + path_len + path2_len + data_len {
        return Err(invalid("the lengths of a record disagree"));
    }
    if bytes.len() < length {
        return Ok(None);
    }
    let path_end = HEADER_BYTES + path_len;
    let raw = Raw {
        kind: u16_at(12),
        mode: u16_at(18),
        open: u64_at(32),
        offset: u64_at(40),
        value: u64_at(48),
        path: &bytes[HEADER_BYTES..path_end],
        path2: &bytes[path_end..path_end + path2_len],
        data: &bytes[path_end + path2_len..length],
    };
    let record = Record { pid: u32_at(8), mono_ns: u64_at(24), event: raw.event()? };
    Ok(Some((record, length)))
}

struct Raw<'a> {
    kind: u16,
    mode: u16,
    open: u64,
    offset: u64,
    value: u64,
    path: &'a [u8],
    path2: &'a [u8],
    data: &'a [u8],
}

impl Raw<'_> {
    fn event(&self) -> io::Result<Event> {
        let &Raw { open, offset, value, mode, .. } = self;
        Ok(match self.kind {
            1 => Event::Start,
            2 => Event::Open { open, path: text(self.path)?, flags: open_flags(value), inode: offset },
            3 => Event::Write { open, offset, data: self.data.to_vec() },
            4 if open == 0 => Event::SetSizeOf { path: text(self.path)?, size: value },
            4 => Event::SetSize { open, size: value },
            5 => Event::Allocate { open, mode, offset, length: value },
            6 => Event::Rename { from: text(self.path)?, to: text(self.path2)? },
            7 | 9 => Event::Remove { path: text(self.path)? },
            8 => Event::MakeDir { path: text(self.path)? },
            10 => Event::SyncBegin { open, sync: offset },
            11 => Event::SyncEnd { sync: offset, ok: value == 0 },
            12 => Event::Close { open },
            13 => Event::Unsupported { what: text(self.path)? },
            _ => return Err(invalid("a record of unknown kind")),
        })
    }
}

/// Numbers of O_CREAT and O_TRUNC on Linux.
fn open_flags(flags: u64) -> OpenFlags {
    OpenFlags { create: flags & 0o100 != 0, truncate: flags & 0o1000 != 0 }
}

fn text(bytes: &[u8]) -> io::Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| invalid("a path that is not UTF-8"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("trace: {what}"))
}
