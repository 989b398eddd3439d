//! Receipts: what is remembered of each send, by sender and day, to recognise it when it comes again.

use super::{
    field::{Input, Malformed, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{
    ClientMessageId, Version,
    record::{Receipt, ReceiptDay},
};

/// Key of the chunk whose first receipt was decided as `first`.
#[must_use]
pub fn chunk_key(day: ReceiptDay, first: Version) -> Vec<u8> {
    Key::of(keys::RECEIPT).u64(day.user.0).u32(day.day.0).u64(first.0).done()
}

/// What every chunk key of a sender's day begins with.
#[must_use]
pub fn day_prefix(day: ReceiptDay) -> Vec<u8> {
    Key::of(keys::RECEIPT).u64(day.user.0).u32(day.day.0).done()
}

/// Writes a receipt.
pub fn encode(out: &mut Vec<u8>, id: ClientMessageId, receipt: &Receipt) {
    out.extend_from_slice(&id.0);
    put_fixed64(out, receipt.conversation.0);
    put_number(out, receipt.seq.0);
    put_time(out, receipt.sent_at);
    put_fixed64(out, receipt.fingerprint);
}

/// Reads a receipt.
///
/// # Errors
/// When the bytes are not a receipt.
pub fn decode(input: &mut Input<'_>) -> Result<(ClientMessageId, Receipt), Malformed> {
    let id = ClientMessageId(input.array("client message id")?);
    let receipt = Receipt {
        conversation: input.conversation()?,
        seq: input.seq()?,
        sent_at: input.time()?,
        fingerprint: input.fixed64("fingerprint")?,
    };
    Ok((id, receipt))
}
