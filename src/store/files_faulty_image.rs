//! What a faulty disk holds: bytes and names that are synced, changes that are not, and what is left after a power cut.

use std::collections::{BTreeMap, BTreeSet};

/// Unsynced bytes live or die in blocks of this size, as pages of the cache do.
const BLOCK_BYTES: u64 = 4096;

/// What happens to unsynced changes in a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutPolicy {
    /// All are lost.
    Dropped,
    /// All are kept, as if everything had just been written back.
    Kept,
    /// Each block of 4 KiB, each change of a length and of a name is kept or lost at random.
    Random,
    /// Kept in the order in which they were made, up to a random moment.
    Prefix,
    /// All are kept, but the last write only up to a random byte.
    Torn,
}

impl CutPolicy {
    /// Every policy.
    pub const ALL: [CutPolicy; 5] =
        [CutPolicy::Dropped, CutPolicy::Kept, CutPolicy::Random, CutPolicy::Prefix, CutPolicy::Torn];
}

/// Random numbers from a seed: SplitMix64 (Steele, Lea, Flood 2014), so that a run can be repeated.
#[derive(Debug, Clone)]
pub struct SeededRandom(pub u64);

impl SeededRandom {
    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Everything on the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    synced_names: BTreeMap<String, u64>,
    /// Unsynced changes of names: moment, directory, and what each name stands for after it.
    name_changes: Vec<(u64, String, Vec<(String, Option<u64>)>)>,
    inodes_made: u64,
    /// Counts every change, so that an order is known over files and names.
    moment: u64,
}

#[derive(Debug, Clone, Default)]
struct Inode {
    synced: Vec<u8>,
    current: Vec<u8>,
    changes: Vec<Change>,
}

/// An unsynced change to the content of a file, within one block.
#[derive(Debug, Clone)]
struct Change {
    moment: u64,
    what: What,
    /// A sync that failed took it for written back, so no later sync stores it.
    is_forgotten: bool,
}

