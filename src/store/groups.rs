//! Groups: the row of each, its members, and how far its log is expanded. Its entries are in `messages`.

use super::{
    channels,
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{
    Announcement, ConversationId, Expansion, Group, Interval, Member, Notice, Owned, Position, Role, Seq,
    UserId, Version,
};

/// Key of a group's row.
#[must_use]
pub fn key(group: ConversationId) -> Vec<u8> {
    Key::of(keys::GROUP).u64(group.0).done()
}

/// What the keys of all members of a group begin with.
#[must_use]
pub fn members_prefix(group: ConversationId) -> Vec<u8> {
    Key::of(keys::MEMBER).u64(group.0).done()
}

/// Key of a member's row.
#[must_use]
pub fn member_key(group: ConversationId, user: UserId) -> Vec<u8> {
    Key::of(keys::MEMBER).u64(group.0).u64(user.0).done()
}

/// Key of how many groups a user owns.
#[must_use]
pub fn owned_key(user: UserId) -> Vec<u8> {
    Key::of(keys::OWNED).u64(user.0).done()
}

/// Key of the position of a fan-out. There is a row only while something waits to be expanded.
#[must_use]
pub fn position_key(group: ConversationId) -> Vec<u8> {
    Key::of(keys::FAN_OUT).u64(group.0).done()
}

/// The group of such a key.
///
/// # Errors
/// When the bytes are not such a key.
pub fn decode_position_key(key: &[u8]) -> Result<ConversationId, Malformed> {
    let mut input = Input::new(key);
    input.byte("prefix")?;
    let group = u64::from_be_bytes(input.array("group")?);
    input.end("key of a fan-out")?;
    Ok(ConversationId(group))
}

/// Writes how many groups a user owns.
pub fn encode_owned(out: &mut Vec<u8>, owned: &Owned) {
    put_fixed64(out, owned.user.0);
    put_number(out, u64::from(owned.groups));
}

/// Reads how many groups a user owns.
///
/// # Errors
/// When the bytes are not such a row.
pub fn decode_owned(input: &mut Input<'_>) -> Result<Owned, Malformed> {
    let user = input.user()?;
    let groups = u32::try_from(input.number()?).map_err(|_| Malformed::Truncated("number of groups"))?;
    Ok(Owned { user, groups })
}

/// Writes a group's row.
pub fn encode(out: &mut Vec<u8>, row: &Group) {
    put_fixed64(out, row.group.0);
    put_bytes(out, row.name.as_bytes());
    put_number(out, row.named.0);
    put_fixed64(out, row.founder.0);
    put_time(out, row.created);
    out.push(u8::from(row.is_muted));
    // An announcement is never empty, so no text says that there is none.
    put_bytes(out, row.announcement.as_ref().map_or(&[][..], |announcement| announcement.text.as_bytes()));
    if let Some(Announcement { by, at, .. }) = row.announcement {
        put_fixed64(out, by.0);
        put_time(out, at);
    }
}

/// Reads a group's row.
///
/// # Errors
/// When the bytes are not a group.
pub fn decode(input: &mut Input<'_>) -> Result<Group, Malformed> {
    Ok(Group {
        group: input.conversation()?,
        name: input.text("group name")?,
        named: input.seq()?,
        founder: input.user()?,
        created: input.time()?,
        is_muted: take_flag(input)?,
        announcement: match input.text("announcement")? {
            text if text.is_empty() => None,
            text => Some(Announcement { text, by: input.user()?, at: input.time()? }),
        },
    })
}

/// Writes a member's row.
pub fn encode_member(out: &mut Vec<u8>, row: &Member) {
    put_fixed64(out, row.group.0);
    put_fixed64(out, row.user.0);
    out.push(role_tag(row.role));
    put_number(out, row.ranked.0);
    out.push(u8::from(row.is_muted));
    out.push(u8::from(row.is_removed));
    put_number(out, row.intervals.len() as u64);
    for interval in &row.intervals {
        put_number(out, interval.join.0);
        // A leave comes behind its join, so 0 is free to say that there was none.
        put_number(out, interval.leave.unwrap_or_default().0);
    }
}

/// Reads a member's row.
///
/// # Errors
/// When the bytes are not a member.
pub fn decode_member(input: &mut Input<'_>) -> Result<Member, Malformed> {
    let (group, user) = (input.conversation()?, input.user()?);
    let (role, ranked) = (take_role(input)?, input.seq()?);
    let (is_muted, is_removed) = (take_flag(input)?, take_flag(input)?);
    let interval = |input: &mut Input<'_>| {
        let (join, leave) = (input.seq()?, input.seq()?);
        Ok::<_, Malformed>(Interval { join, leave: (leave != Seq(0)).then_some(leave) })
    };
    let count = input.number()?;
    let intervals = (0..count).map(|_| interval(input)).collect::<Result<_, _>>()?;
    Ok(Member { group, user, role, ranked, intervals, is_muted, is_removed })
}

