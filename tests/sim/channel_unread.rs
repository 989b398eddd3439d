//! What is unread of a channel equals a recount: while it is followed, left and followed again, and while it is a group in
//! between; for owner, admins and everybody else; on the server and from what a client has.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use highwater::{
    actors::user::heads,
    logic::{
        Request,
        operation::{ChannelChange, ChannelRequest, GroupChange, ReadingChange, ReadingRequest},
    },
    model::{
        Content, Form, GroupBounds, Reading, Role, Seq, TimeMs, UserId, Version,
        limits::OWN_UNREAD_MAX,
        record::{ItemValue, Message},
    },
    store::files_faulty::SeededRandom,
    sync::{Locale, PageLimits, Rendering},
};
use highwater_wire::{
    Refusal,
    proto::{self, server_frame::Body},
};

use crate::group_store::{GROUP, GroupStore, Indexing, device};

/// Users of the sequences; the first one owns it, the second belongs to it at the start.
const USERS: u64 = 3;

/// Posts of a channel that a client is given: all of them.
const ALL_POSTS: usize = 100_000;

#[derive(Debug, Clone, Copy)]
enum Event {
    /// By whom, on a device that shows everything but this many of the newest.
    Send(u64, u64),
    /// By whom, all but this many of the newest.
    Read(u64, u64),
    Keep(u64),
    /// Following, or being added while it is a group; parting likewise.
    Join(u64),
    Part(u64),
    Rename,
    /// An admin is made of somebody, or a member of an admin.
    Rank(u64),
    Turn,
    Expand,
    Index,
    Crash,
}

const ALPHABET: [Event; 11] = [
    Event::Send(1, u64::MAX),
    Event::Send(2, u64::MAX),
    Event::Read(2, 0),
    Event::Read(2, 1),
    Event::Join(2),
    Event::Join(3),
    Event::Part(2),
    Event::Rename,
    Event::Rank(2),
    Event::Turn,
    Event::Crash,
];

/// A time in which it was a user's: where it begins, and where it ended.
#[derive(Clone, Copy)]
struct Belonged {
    since: u64,
    through: Option<u64>,
}

/// A channel with the recount of what is unread in it, from nothing but what was done.
struct Counted {
    store: GroupStore,
    form: Form,
    /// Oldest first.
    belonged: BTreeMap<u64, Vec<Belonged>>,
    marks: BTreeMap<u64, u64>,
    is_admin: bool,
    renamed: u64,
}

impl Counted {
    fn of(store: GroupStore, form: Form) -> Counted {
        let since = Belonged { since: 1, through: None };
        let belonged = (1..=2).map(|user| (user, vec![since])).collect();
        let mut counted =
            Counted { store, form, belonged, marks: BTreeMap::new(), is_admin: false, renamed: 0 };
        // The owner said the last that was said, and nobody else said anything.
        counted.marks.insert(1, counted.head());
        counted
    }

    fn head(&self) -> u64 {
        self.store.log().len() as u64
    }

    fn is_present(&self, user: u64) -> bool {
        self.last(user).is_some_and(|last| last.through.is_none())
    }

    fn last(&self, user: u64) -> Option<&Belonged> {
        self.belonged.get(&user)?.last()
    }

    fn happen(&mut self, event: Event) {
        let head = self.head();
        let all_but = |newest: u64| head.saturating_sub(newest);
        match event {
            Event::Send(user, unseen) => {
                if self.store.send_shown(user, Seq(all_but(unseen))).is_ok() {
                    self.wrote(user, all_but(unseen));
                }
            }
            Event::Read(user, unseen) => {
                let seq = if unseen == 0 { head + 9 } else { all_but(unseen) };
                let told = self.say(user, ReadingChange::Read(Seq(seq)));
                assert_eq!(told.err(), (!self.is_present(user)).then_some(Refusal::NoSuchConversation));
                if self.is_present(user) {
                    let mark = self.mark(user).max(all_but(unseen));
                    self.marks.insert(user, mark);
                }
            }
            Event::Keep(user) => {
                let keep =
                    ReadingChange::Keep { muted_until: TimeMs(head as i64), pinned: head.is_multiple_of(2) };
                assert_eq!(self.say(user, keep).is_ok(), self.is_present(user));
            }
            Event::Join(user) => self.join(user),
            Event::Part(user) => self.part(user),
            Event::Rename => {
                self.renamed += 1;
                drop(self.store.change(1, GroupChange::Rename(format!("name {}", self.renamed))));
            }
            Event::Rank(user) => {
                let role = if self.is_admin { Role::Member } else { Role::Admin };
                if self.store.change(1, GroupChange::GiveRole(UserId(user), role)).is_ok() {
                    self.is_admin = !self.is_admin;
                }
            }
            Event::Turn => {
                let to = if self.form == Form::Group { Form::Channel } else { Form::Group };
                if self.ask(1, ChannelChange::Turn(to)).is_ok() {
                    self.form = to;
                }
            }
            Event::Expand => self.store.expand(),
            Event::Index => self.store.index(),
            Event::Crash => self.store.crash(),
        }
    }

