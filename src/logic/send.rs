//! The decision on a message: between two, or to a group.

use std::sync::Arc;

use highwater_wire::Refusal;
use xxhash_rust::xxh3::Xxh3;

use super::{
    contacts, content,
    decide::{Decided, Needs, authorise, put_item},
    fan_out::{self, Entry},
    group_mutes,
    operation::{Answer, Send, Target},
    reading,
    state::{ConversationState, Need, State},
    strangers,
};
use crate::{
    model::{
        Content, ConversationId, Counted, Day, Delivery, Effect, Seq, TimeMs, UserId, Version,
        limits::DEDUP_DAYS,
        record::{Conversation, Item, ItemValue, Message, Receipt, ReceiptDay},
        seeded::{self, SyncBug},
    },
    sync::kinds::CONVERSATIONS,
};

/// What must be in memory to decide a send.
pub(super) fn needs(needs: &mut Needs<'_>, at: TimeMs, send: &Send) {
    needs.need(Need::Device(send.by.device));
    needs.need(Need::Inbox(send.by.user));
    if day_in_window(needs.state, at, send.day) {
        needs.need(Need::Receipts(ReceiptDay { user: send.by.user, day: send.day }));
    }
    let peer = match &send.to {
        Target::Conversation(conversation) => {
            needs_of_conversation(needs, send, *conversation);
            let held = needs.state.conversations.get(conversation).copied().flatten();
            held.and_then(|held| held.row.peer_of(send.by.user))
        }
        Target::User(user) => {
            let peer = needs_of_pair(needs, send, *user);
            // Who is no user may be a group: see `place_of_user`.
            if matches!(needs.state.accounts.get(user), Some(None)) {
                needs_of_conversation(needs, send, user.as_group());
                return;
            }
            peer
        }
        Target::Name(name) => {
            needs.need(Need::Name(name.clone()));
            let user = needs.state.names.get(name).copied().flatten();
            user.and_then(|user| needs_of_pair(needs, send, user))
        }
    };
    if let Some(peer) = peer {
        needs.need(Need::Inbox(peer));
        needs.need(Need::Account(peer));
        strangers::ask_needs(needs, peer, send.by.user);
    }
}

/// A conversation, with what the sender has read of it; of a group its members too, and their inboxes when the message
/// reaches them at once.
fn needs_of_conversation(needs: &mut Needs<'_>, send: &Send, conversation: ConversationId) {
    needs.need(Need::Conversation(conversation));
    let Some(held) = needs.state.conversations.get(&conversation).copied().flatten() else {
        return;
    };
    if held.row.is_group() {
        needs.need(Need::Group(conversation));
        let state = needs.state;
        if let Some(Some(held)) = state.groups.get(&conversation) {
            fan_out::entry_needs(needs, held, &[]);
        }
    }
    reading::reading_needs(needs, (send.by.user, conversation), send.shown);
}

/// The rows that find or found the conversation of a pair. Returns the peer, who may not exist.
fn needs_of_pair(needs: &mut Needs<'_>, send: &Send, peer: UserId) -> Option<UserId> {
    let sender = send.by.user;
    for attempt in 0..ConversationId::DIRECT_ATTEMPTS_MAX {
        let conversation = ConversationId::direct(sender, peer, attempt);
        if !needs.need(Need::Conversation(conversation)) {
            return Some(peer);
        }
        match needs.state.conversations.get(&conversation) {
            Some(Some(held)) if held.row.members != members(sender, peer) => {}
            Some(Some(_)) => {
                reading::reading_needs(needs, (sender, conversation), send.shown);
                return Some(peer);
            }
            _ => break,
        }
    }
    // The conversation is new: its two are introduced to each other by name.
    for user in [sender, peer] {
        needs.need(Need::Account(user));
    }
    for (user, other) in [(sender, peer), (peer, sender)] {
        contacts::put_needs(needs, user, other);
        needs.need(Need::ContactTally(user));
    }
    Some(peer)
}

