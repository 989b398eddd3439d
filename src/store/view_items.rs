//! The items of a state kind as a view sees them: those of the index, unless the tail has a newer value, then the tail's.

use std::ops::ControlFlow;

use super::{items, view::View, view_fault::ReadFault, view_scan::whole};
use crate::model::{Kind, UserId, Version, record::Item};

impl View {
    /// Items of a kind above `mark` and at or below the bound, in version order, newest values only; an item whose
    /// newest value lies above the bound is left out.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn items_above(
        &self,
        user: UserId,
        kind: Kind,
        mark: Version,
        items_max: usize,
    ) -> Result<Vec<Item>, ReadFault> {
        let tail = self.pin.items(user, kind);
        let mut found = Vec::new();
        let through = self.pin.floor.min(self.pin.bound);
        if mark < through {
            let (from, to) = (items::key(user, kind, mark.next()), items::key(user, kind, through.next()));
            self.visit(&from, &to, |_, value| {
                let item = whole(value, items::decode)?;
                // A scan may meet an item twice when the index moves it to a newer version meanwhile.
                let hidden = tail.iter().any(|newer| newer.key == item.key && newer.version > item.version);
                if !hidden {
                    found.retain(|older: &Item| older.key != item.key);
                    found.push(item);
                }
                let full = found.len() >= items_max;
                Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
        }
        let newest = found.last().map_or(mark, |item| item.version);
        let fresh = tail.into_iter().filter(|item| item.version > newest && item.version <= self.pin.bound);
        found.extend(fresh.take(items_max.saturating_sub(found.len())));
        Ok(found)
    }

    /// One item, or its tombstone: the newest, whether or not it lies above the bound.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn item(&self, user: UserId, kind: Kind, key: &str) -> Result<Option<Item>, ReadFault> {
        let in_tail = || self.pin.items(user, kind).into_iter().find(|item| item.key == key);
        if let Some(item) = in_tail() {
            return Ok(Some(item));
        }
        let version_key = items::version_key(user, kind, key);
        let Some(version) = self.row(&version_key, |input| input.version())? else {
            return Ok(None);
        };
        if let Some(item) = self.row(&items::key(user, kind, version), items::decode)? {
            return Ok(Some(item));
        }
        // The index has moved it to a newer version between the two reads: then the tail, which is pinned, has that one.
        in_tail().ok_or(ReadFault::MissingItem { user, version }).map(Some)
    }

    /// Version of one item; 0 when there is none.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn item_version(&self, user: UserId, kind: Kind, key: &str) -> Result<Version, ReadFault> {
        if let Some(item) = self.pin.items(user, kind).iter().find(|item| item.key == key) {
            return Ok(item.version);
        }
        Ok(self.row(&items::version_key(user, kind, key), |input| input.version())?.unwrap_or_default())
    }
}
