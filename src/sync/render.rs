//! From what is kept to what a device is told: everything goes out through here, and through the table of levels.

use bytes::Bytes;
use highwater_wire::proto;

use super::levels::{LEVELS, Rendering};
use super::lost_future::Valid;
use super::names::Names;
use super::page::Passed;
use crate::model::{
    Contact, Content, Form, Notice, Reading, Role, Standing, Strangers, UserId,
    record::{InboxMessage, Item, ItemValue, Message},
};

/// An item as a device is told it, by one, by several, or not at all when its level has nothing of the sort: their values
/// are JSON documents in both encodings.
#[must_use]
pub fn items(rendering: Rendering, item: &Item) -> Vec<proto::Item> {
    LEVELS.items(rendering, whole_item(item))
}

/// Of what an item is told by, that of its own kind, if the level has it at all.
#[must_use]
pub fn item(rendering: Rendering, item: &Item) -> Option<proto::Item> {
    LEVELS.item(rendering, whole_item(item))
}

fn whole_item(item: &Item) -> proto::Item {
    proto::Item {
        kind: u32::from(item.kind.0),
        key: item.key.clone(),
        deleted: item.value.is_none(),
        value: item.value.as_ref().map(document).unwrap_or_default(),
    }
}

fn document(value: &ItemValue) -> String {
    match value {
        ItemValue::Account { user, name, profile } => json(&proto::AccountItem {
            user_id: user.0,
            name: name.clone(),
            display_name: profile.display_name.clone(),
            avatar: profile.avatar.clone(),
            about: profile.about.clone(),
        }),
        ItemValue::Contact(contact) => json(&contact_item(contact)),
        ItemValue::Conversation { conversation, peer } => {
            json(&proto::ConversationItem { conversation_id: conversation.0, peer_id: peer.0, group: None })
        }
        ItemValue::Group { group, name, role: own, since, form } => {
            let item = proto::GroupItem {
                name: name.clone(),
                role: role(*own).into(),
                since_seq: since.0,
                channel: *form == Form::Channel,
            };
            json(&proto::ConversationItem { conversation_id: group.0, peer_id: 0, group: Some(item) })
        }
        ItemValue::Reading(reading) => json(&own_item(reading)),
        ItemValue::Privacy { hides_read } => json(&proto::PrivacyItem { hides_read: *hides_read }),
        ItemValue::Strangers(said) => json(&proto::StrangersItem { strangers: strangers(*said).into() }),
        ItemValue::Document(document) => document.clone(),
    }
}

