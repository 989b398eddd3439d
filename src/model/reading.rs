//! What a user has read of a conversation, and the counting by which what is unread is known without looking at it.
//!
//! Each entry of a log carries how many entries count through it. So what lies between two places is a difference, and
//! unread is what counts above the read mark, less what the user wrote there.

use super::{
    ids::{ConversationId, Seq, TimeMs, UserId},
    limits::OWN_UNREAD_MAX,
};

/// How many entries of a log count: messages do, notices do not. It is never lowered, and never written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Through the head.
    pub count: u64,
    /// Every entry above this place counts. It may be said too high, never too low.
    pub plain_above: Seq,
}

impl Counted {
    /// Of a log with this head and this count at it, of which nothing else is known.
    #[must_use]
    pub fn at(head: Seq, count: u64) -> Counted {
        let plain_above = if count == head.0 { Seq(0) } else { head };
        Counted { count, plain_above }
    }

    /// With one more entry, at `seq`.
    #[must_use]
    pub fn with(self, seq: Seq, counts: bool) -> Counted {
        let plain_above = if counts { self.plain_above } else { seq };
        Counted { count: self.count + u64::from(counts), plain_above }
    }

    /// How many count through a place of a log with this head; nothing when only the entry there can tell.
    #[must_use]
    pub fn through(self, head: Seq, seq: Seq) -> Option<u64> {
        let above = head.0.saturating_sub(seq.0);
        match seq {
            Seq(0) => Some(0),
            _ if seq >= self.plain_above => Some(self.count - above),
            _ => None,
        }
    }
}

/// What a user has read of one conversation, and how the user keeps it. Every user begins with nothing read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Whose.
    pub user: UserId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Own entries through this place are in it; those above say themselves what they changed.
    pub as_of: Seq,
    /// The read mark: the newest entry that the user has read. It never falls.
    pub read: Seq,
    /// How many entries count through the read mark.
    pub read_count: u64,
    /// Own entries above the read mark that count, oldest first, at most `limits::OWN_UNREAD_MAX`.
    pub own: Vec<Seq>,
    /// Until then nothing of the conversation makes a noise; `TimeMs(0)` when it is not muted, `TimeMs(i64::MAX)` for good.
    pub muted_until: TimeMs,
    /// It stands before those that are not.
    pub pinned: bool,
}

impl Reading {
    /// Of a user who has read nothing.
    #[must_use]
    pub fn none(user: UserId, conversation: ConversationId) -> Reading {
        Reading {
            user,
            conversation,
            as_of: Seq(0),
            read: Seq(0),
            read_count: 0,
            own: Vec::new(),
            muted_until: TimeMs(0),
            pinned: false,
        }
    }

    /// Raises the read mark, with the count at its new place. One that is not higher changes nothing.
    pub fn raise(&mut self, read: Seq, read_count: u64) {
        if read > self.read {
            (self.read, self.read_count) = (read, read_count);
            self.own.retain(|own| *own > read);
        }
    }

    /// The user wrote an entry that counts, at `seq`, as the one that is number `count`. Without anything unread by others
    /// the mark rises to it. When there is no room for it among the own entries, the mark rises to it too: who wrote so
    /// much in a conversation has seen what stands there.
    pub fn wrote(&mut self, seq: Seq, count: u64) {
        if self.unread(seq, count - 1) == 0 || self.own.len() >= OWN_UNREAD_MAX {
            self.raise(seq, count);
        } else {
            self.own.push(seq);
        }
    }

    /// What an entry says that the user wrote, with the mark that it left. Gives the same as [`Reading::wrote`] did when it
    /// was decided; `count` says how many count through that mark.
    pub fn wrote_before<E>(
        &mut self,
        seq: Seq,
        read: Seq,
        count: impl FnOnce(Seq) -> Result<u64, E>,
    ) -> Result<(), E> {
        if read > self.read {
            self.raise(read, count(read)?);
        }
        if seq > self.read {
            self.own.push(seq);
        }
        Ok(())
    }

    /// How much is unread through `end`, where `count` entries count.
    #[must_use]
    pub fn unread(&self, end: Seq, count: u64) -> u64 {
        let own = self.own.iter().filter(|own| **own <= end).count() as u64;
        count.saturating_sub(self.read_count).saturating_sub(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading::none(UserId(1), ConversationId(2))
    }

    #[test]
    fn who_writes_alone_has_nothing_unread() {
        let mut reading = reading();
        for seq in 1..1000 {
            reading.wrote(Seq(seq), seq);
            assert_eq!((reading.read, reading.unread(Seq(seq), seq)), (Seq(seq), 0));
        }
    }

    #[test]
    fn own_entries_above_the_mark_are_not_unread() {
        let mut reading = reading();
        // Another one wrote the first; then both in turn.
        for seq in 1..=10 {
            if seq % 2 == 0 {
                reading.wrote(Seq(seq), seq);
            }
            assert_eq!(reading.unread(Seq(seq), seq), seq.div_ceil(2));
        }
        assert_eq!(reading.unread(Seq(7), 7), 4, "through an earlier end");
        reading.raise(Seq(5), 5);
        assert_eq!((reading.own.len(), reading.unread(Seq(10), 10)), (3, 2));
        reading.raise(Seq(2), 2);
        assert_eq!(reading.read, Seq(5), "a mark never falls");
    }

    #[test]
    fn without_room_for_own_entries_the_mark_rises() {
        let mut reading = reading();
        let last = OWN_UNREAD_MAX as u64 + 1;
        (2..=last).for_each(|seq| reading.wrote(Seq(seq), seq));
        assert_eq!(reading.unread(Seq(last), last), 1);
        reading.wrote(Seq(last + 1), last + 1);
        assert_eq!((reading.read, reading.own.len()), (Seq(last + 1), 0));
    }

    #[test]
    fn the_count_at_a_place_is_known_where_nothing_but_messages_follows() {
        let mut counted = Counted::default();
        let kinds = [false, true, true, false, true, true];
        for (place, counts) in kinds.into_iter().enumerate() {
            counted = counted.with(Seq(place as u64 + 1), counts);
        }
        let head = Seq(6);
        let known: Vec<_> = (0..=6).map(|seq| counted.through(head, Seq(seq))).collect();
        assert_eq!(known, [Some(0), None, None, None, Some(2), Some(3), Some(4)]);
        assert_eq!(Counted::at(head, 4).through(head, Seq(5)), None, "less is known of what was read");
        assert_eq!(Counted::at(head, 6).through(head, Seq(2)), Some(2));
    }
}
