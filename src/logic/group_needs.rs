//! What must be in memory to decide on a group.

use super::{
    channels, contacts,
    decide::Needs,
    fan_out::entry_needs,
    group_doors, heirs,
    operation::{GroupChange, GroupRequest},
    owned_groups,
    state::{GroupState, Need},
};
use crate::{
    model::{ConversationId, Form, Role, UserId, limits::GROUP_USERS_PER_OPERATION_MAX},
    sync::kinds::CONVERSATIONS,
};

/// See the module.
pub(super) fn needs(needs: &mut Needs<'_>, request: &GroupRequest) {
    let group = request.group;
    needs.need(Need::Device(request.by.device));
    needs.need(Need::Conversation(group));
    let is_held = needs.need(Need::Group(group));
    let (added, items): (&[UserId], &[UserId]) = match &request.change {
        GroupChange::Create { members, .. } => (members, members),
        GroupChange::Add(users) => (users, users),
        GroupChange::Remove(user) => (&[], std::slice::from_ref(user)),
        GroupChange::Leave => (&[], std::slice::from_ref(&request.by.user)),
        GroupChange::GiveRole(user, _) => (&[], std::slice::from_ref(user)),
        GroupChange::Door(change) => {
            let coming = group_doors::coming(change, &request.by.user);
            (coming, coming)
        }
        GroupChange::Rename(_)
        | GroupChange::Dissolve
        | GroupChange::MuteAll(_)
        | GroupChange::Mute(..)
        | GroupChange::Announce(_) => (&[], &[]),
    };
    // Of whom nothing is asked who is gone.
    if let GroupChange::Remove(user) | GroupChange::GiveRole(user, _) | GroupChange::Mute(user, _) =
        &request.change
    {
        needs.need(Need::Account(*user));
    }
    if added.len() > GROUP_USERS_PER_OPERATION_MAX {
        return;
    }
    for user in added {
        needs.need(Need::Account(*user));
        contacts::block_needs(needs, *user, request.by.user);
    }
    for user in items {
        needs.need(item(*user, group));
    }
    if !is_held {
        return;
    }
    let state = needs.state;
    match (state.groups.get(&group).and_then(Option::as_ref), &request.change) {
        (Some(held), GroupChange::Leave) if held.form() == Form::Channel => {
            channels::unfollow_needs(needs, request.by.user, group);
        }
        (Some(held), change) => {
            // Who only asks is no part of the audience.
            let asks = matches!(change, GroupChange::Door(change) if group_doors::only_asks(held, change));
            entry_needs(needs, held, if asks { &[] } else { added });
            needs_of_held(needs, held, request.by.user, change);
        }
        (None, GroupChange::Create { members, .. }) => {
            owned_groups::needs(needs, request.by.user);
            needs.need(item(request.by.user, group));
            for user in members.iter().chain([&request.by.user]) {
                needs.need(Need::Inbox(*user));
            }
        }
        (None, _) => {}
    }
}

/// Whose conversation changes besides, and who follows, where the group is known.
fn needs_of_held(needs: &mut Needs<'_>, held: &GroupState, by: UserId, change: &GroupChange) {
    let group = held.row.group;
    let is_group = held.form() == Form::Group;
    match change {
        GroupChange::Rename(_) | GroupChange::Dissolve if is_group => {
            owned_groups::needs(needs, by);
            for member in held.present_members() {
                needs.need(item(member.user, group));
            }
        }
        // Who gives the ownership away gets another role; who leaves with it leaves it to somebody.
        GroupChange::GiveRole(user, role) => {
            needs.need(item(by, group));
            if *role == Role::Owner {
                owned_groups::needs(needs, by);
                owned_groups::needs(needs, *user);
            }
            if !is_group {
                needs.need(Need::Follow(*user, group));
                needs.need(Need::Follow(by, group));
            }
        }
        GroupChange::Leave => {
            owned_groups::needs(needs, by);
            if held.present(by).is_some_and(|member| member.role == Role::Owner)
                && let Some(heir) = heirs::needs(needs, held, by)
            {
                needs.need(item(heir.user, group));
                owned_groups::needs(needs, heir.user);
            }
        }
        GroupChange::Door(change) => group_doors::needs_of_held(needs, held, by, change),
        GroupChange::Create { .. }
        | GroupChange::Add(_)
        | GroupChange::Remove(_)
        | GroupChange::Rename(_)
        | GroupChange::Dissolve
        | GroupChange::MuteAll(_)
        | GroupChange::Mute(..)
        | GroupChange::Announce(_) => {}
    }
}

fn item(user: UserId, group: ConversationId) -> Need {
    Need::Item(user, CONVERSATIONS, group.to_string())
}
