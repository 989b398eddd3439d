//! Groups: who belongs to one, from which place of its log to which, and how far its log is expanded to inboxes.

use super::{
    channel::Form,
    ids::{ConversationId, Seq, TimeMs, UserId, Version},
    limits::{CONVERSATION_ITEM_BYTES, NAMED_USER_BYTES_MAX},
};

/// A group. Its log has a row of [`Conversation`](super::record::Conversation) like every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub group: ConversationId,
    /// What it is called now.
    pub name: String,
    /// Place of the newest entry that named it: its creation, or a later renaming.
    pub named: Seq,
    /// Who made it.
    pub founder: UserId,
    /// When.
    pub created: TimeMs,
    /// Whether only owner and admins may write.
    pub is_muted: bool,
    /// What owner or admins want every member to know, if there is something.
    pub announcement: Option<Announcement>,
}

impl Group {
    /// As it is made: its first entry names it.
    #[must_use]
    pub fn new(group: ConversationId, name: &str, founder: UserId, created: TimeMs) -> Group {
        let (name, named) = (name.to_owned(), Seq(1));
        Group { group, name, named, founder, created, is_muted: false, announcement: None }
    }
}

/// A text that stands beside the log of a group, so that who comes later knows it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Never empty; at most `limits::ANNOUNCEMENT_BYTES_MAX`.
    pub text: String,
    /// Who wrote it.
    pub by: UserId,
    /// When.
    pub at: TimeMs,
}

/// What a member may do. The greater one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything. A group that has members has one owner.
    Owner,
    /// Adds members, and removes those who are neither owner nor admin.
    Admin,
    /// Reads, writes and leaves.
    Member,
}

/// Membership from one place of the log to another, both included: the entry that made somebody a member, and the entry
/// that ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The join.
    pub join: Seq,
    /// The leave, if there was one.
    pub leave: Option<Seq>,
}

impl Interval {
    /// Whether an entry at this place is for the member.
    #[must_use]
    pub fn contains(&self, seq: Seq) -> bool {
        self.join <= seq && self.leave.is_none_or(|leave| seq <= leave)
    }
}

/// One user in one group, now or formerly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// In which group.
    pub group: ConversationId,
    /// Who.
    pub user: UserId,
    /// What a present member may do.
    pub role: Role,
    /// Place of the entry that gave this role: that of the join, or a later one.
    pub ranked: Seq,
    /// Oldest first, without overlap, at most `limits::INTERVALS_PER_MEMBER_MAX`; only the last one may be open.
    pub intervals: Vec<Interval>,
    /// Whether this one may not write; it outlasts a leave. Never so for an owner.
    pub is_muted: bool,
    /// Whether the last membership was ended by another one: who was removed does not come back by a link.
    pub is_removed: bool,
}

impl Member {
    /// Whether an entry at this place is for the user.
    #[must_use]
    pub fn has(&self, seq: Seq) -> bool {
        self.intervals.iter().any(|interval| interval.contains(seq))
    }

    /// Where the present membership began; nothing for a former member.
    #[must_use]
    pub fn since(&self) -> Option<Seq> {
        self.intervals.last().filter(|interval| interval.leave.is_none()).map(|interval| interval.join)
    }

    /// Where the last membership ended; nothing for a present member.
    #[must_use]
    pub fn left(&self) -> Option<Seq> {
        self.intervals.last().and_then(|interval| interval.leave)
    }

    /// Where the membership began to which this place belongs.
    #[must_use]
    pub fn since_at(&self, seq: Seq) -> Option<Seq> {
        self.intervals.iter().find(|interval| interval.contains(seq)).map(|interval| interval.join)
    }

    /// Whether the entry at this place made the user a member.
    #[must_use]
    pub fn joins_at(&self, seq: Seq) -> bool {
        self.intervals.iter().any(|interval| interval.join == seq)
    }

    /// Whether the entry at this place ended a membership of the user.
    #[must_use]
    pub fn leaves_at(&self, seq: Seq) -> bool {
        self.intervals.iter().any(|interval| interval.leave == Some(seq))
    }
}

/// How far the log of a group is expanded: every entry before `entry` is, and `entry` is for its audience through `after`
/// in the order of ids. There is none when everything is expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The oldest entry that is not wholly expanded.
    pub entry: Seq,
    /// The last user of its audience who has it.
    pub after: Option<UserId>,
}

impl Position {
    /// Whether the entry at this place has come to this user, if it is for the user at all.
    #[must_use]
    pub fn has_passed(&self, seq: Seq, user: UserId) -> bool {
        seq < self.entry || (seq == self.entry && self.after.is_some_and(|after| user <= after))
    }

