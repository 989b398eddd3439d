//! What a group is and who belongs to it, page by page, for those who do.

use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, server_frame::Body};

use super::{UserServices, links::look_at_door, naming, page_limit::page_limit};
use crate::{
    model::{ConversationId, Form, Member, Profile, UserId, limits::MEMBERS_PAGE_MAX, record::Account},
    store::view::{ReadFault, View},
    sync::render,
};

/// Whether a request asks what a group is, who belongs to it, or which ways lead into it.
#[must_use]
pub fn is_about_group(request: &Request) -> bool {
    matches!(
        request,
        Request::ListMembers(_)
            | Request::DescribeGroup(_)
            | Request::ListLinks(_)
            | Request::ListJoinRequests(_)
            | Request::LookAtLink(_)
    )
}

/// Answers such a request of a user.
///
/// # Errors
/// When the store cannot be read.
pub fn about_group(
    view: &View,
    services: &UserServices,
    user: UserId,
    request: &Request,
) -> Result<Result<Body, Refusal>, ReadFault> {
    match request {
        Request::ListMembers(wanted) => members(view, user, wanted),
        Request::DescribeGroup(wanted) => group_info(view, user, wanted),
        request => look_at_door(view, services, user, request),
    }
}

/// Present members of a group after one of them, in the order of ids.
///
/// Each list is true at the bound of its read. Who comes or goes between two lists is told by the notices of the group.
///
/// # Errors
/// When the store cannot be read.
fn members(
    view: &View,
    user: UserId,
    wanted: &proto::ListMembers,
) -> Result<Result<Body, Refusal>, ReadFault> {
    let limit = page_limit(wanted.limit, MEMBERS_PAGE_MAX);
    let group = ConversationId(wanted.conversation_id);
    let rows = view.members(group)?;
    // Whether there is no such group or the user is not in it looks the same from outside.
    if rows.get(&user).and_then(Member::since).is_none() {
        return Ok(Err(Refusal::NoSuchConversation));
    }
    let after = rows.values().filter(|member| member.user.0 > wanted.after);
    let (listed, next) = first_present(view, after, limit)?;
    let members = listed.into_iter().map(|(member, account)| shown(member, account)).collect();
    Ok(Ok(Body::MemberList(proto::MemberList { members, next })))
}

/// The first of these members who are present, at most `limit`, with their accounts, and the id of the last one where more
/// are; else 0. Reads no account behind the first that is left out.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn first_present<'a>(
    view: &View,
    members: impl Iterator<Item = &'a Member>,
    limit: usize,
) -> Result<(Vec<(&'a Member, Account)>, u64), ReadFault> {
    let mut found: Vec<(&Member, Account)> = Vec::new();
    for member in members.filter(|member| member.since().is_some()) {
        // Who is erased is nobody's member, also before the step in which he leaves.
        let Some(account) = view.account(member.user)? else { continue };
        if found.len() == limit {
            let next = found.last().map_or(0, |(last, _)| last.user.0);
            return Ok((found, next));
        }
        found.push((member, account));
    }
    Ok((found, 0))
}

/// A member with what the store knows of him now.
fn shown(member: &Member, account: Account) -> proto::Member {
    let Profile { display_name, avatar, .. } = account.profile;
    let (user_id, role) = (member.user.0, render::role(member.role).into());
    proto::Member { user_id, name: account.name, role, display_name, avatar }
}

/// What a group or a channel is now, for a member or a follower.
///
/// # Errors
/// When the store cannot be read.
pub fn group_info(
    view: &View,
    user: UserId,
    wanted: &proto::DescribeGroup,
) -> Result<Result<Body, Refusal>, ReadFault> {
    let group = ConversationId(wanted.conversation_id);
    let (true, Some(row)) = (view.belongs(group, user)?, view.group(group)?) else {
        return Ok(Err(Refusal::NoSuchConversation));
    };
    let channel = view.channel(group)?.filter(|channel| channel.form() == Form::Channel);
    let told = match row.announcement {
        // It goes from the row with the step that tells the group.
        Some(announcement) if view.erasure(announcement.by)?.is_some() => None,
        announcement => announcement,
    };
    let names = naming::names(view, told.iter().map(|announcement| announcement.by))?;
    let announcement = told.map(|announcement| proto::Announcement {
        text: announcement.text,
        by: Some(naming::named(&names, announcement.by)),
        at_ms: announcement.at.0,
    });
    let info = proto::GroupInfo {
        name: row.name,
        all_muted: row.is_muted,
        muted: view.member(group, user)?.is_some_and(|member| member.is_muted),
        channel: channel.is_some(),
        followers: channel.map_or(0, |channel| channel.followers),
        announcement,
        approval: view.door(group)?.approval,
        ..proto::GroupInfo::default()
    };
    Ok(Ok(Body::GroupInfo(info)))
}
