//! Links into groups: who makes and uses them, and what every record that touches one must keep.

use highwater::{
    logic::{
        Answer, Principal, Request,
        group_doors::link_hash,
        operation::{DoorChange, GroupChange, GroupRequest},
    },
    model::{
        Asking, AskingState, Content, ConversationId, Door, Effect, GroupEffect, Link, LinkSecret, Notice,
        Record, Role, UserId, record::Message,
    },
};

use crate::{operations::Ticket, oracle::Oracle, world::World};

/// Links of one group, and secrets that each may have.
const LINKS: u64 = 2;
const SECRETS: u64 = 2;

impl World {
    /// Somebody does something with the ways into a group, or somebody is brought in by all of them, one after the other.
    pub fn use_links(&mut self, group: ConversationId) {
        let model = self.oracle.groups[&group].clone();
        let ranks = |user| matches!(model.role(user), Some(Role::Owner | Role::Admin));
        let by = self.any_actor(ranks);
        let other = self.any_actor(|user| !model.is_member(user));
        let (Some(by), Some(other)) = (by, other) else { return };
        if self.random.one_in(3) {
            let (by, change) = self.any_change(group, by, other);
            return self.change_door(by, group, change);
        }
        let approval = self.random.one_in(2);
        self.change_door(by, group, DoorChange::SetApproval(approval));
        let (made, secret) = self.any_link();
        self.change_door(by, group, made);
        let join = || DoorChange::Join(secret, String::new());
        self.change_door(other, group, join());
        if self.random.one_in(2) {
            self.work_off();
        }
        if self.random.one_in(3) {
            self.change_door(other, group, DoorChange::Answer(other.user, false));
            self.change_door(other, group, join());
        }
        if self.random.one_in(2) {
            let accepted = !self.random.one_in(3);
            self.change_door(by, group, DoorChange::Answer(other.user, accepted));
            self.change_door(other, group, join());
        }
    }

    fn change_door(&mut self, by: Principal, group: ConversationId, change: DoorChange) {
        let change = GroupChange::Door(change);
        self.submit(Request::Group(GroupRequest { by, group, change }), Ticket::Other);
    }

    fn any_change(
        &mut self,
        group: ConversationId,
        by: Principal,
        other: Principal,
    ) -> (Principal, DoorChange) {
        match self.random.below(6) {
            0 => (by, self.any_link().0),
            1 => (by, DoorChange::RevokeLink([self.random.below(LINKS) as u8; 16])),
            2 => (by, DoorChange::SetApproval(self.random.one_in(2))),
            3 => (by, DoorChange::Answer(self.any_user(), self.random.one_in(2))),
            _ => (other, DoorChange::Join(self.any_secret(group), String::new())),
        }
    }

    /// A link to be made, and its secret. No two links have the same.
    fn any_link(&mut self) -> (DoorChange, LinkSecret) {
        let id = self.random.below(LINKS);
        let secret = LinkSecret([(id * SECRETS + self.random.below(SECRETS)) as u8; 16]);
        let valid_s = [60, 1_000_000][usize::from(!self.random.one_in(6))];
        let uses_max = 1 + self.random.below(2) as u32;
        (DoorChange::MakeLink { id: [id as u8; 16], secret, valid_s, uses_max }, secret)
    }

    /// A secret that some link may have; mostly one that some link of the group has.
    fn any_secret(&mut self, group: ConversationId) -> LinkSecret {
        let any = LinkSecret([self.random.below(LINKS * SECRETS) as u8; 16]);
        let door = self.oracle.groups[&group].stored.door.as_ref();
        let links = door.map_or(&[][..], |door| &door.links);
        let is_of_link =
            |secret: &LinkSecret| links.iter().any(|link| link.hash == link_hash(group, *secret));
        let all = (0..LINKS * SECRETS).map(|byte| LinkSecret([byte as u8; 16]));
        let known: Vec<LinkSecret> = all.filter(is_of_link).collect();
        if known.is_empty() || self.random.one_in(6) {
            return any;
        }
        let place = self.any(known.len());
        known[place]
    }
}

/// What is answered to a change of the ways into a group.
pub fn answer_of_door(group: ConversationId, change: &DoorChange, answer: &Answer) -> Answer {
    match (change, answer) {
        (DoorChange::MakeLink { secret, .. }, Answer::LinkMade(made)) => {
            assert_eq!((made.group, made.secret), (group, *secret), "the code of another link");
            answer.clone()
        }
        (DoorChange::Join(..), Answer::Asked(_)) => Answer::Asked(group),
        (DoorChange::Join(..), _) => Answer::Joined(group),
        _ => Answer::Done,
    }
}

