//! Requests about groups and channels, in the committer's terms.

use highwater_wire::{Refusal, proto, proto::client_frame::Request};

use crate::{
    logic::{
        Principal, id_of_new,
        operation::{ChannelChange, ChannelRequest, GroupChange, GroupRequest},
    },
    model::{ConversationId, Form, Role, UserId},
};

/// What is done with a channel, or to make one of a group, if the request is about one.
///
/// # Errors
/// What can be refused by its form alone.
pub fn change_of_channel(by: Principal, request: &Request) -> Result<Option<ChannelRequest>, Refusal> {
    let (channel, change) = match request {
        Request::CreateChannel(create) => {
            let id = <[u8; 16]>::try_from(create.client_channel_id.as_ref());
            let id = id.map_err(|_| Refusal::InvalidField)?;
            (id_of_new(by.user, id).0, ChannelChange::Create(create.name.clone()))
        }
        Request::Follow(follow) => (follow.conversation_id, ChannelChange::Follow),
        Request::Unfollow(unfollow) => (unfollow.conversation_id, ChannelChange::Unfollow),
        Request::TurnGroup(turn) => {
            let to = if turn.channel { Form::Channel } else { Form::Group };
            (turn.conversation_id, ChannelChange::Turn(to))
        }
        _ => return Ok(None),
    };
    Ok(Some(ChannelRequest { by, channel: ConversationId(channel), change }))
}

/// What is done with a group, if the request is about one that changes.
///
/// # Errors
/// What can be refused by its form alone.
pub fn change_of_group(by: Principal, request: &Request) -> Result<Option<GroupRequest>, Refusal> {
    let (group, change) = match request {
        Request::CreateGroup(create) => {
            let id = <[u8; 16]>::try_from(create.client_group_id.as_ref());
            let id = id.map_err(|_| Refusal::InvalidField)?;
            let members = users(&create.user_ids);
            (id_of_new(by.user, id).0, GroupChange::Create { name: create.name.clone(), members })
        }
        Request::AddMembers(add) => (add.conversation_id, GroupChange::Add(users(&add.user_ids))),
        Request::RemoveMember(remove) => {
            (remove.conversation_id, GroupChange::Remove(UserId(remove.user_id)))
        }
        Request::LeaveGroup(leave) => (leave.conversation_id, GroupChange::Leave),
        Request::DissolveGroup(dissolve) => (dissolve.conversation_id, GroupChange::Dissolve),
        Request::MuteGroup(mute) => (mute.conversation_id, GroupChange::MuteAll(mute.muted)),
        Request::MuteMember(mute) => {
            (mute.conversation_id, GroupChange::Mute(UserId(mute.user_id), mute.muted))
        }
        Request::SetAnnouncement(set) => (set.conversation_id, GroupChange::Announce(set.text.clone())),
        Request::RenameGroup(rename) => (rename.conversation_id, GroupChange::Rename(rename.name.clone())),
        Request::GiveRole(give) => {
            let role = role_of(give.role()).ok_or(Refusal::InvalidField)?;
            (give.conversation_id, GroupChange::GiveRole(UserId(give.user_id), role))
        }
        _ => return Ok(None),
    };
    Ok(Some(GroupRequest { by, group: ConversationId(group), change }))
}

fn users(ids: &[u64]) -> Vec<UserId> {
    ids.iter().copied().map(UserId).collect()
}

fn role_of(role: proto::Role) -> Option<Role> {
    match role {
        proto::Role::Unspecified => None,
        proto::Role::Owner => Some(Role::Owner),
        proto::Role::Admin => Some(Role::Admin),
        proto::Role::Member => Some(Role::Member),
    }
}
