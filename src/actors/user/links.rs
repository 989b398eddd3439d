//! The ways into groups: codes of links as strings, what a link opens, which links a group has, and who waits to be let in.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use highwater_wire::{Refusal, proto, proto::client_frame::Request};
use proto::server_frame::Body;

use super::{UserServices, naming};
use crate::{
    logic::{
        Principal,
        group_doors::link_of,
        operation::{DoorChange, GroupChange, GroupRequest, MadeLink},
    },
    model::{
        ConversationId, Form, Link, LinkId, LinkSecret, Role, TimeMs, UserId,
        limits::{LINK_USES_MAX, LINK_VALID_S},
    },
    store::view::{ReadFault, View},
};

/// What is done with the ways into a group, if the request is about them.
///
/// # Errors
/// What can be refused by its form alone, and that the user tried too many wrong codes.
pub fn change_of_door(
    services: &UserServices,
    by: Principal,
    request: &Request,
) -> Result<Option<GroupRequest>, Refusal> {
    let (group, change) = match request {
        Request::MakeLink(make) => (ConversationId(make.conversation_id), making(services, make)?),
        Request::RevokeLink(revoke) => {
            (ConversationId(revoke.conversation_id), DoorChange::RevokeLink(link_id(&revoke.link_id)?))
        }
        Request::JoinByLink(join) => {
            let (group, secret) = tried(services, by.user, &join.code)?;
            (group, DoorChange::Join(secret, join.greeting.clone()))
        }
        Request::SetApproval(set) => {
            (ConversationId(set.conversation_id), DoorChange::SetApproval(set.approval))
        }
        Request::AnswerJoinRequest(answer) => {
            let change = DoorChange::Answer(UserId(answer.user_id), answer.accepted);
            (ConversationId(answer.conversation_id), change)
        }
        _ => return Ok(None),
    };
    Ok(Some(GroupRequest { by, group, change: GroupChange::Door(change) }))
}

fn making(services: &UserServices, make: &proto::MakeLink) -> Result<DoorChange, Refusal> {
    let or = |given: u32, otherwise: u32| if given == 0 { otherwise } else { given };
    Ok(DoorChange::MakeLink {
        id: link_id(&make.link_id)?,
        secret: LinkSecret(services.random.bytes()),
        valid_s: or(make.valid_s, LINK_VALID_S),
        uses_max: or(make.uses_max, LINK_USES_MAX),
    })
}

fn link_id(bytes: &[u8]) -> Result<LinkId, Refusal> {
    LinkId::try_from(bytes).map_err(|_| Refusal::InvalidField)
}

/// A code that a user tries. What is no code is a wrong one.
fn tried(services: &UserServices, user: UserId, code: &str) -> Result<(ConversationId, LinkSecret), Refusal> {
    let now = services.clock.now();
    services.link_attempts.admit(user, now)?;
    let parts = parts(code).ok_or(Refusal::NoSuchLink);
    services.link_attempts.note(user, now, &parts);
    parts
}

/// The string of a link: its group and its secret, 32 characters.
fn code(group: ConversationId, secret: LinkSecret) -> String {
    URL_SAFE_NO_PAD.encode([&group.0.to_be_bytes()[..], &secret.0].concat())
}

fn parts(code: &str) -> Option<(ConversationId, LinkSecret)> {
    let bytes = URL_SAFE_NO_PAD.decode(code.trim()).ok()?;
    let (group, secret) = bytes.split_first_chunk::<8>()?;
    Some((ConversationId(u64::from_be_bytes(*group)), LinkSecret(secret.try_into().ok()?)))
}

/// A link that was made, with its code.
#[must_use]
pub fn made_link(made: &MadeLink) -> proto::LinkList {
    let by = proto::User { user_id: made.link.by.0, name: made.maker.clone(), ..proto::User::default() };
    let link = proto::Link { code: code(made.group, made.secret), ..told(&made.link, by) };
    proto::LinkList { links: vec![link] }
}

fn told(link: &Link, by: proto::User) -> proto::Link {
    proto::Link {
        link_id: link.id.to_vec().into(),
        code: String::new(),
        by: Some(by),
        until_ms: link.until.0,
        uses_max: link.uses_max,
        used: link.used,
    }
}

/// What is asked of the ways into a group.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn look_at_door(
    view: &View,
    services: &UserServices,
    user: UserId,
    request: &Request,
) -> Result<Result<Body, Refusal>, ReadFault> {
    match request {
        Request::ListLinks(wanted) => links(view, user, wanted),
        Request::ListJoinRequests(wanted) => join_requests(view, user, wanted, services.clock.now()),
        Request::LookAtLink(wanted) => look_at_link(view, services, user, wanted),
        _ => Ok(Err(Refusal::UnknownRequest)),
    }
}

