//! Ids of host programs on disk: a file of JSON lines beside the points, which appears whole or not at all.

use std::io;

use serde::{Deserialize, Serialize};

use super::files::{FileFault, Files};
use crate::model::{
    HostId, PointKind, PointUnit,
    host_id::{HOST_ID_NAME_BYTES_MAX, HOST_IDS_MAX},
};

/// The file.
const FILE: &str = "host-ids";
/// What it is written as before it has its name.
const UNFINISHED: &str = "host-ids.new";

/// Bytes of the file; a longer one is none of ours. Source: names are as long as they may be, and a line has some 70 more.
const FILE_BYTES_MAX: usize = HOST_IDS_MAX * (HOST_ID_NAME_BYTES_MAX + 128);

#[derive(Serialize, Deserialize)]
struct Line {
    id: u32,
    name: String,
    kind: String,
    unit: String,
}

/// The ids that were written last, ascending; none if none ever were.
///
/// # Errors
/// [`FileFault`]: it cannot be read, or is not what is written here.
pub fn read(files: &dyn Files) -> Result<Vec<HostId>, FileFault> {
    let bytes = match files.read_all(FILE, FILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(fault) if fault.is_not_found() => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let damaged = || FileFault::new("read", FILE, io::Error::from(io::ErrorKind::InvalidData));
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let ids: Option<Vec<HostId>> = text.lines().map(parsed).collect();
    ids.filter(|ids| ids.len() <= HOST_IDS_MAX && ids.is_sorted_by(|a, b| a.id < b.id)).ok_or_else(damaged)
}

fn parsed(line: &str) -> Option<HostId> {
    let Line { id, name, kind, unit } = serde_json::from_str(line).ok()?;
    Some(HostId { id, name, kind: PointKind::of_name(&kind)?, unit: PointUnit::of_name(&unit)? })
}

/// Writes these in place of what was there; durable when it returns.
///
/// # Errors
/// [`FileFault`]: what was there is there, or the new ones are.
pub fn write(files: &dyn Files, ids: &[HostId]) -> Result<(), FileFault> {
    let line = |id: &HostId| {
        let (kind, unit) = (id.kind.name().to_owned(), id.unit.name().to_owned());
        let line = Line { id: id.id, name: id.name.clone(), kind, unit };
        serde_json::to_string(&line).expect("numbers and names are always JSON") + "\n"
    };
    let text: String = ids.iter().map(line).collect();
    let file = files.create(UNFINISHED)?;
    file.write_at(0, text.as_bytes())?;
    file.sync_all()?;
    files.rename(UNFINISHED, FILE)?;
    files.sync_dir()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        model::host_id::HOST_IDS,
        store::files_faulty::{CutPolicy, FaultyDisk, SeededRandom},
    };

    fn ids(count: u32) -> Vec<HostId> {
        let kinds = [PointKind::Sum, PointKind::Gauge, PointKind::Max];
        let units = [PointUnit::Count, PointUnit::Micros, PointUnit::Bytes];
        let one = |n: u32| HostId {
            id: HOST_IDS.start() + n * 190,
            name: format!("n{n:_>width$}", width = HOST_ID_NAME_BYTES_MAX - 1),
            kind: kinds[n as usize % 3],
            unit: units[n as usize / 3 % 3],
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn as_many_as_there_may_be_come_back() {
        let disk = FaultyDisk::new();
        let files = disk.directory("points");
        assert_eq!(read(&*files).unwrap(), []);
        for count in [HOST_IDS_MAX as u32, 3, 0] {
            write(&*files, &ids(count)).unwrap();
            assert_eq!(read(&*files).unwrap(), ids(count));
        }
    }

    #[test]
    fn a_crash_leaves_the_old_ones_or_the_new_ones_and_what_was_written_stays() {
        for seed in 0..40 {
            let mut random = SeededRandom(seed);
            let disk = FaultyDisk::new();
            write(&*disk.directory("points"), &ids(5)).unwrap();
            for policy in CutPolicy::ALL {
                let cut = disk.after_power_cut(policy, &mut random);
                assert_eq!(read(&*cut.directory("points")).unwrap(), ids(5), "seed {seed}");
            }
        }
        for room in 0..900 {
            let disk = FaultyDisk::new();
            write(&*disk.directory("points"), &ids(5)).unwrap();
            disk.set_capacity(Some(disk.used_bytes() + room));
            let written = write(&*disk.directory("points"), &ids(9)).is_ok();
            let expected = if written { ids(9) } else { ids(5) };
            assert_eq!(read(&*disk.directory("points")).unwrap(), expected, "{room}");
        }
    }

    #[test]
    fn what_is_not_ours_is_a_fault() {
        let disk = FaultyDisk::new();
        write(&*disk.directory("points"), &ids(3)).unwrap();
        for wrong in ["{}\n", "[", "{\"id\":1,\"name\":\"a\",\"kind\":\"mean\",\"unit\":\"count\"}\n"] {
            disk.tamper("points", FILE, |bytes| *bytes = wrong.as_bytes().to_vec());
            assert!(read(&*disk.directory("points")).is_err(), "{wrong}");
        }
    }
}
