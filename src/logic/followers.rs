//! The list of who follows a channel, as the committer holds it when a channel may become a group. A follow changes the
//! list without having it, and it is no longer than a group may be.

use super::state::{State, Warm};
use crate::model::{ConversationId, UserId, Version, limits::GROUP_MEMBERS_CEILING};

impl State {
    /// Somebody follows a channel, or does not any more, as of `version`. The list of followers is only kept while it is
    /// no longer than a group may be.
    pub(super) fn note_follower(
        &mut self,
        (channel, user): (ConversationId, UserId),
        follows: bool,
        version: Version,
    ) {
        self.followers.change_with(&channel, version, |users| {
            if follows {
                users.insert(user)
            } else {
                users.remove(&user)
            };
        });
        if self.followers.get(&channel).is_some_and(|users| users.len() > GROUP_MEMBERS_CEILING) {
            self.evicted = self.evicted.max(self.followers.forget(&channel));
        }
    }

    /// Whether a list of followers was read before the newest follow. A follow changes the list without having it.
    pub(super) fn was_followed_since(&self, row: &Warm, as_of: Version) -> bool {
        let Warm::Followers(channel, _) = row else { return false };
        let held = self.groups.get(channel).and_then(Option::as_ref);
        held.and_then(|held| held.channel.as_ref()).is_some_and(|row| row.changed > as_of)
    }
}
