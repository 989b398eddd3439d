//! What the tail has of channels: newest rows, the posts that the index lacks, and how far each channel went.

use std::collections::VecDeque;

use super::{Pin, Rows, Tail, drop_row, shard::change_held};
use crate::model::{Broadcasts, Channel, ChannelEffect, ConversationId, Follow, Seq, UserId, Version};

/// Channels whose newest post is remembered when the index has it. More are looked up when they are asked for.
/// Source: about 32 bytes each, so 3 MB when full.
const POST_HEADS_MAX: usize = 100_000;

/// What is newest of one channel.
#[derive(Default)]
pub(super) struct ChannelRows {
    row: Option<(Version, Channel)>,
    followers: Rows<UserId, ()>,
    /// Ascending.
    pub(super) posts: VecDeque<(Seq, Version)>,
}

impl ChannelRows {
    fn is_empty(&self) -> bool {
        self.row.is_none() && self.followers.is_empty() && self.posts.is_empty()
    }
}

/// What is newest of what one user follows.
#[derive(Default)]
pub(super) struct FollowRows {
    count: Option<(Version, u32)>,
    rows: Rows<ConversationId, Follow>,
}

impl FollowRows {
    fn is_empty(&self) -> bool {
        self.count.is_none() && self.rows.is_empty()
    }
}

impl Tail {
    /// Takes an effect on a channel.
    pub(super) fn insert_of_channel(&self, version: Version, effect: &ChannelEffect) {
        match effect {
            ChannelEffect::Row(row) => {
                let mut shard = self.shard(row.channel.0).write();
                shard.channels.entry(row.channel).or_default().row = Some((version, row.clone()));
            }
            ChannelEffect::Follow(follow) => {
                self.put_follow(version, follow.user, follow.channel, Some(follow));
            }
            ChannelEffect::FollowGone { user, channel } => self.put_follow(version, *user, *channel, None),
            ChannelEffect::FollowCount { user, follows } => {
                let mut shard = self.shard(user.0).write();
                shard.follows.entry(*user).or_default().count = Some((version, *follows));
            }
            ChannelEffect::Posted(posted) => {
                let mut shard = self.shard(posted.channel.0).write();
                let rows = shard.channels.entry(posted.channel).or_default();
                rows.posts.push_back((posted.seq, posted.version));
                let is_known = shard.post_heads.contains_key(&posted.channel);
                if is_known || shard.post_heads.len() < POST_HEADS_MAX / super::SHARDS {
                    shard.post_heads.insert(posted.channel, posted.version);
                }
            }
            ChannelEffect::Broadcasts(rows) => *self.broadcasts.write() = Some((version, rows.clone())),
        }
    }

    fn put_follow(&self, version: Version, user: UserId, channel: ConversationId, row: Option<&Follow>) {
        {
            let mut shard = self.shard(user.0).write();
            let rows = &mut shard.follows.entry(user).or_default().rows;
            rows.insert(channel, (version, row.cloned()));
        }
        let follows = row.filter(|row| row.is_open()).map(|_| ());
        let mut shard = self.shard(channel.0).write();
        shard.channels.entry(channel).or_default().followers.insert(user, (version, follows));
    }

    /// Lets go of an effect on a channel that the index has.
    pub(super) fn remove_of_channel(&self, version: Version, effect: &ChannelEffect) {
        match effect {
            ChannelEffect::Row(Channel { channel, .. }) => self.change_channel(*channel, |rows| {
                rows.row = rows.row.take().filter(|(changed, _)| *changed > version);
            }),
            ChannelEffect::Follow(Follow { user, channel, .. })
            | ChannelEffect::FollowGone { user, channel } => {
                self.change_follows(*user, |follows| drop_row(&mut follows.rows, channel, version));
                self.change_channel(*channel, |rows| drop_row(&mut rows.followers, user, version));
            }
            ChannelEffect::FollowCount { user, .. } => self.change_follows(*user, |follows| {
                follows.count = follows.count.filter(|(changed, _)| *changed > version);
            }),
            ChannelEffect::Posted(posted) => {
                self.shard(posted.channel.0).write().post_ends.left(posted.channel, version);
                self.change_channel(posted.channel, |rows| {
                    while rows.posts.front().is_some_and(|(_, posted)| *posted <= version) {
                        rows.posts.pop_front();
                    }
                });
            }
            ChannelEffect::Broadcasts(_) => {
                self.broadcasts.write().take_if(|(changed, _)| *changed <= version);
            }
        }
    }

