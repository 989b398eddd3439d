//! What has grown too old to be kept, as the index has it.

use std::ops::ControlFlow;

use super::{
    field::Malformed, inboxes, keys, packing::Chunk, receipts, view::View, view_fault::ReadFault,
    view_scan::whole,
};
use crate::model::{Day, Horizon, UserId, Version, record::ReceiptDay};

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
