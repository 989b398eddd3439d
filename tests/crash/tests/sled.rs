//! The recorder sees all that sled does, and shows what is known of it: its flush alone does not survive a power cut.
#![allow(clippy::unwrap_used)]

mod examples;

use std::{fs, path::Path, process::Command};

use highwater_torture::{
    disk::Disk,
    images::{Image, Policy},
    shim::Shim,
    trace::TraceReader,
};
use rand::{SeedableRng, rngs::StdRng};

const RECORDS: usize = 200;

/// Runs the writer under the recorder and returns the disk as it was followed.
fn recorded(dir: &Path, how: &str) -> Disk {
    let (root, trace) = (dir.join("root"), dir.join("trace"));
    fs::create_dir(&root).unwrap();
    let mut command = Command::new(examples::path("sled_writer"));
    command.arg(&root).arg(how);
    Shim::compile(dir).unwrap().record(&mut command, &root, &trace, 0);
    assert!(command.status().unwrap().success());
    let mut disk = Disk::empty();
    TraceReader::new(&trace).read_new(|record| disk.apply(record)).unwrap();
    assert_eq!(disk.settle(&root).unwrap(), Vec::<String>::new(), "the recorder missed something");
    disk
}

/// Records in the store that a cut leaves; none when it does not open.
fn left_after_cut(disk: &Disk, dir: &Path, policy: Policy, seed: u64) -> Option<usize> {
    let target = dir.join(format!("{}-{seed}", policy.name()));
    fs::create_dir(&target).unwrap();
    let image = Image::after_power_cut(disk, policy, &mut StdRng::seed_from_u64(seed));
    image.write_to(&target, &dir.join("root")).unwrap();
    std::panic::catch_unwind(|| {
        let db = sled::Config::new().path(target.join("index")).flush_every_ms(None).open().ok()?;
        Some(db.iter().filter_map(Result::ok).count())
    })
    .unwrap_or(None)
}

#[test]
fn flush_and_sync_survive_every_policy() {
    let dir = tempfile::tempdir().unwrap();
    let disk = recorded(dir.path(), "sync");
    for policy in Policy::ALL {
        for seed in 0..3 {
            let left = left_after_cut(&disk, dir.path(), policy, seed);
            assert_eq!(left, Some(RECORDS), "{} seed {seed}", policy.name());
        }
    }
}

#[test]
fn flush_alone_does_not_survive() {
    let dir = tempfile::tempdir().unwrap();
    let disk = recorded(dir.path(), "flush");
    let left = left_after_cut(&disk, dir.path(), Policy::Dropped, 0);
    assert!(left.is_none_or(|left| left < RECORDS), "{left:?}");
}
