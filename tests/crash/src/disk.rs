//! What the page cache holds and what the disk holds, followed change by change through a trace.
//!
//! A change of a file is durable once a sync of that file, begun after the change, returned OK. The name of a new file
//! is durable after a sync of that file or of its directory; a rename or removal after a sync of its directories.
//! Everything else is pending, also when the process that did it is dead: killing a process syncs nothing.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fs, io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
};

use crate::{
    content::Content,
    trace::{Event, OpenFlags, Record},
};

/// A file or directory, whatever its name is or was.
pub type NodeId = usize;

/// The root directory.
pub const ROOT: NodeId = 0;

/// Bytes of a real file that are compared or loaded at a time.
pub(crate) const READ_BYTES: usize = 1 << 20;

/// A directory and a name in it.
pub type Entry = (NodeId, String);

/// The disk below the root of a trace.
#[derive(Debug)]
pub struct Disk {
    pub(crate) nodes: Vec<Node>,
    /// Names as every process sees them.
    pub(crate) names: BTreeMap<Entry, NodeId>,
    /// Names that a power cut cannot take away; a tombstone where one went away. The number orders them.
    pub(crate) durable_names: BTreeMap<Entry, (u64, Option<NodeId>)>,
    pub(crate) pending_names: VecDeque<NameChange>,
    opens: HashMap<(u32, u64), NodeId>,
    syncs: HashMap<(u32, u64), (u64, Option<NodeId>)>,
    order: u64,
}

/// A file or directory.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) inode: u64,
    /// `None` for a directory.
    pub(crate) file: Option<FileState>,
}

#[derive(Debug, Default)]
pub(crate) struct FileState {
    pub(crate) durable: Content,
    pub(crate) cached: Content,
    /// In order; the number is that of the whole disk.
    pub(crate) pending: VecDeque<(u64, Change)>,
}

/// A change of a file that was not synced.
#[derive(Debug)]
pub(crate) enum Change {
    Write { offset: u64, data: Vec<u8> },
    SetSize(u64),
    Grow(u64),
    Zero { offset: u64, length: u64 },
}

/// A change of names that was not synced; its entries change together.
#[derive(Debug)]
pub(crate) struct NameChange {
    pub(crate) order: u64,
    pub(crate) sets: Vec<(Entry, Option<NodeId>)>,
    /// The node whose own sync makes this change durable, because it was created by it.
    created: Option<NodeId>,
    /// Directories that were not synced since.
    unsynced: Vec<NodeId>,
}

impl Change {
    pub(crate) fn apply(&self, content: &mut Content) {
        match self {
            Change::Write { offset, data } => content.write(*offset, data),
            Change::SetSize(size) => content.set_size(*size),
            Change::Grow(size) => content.grow_to(*size),
            Change::Zero { offset, length } => content.zero(*offset, *length),
        }
    }
}

impl Disk {
    /// A disk that holds an empty root, everything durable.
    pub fn empty() -> Disk {
        let root = Node { inode: 0, file: None };
        Disk {
            nodes: vec![root],
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: VecDeque::new(),
            opens: HashMap::new(),
            syncs: HashMap::new(),
            order: 0,
        }
    }

    /// A disk that holds what lies below `root` now, everything durable.
    ///
    /// # Errors
    /// When a file cannot be read, or is neither a file nor a directory.
    pub fn load(root: &Path) -> io::Result<Disk> {
        let mut disk = Disk::empty();
        disk.load_dir(root, ROOT)?;
        Ok(disk)
    }

