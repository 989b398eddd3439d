//! What is new for a user, from the tail alone: the inbox and the posts of the channels that the user follows.

use super::{Shard, Tail, from_the_end::partition_from_the_end};
use crate::model::{Content, ConversationId, Follow, Seq, UserId, Version, record::InboxMessage};

impl Tail {
    /// Everything of kind messages above `mark` and at or below `bound`, oldest first, if the tail shows that nothing is
    /// missing between: of the inbox, and of channels by `follows`, which has to be all that the user follows or followed.
    /// Stops at `entries_max`, saying so by the second value. Nothing for a user about whom a post says what only a page
    /// can tell.
    ///
    /// Needs no pin: what it returns holds itself.
    #[must_use]
    pub fn news_above(
        &self,
        (user, follows): (UserId, &[Follow]),
        mark: Version,
        bound: Version,
        entries_max: usize,
    ) -> Option<(Vec<InboxMessage>, bool)> {
        let (mut news, mut more) = self.inbox_above(user, mark, bound, entries_max)?;
        if follows.is_empty() {
            return Some((news, more));
        }
        for follow in follows {
            for (seq, version) in self.posts_above(follow, mark, bound, entries_max + 1)? {
                let message = self.message(follow.channel, seq)?;
                // A new name goes with an item, and an item with a page.
                if matches!(message.content, Content::Notice(_)) {
                    return None;
                }
                news.push(InboxMessage { version, message });
            }
        }
        news.sort_by_key(|entry| entry.version);
        more |= news.len() > entries_max;
        news.truncate(entries_max);
        Some((news, more))
    }

    /// The oldest posts of a channel that are for a follower, at most `posts_max`, if none is missing between.
    fn posts_above(
        &self,
        follow: &Follow,
        mark: Version,
        bound: Version,
        posts_max: usize,
    ) -> Option<Vec<(Seq, Version)>> {
        let shard = self.shard(follow.channel.0).read();
        let Shard { channels, post_ends, .. } = &*shard;
        let posts = channels.get(&follow.channel).map(|rows| &rows.posts);
        let first = posts.map_or(0, |posts| partition_from_the_end(posts, |(_, version)| *version <= mark));
        // One that is here and not above the mark has everything newer behind it.
        if first == 0 && post_ends.end(&follow.channel) > mark {
            return None;
        }
        let above = posts.into_iter().flat_map(|posts| posts.range(first..));
        let shown = above.take_while(|(_, version)| *version <= bound).filter(|(seq, _)| follow.has(*seq));
        Some(shown.take(posts_max).copied().collect())
    }

    /// An entry of a conversation's log, if it is here.
    fn message(&self, conversation: ConversationId, seq: Seq) -> Option<crate::model::record::Message> {
        let shard = self.shard(conversation.0).read();
        let log = shard.logs.get(&conversation)?;
        let place = log.binary_search_by_key(&seq, |delivery| delivery.message.seq).ok()?;
        Some(self.shown(log[place].message.clone()))
    }
}
