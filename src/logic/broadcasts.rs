//! Channels that everybody follows. Who is there when an operator says so is given the follow in steps, one small operation
//! each; who is made later has it from his own operation on. Which of the two it is says the one order of the commit.
//!
//! Steps are asked for by who finds the users: see `actors::cleaner`. Each says for which word of the operator it is and
//! where it stands, so that one that comes twice, or out of turn because one before it was lost, changes nothing.
//!
//! Everybody: suspended users too, who read it when they are resumed. Not bots, which nobody reads; and whom the owner of
//! the channel blocks is no exception, since the operator speaks here and not the owner.

use highwater_wire::Refusal;

use super::{
    channels::{begin_unbounded, count_followers, held_channel, is_following, put_conversation, put_follow},
    decide::{Decided, Needs},
    fan_out::head_of,
    operation::Answer,
    state::{Need, State},
};
use crate::{
    model::{
        Broadcast, Broadcasts, ChannelEffect, ConversationId, Effect, FollowEnd, UserId, Version,
        broadcast::BROADCASTS_MAX, record::Account,
    },
    sync::kinds::CONVERSATIONS,
};

/// Users that one step looks at, at most. Source: four rows of each are read and three written, so a step weighs what a
/// group's entry for as many members does, and its record has 16 KB.
pub const USERS_PER_STEP: usize = 64;

/// What an operator says of a channel, and the steps behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroadcastRequest {
    /// Everybody follows it from here on, or it is an ordinary channel: follows stay, and end as their users like.
    Set {
        /// Which channel.
        channel: ConversationId,
        /// Whether everybody follows it.
        is_on: bool,
    },
    /// Some users are given the follow who were there when it was said. Nobody waits for it.
    Step {
        /// Which channel.
        channel: ConversationId,
        /// Version of the operation that said so. Else it is for something that was taken back since.
        begun: Version,
        /// Through whom the steps before went. Else it is not this step's turn.
        after: UserId,
        /// Everybody who was made before `begun` and is behind `after`, in the order of ids, up to the last of these. At most
        /// [`USERS_PER_STEP`].
        users: Vec<UserId>,
        /// Whether there is nobody behind them.
        is_last: bool,
    },
}

impl BroadcastRequest {
    /// Of which channel it is: what is asked of one is decided in the order in which it came.
    #[must_use]
    pub fn channel(&self) -> ConversationId {
        match self {
            BroadcastRequest::Set { channel, .. } | BroadcastRequest::Step { channel, .. } => *channel,
        }
    }
}

/// What must be in memory to decide one of them.
pub(super) fn needs(needs: &mut Needs<'_>, request: &BroadcastRequest) {
    let channel = request.channel();
    needs.need(Need::Broadcasts);
    needs.need(Need::Conversation(channel));
    needs.need(Need::Group(channel));
    if let BroadcastRequest::Step { users, .. } = request {
        for user in users {
            needs.need(Need::Account(*user));
            needs.need(Need::Follow(*user, channel));
            needs.need(Need::FollowCount(*user));
            needs.need(Need::Item(*user, CONVERSATIONS, channel.to_string()));
        }
    }
}

/// Decides one of them.
pub(super) fn decide(
    state: &mut State,
    request: &BroadcastRequest,
    version: Version,
) -> Result<Decided, Refusal> {
    match request {
        BroadcastRequest::Set { channel, is_on: true } => begin(state, *channel, version),
        BroadcastRequest::Set { channel, is_on: false } => Ok(end(state, *channel, version)),
        BroadcastRequest::Step { channel, begun, after, users, is_last } => {
            let left_after = (!is_last).then(|| users.last().copied().unwrap_or(*after));
            Ok(step(state, (*channel, *begun, *after), users, left_after, version))
        }
    }
}