    /// Follows one record.
    ///
    /// # Errors
    /// When the record does not fit what came before, or says that something cannot be followed.
    pub fn apply(&mut self, record: Record) -> io::Result<()> {
        let pid = record.pid;
        match record.event {
            Event::Start => self.forget_process(pid),
            Event::Open { open, path, flags, inode } => self.open(pid, open, &path, flags, inode)?,
            Event::Write { open, offset, data } => {
                self.change(self.opened(pid, open)?, Change::Write { offset, data })?;
            }
            Event::SetSize { open, size } => self.change(self.opened(pid, open)?, Change::SetSize(size))?,
            Event::SetSizeOf { path, size } => self.change(self.find(&path)?, Change::SetSize(size))?,
            Event::Allocate { open, mode, offset, length } => {
                self.allocate(self.opened(pid, open)?, mode, offset, length)?;
            }
            Event::Rename { from, to } => self.rename(&from, &to)?,
            Event::Remove { path } => self.remove(&path)?,
            Event::MakeDir { path } => drop(self.create(&path, 0, None)?),
            Event::SyncBegin { open, sync } => {
                let node = if open == 0 { None } else { Some(self.opened(pid, open)?) };
                self.syncs.insert((pid, sync), (self.order, node));
            }
            Event::SyncEnd { sync, ok } => {
                let begun = self.syncs.remove(&(pid, sync));
                let (order, node) = begun.ok_or_else(|| broken("a sync ends that did not begin"))?;
                if ok {
                    self.synced(order, node);
                }
            }
            // A copy of the descriptor may live on under the same number.
            Event::Close { .. } => {}
            Event::Unsupported { what } => {
                return Err(broken(&format!("the process did what cannot be followed: {what}")));
            }
        }
        Ok(())
    }

    /// The newest content of a file, synced or not.
    pub fn cached(&self, path: &str) -> Option<&Content> {
        let node = self.find(path).ok()?;
        self.nodes[node].file.as_ref().map(|file| &file.cached)
    }

    /// Changes of files and names that a power cut may undo.
    pub fn pending_count(&self) -> usize {
        let files = self.nodes.iter().filter_map(|node| node.file.as_ref());
        files.map(|file| file.pending.len()).sum::<usize>() + self.pending_names.len()
    }

