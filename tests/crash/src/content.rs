//! The bytes of one file, page by page, as the page cache or the disk holds them.

use std::{collections::BTreeMap, sync::Arc};

/// Size of a page of the page cache: the unit in which unsynced data reaches the disk.
pub const PAGE_BYTES: usize = 4096;

/// One page.
pub type Page = [u8; PAGE_BYTES];

/// A page that was never written.
pub static ZERO_PAGE: Page = [0; PAGE_BYTES];

/// A file's size and its pages; a page that is not held is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    size: u64,
    pages: BTreeMap<u64, Arc<Page>>,
}

impl Content {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes `data` at `offset`; a gap before it is zero.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        for (page, at, part) in pieces(offset, data) {
            let page = self.pages.entry(page).or_insert_with(|| Arc::new(ZERO_PAGE));
            Arc::make_mut(page)[at..at + part.len()].copy_from_slice(part);
        }
        self.size = self.size.max(offset + data.len() as u64);
    }

    /// Cuts or extends; what is cut off reads as zero when the file grows again.
    pub fn set_size(&mut self, size: u64) {
        if size < self.size {
            self.zero(size, self.size - size);
        }
        self.size = size;
    }

    /// Extends to at least `size`.
    pub fn grow_to(&mut self, size: u64) {
        self.size = self.size.max(size);
    }

    /// Makes a range zero, without a change of size.
    pub fn zero(&mut self, offset: u64, length: u64) {
        let end = offset + length;
        let last = end.div_ceil(PAGE_BYTES as u64);
        let held: Vec<u64> =
            self.pages.range(offset / PAGE_BYTES as u64..last).map(|(page, _)| *page).collect();
        for page in held {
            let start = page * PAGE_BYTES as u64;
            if start >= offset && start + PAGE_BYTES as u64 <= end {
                self.pages.remove(&page);
            } else if let Some(bytes) = self.pages.get_mut(&page) {
                let from = offset.saturating_sub(start) as usize;
                let to = (end - start).min(PAGE_BYTES as u64) as usize;
                Arc::make_mut(bytes)[from..to].fill(0);
            }
        }
    }

    /// The page of that number.
    pub fn page(&self, page: u64) -> &Page {
        self.pages.get(&page).map_or(&ZERO_PAGE, |page| page)
    }

    /// Takes one page from another content.
    pub fn copy_page(&mut self, from: &Content, page: u64) {
        match from.pages.get(&page) {
            Some(bytes) => self.pages.insert(page, bytes.clone()),
            None => self.pages.remove(&page),
        };
    }

    /// The pages that may hold something else than zero, with their bytes inside the file's size.
    pub fn held(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pages.iter().filter_map(|(page, bytes)| {
            let start = page * PAGE_BYTES as u64;
            let length = self.size.checked_sub(start)?.min(PAGE_BYTES as u64) as usize;
            (length > 0).then(|| (start, &bytes[..length]))
        })
    }

    /// The whole file, for tests and small files.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = vec![0; self.size as usize];
        for (start, part) in self.held() {
            all[start as usize..start as usize + part.len()].copy_from_slice(part);
        }
        all
    }
}

/// Cuts a write at page boundaries: number of the page, position inside it, bytes.
pub fn pieces(offset: u64, data: &[u8]) -> impl Iterator<Item = (u64, usize, &[u8])> {
    let mut rest = data;
    let mut position = offset;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = (position % PAGE_BYTES as u64) as usize;
        let (part, tail) = rest.split_at(rest.len().min(PAGE_BYTES - at));
        let page = position / PAGE_BYTES as u64;
        rest = tail;
        position += part.len() as u64;
        Some((page, at, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_across_pages_cuts_and_grows() {
        let mut content = Content::default();
        content.write(PAGE_BYTES as u64 - 2, b"abcd");
        assert_eq!(content.size(), PAGE_BYTES as u64 + 2);
        assert_eq!(&content.bytes()[PAGE_BYTES - 2..], b"abcd");
        content.set_size(PAGE_BYTES as u64 - 1);
        content.set_size(PAGE_BYTES as u64 + 2);
        assert_eq!(&content.bytes()[PAGE_BYTES - 2..], b"a\0\0\0");
    }

    #[test]
    fn zero_keeps_what_lies_around() {
        let mut content = Content::default();
        content.write(0, &[7; 3 * PAGE_BYTES]);
        content.zero(10, 2 * PAGE_BYTES as u64);
        let bytes = content.bytes();
        assert!(bytes[..10].iter().all(|byte| *byte == 7));
        assert!(bytes[10..10 + 2 * PAGE_BYTES].iter().all(|byte| *byte == 0));
        assert!(bytes[10 + 2 * PAGE_BYTES..].iter().all(|byte| *byte == 7));
    }
}
