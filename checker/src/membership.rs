//! Who belonged to a group from where to where, by the notices of its log as clients saw them.
//!
//! Notices are entries like messages: one order decides who may have what. What requests say is held against it, see
//! [`crate::notices`].

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::channels::Channels;
use crate::findings::{Bucket, Findings};
use crate::history::{At, History, Notice};
use crate::sightings;
use crate::written_entry::NoticeKind;

/// From the entry that made somebody a member to the entry that ended it, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) join: u64,
    pub(crate) leave: Option<u64>,
}

impl Interval {
    pub(crate) fn contains(&self, seq: u64) -> bool {
        self.join <= seq && self.leave.is_none_or(|leave| seq <= leave)
    }
}

/// All groups and their members.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    /// By conversation and user, the oldest interval first.
    members: HashMap<u32, BTreeMap<u32, Vec<Interval>>>,
    /// By (conversation, user): of these something was reported, so that nothing that follows from it is reported again.
    doubtful: HashSet<(u32, u32)>,
}

impl Membership {
    /// Follows the notices of each group that never was a channel. Reports who joins as a member or leaves without being one
    /// (inconsistent).
    pub(crate) fn index(history: &History, channels: &Channels, findings: &mut Findings) -> Self {
        let mut membership = Self::default();
        let is_of_group = |notice: &&Notice| !channels.is_channel(notice.conversation);
        // What was erased may stand in a conversation of two.
        let is_of_erased =
            |notice: &&Notice| matches!(notice.kind, NoticeKind::AccountErased | NoticeKind::ErasedMessage);
        let of_groups = history.notices.values().filter(is_of_group);
        for notice in of_groups.filter(|notice| !is_of_erased(notice)) {
            membership.members.entry(notice.conversation).or_default();
        }
        let mut seen: Vec<(&Notice, At)> = first_sightings(history);
        seen.retain(|(notice, _)| is_of_group(notice));
        seen.sort_unstable_by_key(|(notice, at)| (notice.conversation, notice.seq, *at));
        // Two notices at one place are reported where places are.
        seen.dedup_by_key(|(notice, _)| (notice.conversation, notice.seq));
        for (notice, at) in seen {
            membership.follow(history, notice, at, findings);
        }
        membership
    }

    /// Whether this conversation is a group that was seen.
    pub(crate) fn is_group(&self, conversation: u32) -> bool {
        self.members.contains_key(&conversation)
    }

    /// Whether the entry at this place is for the user.
    pub(crate) fn contains(&self, conversation: u32, user: u32, seq: u64) -> bool {
        self.intervals(conversation, user).iter().any(|interval| interval.contains(seq))
    }

    /// When the user belonged to it, the oldest first.
    pub(crate) fn intervals(&self, conversation: u32, user: u32) -> &[Interval] {
        let members = self.members.get(&conversation);
        members.and_then(|members| members.get(&user)).map_or(&[], Vec::as_slice)
    }

    /// Whether the user belongs to it at the end.
    pub(crate) fn is_member(&self, conversation: u32, user: u32) -> bool {
        self.intervals(conversation, user).last().is_some_and(|interval| interval.leave.is_none())
    }

    /// Present and former members, and when they belonged to it.
    pub(crate) fn of(&self, conversation: u32) -> impl Iterator<Item = (u32, &[Interval])> {
        let members = self.members.get(&conversation).into_iter().flatten();
        members.map(|(user, intervals)| (*user, intervals.as_slice()))
    }

    /// Says that something of this membership was reported.
    pub(crate) fn doubt(&mut self, conversation: u32, user: u32) {
        self.doubtful.insert((conversation, user));
    }

    pub(crate) fn is_doubtful(&self, conversation: u32, user: u32) -> bool {
        self.doubtful.contains(&(conversation, user))
    }

    fn follow(&mut self, history: &History, notice: &Notice, at: At, findings: &mut Findings) {
        let (group, seq, by) = (notice.conversation, notice.seq, [notice.sender]);
        let (moved, joins): (Vec<u32>, bool) = match notice.kind {
            NoticeKind::Created => (by.iter().chain(&notice.users).copied().collect(), true),
            NoticeKind::Joined => (notice.users.clone(), true),
            NoticeKind::Left => (by.to_vec(), false),
            // Where the sender belonged to it before is told too.
            NoticeKind::AccountErased if !self.is_member(group, notice.sender) => return,
            NoticeKind::AccountErased => (by.to_vec(), false),
            NoticeKind::Removed => (notice.users.clone(), false),
            NoticeKind::Renamed | NoticeKind::RoleGiven | NoticeKind::ErasedMessage | NoticeKind::Other => {
                return;
            }
        };
        for user in moved {
            if self.is_member(group, user) == joins {
                self.report(history, (group, user), notice, at, findings);
                continue;
            }
            let intervals = self.members.entry(group).or_default().entry(user).or_default();
            match intervals.last_mut() {
                Some(last) if !joins => last.leave = Some(seq),
                _ => intervals.push(Interval { join: seq, leave: None }),
            }
        }
    }

    fn report(
        &mut self,
        history: &History,
        (group, user): (u32, u32),
        notice: &Notice,
        at: At,
        findings: &mut Findings,
    ) {
        self.doubt(group, user);
        let was = if self.is_member(group, user) { "a member" } else { "no member" };
        findings.report(Bucket::Inconsistent, at, || {
            let (place, user) = (history.place(group, notice.seq), history.users.value(user));
            format!("{:?} at {place} moves {user}, who was {was} before it", notice.kind)
        });
    }
}

/// Each notice that anybody was shown, other than while the power was going away, and where first.
fn first_sightings(history: &History) -> Vec<(&Notice, At)> {
    let mut first: HashMap<u32, At> = HashMap::new();
    for page in sightings::pages(history).filter(|page| page.settled) {
        for entry in page.entries {
            first.entry(entry.token).or_insert(page.at);
        }
    }
    let notices = history.notices.iter();
    notices.filter_map(|(token, notice)| Some((notice, *first.get(token)?))).collect()
}
