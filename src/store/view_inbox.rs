//! An inbox as a view sees it: what the index has, then what only the tail has, each pointer following the one before.

use std::ops::ControlFlow;

use super::{
    field::Malformed, inboxes, keys, packing::Chunk, tail::InboxEntry, view::View, view_fault::ReadFault,
    view_scan::whole,
};
use crate::model::{
    UserId, Version,
    record::{InboxMessage, Pointer},
};

impl View {
    /// Newest pointer of an inbox; 0 when it has none. What was left out of the index lies at or below the floor, and the
    /// floor is the version of an entry: where the index has nothing above it, the inbox ends there.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn inbox_head(&self, user: UserId) -> Result<Version, ReadFault> {
        if let Some(head) = self.pin.inbox_head(user) {
            return Ok(head);
        }
        let mut head = self.lineages(user)?.floor;
        self.backward(keys::POINTER, user.0, u64::MAX, |value| {
            let last = Chunk::decode(value).map_err(Malformed::Packing)?.iter().last();
            if let Some(record) = last {
                head = head.max(whole(record, inboxes::decode)?.version);
            }
            Ok(())
        })?;
        Ok(head)
    }

    /// Messages of an inbox above `mark`, oldest first: at most `entries_max`, and as many as fit `bytes_max`, but at
    /// least one if there is one. Posts of channels are not among them: see `messages_above`.
    ///
    /// # Errors
    /// When the index cannot be read, or a message or pointer is missing.
    pub fn inbox_above(
        &self,
        user: UserId,
        mark: Version,
        entries_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<InboxMessage>, ReadFault> {
        self.load(self.pointers_above(user, mark, entries_max)?, bytes_max)
    }

    /// Pointers of an inbox above `mark`, oldest first, at most `max`.
    pub(super) fn pointers_above(
        &self,
        user: UserId,
        mark: Version,
        max: usize,
    ) -> Result<Vec<InboxEntry>, ReadFault> {
        let indexed = self.indexed_pointers(user, mark, max)?;
        let mut found: Vec<InboxEntry> = indexed.into_iter().map(InboxEntry::from).collect();
        let mut newest = found.last().map_or(mark, |entry| entry.version);
        for entry in self.pin.inbox_above(user, newest, max.saturating_sub(found.len())) {
            if entry.previous > newest {
                return Err(ReadFault::BrokenInbox { user, found: newest, expected: entry.previous });
            }
            newest = entry.version;
            found.push(entry);
        }
        Ok(found)
    }

    /// Pointers that the index has above `mark` and at or below what the tail leaves to it.
    fn indexed_pointers(&self, user: UserId, mark: Version, max: usize) -> Result<Vec<Pointer>, ReadFault> {
        let through = self.pin.floor.min(self.pin.bound);
        if mark >= through {
            return Ok(Vec::new());
        }
        // The chunk in which the mark lies begins at or before it.
        let mut from = inboxes::chunk_key(user, mark.next());
        self.backward_key(keys::POINTER, user.0, mark.0, |key| from = key.to_vec())?;
        let to = inboxes::chunk_key(user, through.next());
        let mut found: Vec<Pointer> = Vec::new();
        self.visit(&from, &to, |_, value| {
            let chunk = Chunk::decode(value).map_err(Malformed::Packing)?;
            for record in chunk.iter() {
                let pointer = whole(record, inboxes::decode)?;
                let newest = found.last().map_or(mark, |pointer| pointer.version);
                // Chunks may overlap after an index step that was cut off and done again.
                if pointer.version <= newest || pointer.version > through {
                    continue;
                }
                if pointer.previous > newest {
                    let expected = pointer.previous;
                    return Err(ReadFault::BrokenInbox { user, found: newest, expected });
                }
                if found.len() == max {
                    return Ok(ControlFlow::Break(()));
                }
                found.push(pointer);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}
