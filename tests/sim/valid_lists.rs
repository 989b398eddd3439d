//! After a loss a client is told up to where each of its conversations stays valid, and drops the rest: so none may be left
//! out that its user is still in, and none may be said to go further than it did.

use std::collections::BTreeMap;

use highwater::{
    model::{ConversationId, Effect, Seq, UserId, Version, record::Item},
    sync::{Marks, kinds::CONVERSATIONS},
};
use highwater_wire::proto::{self, rebuild::Cause};

use crate::{oracle::Oracle, world::World};

impl Oracle {
    /// A conversation's item as it was at a version.
    fn item_at(&self, user: UserId, key: &str, bound: Version) -> Option<&Item> {
        let of_record = |effect| match effect {
            &Effect::Item { user: owner, ref item, .. }
                if owner == user && item.kind == CONVERSATIONS && item.key == key =>
            {
                Some(item)
            }
            _ => None,
        };
        let records = self.records.range(..=bound).rev();
        records.into_iter().find_map(|(_, record)| record.effects.iter().find_map(of_record))
    }

    /// How far a conversation went at a version.
    fn head_at(&self, conversation: ConversationId, through: Version) -> u64 {
        let log = &self.logs[&conversation];
        log.partition_point(|entry| entry.version <= through) as u64
    }

    /// How far of that a user may have.
    fn place_at(&self, user: UserId, conversation: ConversationId, through: Version) -> u64 {
        let head = self.head_at(conversation, through);
        let intervals = match (self.groups.get(&conversation), self.channels.get(&conversation)) {
            (Some(group), _) => group.intervals_at(user, through),
            (None, Some(channel)) => channel.intervals_at(user, through),
            (None, None) => return head,
        };
        let last = intervals.into_iter().rfind(|last| last.join.0 <= head);
        last.map_or(0, |last| last.leave.map_or(head, |leave| leave.0))
    }
}

impl World {
    /// A page that tells a list, or a part of one, read at a bound for who handed these marks in.
    pub fn check_valid_list(&mut self, user: UserId, marks: &Marks, page: &proto::Page, bound: Version) {
        let Some(list) = marks.valid() else {
            assert!(page.valid.is_empty() && !page.valid_complete, "a list that was not begun");
            return;
        };
        let is_anew = page.rebuild.is_some_and(|rebuild| rebuild.cause() == Cause::TooOld);
        let after = if is_anew { Version(0) } else { list.after };
        let named: BTreeMap<u64, u64> =
            page.valid.iter().map(|valid| (valid.conversation_id, valid.seq)).collect();
        for (conversation, seq) in &named {
            let conversation = ConversationId(*conversation);
            let place = self.oracle.place_at(user, conversation, list.through);
            let is_group = self.oracle.is_group(conversation);
            assert!(
                *seq == place || (*seq < place && !is_group),
                "G12: {conversation} is valid up to {place}"
            );
            if self.oracle.groups.get(&conversation).is_some_and(|group| !group.is_member(user)) {
                self.counts.saw("valid told of a group that was left");
            }
        }
        if !page.valid_complete {
            return;
        }
        let gone = |item: &Item| self.oracle.gone.contains(&(user, CONVERSATIONS, item.key.clone()));
        let items = self.oracle.items_of(user).filter(|item| item.kind == CONVERSATIONS && !gone(item));
        let items = items.filter(|item| !item.key.ends_with("/own"));
        for item in items {
            let conversation = ConversationId(item.key.parse().unwrap());
            // Also one that has ended: what came before the end stays.
            let was_there = self.oracle.item_at(user, &item.key, bound);
            let is_due = was_there.is_some_and(|was| was.version > after);
            // Of what was let go by policy it may not be known any more how far it went then.
            let is_known = self.oracle.conversations[&conversation].oldest == Seq(1);
            let has_something = is_known && self.oracle.place_at(user, conversation, list.through) > 0;
            assert!(
                !is_due || !has_something || named.contains_key(&conversation.0),
                "G12: {user} is told to drop all of {conversation}, of {:?}, at bound {bound}",
                item.version
            );
        }
    }
}