fn begin(state: &mut State, channel: ConversationId, version: Version) -> Result<Decided, Refusal> {
    if held_channel(state, channel)?.present_count() == 0 {
        // It has ended: nobody writes to it any more.
        return Err(Refusal::NoSuchConversation);
    }
    let mut rows = held(state);
    if rows.get(channel).is_some() {
        return Ok(Decided::unchanged(Answer::Done));
    }
    if rows.0.len() >= BROADCASTS_MAX {
        return Err(Refusal::TooManyBroadcasts);
    }
    rows.0.push(Broadcast { channel, begun: version, left_after: Some(UserId(0)) });
    Ok(Decided::changed(version, vec![put(state, rows, version)], Answer::Done))
}

fn end(state: &mut State, channel: ConversationId, version: Version) -> Decided {
    let mut rows = held(state);
    if rows.get(channel).is_none() {
        return Decided::unchanged(Answer::Done);
    }
    rows.0.retain(|row| row.channel != channel);
    Decided::changed(version, vec![put(state, rows, version)], Answer::Done)
}

fn step(
    state: &mut State,
    (channel, begun, after): (ConversationId, Version, UserId),
    users: &[UserId],
    left_after: Option<UserId>,
    version: Version,
) -> Decided {
    let mut rows = held(state);
    let row = rows.0.iter_mut().find(|row| row.channel == channel);
    let Some(row) = row.filter(|row| row.begun == begun && row.left_after == Some(after)) else {
        return Decided::unchanged(Answer::Done);
    };
    row.left_after = left_after;
    let mut effects = vec![put(state, rows, version)];
    let belongs = |user: &UserId| {
        let account = state.accounts.get(user).and_then(Option::as_ref);
        account.is_some_and(follows) && !is_following(state, *user, channel)
    };
    let new: Vec<UserId> = users.iter().copied().filter(belongs).collect();
    give(state, &mut effects, channel, &new, version);
    Decided::changed(version, effects, Answer::Done)
}

/// What must be in memory to give somebody new what everybody follows.
pub(super) fn new_user_needs(needs: &mut Needs<'_>) {
    if needs.need(Need::Broadcasts) {
        for row in held(needs.state).0 {
            needs.need(Need::Conversation(row.channel));
            needs.need(Need::Group(row.channel));
        }
    }
}

/// Somebody who is made by this operation follows what everybody follows. What such a one follows is known without a read.
pub(super) fn give_all(state: &mut State, effects: &mut Vec<Effect>, account: &Account, version: Version) {
    if follows(account) {
        for row in held(state).0 {
            give(state, effects, row.channel, &[account.user], version);
        }
    }
}

/// Whether it is one that everybody follows. Asked of what was warmed.
pub(super) fn is_broadcast(state: &State, channel: ConversationId) -> bool {
    state.broadcasts.get(&()).is_some_and(|rows| rows.get(channel).is_some())
}

fn follows(account: &Account) -> bool {
    !account.bot
}

fn held(state: &State) -> Broadcasts {
    state.broadcasts.get(&()).cloned().unwrap_or_default()
}

fn put(state: &mut State, rows: Broadcasts, version: Version) -> Effect {
    state.broadcasts.change((), rows.clone(), version);
    Effect::Channel(ChannelEffect::Broadcasts(rows))
}

/// Users who do not follow begin to. To one that has ended since nobody is brought any more.
fn give(
    state: &mut State,
    effects: &mut Vec<Effect>,
    channel: ConversationId,
    users: &[UserId],
    version: Version,
) {
    let is_there = held_channel(state, channel).is_ok_and(|held| held.present_count() > 0);
    if users.is_empty() || !is_there {
        return;
    }
    let end = FollowEnd { seq: head_of(state, channel), version };
    for user in users {
        let follow = begin_unbounded(state, (*user, channel), end);
        put_follow(state, effects, follow, version);
    }
    count_followers(state, effects, channel, |followers| followers + users.len() as u64, version);
    for user in users {
        effects.push(put_conversation(state, (*user, channel), version));
    }
}
