//! Rebuilds the disk as it may be after a power cut: what is durable, and of the rest what a policy keeps.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
};

use rand::{Rng, RngExt};

use crate::{
    content::{Content, PAGE_BYTES, pieces},
    disk::{Change, Disk, Entry, FileState, NodeId, ROOT, set_durable},
};

/// Unit in which a disk writes: the last kept change of a prefix may be torn at any multiple of it.
const SECTOR_BYTES: usize = 512;

/// What becomes of changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// All are gone.
    Dropped,
    /// Each page stands as it was at some moment since its last sync, each page for itself. Sizes and names follow the
    /// journal: a prefix of their changes, for each file and directory.
    Pages,
    /// The first ones of the whole disk, in order; the last of them may be torn.
    Prefix,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Policy; 3] = [Policy::Dropped, Policy::Pages, Policy::Prefix];

    /// Its name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Dropped => "dropped",
            Policy::Pages => "pages",
            Policy::Prefix => "prefix",
        }
    }
}

/// A disk after a power cut.
#[derive(Debug)]
pub struct Image {
    /// Paths relative to the root, parents before children; `None` for a directory.
    pub entries: BTreeMap<String, Option<Content>>,
    /// Where the same file or directory stood before the cut, to take its mode from.
    origins: HashMap<String, String>,
}

impl Image {
    /// Draws what a power cut at the end of the trace leaves.
    pub fn after_power_cut(disk: &Disk, policy: Policy, rng: &mut impl Rng) -> Image {
        let limit = match policy {
            Policy::Prefix => random_prefix(disk, rng),
            Policy::Dropped | Policy::Pages => 0,
        };
        let names = surviving_names(disk, policy, limit, rng);
        let origins: HashMap<NodeId, String> =
            disk.paths().into_iter().map(|(path, node)| (node, path)).collect();
        let mut image = Image { entries: BTreeMap::new(), origins: HashMap::new() };
        let mut open = vec![(ROOT, String::new())];
        while let Some((dir, prefix)) = open.pop() {
            for ((_, name), node) in names.range((dir, String::new())..(dir + 1, String::new())) {
                let path = format!("{prefix}{name}");
                let content = disk.nodes[*node].file.as_ref().map(|file| match policy {
                    Policy::Dropped => file.durable.clone(),
                    Policy::Pages => some_pages(file, rng),
                    Policy::Prefix => first_changes(file, limit, rng),
                });
                if content.is_none() {
                    open.push((*node, format!("{path}/")));
                }
                if let Some(origin) = origins.get(node) {
                    image.origins.insert(path.clone(), origin.clone());
                }
                image.entries.insert(path, content);
            }
        }
        image
    }

    /// Writes the image into `target`, which must be an empty directory. Modes are taken from `before`, the directory
    /// as it stands without the cut; a file that is not there any more gets mode 0600.
    ///
    /// # Errors
    /// When a file or directory cannot be written.
    pub fn write_to(&self, target: &Path, before: &Path) -> io::Result<()> {
        for (path, content) in &self.entries {
            let to = target.join(path);
            match content {
                None => fs::create_dir(&to)?,
                Some(content) => {
                    let file = fs::File::create_new(&to)?;
                    file.set_len(content.size())?;
                    for (offset, bytes) in content.held() {
                        file.write_all_at(bytes, offset)?;
                    }
                }
            }
            let origin = self.origins.get(path).map(|origin| fs::metadata(before.join(origin)));
            let mode = match origin {
                Some(Ok(metadata)) => metadata.permissions().mode() & 0o7777,
                _ if content.is_some() => 0o600,
                _ => 0o700,
            };
            fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// The bytes of a file of the image.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.entries.get(path).and_then(Option::as_ref).map(Content::bytes)
    }
}

/// The number of the last change of the disk that is kept, drawn evenly over the pending ones.
fn random_prefix(disk: &Disk, rng: &mut impl Rng) -> u64 {
    let files = disk.nodes.iter().filter_map(|node| node.file.as_ref());
    let mut orders: Vec<u64> = files.flat_map(|file| file.pending.iter().map(|(order, _)| *order)).collect();
    orders.extend(disk.pending_names.iter().map(|change| change.order));
    orders.sort_unstable();
    match rng.random_range(0..=orders.len()) {
        0 => 0,
        kept => orders[kept - 1],
    }
}

fn surviving_names(disk: &Disk, policy: Policy, limit: u64, rng: &mut impl Rng) -> BTreeMap<Entry, NodeId> {
    let mut names = disk.durable_names.clone();
    // For each directory, whether the journal had come to its end: later changes of it are gone then.
    let mut ended: HashMap<NodeId, bool> = HashMap::new();
    for change in &disk.pending_names {
        let kept = match policy {
            Policy::Dropped => false,
            Policy::Prefix => change.order <= limit,
            Policy::Pages => {
                let cut =
                    rng.random_bool(0.3) || change.sets.iter().any(|((dir, _), _)| ended.contains_key(dir));
                if cut {
                    ended.extend(change.sets.iter().map(|((dir, _), _)| (*dir, true)));
                }
                !cut
            }
        };
        if kept {
            set_durable(&mut names, change);
        }
    }
    names.into_iter().filter_map(|(entry, (_, node))| Some((entry, node?))).collect()
}

/// The changes up to `limit`, the last of them perhaps torn at a sector.
fn first_changes(file: &FileState, limit: u64, rng: &mut impl Rng) -> Content {
    let mut content = file.durable.clone();
    for (order, change) in file.pending.iter().filter(|(order, _)| *order <= limit) {
        match change {
            Change::Write { offset, data } if *order == limit && rng.random_bool(0.5) => {
                let sectors = data.len().div_ceil(SECTOR_BYTES);
                // Sectors are aligned on the disk, not in the write.
                let skew = (*offset % SECTOR_BYTES as u64) as usize;
                let kept = (rng.random_range(0..=sectors) * SECTOR_BYTES).saturating_sub(skew);
                content.write(*offset, &data[..kept.min(data.len())]);
            }
            _ => change.apply(&mut content),
        }
    }
    content
}

/// For each page touched since the last sync a moment is drawn, and the page stands as it was then.
fn some_pages(file: &FileState, rng: &mut impl Rng) -> Content {
    let mut touched: BTreeMap<u64, u64> = BTreeMap::new();
    for (_, change) in &file.pending {
        if let Change::Write { offset, data } = change {
            for (page, _, _) in pieces(*offset, data) {
                *touched.entry(page).or_default() += 1;
            }
        }
    }
    // Changes of this page that are kept: none, all, or some.
    for count in touched.values_mut() {
        *count = match rng.random_range(0..3) {
            0 => 0,
            1 => *count,
            _ => rng.random_range(0..=*count),
        };
    }
    let sizes = file.pending.iter().filter(|(_, change)| !matches!(change, Change::Write { .. })).count();
    let mut sizes_left = rng.random_range(0..=sizes);
    let mut content = file.durable.clone();
    for (_, change) in &file.pending {
        match change {
            Change::Write { offset, data } => {
                for (page, at, part) in pieces(*offset, data) {
                    let left = touched.entry(page).or_default();
                    if *left > 0 {
                        *left -= 1;
                        content.write(page * PAGE_BYTES as u64 + at as u64, part);
                    }
                }
            }
            _ if sizes_left > 0 => {
                sizes_left -= 1;
                change.apply(&mut content);
            }
            _ => {}
        }
    }
    content
}
