//! Requests about what the user has read, in the committer's terms, and what is told of it.

use highwater_wire::{Refusal, proto};
use proto::client_frame::Request;

use crate::{
    logic::{
        Principal,
        operation::{ReadingChange, ReadingRequest},
    },
    model::{ConversationId, Seq, TimeMs},
    store::view_readings::Unread,
};

/// What the user says of a conversation, if the request is about that.
///
/// # Errors
/// When a field has a value that it cannot have.
pub fn reading_of(by: Principal, request: &Request) -> Option<Result<ReadingRequest, Refusal>> {
    let (conversation, change) = match request {
        Request::MarkRead(mark) => (mark.conversation_id, ReadingChange::Read(Seq(mark.seq))),
        Request::SetConversation(set) if set.muted_until_ms < 0 => return Some(Err(Refusal::InvalidField)),
        Request::SetConversation(set) => {
            let (muted_until, pinned) = (TimeMs(set.muted_until_ms), set.pinned);
            (set.conversation_id, ReadingChange::Keep { muted_until, pinned })
        }
        _ => return None,
    };
    Some(Ok(ReadingRequest { by, conversation: ConversationId(conversation), change }))
}

/// A head with what is unread.
pub(super) fn with_unread(head: proto::Head, unread: &Unread) -> proto::Head {
    proto::Head {
        count: unread.count,
        read_seq: unread.reading.read.0,
        read_count: unread.reading.read_count,
        own_seqs: unread.reading.own.iter().map(|seq| seq.0).collect(),
        unread: unread.unread(),
        ..head
    }
}
