//! Posts of followed channels as a view sees them, and how they come into one order with the inbox.
//!
//! Nothing of a channel is read whose newest post lies at or below the mark. Of any other the newest few posts are read,
//! backwards from the last that is for the follower: how many there are before does not matter.

use std::{collections::HashMap, ops::ControlFlow};

use super::{
    channels, engine::Direction, field::Malformed, packing::Chunk, tail::InboxEntry, view::View,
    view_fault::ReadFault, view_scan::whole,
};
use crate::{
    model::{ConversationId, Follow, Seq, UserId, Version, record::InboxMessage},
    sync::{Messages, PageLimits, Passed},
};

impl View {
    /// Messages of the inbox and posts of followed channels above `mark`, in the order of their versions: at most
    /// `limits.entries`, and as many as fit `limits.bytes`, but at least one if there is one. Of a channel at most the
    /// newest `posts_max` posts are told, the others above the mark are named.
    ///
    /// # Errors
    /// When the index cannot be read, or a message or pointer is missing.
    pub fn messages_above(
        &self,
        user: UserId,
        mark: Version,
        limits: PageLimits,
        posts_max: usize,
    ) -> Result<Messages, ReadFault> {
        let mut due = self.pointers_above(user, mark, limits.entries)?;
        let mut passed = Vec::new();
        let follows: Vec<Follow> = self.follows(user)?.into_values().collect();
        for follow in &follows {
            if self.newest_post(follow.channel)? > mark {
                self.due_of_channel(follow, mark, posts_max, (&mut due, &mut passed))?;
            }
        }
        due.sort_by_key(|entry| entry.version);
        due.truncate(limits.entries);
        Ok(Messages { entries: self.load(due, limits.bytes)?, passed, follows })
    }

