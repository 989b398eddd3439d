//! Who gets what in a group: every order of a few events, and longer random ones, against the log alone.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use highwater::{
    logic::operation::GroupChange,
    model::{
        Content, GroupBounds, Notice, Role, Seq, UserId, Version,
        record::{ItemValue, Message},
    },
    store::files_faulty::SeededRandom,
};
use highwater_wire::Refusal;

use crate::group_store::{GroupStore, Indexing, audiences, present};

/// Events of one sequence, unless `SIM_EVENTS` says another number: 6 take nine times as long.
const EVENTS: u32 = 5;

/// Users of the sequences; the first one owns the group, the second is a member at the start.
pub const USERS: u64 = 3;

/// What may happen. Adding a user who was a member before is a rejoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Send(u64),
    Add(u64),
    Remove(u64),
    Expand,
    Crash,
}

pub const ALPHABET: [Event; 9] = [
    Event::Send(1),
    Event::Send(2),
    Event::Send(3),
    Event::Add(2),
    Event::Add(3),
    Event::Remove(2),
    Event::Remove(3),
    Event::Expand,
    Event::Crash,
];

/// Every sequence of so many events.
pub fn sequences(events: u32) -> impl Iterator<Item = Vec<Event>> {
    let letters = ALPHABET.len() as u64;
    (0..letters.pow(events)).map(move |number| {
        (0..events).map(|place| ALPHABET[(number / letters.pow(place) % letters) as usize]).collect()
    })
}

/// Does what an event says; a send is refused exactly when its sender is no member at its place in the log.
pub fn happen(store: &mut GroupStore, event: Event) {
    match event {
        Event::Send(user) => {
            let is_member = present(&store.log()).contains(&user);
            match store.send(user) {
                Ok(_) => assert!(is_member, "{user} is no member and was heard"),
                Err(refusal) => {
                    assert!(!is_member, "{user} is a member and was refused: {refusal}");
                    assert_eq!(refusal, Refusal::NoSuchConversation);
                }
            }
        }
        Event::Add(user) => drop(store.change(1, GroupChange::Add(vec![UserId(user)])).unwrap()),
        Event::Remove(user) => drop(store.change(1, GroupChange::Remove(UserId(user))).unwrap()),
        Event::Expand => store.expand(),
        Event::Crash => store.crash(),
    }
}

/// Everything that must hold when nothing waits any more.
fn check(store: &mut GroupStore, users: u64) {
    let log = store.log();
    let seqs: Vec<u64> = log.iter().map(|message| message.seq.0).collect();
    assert_eq!(seqs, (1..=log.len() as u64).collect::<Vec<_>>(), "G2: seqs have a hole");
    let audiences = audiences(&log);
    let members = present(&log);
    for user in 1..=users {
        let inbox = store.inbox(user);
        let due: Vec<Seq> = log
            .iter()
            .zip(&audiences)
            .filter(|(_, audience)| audience.contains(&user))
            .map(|(message, _)| message.seq)
            .collect();
        let got: Vec<Seq> = inbox.iter().map(|(_, seq)| *seq).collect();
        assert_eq!(got, due, "G7: inbox of {user}");
        assert!(inbox.is_sorted_by_key(|(version, _)| *version), "G5: versions of the inbox of {user}");
        check_ends(user, &log, &got);
        check_item(store, user, &log, &inbox, members.contains(&user));
    }
    for (request, answer) in std::mem::take(&mut store.acknowledged) {
        assert_eq!(store.submit(&request).as_ref(), Ok(&answer), "G8: a resend is recognised");
    }
    assert_eq!(store.log(), log, "G8: a resend adds nothing");
}

/// The first entry of every membership is the join, the last one the leave.
fn check_ends(user: u64, log: &[Message], got: &[Seq]) {
    for (place, seq) in got.iter().enumerate() {
        let is_first = place == 0 || got[place - 1].0 + 1 != seq.0 || is_leave(log, got[place - 1], user);
        if is_first {
            assert!(is_join(log, *seq, user), "the first entry of {user} at {seq} is no join");
        }
        let goes_on = got.get(place + 1).is_some_and(|next| next.0 == seq.0 + 1);
        if !goes_on && seq.0 < log.len() as u64 {
            assert!(is_leave(log, *seq, user), "the last entry of {user} at {seq} is no leave");
        }
    }
}

fn notice(log: &[Message], seq: Seq) -> Option<&Notice> {
    match &log[seq.0 as usize - 1].content {
        Content::Notice(notice) => Some(notice),
        _ => None,
    }
}

fn is_join(log: &[Message], seq: Seq, user: u64) -> bool {
    match notice(log, seq) {
        Some(Notice::Created { members, .. }) => {
            log[seq.0 as usize - 1].sender == UserId(user) || members.contains(&UserId(user))
        }
        Some(Notice::Joined(members)) => members.contains(&UserId(user)),
        _ => false,
    }
}

