//! What is kept of inboxes, and what of it cleanup may remove: chunks of the index that lie wholly below a floor.

use std::ops::ControlFlow;

use super::{
    field::Malformed, inboxes, keys, lineages, packing::Chunk, tail::InboxEntry, view::View,
    view_fault::ReadFault, view_scan::whole,
};
use crate::model::{ConversationId, Lineages, Seq, UserId, Version, record::Pointer};

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
        self.rows_after(keys::LINEAGES, after.map(|user| user.0), max, lineages::decode)
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

    /// Oldest inbox entry that is kept, and how many are kept; at most `max` are counted.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn kept_entries(&self, user: UserId, max: usize) -> Result<(Option<Version>, usize), ReadFault> {
        let kept = self.kept_pointers(user, max)?;
        Ok((kept.first().map(|pointer| pointer.version), kept.len()))
    }

    /// Where a message stands in an inbox, looked for among the first `max` pointers that are kept.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn pointer_to(
        &self,
        user: UserId,
        place: (ConversationId, Seq),
        max: usize,
    ) -> Result<Standing, ReadFault> {
        let kept = self.kept_pointers(user, max)?;
        Ok(match kept.iter().find(|pointer| (pointer.conversation, pointer.seq) == place) {
            Some(pointer) => Standing::At(pointer.version),
            None if kept.len() == max => Standing::NotLookedFar,
            None => Standing::Removed,
        })
    }

    /// The first `max` pointers of an inbox that are kept, below the floor too: of the index, then of the tail.
    fn kept_pointers(&self, user: UserId, max: usize) -> Result<Vec<Pointer>, ReadFault> {
        let mut kept: Vec<Pointer> = Vec::new();
        let newest = |kept: &[Pointer]| kept.last().map_or(Version(0), |pointer| pointer.version);
        let from = inboxes::chunk_key(user, Version(0));
        let to = inboxes::chunk_key(user, self.pin.floor.min(self.pin.bound).next());
        self.visit(&from, &to, |_, value| {
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                let pointer = whole(record, inboxes::decode)?;
                if pointer.version > newest(&kept) {
                    kept.push(pointer);
                }
            }
            Ok(if kept.len() >= max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        for entry in self.pin.inbox_above(user, newest(&kept), max.saturating_sub(kept.len())) {
            let InboxEntry { version, previous, conversation, seq, .. } = entry;
            kept.push(Pointer { version, previous, conversation, seq });
        }
        kept.truncate(max);
        Ok(kept)
    }
}