/// Writes a position.
pub fn encode_position(out: &mut Vec<u8>, position: &Position) {
    put_number(out, position.entry.0);
    // Nobody has the id 0.
    put_fixed64(out, position.after.unwrap_or_default().0);
}

/// Reads a position.
///
/// # Errors
/// When the bytes are not a position.
pub fn decode_position(input: &mut Input<'_>) -> Result<Position, Malformed> {
    let (entry, after) = (input.seq()?, input.user()?);
    Ok(Position { entry, after: (after != UserId(0)).then_some(after) })
}

/// Writes a step of a fan-out, without its version.
pub fn encode_expansion(out: &mut Vec<u8>, step: &Expansion) {
    put_fixed64(out, step.group.0);
    put_number(out, step.seq.0);
    encode_pointers(out, &step.pointers);
}

/// Reads a step of a fan-out.
///
/// # Errors
/// When the bytes are not a step.
pub fn decode_expansion(input: &mut Input<'_>, version: Version) -> Result<Expansion, Malformed> {
    let (group, seq) = (input.conversation()?, input.seq()?);
    Ok(Expansion { version, group, seq, pointers: decode_pointers(input)? })
}

/// Writes whose inboxes get a pointer.
pub fn encode_pointers(out: &mut Vec<u8>, pointers: &[(UserId, Version)]) {
    put_number(out, pointers.len() as u64);
    for (user, previous) in pointers {
        put_fixed64(out, user.0);
        put_number(out, previous.0);
    }
}

/// Reads what [`encode_pointers`] wrote.
///
/// # Errors
/// When the bytes are not pointers.
pub fn decode_pointers(input: &mut Input<'_>) -> Result<Vec<(UserId, Version)>, Malformed> {
    let count = input.number()?;
    (0..count).map(|_| Ok((input.user()?, input.version()?))).collect()
}

const CREATED: u8 = 1;
const JOINED: u8 = 2;
const LEFT: u8 = 3;
const REMOVED: u8 = 4;
const RENAMED: u8 = 5;
const ROLE_GIVEN: u8 = 6;
const DISSOLVED: u8 = 7;
const ALL_MUTED: u8 = 8;
const MUTED: u8 = 9;
const TURNED: u8 = 10;
const ANNOUNCED: u8 = 13;
const JOINED_BY_LINK: u8 = 14;
const ASKED: u8 = 15;
const ADMITTED: u8 = 16;
const APPROVAL_SET: u8 = 17;

