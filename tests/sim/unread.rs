//! What is unread equals a recount: under every order of a few events, and longer random ones, whatever is in memory, in the
//! tail and in the index.

use highwater::{
    logic::{
        Answer, Request,
        operation::{GroupChange, ReadingChange, ReadingRequest},
    },
    model::{GroupBounds, Seq, TimeMs, UserId, limits::READING_BEHIND_MAX},
    store::files_faulty::SeededRandom,
};
use highwater_wire::Refusal;

use crate::{
    group_store::{GROUP, GroupStore, Indexing, device, present},
    unread_recount::{Recount, unread_at_client},
};

/// Events of one sequence.
const EVENTS: u32 = 3;

/// Users of the sequences; the first one owns the group, the second is a member at the start.
const USERS: u64 = 3;

#[derive(Debug, Clone, Copy)]
enum Event {
    /// By whom, on a device that shows everything but this many of the newest.
    Send(u64, u64),
    /// By whom, all but this many of the newest.
    Read(u64, u64),
    Keep(u64),
    Add(u64),
    Remove(u64),
    Rename,
    Expand,
    Index,
    Crash,
}

const ALPHABET: [Event; 11] = [
    Event::Send(1, u64::MAX),
    Event::Send(2, u64::MAX),
    Event::Send(2, 1),
    Event::Read(2, 0),
    Event::Read(2, 2),
    Event::Add(2),
    Event::Add(3),
    Event::Remove(2),
    Event::Rename,
    Event::Index,
    Event::Crash,
];

/// What was before, so that there is something to read: two messages with a notice between them; and one who was a member,
/// wrote above what he had read, and is none any more.
const BEFORE: [&[Event]; 2] = [
    &[Event::Send(1, 0), Event::Rename, Event::Send(1, 0)],
    &[Event::Send(1, 0), Event::Send(2, u64::MAX), Event::Remove(2), Event::Send(1, 0)],
];

/// A group with the recount of what is unread in it.
struct Counted {
    store: GroupStore,
    recount: Recount,
    renamed: u64,
}

impl Counted {
    fn new(users: u64, bounds: GroupBounds, indexing: Indexing) -> Counted {
        let store = GroupStore::new(users, 2, bounds, indexing);
        Counted { store, recount: Recount::default(), renamed: 0 }
    }

    fn happen(&mut self, event: Event) {
        let head = Seq(self.store.log().len() as u64);
        let all_but = |newest: u64| Seq(head.0.saturating_sub(newest));
        match event {
            Event::Send(user, unseen) => {
                if self.store.send_shown(user, all_but(unseen)).is_ok() {
                    self.recount.wrote(user, all_but(unseen), &self.store.log());
                }
            }
            Event::Read(user, unseen) => {
                let is_member = present(&self.store.log()).contains(&user);
                // What lies above the head means the head.
                let seq = if unseen == 0 { Seq(head.0 + 9) } else { all_but(unseen) };
                let told = self.say(user, ReadingChange::Read(seq));
                assert_eq!(told.err(), (!is_member).then_some(Refusal::NoSuchConversation));
                if is_member {
                    self.recount.read(user, all_but(unseen), &self.store.log());
                }
            }
            Event::Keep(user) => {
                let keep = ReadingChange::Keep {
                    muted_until: TimeMs(head.0 as i64),
                    pinned: head.0.is_multiple_of(2),
                };
                drop(self.say(user, keep));
            }
            Event::Add(user) => drop(self.store.change(1, GroupChange::Add(vec![UserId(user)]))),
            Event::Remove(user) => drop(self.store.change(1, GroupChange::Remove(UserId(user)))),
            Event::Rename => {
                self.renamed += 1;
                drop(self.store.change(1, GroupChange::Rename(format!("name {}", self.renamed))));
            }
            Event::Expand => self.store.expand(),
            Event::Index => self.store.index(),
            Event::Crash => self.store.crash(),
        }
    }