    /// Version of what is newest for a user among messages: of the inbox, or a post of a channel that is followed. As with
    /// the inbox, it may lie above the bound where the index has come further meanwhile.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn messages_head(&self, user: UserId) -> Result<Version, ReadFault> {
        let mut head = self.inbox_head(user)?;
        for follow in self.follows(user)?.into_values() {
            if self.newest_post(follow.channel)? > head {
                let newest = self.posts_for(&follow, 1)?;
                head = newest.first().map_or(head, |(_, version)| head.max(*version));
            }
        }
        Ok(head)
    }

    /// Version of the newest post of a channel, above the bound too; 0 when it has none.
    fn newest_post(&self, channel: ConversationId) -> Result<Version, ReadFault> {
        if let Some(head) = self.pin.post_head(channel) {
            return Ok(head);
        }
        let newest = self.posts_through(channel, Seq(u64::MAX), 1)?;
        let head = newest.first().map_or(Version(0), |(_, version)| *version);
        self.pin.remember_post_head(channel, head);
        Ok(head)
    }

    /// Times in which a user followed a channel that ended at or below `past`, the oldest of each channel: which channel,
    /// where it ended, and the version of the last post in it, 0 when it had none.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn ended_follows(
        &self,
        user: UserId,
        past: Version,
    ) -> Result<Vec<(ConversationId, Seq, Version)>, ReadFault> {
        let mut found = Vec::new();
        for follow in self.follows(user)?.into_values() {
            let Some(oldest) = follow.intervals.first() else { continue };
            if let Some(end) = oldest.through.filter(|end| end.version <= past) {
                let last = self.posts_through(follow.channel, end.seq, 1)?;
                let last = last.first().filter(|(seq, _)| oldest.contains(*seq));
                found.push((follow.channel, end.seq, last.map_or(Version(0), |(_, version)| *version)));
            }
        }
        Ok(found)
    }

    /// What of one channel is to be told, and what is passed over.
    fn due_of_channel(
        &self,
        follow: &Follow,
        mark: Version,
        posts_max: usize,
        (due, passed): (&mut Vec<InboxEntry>, &mut Vec<Passed>),
    ) -> Result<(), ReadFault> {
        let (channel, posts) = (follow.channel, self.posts_for(follow, posts_max)?);
        let told = posts.iter().filter(|(_, version)| *version > mark);
        due.extend(told.map(|(seq, version)| InboxEntry {
            version: *version,
            previous: Version(0),
            conversation: channel,
            seq: *seq,
            delivery: None,
        }));
        let Some((oldest, _)) =
            posts.last().filter(|(_, version)| posts.len() == posts_max && *version > mark)
        else {
            return Ok(());
        };
        let from = self.last_post_at(channel, *oldest, mark)?.next();
        let parts = follow.parts_of(from, Seq(oldest.0 - 1));
        passed.extend(parts.map(|(from, to)| Passed { conversation: channel, from, to }));
        Ok(())
    }

    /// Posts for a follower at or below the bound, newest first, at most `max`: of each time in which the user followed.
    fn posts_for(&self, follow: &Follow, max: usize) -> Result<Vec<(Seq, Version)>, ReadFault> {
        let mut found: Vec<(Seq, Version)> = Vec::new();
        for interval in follow.intervals.iter().rev() {
            if found.len() == max {
                break;
            }
            let through = interval.through.map_or(Seq(u64::MAX), |end| end.seq);
            let posts = self.posts_through(follow.channel, through, max - found.len())?;
            found.extend(posts.into_iter().take_while(|(seq, _)| interval.contains(*seq)));
        }
        Ok(found)
    }

    /// Posts of a channel at or below the bound, through a place, newest first, at most `max`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn posts_through(
        &self,
        channel: ConversationId,
        through: Seq,
        max: usize,
    ) -> Result<Vec<(Seq, Version)>, ReadFault> {
        let mut found = self.pin.posts_through(channel, through, max);
        if found.len() >= max {
            return Ok(found);
        }
        let mut before = found.last().map_or(Seq(through.0.saturating_add(1)), |(seq, _)| *seq);
        let (from, to) = (channels::chunk_key(channel, Seq(0)), channels::chunk_key(channel, before));
        self.scan(&from, &to, Direction::Backward, |_, value| {
            let mut chunk = Vec::new();
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                chunk.push(whole(record, channels::decode_post)?);
            }
            // Chunks may overlap after an index step that was cut off and done again.
            let is_due = |(seq, version): &(Seq, Version)| *seq < before && *version <= self.pin.bound;
            let older = chunk.into_iter().rev().filter(is_due).take(max - found.len());
            found.extend(older);
            before = found.last().map_or(before, |(seq, _)| before.min(*seq));
            Ok(if found.len() >= max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// The newest post before a place whose version is at or below `mark`; 0 when there is none. Versions grow with the
    /// seqs of a channel, so a few chunks tell.
    fn last_post_at(&self, channel: ConversationId, before: Seq, mark: Version) -> Result<Seq, ReadFault> {
        // Every post through `low` is old enough, every post from `high` on is too new.
        let (mut low, mut high) = (Seq(0), before);
        while low.next() < high {
            let middle = Seq(low.0 + (high.0 - low.0).div_ceil(2)).min(Seq(high.0 - 1));
            match self.posts_through(channel, middle, 1)?.first() {
                Some((seq, _)) if *seq <= low => low = middle,
                Some((_, version)) if *version <= mark => low = middle,
                Some((seq, _)) => high = *seq,
                None => low = middle,
            }
        }
        Ok(low)
    }

    /// The messages of entries, in their order: as many as fit, but at least one.
    pub(super) fn load(
        &self,
        entries: Vec<InboxEntry>,
        bytes_max: usize,
    ) -> Result<Vec<InboxMessage>, ReadFault> {
        let mut found = Vec::new();
        let (mut chunks, mut bytes) = (HashMap::new(), 0);
        for entry in entries {
            let message = self.pointed(&mut chunks, &entry)?;
            bytes += message.content.bytes();
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            found.push(InboxMessage { version: entry.version, message });
        }
        Ok(found)
    }
}
