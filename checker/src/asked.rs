//! Requests other than sends, as lines say them: what is done with groups and channels, whom a user blocks, which device
//! ends.

use crate::fault::LineFault;

/// What a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked<Id> {
    /// Make a group of these users and oneself. Which group it became is in the answer.
    Create(Vec<Id>),
    /// Add users to a group.
    Add(Id, Vec<Id>),
    /// Remove a user from a group.
    Remove(Id, Id),
    Leave(Id),
    /// Rename a group, or anything else that moves nobody.
    Change(Id),
    /// Make a channel. Which one it became is in the answer.
    CreateChannel,
    /// Follow a channel.
    Follow(Id),
    /// Follow a channel no more.
    Unfollow(Id),
    /// Make a channel of a group, or a group of a channel.
    Turn(Id),
    Block(Id),
    Unblock(Id),
    /// End the device that a lineage is on.
    End(String),
}

impl Asked<u64> {
    /// The same with other numbers for groups and for users.
    pub(crate) fn map<T>(self, mut group: impl FnMut(u64) -> T, mut user: impl FnMut(u64) -> T) -> Asked<T> {
        match self {
            Self::Create(users) => Asked::Create(users.into_iter().map(user).collect()),
            Self::Add(to, users) => Asked::Add(group(to), users.into_iter().map(user).collect()),
            Self::Remove(from, other) => Asked::Remove(group(from), user(other)),
            Self::Leave(from) => Asked::Leave(group(from)),
            Self::Change(of) => Asked::Change(group(of)),
            Self::CreateChannel => Asked::CreateChannel,
            Self::Follow(channel) => Asked::Follow(group(channel)),
            Self::Unfollow(channel) => Asked::Unfollow(group(channel)),
            Self::Turn(of) => Asked::Turn(group(of)),
            Self::Block(other) => Asked::Block(user(other)),
            Self::Unblock(other) => Asked::Unblock(user(other)),
            Self::End(lineage) => Asked::End(lineage),
        }
    }
}

/// The fields of a line that say what a request wants.
pub(crate) struct Fields {
    pub(crate) group: Option<u64>,
    pub(crate) users: Option<Vec<u64>>,
    pub(crate) other: Option<u64>,
    pub(crate) ends: Option<String>,
}

/// The operations of requests, by the word of their lines.
pub(crate) const OPERATIONS: [&str; 12] = [
    "create_group",
    "add_members",
    "remove_member",
    "leave_group",
    "change_group",
    "create_channel",
    "follow",
    "unfollow",
    "turn_group",
    "block",
    "unblock",
    "end_device",
];

/// Of these, the ones whose answer says which conversation was made.
pub(crate) const MAKING: [&str; 2] = ["create_group", "create_channel"];

/// What a line of one of [`OPERATIONS`] asks for.
///
/// # Errors
///
/// [`LineFault::Missing`] names the field that is not there.
pub(crate) fn read(op: &str, fields: Fields) -> Result<Asked<u64>, LineFault> {
    let Fields { group, users, other, ends } = fields;
    let group = || group.ok_or(LineFault::Missing("group"));
    let users = || users.ok_or(LineFault::Missing("users"));
    let other = || other.ok_or(LineFault::Missing("other"));
    Ok(match op {
        "create_group" => Asked::Create(users()?),
        "add_members" => Asked::Add(group()?, users()?),
        "remove_member" => Asked::Remove(group()?, other()?),
        "leave_group" => Asked::Leave(group()?),
        "change_group" => Asked::Change(group()?),
        "create_channel" => Asked::CreateChannel,
        "follow" => Asked::Follow(group()?),
        "unfollow" => Asked::Unfollow(group()?),
        "turn_group" => Asked::Turn(group()?),
        "block" => Asked::Block(other()?),
        "unblock" => Asked::Unblock(other()?),
        "end_device" => Asked::End(ends.ok_or(LineFault::Missing("ends"))?),
        _ => return Err(LineFault::UnknownOperation(format!("\"{op}\""))),
    })
}
