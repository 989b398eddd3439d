//! What a group is and who belongs to it, page by page, for those who do.

use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, server_frame::Body};

use super::{UserServices, links::look_at_door, naming, page_limit::page_limit};
use crate::{
    model::{ConversationId, Form, Member, Profile, UserId, limits::MEMBERS_PAGE_MAX},
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
    let is_present = |member: &&Member| member.since().is_some();
    // Whether there is no such group or the user is not in it looks the same from outside.
    if rows.get(&user).filter(is_present).is_none() {
        return Ok(Err(Refusal::NoSuchConversation));
    }
    let after = rows.values().filter(is_present).filter(|member| member.user.0 > wanted.after);
    let mut listed: Vec<&Member> = Vec::new();
    for member in after {
        // Who is erased is nobody's member, also before the step in which he leaves.
        if listed.len() <= limit && view.account(member.user)?.is_some() {
            listed.push(member);
        }
    }
    let is_cut = listed.len() > limit;
    listed.truncate(limit);
    let next = listed.last().filter(|_| is_cut).map_or(0, |last| last.user.0);
    let members = listed.into_iter().map(|member| shown(view, member)).collect::<Result<_, _>>()?;
    Ok(Ok(Body::MemberList(proto::MemberList { members, next })))
}

/// A member with what the store knows of him now: of who was erased nothing.
fn shown(view: &View, member: &Member) -> Result<proto::Member, ReadFault> {
    let (user_id, role) = (member.user.0, render::role(member.role).into());
    let nobody = proto::Member { user_id, role, ..proto::Member::default() };
    Ok(view.account(member.user)?.map_or(nobody.clone(), |account| {
        let Profile { display_name, avatar, .. } = account.profile;
        proto::Member { name: account.name, display_name, avatar, ..nobody }
    }))
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