    fn change_channel(&self, channel: ConversationId, change: impl FnOnce(&mut ChannelRows)) {
        let mut shard = self.shard(channel.0).write();
        change_held(&mut shard.channels, &channel, change, ChannelRows::is_empty);
    }

    fn change_follows(&self, user: UserId, change: impl FnOnce(&mut FollowRows)) {
        let mut shard = self.shard(user.0).write();
        change_held(&mut shard.follows, &user, change, FollowRows::is_empty);
    }

    /// Version of the newest change of what a user follows, or followed, that the tail has; 0 for none.
    #[must_use]
    pub fn follows_changed(&self, user: UserId) -> Version {
        let shard = self.shard(user.0).read();
        let rows = shard.follows.get(&user).map(|follows| &follows.rows);
        rows.into_iter().flatten().map(|(_, (version, _))| *version).max().unwrap_or_default()
    }

    /// Version of the newest post of a channel, if it is remembered.
    #[must_use]
    pub fn post_head(&self, channel: ConversationId) -> Option<Version> {
        self.shard(channel.0).read().post_heads.get(&channel).copied()
    }

    /// Remembers the newest post of a channel as a reader found it. What is published meanwhile is newer and stays.
    pub fn remember_post_head(&self, channel: ConversationId, version: Version) {
        let mut shard = self.shard(channel.0).write();
        if shard.post_heads.len() < POST_HEADS_MAX / super::SHARDS {
            shard.post_heads.entry(channel).or_insert(version);
        }
    }
}

impl Pin {
    /// The channel, if the tail knows it.
    #[must_use]
    pub fn channel(&self, channel: ConversationId) -> Option<Channel> {
        let shard = self.tail.shard(channel.0).read();
        shard.channels.get(&channel)?.row.as_ref().map(|(_, row)| row.clone())
    }

    /// The channels that everybody follows, if the tail knows them: the newest.
    #[must_use]
    pub fn broadcasts(&self) -> Option<Broadcasts> {
        self.tail.broadcasts.read().as_ref().map(|(_, rows)| rows.clone())
    }

    /// Who follows a channel, as far as the tail knows; nothing for those who do not any more.
    #[must_use]
    pub fn followers(&self, channel: ConversationId) -> Vec<(UserId, Option<()>)> {
        let shard = self.tail.shard(channel.0).read();
        let rows = shard.channels.get(&channel).map(|rows| &rows.followers);
        rows.into_iter().flatten().map(|(user, (_, row))| (*user, *row)).collect()
    }

    /// What a user follows, as far as the tail knows; nothing for what is forgotten.
    #[must_use]
    pub fn follows(&self, user: UserId) -> Vec<(ConversationId, Option<Follow>)> {
        let shard = self.tail.shard(user.0).read();
        let rows = shard.follows.get(&user).map(|follows| &follows.rows);
        rows.into_iter().flatten().map(|(channel, (_, row))| (*channel, row.clone())).collect()
    }

    /// What a user has of one channel, if the tail knows it.
    #[must_use]
    pub fn follow(&self, user: UserId, channel: ConversationId) -> Option<Option<Follow>> {
        let shard = self.tail.shard(user.0).read();
        shard.follows.get(&user)?.rows.get(&channel).map(|(_, row)| row.clone())
    }

    /// How many follows of a user are kept, if the tail knows it.
    #[must_use]
    pub fn follow_count(&self, user: UserId) -> Option<u32> {
        self.tail.shard(user.0).read().follows.get(&user)?.count.map(|(_, count)| count)
    }

    /// Posts of a channel that the tail has at or below the bound, through a place, newest first, at most `max`.
    #[must_use]
    pub fn posts_through(&self, channel: ConversationId, through: Seq, max: usize) -> Vec<(Seq, Version)> {
        let shard = self.tail.shard(channel.0).read();
        let Some(rows) = shard.channels.get(&channel) else { return Vec::new() };
        let end = rows.posts.partition_point(|(seq, _)| *seq <= through);
        let visible = rows.posts.range(..end).rev().filter(|(_, version)| *version <= self.bound);
        visible.take(max).copied().collect()
    }

    /// Version of the newest post of a channel, above the bound too, if it is remembered.
    #[must_use]
    pub fn post_head(&self, channel: ConversationId) -> Option<Version> {
        self.tail.post_head(channel)
    }

    /// See [`Tail::remember_post_head`].
    pub fn remember_post_head(&self, channel: ConversationId, version: Version) {
        self.tail.remember_post_head(channel, version);
    }
}