fn is_leave(log: &[Message], seq: Seq, user: u64) -> bool {
    match notice(log, seq) {
        Some(Notice::Left) => log[seq.0 as usize - 1].sender == UserId(user),
        Some(Notice::Removed(removed)) => *removed == UserId(user),
        Some(Notice::Dissolved) => true,
        _ => false,
    }
}

/// Who belongs to the group at the end of its log, with the role and the place of the entry that gave it.
fn ranks(log: &[Message]) -> BTreeMap<UserId, (Role, Seq)> {
    let mut ranks = BTreeMap::new();
    let mut since = BTreeMap::new();
    for message in log {
        let (by, seq) = (message.sender, message.seq);
        let Content::Notice(notice) = &message.content else { continue };
        let (came, went): (&[UserId], Option<UserId>) = match &**notice {
            Notice::Created { members, .. } => (members, None),
            Notice::Joined(members) => (members, None),
            Notice::JoinedByLink => (std::slice::from_ref(&message.sender), None),
            Notice::Admitted(user) => (std::slice::from_ref(user), None),
            Notice::Left => (&[], Some(by)),
            Notice::Removed(user) => (&[], Some(*user)),
            Notice::Dissolved => {
                ranks.clear();
                continue;
            }
            Notice::Renamed(_)
            | Notice::RoleGiven(..)
            | Notice::AllMuted(_)
            | Notice::Muted(..)
            | Notice::Turned(_)
            | Notice::Announced(_)
            | Notice::Asked
            | Notice::ApprovalSet(_) => (&[], None),
        };
        for user in came {
            ranks.insert(*user, (Role::Member, seq));
            since.insert(*user, seq);
        }
        match &**notice {
            Notice::Created { .. } => {
                ranks.insert(by, (Role::Owner, seq));
                since.insert(by, seq);
            }
            Notice::RoleGiven(user, role) => {
                ranks.insert(*user, (*role, seq));
                if *role == Role::Owner {
                    ranks.insert(by, (Role::Admin, seq));
                }
            }
            _ => {}
        }
        let left = went.and_then(|user| ranks.remove(&user));
        if left.is_some_and(|(role, _)| role == Role::Owner) {
            let heir = ranks.iter().min_by_key(|(user, (role, _))| (*role, since[user], **user));
            if let Some(heir) = heir.map(|(user, _)| *user) {
                ranks.insert(heir, (Role::Owner, seq));
            }
        }
    }
    ranks
}

/// A member's conversation is there, with the newest name and role; it began, ended, was renamed or got the role in the
/// step that told why.
fn check_item(store: &GroupStore, user: u64, log: &[Message], inbox: &[(Version, Seq)], is_member: bool) {
    let rank = ranks(log).get(&UserId(user)).copied();
    let touches = |seq: Seq| {
        let renames = matches!(notice(log, seq), Some(Notice::Renamed(_)));
        renames
            || rank.is_some_and(|(_, given)| given == seq)
            || is_join(log, seq, user)
            || is_leave(log, seq, user)
    };
    let newest = inbox.iter().rev().find(|(_, seq)| touches(*seq));
    let Some(item) = store.item(user) else {
        assert!(newest.is_none(), "{user} has no conversation");
        return;
    };
    assert_eq!(Some(item.version), newest.map(|(version, _)| *version), "conversation of {user}");
    let name = log.iter().rev().find_map(|message| match notice(log, message.seq) {
        Some(Notice::Created { name, .. } | Notice::Renamed(name)) => Some(name.clone()),
        _ => None,
    });
    let found = item.value.map(|value| match value {
        ItemValue::Group { name, role, .. } => (name, role),
        other => panic!("{other:?}"),
    });
    let expected = name.zip(rank.map(|(role, _)| role)).filter(|_| is_member);
    assert_eq!(found, expected, "conversation of {user}");
}

#[test]
fn every_order_of_five_events_gives_each_member_what_is_meant_for_him() {
    every_order(Indexing::Never);
}

#[test]
fn every_order_gives_the_same_when_the_index_has_everything_at_once() {
    every_order(Indexing::Always);
}

