//! What the records do with groups, against what the logs of the groups say: every pointer, position, row and item.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use highwater::{
    model::{
        ConversationId, Delivery, Effect, Expansion, GroupEffect, Position, Record, Seq, UserId, Version,
        record::{Conversation, Message},
    },
    sync::kinds::CONVERSATIONS,
};

use crate::{group_model::Group, oracle::Oracle};

impl Oracle {
    /// Whether a conversation is the log of a group.
    pub fn is_group(&self, conversation: ConversationId) -> bool {
        self.conversations.get(&conversation).is_some_and(Conversation::is_group)
    }

    /// Whether a user may have an entry, as far as groups and channels decide that.
    pub fn may_have(&self, user: UserId, (conversation, seq): (u64, u64)) -> bool {
        let of_groups =
            self.groups.get(&ConversationId(conversation)).is_none_or(|group| group.is_for(user, seq));
        of_groups && self.may_have_post(user, (conversation, seq))
    }

    fn is_log_of_group(&self, conversation: ConversationId) -> bool {
        self.is_group(conversation) && !self.channels.contains_key(&conversation)
    }

    /// Some group has given the oldest entry that waits to a part of its audience.
    pub fn is_in_mid_entry(&self) -> bool {
        self.groups.values().any(Group::is_in_mid_entry)
    }

    /// What every start has to go on with.
    pub fn unfinished(&self) -> BTreeMap<ConversationId, Position> {
        let positions = self.groups.iter().map(|(group, model)| Some((*group, model.position()?)));
        let of_channels = self.channels.iter().map(|(channel, model)| Some((*channel, model.position?)));
        positions.chain(of_channels).flatten().collect()
    }

    /// Every group as it must be when nothing waits any more.
    pub fn check_groups(&self) {
        for (group, model) in &self.groups {
            model.check_whole(self, *group);
        }
    }

    /// An entry comes to some inboxes later than it came to its log: there it bears the version of the step.
    pub fn take_step(&mut self, step: &Expansion) {
        let place = usize::try_from(step.seq.0).unwrap() - 1;
        let entry = (*self.logs[&step.group][place]).clone();
        let pointers = step.pointers.clone();
        self.take_pointers(&Arc::new(Delivery { version: step.version, pointers, ..entry }));
    }

    /// Whether an entry of an inbox came there with the operation that wrote it.
    pub fn came_at_once(&self, entry: &Delivery) -> bool {
        let place = usize::try_from(entry.message.seq.0).unwrap() - 1;
        self.logs[&entry.message.conversation][place].version == entry.version
    }

    /// A record that does something with groups is judged whole: first what it writes and gives, then its rows and items.
    pub fn judge_groups(&mut self, record: &Record) {
        self.judge_links(record);
        let mut given: Vec<(ConversationId, Seq, UserId)> = Vec::new();
        let mut touched = BTreeSet::new();
        for effect in &record.effects {
            match effect {
                Effect::Message(delivery) if self.is_log_of_group(delivery.message.conversation) => {
                    let (group, seq) = (delivery.message.conversation, delivery.message.seq);
                    self.take_group_entry(&delivery.message, record.version);
                    let users = delivery.pointers.iter().map(|(user, _)| *user);
                    given.extend(users.map(|user| (group, seq, user)));
                    let model = self.groups.get_mut(&group).expect("it has an entry");
                    let events = model.give(seq, delivery.pointers.iter().map(|(user, _)| *user));
                    assert!(!model.is_in_mid_entry() || delivery.pointers.is_empty(), "G1: a part at once");
                    let is_whole = !delivery.pointers.is_empty();
                    self.met.extend(events);
                    self.met.push(if is_whole { "group entry at once" } else { "group entry waits" });
                    touched.insert(group);
                }
                Effect::Group(GroupEffect::Expanded(step)) => {
                    let users = || step.pointers.iter().map(|(user, _)| *user);
                    given.extend(users().map(|user| (step.group, step.seq, user)));
                    let model = self.groups.get_mut(&step.group).expect("a step is of a group");
                    self.met.extend(model.give(step.seq, users()));
                    let is_cut = model.is_in_mid_entry();
                    self.met.push(if is_cut { "group step in mid entry" } else { "group step to the end" });
                    touched.insert(step.group);
                }
                Effect::Group(effect) if !self.channels.contains_key(&effect.group()) => {
                    self.take_group_row(effect);
                    touched.insert(effect.group());
                }
                _ => {}
            }
        }
        for group in touched {
            self.groups[&group].check_rows(group);
        }
        self.judge_group_items(record, &given);
    }

    fn take_group_entry(&mut self, message: &Message, version: Version) {
        let members_max = self.group_bounds.members_max;
        let group = self.groups.entry(message.conversation).or_default();
        let events = group.write(message, version, members_max);
        self.met.extend(events);
    }

    fn take_group_row(&mut self, effect: &GroupEffect) {
        let stored = &mut self.groups.entry(effect.group()).or_default().stored;
        match effect {
            GroupEffect::Row(row) => stored.row = Some(row.clone()),
            GroupEffect::Member(row) => drop(stored.members.insert(row.user, row.clone())),
            GroupEffect::FanOut { position, .. } => stored.position = *position,
            GroupEffect::MemberGone { user, .. } => panic!("{user} is forgotten, and there is room"),
            GroupEffect::Door(door) => stored.door = Some(door.clone()),
            GroupEffect::Expanded(_) => unreachable!("a step is no row"),
        }
    }

    /// Conversations begin, end and are renamed with the entry that says so, and by nothing else.
    fn judge_group_items(&self, record: &Record, given: &[(ConversationId, Seq, UserId)]) {
        let due = given.iter().filter_map(|(group, seq, user)| {
            let value = self.groups[group].item_after(*group, *user, *seq)?;
            Some(((*user, group.to_string()), value))
        });
        let due: BTreeMap<_, _> = due.collect();
        let is_of_group =
            |key: &str| key.parse().is_ok_and(|id| self.groups.contains_key(&ConversationId(id)));
        let told = record.effects.iter().filter_map(|effect| match effect {
            Effect::Item { user, item, .. } if item.kind == CONVERSATIONS && is_of_group(&item.key) => {
                Some(((*user, item.key.clone()), item.value.clone()))
            }
            _ => None,
        });
        let told: BTreeMap<_, _> = told.collect();
        assert_eq!(told, due, "conversations told by version {}", record.version);
    }
}