#[derive(Debug, Clone)]
enum What {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

impl Change {
    /// The block it lies in; changes of the length have one of their own.
    fn block(&self) -> u64 {
        match self.what {
            What::Bytes(at, _) => at / BLOCK_BYTES,
            What::Length(_) => u64::MAX,
        }
    }
}

impl Image {
    pub(super) fn inode_of(&self, path: &str) -> Option<u64> {
        self.names.get(path).copied()
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    pub(super) fn content(&self, inode: u64) -> &[u8] {
        &self.inodes[&inode].current
    }

    pub(super) fn content_mut_as_synced(&mut self, inode: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let file = self.inode(inode);
        change(&mut file.current);
        file.synced.clone_from(&file.current);
        file.changes.clear();
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.names.values().map(|inode| self.content(*inode).len() as u64).sum()
    }

    pub(super) fn create(&mut self, directory: &str, path: &str) -> u64 {
        if let Some(inode) = self.inode_of(path) {
            self.set_len(inode, 0);
            return inode;
        }
        self.inodes_made += 1;
        self.inodes.insert(self.inodes_made, Inode::default());
        self.change_names(directory, vec![(path.to_owned(), Some(self.inodes_made))]);
        self.inodes_made
    }

    pub(super) fn rename(&mut self, directory: &str, from: &str, to: &str) {
        let inode = self.inode_of(from);
        self.change_names(directory, vec![(from.to_owned(), None), (to.to_owned(), inode)]);
    }

    pub(super) fn remove(&mut self, directory: &str, path: &str) {
        self.change_names(directory, vec![(path.to_owned(), None)]);
    }

    fn change_names(&mut self, directory: &str, changes: Vec<(String, Option<u64>)>) {
        self.moment += 1;
        apply_names(&mut self.names, &changes);
        self.name_changes.push((self.moment, directory.to_owned(), changes));
    }

    pub(super) fn sync_dir(&mut self, directory: &str) {
        for (_, _, changes) in self.name_changes.extract_if(.., |(_, of, _)| of == directory) {
            apply_names(&mut self.synced_names, &changes);
        }
    }

    pub(super) fn write(&mut self, inode: u64, at: u64, bytes: &[u8]) {
        self.moment += 1;
        let moment = self.moment;
        let file = self.inode(inode);
        put(&mut file.current, at, bytes);
        let mut at = at;
        let mut rest = bytes;
        while !rest.is_empty() {
            let in_block = (BLOCK_BYTES - at % BLOCK_BYTES).min(rest.len() as u64) as usize;
            let (now, later) = rest.split_at(in_block);
            file.changes.push(Change { moment, what: What::Bytes(at, now.to_vec()), is_forgotten: false });
            at += in_block as u64;
            rest = later;
        }
    }

    pub(super) fn set_len(&mut self, inode: u64, length: u64) {
        self.moment += 1;
        let moment = self.moment;
        let file = self.inode(inode);
        file.current.resize(length as usize, 0);
        file.changes.push(Change { moment, what: What::Length(length), is_forgotten: false });
    }

    /// Stores every block with a change that is not forgotten, whole; forgotten changes in other blocks stay so.
    pub(super) fn sync(&mut self, inode: u64) {
        let file = self.inode(inode);
        let stored: BTreeSet<u64> =
            file.changes.iter().filter(|change| !change.is_forgotten).map(Change::block).collect();
        if stored.contains(&u64::MAX) {
            file.synced.clone_from(&file.current);
            file.changes.clear();
            return;
        }
        for block in &stored {
            let from = (block * BLOCK_BYTES) as usize;
            let to = file.current.len().min(from + BLOCK_BYTES as usize);
            if from < to {
                put(&mut file.synced, from as u64, &file.current[from..to]);
            }
        }
        file.changes.retain(|change| !stored.contains(&change.block()));
    }

    /// A sync that failed: the changes count as written back, but are not.
    pub(super) fn forget(&mut self, inode: u64) {
        for change in &mut self.inode(inode).changes {
            change.is_forgotten = true;
        }
    }

    /// The same, without files that no name leads to any more, before or after a power cut.
    pub(super) fn without_removed(&self) -> Image {
        let mut left = self.clone();
        let reached: BTreeSet<u64> = (self.names.values().copied())
            .chain(self.synced_names.values().copied())
            .chain(
                self.name_changes.iter().flat_map(|(_, _, changes)| changes.iter().filter_map(|(_, to)| *to)),
            )
            .collect();
        left.inodes.retain(|inode, _| reached.contains(inode));
        left
    }

    /// What the disk holds after a power cut, all of it synced.
    pub(super) fn after_cut(&self, policy: CutPolicy, random: &mut SeededRandom) -> Image {
        let last_write = self
            .inodes
            .values()
            .flat_map(|file| file.changes.iter())
            .filter(|change| matches!(change.what, What::Bytes(..)))
            .map(|change| change.moment)
            .max()
            .unwrap_or(0);
        let mut keep = Keep { policy, last_write, moment: random.below(self.moment + 1), torn: None };
        let mut left = Image { inodes_made: self.inodes_made, moment: self.moment, ..Image::default() };
        let mut names = self.synced_names.clone();
        for (moment, _, changes) in &self.name_changes {
            if keep.whole(*moment, random) {
                apply_names(&mut names, changes);
            }
        }
        for inode in names.values() {
            let bytes = self.inodes[inode].after_cut(&mut keep, random);
            left.inodes.insert(*inode, Inode { synced: bytes.clone(), current: bytes, changes: Vec::new() });
        }
        left.synced_names = names.clone();
        left.names = names;
        left
    }

    fn inode(&mut self, inode: u64) -> &mut Inode {
        self.inodes.get_mut(&inode).expect("a handle's inode lives as long as the disk")
    }
}

impl Inode {
    fn after_cut(&self, keep: &mut Keep, random: &mut SeededRandom) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let mut kept_blocks: BTreeMap<u64, bool> = BTreeMap::new();
        for change in &self.changes {
            let is_kept = match keep.policy {
                CutPolicy::Random => {
                    *kept_blocks.entry(change.block()).or_insert_with(|| keep.whole(change.moment, random))
                }
                _ => keep.whole(change.moment, random),
            };
            match &change.what {
                What::Bytes(at, new) if is_kept => {
                    put(&mut bytes, *at, keep.part_of(change.moment, new, random))
                }
                What::Length(length) if is_kept => bytes.resize(*length as usize, 0),
                _ => {}
            }
        }
        bytes
    }
}

/// Decides which changes survive a power cut.
struct Keep {
    policy: CutPolicy,
    last_write: u64,
    /// For [`CutPolicy::Prefix`].
    moment: u64,
    /// For [`CutPolicy::Torn`]: bytes of the last write that are still to be kept.
    torn: Option<usize>,
}

impl Keep {
    fn whole(&self, moment: u64, random: &mut SeededRandom) -> bool {
        match self.policy {
            CutPolicy::Dropped => false,
            CutPolicy::Kept | CutPolicy::Torn => true,
            CutPolicy::Random => random.one_in(2),
            CutPolicy::Prefix => moment <= self.moment,
        }
    }

    /// The bytes of a kept change that survive. The blocks of the last write share one cut.
    fn part_of<'b>(&mut self, moment: u64, new: &'b [u8], random: &mut SeededRandom) -> &'b [u8] {
        if self.policy != CutPolicy::Torn || moment != self.last_write {
            return new;
        }
        // Small cuts are the interesting ones: within the first blocks of what was written.
        let left = self.torn.get_or_insert_with(|| random.below(4 * BLOCK_BYTES) as usize / 8);
        let part = new.len().min(*left);
        *left -= part;
        &new[..part]
    }
}

fn apply_names(names: &mut BTreeMap<String, u64>, changes: &[(String, Option<u64>)]) {
    for (path, inode) in changes {
        match inode {
            Some(inode) => names.insert(path.clone(), *inode),
            None => names.remove(path),
        };
    }
}

fn put(content: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let at = at as usize;
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}
