//! After a process has ended: compares the followed disk with the real directory.
//!
//! A killed process may have finished a call that it had no time to record, one for each of its threads. Such changes
//! are taken over as pending ones, since the next process sees them. More of them than threads can explain means that
//! the process changes files by a path that the shim does not see, and the run must not be trusted.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
};

use crate::{
    content::{Content, PAGE_BYTES},
    disk::{Change, Disk, FileState, NodeId, READ_BYTES, ROOT},
};

/// Unrecorded changes that a killed process may leave: one for each thread that writes files, with room.
pub const UNRECORDED_MAX: usize = 12;

/// The real state of one name.
struct Real {
    inode: u64,
    /// `None` for a directory.
    size: Option<u64>,
}

impl Disk {
    /// Takes over what the real directory shows and the trace does not. Returns a line for each such change.
    ///
    /// # Errors
    /// When the directory cannot be read, or there are more differences than calls in flight can explain.
    pub fn settle(&mut self, root: &Path) -> io::Result<Vec<String>> {
        let mut real = BTreeMap::new();
        walk(root, "", &mut real)?;
        let mut changes = self.settle_renames(&real)?;
        for path in self.paths().into_keys().rev() {
            if !real.contains_key(&path) {
                changes.push(format!("{path}: removed"));
                self.remove(&path)?;
            }
        }
        for (path, real) in &real {
            if self.find(path).is_err() {
                changes.push(format!("{path}: created"));
                self.create(path, real.inode, real.size.map(|_| FileState::default()))?;
            }
            if let Some(size) = real.size {
                self.settle_content(path, &root.join(path), size, &mut changes)?;
            }
        }
        if changes.len() > UNRECORDED_MAX {
            let shown = changes[..UNRECORDED_MAX].join("; ");
            let text = format!("the shim does not see all changes (raw system calls?): {shown}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(changes)
    }

    /// Every name with what it stands for, parents before children.
    pub(crate) fn paths(&self) -> BTreeMap<String, NodeId> {
        let mut paths = BTreeMap::new();
        let mut open = vec![(ROOT, String::new())];
        while let Some((dir, prefix)) = open.pop() {
            for ((_, name), node) in self.names.range((dir, String::new())..(dir + 1, String::new())) {
                let path = format!("{prefix}{name}");
                if self.nodes[*node].file.is_none() {
                    open.push((*node, format!("{path}/")));
                }
                paths.insert(path, *node);
            }
        }
        paths
    }

    /// A file that stands under another name than the trace says was renamed, not written anew.
    fn settle_renames(&mut self, real: &BTreeMap<String, Real>) -> io::Result<Vec<String>> {
        let known: HashMap<u64, String> = self
            .paths()
            .into_iter()
            .filter(|(path, node)| self.nodes[*node].file.is_some() && !real.contains_key(path))
            .map(|(path, node)| (self.nodes[node].inode, path))
            .collect();
        let mut changes = Vec::new();
        for (path, real) in real.iter().filter(|(_, real)| real.size.is_some()) {
            let Some(old) = known.get(&real.inode) else {
                continue;
            };
            changes.push(format!("{old}: renamed to {path}"));
            self.rename(old, path)?;
        }
        Ok(changes)
    }

    fn settle_content(
        &mut self,
        path: &str,
        file: &Path,
        size: u64,
        changes: &mut Vec<String>,
    ) -> io::Result<()> {
        let node = self.find(path)?;
        let Some(state) = &self.nodes[node].file else {
            return Err(io::Error::other(format!("trace: {path} is a file and was a directory")));
        };
        let mut found = Vec::new();
        if state.cached.size() != size {
            found.push(Change::SetSize(size));
        }
        differences(&fs::File::open(file)?, size, &state.cached, &mut found)?;
        for change in found {
            changes.push(match &change {
                Change::Write { offset, data } => format!("{path}: {} bytes at {offset}", data.len()),
                _ => format!("{path}: size {size}"),
            });
            self.change(node, change)?;
        }
        Ok(())
    }
}

/// The ranges, in whole pages, in which the real file differs. Ranges that lie near each other become one, because
/// one unrecorded write may hold pages that were the same before.
fn differences(file: &fs::File, size: u64, cached: &Content, found: &mut Vec<Change>) -> io::Result<()> {
    const GAP_BYTES: usize = 512 << 10;
    let mut buffer = vec![0; READ_BYTES];
    let mut offset = 0;
    // Where the range begins, its bytes, and how many of them reach to the last difference.
    let mut range: Option<(u64, Vec<u8>, usize)> = None;
    let close = |(offset, mut data, length): (u64, Vec<u8>, usize)| {
        data.truncate(length);
        Change::Write { offset, data }
    };
    while offset < size {
        let count = file.read_at(&mut buffer, offset)?;
        if count == 0 {
            break;
        }
        for (page, at, part) in crate::content::pieces(offset, &buffer[..count]) {
            let same = cached.page(page)[at..at + part.len()] == *part;
            if !same {
                let start = page * PAGE_BYTES as u64 + at as u64;
                range.get_or_insert_with(|| (start, Vec::new(), 0));
            }
            if let Some((_, data, length)) = &mut range {
                data.extend_from_slice(part);
                if !same {
                    *length = data.len();
                }
            }
            found.extend(range.take_if(|(_, data, length)| data.len() - *length > GAP_BYTES).map(close));
        }
        offset += count as u64;
    }
    found.extend(range.map(close));
    Ok(())
}

fn walk(dir: &Path, prefix: &str, found: &mut BTreeMap<String, Real>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if metadata.is_dir() {
            walk(&entry.path(), &format!("{path}/"), found)?;
        }
        let size = metadata.is_file().then_some(metadata.len());
        found.insert(path, Real { inode: metadata.ino(), size });
    }
    Ok(())
}
