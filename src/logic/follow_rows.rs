//! The row of a user and a channel that the user follows, or did: how it begins and ends, and that it is counted.

use highwater_wire::Refusal;

use super::state::State;
use crate::model::{
    ChannelEffect, ConversationId, Effect, Follow, FollowEnd, FollowInterval, UserId, Version,
    limits::{FOLLOW_INTERVALS_MAX, FOLLOWS_PER_USER_MAX},
};

/// The row of a user who follows from here on; the user does not follow yet.
pub(super) fn begin(
    state: &State,
    (user, channel): (UserId, ConversationId),
    after: FollowEnd,
) -> Result<Follow, Refusal> {
    let held = state.follows.get(&(user, channel)).and_then(Option::as_ref);
    let times = held.map_or(0, |follow| follow.intervals.len());
    let follows = state.follow_counts.get(&user).copied().unwrap_or(0);
    let follow = begin_unbounded(state, (user, channel), after);
    let is_one_more = follow.intervals.len() > times.max(FOLLOW_INTERVALS_MAX);
    if is_one_more || (held.is_none() && follows >= FOLLOWS_PER_USER_MAX) {
        return Err(Refusal::TooManyFollows);
    }
    Ok(follow)
}

/// The same where an operator has the user follow, who is not refused for what the user did.
pub(super) fn begin_unbounded(
    state: &State,
    (user, channel): (UserId, ConversationId),
    after: FollowEnd,
) -> Follow {
    let held = state.follows.get(&(user, channel)).cloned().flatten();
    let mut follow = held.unwrap_or(Follow { user, channel, intervals: Vec::new() });
    let last = follow.intervals.last_mut();
    match last.filter(|last| last.through.is_some_and(|end| end.seq == after.seq)) {
        // Nothing was said since, so it is as if the user had stayed.
        Some(last) => last.through = None,
        None => follow.intervals.push(FollowInterval { after, through: None }),
    }
    follow
}

/// The row of a user who does not follow any more. A time in which nothing was said is not worth remembering.
pub(super) fn ended(follow: &Follow, end: FollowEnd) -> Follow {
    let mut intervals = follow.intervals.clone();
    let last = intervals.last_mut().expect("a follow has a time");
    last.through = Some(end);
    if last.after.seq == end.seq {
        intervals.pop();
    }
    Follow { intervals, ..follow.clone() }
}

/// The row takes its value, in memory and in the record; without any time in it it goes.
pub(super) fn put_follow(state: &mut State, effects: &mut Vec<Effect>, follow: Follow, version: Version) {
    let (user, channel, key) = (follow.user, follow.channel, (follow.user, follow.channel));
    let was_kept = state.follows.get(&key).is_some_and(Option::is_some);
    let is_kept = !follow.intervals.is_empty();
    state.note_follower((channel, user), follow.is_open(), version);
    state.follows.change(key, is_kept.then(|| follow.clone()), version);
    let effect =
        if is_kept { ChannelEffect::Follow(follow) } else { ChannelEffect::FollowGone { user, channel } };
    effects.push(Effect::Channel(effect));
    if was_kept != is_kept {
        let follows = state.follow_counts.get(&user).copied().unwrap_or(0);
        let follows = if is_kept { follows + 1 } else { follows.saturating_sub(1) };
        state.follow_counts.change(user, follows, version);
        effects.push(Effect::Channel(ChannelEffect::FollowCount { user, follows }));
    }
}
