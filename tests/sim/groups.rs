//! What users do with groups, how their logs are expanded a step at a time, and whether the answers are true.

use std::sync::Arc;

use highwater::{
    logic::{
        Answer, Principal, Request,
        operation::{DoorChange, GroupChange, GroupRequest, Target},
    },
    model::{
        Content, ConversationId, Effect, GroupBounds, Record, Role, UserId, Version,
        limits::INTERVALS_PER_MEMBER_MAX,
    },
    store::files_faulty::SeededRandom,
};
use highwater_wire::{Refusal, proto};

use crate::{
    group_links::answer_of_door,
    group_model::Group,
    operations::{Pending, Ticket},
    world::World,
};

/// Groups of one history.
const GROUPS: usize = 3;

/// Mostly fewer pointers in a step than members in a group, so that a crash finds an entry in the middle; and one user
/// more than a group takes.
pub fn any_bounds(random: &mut SeededRandom) -> GroupBounds {
    let step_pointers_max = [1, 1, 2, 256][random.below(4) as usize];
    GroupBounds { members_max: 3, step_pointers_max }
}

impl World {
    fn any_group(&mut self) -> Option<ConversationId> {
        let groups: Vec<ConversationId> = self.oracle.groups.keys().copied().collect();
        if groups.is_empty() {
            return None;
        }
        let place = self.any(groups.len());
        Some(groups[place])
    }

    /// Somebody who asks: mostly one of those who are meant, now and then anybody.
    pub fn any_actor(&mut self, is_meant: impl Fn(UserId) -> bool) -> Option<Principal> {
        let anybody = self.random.one_in(5);
        let live = self.clients.iter().filter(|client| self.oracle.is_live(client.lineage.device));
        let meant: Vec<Principal> = live
            .filter(|client| anybody || is_meant(client.user))
            .map(crate::client::Client::principal)
            .collect();
        if meant.is_empty() {
            return None;
        }
        let place = self.any(meant.len());
        Some(meant[place])
    }

    /// Somebody does something with a group, or makes one.
    pub fn change_group_one(&mut self) {
        let Some(group) = self.any_group().filter(|_| !self.random.one_in(8)) else {
            return self.make_group();
        };
        let model = self.oracle.groups[&group].clone();
        let rank = |user| model.role(user);
        let by = match self.random.below(3) {
            0 => self.any_actor(|user| model.is_member(user)),
            _ => self.any_actor(|user| matches!(rank(user), Some(Role::Owner | Role::Admin))),
        };
        let Some(by) = by else { return };
        if self.random.one_in(4) {
            return self.use_links(group);
        }
        let (one, two) = (self.any_user(), self.any_user());
        let change = match self.random.below(24) {
            0..7 => GroupChange::Add(vec![one, two]),
            7..10 if one != by.user => GroupChange::Remove(one),
            10..12 => GroupChange::Leave,
            12..15 => GroupChange::Rename(format!("group {}", self.random.below(4))),
            15..17 => {
                let role = [Role::Owner, Role::Admin, Role::Member][self.any(3)];
                GroupChange::GiveRole(one, role)
            }
            17 => GroupChange::Create { name: "made again".to_owned(), members: vec![one] },
            // Seldom, since nothing comes of the group any more.
            18 if self.random.one_in(3) => GroupChange::Dissolve,
            19 => GroupChange::MuteAll(self.random.one_in(3)),
            20 => GroupChange::Mute(one, self.random.one_in(2)),
            21 => GroupChange::MuteAll(false),
            22 | 23 => GroupChange::Announce("x".repeat(self.any(2))),
            _ => GroupChange::Leave,
        };
        self.submit(Request::Group(GroupRequest { by, group, change }), Ticket::Other);
    }

    pub fn any_user(&mut self) -> UserId {
        let place = self.any(self.users.len());
        self.users[place].0
    }

    fn make_group(&mut self) {
        if self.oracle.groups.len() >= GROUPS {
            return;
        }
        let Some(by) = self.any_actor(|_| true) else { return };
        let group = ConversationId(self.random.next_u64());
        let members = (0..self.random.below(4)).map(|_| self.any_user()).collect();
        let name = format!("group {}", self.random.below(4));
        let change = GroupChange::Create { name, members };
        self.submit(Request::Group(GroupRequest { by, group, change }), Ticket::Other);
    }

