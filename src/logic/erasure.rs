//! The decisions on the erasure of a user: the account goes at once, and with it everything that the user wrote, since
//! nobody is shown any of it from then on. What others have of the user goes in steps, one small operation each.
//!
//! Steps are asked for by who finds them: see `actors::cleaner`. Each says where it stands, so that one that comes twice, or
//! out of turn because one before it was lost, changes nothing.

use std::sync::Arc;

use highwater_wire::Refusal;

use super::{
    channels, contacts,
    decide::{Decided, Needs, authorise},
    fan_out::{self, Entry},
    gone::left_of,
    group_approvals,
    group_changes::{Changed, apply},
    groups, heirs, lineages,
    operation::{Answer, Principal},
    send,
    state::{Need, State},
};
use crate::{
    model::{
        ClientMessageId, Contact, Content, ConversationId, Day, Delivery, DeviceId, Effect, Erasure, Form,
        Group, Notice, Seq, TimeMs, UserId, Version,
        record::{Account, Message, name_key},
    },
    sync::kinds::CONVERSATIONS,
};

/// The operation and the steps of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureRequest {
    /// It begins.
    Begin(Erase),
    /// Somebody has something of the erased user. Nobody waits for it.
    Contact {
        /// Who was erased.
        user: UserId,
        /// Who has the user as a contact, or something else of the user.
        owner: UserId,
    },
    /// It is a conversation's turn. Nobody waits for it.
    Conversation {
        /// Who was erased.
        user: UserId,
        /// The conversation of the step before; 0 when it is the first. Else it is not this step's turn.
        after: ConversationId,
        /// Which conversation is told.
        conversation: ConversationId,
    },
}

/// A user to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erase {
    /// Who.
    pub user: UserId,
    /// By whose word.
    pub by: ErasedBy,
    /// Whether anybody may have the name from then on.
    pub frees_name: bool,
}

/// See [`Erase`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasedBy {
    /// An operator's.
    Operator,
    /// The user's own.
    User {
        /// The device that asks.
        device: DeviceId,
        /// PHC string of the password that was proven. It has to be the account's still.
        proven: String,
    },
}

impl ErasureRequest {
    /// Who is erased.
    #[must_use]
    pub fn user(&self) -> UserId {
        match self {
            ErasureRequest::Begin(erase) => erase.user,
            ErasureRequest::Contact { user, .. } | ErasureRequest::Conversation { user, .. } => *user,
        }
    }
}

/// What must be in memory to decide one of them.
pub(super) fn needs(needs: &mut Needs<'_>, request: &ErasureRequest) {
    match request {
        ErasureRequest::Begin(erase) => begin_needs(needs, erase),
        ErasureRequest::Contact { user, owner } => contact_needs(needs, *owner, *user),
        ErasureRequest::Conversation { user, conversation, .. } => {
            conversation_needs(needs, *user, *conversation)
        }
    }
}

/// Decides one of them.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    request: &ErasureRequest,
    version: Version,
) -> Result<Decided, Refusal> {
    match request {
        ErasureRequest::Begin(erase) => begin(state, at, erase, version),
        ErasureRequest::Contact { user, owner } => Ok(erase_contact(state, *owner, *user, version)),
        ErasureRequest::Conversation { user, after, conversation } => {
            Ok(erase_in_conversation(state, at, *user, (*after, *conversation), version))
        }
    }
}

fn begin_needs(needs: &mut Needs<'_>, erase: &Erase) {
    if let ErasedBy::User { device, .. } = erase.by {
        needs.need(Need::Device(device));
    }
    super::accounts::all_devices_needs(needs, erase.user);
    if erase.frees_name
        && let Some(Some(account)) = needs.state.accounts.get(&erase.user)
    {
        needs.need(Need::Name(name_key(&account.name)));
    }
}