    pub(crate) fn find(&self, path: &str) -> io::Result<NodeId> {
        let mut node = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let found = self.names.get(&(node, name.to_owned()));
            node = *found.ok_or_else(|| broken(&format!("{path} is not known")))?;
        }
        Ok(node)
    }

    fn entry(&self, path: &str) -> io::Result<Entry> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.find(parent)?, name.to_owned()))
    }

    /// Makes a file with some first content, or a directory.
    pub(crate) fn create(&mut self, path: &str, inode: u64, file: Option<FileState>) -> io::Result<NodeId> {
        let entry = self.entry(path)?;
        let node = self.nodes.len();
        self.nodes.push(Node { inode, file });
        self.rename_entries(vec![(entry, Some(node))], Some(node));
        Ok(node)
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (old, new, node) = (self.entry(from)?, self.entry(to)?, self.find(from)?);
        if old != new {
            self.rename_entries(vec![(old, None), (new, Some(node))], None);
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.find(path)?;
        let entry = self.entry(path)?;
        self.rename_entries(vec![(entry, None)], None);
        Ok(())
    }

    pub(crate) fn change(&mut self, node: NodeId, change: Change) -> io::Result<()> {
        self.order += 1;
        let file = self.nodes[node].file.as_mut();
        let file = file.ok_or_else(|| broken("a directory was written to"))?;
        change.apply(&mut file.cached);
        file.pending.push_back((self.order, change));
        Ok(())
    }

    fn rename_entries(&mut self, sets: Vec<(Entry, Option<NodeId>)>, created: Option<NodeId>) {
        self.order += 1;
        for (entry, node) in &sets {
            match node {
                Some(node) => self.names.insert(entry.clone(), *node),
                None => self.names.remove(entry),
            };
        }
        let mut unsynced: Vec<NodeId> = sets.iter().map(|((dir, _), _)| *dir).collect();
        unsynced.dedup();
        self.pending_names.push_back(NameChange { order: self.order, sets, created, unsynced });
    }

    fn open(&mut self, pid: u32, open: u64, path: &str, flags: OpenFlags, inode: u64) -> io::Result<()> {
        let node = match self.find(path) {
            Ok(node) => node,
            Err(_) if flags.create => self.create(path, inode, Some(FileState::default()))?,
            Err(error) => return Err(error),
        };
        self.nodes[node].inode = inode;
        if flags.truncate && self.nodes[node].file.as_ref().is_some_and(|file| file.cached.size() > 0) {
            self.change(node, Change::SetSize(0))?;
        }
        self.opens.insert((pid, open), node);
        Ok(())
    }

    fn opened(&self, pid: u32, open: u64) -> io::Result<NodeId> {
        let node = self.opens.get(&(pid, open)).copied();
        node.ok_or_else(|| broken("a file was used that was not opened"))
    }

    fn allocate(&mut self, node: NodeId, mode: u16, offset: u64, length: u64) -> io::Result<()> {
        const KEEP_SIZE: u16 = 1;
        const PUNCH_HOLE: u16 = 2;
        const ZERO_RANGE: u16 = 16;
        if mode & !(KEEP_SIZE | PUNCH_HOLE | ZERO_RANGE) != 0 {
            return Err(broken("fallocate with a mode that cannot be followed"));
        }
        if mode & (PUNCH_HOLE | ZERO_RANGE) != 0 {
            self.change(node, Change::Zero { offset, length })?;
        }
        if mode & KEEP_SIZE == 0 {
            self.change(node, Change::Grow(offset + length))?;
        }
        Ok(())
    }

    fn forget_process(&mut self, pid: u32) {
        self.opens.retain(|(owner, _), _| *owner != pid);
        self.syncs.retain(|(owner, _), _| *owner != pid);
    }

    /// A sync that began when `order` was the newest change has returned.
    fn synced(&mut self, order: u64, node: Option<NodeId>) {
        let synced = match node {
            Some(node) => node..node + 1,
            None => 0..self.nodes.len(),
        };
        for file in self.nodes[synced.clone()].iter_mut().filter_map(|node| node.file.as_mut()) {
            while file.pending.front().is_some_and(|(number, _)| *number <= order) {
                if let Some((_, change)) = file.pending.pop_front() {
                    change.apply(&mut file.durable);
                }
            }
        }
        let mut kept = VecDeque::new();
        for mut change in std::mem::take(&mut self.pending_names) {
            if change.order <= order {
                change.unsynced.retain(|dir| !synced.contains(dir));
            }
            let own =
                change.order <= order && change.created.is_some_and(|created| synced.contains(&created));
            if own || change.unsynced.is_empty() {
                set_durable(&mut self.durable_names, &change);
            } else {
                kept.push_back(change);
            }
        }
        self.pending_names = kept;
    }

    fn load_dir(&mut self, dir: &Path, parent: NodeId) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let file = if metadata.is_file() {
                let cached = read_content(&fs::File::open(entry.path())?, metadata.len())?;
                Some(FileState { durable: cached.clone(), cached, pending: VecDeque::new() })
            } else if metadata.is_dir() {
                None
            } else {
                return Err(broken("neither a file nor a directory"));
            };
            let node = self.nodes.len();
            self.nodes.push(Node { inode: metadata.ino(), file });
            let name = (parent, entry.file_name().to_string_lossy().into_owned());
            self.names.insert(name.clone(), node);
            self.durable_names.insert(name, (0, Some(node)));
            if metadata.is_dir() {
                self.load_dir(&entry.path(), node)?;
            }
        }
        Ok(())
    }
}

/// A newer change of the same name may have become durable before; it wins.
pub(crate) fn set_durable(names: &mut BTreeMap<Entry, (u64, Option<NodeId>)>, change: &NameChange) {
    for (entry, node) in &change.sets {
        let slot = names.entry(entry.clone()).or_insert((0, None));
        if slot.0 <= change.order {
            *slot = (change.order, *node);
        }
    }
}

/// Reads a file without holding its zero pages.
fn read_content(file: &fs::File, size: u64) -> io::Result<Content> {
    let mut content = Content::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut offset = 0;
    while offset < size {
        let count = file.read_at(&mut buffer, offset)?;
        if count == 0 {
            break;
        }
        for (page, at, part) in crate::content::pieces(offset, &buffer[..count]) {
            // One comparison of memory: preallocated files are long.
            if *part != crate::content::ZERO_PAGE[..part.len()] {
                content.write(page * crate::content::PAGE_BYTES as u64 + at as u64, part);
            }
        }
        offset += count as u64;
    }
    content.set_size(size);
    Ok(content)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("trace: {what}"))
}