    /// Somebody writes to a group: a member, or one who has left, or who never was there.
    pub fn send_to_group(&mut self) {
        let Some(group) = self.any_group() else { return };
        let model = self.oracle.groups[&group].clone();
        let left = self.random.one_in(6);
        let by = self.any_actor(|user| if left { model.has_left(user) } else { model.is_member(user) });
        let Some(by) = by else { return };
        self.counts.saw(if model.is_member(by.user) { "send to a group" } else { "send from outside" });
        self.send_to(by, Target::Conversation(group));
    }

    /// Another name reaches a member of some group, if there is one with an owner who can be asked.
    pub fn rename_a_group_of(&mut self, user: UserId) {
        let of_user = |(_, model): &(&ConversationId, &Group)| model.is_member(user);
        let groups: Vec<ConversationId> =
            self.oracle.groups.iter().filter(of_user).map(|(group, _)| *group).collect();
        for group in groups {
            let model = self.oracle.groups[&group].clone();
            let owner = self.any_actor(|user| model.role(user) == Some(Role::Owner));
            let Some(by) = owner.filter(|by| model.role(by.user) == Some(Role::Owner)) else { continue };
            let change = GroupChange::Rename(format!("{}'", model.name));
            self.submit(Request::Group(GroupRequest { by, group, change }), Ticket::Other);
            for _ in 0..4 {
                self.submit(Request::Expand(group), Ticket::Other);
            }
        }
        self.work_off();
    }

    /// After a start a client sends again what its group has not expanded: only the log knows it so far.
    pub fn resend_what_waits(&mut self) {
        let unfinished = self.oracle.unfinished();
        let waits = |pending: &Pending| {
            let message = self.oracle.receipts.get(&pending.key).map(|held| &held.message);
            let position = message.and_then(|message| unfinished.get(&message.conversation));
            message.zip(position).is_some_and(|(message, position)| message.seq >= position.entry)
        };
        let due: Vec<usize> = (0..self.pending.len())
            .filter(|place| !self.pending[*place].is_over && waits(&self.pending[*place]))
            .collect();
        for place in due {
            self.counts.saw("resend of what waits in a group");
            self.submit_send_again(place);
        }
    }

    /// The next step of some group: which ones have something to do is asked of the store, as after a start.
    pub fn expand_one(&mut self) {
        let unfinished = self.unfinished();
        if unfinished.is_empty() {
            return;
        }
        let place = self.any(unfinished.len());
        self.submit(Request::Expand(unfinished[place]), Ticket::Other);
    }

    /// What a start finds to go on with, each with the position that the oracle knows.
    fn unfinished(&self) -> Vec<ConversationId> {
        let view = self.shell.view();
        let groups = view.unfinished_groups().unwrap_or_else(|fault| panic!("G1: {fault}"));
        let position = |group| view.position(group).unwrap_or_else(|fault| panic!("G1: {fault}"));
        let found = groups.iter().filter_map(|group| Some((*group, position(*group)?))).collect();
        assert_eq!(self.oracle.unfinished(), found, "G1: groups that are to be gone on with");
        groups.into_iter().collect()
    }

    /// Everything is expanded, and everybody was given what is meant for them.
    pub fn expand_everything(&mut self) {
        for _ in 0..10_000 {
            self.work_off();
            if self.unfinished().is_empty() {
                self.oracle.check_groups();
                return;
            }
            self.expand_one();
        }
        panic!("G1: the groups are never expanded");
    }

    /// The newest version before these records of one batch.
    fn before(&self, new: &[Arc<Record>]) -> Version {
        new.first().map_or(self.oracle.last, |record| Version(record.version.0 - 1))
    }

