//! What is true of a channel, rebuilt from the records: who follows it from where to where, its posts, and its name.

use std::{collections::BTreeMap, sync::Arc};

use highwater::{
    model::{
        Channel, ChannelEffect, Content, ConversationId, Delivery, Effect, Follow, Group as GroupRow,
        GroupEffect, Interval, Notice, Position, Posted, Record, Role, Seq, UserId, Version,
        record::ItemValue,
    },
    sync::kinds::CONVERSATIONS,
};

use crate::oracle::Oracle;

/// A channel of the histories: its founder owns it, and writes to it.
#[derive(Clone, Default)]
pub struct ChannelModel {
    pub owner: UserId,
    pub name: String,
    /// Version of the newest name.
    pub named: Version,
    pub follows: BTreeMap<UserId, Follow>,
    /// Posts so far: each entry becomes one, in order.
    posted: u64,
    pub position: Option<Position>,
    row: Option<Channel>,
}

impl ChannelModel {
    /// Where a user followed it as of a version, oldest first.
    pub fn intervals_at(&self, user: UserId, bound: Version) -> Vec<Interval> {
        let all = self.follows.get(&user).map(|follow| follow.intervals.as_slice()).unwrap_or_default();
        let begun = all.iter().filter(|interval| interval.after.version <= bound);
        let leave = |interval: &highwater::model::FollowInterval| {
            interval.through.filter(|end| end.version <= bound).map(|end| end.seq)
        };
        begun.map(|interval| Interval { join: interval.after.seq.next(), leave: leave(interval) }).collect()
    }

    pub fn is_followed_by(&self, user: UserId) -> bool {
        self.follows.get(&user).is_some_and(Follow::is_open)
    }

    fn has(&self, user: UserId, seq: Seq) -> bool {
        self.follows.get(&user).is_some_and(|follow| follow.has(seq))
    }
}

impl Oracle {
    /// Whether a user may have an entry, as far as channels decide that.
    pub fn may_have_post(&self, user: UserId, (conversation, seq): (u64, u64)) -> bool {
        let channel = self.channels.get(&ConversationId(conversation));
        channel.is_none_or(|channel| channel.has(user, Seq(seq)))
    }

    /// Whether an item shows the name of a channel that has got another one since a version.
    pub fn is_renamed_behind(&self, key: &str, bound: Version) -> bool {
        let channel = key.parse().ok().and_then(|id| self.channels.get(&ConversationId(id)));
        channel.is_some_and(|channel| channel.named > bound)
    }

    /// Whether it is remembered that a user follows some channel, or did.
    pub fn follows_something(&self, user: UserId) -> bool {
        self.channels.values().any(|channel| channel.follows.contains_key(&user))
    }

    /// The mark of a lineage is the version of the last entry that it was given. A gap leaves it at the floor, and that of one
    /// who followed then may be where a lineage began, which is no entry.
    pub fn check_mark(&self, user: UserId, mark: Version, newest: Version) {
        let floor = self.lineages.get(&user).map_or(Version(0), |lineages| lineages.floor);
        let is_floor = mark > newest && mark <= floor && self.has_followed.contains(&user);
        assert!(mark == newest || is_floor, "the mark {mark} is not that of the last entry given, {newest}");
    }

    pub fn take_channel(&mut self, effect: &ChannelEffect, version: Version) {
        match effect {
            ChannelEffect::Row(row) => {
                assert_eq!(row.changed, version, "a channel's row says when it changed");
                self.channels.entry(row.channel).or_default().row = Some(row.clone());
            }
            ChannelEffect::Follow(follow) => {
                let ends = follow.intervals.last().expect("a follow that is kept has a time");
                let (seq, at) =
                    ends.through.map_or((ends.after.seq, ends.after.version), |end| (end.seq, end.version));
                // One that goes on as if it had not ended is as old as it was.
                assert!(at == version || ends.through.is_none(), "a follow ends by its own operation");
                assert!(
                    seq.0 <= self.logs.get(&follow.channel).map_or(0, Vec::len) as u64,
                    "G7: a follow ahead"
                );
                self.has_followed.insert(follow.user);
                let model = self.channels.entry(follow.channel).or_default();
                model.follows.insert(follow.user, follow.clone());
            }
            ChannelEffect::FollowGone { user, channel } => {
                drop(self.channels.entry(*channel).or_default().follows.remove(user));
            }
            ChannelEffect::FollowCount { .. } | ChannelEffect::Broadcasts(_) => {}
            ChannelEffect::Posted(posted) => self.take_posted(posted),
        }
    }

