//! What users do with channels in the histories, and whether the answers are true.

use std::sync::Arc;

use highwater::{
    logic::{
        Answer, Principal, Request,
        operation::{ChannelChange, ChannelRequest, GroupChange, GroupRequest, Target},
    },
    model::{ChannelEffect, ConversationId, Effect, Record, UserId, limits::FOLLOW_INTERVALS_MAX},
};
use highwater_wire::Refusal;

use crate::{client::Client, operations::Ticket, oracle::Oracle, world::World};

/// Channels of one history.
const CHANNELS: usize = 2;

impl Oracle {
    /// Who is told of the posts of a record.
    pub fn told_of_posts(&self, record: &Record) -> Vec<UserId> {
        let posts = record.effects.iter().filter_map(|effect| match effect {
            Effect::Channel(ChannelEffect::Posted(posted)) => Some(posted),
            _ => None,
        });
        let followers = posts.flat_map(|posted| {
            let follows = self.channels[&posted.channel].follows.values();
            follows.filter(|follow| follow.has(posted.seq)).map(|follow| follow.user)
        });
        followers.collect()
    }
}

impl World {
    /// Somebody makes a channel, follows it or does not any more, writes to it, or gives it another name.
    pub fn change_channel_one(&mut self) {
        let Some(place) = self.any_live_client().filter(|_| self.has_channels) else { return };
        let by = self.clients[place].principal();
        let known: Vec<ConversationId> = self.oracle.channels.keys().copied().collect();
        if known.is_empty() || (known.len() < CHANNELS && self.random.one_in(10)) {
            self.counts.saw("channel made");
            let channel = ConversationId(self.random.next_u64());
            let change = ChannelChange::Create(format!("channel {}", self.random.below(9)));
            return self.submit(Request::Channel(ChannelRequest { by, channel, change }), Ticket::Other);
        }
        let channel = known[self.any(known.len())];
        let owner = self.oracle.channels[&channel].owner;
        let of_owner = self.clients.iter().filter(|client| client.user == owner);
        let of_owner = of_owner.filter(|client| self.oracle.is_let_in(client.lineage.device));
        let owner = of_owner.map(Client::principal).next();
        let is_followed = self.oracle.channels[&channel].is_followed_by(by.user);
        match (self.random.below(8), owner) {
            (0..4, Some(owner)) => {
                self.counts.saw("post");
                self.send_to(owner, Target::Conversation(channel));
            }
            (4, Some(owner)) => {
                self.counts.saw("channel renamed");
                let change = GroupChange::Rename(format!("channel {}", self.random.below(9)));
                let request = GroupRequest { by: owner, group: channel, change };
                self.submit(Request::Group(request), Ticket::Other);
            }
            (5 | 6, _) if !is_followed => self.ask_channel(by, channel, ChannelChange::Follow, "follow"),
            (7, _) if is_followed => self.ask_channel(by, channel, ChannelChange::Unfollow, "unfollow"),
            (0..8, _) => self.ask_channel(by, channel, ChannelChange::Follow, "follow"),
            (8.., _) => unreachable!("below eight"),
        }
    }

    /// A channel that a user follows, and its owner, who can write.
    pub fn channel_of(&self, user: UserId) -> Option<(Principal, ConversationId)> {
        let followed = self.oracle.channels.iter().filter(|(_, model)| model.is_followed_by(user));
        let mut writable = followed.filter_map(|(channel, model)| {
            let of_owner =
                |client: &&Client| client.user == model.owner && self.oracle.is_let_in(client.lineage.device);
            Some((self.clients.iter().find(of_owner)?.principal(), *channel))
        });
        writable.next()
    }

    fn ask_channel(
        &mut self,
        by: Principal,
        channel: ConversationId,
        change: ChannelChange,
        event: &'static str,
    ) {
        self.counts.saw(event);
        self.submit(Request::Channel(ChannelRequest { by, channel, change }), Ticket::Other);
    }

    /// Whether a request is about a channel, by its form or by what it names.
    pub fn is_of_channel(&self, request: &Request) -> bool {
        match request {
            Request::Channel(_) => true,
            Request::Group(request) => self.oracle.channels.contains_key(&request.group),
            _ => false,
        }
    }

    /// What was told of a channel is true behind the batch that decided it, unless it changed again in that batch.
    pub fn channel_answered(
        &mut self,
        request: &Request,
        result: Result<Answer, Refusal>,
        new: &[Arc<Record>],
    ) {
        let (by, channel) = match request {
            Request::Channel(request) => (request.by, request.channel),
            Request::Group(request) => (request.by, request.group),
            other => panic!("{other:?} is about no channel"),
        };
        let model = self.oracle.channels.get(&channel);
        let is_open = new.iter().flat_map(|record| &record.effects).any(|effect| match effect {
            Effect::Channel(ChannelEffect::Follow(follow)) => {
                follow.channel == channel && follow.user == by.user
            }
            Effect::Channel(ChannelEffect::FollowGone { user, channel: gone }) => {
                *gone == channel && *user == by.user
            }
            Effect::Group(effect) => effect.group() == channel,
            _ => false,
        });
        let is_followed = model.is_some_and(|model| model.is_followed_by(by.user));
        let change = match request {
            Request::Channel(request) => Some(&request.change),
            _ => None,
        };
        match result {
            Ok(answer) => {
                match change {
                    Some(ChannelChange::Create(_)) => assert!(matches!(answer, Answer::GroupCreated(_))),
                    _ => assert_eq!(answer, Answer::Done),
                }
                let due = matches!(change, Some(ChannelChange::Follow | ChannelChange::Create(_)));
                let is_renamed = change.is_none();
                assert!(is_renamed || is_open || is_followed == due, "G1: {request:?} was told as done");
            }
            Err(Refusal::Forbidden) => {
                let is_owner = model.is_some_and(|model| model.owner == by.user);
                assert!(is_owner && change == Some(&ChannelChange::Unfollow), "{request:?} is forbidden");
                self.counts.saw("owner does not unfollow");
            }
            Err(Refusal::TooManyFollows) => {
                let times = model
                    .and_then(|model| model.follows.get(&by.user))
                    .map_or(0, |follow| follow.intervals.len());
                assert!(times >= FOLLOW_INTERVALS_MAX || is_open, "{request:?} is one too many");
            }
            // After a restore it may not be there, or be made later in this batch.
            Err(Refusal::NoSuchConversation) if model.is_none() || is_open => {}
            Err(Refusal::NoSuchConversation) => {
                let is_blocked = model.is_some_and(|model| self.may_have_blocked(model.owner, by.user, new));
                assert!(is_blocked && change == Some(&ChannelChange::Follow), "{request:?} finds nothing");
                self.counts.saw("follow refused as blocked");
            }
            Err(Refusal::InvalidToken) => assert!(!self.oracle.is_live(by.device)),
            Err(Refusal::StorageFull) => self.counts.saw("refused as full"),
            Err(Refusal::UnknownOutcome) => self.counts.saw("unknown outcome"),
            other => panic!("{other:?} is no answer to {request:?}"),
        }
    }
}