    /// What was told of a group is true behind the batch that decided it, or was before something else in it.
    pub fn group_answered(
        &mut self,
        request: &GroupRequest,
        result: Result<Answer, Refusal>,
        new: &[Arc<Record>],
    ) {
        let before = self.before(new);
        let is_entry = |effect: &Effect| matches!(effect, Effect::Message(delivery) if delivery.message.conversation == request.group);
        let is_open = new.iter().any(|record| record.effects.iter().any(is_entry));
        let model = self.oracle.groups.get(&request.group);
        match result {
            Ok(answer) => {
                let due = match request.change {
                    GroupChange::Create { .. } => Answer::GroupCreated(request.group),
                    GroupChange::Door(ref change) => answer_of_door(request.group, change, &answer),
                    _ => Answer::Done,
                };
                assert_eq!(answer, due, "an answer to {request:?}");
                let is_true = model.is_some_and(|model| is_done(model, request, &answer, before));
                assert!(is_true || is_open_again(request, is_open), "G1: {request:?} was told as done");
            }
            Err(refusal) => {
                let event = self.group_refused(request, refusal, (new, is_open));
                self.counts.saw(event);
            }
        }
    }

    fn group_refused(
        &self,
        request: &GroupRequest,
        refusal: Refusal,
        (new, is_open): (&[Arc<Record>], bool),
    ) -> &'static str {
        let before = self.before(new);
        let (by, members_max) = (request.by.user, self.oracle.group_bounds.members_max);
        let model = self.oracle.groups.get(&request.group);
        let named: &[UserId] = match &request.change {
            GroupChange::Create { members: users, .. } | GroupChange::Add(users) => users,
            GroupChange::Remove(user) | GroupChange::GiveRole(user, _) => std::slice::from_ref(user),
            GroupChange::Mute(user, _) => std::slice::from_ref(user),
            GroupChange::Door(DoorChange::Join(..)) => std::slice::from_ref(&request.by.user),
            GroupChange::Door(DoorChange::Answer(user, _)) => std::slice::from_ref(user),
            GroupChange::Leave
            | GroupChange::Rename(_)
            | GroupChange::Dissolve
            | GroupChange::MuteAll(_)
            | GroupChange::Announce(_)
            | GroupChange::Door(_) => &[],
        };
        let is_create = matches!(request.change, GroupChange::Create { .. });
        let (event, is_right) = match refusal {
            Refusal::NoSuchConversation => {
                ("no such group", !is_create && model.is_none_or(|model| model.was_out_behind(by, before)))
            }
            Refusal::Forbidden => {
                let may = model.is_some_and(|model| may(model, by, &request.change));
                ("group change forbidden", is_open || !may)
            }
            Refusal::GroupFull => {
                let present = model.filter(|_| !is_create).map(Group::members).unwrap_or_default();
                let mut all: Vec<UserId> = present.iter().chain(named).copied().collect();
                all.extend(is_create.then_some(by));
                all.sort();
                all.dedup();
                ("add refused full", is_open || all.len() > members_max)
            }
            Refusal::NoSuchUser => {
                let exists = |user: &UserId| self.oracle.accounts.contains_key(user);
                let is_member = |user: &UserId| model.is_some_and(|model| model.is_member(*user));
                let is_role = matches!(request.change, GroupChange::GiveRole(..) | GroupChange::Mute(..));
                let is_missing = |user: &UserId| !exists(user) || (is_role && !is_member(user));
                if named.iter().any(|user| self.may_have_blocked(*user, by, new)) {
                    ("add refused as blocked", true)
                } else {
                    ("no such member", is_open || named.iter().any(is_missing))
                }
            }
            Refusal::Busy => {
                let is_often = |user: &UserId| {
                    model.is_some_and(|model| model.memberships_of(*user) >= INTERVALS_PER_MEMBER_MAX)
                };
                let is_taken = is_create && model.is_some_and(|model| model.founder != by);
                ("group id taken", is_taken || named.iter().any(is_often))
            }
            Refusal::NoSuchLink => {
                ("link refused", matches!(request.change, GroupChange::Door(DoorChange::Join(..))))
            }
            Refusal::NoSuchRequest => {
                ("nobody waits", matches!(request.change, GroupChange::Door(DoorChange::Answer(..))))
            }
            Refusal::InvalidField => ("role given to oneself", named.contains(&by)),
            Refusal::InvalidToken => ("invalid token", !self.oracle.is_live(request.by.device)),
            Refusal::StorageFull => ("refused as full", true),
            Refusal::UnknownOutcome => ("unknown outcome", true),
            other => panic!("{other:?} is no answer to {request:?}"),
        };
        assert!(is_right, "{refusal:?} to {request:?}");
        event
    }

    /// Whether a send to a group may be refused: its sender was no member, or not all through this batch.
    pub fn is_refused_from_outside(&self, sender: UserId, to: &Target, new: &[Arc<Record>]) -> bool {
        let Target::Conversation(conversation) = to else { return false };
        let before = self.before(new);
        let model = self.oracle.groups.get(conversation);
        model.is_some_and(|model| model.was_out_behind(sender, before))
    }

    /// Whether a send to a group may be refused as muted: its sender is, or something of the group changed in this batch.
    pub fn is_refused_as_muted(&self, sender: UserId, to: &Target, new: &[Arc<Record>]) -> bool {
        let group = match to {
            Target::Conversation(conversation) => *conversation,
            Target::User(user) => user.as_group(),
            Target::Name(_) => return false,
        };
        let Some(model) = self.oracle.groups.get(&group) else { return false };
        let is_notice = |effect: &Effect| {
            matches!(effect, Effect::Message(delivery) if delivery.message.conversation == group
                && matches!(delivery.message.content, Content::Notice(_)))
        };
        !model.may_write(sender) || new.iter().any(|record| record.effects.iter().any(is_notice))
    }

    /// Counts what pages show of groups.
    pub fn note_group_page(&mut self, page: &proto::Page) {
        for entry in &page.entries {
            let log = &self.oracle.logs[&ConversationId(entry.conversation_id)];
            let message = &log[usize::try_from(entry.seq).unwrap() - 1].message;
            if matches!(message.content, Content::Notice(_)) {
                self.counts.saw("notice read");
            }
        }
        let last = page.entries.last().filter(|_| page.more);
        let model = last.and_then(|last| self.oracle.groups.get(&ConversationId(last.conversation_id)));
        if model.is_some_and(Group::is_in_mid_entry) {
            self.counts.saw("group page cut in mid entry");
        }
    }
}

