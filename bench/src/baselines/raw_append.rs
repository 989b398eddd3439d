//! Appending and syncing on the server's file system and nothing else: the most that can be durable here.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

/// Bytes of one record: a message of 200 B and what is around it.
pub const RECORD_BYTES: usize = 220;

/// Bytes that the file is given before it is measured, as a log does: then a sync writes no metadata.
const FILE_BYTES: usize = 64 * 1024 * 1024;

/// What one size of batch reached.
#[derive(Debug, Clone, Copy)]
pub struct RawAppend {
    /// Records per sync.
    pub batch: usize,
    /// Durable records per second.
    pub records_per_s: f64,
    /// Time of one append and sync, median, microseconds.
    pub p50_us: u64,
    /// 99 of 100 are faster.
    pub p99_us: u64,
}

/// Appends batches to a file of its own and syncs each, for so long.
///
/// # Errors
/// When the file system refuses.
pub fn measure(directory: &Path, batch: usize, duration: Duration) -> io::Result<RawAppend> {
    let path = directory.join(format!("raw-{}", std::process::id()));
    let measured = measure_in(&path, batch, duration);
    fs::remove_file(&path)?;
    measured
}

fn measure_in(path: &Path, batch: usize, duration: Duration) -> io::Result<RawAppend> {
    fs::write(path, vec![0; FILE_BYTES])?;
    let mut file = File::options().write(true).open(path)?;
    file.sync_all()?;
    let mut times = Histogram::<u64>::new_with_max(60_000_000, 3).map_err(io::Error::other)?;
    let bytes = vec![b'r'; RECORD_BYTES * batch];
    let (mut position, mut batches, begun) = (0, 0, Instant::now());
    while begun.elapsed() < duration {
        if position + bytes.len() > FILE_BYTES {
            io::Seek::rewind(&mut file)?;
            position = 0;
        }
        let started = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times.saturating_record(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        position += bytes.len();
        batches += 1;
    }
    Ok(RawAppend {
        batch,
        records_per_s: f64::from(batches) * batch as f64 / begun.elapsed().as_secs_f64(),
        p50_us: times.value_at_quantile(0.5),
        p99_us: times.value_at_quantile(0.99),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn larger_batches_are_counted_in_records() {
        let directory = std::env::temp_dir();
        let one = measure(&directory, 1, Duration::from_millis(50)).unwrap();
        assert!(one.records_per_s > 0.0 && one.p50_us <= one.p99_us);
    }
}