/// Decides a send.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    send: &Send,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, send.by)?;
    content::check(&send.content)?;
    if !day_in_window(state, at, send.day) {
        return Err(Refusal::DayOutsideWindow);
    }
    let place = find_place(state, send)?;
    let fingerprint = fingerprint(place.conversation, &send.content);
    let day = ReceiptDay { user: send.by.user, day: send.day };
    let earlier = state.receipts.get(&day).and_then(|set| set.get(&send.id));
    if let Some(receipt) = earlier {
        if receipt.fingerprint != fingerprint {
            return Err(Refusal::IdConflict);
        }
        return Ok(Decided::unchanged(sent(receipt)));
    }

    match place.peer {
        None => {
            let held = fan_out::admit(state, place.conversation, send.by.user);
            let held = held.map_err(|refusal| as_of_target(refusal, &send.to))?;
            group_mutes::check_may_write(held, send.by.user)?;
            fan_out::check_queue(state, held)?;
        }
        // After the receipts: what was stored before a block is still answered as stored.
        Some(peer) if contacts::is_blocked(state, peer, send.by.user) => return Err(Refusal::NoSuchUser),
        // The conversation outlives who was erased.
        Some(peer) if !matches!(state.accounts.get(&peer), Some(Some(_))) => return Err(Refusal::NoSuchUser),
        Some(peer) if strangers::must_ask(state, peer, send.by.user) => return Err(Refusal::AskFirst),
        Some(_) => {}
    }
    let mut effects = Vec::with_capacity(1);
    if let Some(peer) = place.peer.filter(|_| place.head == Seq(0)) {
        introduce(state, &mut effects, (place.conversation, peer), send.by.user, at, version);
    }
    let reader = (send.by.user, place.conversation);
    let (count, read) = reading::write(state, &mut effects, reader, send.shown, version);
    let seq = place.head.next();
    let receipt = Receipt { conversation: place.conversation, seq, sent_at: at, fingerprint };
    state.receipts.change_with(&day, version, |set| {
        set.insert(send.id, receipt);
    });
    let message = Message {
        conversation: place.conversation,
        seq,
        sender: send.by.user,
        sent_at: at,
        id: send.id,
        content: send.content.clone(),
        count,
        read,
    };
    let entry = Entry { message, day: send.day, fingerprint };
    match place.peer {
        Some(peer) => write_to_pair(state, &mut effects, peer, entry, version),
        None => fan_out::write_entry(state, &mut effects, entry, version),
    }
    Ok(Decided::changed(version, effects, sent(&receipt)))
}

/// Who names a user, and is no member of the group with this number, finds nobody.
fn as_of_target(refusal: Refusal, to: &Target) -> Refusal {
    match (refusal, to) {
        (Refusal::NoSuchConversation, Target::User(_)) => Refusal::NoSuchUser,
        (refusal, _) => refusal,
    }
}

/// Writes a message that both get at once.
fn write_to_pair(state: &mut State, effects: &mut Vec<Effect>, peer: UserId, entry: Entry, version: Version) {
    let Entry { message, day, fingerprint } = entry;
    state.conversations.change_with(&message.conversation, version, |held| {
        if let Some(held) = held {
            held.has_entry(message.seq, message.content.counts());
        }
    });
    let pointers = point(state, message.sender, peer, version);
    effects.push(Effect::Message(Arc::new(Delivery { version, message, day, fingerprint, pointers })));
}

fn sent(receipt: &Receipt) -> Answer {
    Answer::Sent { conversation: receipt.conversation, seq: receipt.seq, sent_at: receipt.sent_at }
}

/// The conversation that a send belongs to, existing or to be made.
struct Place {
    conversation: ConversationId,
    /// Nobody when it is a group. Whether the sender is a member is asked later: a message that was sent before is
    /// recognised also when its sender has left.
    peer: Option<UserId>,
    /// 0 when it is to be made.
    head: Seq,
}

fn find_place(state: &State, send: &Send) -> Result<Place, Refusal> {
    let sender = send.by.user;
    match &send.to {
        Target::Conversation(conversation) => {
            let held = state.conversations.get(conversation).copied().flatten();
            let held = held.ok_or(Refusal::NoSuchConversation)?;
            let peer = held.row.peer_of(sender);
            if peer.is_none() && !held.row.is_group() {
                return Err(Refusal::NoSuchConversation);
            }
            Ok(Place { conversation: *conversation, peer, head: held.head })
        }
        Target::User(user) => place_of_user(state, sender, *user),
        Target::Name(name) => {
            let user = state.names.get(name).copied().flatten().ok_or(Refusal::NoSuchUser)?;
            place_of_pair(state, sender, user)
        }
    }
}