    /// A post comes to everybody who followed when it was said, whenever that is.
    fn take_posted(&mut self, posted: &Posted) {
        let place = usize::try_from(posted.seq.0).unwrap() - 1;
        let entry = (*self.logs[&posted.channel][place]).clone();
        let model = self.channels.entry(posted.channel).or_default();
        model.posted += 1;
        assert_eq!(posted.seq, Seq(model.posted), "G1, G2: posts come in order, and each once");
        if let Content::Notice(notice) = &entry.message.content {
            match &**notice {
                Notice::Created { name, .. } | Notice::Renamed(name) => {
                    (model.name, model.named) = (name.clone(), posted.version);
                }
                other => panic!("{other:?} of a channel"),
            }
        }
        let model = &self.channels[&posted.channel];
        let due: Vec<UserId> = model
            .follows
            .values()
            .filter(|follow| follow.has(posted.seq))
            .map(|follow| follow.user)
            .collect();
        let told = Arc::new(Delivery { version: posted.version, pointers: Vec::new(), ..entry });
        for user in due {
            self.inboxes.entry(user).or_default().push(Arc::clone(&told));
        }
    }

    /// What a record does with a channel besides: rows that say what its log says, and items of who comes and goes.
    pub fn judge_channels(&mut self, record: &Record) {
        for effect in &record.effects {
            match effect {
                Effect::Group(effect) if self.channels.contains_key(&effect.group()) => self.take_row(effect),
                Effect::Message(delivery) if self.channels.contains_key(&delivery.message.conversation) => {
                    let model = &self.channels[&delivery.message.conversation];
                    assert_eq!(
                        delivery.message.sender, model.owner,
                        "G9: who does not own a channel wrote to it"
                    );
                    assert!(delivery.pointers.is_empty(), "a post has no pointers");
                }
                _ => {}
            }
        }
        self.judge_channel_items(record);
        for (channel, model) in &self.channels {
            let followers = model.follows.values().filter(|follow| follow.is_open()).count() as u64;
            assert_eq!(
                model.row.as_ref().map(|row| row.followers),
                Some(followers),
                "followers of {channel}"
            );
        }
    }

    fn take_row(&mut self, effect: &GroupEffect) {
        let model = self.channels.entry(effect.group()).or_default();
        match effect {
            GroupEffect::Row(GroupRow { founder, .. }) => model.owner = *founder,
            GroupEffect::FanOut { position, .. } => model.position = *position,
            GroupEffect::Member(member) => {
                assert_eq!(member.role, Role::Owner, "nobody is given a role here")
            }
            other => panic!("{other:?} of a channel"),
        }
    }

    /// The conversation is there exactly for those who follow; what it shows as its name is the channel's of now.
    fn judge_channel_items(&mut self, record: &Record) {
        for effect in &record.effects {
            let Effect::Item { user, item, .. } = effect else { continue };
            let channel =
                item.key.parse().ok().map(ConversationId).filter(|id| self.channels.contains_key(id));
            let Some(channel) = channel.filter(|_| item.kind == CONVERSATIONS) else { continue };
            let model = &self.channels[&channel];
            assert_eq!(item.value.is_some(), model.is_followed_by(*user), "conversation {channel} of {user}");
            if let Some(ItemValue::Group { role, since, .. }) = &item.value {
                assert_eq!(*role == Role::Owner, *user == model.owner);
                assert_eq!(Some(*since), model.follows[user].since(), "since when {user} follows {channel}");
            }
        }
        for ((_, kind, key), item) in &mut self.items {
            let channel = key.parse().ok().and_then(|id| self.channels.get(&ConversationId(id)));
            if let (Some(model), Some(ItemValue::Group { name, .. })) = (channel, &mut item.value)
                && *kind == CONVERSATIONS
            {
                name.clone_from(&model.name);
            }
        }
    }
}