impl Oracle {
    /// A join by a link, or a request by one, takes one use of one link that may be used; nothing else does, and none is
    /// used more often than it may. Who is let in had asked, and waited. Judged before the record is taken: what stands
    /// here is from before it.
    pub fn judge_links(&mut self, record: &Record) {
        let notices = record.effects.iter().filter_map(|effect| match effect {
            Effect::Message(delivery) => match &delivery.message.content {
                Content::Notice(notice) => Some((&delivery.message, &**notice)),
                _ => None,
            },
            _ => None,
        });
        let notices: Vec<(&Message, &Notice)> = notices.collect();
        assert!(notices.len() <= 1, "a record has {} notices", notices.len());
        let notice = notices.first().copied();
        let doors = record.effects.iter().filter_map(|effect| match effect {
            Effect::Group(GroupEffect::Door(door)) => Some(door),
            _ => None,
        });
        let doors: Vec<&Door> = doors.collect();
        assert!(doors.len() <= 1, "a record changes {} doors", doors.len());
        let Some(door) = doors.first() else {
            let needs_door = |notice: &Notice| {
                matches!(
                    notice,
                    Notice::JoinedByLink | Notice::Asked | Notice::Admitted(_) | Notice::ApprovalSet(_)
                )
            };
            assert!(
                !notice.is_some_and(|(_, notice)| needs_door(notice)),
                "{notice:?} leaves the door as it was"
            );
            return;
        };
        let before = self.groups.get(&door.group).and_then(|group| group.stored.door.clone());
        let before = before.unwrap_or_else(|| Door::shut(door.group));
        let events = match notice {
            Some((message, Notice::JoinedByLink)) => {
                assert!(!before.approval, "{} comes in without asking", message.sender);
                let model = &self.groups[&door.group];
                assert!(
                    !model.was_removed(message.sender),
                    "{} was removed, and comes by a link",
                    message.sender
                );
                self.judge_use(message.sender, message, (&before, door))
            }
            Some((message, Notice::Asked)) => {
                let asking = door.asking.last().expect("who asks is there");
                assert!(before.approval && asking.waits(message.sent_at), "{asking:?} does not wait");
                let again = before.asking.iter().find(|one| one.user == asking.user);
                assert!(again.is_none_or(|one| one.is_expired(message.sent_at)), "{again:?} asks twice");
                self.judge_use(asking.user, message, (&before, door))
            }
            Some((message, Notice::Admitted(user))) => {
                let waits = |one: &&Asking| one.user == *user && one.waits(message.sent_at);
                assert!(before.asking.iter().any(|one| waits(&one)), "{user} is let in and did not wait");
                assert!(!door.asking.iter().any(|one| one.user == *user), "{user} is let in and waits on");
                Vec::new()
            }
            _ => judge_change(&before, door),
        };
        self.met.extend(events);
    }

    fn judge_use(&self, user: UserId, entry: &Message, (before, door): (&Door, &Door)) -> Vec<&'static str> {
        assert_eq!(before.links.len(), door.links.len(), "a use changes which links there are");
        let used: Vec<(&Link, &Link)> =
            before.links.iter().zip(&door.links).filter(|(before, after)| before != after).collect();
        let [(link, after)] = used[..] else { panic!("{} links are used", used.len()) };
        assert_eq!(*after, Link { used: link.used + 1, ..link.clone() }, "more changes than the uses");
        assert!(after.used <= link.uses_max, "a link is used {} times of {}", after.used, link.uses_max);
        assert!(
            entry.sent_at < link.until,
            "a link is used at {} that held until {}",
            entry.sent_at,
            link.until
        );
        let maker = self.groups[&door.group].role(link.by);
        assert!(
            matches!(maker, Some(Role::Owner | Role::Admin)),
            "the link of {}, a {maker:?}, is used",
            link.by
        );
        assert!(!self.blocks(link.by, user), "G9: {user} comes by the link of {}, who blocks him", link.by);
        let is_last = after.used == link.uses_max;
        is_last.then_some("link used up").into_iter().collect()
    }
}

/// A link that stays is as it was, one that is new was not used, and none is there twice. Nobody begins to wait.
fn judge_change(before: &Door, door: &Door) -> Vec<&'static str> {
    let mut events = Vec::new();
    for link in &door.links {
        let same = before.links.iter().any(|held| held == link);
        assert!(same || link.used == 0, "a link is made that was used {} times", link.used);
        assert_eq!(door.links.iter().filter(|other| other.id == link.id).count(), 1, "a link is there twice");
        events.extend((!same).then_some("link made"));
    }
    let gone = |held: &&Link| !door.links.iter().any(|link| link.id == held.id);
    events.extend(before.links.iter().find(gone).map(|_| "link taken back or forgotten"));
    for asking in &door.asking {
        let held = before.asking.iter().find(|held| held.user == asking.user);
        let held = held.unwrap_or_else(|| panic!("{asking:?} begins to wait without an entry"));
        events.extend(match (held.state, asking.state) {
            (AskingState::Waiting, AskingState::Refused) => Some("request to come in refused"),
            (AskingState::Waiting, AskingState::Withdrawn) => Some("request to come in taken back"),
            (AskingState::Withdrawn, AskingState::Waiting) => Some("request to come in made again"),
            (held, now) => {
                assert_eq!(held, now, "what became of a request changes");
                None
            }
        });
    }
    events
}
