//! The rebuilder against hand-made traces: what survives a power cut under each policy, and what may not.
#![allow(clippy::unwrap_used)]

use highwater_torture::{
    disk::Disk,
    images::{Image, Policy},
    trace::{Event, OpenFlags, Record},
};
use rand::{SeedableRng, rngs::StdRng};

const PAGE: u64 = 4096;

struct Trace {
    disk: Disk,
    pid: u32,
    syncs: u64,
}

impl Trace {
    fn new() -> Trace {
        Trace { disk: Disk::empty(), pid: 1, syncs: 0 }
    }

    fn add(&mut self, event: Event) -> &mut Trace {
        self.disk.apply(Record { pid: self.pid, mono_ns: 0, event }).unwrap();
        self
    }

    fn open(&mut self, open: u64, path: &str) -> &mut Trace {
        let flags = OpenFlags { create: true, truncate: false };
        self.add(Event::Open { open, path: path.into(), flags, inode: open })
    }

    fn write(&mut self, open: u64, offset: u64, data: &[u8]) -> &mut Trace {
        self.add(Event::Write { open, offset, data: data.to_vec() })
    }

    fn begin(&mut self, open: u64) -> u64 {
        self.syncs += 1;
        self.add(Event::SyncBegin { open, sync: self.syncs });
        self.syncs
    }

    fn end(&mut self, sync: u64) -> &mut Trace {
        self.add(Event::SyncEnd { sync, ok: true })
    }

    fn sync(&mut self, open: u64) -> &mut Trace {
        let sync = self.begin(open);
        self.end(sync)
    }

    fn sync_root(&mut self) -> &mut Trace {
        self.open_dir(90, "").sync(90)
    }

    fn open_dir(&mut self, open: u64, path: &str) -> &mut Trace {
        self.add(Event::Open { open, path: path.into(), flags: OpenFlags::default(), inode: 0 })
    }

    fn image(&self, policy: Policy, seed: u64) -> Image {
        Image::after_power_cut(&self.disk, policy, &mut StdRng::seed_from_u64(seed))
    }

    fn dropped(&self, path: &str) -> Option<Vec<u8>> {
        self.image(Policy::Dropped, 0).file(path)
    }

    /// What the policies make of a file over many seeds.
    fn outcomes(&self, policy: Policy, path: &str) -> std::collections::BTreeSet<Option<Vec<u8>>> {
        (0..300).map(|seed| self.image(policy, seed).file(path)).collect()
    }
}

