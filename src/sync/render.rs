//! From what is kept to what a device is told: everything goes out through here, and through the table of levels.

use bytes::Bytes;
use highwater_wire::proto;

use super::levels::{LEVELS, Rendering};
use super::locale::Phrase;
use super::lost_future::Valid;
use super::page::Passed;
use crate::model::{
    Contact, Content, Standing, UserId,
    record::{InboxMessage, Item, ItemValue, Message},
};

/// An item as a device is told it: its value is a JSON document in both encodings.
#[must_use]
pub fn item(rendering: Rendering, item: &Item) -> proto::Item {
    let item = proto::Item {
        kind: u32::from(item.kind.0),
        key: item.key.clone(),
        deleted: item.value.is_none(),
        value: item.value.as_ref().map(document).unwrap_or_default(),
    };
    LEVELS.item(rendering, item)
}

fn document(value: &ItemValue) -> String {
    match value {
        ItemValue::Account { user, name } => {
            json(&proto::AccountItem { user_id: user.0, name: name.clone() })
        }
        ItemValue::Contact(contact) => json(&contact_item(contact)),
        ItemValue::Conversation { conversation, peer } => {
            json(&proto::ConversationItem { conversation_id: conversation.0, peer_id: peer.0 })
        }
        // The group's name comes with the frames of groups.
        ItemValue::Group { group, .. } => {
            json(&proto::ConversationItem { conversation_id: group.0, peer_id: 0 })
        }
        ItemValue::Document(document) => document.clone(),
    }
}

fn contact_item(contact: &Contact) -> proto::ContactItem {
    let standing = match contact.standing {
        Standing::Contact => proto::Standing::Contact,
        Standing::Stranger => proto::Standing::Stranger,
        Standing::Asked => proto::Standing::Asked,
        Standing::AskedBy => proto::Standing::AskedBy,
    };
    proto::ContactItem {
        user_id: contact.user.0,
        name: contact.name.clone(),
        standing: standing.into(),
        blocked: contact.is_blocked,
        remark: contact.remark.clone(),
        labels: contact.labels.clone(),
        greeting: contact.greeting.clone(),
        asked_at_ms: contact.asked_at.0,
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("items have no field that JSON cannot hold")
}

/// A message as a device of `user` is told it.
#[must_use]
pub fn entry(user: UserId, rendering: Rendering, message: &Message) -> proto::Entry {
    // Only what a client sent has an id of a client.
    let own = message.sender == user && !matches!(message.content, Content::Notice(_));
    proto::Entry {
        conversation_id: message.conversation.0,
        seq: message.seq.0,
        sender_id: message.sender.0,
        sent_at_ms: message.sent_at.0,
        client_message_id: if own { Bytes::copy_from_slice(&message.id.0) } else { Bytes::new() },
        content: Some(LEVELS.content(rendering, content(rendering, &message.content))),
    }
}

/// A content whole, as the newest level has it.
fn content(rendering: Rendering, content: &Content) -> proto::entry::Content {
    match content {
        Content::Text(text) => proto::entry::Content::Text(utf8(text)),
        Content::Custom(custom) => proto::entry::Content::Custom(proto::Custom {
            schema: utf8(&custom.schema),
            json: utf8(&custom.json),
            fallback: utf8(&custom.fallback),
        }),
        // No level has notices yet.
        Content::Notice(_) => {
            proto::entry::Content::Text(rendering.locale.says(Phrase::NotShownHere).to_owned())
        }
    }
}

/// Texts are checked to be UTF-8 where they come in.
fn utf8(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Up to where a conversation stays valid, as the wire has it.
#[must_use]
pub fn valid(valid: &Valid) -> proto::Valid {
    proto::Valid { conversation_id: valid.conversation.0, seq: valid.seq.0 }
}

/// Posts that are passed over, as the wire has them.
#[must_use]
pub fn gap(passed: &Passed) -> proto::Gap {
    proto::Gap { conversation_id: passed.conversation.0, from_seq: passed.from.0, to_seq: passed.to.0 }
}

/// Messages of an inbox as a device of their user is told them.
#[must_use]
pub fn entries(user: UserId, rendering: Rendering, messages: &[InboxMessage]) -> Vec<proto::Entry> {
    messages.iter().map(|inbox| entry(user, rendering, &inbox.message)).collect()
}