fn strangers(said: Strangers) -> proto::Strangers {
    match said {
        Strangers::Write => proto::Strangers::Write,
        Strangers::Ask => proto::Strangers::Ask,
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
        Standing::Erased => proto::Standing::Erased,
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
        display_name: contact.display_name.clone(),
        avatar: contact.avatar.clone(),
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("items have no field that JSON cannot hold")
}

/// A role as the wire has it.
#[must_use]
pub fn role(role: Role) -> proto::Role {
    match role {
        Role::Owner => proto::Role::Owner,
        Role::Admin => proto::Role::Admin,
        Role::Member => proto::Role::Member,
    }
}

/// Whose names have to be known to tell this entry to a device of `user`. Of most entries nobody's, so that they can be
/// told without a look into the store.
#[must_use]
pub fn people(user: UserId, rendering: Rendering, message: &Message) -> Vec<UserId> {
    let mut people = match &message.content {
        Content::Notice(notice) => {
            let mut people = concerned(notice).to_vec();
            people.push(message.sender);
            people
        }
        _ => Vec::new(),
    };
    people.extend(speaker(user, rendering, message));
    people
}

/// Who is named in front of a text: at a level that lacks groups, everybody but the user and who writes to the user alone.
fn speaker(user: UserId, rendering: Rendering, message: &Message) -> Option<UserId> {
    let sender = message.sender;
    // Asked last, since it is dear.
    let is_known = || sender == user || message.conversation.is_between(user, sender);
    (LEVELS.names_speakers(rendering.level) && !is_known()).then_some(sender)
}

/// Whom a notice speaks of, besides the one who did it.
fn concerned(notice: &Notice) -> &[UserId] {
    match notice {
        Notice::Created { members, .. } | Notice::Joined(members) => members,
        Notice::Removed(user)
        | Notice::RoleGiven(user, _)
        | Notice::Muted(user, _)
        | Notice::Admitted(user) => std::slice::from_ref(user),
        Notice::Left
        | Notice::Renamed(_)
        | Notice::Dissolved
        | Notice::AllMuted(_)
        | Notice::Turned(_)
        | Notice::Announced(_)
        | Notice::JoinedByLink
        | Notice::Asked
        | Notice::ApprovalSet(_) => &[],
    }
}

/// An entry that needs nobody's name, as a device of `user` is told it.
///
/// # Panics
/// When somebody has to be named.
#[must_use]
pub fn entry(user: UserId, rendering: Rendering, message: &Message) -> proto::Entry {
    assert!(people(user, rendering, message).is_empty(), "an entry is told without the names that it needs");
    entry_naming(user, rendering, message, &Names::default())
}

/// An entry as a device of `user` is told it, with the names of [`people`].
#[must_use]
pub fn entry_naming(user: UserId, rendering: Rendering, message: &Message, names: &Names) -> proto::Entry {
    let is_counted = LEVELS.tells_counts(rendering);
    // Only what a client sent has an id of a client.
    let own = message.sender == user && message.content.is_of_client();
    let entry = proto::Entry {
        conversation_id: message.conversation.0,
        seq: message.seq.0,
        sender_id: message.sender.0,
        sent_at_ms: message.sent_at.0,
        client_message_id: if own { Bytes::copy_from_slice(&message.id.0) } else { Bytes::new() },
        content: Some(content(message, names)),
        uncounted: if is_counted { message.seq.0 - message.count } else { 0 },
        read_seq: if is_counted && own { message.read.0 } else { 0 },
    };
    let speaker = speaker(user, rendering, message).map(|speaker| names.of(speaker));
    LEVELS.entry(rendering, entry, speaker)
}

/// A content whole, as the newest level has it.
fn content(message: &Message, names: &Names) -> proto::entry::Content {
    match &message.content {
        Content::Text(text) => proto::entry::Content::Text(utf8(text)),
        Content::Custom(custom) => proto::entry::Content::Custom(proto::Custom {
            schema: utf8(&custom.schema),
            json: utf8(&custom.json),
            fallback: utf8(&custom.fallback),
        }),
        Content::Notice(notice) => proto::entry::Content::Notice(whole_notice(message.sender, notice, names)),
        Content::Erased => proto::entry::Content::Erased(proto::Erased { account: false }),
        Content::AccountErased => proto::entry::Content::Erased(proto::Erased { account: true }),
    }
}

fn whole_notice(sender: UserId, notice: &Notice, names: &Names) -> proto::Notice {
    use proto::notice::What;
    let (what, name, given) = match notice {
        Notice::Created { name, .. } => (What::Created, name.as_str(), None),
        Notice::Joined(_) => (What::Joined, "", None),
        Notice::Left => (What::Left, "", None),
        Notice::Removed(_) => (What::Removed, "", None),
        Notice::Renamed(name) => (What::Renamed, name.as_str(), None),
        Notice::RoleGiven(_, given) => (What::RoleGiven, "", Some(*given)),
        Notice::Dissolved => (What::Dissolved, "", None),
        Notice::AllMuted(true) => (What::AllMuted, "", None),
        Notice::AllMuted(false) => (What::AllUnmuted, "", None),
        Notice::Muted(_, true) => (What::Muted, "", None),
        Notice::Muted(_, false) => (What::Unmuted, "", None),
        Notice::Turned(_) => (What::Turned, "", None),
        Notice::Announced(_) => (What::Announced, "", None),
        Notice::JoinedByLink => (What::JoinedByLink, "", None),
        Notice::Asked => (What::Asked, "", None),
        Notice::Admitted(_) => (What::Admitted, "", None),
        Notice::ApprovalSet(true) => (What::ApprovalOn, "", None),
        Notice::ApprovalSet(false) => (What::ApprovalOff, "", None),
    };
    let text = match notice {
        Notice::Announced(text) => text.as_str(),
        _ => "",
    };
    let user = |user: &UserId| proto::User {
        user_id: user.0,
        name: names.of(*user).to_owned(),
        ..proto::User::default()
    };
    proto::Notice {
        what: what.into(),
        by: names.of(sender).to_owned(),
        users: concerned(notice).iter().map(user).collect(),
        name: name.to_owned(),
        role: given.map(role).unwrap_or_default().into(),
        text: text.to_owned(),
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

/// Messages of an inbox, which need nobody's name, as a device of their user is told them.
#[must_use]
pub fn entries(user: UserId, rendering: Rendering, messages: &[InboxMessage]) -> Vec<proto::Entry> {
    messages.iter().map(|inbox| entry(user, rendering, &inbox.message)).collect()
}