fn some(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

#[test]
fn what_was_synced_survives_every_policy() {
    let mut trace = Trace::new();
    trace.open(1, "log").write(1, 0, b"acknowledged").sync(1);
    for policy in Policy::ALL {
        assert_eq!(trace.outcomes(policy, "log"), [some("acknowledged")].into(), "{}", policy.name());
    }
}

#[test]
fn what_was_not_synced_is_dropped_or_kept_by_seed() {
    let mut trace = Trace::new();
    trace.open(1, "log").write(1, 0, b"old").sync(1).write(1, 3, b"new");
    assert_eq!(trace.dropped("log"), some("old"));
    let both = [some("old"), some("oldnew")].into();
    assert_eq!(trace.outcomes(Policy::Pages, "log"), both);
    // The only pending write may be torn at a sector, and both lie in the first.
    assert_eq!(trace.outcomes(Policy::Prefix, "log"), both);
}

#[test]
fn a_write_that_raced_with_the_sync_is_not_covered_by_it() {
    let mut trace = Trace::new();
    trace.open(1, "log").write(1, 0, b"a");
    let sync = trace.begin(1);
    trace.write(1, 1, b"b").end(sync);
    assert_eq!(trace.dropped("log"), some("a"));
}

#[test]
fn a_failed_or_unfinished_sync_covers_nothing() {
    let mut trace = Trace::new();
    trace.open(1, "log").sync(1).write(1, 0, b"a");
    let sync = trace.begin(1);
    assert_eq!(trace.dropped("log"), some(""));
    trace.add(Event::SyncEnd { sync, ok: false });
    assert_eq!(trace.dropped("log"), some(""));
}

#[test]
fn a_sync_of_another_file_covers_nothing() {
    let mut trace = Trace::new();
    trace.open(1, "log").sync(1).open(2, "index").write(1, 0, b"a").sync(2);
    assert_eq!(trace.dropped("log"), some(""));
}

#[test]
fn a_sync_of_the_file_system_covers_everything_before_it() {
    let mut trace = Trace::new();
    trace.open(1, "log").write(1, 0, b"a").sync(0).write(1, 1, b"b");
    assert_eq!(trace.dropped("log"), some("a"));
}

#[test]
fn pages_are_kept_each_for_itself_and_a_prefix_is_in_order() {
    let mut trace = Trace::new();
    trace.open(1, "log").sync(1).write(1, 0, &[1; PAGE as usize]).write(1, PAGE, &[2; PAGE as usize]);
    let second_only = |bytes: &Option<Vec<u8>>| {
        bytes.as_ref().is_some_and(|bytes| {
            bytes.len() == 2 * PAGE as usize && bytes[0] == 0 && bytes[PAGE as usize] == 2
        })
    };
    assert!(trace.outcomes(Policy::Pages, "log").iter().any(second_only));
    let prefixes = trace.outcomes(Policy::Prefix, "log");
    assert!(!prefixes.iter().any(second_only));
    let lengths: Vec<usize> = prefixes.iter().flatten().map(Vec::len).collect();
    assert!(
        lengths.contains(&0) && lengths.contains(&(PAGE as usize)) && lengths.contains(&(2 * PAGE as usize))
    );
    assert!(lengths.contains(&512), "the last write of a prefix may be torn");
}

#[test]
fn a_prefix_is_one_of_the_whole_disk() {
    let mut trace = Trace::new();
    trace.open(1, "a").open(2, "b").sync(1).sync(2).write(1, 0, b"1").write(2, 0, b"2");
    for seed in 0..300 {
        let image = trace.image(Policy::Prefix, seed);
        if image.file("b") == some("2") {
            assert_eq!(image.file("a"), some("1"));
        }
    }
}

#[test]
fn sizes_follow_the_syncs() {
    let mut trace = Trace::new();
    trace.open(1, "log").write(1, 0, b"abcdef").sync(1).add(Event::SetSize { open: 1, size: 2 });
    assert_eq!(trace.dropped("log"), some("abcdef"));
    trace.sync(1);
    assert_eq!(trace.dropped("log"), some("ab"));
    trace.add(Event::Allocate { open: 1, mode: 0, offset: 0, length: 8 });
    assert_eq!(trace.dropped("log"), some("ab"));
    trace.sync(1);
    assert_eq!(trace.dropped("log"), some("ab\0\0\0\0\0\0"));
}

#[test]
fn a_new_file_needs_a_sync_of_itself_or_of_its_directory() {
    let mut trace = Trace::new();
    trace.open(1, "a").open(2, "b").open(3, "c").write(3, 0, b"c").sync(1);
    let image = trace.image(Policy::Dropped, 0);
    assert_eq!((image.file("a"), image.file("b")), (some(""), None));
    trace.sync_root();
    assert_eq!((trace.dropped("b"), trace.dropped("c")), (some(""), some("")));
}

#[test]
fn a_file_in_a_lost_directory_is_lost() {
    let mut trace = Trace::new();
    trace.add(Event::MakeDir { path: "d".into() }).open(1, "d/f").write(1, 0, b"x").sync(1);
    assert_eq!(trace.dropped("d/f"), None);
    trace.sync_root();
    assert_eq!(trace.dropped("d/f"), some("x"));
}

#[test]
fn a_rename_is_undone_or_kept_until_its_directory_is_synced() {
    let mut trace = Trace::new();
    trace.open(1, "mark").write(1, 0, b"old").sync(1);
    trace.open(2, "mark.tmp").write(2, 0, b"new").sync(2);
    trace.add(Event::Rename { from: "mark.tmp".into(), to: "mark".into() });
    assert_eq!(trace.dropped("mark"), some("old"));
    assert_eq!(trace.dropped("mark.tmp"), some("new"));
    assert_eq!(trace.outcomes(Policy::Pages, "mark"), [some("old"), some("new")].into());
    trace.sync_root();
    for policy in Policy::ALL {
        assert_eq!(trace.outcomes(policy, "mark"), [some("new")].into());
        assert_eq!(trace.outcomes(policy, "mark.tmp"), [None].into());
    }
}

#[test]
fn a_removed_file_may_come_back_until_its_directory_is_synced() {
    let mut trace = Trace::new();
    trace.open(1, "old").write(1, 0, b"x").sync(1).add(Event::Remove { path: "old".into() });
    assert_eq!(trace.dropped("old"), some("x"));
    // The name is taken again: a later sync of the directory must not bring the removal of the earlier file down on it.
    trace.open(2, "old").write(2, 0, b"y").sync(2);
    assert_eq!(trace.dropped("old"), some("y"));
    trace.sync_root();
    assert_eq!(trace.dropped("old"), some("y"));
}

#[test]
fn a_killed_process_leaves_its_writes_unsynced_until_somebody_syncs_the_file() {
    let mut trace = Trace::new();
    trace.open(1, "log").sync(1).write(1, 0, b"first");
    trace.pid = 2;
    trace.add(Event::Start).open(1, "log");
    assert_eq!(trace.disk.cached("log").unwrap().bytes(), b"first");
    assert_eq!(trace.dropped("log"), some(""));
    trace.sync(1);
    assert_eq!(trace.dropped("log"), some("first"));
    assert_eq!(trace.disk.pending_count(), 0);
}

#[test]
fn the_same_seed_gives_the_same_image() {
    let mut trace = Trace::new();
    trace.open(1, "log").sync(1);
    for page in 0..20 {
        trace.write(1, page * PAGE / 3, &[page as u8 + 1; 3000]);
    }
    for policy in Policy::ALL {
        assert_eq!(trace.image(policy, 7).entries, trace.image(policy, 7).entries);
    }
    assert!(trace.outcomes(Policy::Pages, "log").len() > 50);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let mut disk = Disk::empty();
    let event = Event::Unsupported { what: "shared writable mapping".into() };
    let error = disk.apply(Record { pid: 1, mono_ns: 0, event }).unwrap_err();
    assert!(error.to_string().contains("shared writable mapping"));
}
