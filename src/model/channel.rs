//! Channels: conversations whose entries are read by merge. Nothing is written for a follower when something is posted.
//!
//! A channel has the rows of a [`Group`](super::group::Group): its name, and as members those who may write and those who
//! were members when it became a channel. Beside them it has a row of its own, and one for each follower.

use super::{
    broadcast::Broadcasts,
    ids::{ConversationId, Seq, UserId, Version},
};

/// How the entries of a conversation of many reach those who belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// By a pointer in the inbox of each member.
    Group,
    /// By nothing: each entry is put on the number line, and who follows finds it there.
    Channel,
}

/// An entry that makes a channel of a group, or a group of a channel. What stands behind it is expanded the new way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The entry; it is expanded the old way itself.
    pub at: Seq,
    /// What the conversation is from there on.
    pub to: Form,
}

/// A conversation that is a channel, or was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Which.
    pub channel: ConversationId,
    /// How many follow it now; none while it is a group.
    pub followers: u64,
    /// Version of the operation that gave it this value: the newest follow, unfollow or turn.
    pub changed: Version,
    /// What it was before the first of the turns.
    pub before: Form,
    /// Oldest first, at most `limits::TURNS_WAITING_MAX`: every one that may not be expanded yet, and the newest.
    pub turns: Vec<Turn>,
}

impl Channel {
    /// What the entry at this place is expanded as.
    #[must_use]
    pub fn form_at(&self, seq: Seq) -> Form {
        self.turns.iter().rev().find(|turn| turn.at < seq).map_or(self.before, |turn| turn.to)
    }

    /// What the next entry is expanded as.
    #[must_use]
    pub fn form(&self) -> Form {
        self.turns.last().map_or(self.before, |turn| turn.to)
    }
}

/// One end of a time in which somebody follows a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowEnd {
    /// The newest entry of the log then.
    pub seq: Seq,
    /// Version of the operation that began or ended it.
    pub version: Version,
}

/// A time in which somebody follows a channel: from the entry behind the one end to the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowInterval {
    /// What stands behind it is for the follower.
    pub after: FollowEnd,
    /// The last that is, if it has ended.
    pub through: Option<FollowEnd>,
}

impl FollowInterval {
    /// Whether an entry at this place is for the follower.
    #[must_use]
    pub fn contains(&self, seq: Seq) -> bool {
        self.after.seq < seq && self.through.is_none_or(|end| seq <= end.seq)
    }
}

/// One user and one channel, while the user follows it, and for a while after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// Who.
    pub user: UserId,
    /// Which channel.
    pub channel: ConversationId,
    /// Oldest first, without overlap, at most `limits::FOLLOW_INTERVALS_MAX`, at least one; only the last may be open.
    pub intervals: Vec<FollowInterval>,
}

impl Follow {
    /// Whether an entry at this place is for the user.
    #[must_use]
    pub fn has(&self, seq: Seq) -> bool {
        self.intervals.iter().any(|interval| interval.contains(seq))
    }

    /// Whether the user follows the channel now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.intervals.last().is_some_and(|interval| interval.through.is_none())
    }

    /// The first entry that is for the user of what is followed now; nothing when nothing is.
    #[must_use]
    pub fn since(&self) -> Option<Seq> {
        self.intervals.last().filter(|last| last.through.is_none()).map(|last| last.after.seq.next())
    }

    /// No entry behind this one is for the user as things stand.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.intervals.last().map_or(Seq(0), |last| last.through.map_or(Seq(u64::MAX), |end| end.seq))
    }

    /// The parts of a stretch of the log, both ends included, that are for the user.
    pub fn parts_of(&self, from: Seq, to: Seq) -> impl Iterator<Item = (Seq, Seq)> {
        self.intervals.iter().filter_map(move |interval| {
            let from = from.max(interval.after.seq.next());
            let to = interval.through.map_or(to, |end| to.min(end.seq));
            (from <= to).then_some((from, to))
        })
    }
}

/// An entry of a channel stands on the number line: from this version on it is what its followers have to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// In whose log it stands.
    pub channel: ConversationId,
    /// Which entry.
    pub seq: Seq,
    /// Of the step, or of its own operation when nothing waited. It grows with the seqs of a channel.
    pub version: Version,
}

/// A change of one row of a channel or of its followers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelEffect {
    /// The channel has this value now.
    Row(Channel),
    /// What the user has of the channel is this now.
    Follow(Follow),
    /// It is not remembered any more that the user followed the channel.
    FollowGone {
        /// Who.
        user: UserId,
        /// Which channel.
        channel: ConversationId,
    },
    /// So many follows of the user are kept now.
    FollowCount {
        /// Who.
        user: UserId,
        /// How many.
        follows: u32,
    },
    /// An entry is what followers have to be told.
    Posted(Posted),
    /// The channels that everybody follows are these now.
    Broadcasts(Broadcasts),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(seq: u64) -> FollowEnd {
        FollowEnd { seq: Seq(seq), version: Version(100 + seq) }
    }

    #[test]
    fn what_is_said_between_follow_and_unfollow_is_for_the_follower() {
        let closed = FollowInterval { after: end(2), through: Some(end(4)) };
        let open = FollowInterval { after: end(7), through: None };
        let mut follow =
            Follow { user: UserId(1), channel: ConversationId(2), intervals: vec![closed, open] };
        let has: Vec<u64> = (1..=10).filter(|seq| follow.has(Seq(*seq))).collect();
        assert_eq!(has, [3, 4, 8, 9, 10]);
        let parts: Vec<_> = follow.parts_of(Seq(4), Seq(9)).collect();
        assert_eq!(parts, [(Seq(4), Seq(4)), (Seq(8), Seq(9))]);
        assert_eq!(follow.parts_of(Seq(5), Seq(7)).count(), 0);
        assert!(follow.is_open());
        follow.intervals.pop();
        assert_eq!((follow.is_open(), follow.last()), (false, Seq(4)));
    }

    #[test]
    fn a_turn_counts_for_what_stands_behind_it() {
        let turns = vec![Turn { at: Seq(3), to: Form::Channel }, Turn { at: Seq(5), to: Form::Group }];
        let channel = Channel {
            channel: ConversationId(2),
            followers: 0,
            changed: Version(9),
            before: Form::Group,
            turns,
        };
        let forms = [1, 3, 4, 5, 6].map(|seq| channel.form_at(Seq(seq)));
        assert_eq!(forms, [Form::Group, Form::Group, Form::Channel, Form::Channel, Form::Group]);
        assert_eq!(channel.form(), Form::Group);
    }
}
