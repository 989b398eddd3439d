//! What has grown too old to be kept, as the index has it.

use std::ops::ControlFlow;

use super::{
    field::Malformed, inboxes, items, keys, packing::Chunk, receipts, tombstones, view::View,
    view_fault::ReadFault, view_scan::whole,
};
use crate::model::{Day, Horizon, Kind, UserId, Version, record::ReceiptDay};

/// A tombstone as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Whose.
    pub user: UserId,
    /// Of which kind.
    pub kind: Kind,
    /// Which item.
    pub item: String,
    /// Its version.
    pub version: Version,
    /// Whether the item still is this tombstone; else only the key is left, to be removed.
    pub is_item: bool,
    /// Its key among the tombstones.
    pub key: Vec<u8>,
}

impl View {
    /// The newest durable horizon: it counts from when it is durable, whatever the bound.
    #[must_use]
    pub fn horizon(&self) -> Horizon {
        self.pin.horizon()
    }

    /// The newest entry of an inbox at or below `version` that the index has.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn newest_entry_through(&self, user: UserId, version: Version) -> Result<Option<Version>, ReadFault> {
        let mut newest = None;
        self.backward(keys::POINTER, user.0, version.0, |value| {
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                let pointer = whole(record, inboxes::decode)?;
                newest = newest.max(Some(pointer.version).filter(|found| *found <= version));
            }
            Ok(())
        })?;
        Ok(newest)
    }

    /// Tombstones after a key, the oldest first, at or below `version`, at most `max`, as the index has them.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn tombstones_through(
        &self,
        after: Option<&[u8]>,
        version: Version,
        max: usize,
    ) -> Result<Vec<Tombstone>, ReadFault> {
        let mut found: Vec<Tombstone> = Vec::new();
        let mut from = after.map_or_else(|| vec![keys::TOMBSTONE], <[u8]>::to_vec);
        from.extend(after.map(|_| 0));
        let to = tombstones::key(version.next(), UserId(0), Kind(0));
        if from >= to {
            return Ok(found);
        }
        self.visit(&from, &to, |key, value| {
            let (version, user, kind) = tombstones::decode_key(key)?;
            let item = String::from_utf8(value.to_vec()).map_err(|_| Malformed::Truncated("item key"))?;
            found.push(Tombstone { user, kind, item, version, is_item: true, key: key.to_vec() });
            Ok(if found.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        for tombstone in &mut found {
            let item = items::key(tombstone.user, tombstone.kind, tombstone.version);
            tombstone.is_item = self.engine.get(&item)?.is_some();
        }
        Ok(found)
    }

    /// Keys of the chunks of receipts of a sender's days before `day`, oldest first, at most `max`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn receipt_chunks_before(
        &self,
        user: UserId,
        day: Day,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, ReadFault> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let from = receipts::day_prefix(ReceiptDay { user, day: Day(0) });
        let to = receipts::day_prefix(ReceiptDay { user, day });
        if max == 0 || from >= to {
            return Ok(found);
        }
        self.visit(&from, &to, |key, _| {
            found.push(key.to_vec());
            Ok(if found.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }
}
