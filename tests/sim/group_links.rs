//! Links into groups: who makes and uses them, and what every record that touches one must keep.

use std::sync::Arc;

use highwater::{
    logic::{
        Answer, Request,
        operation::{DoorChange, GroupChange, GroupRequest},
    },
    model::{
        Content, ConversationId, Delivery, Door, Effect, GroupEffect, Link, LinkSecret, Notice, Record, Role,
    },
};

use crate::{operations::Ticket, oracle::Oracle, world::World};

/// Links of one group, and secrets that each may have.
const LINKS: u64 = 2;
const SECRETS: u64 = 2;

impl World {
    /// Somebody makes a link, takes one back, or tries one, known or not.
    pub fn use_links(&mut self, group: ConversationId) {
        let model = self.oracle.groups[&group].clone();
        let ranks = |user| matches!(model.role(user), Some(Role::Owner | Role::Admin));
        let (id, secret) = (self.random.below(LINKS), self.random.below(SECRETS));
        // No two links have the same secret.
        let secret = LinkSecret([(id * SECRETS + secret) as u8; 16]);
        let (by, change) = match self.random.below(6) {
            0 | 1 => {
                let valid_s = [60, 100_000][self.any(2)];
                let uses_max = 1 + self.random.below(2) as u32;
                let id = [id as u8; 16];
                (self.any_actor(ranks), DoorChange::MakeLink { id, secret, valid_s, uses_max })
            }
            2 => (self.any_actor(ranks), DoorChange::RevokeLink([id as u8; 16])),
            _ => (self.any_actor(|user| !model.is_member(user)), DoorChange::Join(secret)),
        };
        let Some(by) = by else { return };
        let change = GroupChange::Door(change);
        self.submit(Request::Group(GroupRequest { by, group, change }), Ticket::Other);
    }
}

/// What is answered to a change of the ways into a group.
pub fn answer_of_door(group: ConversationId, change: &DoorChange, answer: &Answer) -> Answer {
    match (change, answer) {
        (DoorChange::MakeLink { secret, .. }, Answer::LinkMade(made)) => {
            assert_eq!((made.group, made.secret), (group, *secret), "the code of another link");
            answer.clone()
        }
        (DoorChange::Join(_), _) => Answer::Joined(group),
        (DoorChange::RevokeLink(_) | DoorChange::MakeLink { .. }, _) => Answer::Done,
    }
}

impl Oracle {
    /// A join by a link takes one use of one link that may be used; nothing else does, and none is used more often than it
    /// may. Judged before the record is taken: what stands here is from before it.
    pub fn judge_links(&mut self, record: &Record) {
        let joins = record.effects.iter().filter_map(|effect| match effect {
            Effect::Message(delivery) if is_join(delivery) => Some(delivery),
            _ => None,
        });
        let joins: Vec<&Arc<Delivery>> = joins.collect();
        let doors = record.effects.iter().filter_map(|effect| match effect {
            Effect::Group(GroupEffect::Door(door)) => Some(door),
            _ => None,
        });
        let doors: Vec<&Door> = doors.collect();
        assert!(joins.len() <= 1 && joins.len() <= doors.len(), "a join takes no use of a link");
        for door in doors {
            let before = self.groups.get(&door.group).map(|group| group.stored.links.clone());
            let events = match joins.first() {
                Some(join) => self.judge_join(&join.message, &before.unwrap_or_default(), door),
                None => judge_change(&before.unwrap_or_default(), door),
            };
            self.met.extend(events);
        }
    }

    fn judge_join(
        &self,
        join: &highwater::model::record::Message,
        before: &[Link],
        door: &Door,
    ) -> Vec<&'static str> {
        assert_eq!((join.conversation, before.len()), (door.group, door.links.len()), "a join changes links");
        let used: Vec<(&Link, &Link)> =
            before.iter().zip(&door.links).filter(|(before, after)| before != after).collect();
        let [(link, after)] = used[..] else { panic!("a join uses {} links", used.len()) };
        assert_eq!(*after, Link { used: link.used + 1, ..link.clone() }, "a join changes more than the uses");
        assert!(after.used <= link.uses_max, "a link is used {} times of {}", after.used, link.uses_max);
        assert!(
            join.sent_at < link.until,
            "a link is used at {}, which held until {}",
            join.sent_at,
            link.until
        );
        let (model, by) = (&self.groups[&door.group], join.sender);
        let maker = model.role(link.by);
        assert!(
            matches!(maker, Some(Role::Owner | Role::Admin)),
            "the link of {}, a {maker:?}, is used",
            link.by
        );
        assert!(!model.was_removed(by), "{by} was removed, and comes back by a link");
        assert!(!self.blocks(link.by, by), "G9: {by} comes by the link of {}, who blocks him", link.by);
        let is_last = after.used == link.uses_max;
        is_last.then_some("link used up").into_iter().collect()
    }
}

fn is_join(delivery: &Delivery) -> bool {
    matches!(&delivery.message.content, Content::Notice(notice) if **notice == Notice::JoinedByLink)
}

/// A link that stays is as it was, one that is new was not used, and none is there twice.
fn judge_change(before: &[Link], door: &Door) -> Vec<&'static str> {
    let mut events = Vec::new();
    for link in &door.links {
        let same = before.iter().any(|held| held == link);
        assert!(same || link.used == 0, "a link is made that was used {} times", link.used);
        assert_eq!(door.links.iter().filter(|other| other.id == link.id).count(), 1, "a link is there twice");
        events.extend((!same).then_some("link made"));
    }
    let gone = |held: &&Link| !door.links.iter().any(|link| link.id == held.id);
    events.extend(before.iter().find(gone).map(|_| "link taken back or forgotten"));
    events
}
