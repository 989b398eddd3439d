//! Who is here and follows what: for the users of one worker, so that a post costs one envelope per worker, and nothing for
//! followers who are not here.
//!
//! A user who comes is registered first, and what the user follows is read then: what is posted meanwhile is remembered by
//! channel and told when the read is done, and what the user follows or leaves meanwhile counts more than what was read.
//! So no post falls between. Bounded by the users who are here, times `limits::FOLLOWS_PER_USER_MAX` and what everybody follows.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{ConversationId, UserId, Version};

/// Posts that are remembered for users whose follows are being read. Beyond it the oldest is forgotten, and a user whose
/// read began before it is told that it is time to look, if the user follows anything.
/// Source: a read takes milliseconds, and a worker is told some thousands of posts a second.
pub const RECENT_POSTS_MAX: usize = 1024;

/// By what a user is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// By the user's actor.
    Actor,
    /// By a request over HTTP that waits; there may be several.
    Poll,
}

/// Names one stay of a user, so that what was read for an earlier one is not taken for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay(u64);

/// See the module.
#[derive(Debug, Default)]
pub struct FollowedHere {
    users: FxHashMap<UserId, Here>,
    followers: FxHashMap<ConversationId, FxHashSet<UserId>>,
    recent: VecDeque<ConversationId>,
    /// Posts that were told so far.
    posts: u64,
    stays: u64,
}

#[derive(Debug)]
struct Here {
    stay: Stay,
    has_actor: bool,
    polls: u32,
    /// Posts that were told before the user came.
    came_at: u64,
    follows: Follows,
    /// When the user followed or left something last; 0 for not since the stay began.
    changed_at: Version,
}

#[derive(Debug)]
enum Follows {
    /// They are being read; what changed meanwhile.
    Reading(FxHashMap<ConversationId, bool>),
    Known(FxHashSet<ConversationId>),
}

impl FollowedHere {
    /// A user comes, or comes in another way too. Says which stay what the user follows is to be read for, unless it is
    /// known.
    #[must_use]
    pub fn come(&mut self, user: UserId, by: Presence) -> Option<Stay> {
        let (stay, came_at) = (Stay(self.stays + 1), self.posts);
        let here = self.users.entry(user).or_insert_with(|| Here {
            stay,
            has_actor: false,
            polls: 0,
            came_at,
            follows: Follows::Reading(FxHashMap::default()),
            changed_at: Version(0),
        });
        self.stays = self.stays.max(here.stay.0);
        match by {
            Presence::Actor => here.has_actor = true,
            Presence::Poll => here.polls += 1,
        }
        matches!(here.follows, Follows::Reading(_)).then_some(here.stay)
    }

    /// A user goes in one way. Who is not here any more is forgotten.
    pub fn go(&mut self, user: UserId, by: Presence) {
        let Some(here) = self.users.get_mut(&user) else { return };
        match by {
            Presence::Actor => here.has_actor = false,
            Presence::Poll => here.polls = here.polls.saturating_sub(1),
        }
        if !here.has_actor && here.polls == 0 {
            self.forget(user);
        }
    }

    /// No user has an actor here any more: the worker was started anew.
    pub fn actors_gone(&mut self) {
        let with_actors: Vec<UserId> =
            self.users.iter().filter(|(_, here)| here.has_actor).map(|(user, _)| *user).collect();
        for user in with_actors {
            self.go(user, Presence::Actor);
        }
    }

    fn forget(&mut self, user: UserId) {
        if let Some(Here { follows: Follows::Known(follows), .. }) = self.users.remove(&user) {
            for channel in follows {
                self.unfollow(user, channel);
            }
        }
    }

    fn unfollow(&mut self, user: UserId, channel: ConversationId) {
        if let Some(followers) = self.followers.get_mut(&channel) {
            followers.remove(&user);
            if followers.is_empty() {
                self.followers.remove(&channel);
            }
        }
    }

    /// What a user follows was read for a stay, at any time after it began. True when something of it was posted since the
    /// stay began, so that it is time to look.
    #[must_use]
    pub fn was_read(
        &mut self,
        user: UserId,
        stay: Stay,
        read: impl IntoIterator<Item = ConversationId>,
    ) -> bool {
        let Some(here) = self.users.get_mut(&user).filter(|here| here.stay == stay) else { return false };
        let Follows::Reading(changed) = &here.follows else { return false };
        let mut follows: FxHashSet<ConversationId> = read.into_iter().collect();
        for (channel, is_followed) in changed {
            if *is_followed {
                follows.insert(*channel);
            } else {
                follows.remove(channel);
            }
        }
        let first = self.posts - self.recent.len() as u64;
        let is_forgotten = here.came_at < first && !follows.is_empty();
        let since = usize::try_from(here.came_at.saturating_sub(first)).unwrap_or(usize::MAX);
        let was_posted =
            is_forgotten || self.recent.iter().skip(since).any(|channel| follows.contains(channel));
        for channel in &follows {
            self.followers.entry(*channel).or_default().insert(user);
        }
        here.follows = Follows::Known(follows);
        was_posted
    }

    /// A user follows a channel from this version on, or does not any more. Told before what is posted behind it, and before
    /// the tail lets go of it.
    pub fn changed(&mut self, user: UserId, channel: ConversationId, is_followed: bool, version: Version) {
        let Some(here) = self.users.get_mut(&user) else { return };
        here.changed_at = here.changed_at.max(version);
        match &mut here.follows {
            Follows::Reading(changed) => drop(changed.insert(channel, is_followed)),
            Follows::Known(follows) if is_followed => {
                follows.insert(channel);
                self.followers.entry(channel).or_default().insert(user);
            }
            Follows::Known(follows) => {
                follows.remove(&channel);
                self.unfollow(user, channel);
            }
        }
    }

    /// Version of the newest change of what a user who is here follows that was told since the stay began; 0 for none. What an
    /// earlier page said of it does not hold any more.
    #[must_use]
    pub fn changed_at(&self, user: UserId) -> Version {
        self.users.get(&user).map_or(Version(0), |here| here.changed_at)
    }

    /// Something was posted. Gives those who are here and follow the channel; those whose follows are not known yet are told
    /// when they are.
    pub fn posted(&mut self, channel: ConversationId) -> impl Iterator<Item = UserId> {
        if self.recent.len() == RECENT_POSTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(channel);
        self.posts += 1;
        self.followers.get(&channel).into_iter().flatten().copied()
    }

    /// Users who are here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nobody is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}
