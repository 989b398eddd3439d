//! What has grown too old to be kept, as the index has it.

use std::ops::ControlFlow;

use super::{receipts, view::View, view_fault::ReadFault};
use crate::model::{Day, Horizon, UserId, record::ReceiptDay};

impl View {
    /// The newest durable horizon: it counts from when it is durable, whatever the bound.
    #[must_use]
    pub fn horizon(&self) -> Horizon {
        self.pin.horizon()
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