/// Begins an erasure: the account and its devices end, and nothing that the user wrote is shown from now on.
fn begin(state: &mut State, at: TimeMs, erase: &Erase, version: Version) -> Result<Decided, Refusal> {
    let user = erase.user;
    if let ErasedBy::User { device, .. } = erase.by {
        authorise(state, Principal { user, device })?;
    }
    let account = state.accounts.get(&user).cloned().flatten().ok_or(Refusal::NoSuchUser)?;
    // Proven before it was changed: whoever knew the old one alone erases nobody.
    if let ErasedBy::User { proven, .. } = &erase.by
        && account.password.as_ref() != Some(proven)
    {
        return Err(Refusal::WrongCredentials);
    }
    let mut effects = Vec::with_capacity(account.devices.len() + 3);
    end_devices(state, &account, &mut effects, version);
    let name = erase.frees_name.then(|| name_key(&account.name));
    if let Some(name) = &name {
        state.names.change(name.clone(), None, version);
    }
    state.accounts.change(user, None, version);
    effects.push(Effect::AccountGone { user, name });
    effects.push(put(state, Erasure::begun(user, at, version), version));
    Ok(Decided::changed(version, effects, Answer::Done))
}

fn end_devices(state: &mut State, account: &Account, effects: &mut Vec<Effect>, version: Version) {
    let user = account.user;
    for device in &account.devices {
        if let Some(row) = state.devices.get(device).cloned().flatten() {
            effects.push(Effect::DeviceEnded { user, device: *device, token: row.token });
            state.devices.change(*device, None, version);
        }
    }
    effects.extend(lineages::end_devices(state, user, &account.devices, version));
}

fn put(state: &mut State, erasure: Erasure, version: Version) -> Effect {
    state.erasures.change(erasure.user, Some(erasure), version);
    Effect::Erasure(erasure)
}

fn contact_needs(needs: &mut Needs<'_>, owner: UserId, user: UserId) {
    needs.need(Need::Erasure(user));
    contacts::put_needs(needs, owner, user);
    needs.need(Need::ContactTally(owner));
}

/// What `owner` has of the erased user is nobody any more: the name, what was noted, a block and what waits go with it.
fn erase_contact(state: &mut State, owner: UserId, user: UserId, version: Version) -> Decided {
    let before = contacts::held(state, owner, user).cloned();
    let Some(before) = before.filter(|before| is_erased(state, user) && *before != Contact::erased(user))
    else {
        return Decided::unchanged(Answer::Done);
    };
    let mut effects = vec![contacts::put(state, owner, left_of(&before), version)];
    let counted = contacts::tally(state, owner);
    let mut tally = if before.is_blocked { counted.clone().unblocked() } else { counted.clone() };
    tally.waiting.retain(|(maker, _)| *maker != user);
    if tally != counted {
        effects.push(contacts::put_tally(state, tally, version));
    }
    Decided::changed(version, effects, Answer::Done)
}

fn is_erased(state: &State, user: UserId) -> bool {
    matches!(state.erasures.get(&user), Some(Some(_)))
}

fn conversation_needs(needs: &mut Needs<'_>, user: UserId, conversation: ConversationId) {
    needs.need(Need::Erasure(user));
    if !needs.need(Need::Conversation(conversation)) {
        return;
    }
    let Some(held) = needs.state.conversations.get(&conversation).copied().flatten() else { return };
    if let Some(peer) = held.row.peer_of(user) {
        needs.need(Need::Inbox(user));
        needs.need(Need::Inbox(peer));
    }
    if held.row.is_group() && needs.need(Need::Group(conversation)) {
        let state = needs.state;
        let Some(Some(held)) = state.groups.get(&conversation) else { return };
        fan_out::entry_needs(needs, held, &[]);
        needs.need(Need::Item(user, CONVERSATIONS, conversation.to_string()));
        needs.need(Need::Owned(user));
        // The one who inherits is told so by an item.
        if let Some(heir) = heirs::needs(needs, held, user) {
            needs.need(Need::Item(heir.user, CONVERSATIONS, conversation.to_string()));
            needs.need(Need::Follow(heir.user, conversation));
            needs.need(Need::Owned(heir.user));
        }
        if held.form() == Form::Channel {
            channels::unfollow_needs(needs, user, conversation);
        }
    }
}

