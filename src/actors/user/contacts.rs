//! Requests about other users, in the committer's terms.

use highwater_wire::proto::client_frame::Request;

use crate::{
    logic::{
        Principal,
        operation::{ChangeContact, ContactChange},
    },
    model::UserId,
};

/// A change of a contact, if the request is one.
#[must_use]
pub fn change_of_contact(by: Principal, request: &Request) -> Option<ChangeContact> {
    let (other, change) = match request {
        Request::BlockUser(block) => (block.user_id, ContactChange::Block),
        Request::UnblockUser(unblock) => (unblock.user_id, ContactChange::Unblock),
        Request::NoteContact(note) => {
            (note.user_id, ContactChange::Note { remark: note.remark.clone(), labels: note.labels.clone() })
        }
        Request::DeleteContact(delete) => (delete.user_id, ContactChange::Delete),
        Request::AskContact(ask) => (ask.user_id, ContactChange::Ask { greeting: ask.greeting.clone() }),
        Request::AcceptContact(accept) => (accept.user_id, ContactChange::Accept),
        Request::RefuseContact(refuse) => (refuse.user_id, ContactChange::Refuse),
        Request::WithdrawContact(withdraw) => (withdraw.user_id, ContactChange::Withdraw),
        _ => return None,
    };
    Some(ChangeContact { by, other: UserId(other), change })
}