    fn say(&mut self, user: u64, change: ReadingChange) -> Result<(), Refusal> {
        let by = device(user);
        self.store.submit(&Request::Reading(ReadingRequest { by, conversation: GROUP, change })).map(drop)
    }

    fn ask(&mut self, user: u64, change: ChannelChange) -> Result<(), Refusal> {
        self.store
            .submit(&Request::Channel(ChannelRequest { by: device(user), channel: GROUP, change }))
            .map(drop)
    }

    fn join(&mut self, user: u64) {
        let (head, was_present) = (self.head(), self.is_present(user));
        let done = match self.form {
            Form::Group => self.store.change(1, GroupChange::Add(vec![UserId(user)])).map(drop),
            Form::Channel => self.ask(user, ChannelChange::Follow),
        };
        if done.is_err() || was_present {
            return;
        }
        let times = self.belonged.entry(user).or_default();
        match times.last_mut().filter(|last| last.through == Some(head)) {
            // Nothing was said meanwhile, so it is as if the user had stayed.
            Some(last) if self.form == Form::Channel => last.through = None,
            // The join is the entry that was just written, or there is none.
            _ => times.push(Belonged { since: head + 1, through: None }),
        }
    }

    fn part(&mut self, user: u64) {
        let done = match self.form {
            Form::Group => self.store.change(1, GroupChange::Remove(UserId(user))).map(drop),
            Form::Channel => self.ask(user, ChannelChange::Unfollow),
        };
        let head = self.head();
        if done.is_err() || !self.is_present(user) {
            return;
        }
        self.is_admin &= user != 2;
        let times = self.belonged.entry(user).or_default();
        // A time in which nothing was said leaves nothing behind.
        if let Some(last) = times.pop_if(|last| last.since <= head) {
            times.push(Belonged { through: Some(head), ..last });
        } else {
            times.pop();
        }
    }

    /// What counts above a place, and through another.
    fn above(&self, log: &[Message], above: u64, through: u64) -> Vec<Message> {
        let counts = |entry: &&Message| !matches!(entry.content, Content::Notice(_));
        let within = log.iter().filter(|entry| entry.seq.0 > above && entry.seq.0 <= through);
        within.filter(counts).cloned().collect()
    }

    /// A user wrote the newest entry, on a device that showed everything through a place.
    fn wrote(&mut self, user: u64, shown: u64) {
        let log = self.store.log();
        let newest = log.len() as u64;
        let mark = self.mark(user).max(shown.min(newest - 1));
        let above = self.above(&log, mark, newest - 1);
        let own = above.iter().filter(|entry| entry.sender == UserId(user)).count();
        let rises = own == above.len() || own >= OWN_UNREAD_MAX;
        self.marks.insert(user, if rises { newest } else { mark });
    }

    fn mark(&self, user: u64) -> u64 {
        let before = self.last(user).map_or(0, |last| last.since - 1);
        self.marks.get(&user).copied().unwrap_or_default().max(before)
    }

    fn unread(&self, user: u64) -> u64 {
        let log = self.store.log();
        let through = self.last(user).and_then(|last| last.through).unwrap_or(u64::MAX);
        let above = self.above(&log, self.mark(user), through);
        above.iter().filter(|entry| entry.sender != UserId(user)).count() as u64
    }

    /// The server's mark and number are those of the recount, of everybody who belongs to it or did.
    fn check(&self) {
        let view = self.store.view();
        for user in 1..=USERS {
            let unread = view.unread(UserId(user), GROUP).unwrap();
            assert_eq!(unread.unread(), self.unread(user), "unread of {user}");
            assert_eq!(unread.reading.read, Seq(self.mark(user)), "read mark of {user}");
            let rendering = Rendering { level: 3, locale: Locale::English };
            let told = heads(&view, (UserId(user), rendering), &proto::Heads::default()).unwrap();
            let Ok(Body::Heads(list)) = told else { panic!("{told:?}") };
            for head in list.heads.iter().filter(|_| self.is_present(user)) {
                assert_eq!(head.unread, self.unread(user), "unread of {user} in the heads");
            }
        }
    }

    /// So is what clients compute of what they have, when everything has reached them.
    fn check_clients(&mut self) {
        self.store.drain();
        self.check();
        for user in (1..=USERS).filter(|user| self.is_present(*user)) {
            assert_eq!(self.unread_at_client(user), self.unread(user), "unread at a client of {user}");
        }
    }