/// Tells a conversation of the erasure, by an entry of its log, and has the user leave it if it is a group.
///
/// `after` is the conversation of the step before: steps are done in the order of conversations and none is passed over.
fn erase_in_conversation(
    state: &mut State,
    at: TimeMs,
    user: UserId,
    (after, conversation): (ConversationId, ConversationId),
    version: Version,
) -> Decided {
    let erasure = state.erasures.get(&user).copied().flatten();
    let Some(erasure) = erasure.filter(|erasure| erasure.told == after && conversation > after) else {
        return Decided::unchanged(Answer::Done);
    };
    let mut effects = Vec::new();
    if let Some(held) = state.conversations.get(&conversation).copied().flatten() {
        match held.row.peer_of(user) {
            // Notes to oneself have nobody to be told.
            Some(peer) if peer != user => {
                tell_peer(state, &mut effects, (at, user, peer), conversation, version)
            }
            Some(_) => {}
            None => tell_group(state, &mut effects, (at, user), conversation, version),
        }
    }
    effects.push(put(state, Erasure { told: conversation, ..erasure }, version));
    Decided::changed(version, effects, Answer::Done)
}

fn tell_peer(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (at, user, peer): (TimeMs, UserId, UserId),
    conversation: ConversationId,
    version: Version,
) {
    let message = entry(state, at, user, conversation);
    state.conversations.change_with(&conversation, version, |held| {
        if let Some(held) = held {
            held.has_entry(message.seq, false);
        }
    });
    let pointers = send::point(state, user, peer, version);
    let delivery = Delivery { version, message, day: Day(0), fingerprint: 0, pointers };
    effects.push(Effect::Message(Arc::new(delivery)));
}

/// The entry is the user's leave too, if there is something to leave. Who merely followed a channel, or asked to come in, goes
/// without a word: such a one wrote nothing here, and others were never told of it. Asked of groups only that the user has a
/// row in.
fn tell_group(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (at, user): (TimeMs, UserId),
    group: ConversationId,
    version: Version,
) {
    let Some(Some(held)) = state.groups.get(&group) else { return };
    let (form, was_member) = (held.form(), held.members.contains_key(&user));
    effects.extend(group_approvals::forget(state, group, user, version));
    let Some(Some(held)) = state.groups.get(&group) else { return };
    if form == Form::Group && (held.present_count() == 0 || !was_member) {
        // Nobody is there to be told, or nobody ever heard of the user.
        return;
    }
    let announces = held.row.announcement.as_ref().is_some_and(|announcement| announcement.by == user);
    let silent = announces.then(|| Group { announcement: None, ..held.row.clone() });
    if form == Form::Channel {
        channels::without_erased(state, effects, (user, group), version);
        if !was_member {
            return;
        }
    } else if held.present(user).is_some() {
        let left = groups::leave(state, held, user, fan_out::head_of(state, group).next());
        apply(state, effects, group, &left, version);
    }
    if let Some(row) = silent {
        apply(state, effects, group, &Changed::row(row, Notice::Announced(String::new())), version);
    }
    let message = entry(state, at, user, group);
    fan_out::write_entry(state, effects, Entry { message, day: Day(0), fingerprint: 0 }, version);
}

/// The next entry of a conversation, which says that the account of its sender is erased.
fn entry(state: &State, at: TimeMs, user: UserId, conversation: ConversationId) -> Message {
    let held = state.conversations.get(&conversation).copied().flatten();
    let held = held.expect("a conversation that is told of something has a row");
    Message {
        conversation,
        seq: held.head.next(),
        sender: user,
        sent_at: at,
        id: ClientMessageId([0; 16]),
        content: Content::AccountErased,
        count: held.counted.count,
        read: Seq(0),
    }
}