/// Whether a group is as a change wants it, or was behind a version before it was changed again.
fn is_done(model: &Group, request: &GroupRequest, answer: &Answer, before: Version) -> bool {
    match &request.change {
        GroupChange::Create { .. } => model.founder == request.by.user,
        GroupChange::Add(users) => users.iter().all(|user| model.was_member_behind(*user, before)),
        GroupChange::Remove(user) => model.was_out_behind(*user, before),
        GroupChange::Leave | GroupChange::Dissolve => model.was_out_behind(request.by.user, before),
        GroupChange::Rename(name) => model.name == *name,
        GroupChange::GiveRole(user, role) => model.role(*user) == Some(*role),
        GroupChange::MuteAll(muted) => model.is_muted() == *muted,
        GroupChange::Announce(text) => model.announced() == text,
        GroupChange::Door(DoorChange::Join(..)) if *answer != Answer::Asked(request.group) => {
            model.was_member_behind(request.by.user, before)
        }
        GroupChange::Door(DoorChange::Answer(user, true)) => model.was_member_behind(*user, before),
        GroupChange::Door(_) => true,
        GroupChange::Mute(user, muted) => model.is_muted_alone(*user) == *muted,
    }
}

/// Whether the rank of a member is enough for a change.
fn may(model: &Group, by: UserId, change: &GroupChange) -> bool {
    let rank = model.role(by).unwrap_or(Role::Member);
    match change {
        GroupChange::Add(_) | GroupChange::Rename(_) | GroupChange::MuteAll(_) | GroupChange::Announce(_) => {
            rank < Role::Member
        }
        GroupChange::Door(DoorChange::Join(..)) => !model.was_removed(by),
        GroupChange::Door(_) => rank < Role::Member,
        GroupChange::Mute(user, _) => rank < model.role(*user).unwrap_or(Role::Member),
        GroupChange::Remove(user) => rank < model.role(*user).unwrap_or(Role::Member),
        GroupChange::GiveRole(..) | GroupChange::Dissolve => rank == Role::Owner,
        GroupChange::Create { .. } | GroupChange::Leave => true,
    }
}

/// Names and roles may have been changed again in the same batch.
fn is_open_again(request: &GroupRequest, is_open: bool) -> bool {
    is_open
        && matches!(
            request.change,
            GroupChange::Rename(_)
                | GroupChange::GiveRole(..)
                | GroupChange::MuteAll(_)
                | GroupChange::Mute(..)
                | GroupChange::Announce(_)
        )
}
