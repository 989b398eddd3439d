//! The recorder and the rebuilder together, over a real process: a small C program writes below the shim.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use highwater_torture::{
    disk::Disk,
    images::{Image, Policy},
    shim::{Shim, compile},
    trace::TraceReader,
};
use rand::{SeedableRng, rngs::StdRng};

struct Bench {
    dir: tempfile::TempDir,
    shim: Shim,
    writer: PathBuf,
    disk: Disk,
    reader: TraceReader,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let writer = dir.path().join("writer");
        compile(dir.path(), "writer", include_str!("writer.c"), &[], &writer).unwrap();
        let shim = Shim::compile(dir.path()).unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        let reader = TraceReader::new(&dir.path().join("trace"));
        Bench { dir, shim, writer, disk: Disk::empty(), reader }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn run(&mut self, how: &str) {
        let mut command = Command::new(&self.writer);
        command.arg(how).arg(self.root());
        self.shim.record(&mut command, &self.root(), &self.dir.path().join("trace"), 500);
        assert!(command.status().unwrap().success());
    }

    fn read(&mut self) -> std::io::Result<()> {
        let disk = &mut self.disk;
        self.reader.read_new(|record| disk.apply(record))
    }

    fn outcomes(&self, policy: Policy, path: &str) -> BTreeSet<Option<String>> {
        let image = |seed| Image::after_power_cut(&self.disk, policy, &mut StdRng::seed_from_u64(seed));
        (0..200).map(|seed| image(seed).file(path).map(|bytes| String::from_utf8(bytes).unwrap())).collect()
    }
}

fn set(texts: &[Option<&str>]) -> BTreeSet<Option<String>> {
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn synced_bytes_survive_and_unsynced_ones_may_not() {
    let mut bench = Bench::new();
    bench.run("synced");
    bench.read().unwrap();
    assert_eq!(bench.disk.settle(&bench.root()).unwrap(), Vec::<String>::new());
    assert_eq!(bench.outcomes(Policy::Dropped, "file"), set(&[Some("kept")]));
    let either = set(&[Some("kept"), Some("kept lost")]);
    assert_eq!(bench.outcomes(Policy::Pages, "file"), either);
    assert_eq!(bench.outcomes(Policy::Prefix, "file"), either);
}

#[test]
fn sync_file_range_saves_nothing() {
    let mut bench = Bench::new();
    bench.run("range");
    bench.read().unwrap();
    assert_eq!(bench.outcomes(Policy::Dropped, "file"), set(&[Some("")]));
    assert_eq!(bench.outcomes(Policy::Pages, "file"), set(&[Some(""), Some("nothing")]));
}

#[test]
fn a_rename_without_a_sync_of_the_directory_may_be_undone() {
    let mut bench = Bench::new();
    bench.run("rename");
    bench.read().unwrap();
    assert_eq!(bench.outcomes(Policy::Dropped, "file"), set(&[Some("old")]));
    assert_eq!(bench.outcomes(Policy::Pages, "file"), set(&[Some("old"), Some("new")]));
    assert_eq!(bench.outcomes(Policy::Prefix, "file"), set(&[Some("old"), Some("new")]));
}

#[test]
fn a_later_process_syncs_what_an_earlier_one_wrote() {
    let mut bench = Bench::new();
    bench.run("synced");
    bench.read().unwrap();
    assert_eq!(bench.outcomes(Policy::Dropped, "file"), set(&[Some("kept")]));
    bench.run("sync-only");
    bench.read().unwrap();
    assert_eq!(bench.outcomes(Policy::Dropped, "file"), set(&[Some("kept lost")]));
}

#[test]
fn every_call_is_followed_and_the_image_can_be_written() {
    let mut bench = Bench::new();
    bench.run("every-call");
    bench.read().unwrap();
    let root = bench.root();
    assert_eq!(bench.disk.settle(&root).unwrap(), Vec::<String>::new());
    assert_eq!(bench.disk.pending_count(), 0);
    for policy in Policy::ALL {
        let target = bench.dir.path().join(policy.name());
        fs::create_dir(&target).unwrap();
        let image = Image::after_power_cut(&bench.disk, policy, &mut StdRng::seed_from_u64(1));
        image.write_to(&target, &root).unwrap();
        assert_eq!(read(&target, "d/log"), "one two three fourthree ");
        assert_eq!(read(&target, "tail"), "append");
        assert!(!target.join("gone").exists());
        let mode = fs::metadata(target.join("d/log")).unwrap().permissions().mode();
        assert_eq!(mode, fs::metadata(root.join("d/log")).unwrap().permissions().mode());
        let reloaded = Disk::load(&target).unwrap();
        assert_eq!(reloaded.cached("d/log"), bench.disk.cached("d/log"));
    }
}

#[test]
fn a_call_that_was_not_recorded_is_taken_over_as_not_synced() {
    let mut bench = Bench::new();
    bench.run("unrecorded");
    bench.read().unwrap();
    let changes = bench.disk.settle(&bench.root()).unwrap();
    assert_eq!(changes, ["mark.tmp: renamed to mark", "file: size 4", "file: 4 bytes at 0"]);
    assert_eq!(bench.disk.cached("file").unwrap().bytes(), b"late");
    assert_eq!(bench.outcomes(Policy::Dropped, "file"), set(&[None]));
    assert_eq!(bench.disk.settle(&bench.root()).unwrap(), Vec::<String>::new());
}

#[test]
fn what_the_shim_cannot_follow_is_found() {
    let mut bench = Bench::new();
    bench.run("mapped");
    assert!(bench.read().unwrap_err().to_string().contains("shared writable mapping"));

    let mut bench = Bench::new();
    bench.run("unseen");
    bench.read().unwrap();
    let error = bench.disk.settle(&bench.root()).unwrap_err();
    assert!(error.to_string().contains("does not see all changes"), "{error}");
}

#[test]
fn a_torn_last_record_is_cut_off() {
    let mut bench = Bench::new();
    bench.run("synced");
    let trace = bench.dir.path().join("trace");
    let whole = fs::metadata(&trace).unwrap().len();
    let bytes = fs::read(&trace).unwrap();
    fs::write(&trace, [&bytes[..], &bytes[..30]].concat()).unwrap();
    bench.read().unwrap();
    assert_eq!(fs::metadata(&trace).unwrap().len(), whole);
    bench.run("sync-only");
    bench.read().unwrap();
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}