/// Writes a notice.
pub fn encode_notice(out: &mut Vec<u8>, notice: &Notice) {
    match notice {
        Notice::Created { name, members } => {
            out.push(CREATED);
            put_bytes(out, name.as_bytes());
            put_users(out, members);
        }
        Notice::Joined(members) => {
            out.push(JOINED);
            put_users(out, members);
        }
        Notice::Left => out.push(LEFT),
        Notice::Removed(user) => {
            out.push(REMOVED);
            put_fixed64(out, user.0);
        }
        Notice::Renamed(name) => {
            out.push(RENAMED);
            put_bytes(out, name.as_bytes());
        }
        Notice::RoleGiven(user, role) => {
            out.push(ROLE_GIVEN);
            put_fixed64(out, user.0);
            out.push(role_tag(*role));
        }
        Notice::Dissolved => out.push(DISSOLVED),
        Notice::AllMuted(muted) => out.extend([ALL_MUTED, u8::from(*muted)]),
        Notice::Muted(user, muted) => {
            out.push(MUTED);
            put_fixed64(out, user.0);
            out.push(u8::from(*muted));
        }
        Notice::Turned(form) => out.extend_from_slice(&[TURNED, channels::form_tag(*form)]),
        Notice::JoinedByLink => out.push(JOINED_BY_LINK),
        Notice::Asked => out.push(ASKED),
        Notice::Admitted(user) => {
            out.push(ADMITTED);
            put_fixed64(out, user.0);
        }
        Notice::ApprovalSet(wanted) => out.extend([APPROVAL_SET, u8::from(*wanted)]),
        Notice::Announced(text) => {
            out.push(ANNOUNCED);
            put_bytes(out, text.as_bytes());
        }
    }
}

/// Reads a notice.
///
/// # Errors
/// When the bytes are not a notice, or one of a newer format.
pub fn decode_notice(input: &mut Input<'_>) -> Result<Notice, Malformed> {
    Ok(match input.byte("notice")? {
        CREATED => Notice::Created { name: input.text("group name")?, members: take_users(input)? },
        JOINED => Notice::Joined(take_users(input)?),
        LEFT => Notice::Left,
        REMOVED => Notice::Removed(input.user()?),
        RENAMED => Notice::Renamed(input.text("group name")?),
        ROLE_GIVEN => Notice::RoleGiven(input.user()?, take_role(input)?),
        DISSOLVED => Notice::Dissolved,
        ALL_MUTED => Notice::AllMuted(take_flag(input)?),
        MUTED => Notice::Muted(input.user()?, take_flag(input)?),
        TURNED => Notice::Turned(channels::take_form(input)?),
        JOINED_BY_LINK => Notice::JoinedByLink,
        ASKED => Notice::Asked,
        ADMITTED => Notice::Admitted(input.user()?),
        APPROVAL_SET => Notice::ApprovalSet(take_flag(input)?),
        ANNOUNCED => Notice::Announced(input.text("announcement")?),
        tag => return Err(Malformed::Unknown { what: "notice", tag: u64::from(tag) }),
    })
}

fn put_users(out: &mut Vec<u8>, users: &[UserId]) {
    put_number(out, users.len() as u64);
    users.iter().for_each(|user| put_fixed64(out, user.0));
}

fn take_users(input: &mut Input<'_>) -> Result<Vec<UserId>, Malformed> {
    let count = input.number()?;
    (0..count).map(|_| input.user()).collect()
}

pub(super) fn take_flag(input: &mut Input<'_>) -> Result<bool, Malformed> {
    match input.byte("flag")? {
        0 => Ok(false),
        1 => Ok(true),
        tag => Err(Malformed::Unknown { what: "flag", tag: u64::from(tag) }),
    }
}

/// The byte of a role.
pub const fn role_tag(role: Role) -> u8 {
    match role {
        Role::Owner => 1,
        Role::Admin => 2,
        Role::Member => 3,
    }
}

/// Reads a role.
///
/// # Errors
/// When the byte is none of a role.
pub fn take_role(input: &mut Input<'_>) -> Result<Role, Malformed> {
    match input.byte("role")? {
        1 => Ok(Role::Owner),
        2 => Ok(Role::Admin),
        3 => Ok(Role::Member),
        tag => Err(Malformed::Unknown { what: "role", tag: u64::from(tag) }),
    }
}