    /// What is unread as a client knows it, who has the user's entries and items, and nothing else.
    fn unread_at_client(&self, user: u64) -> u64 {
        let limits = PageLimits { entries: usize::MAX - 1, bytes: usize::MAX };
        let told = self.store.view().messages_above(UserId(user), Version(0), limits, ALL_POSTS).unwrap();
        let entries: Vec<Message> = told.entries.into_iter().map(|entry| entry.message).collect();
        let (mut reading, mut since) = (Reading::none(UserId(user), GROUP), Seq(0));
        for item in self.store.items(user) {
            match item.value {
                Some(ItemValue::Reading(told)) => reading = *told,
                Some(ItemValue::Group { since: told, .. }) => since = told,
                _ => {}
            }
        }
        assert_eq!(Some(since.0), self.last(user).map(|last| last.since), "since when {user} belongs to it");
        if let Some(first) = entries.iter().find(|entry| entry.seq >= since) {
            let count = first.count - u64::from(first.content.counts());
            reading.raise(Seq(since.0 - 1), count);
        }
        let own = entries.iter().filter(|entry| entry.sender == UserId(user) && entry.content.counts());
        for entry in own.filter(|entry| entry.seq > reading.as_of).collect::<Vec<_>>() {
            let known = |seq: Seq| {
                let held = entries.iter().rfind(|entry| entry.seq <= seq);
                held.map(|entry| entry.count).ok_or(format!("the count at {seq} is not known to {user}"))
            };
            reading.wrote_before(entry.seq, entry.read, known).unwrap();
        }
        let newest = entries.iter().rfind(|entry| entry.seq >= since);
        newest.map_or(0, |newest| reading.unread(newest.seq, newest.count))
    }
}

/// After something was said that the second one has not read.
fn begun(form: Form, step_pointers_max: usize) -> GroupStore {
    let bounds = GroupBounds { step_pointers_max, ..GroupBounds::default() };
    let mut store = GroupStore::new(USERS, 2, bounds, Indexing::Never);
    store.send(1).unwrap();
    if form == Form::Channel {
        let change = ChannelChange::Turn(form);
        store.submit(&Request::Channel(ChannelRequest { by: device(1), channel: GROUP, change })).unwrap();
        store.send(1).unwrap();
    }
    store.drain();
    store
}

#[test]
fn unread_of_followers_equals_a_recount_in_every_order_of_a_few_events() {
    let letters = ALPHABET.len();
    for (form, indexing, events) in [
        (Form::Channel, Indexing::Never, 4),
        (Form::Channel, Indexing::Always, 3),
        (Form::Group, Indexing::Never, 3),
        (Form::Group, Indexing::Always, 3),
    ] {
        let begun = begun(form, 1);
        for number in 0..letters.pow(events) {
            let events: Vec<Event> =
                (0..events).map(|place| ALPHABET[number / letters.pow(place) % letters]).collect();
            let mut counted = Counted::of(begun.again(indexing), form);
            let checked = catch_unwind(AssertUnwindSafe(|| {
                events.iter().for_each(|event| counted.happen(*event));
                counted.check_clients();
            }));
            assert!(checked.is_ok(), "{events:?} from {form:?}, {indexing:?}");
        }
    }
}

#[test]
fn unread_of_followers_equals_a_recount_in_long_random_histories() {
    const HISTORIES: u64 = 60;
    const STEPS: u64 = 150;
    for seed in 1..=HISTORIES {
        let mut random = SeededRandom(SeededRandom(seed).next_u64());
        let form = if random.one_in(2) { Form::Group } else { Form::Channel };
        let indexing = if random.one_in(2) { Indexing::Never } else { Indexing::Always };
        let begun = begun(form, random.below(4) as usize);
        let mut counted = Counted::of(begun.again(indexing), form);
        for _ in 0..STEPS {
            let (user, unseen) = (1 + random.below(USERS), random.below(9));
            let unseen = if random.one_in(3) { u64::MAX } else { unseen };
            let event = match random.below(24) {
                0..8 => Event::Send(if random.one_in(3) { user } else { 1 }, u64::MAX),
                8..11 => Event::Send(user, unseen),
                11..13 => Event::Read(user, unseen),
                13 => Event::Keep(user),
                14..16 => Event::Join(user),
                16 => Event::Part(user),
                17 => Event::Rename,
                18 => Event::Rank(2),
                19 if random.one_in(2) => Event::Turn,
                20 => Event::Crash,
                21 => Event::Index,
                _ => Event::Expand,
            };
            if matches!(event, Event::Part(1)) {
                continue;
            }
            counted.happen(event);
            if random.one_in(5) {
                counted.check();
            }
        }
        println!("seed {seed}");
        counted.check_clients();
    }
}
