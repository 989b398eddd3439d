//! What the tail has of groups: newest rows, and the sends that their senders' inboxes do not show yet.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    InboxEntry, Pin, Rows, Tail, drop_row,
    shard::{change_held, pop_through},
};
use crate::model::{
    ConversationId, Delivery, Door, Expansion, Group, GroupEffect, Member, Position, Seq, UserId, Version,
    seeded::{self, SyncBug},
};

/// What is newest of one group.
#[derive(Default)]
pub(super) struct GroupRows {
    row: Option<(Version, Group)>,
    position: Option<(Version, Option<Position>)>,
    door: Option<(Version, Door)>,
    members: Rows<UserId, Member>,
}

impl GroupRows {
    fn is_empty(&self) -> bool {
        self.row.is_none() && self.position.is_none() && self.door.is_none() && self.members.is_empty()
    }
}

impl Tail {
    /// Takes an effect on a group.
    pub(super) fn insert_of_group(&self, version: Version, effect: &GroupEffect) {
        let change = |group: &ConversationId, change: &dyn Fn(&mut GroupRows)| {
            change(self.shard(group.0).write().groups.entry(*group).or_default());
        };
        match effect {
            GroupEffect::Row(row) => {
                change(&row.group, &|rows| rows.row = Some((version, row.clone())));
            }
            GroupEffect::Member(member) => change(&member.group, &|rows| {
                rows.members.insert(member.user, (version, Some(member.clone())));
            }),
            GroupEffect::MemberGone { group, user } => change(group, &|rows| {
                rows.members.insert(*user, (version, None));
            }),
            GroupEffect::FanOut { group, position } => {
                change(group, &|rows| rows.position = Some((version, *position)));
            }
            GroupEffect::Door(door) => {
                change(&door.group, &|rows| rows.door = Some((version, door.clone())));
            }
            GroupEffect::Expanded(step) => self.insert_expansion(step),
        }
    }

    /// Lets go of an effect on a group that the index has.
    pub(super) fn remove_of_group(&self, version: Version, effect: &GroupEffect) {
        let change = |group: &ConversationId, change: &dyn Fn(&mut GroupRows)| {
            let mut shard = self.shard(group.0).write();
            change_held(&mut shard.groups, group, change, GroupRows::is_empty);
        };
        match effect {
            GroupEffect::Row(row) => {
                change(&row.group, &|rows| {
                    rows.row = rows.row.take().filter(|(changed, _)| *changed > version)
                });
            }
            GroupEffect::Member(Member { group, user, .. }) | GroupEffect::MemberGone { group, user } => {
                change(group, &|rows| drop_row(&mut rows.members, user, version));
            }
            GroupEffect::FanOut { group, .. } => {
                change(group, &|rows| {
                    rows.position = rows.position.filter(|(changed, _)| *changed > version)
                });
            }
            GroupEffect::Door(door) => {
                change(&door.group, &|rows| {
                    rows.door = rows.door.take().filter(|(changed, _)| *changed > version)
                });
            }
            GroupEffect::Expanded(step) => {
                for (user, _) in &step.pointers {
                    let mut shard = self.shard(user.0).write();
                    shard.pop_inbox(*user, version);
                }
            }
        }
    }

    /// A send without a pointer for its sender is found by its sender none the less: else a resend would be taken as new.
    pub(super) fn insert_unpointed(&self, delivery: &Arc<Delivery>) {
        if seeded::is(SyncBug::WaitingSendForgotten) {
            return;
        }
        if delivery.was_sent() && !delivery.is_in_own_inbox() {
            let sender = delivery.message.sender;
            let mut shard = self.shard(sender.0).write();
            shard.unpointed.entry(sender).or_default().push_back(Arc::clone(delivery));
        }
    }

    /// The same, backwards.
    pub(super) fn remove_unpointed(&self, delivery: &Delivery) {
        if delivery.was_sent() && !delivery.is_in_own_inbox() {
            let sender = delivery.message.sender;
            let mut shard = self.shard(sender.0).write();
            pop_through(&mut shard.unpointed, &sender, |held| held.version <= delivery.version);
        }
    }

    fn insert_expansion(&self, step: &Expansion) {
        let delivery = self.logged(step.group, step.seq);
        for (user, previous) in &step.pointers {
            let entry = InboxEntry {
                version: step.version,
                previous: *previous,
                conversation: step.group,
                seq: step.seq,
                delivery: delivery.clone(),
            };
            self.shard(user.0).write().inboxes.entry(*user).or_default().push_back(entry);
        }
    }

    /// An entry of a log, if the tail has it.
    #[must_use]
    pub fn logged(&self, conversation: ConversationId, seq: Seq) -> Option<Arc<Delivery>> {
        let shard = self.shard(conversation.0).read();
        let log = shard.logs.get(&conversation)?;
        let first = log.front()?.message.seq;
        let place = usize::try_from(seq.0.checked_sub(first.0)?).ok()?;
        log.get(place).cloned()
    }
}

impl Pin {
    /// The group, if the tail knows it.
    #[must_use]
    pub fn group(&self, group: ConversationId) -> Option<Group> {
        let shard = self.tail.shard(group.0).read();
        shard.groups.get(&group)?.row.as_ref().map(|(_, row)| row.clone())
    }

    /// The ways into the group, if the tail knows them.
    #[must_use]
    pub fn door(&self, group: ConversationId) -> Option<Door> {
        let shard = self.tail.shard(group.0).read();
        shard.groups.get(&group)?.door.as_ref().map(|(_, door)| door.clone())
    }

    /// How far the group's log is expanded, if the tail knows it.
    #[must_use]
    pub fn position(&self, group: ConversationId) -> Option<Option<Position>> {
        let shard = self.tail.shard(group.0).read();
        shard.groups.get(&group)?.position.map(|(_, position)| position)
    }

    /// Members of the group that the tail knows; nothing for those who are forgotten.
    #[must_use]
    pub fn members(&self, group: ConversationId) -> Vec<(UserId, Option<Member>)> {
        let shard = self.tail.shard(group.0).read();
        let rows = shard.groups.get(&group).map(|rows| &rows.members);
        rows.into_iter().flatten().map(|(user, (_, row))| (*user, row.clone())).collect()
    }

    /// One member of the group, if the tail knows it; nothing for one who is forgotten.
    #[must_use]
    pub fn member(&self, group: ConversationId, user: UserId) -> Option<Option<Member>> {
        let shard = self.tail.shard(group.0).read();
        shard.groups.get(&group)?.members.get(&user).map(|(_, row)| row.clone())
    }

    /// Every position that the tail knows.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<ConversationId, Option<Position>> {
        let mut found = BTreeMap::new();
        for shard in &self.tail.shards {
            let shard = shard.read();
            let known = shard.groups.iter().filter_map(|(group, rows)| Some((*group, rows.position?.1)));
            found.extend(known);
        }
        found
    }

    /// An entry of a log, if the tail has it.
    #[must_use]
    pub fn logged(&self, conversation: ConversationId, seq: Seq) -> Option<Arc<Delivery>> {
        self.tail.logged(conversation, seq)
    }

    /// Sends of a user, at or below the bound, that this user's inbox in the tail does not show: the fan-out of their group
    /// comes to it later, or came to it in a step of its own.
    #[must_use]
    pub fn unpointed(&self, user: UserId) -> Vec<Arc<Delivery>> {
        let shard = self.tail.shard(user.0).read();
        let held = shard.unpointed.get(&user).into_iter().flatten();
        held.filter(|delivery| delivery.version <= self.bound).cloned().collect()
    }
}