fn every_order(indexing: Indexing) {
    let length =
        crate::setting("SIM_EVENTS").map_or(EVENTS, |events| u32::try_from(events).expect("a few events"));
    let (mut tried, mut waited) = (0, 0);
    // One pointer a step: everything waits but what is for one alone.
    let bounds = GroupBounds { step_pointers_max: 1, ..GroupBounds::default() };
    let mut start = GroupStore::new(USERS, 2, bounds, Indexing::Never);
    start.drain();
    for events in sequences(length) {
        let mut store = start.again(indexing);
        let done = catch_unwind(AssertUnwindSafe(|| {
            events.iter().for_each(|event| happen(&mut store, *event));
            waited += u64::from(store.drain() > 0);
            check(&mut store, USERS);
        }));
        assert!(done.is_ok(), "{events:?}");
        tried += 1;
    }
    println!(
        "{tried} sequences of {length} events with {USERS} users, index {indexing:?}; at the end of {waited} something waited"
    );
    assert_eq!(tried, 9_u64.pow(length));
    assert!(waited > tried / 2, "the queue was hardly used");
}

/// What random histories have to meet.
#[derive(Debug, Default)]
struct Met {
    at_once: u64,
    in_steps: u64,
    in_parts: u64,
    crashes_midway: u64,
    refused: u64,
    full: u64,
    dissolved: u64,
}

#[test]
fn long_random_histories_of_larger_groups_keep_the_same() {
    const HISTORIES: u64 = 120;
    const STEPS: u64 = 120;
    let mut met = Met::default();
    for seed in 1..=HISTORIES {
        let done = catch_unwind(AssertUnwindSafe(|| {
            history(&mut SeededRandom(seed), STEPS, &mut met);
        }));
        assert!(done.is_ok(), "history {seed}");
    }
    println!("{HISTORIES} histories of {STEPS} steps: {met:?}");
    let counts =
        [met.at_once, met.in_steps, met.in_parts, met.crashes_midway, met.refused, met.full, met.dissolved];
    assert!(counts.iter().all(|count| *count > 0), "some of it never happened: {met:?}");
}

fn history(random: &mut SeededRandom, steps: u64, met: &mut Met) {
    const MANY: u64 = 12;
    let bounds = GroupBounds { members_max: 6, step_pointers_max: 1 + random.below(6) as usize };
    let indexing = if random.one_in(2) { Indexing::Never } else { Indexing::Always };
    let mut store = GroupStore::new(MANY, 3, bounds, indexing);
    for _ in 0..steps {
        let before = store.position();
        let members = present(&store.log());
        let is_member = !members.is_empty() && !random.one_in(4);
        let place = random.below(MANY) as usize;
        let by = if is_member { members[place % members.len()] } else { 1 + place as u64 };
        let user = UserId(1 + random.below(MANY));
        let other = UserId(1 + random.below(MANY));
        let told = match random.below(16) {
            0..=4 => store.send(by).map(drop),
            5 | 6 => store.change(by, GroupChange::Add(vec![user, other])).map(drop),
            7 => store.change(by, GroupChange::Remove(user)).map(drop),
            8 => store.change(by, GroupChange::Leave).map(drop),
            9 => store.change(by, GroupChange::Rename(format!("name {}", random.below(9)))).map(drop),
            10 => {
                let role = [Role::Owner, Role::Admin, Role::Member][random.below(3) as usize];
                store.change(by, GroupChange::GiveRole(user, role)).map(drop)
            }
            11 => {
                met.crashes_midway += u64::from(before.is_some_and(|position| position.after.is_some()));
                store.crash();
                Ok(())
            }
            12 => {
                store.index();
                Ok(())
            }
            _ => {
                store.expand();
                met.in_steps += u64::from(before.is_some());
                let after = store.position().and_then(|position| position.after);
                met.in_parts += u64::from(after.is_some());
                Ok(())
            }
        };
        met.refused += u64::from(told.is_err());
        met.full += u64::from(told == Err(Refusal::GroupFull));
        let is_written = told.is_ok() && before.is_none();
        met.at_once += u64::from(is_written && store.position().is_none());
        assert!(present(&store.log()).len() <= bounds.members_max, "a group grew over its limit");
    }
    if random.one_in(2) {
        met.dissolved += u64::from(dissolve(&mut store, random));
    }
    store.drain();
    check(&mut store, MANY);
}

/// The owner ends the group, if it has one, however much waits; nothing is written behind it. Says whether that was done.
fn dissolve(store: &mut GroupStore, random: &mut SeededRandom) -> bool {
    let ranks = ranks(&store.log());
    let Some(owner) = ranks.iter().find(|(_, (role, _))| *role == Role::Owner) else { return false };
    let owner = owner.0.0;
    store.change(owner, GroupChange::Dissolve).unwrap();
    if random.one_in(2) {
        store.expand();
        store.crash();
    }
    assert_eq!(present(&store.log()), Vec::<u64>::new());
    for user in ranks.keys() {
        assert_eq!(store.send(user.0).err(), Some(Refusal::NoSuchConversation));
        let add = GroupChange::Add(vec![UserId(owner)]);
        assert_eq!(store.change(user.0, add).err(), Some(Refusal::NoSuchConversation));
    }
    true
}
