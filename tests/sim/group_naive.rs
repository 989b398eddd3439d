//! The fan-outs that are not built, on the same log: what goes wrong when the list of members is read while an entry is
//! expanded, or kept, or when entries of one group are expanded in any order. Each class of error must be found, or the
//! check finds nothing.

use std::collections::{BTreeMap, BTreeSet};

use highwater::model::{Content, GroupBounds, Notice, Seq, UserId, record::Message};

use crate::{
    group_orders::{ALPHABET, Event, USERS, happen, sequences},
    group_store::{GroupStore, Indexing, audiences, present},
};

/// How a build expands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naive {
    /// For the members at the time of the expansion, oldest entry first.
    MembersNow,
    /// For the members when it first looked, until a restart.
    MembersKept,
    /// For the members now; every other user's part of the queue is worked off from its newest end.
    NoOrder,
}

/// The five classes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Somebody has an entry of before the join, or after the leave.
    OverDelivery,
    /// Somebody who was removed misses what was meant for him.
    UnderDelivery,
    /// Somebody who was a member at the entry and is one now misses it.
    StaleList,
    /// Somebody has an entry before the join that made it his.
    Order,
    /// Two have the same two entries in different orders.
    Disagreement,
}

#[derive(Default)]
struct Expander {
    waiting: Vec<Seq>,
    seen: usize,
    kept: Option<Vec<u64>>,
    inboxes: BTreeMap<u64, Vec<Seq>>,
    /// Users whose part of the queue is behind: newest first.
    behind: BTreeMap<u64, Vec<Seq>>,
}

impl Expander {
    fn notice(&mut self, log: &[Message]) {
        self.waiting.extend(log[self.seen..].iter().map(|message| message.seq));
        self.seen = log.len();
    }

    fn expand(&mut self, naive: Naive, log: &[Message]) {
        if self.waiting.is_empty() {
            return;
        }
        let entry = self.waiting.remove(0);
        let now = present(log);
        let members = match naive {
            Naive::MembersNow | Naive::NoOrder => now,
            Naive::MembersKept => self.kept.get_or_insert(now).clone(),
        };
        for user in members {
            if naive == Naive::NoOrder && user % 2 == 1 {
                self.behind.entry(user).or_default().push(entry);
            } else {
                self.inboxes.entry(user).or_default().push(entry);
            }
        }
    }

    fn finish(&mut self, naive: Naive, log: &[Message]) {
        while !self.waiting.is_empty() {
            self.expand(naive, log);
        }
        for (user, mut entries) in std::mem::take(&mut self.behind) {
            entries.reverse();
            self.inboxes.entry(user).or_default().extend(entries);
        }
    }
}

/// What is wrong with what each user got.
fn errors(log: &[Message], inboxes: &BTreeMap<u64, Vec<Seq>>) -> BTreeSet<Class> {
    let audiences = audiences(log);
    let members = present(log);
    let mut found = BTreeSet::new();
    for user in 1..=USERS {
        let empty = Vec::new();
        let got = inboxes.get(&user).unwrap_or(&empty);
        for (message, audience) in log.iter().zip(&audiences) {
            match (audience.contains(&user), got.contains(&message.seq)) {
                (false, true) => drop(found.insert(Class::OverDelivery)),
                (true, false) if members.contains(&user) => drop(found.insert(Class::StaleList)),
                (true, false) => drop(found.insert(Class::UnderDelivery)),
                _ => {}
            }
        }
        for (place, seq) in got.iter().enumerate() {
            let is_late = |later: &Seq| later < seq && joins(&log[later.0 as usize - 1], user);
            if got[place..].iter().any(is_late) {
                found.insert(Class::Order);
            }
        }
        for other in user + 1..=USERS {
            let of_other = inboxes.get(&other).unwrap_or(&empty);
            let common: Vec<&Seq> = got.iter().filter(|seq| of_other.contains(seq)).collect();
            let theirs: Vec<&Seq> = of_other.iter().filter(|seq| got.contains(seq)).collect();
            if common != theirs {
                found.insert(Class::Disagreement);
            }
        }
    }
    found
}

fn joins(message: &Message, user: u64) -> bool {
    match &message.content {
        Content::Notice(notice) => match &**notice {
            Notice::Joined(members) => members.contains(&UserId(user)),
            _ => false,
        },
        _ => false,
    }
}

/// How often each class is found in all sequences of four events.
fn count(naive: Naive) -> BTreeMap<Class, u64> {
    const EVENTS: u32 = 4;
    let mut found: BTreeMap<Class, u64> = BTreeMap::new();
    // No entry is expanded by the operation that makes it, and no step is asked for.
    let bounds = GroupBounds { step_pointers_max: 0, ..GroupBounds::default() };
    let start = GroupStore::new(USERS, 2, bounds, Indexing::Never);
    for events in sequences(EVENTS) {
        let mut store = start.again(Indexing::Never);
        let mut expander = Expander::default();
        expander.notice(&store.log());
        expander.finish(Naive::MembersNow, &store.log());
        for event in events {
            match event {
                Event::Expand => expander.expand(naive, &store.log()),
                // The queue is as durable as the log; what was read of the members is not.
                Event::Crash => expander.kept = None,
                event => happen(&mut store, event),
            }
            expander.notice(&store.log());
        }
        let log = store.log();
        expander.finish(naive, &log);
        for class in errors(&log, &expander.inboxes) {
            *found.entry(class).or_default() += 1;
        }
    }
    found
}

#[test]
fn naive_fan_outs_fail_in_all_five_classes() {
    assert_eq!(ALPHABET.len(), 9);
    let mut all = BTreeSet::new();
    for (naive, expected) in [
        (Naive::MembersNow, vec![Class::OverDelivery, Class::UnderDelivery]),
        (Naive::MembersKept, vec![Class::OverDelivery, Class::StaleList]),
        (Naive::NoOrder, vec![Class::Order, Class::Disagreement]),
    ] {
        let found = count(naive);
        println!("{naive:?}: {found:?}");
        for class in &expected {
            assert!(found.contains_key(class), "{naive:?} must fail by {class:?}");
        }
        all.extend(expected);
    }
    assert_eq!(all.len(), 5);
}