/// Every link of a group that is not forgotten, for its owner and admins. That its maker is suspended changes nothing.
fn links(view: &View, user: UserId, wanted: &proto::ListLinks) -> Result<Result<Body, Refusal>, ReadFault> {
    let group = ConversationId(wanted.conversation_id);
    if let Err(refusal) = managed(view, group, user)? {
        return Ok(Err(refusal));
    }
    let door = view.door(group)?;
    let names = naming::names(view, door.links.iter().map(|link| link.by))?;
    // What somebody made who was erased opens nothing and is nobody's.
    let of_somebody = door.links.iter().filter(|link| !names.of(link.by).is_empty());
    let links = of_somebody.map(|link| told(link, naming::named(&names, link.by))).collect();
    Ok(Ok(Body::LinkList(proto::LinkList { links })))
}

/// Who waits to be let in, oldest first, for owner and admins.
fn join_requests(
    view: &View,
    user: UserId,
    wanted: &proto::ListJoinRequests,
    now: TimeMs,
) -> Result<Result<Body, Refusal>, ReadFault> {
    let group = ConversationId(wanted.conversation_id);
    if let Err(refusal) = managed(view, group, user)? {
        return Ok(Err(refusal));
    }
    let mut requests = Vec::new();
    for asking in view.door(group)?.asking.iter().filter(|asking| asking.waits(now)) {
        let Some(account) = view.account(asking.user)? else { continue };
        // Who was added meanwhile waits no more.
        if role_in(view, group, asking.user)?.is_none() {
            requests.push(proto::JoinRequest {
                user: Some(super::shown(account)),
                greeting: asking.greeting.clone(),
                asked_at_ms: asking.at.0,
            });
        }
    }
    Ok(Ok(Body::JoinRequestList(proto::JoinRequestList { requests })))
}

/// Whether the door of a group is this user's to look at.
fn managed(view: &View, group: ConversationId, user: UserId) -> Result<Result<(), Refusal>, ReadFault> {
    Ok(match role_in(view, group, user)? {
        Some(Role::Owner | Role::Admin) => Ok(()),
        Some(Role::Member) => Err(Refusal::Forbidden),
        None => Err(Refusal::NoSuchConversation),
    })
}

/// What a link opens, for who is no member yet: the name of the group, and how many belong to it.
///
/// It is judged as a join would be, but for what only a join finds out: that the group is full, or the user was removed.
fn look_at_link(
    view: &View,
    services: &UserServices,
    user: UserId,
    wanted: &proto::LookAtLink,
) -> Result<Result<Body, Refusal>, ReadFault> {
    let (group, secret) = match tried(services, user, &wanted.code) {
        Ok(parts) => parts,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let now = services.clock.now();
    let info = opened(view, user, (group, secret), now)?.ok_or(Refusal::NoSuchLink);
    services.link_attempts.note(user, now, &info);
    Ok(info.map(Body::GroupInfo))
}

fn opened(
    view: &View,
    user: UserId,
    (group, secret): (ConversationId, LinkSecret),
    now: TimeMs,
) -> Result<Option<proto::GroupInfo>, ReadFault> {
    let door = view.door(group)?;
    let Some(link) = link_of(&door, secret).filter(|link| link.is_open(now)) else { return Ok(None) };
    let maker = role_in(view, group, link.by)?;
    let is_blocked = view.contact(link.by, user)?.is_some_and(|contact| contact.is_blocked);
    // A group that has become a channel is followed, as one likes.
    let is_channel = view.channel(group)?.is_some_and(|row| row.form() == Form::Channel);
    let is_there = view.account(link.by)?.is_some();
    let opens = maker.is_some_and(|role| role < Role::Member) && is_there && !is_blocked && !is_channel;
    let row = view.group(group)?.filter(|_| opens);
    let Some(row) = row else { return Ok(None) };
    let members = view.members(group)?.values().filter(|member| member.since().is_some()).count();
    let members = u32::try_from(members).unwrap_or(u32::MAX);
    Ok(Some(proto::GroupInfo {
        name: row.name,
        members,
        approval: door.approval,
        ..proto::GroupInfo::default()
    }))
}

/// What a present member may do.
fn role_in(view: &View, group: ConversationId, user: UserId) -> Result<Option<Role>, ReadFault> {
    let member = view.member(group, user)?.filter(|member| member.since().is_some());
    Ok(member.map(|member| member.role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_32_characters_that_a_link_may_have_and_reads_back() {
        let (group, secret) = (ConversationId(0xfedc_ba98_7654_3210), LinkSecret([0xff; 16]));
        let code = code(group, secret);
        assert_eq!(code, "_ty6mHZUMhD_____________________");
        assert_eq!(parts(&format!(" {code}\n")), Some((group, secret)));
        for wrong in ["", "_ty6mHZUMhD", &code[1..], &format!("{code}AAAA"), "ä", &code.replace('_', "/")] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
