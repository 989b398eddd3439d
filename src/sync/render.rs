//! From what is kept to what a device is told: everything goes out through here, and through the table of levels.

use bytes::Bytes;
use highwater_wire::proto;

use super::levels::{LEVELS, Rendering};
use super::locale::Phrase;
use super::lost_future::Valid;
use crate::model::{
    Contact, Content, Reading, Standing, UserId,
    record::{InboxMessage, Item, ItemValue, Message},
};

/// An item as a device is told it: its value is a JSON document in both encodings.
/// Nothing when its level has nothing of the sort.
#[must_use]
pub fn item(rendering: Rendering, item: &Item) -> Option<proto::Item> {
    let item = proto::Item {
        kind: u32::from(item.kind.0),
        key: item.key.clone(),
        deleted: item.value.is_none(),
        value: item.value.as_ref().map(document).unwrap_or_default(),
    };
    (!LEVELS.leaves_out(rendering, &item)).then(|| LEVELS.item(rendering, item))
}

/// Items as a device is told them.
#[must_use]
pub fn items<'a>(rendering: Rendering, items: impl IntoIterator<Item = &'a Item>) -> Vec<proto::Item> {
    items.into_iter().filter_map(|told| item(rendering, told)).collect()
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
        ItemValue::Reading(reading) => json(&own_item(reading)),
        ItemValue::Document(document) => document.clone(),
    }
}

fn own_item(reading: &Reading) -> proto::OwnItem {
    proto::OwnItem {
        conversation_id: reading.conversation.0,
        as_of_seq: reading.as_of.0,
        read_seq: reading.read.0,
        read_count: reading.read_count,
        own_seqs: reading.own.iter().map(|seq| seq.0).collect(),
        muted_until_ms: reading.muted_until.0,
        pinned: reading.pinned,
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
    let is_counted = LEVELS.tells_counts(rendering);
    // Only what a client sent has an id of a client.
    let own = message.sender == user && !matches!(message.content, Content::Notice(_));
    proto::Entry {
        conversation_id: message.conversation.0,
        seq: message.seq.0,
        sender_id: message.sender.0,
        sent_at_ms: message.sent_at.0,
        client_message_id: if own { Bytes::copy_from_slice(&message.id.0) } else { Bytes::new() },
        content: Some(LEVELS.content(rendering, content(rendering, &message.content))),
        uncounted: if is_counted { message.seq.0 - message.count } else { 0 },
        read_seq: if is_counted && own { message.read.0 } else { 0 },
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

/// Messages of an inbox as a device of their user is told them.
#[must_use]
pub fn entries(user: UserId, rendering: Rendering, messages: &[InboxMessage]) -> Vec<proto::Entry> {
    messages.iter().map(|inbox| entry(user, rendering, &inbox.message)).collect()
}
