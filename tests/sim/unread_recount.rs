//! What is unread of a group, counted anew: from its whole log, and from what a client of a member has.

use std::collections::BTreeMap;

use highwater::{
    model::{
        Content, Notice, Reading, Seq, UserId,
        limits::OWN_UNREAD_MAX,
        record::{ItemValue, Message},
    },
    store::view::View,
};

use crate::group_store::{GROUP, GroupStore};

/// Read marks as users raised them, from nothing but what they did.
#[derive(Default)]
pub struct Recount {
    marks: BTreeMap<u64, Seq>,
}

impl Recount {
    /// A user has read everything through a place.
    pub fn read(&mut self, user: u64, seq: Seq, log: &[Message]) {
        let mark = self.mark(user, log).max(seq.min(head(log)));
        self.marks.insert(user, mark);
    }

    /// A user wrote the newest entry of the log, on a device that showed everything through a place.
    pub fn wrote(&mut self, user: u64, shown: Seq, log: &[Message]) {
        let (newest, before) = log.split_last().expect("it was written");
        let mark = self.mark(user, before).max(shown.min(head(before)));
        let above = counted(before, mark, head(before));
        let (own, others): (Vec<_>, Vec<_>) = above.partition(|entry| entry.sender == UserId(user));
        let rises = others.is_empty() || own.len() >= OWN_UNREAD_MAX;
        self.marks.insert(user, if rises { newest.seq } else { mark });
    }

    /// What is unread for a user who is, or was, a member.
    pub fn unread(&self, user: u64, log: &[Message]) -> u64 {
        let end = last_membership(user, log).and_then(|(_, leave)| leave).unwrap_or(head(log));
        let above = counted(log, self.mark(user, log), end);
        above.filter(|entry| entry.sender != UserId(user)).count() as u64
    }

    /// How far a user has read; of a member at least everything before the join.
    pub fn mark(&self, user: u64, log: &[Message]) -> Seq {
        let before = last_membership(user, log).map_or(Seq(0), |(join, _)| Seq(join.0 - 1));
        self.marks.get(&user).copied().unwrap_or_default().max(before)
    }
}

/// What is unread as a client knows it, who has the user's inbox and items, and nothing else.
pub fn unread_at_client(store: &GroupStore, user: u64) -> u64 {
    let inbox = inbox(&store.view(), user);
    let items = store.items(user).into_iter().filter_map(|item| match item.value {
        Some(ItemValue::Reading(reading)) => Some(*reading),
        _ => None,
    });
    let mut reading = items.max_by_key(|reading| reading.as_of).unwrap_or(Reading::none(UserId(user), GROUP));
    let count_through = |seq: Seq| {
        let at = inbox.iter().find(|entry| entry.seq == seq);
        let count = at.map(|entry| entry.count);
        count.ok_or(format!("the count at {seq} is not known to {user}"))
    };
    for entry in &inbox {
        if makes_member(entry, user) {
            // A notice does not count.
            reading.raise(Seq(entry.seq.0 - 1), entry.count);
        }
        if entry.sender == UserId(user) && entry.content.counts() && entry.seq > reading.as_of {
            reading.wrote_before(entry.seq, entry.read, count_through).unwrap();
        }
    }
    inbox.last().map_or(0, |newest| reading.unread(newest.seq, newest.count))
}

fn inbox(view: &View, user: u64) -> Vec<Message> {
    let entries =
        view.inbox_above(UserId(user), highwater::model::Version(0), usize::MAX, usize::MAX).unwrap();
    entries.into_iter().map(|entry| entry.message).collect()
}

/// The join and the leave of the newest membership of a user, from the log alone.
fn last_membership(user: u64, log: &[Message]) -> Option<(Seq, Option<Seq>)> {
    let mut found = None;
    for entry in log {
        if makes_member(entry, user) {
            found = Some((entry.seq, None));
        } else if ends_membership(entry, user)
            && let Some((_, leave)) = &mut found
        {
            *leave = Some(entry.seq);
        }
    }
    found
}

fn makes_member(entry: &Message, user: u64) -> bool {
    let Content::Notice(notice) = &entry.content else { return false };
    match &**notice {
        Notice::Created { members, .. } => entry.sender == UserId(user) || members.contains(&UserId(user)),
        Notice::Joined(members) => members.contains(&UserId(user)),
        _ => false,
    }
}

fn ends_membership(entry: &Message, user: u64) -> bool {
    let Content::Notice(notice) = &entry.content else { return false };
    match &**notice {
        Notice::Left => entry.sender == UserId(user),
        Notice::Removed(removed) => *removed == UserId(user),
        _ => false,
    }
}

fn counted(log: &[Message], above: Seq, through: Seq) -> impl Iterator<Item = &Message> {
    let counts = |entry: &&Message| !matches!(entry.content, Content::Notice(_));
    log.iter().filter(move |entry| entry.seq > above && entry.seq <= through).filter(counts)
}

fn head(log: &[Message]) -> Seq {
    log.last().map_or(Seq(0), |entry| entry.seq)
}