    fn say(&mut self, user: u64, change: ReadingChange) -> Result<Answer, Refusal> {
        self.store.submit(&Request::Reading(ReadingRequest { by: device(user), conversation: GROUP, change }))
    }

    /// The server's mark and number of everybody who is or was a member are those of the recount.
    fn check(&self, users: u64) {
        let log = self.store.log();
        for user in 1..=users {
            let unread = self.store.view().unread(UserId(user), GROUP).unwrap();
            assert_eq!(unread.unread(), self.recount.unread(user, &log), "unread of {user}");
            assert_eq!(unread.reading.read, self.recount.mark(user, &log), "read mark of {user}");
        }
    }

    /// So is what clients of its members compute, when everything has reached them.
    fn check_clients(&mut self, users: u64) {
        self.store.drain();
        self.check(users);
        let log = self.store.log();
        for user in present(&log) {
            let unread = unread_at_client(&self.store, user);
            assert_eq!(unread, self.recount.unread(user, &log), "unread at a client of {user}");
        }
    }
}

#[test]
fn unread_equals_a_recount_in_every_order_of_a_few_events() {
    let letters = ALPHABET.len() as u64;
    for indexing in [Indexing::Never, Indexing::Always] {
        for number in 0..letters.pow(EVENTS) {
            let events: Vec<Event> =
                (0..EVENTS).map(|place| ALPHABET[(number / letters.pow(place) % letters) as usize]).collect();
            for before in BEFORE {
                let mut counted = Counted::new(USERS, GroupBounds::default(), indexing);
                before.iter().chain(&events).for_each(|event| counted.happen(*event));
                let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    counted.check_clients(USERS);
                }));
                assert!(checked.is_ok(), "{before:?}, {events:?}, {indexing:?}");
            }
        }
    }
}

/// Users of the random histories.
const MANY: u64 = 5;

#[test]
fn unread_equals_a_recount_in_long_random_histories() {
    let seeds = std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seeds.map_or(0..60, |seed: u64| seed..seed + 1) {
        let mut random = SeededRandom(SeededRandom(seed).next_u64());
        let steps = if random.one_in(4) { 500 } else { 100 };
        let step_pointers_max = 1 + random.below(6) as usize;
        let bounds = GroupBounds { members_max: MANY as usize, step_pointers_max };
        let indexing = if random.one_in(2) { Indexing::Never } else { Indexing::Always };
        let mut counted = Counted::new(MANY, bounds, indexing);
        // Some write much more than others, and some say more often what they have read.
        let (writer, reads_seldom) = (1 + random.below(MANY), random.one_in(2));
        for _ in 0..steps {
            let user = 1 + random.below(MANY);
            let unseen = if random.one_in(3) { u64::MAX } else { random.below(9) };
            let event = match random.below(24) {
                0..6 => Event::Send(user, unseen),
                6..12 => Event::Send(writer, u64::MAX),
                12 if reads_seldom => Event::Read(user, unseen),
                12..16 if !reads_seldom => Event::Read(user, unseen),
                16 => Event::Keep(user),
                17 | 18 => Event::Add(user),
                19 => Event::Remove(user),
                20 => Event::Rename,
                21 => Event::Crash,
                22 => Event::Index,
                _ => Event::Expand,
            };
            counted.happen(event);
            if random.one_in(5) {
                counted.check(MANY);
            }
        }
        println!("seed {seed}");
        counted.check_clients(MANY);
    }
}

/// One who never looks and writes much: what is remembered stays small, and rows are written now and then only.
#[test]
fn who_writes_without_reading_costs_a_row_now_and_then() {
    let mut counted = Counted::new(USERS, GroupBounds::default(), Indexing::Always);
    counted.happen(Event::Send(1, 0));
    let before = counted.store.row_writes();
    const SENDS: u64 = 10 * READING_BEHIND_MAX;
    for _ in 0..SENDS {
        counted.happen(Event::Send(2, u64::MAX));
        counted.check(2);
    }
    let written = counted.store.row_writes() - before;
    assert!((9..=10).contains(&written), "{written} rows for {SENDS} sends");
    counted.check_clients(2);
}