/// To a client of an old level a group is a contact, with the number of the group: what it sends to that one goes to the
/// group.
fn place_of_user(state: &State, sender: UserId, user: UserId) -> Result<Place, Refusal> {
    let place = place_of_pair(state, sender, user);
    let conversation = user.as_group();
    match state.conversations.get(&conversation).copied().flatten() {
        Some(held) if place.is_err() && held.row.is_group() => {
            Ok(Place { conversation, peer: None, head: held.head })
        }
        _ => place,
    }
}

fn place_of_pair(state: &State, sender: UserId, peer: UserId) -> Result<Place, Refusal> {
    for attempt in 0..ConversationId::DIRECT_ATTEMPTS_MAX {
        let conversation = ConversationId::direct(sender, peer, attempt);
        match state.conversations.get(&conversation).copied().flatten() {
            Some(held) if held.row.members == members(sender, peer) => {
                return Ok(Place { conversation, peer: Some(peer), head: held.head });
            }
            Some(_) => {}
            None if matches!(state.accounts.get(&peer), Some(Some(_))) => {
                return Ok(Place { conversation, peer: Some(peer), head: Seq(0) });
            }
            None => return Err(Refusal::NoSuchUser),
        }
    }
    Err(Refusal::Internal)
}

/// The first message makes the conversation, and each of the two a contact of the other.
fn introduce(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (conversation, peer): (ConversationId, UserId),
    sender: UserId,
    at: TimeMs,
    version: Version,
) {
    let row = Conversation {
        conversation,
        members: members(sender, peer),
        created: at,
        oldest: Seq(1),
        let_go: Version(0),
    };
    let begun = ConversationState { row, head: Seq(0), counted: Counted::default() };
    state.conversations.change(conversation, Some(begun), version);
    effects.push(Effect::Conversation(row));
    for (user, other) in both_sides(sender, peer) {
        contacts::make_contact(state, effects, (user, other), version);
        reading::begin(state, conversation, user, version);
        let value = Some(ItemValue::Conversation { conversation, peer: other });
        let (kind, key) = (CONVERSATIONS, conversation.to_string());
        effects.push(put_item(state, user, Item { kind, key, version, value }));
    }
}

/// Points the inboxes of both to the message. Returns them with the pointer each had before.
pub(super) fn point(
    state: &mut State,
    sender: UserId,
    peer: UserId,
    version: Version,
) -> Vec<(UserId, Version)> {
    let mut pointers = Vec::with_capacity(2);
    for (user, _) in both_sides(sender, peer) {
        let previous = state.inboxes.get(&user).copied().unwrap_or_default();
        state.inboxes.change(user, version, version);
        pointers.push((user, previous));
    }
    pointers
}

/// Each of the two with the other; one pair only for notes to oneself.
fn both_sides(sender: UserId, peer: UserId) -> impl Iterator<Item = (UserId, UserId)> {
    let back = (peer != sender).then_some((peer, sender));
    std::iter::once((sender, peer)).chain(back)
}

fn members(one: UserId, other: UserId) -> [UserId; 2] {
    if one <= other { [one, other] } else { [other, one] }
}

/// A client may be ahead by a day, since it keeps the day of its last greeting over midnight and clocks differ. A day
/// whose receipts may be gone is refused, whatever the clock says: a resend would be taken as new.
fn day_in_window(state: &State, at: TimeMs, day: Day) -> bool {
    let today = state.today(at);
    let is_kept = day >= state.horizon.receipts_from || seeded::is(SyncBug::WindowByTheClockAlone);
    is_kept && day.0 <= today.0.saturating_add(1) && day.0.saturating_add(DEDUP_DAYS) > today.0
}

/// Seed of the fingerprints of custom messages, which are so never taken for those of texts.
const CUSTOM_SEED: u64 = 1;

fn fingerprint(conversation: ConversationId, content: &Content) -> u64 {
    let (seed, parts) = match content {
        Content::Text(text) => (0, vec![text]),
        Content::Custom(custom) => (CUSTOM_SEED, vec![&custom.schema, &custom.json, &custom.fallback]),
        Content::Notice(_) | Content::Erased | Content::AccountErased => {
            unreachable!("no client sends it: the content was checked")
        }
    };
    let mut hasher = Xxh3::with_seed(seed);
    hasher.update(&conversation.0.to_le_bytes());
    // What stands before the last part says how long it is, so that no two contents read the same.
    for part in &parts[..parts.len() - 1] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(parts[parts.len() - 1]);
    hasher.digest()
}
