//! Warming: a reader finds every row that an operation needs, so that the committer never waits for a disk.

use crate::{
    logic::{ConversationState, GroupState, Need, Operation, State, Warm, lacking},
    model::{Counted, limits::GROUP_MEMBERS_CEILING},
    store::view::{ReadFault, View},
};

/// Everything that an operation needs, read through one view.
///
/// # Errors
/// When the store cannot be read.
pub fn everything(view: &View, operation: &Operation) -> Result<Vec<Warm>, ReadFault> {
    let mut held = State::default();
    // Which day's receipts a send needs depends on it.
    held.set_horizon(view.horizon());
    let mut found = Vec::new();
    loop {
        let needs = lacking(&held, operation);
        if needs.is_empty() {
            return Ok(found);
        }
        let rows = needs.into_iter().map(|need| one(view, need)).collect::<Result<Vec<_>, _>>()?;
        found.extend(rows.iter().cloned());
        held.warm(rows, view.bound());
    }
}

fn one(view: &View, need: Need) -> Result<Warm, ReadFault> {
    Ok(match need {
        Need::Account(user) => Warm::Account(user, view.account(user)?),
        Need::Name(name) => {
            let user = view.user_of_name(&name)?;
            Warm::Name(name, user)
        }
        Need::Device(device) => Warm::Device(device, view.device(device)?),
        Need::Conversation(conversation) => {
            let state = match view.conversation(conversation)? {
                Some(row) => {
                    let (head, count) = view.conversation_count(conversation)?;
                    Some(ConversationState { row, head, counted: Counted::at(head, count) })
                }
                None => None,
            };
            Warm::Conversation(conversation, state)
        }
        Need::Inbox(user) => Warm::Inbox(user, view.inbox_head(user)?),
        Need::Receipts(day) => Warm::Receipts(day, view.receipts(day)?),
        Need::Lineages(user) => Warm::Lineages(user, view.lineages(user)?),
        Need::Invite(hash) => Warm::Invite(hash, view.invite(&hash)?),
        Need::HostIdentity(key) => Warm::HostIdentity(key, view.user_of_host_identity(&key)?),
        Need::ApiKeys => Warm::ApiKeys(view.api_keys()?),
        Need::Operators => Warm::Operators(view.operators()?),
        Need::Item(user, kind, key) => {
            let version = view.item_version(user, kind, &key)?;
            Warm::Item(user, kind, key, version)
        }
        Need::Group(group) => {
            let state = match view.group(group)? {
                Some(row) => {
                    let (members, position) = (view.members(group)?, view.position(group)?);
                    let (channel, door) = (view.channel(group)?, view.door(group)?);
                    Some(GroupState { row, members, position, channel, door })
                }
                None => None,
            };
            Warm::Group(group, state)
        }
        Need::Contact(owner, other) => Warm::Contact(owner, other, view.contact(owner, other)?),
        Need::Reading(user, conversation) => Warm::Reading(Box::new(view.reading(user, conversation)?)),
        Need::Count(conversation, seq) => {
            Warm::Count(conversation, seq, view.count_through(conversation, seq)?)
        }
        Need::Erasure(user) => Warm::Erasure(user, view.erasure(user)?),
        Need::ContactTally(user) => Warm::ContactTally(view.contact_tally(user)?),
        Need::Follow(user, channel) => Warm::Follow(user, channel, view.follow(user, channel)?),
        Need::Owned(user) => Warm::Owned(user, view.owned(user)?),
        Need::FollowCount(user) => Warm::FollowCount(user, view.follow_count(user)?),
        Need::Broadcasts => Warm::Broadcasts(view.broadcasts()?),
        Need::Followers(channel) => {
            Warm::Followers(channel, view.followers(channel, GROUP_MEMBERS_CEILING + 1)?)
        }
    })
}