    /// Entries that are not wholly expanded, of a log whose newest is this one.
    #[must_use]
    pub fn waiting(&self, head: Seq) -> u64 {
        head.0.saturating_sub(self.entry.0) + 1
    }
}

/// One step of a fan-out: pointers to an entry that stands in its log already, all of the operation's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// Version of the operation, and so of every pointer; not that of the entry.
    pub version: Version,
    /// In whose log the entry stands.
    pub group: ConversationId,
    /// Which entry.
    pub seq: Seq,
    /// Whose inbox gets a pointer, and the version of that inbox's pointer before it.
    pub pointers: Vec<(UserId, Version)>,
}

/// An entry of a group's log that nobody wrote: what became of the group. Its sender is who did it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// The group was made; the sender is its owner.
    Created {
        /// Its first name.
        name: String,
        /// Who belongs to it beside the sender.
        members: Vec<UserId>,
    },
    /// The sender added them; at most `limits::GROUP_USERS_PER_OPERATION_MAX`.
    Joined(Vec<UserId>),
    /// The sender left.
    Left,
    /// The sender removed somebody.
    Removed(UserId),
    /// The sender gave the group another name.
    Renamed(String),
    /// The sender gave somebody another role.
    RoleGiven(UserId, Role),
    /// The sender, who owned it, ended the group: with this entry every membership ended.
    Dissolved,
    /// The sender let only owner and admins write, or everybody again.
    AllMuted(bool),
    /// The sender took from somebody the right to write, or gave it back.
    Muted(UserId, bool),
    /// The sender made a channel of the group, or a group of the channel.
    Turned(Form),
    /// The sender announced something; empty: took back what was announced.
    Announced(String),
    /// The sender became a member by a link.
    JoinedByLink,
    /// Somebody asks to come in by a link of the sender. Who, is for owner and admins.
    Asked,
    /// The sender let in somebody who had asked.
    Admitted(UserId),
    /// The sender lets who has a link ask, or lets them in.
    ApprovalSet(bool),
}

impl Notice {
    /// What it counts in a page, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // The one who did it is named too.
        NAMED_USER_BYTES_MAX
            + match self {
                Notice::Created { name, members } => name.len() + members.len() * NAMED_USER_BYTES_MAX,
                Notice::Joined(members) => members.len() * NAMED_USER_BYTES_MAX,
                Notice::Left
                | Notice::Dissolved
                | Notice::AllMuted(_)
                | Notice::Turned(_)
                | Notice::JoinedByLink
                | Notice::Asked
                | Notice::ApprovalSet(_) => 0,
                Notice::Removed(_) | Notice::RoleGiven(..) | Notice::Muted(..) | Notice::Admitted(_) => {
                    NAMED_USER_BYTES_MAX
                }
                // With the conversation's item, which a page tells beside it.
                Notice::Renamed(name) => 3 * name.len() + CONVERSATION_ITEM_BYTES,
                Notice::Announced(text) => text.len(),
            }
    }
}

/// Bounds of groups. The defaults are a server's; tests make them small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupBounds {
    /// Present members of one group. One more: refused as `group_full`.
    pub members_max: usize,
    /// See `limits::FAN_OUT_STEP_POINTERS_MAX`.
    pub step_pointers_max: usize,
}

impl Default for GroupBounds {
    fn default() -> GroupBounds {
        GroupBounds {
            members_max: super::limits::GROUP_MEMBERS_MAX,
            step_pointers_max: super::limits::FAN_OUT_STEP_POINTERS_MAX,
        }
    }
}

/// How many groups and channels are a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// Whose.
    pub user: UserId,
    /// How many the user owns.
    pub groups: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_membership_belong_to_it() {
        let closed = |join, leave| Interval { join: Seq(join), leave: Some(Seq(leave)) };
        let open = Interval { join: Seq(9), leave: None };
        let member = Member {
            group: ConversationId(1),
            user: UserId(2),
            role: Role::Member,
            ranked: Seq(9),
            intervals: vec![closed(2, 4), closed(6, 6), open],
            is_muted: false,
            is_removed: false,
        };
        let has: Vec<u64> = (1..=11).filter(|seq| member.has(Seq(*seq))).collect();
        assert_eq!(has, [2, 3, 4, 6, 9, 10, 11]);
        assert_eq!((member.since(), member.left()), (Some(Seq(9)), None));
        let left = Member { intervals: member.intervals[..2].to_vec(), ..member.clone() };
        assert_eq!((left.since(), left.left()), (None, Some(Seq(6))));
        assert_eq!(
            [3, 5, 6, 12].map(|seq| member.since_at(Seq(seq)).map(|join| join.0)),
            [Some(2), None, Some(6), Some(9)]
        );
        assert!(member.joins_at(Seq(6)) && member.leaves_at(Seq(6)) && !member.leaves_at(Seq(9)));
    }
}
