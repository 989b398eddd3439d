//! Where a conversation of many is for a user: in the memberships of the group that it is or was, and in the follows of the
//! channel.
//!
//! A membership and a follow overlap where a group became a channel, or a channel a group, and where a follower was given a
//! role. Then they are one time, since the user was there all along. So they are when a follow begins where a time ended:
//! nothing was said between. A join is an entry of its own, so it begins another time.

use super::{channel::Follow, group::Member, ids::Seq};

/// A time in which a conversation is for a user: everything from one place of its log to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The first place that is for the user.
    pub first: Seq,
    /// The last one; the greatest seq while the time has not ended.
    pub last: Seq,
}

impl Time {
    /// The greatest seq: the last place of what goes on.
    const OPEN: Seq = Seq(u64::MAX);

    /// All of a conversation.
    pub const EVERYTHING: Time = Time { first: Seq(1), last: Time::OPEN };

    /// Whether it has not ended.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.last == Time::OPEN
    }

    /// The place before the first. What stands through it is not for the user, and so not unread.
    #[must_use]
    pub fn before(self) -> Seq {
        Seq(self.first.0.saturating_sub(1))
    }
}

/// The times of one user and one conversation, oldest first, without overlap.
#[must_use]
pub fn times(member: Option<&Member>, follow: Option<&Follow>) -> Vec<Time> {
    let memberships = member.into_iter().flat_map(|member| &member.intervals);
    // Each with the place up to which a time before has to reach to be the same.
    let memberships = memberships.map(|interval| {
        let last = interval.leave.unwrap_or(Time::OPEN);
        (interval.join, Time { first: interval.join, last })
    });
    let follows = follow.into_iter().flat_map(|follow| &follow.intervals);
    let follows = follows.map(|interval| {
        let last = interval.through.map_or(Time::OPEN, |end| end.seq);
        (interval.after.seq, Time { first: interval.after.seq.next(), last })
    });
    let mut all: Vec<(Seq, Time)> = memberships.chain(follows).collect();
    all.sort_by_key(|(_, time)| time.first);
    let mut times: Vec<Time> = Vec::with_capacity(all.len());
    for (reach, time) in all {
        match times.last_mut().filter(|before| reach <= before.last) {
            Some(before) => before.last = before.last.max(time.last),
            None => times.push(time),
        }
    }
    times
}

/// The first place of the time that goes on; nothing when the conversation is not the user's now.
#[must_use]
pub fn since(member: Option<&Member>, follow: Option<&Follow>) -> Option<Seq> {
    times(member, follow).last().filter(|last| last.is_open()).map(|last| last.first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationId, FollowEnd, FollowInterval, Interval, Role, UserId, Version};

    /// Memberships from join to leave, 0 for none.
    fn member(intervals: &[(u64, u64)]) -> Member {
        let interval = |(join, leave): &(u64, u64)| Interval {
            join: Seq(*join),
            leave: (*leave > 0).then_some(Seq(*leave)),
        };
        Member {
            group: ConversationId(1),
            user: UserId(2),
            role: Role::Member,
            ranked: Seq(1),
            intervals: intervals.iter().map(interval).collect(),
            is_muted: false,
            is_removed: false,
        }
    }

    /// Follows from behind a place through another, 0 for none.
    fn follow(intervals: &[(u64, u64)]) -> Follow {
        let end = |seq: u64| FollowEnd { seq: Seq(seq), version: Version(9) };
        let interval = |(after, through): &(u64, u64)| FollowInterval {
            after: end(*after),
            through: (*through > 0).then(|| end(*through)),
        };
        let intervals = intervals.iter().map(interval).collect();
        Follow { user: UserId(2), channel: ConversationId(1), intervals }
    }

    #[test]
    fn what_overlaps_is_one_time_and_a_join_behind_a_leave_begins_another() {
        type Ends<'a> = &'a [(u64, u64)];
        // Memberships, follows, the times that they make; 0 for one that goes on.
        let cases: [(Ends<'_>, Ends<'_>, Ends<'_>); 9] = [
            (&[], &[], &[]),
            (&[(1, 4), (5, 0)], &[], &[(1, 4), (5, 0)]),
            (&[], &[(0, 3), (4, 0)], &[(1, 3), (5, 0)]),
            // Unfollowed as soon as the group was a channel, and followed again before anything was said.
            (&[(1, 5)], &[(5, 0)], &[(1, 0)]),
            // A group that became a channel at 5, which was left at 8.
            (&[(1, 8)], &[(5, 8)], &[(1, 8)]),
            // A channel that became a group at 5.
            (&[(3, 0)], &[(2, 5)], &[(3, 0)]),
            // The same for who was given a role on the way, and left the group.
            (&[(4, 7)], &[(2, 5)], &[(3, 7)]),
            // There and back again, and both kinds apart.
            (&[(1, 0)], &[(2, 4), (6, 0)], &[(1, 0)]),
            (&[(1, 2), (9, 0)], &[(4, 6)], &[(1, 2), (5, 6), (9, 0)]),
        ];
        for (memberships, follows, expected) in cases {
            let (member, follow) = (member(memberships), follow(follows));
            let times = times(Some(&member), Some(&follow));
            let ends = |time: &Time| (time.first.0, if time.is_open() { 0 } else { time.last.0 });
            assert_eq!(times.iter().map(ends).collect::<Vec<_>>(), expected, "{memberships:?} {follows:?}");
            let open = expected.last().filter(|(_, last)| *last == 0).map(|(first, _)| Seq(*first));
            assert_eq!(since(Some(&member), Some(&follow)), open, "{memberships:?} {follows:?}");
            for seq in (1..=12).map(Seq) {
                let is_within = times.iter().any(|time| (time.first..=time.last).contains(&seq));
                assert_eq!(
                    is_within,
                    member.has(seq) || follow.has(seq),
                    "{seq:?}: {memberships:?} {follows:?}"
                );
            }
        }
    }
}
