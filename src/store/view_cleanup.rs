//! What is kept of inboxes, and what of it cleanup may remove: chunks of the index that lie wholly below a floor.

use std::ops::ControlFlow;

use super::{
    engine::prefix_end, field::Malformed, inboxes, keys, lineages, packing::Chunk, view::View,
    view_fault::ReadFault, view_scan::whole,
};
use crate::model::{ConversationId, Lineages, Seq, UserId, Version};

/// Where a message stands in an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Under this version.
    At(Version),
    /// Not any more.
    Removed,
    /// Nowhere among the pointers that were looked at; there are more.
    NotLookedFar,
}

impl View {
    /// Lineages of the users after `after` in the order of their ids, as the index has them, at most `max`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn lineages_after(&self, after: Option<UserId>, max: usize) -> Result<Vec<Lineages>, ReadFault> {
        let mut found = Vec::new();
        let from = match after {
            Some(UserId(u64::MAX)) => return Ok(found),
            Some(user) => lineages::key(UserId(user.0 + 1)),
            None => vec![keys::LINEAGES],
        };
        let to = prefix_end(&[keys::LINEAGES]).unwrap_or_default();
        self.visit(&from, &to, |_, value| {
            if found.len() == max {
                return Ok(ControlFlow::Break(()));
            }
            found.push(whole(value, lineages::decode)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Keys of the chunks of an inbox whose every pointer is at or below `floor`, oldest first, at most `max`. The
    /// newest chunk is never among them: it says where the inbox ends.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn removable_chunks(
        &self,
        user: UserId,
        floor: Version,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, ReadFault> {
        let mut newest = Vec::new();
        self.backward_key(keys::POINTER, user.0, u64::MAX, |key| newest = key.to_vec())?;
        let from = inboxes::chunk_key(user, Version(0));
        let to = inboxes::chunk_key(user, floor.next());
        let mut found: Vec<Vec<u8>> = Vec::new();
        self.visit(&from, &to, |key, value| {
            let last = Chunk::decode(value).map_err(Malformed::Packing)?.iter().last();
            let last = last.map(|record| whole(record, inboxes::decode)).transpose()?;
            let is_below = last.is_none_or(|pointer| pointer.version <= floor);
            if !is_below || key == newest || found.len() == max {
                return Ok(ControlFlow::Break(()));
            }
            found.push(key.to_vec());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Oldest inbox entry that is kept, and how many are kept at most `max` are counted.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn kept_entries(&self, user: UserId, max: usize) -> Result<(Option<Version>, usize), ReadFault> {
        let mut oldest = None;
        let mut count = 0;
        let from = inboxes::chunk_key(user, Version(0));
        let to = inboxes::chunk_key(user, self.pin.floor.min(self.pin.bound).next());
        let mut newest = Version(0);
        self.visit(&from, &to, |_, value| {
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                let pointer = whole(record, inboxes::decode)?;
                oldest.get_or_insert(pointer.version);
                count += usize::from(pointer.version > newest);
                newest = newest.max(pointer.version);
            }
            Ok(if count >= max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        for entry in self.pin.inbox_above(user, newest, max.saturating_sub(count)) {
            oldest.get_or_insert(entry.delivery.version);
            count += 1;
        }
        Ok((oldest, count.min(max)))
    }

    /// Where a message stands in an inbox, looked for among the first `max` pointers that are kept.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn pointer_to(
        &self,
        user: UserId,
        (conversation, seq): (ConversationId, Seq),
        max: usize,
    ) -> Result<Standing, ReadFault> {
        let mut found = None;
        let mut looked_at = 0;
        let from = inboxes::chunk_key(user, Version(0));
        let to = inboxes::chunk_key(user, self.pin.floor.min(self.pin.bound).next());
        self.visit(&from, &to, |_, value| {
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                let pointer = whole(record, inboxes::decode)?;
                if (pointer.conversation, pointer.seq) == (conversation, seq) {
                    found = Some(pointer.version);
                }
                looked_at += 1;
            }
            let done = found.is_some() || looked_at >= max;
            Ok(if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        let recent = self.pin.inbox_above(user, Version(0), max);
        let in_tail = recent.iter().find(|entry| {
            let message = &entry.delivery.message;
            (message.conversation, message.seq) == (conversation, seq)
        });
        Ok(match found.or(in_tail.map(|entry| entry.delivery.version)) {
            Some(version) => Standing::At(version),
            None if looked_at + recent.len() >= max => Standing::NotLookedFar,
            None => Standing::Removed,
        })
    }
}
