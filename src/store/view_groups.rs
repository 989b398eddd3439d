//! Groups as a view sees them: the newest rows of the tail before those of the index.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
};

use super::{
    engine::prefix_end, group_doors, groups, keys, tail::InboxEntry, view::View, view_fault::ReadFault,
    view_scan::whole,
};
use crate::model::{
    ConversationId, Door, Group, Member, Position, Seq, Time, UserId, belonging,
    record::Message,
    seeded::{self, SyncBug},
};

impl View {
    /// How many groups and channels a user owns.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn owned(&self, user: UserId) -> Result<u32, ReadFault> {
        match self.pin.owned(user) {
            Some(groups) => Ok(groups),
            None => Ok(self.row(&groups::owned_key(user), groups::decode_owned)?.map_or(0, |row| row.groups)),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn group(&self, group: ConversationId) -> Result<Option<Group>, ReadFault> {
        match self.pin.group(group) {
            Some(row) => Ok(Some(row)),
            None => self.row(&groups::key(group), groups::decode),
        }
    }

    /// Every user who is, or was, a member of a group, in the order of ids. Bounded by `limits::FORMER_MEMBERS_MAX` and
    /// the most members that a group may have.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn members(&self, group: ConversationId) -> Result<BTreeMap<UserId, Member>, ReadFault> {
        let mut found = BTreeMap::new();
        // The tail first: what leaves it meanwhile is in the index, but not the other way round.
        let newest = self.pin.members(group);
        let from = groups::members_prefix(group);
        let to = prefix_end(&from).unwrap_or_default();
        self.visit(&from, &to, |_, value| {
            let member = whole(value, groups::decode_member)?;
            found.insert(member.user, member);
            Ok(ControlFlow::Continue(()))
        })?;
        overlay(&mut found, newest);
        Ok(found)
    }

    /// One user who is, or was, a member of a group.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn member(&self, group: ConversationId, user: UserId) -> Result<Option<Member>, ReadFault> {
        match self.pin.member(group, user) {
            Some(row) => Ok(row),
            None => self.row(&groups::member_key(group, user), groups::decode_member),
        }
    }

    /// The ways into a group.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn door(&self, group: ConversationId) -> Result<Door, ReadFault> {
        let held = match self.pin.door(group) {
            Some(row) => Some(row),
            None => self.row(&group_doors::key(group), group_doors::decode)?,
        };
        Ok(held.unwrap_or_else(|| Door::shut(group)))
    }

    /// The times in which a group, or a channel, is for a user, oldest first: of memberships that began at or below
    /// `head`, which is that of this read, and of follows. Rows may be newer than this read; what they say of places through
    /// its head is the same. Two rows, however many others there are.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn times(&self, group: ConversationId, user: UserId, head: Seq) -> Result<Vec<Time>, ReadFault> {
        let (mut member, mut follow) = (self.member(group, user)?, self.follow(user, group)?);
        if let Some(member) = &mut member {
            member.intervals.retain(|interval| interval.join <= head);
        }
        if let Some(follow) = &mut follow {
            follow.intervals.retain(|interval| interval.after.version <= self.bound());
        }
        Ok(belonging::times(member.as_ref(), follow.as_ref()))
    }

    /// Whether a group, or a channel, is a conversation of the user now, also above the bound.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn belongs(&self, group: ConversationId, user: UserId) -> Result<bool, ReadFault> {
        let (member, follow) = (self.member(group, user)?, self.follow(user, group)?);
        Ok(belonging::since(member.as_ref(), follow.as_ref()).is_some())
    }

    /// How far the log of a group is expanded; nothing when all of it is.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn position(&self, group: ConversationId) -> Result<Option<Position>, ReadFault> {
        match self.pin.position(group) {
            Some(position) => Ok(position),
            None => self.row(&groups::position_key(group), groups::decode_position),
        }
    }

    /// Every group whose log is not wholly expanded: what a start goes on with. Without their positions, so that one that
    /// cannot be read hides no other.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn unfinished_groups(&self) -> Result<BTreeSet<ConversationId>, ReadFault> {
        let newest = self.pin.positions();
        let mut found = BTreeSet::new();
        self.visit(&[keys::FAN_OUT], &[keys::FAN_OUT + 1], |key, _| {
            if !seeded::is(SyncBug::UnfinishedOfTailAlone) {
                found.insert(groups::decode_position_key(key)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for (group, position) in newest {
            if position.is_some() {
                found.insert(group);
            } else {
                found.remove(&group);
            }
        }
        Ok(found)
    }

    /// What an entry of the tail points to. A step of a fan-out may point to an entry that only the index has: it is older
    /// than the step, so one of both has it.
    pub(super) fn pointed(
        &self,
        chunks: &mut HashMap<ConversationId, Vec<Message>>,
        entry: &InboxEntry,
    ) -> Result<Message, ReadFault> {
        let held = entry.delivery.clone().or_else(|| self.pin.logged(entry.conversation, entry.seq));
        match held {
            Some(delivery) => Ok(self.pin.shown(delivery.message.clone())),
            None => self.message(chunks, entry.conversation, entry.seq),
        }
    }
}

/// What the tail knows is newer than what the index has; nothing there says that it is gone.
pub(super) fn overlay<K: Ord, V>(
    found: &mut BTreeMap<K, V>,
    newest: impl IntoIterator<Item = (K, Option<V>)>,
) {
    for (key, value) in newest {
        match value {
            Some(value) => found.insert(key, value),
            None => found.remove(&key),
        };
    }
}
