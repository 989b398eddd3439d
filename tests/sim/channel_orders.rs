//! Who gets what of a channel, and of a conversation that is a group and a channel in turn: every order of a few events,
//! with clients that sync in between, against a list of who belonged to it when each entry was said.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use highwater::{
    logic::{
        Request,
        operation::{ChannelChange, ChannelRequest, GroupChange, GroupRequest},
    },
    model::{Form, GroupBounds, Seq, UserId, Version},
    store::files_faulty::SeededRandom,
};
use highwater_wire::Refusal;

use crate::{
    channel_client::{Client, whole},
    channel_reads::check_reads,
    group_store::{GROUP, GroupStore, Indexing, device, message},
};

/// Users of the sequences; the first one owns the conversation, the second belongs to it at the start.
const USERS: u64 = 3;

/// What may happen. Joining is following, or being added while it is a group; parting likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Post,
    Join(u64),
    Part(u64),
    /// Parting and joining around two posts, in one batch.
    Around(u64),
    Turn,
    Expand,
    Crash,
    /// A page of one entry for the user's client.
    Sync(u64),
}

/// A store with what must become of it.
struct Tested {
    store: GroupStore,
    form: Form,
    /// Who belongs to it now.
    present: BTreeSet<u64>,
    /// For whom each entry is.
    audiences: Vec<BTreeSet<u64>>,
    clients: Vec<Client>,
    sent: u64,
    refused: u64,
    /// At the end somebody could have been pushed to what was posted.
    pushed: bool,
}

fn ask(user: u64, change: ChannelChange) -> Request {
    Request::Channel(ChannelRequest { by: device(user), channel: GROUP, change })
}

fn group(change: GroupChange) -> Request {
    Request::Group(GroupRequest { by: device(1), group: GROUP, change })
}

impl Tested {
    /// After the start: the group was made, and is a channel if so it shall be; nothing waits.
    fn new(store: GroupStore, form: Form, posts_max: usize) -> Tested {
        let entries = store.log().len();
        let present: BTreeSet<u64> = (1..=2).collect();
        let clients = (1..=USERS).map(|user| Client::new(user, posts_max, 1)).collect();
        let audiences = vec![present.clone(); entries];
        Tested { store, form, present, audiences, clients, sent: 0, refused: 0, pushed: false }
    }

    fn post(&mut self) -> Request {
        self.sent += 1;
        message(1, 1000 + self.sent)
    }

    fn join(&self, user: u64) -> Request {
        match self.form {
            Form::Group => group(GroupChange::Add(vec![UserId(user)])),
            Form::Channel => ask(user, ChannelChange::Follow),
        }
    }

    fn part(&self, user: u64) -> Request {
        match self.form {
            Form::Group => group(GroupChange::Remove(UserId(user))),
            Form::Channel => ask(user, ChannelChange::Unfollow),
        }
    }

    /// An entry is for everybody who belongs to it, and for who comes or goes by it.
    fn note(&mut self, request: &Request) {
        let everybody = self.present.clone();
        let changed = match request {
            Request::Send(_) => {
                self.audiences.push(everybody);
                return;
            }
            Request::Channel(ChannelRequest { change: ChannelChange::Turn(to), .. }) => {
                self.form = *to;
                self.audiences.push(everybody);
                return;
            }
            Request::Channel(ChannelRequest { by, change, .. }) if *change == ChannelChange::Follow => {
                self.present.insert(by.user.0);
                return;
            }
            Request::Channel(ChannelRequest { by, .. }) => {
                self.present.remove(&by.user.0);
                return;
            }
            Request::Group(GroupRequest { change, .. }) => change,
            other => panic!("{other:?}"),
        };
        match changed {
            GroupChange::Add(users) if self.present.insert(users[0].0) => {
                self.audiences.push(self.present.clone());
            }
            GroupChange::Remove(user) if self.present.remove(&user.0) => self.audiences.push(everybody),
            _ => {}
        }
    }

    /// What is refused, because somebody came and went too often, changes nothing.
    fn submit(&mut self, requests: &[Request]) {
        let answers = self.store.batch(requests);
        for (request, answer) in requests.iter().zip(answers) {
            match answer {
                Ok(_) => self.note(request),
                Err(Refusal::TooManyFollows | Refusal::Busy) => self.refused += 1,
                Err(refusal) => panic!("{request:?}: {refusal}"),
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Post => {
                let post = self.post();
                self.submit(&[post]);
            }
            Event::Join(user) => self.submit(&[self.join(user)]),
            Event::Part(user) => self.submit(&[self.part(user)]),
            Event::Around(user) => {
                let (first, second) = (self.post(), self.post());
                self.submit(&[self.part(user), first, self.join(user), second]);
            }
            Event::Turn => {
                let to = if self.form == Form::Group { Form::Channel } else { Form::Group };
                self.submit(&[ask(1, ChannelChange::Turn(to))]);
            }
            Event::Expand => self.store.expand(),
            Event::Crash => self.store.crash(),
            Event::Sync(user) => drop(self.clients[user as usize - 1].sync(&self.store)),
        }
    }

    /// Everything that must hold when nothing waits any more.
    fn check(&mut self, posts_max: usize) {
        let log = self.store.log();
        let seqs: Vec<u64> = log.iter().map(|message| message.seq.0).collect();
        assert_eq!(seqs, (1..=self.audiences.len() as u64).collect::<Vec<_>>(), "G2: seqs have a hole");
        let view = self.store.view();
        for user in 1..=USERS {
            let due: Vec<Seq> = (1..)
                .zip(&self.audiences)
                .filter(|(_, audience)| audience.contains(&user))
                .map(|(seq, _)| Seq(seq))
                .collect();
            let mut late = Client::new(user, posts_max, 3);
            late.sync_to_the_end(&self.store);
            late.check(&due);
            let client = &mut self.clients[user as usize - 1];
            self.pushed |= client.check_push(&self.store);
            client.sync_to_the_end(&self.store);
            client.check(&due);
            let is_present = self.present.contains(&user);
            for client in [&late, client] {
                assert_eq!(client.has_conversation.unwrap_or(false), is_present, "conversation of {user}");
            }
            assert_eq!(whole(&view, user), due, "G10: the sync without snapshots of {user}");
            check_reads(&view, user, is_present, &due, log.len() as u64);
            let head = view.messages_head(UserId(user)).unwrap();
            assert_eq!(head, late.got.last().map_or(Version(0), |(_, version)| *version), "head of {user}");
        }
        let channel = view.channel(GROUP).unwrap();
        let followers = view.followers(GROUP, 99).unwrap();
        let expected: BTreeSet<UserId> = self.present.iter().copied().map(UserId).collect();
        let is_channel = self.form == Form::Channel;
        assert_eq!(followers, if is_channel { expected } else { BTreeSet::new() });
        assert_eq!(channel.map_or(0, |row| row.followers), followers.len() as u64);
        for user in 1..=USERS {
            let follows = view.follows(UserId(user)).unwrap();
            assert_eq!(view.follow_count(UserId(user)).unwrap() as usize, follows.len());
        }
    }
}

fn sequences(letters: &[Event], events: u32) -> impl Iterator<Item = Vec<Event>> {
    let count = letters.len() as u64;
    (0..count.pow(events)).map(move |number| {
        (0..events).map(|place| letters[(number / count.pow(place) % count) as usize]).collect()
    })
}

/// Tries every order of so many of the letters. Returns how many there were, and at the end of how many something waited.
fn every_order(letters: &[Event], events: u32, start: (Form, usize), indexing: Indexing, posts_max: usize) {
    let (form, step_pointers_max) = start;
    let bounds = GroupBounds { step_pointers_max, ..GroupBounds::default() };
    let mut begun = GroupStore::new(USERS, 2, bounds, Indexing::Never);
    if form == Form::Channel {
        begun.submit(&ask(1, ChannelChange::Turn(form))).unwrap();
    }
    begun.drain();
    let (mut tried, mut waited, mut passed, mut pushed) = (0_u64, 0_u64, 0_u64, 0_u64);
    for events in sequences(letters, events) {
        let mut tested = Tested::new(begun.again(indexing), form, posts_max);
        let done = catch_unwind(AssertUnwindSafe(|| {
            events.iter().for_each(|event| tested.happen(*event));
            waited += u64::from(tested.store.drain() > 0);
            tested.check(posts_max);
            assert_eq!(tested.refused, 0);
            pushed += u64::from(tested.pushed);
            passed += u64::from(tested.clients.iter().any(|client| !client.passed.is_empty()));
        }));
        assert!(done.is_ok(), "{events:?}, {start:?}, index {indexing:?}, {posts_max} posts");
        tried += 1;
    }
    println!(
        "{tried} sequences of {events} events with {USERS} users from {start:?}, index {indexing:?}, at most {posts_max} posts: something waited at the end of {waited}, {passed} passed something over, {pushed} could be pushed"
    );
    assert_eq!(tried, (letters.len() as u64).pow(events));
    assert_eq!(passed > 0, posts_max < 9);
    assert_eq!(pushed > 0, indexing == Indexing::Never, "{pushed} pushed");
}

const OF_CHANNEL: [Event; 9] = [
    Event::Post,
    Event::Join(2),
    Event::Join(3),
    Event::Part(2),
    Event::Part(3),
    Event::Around(2),
    Event::Expand,
    Event::Crash,
    Event::Sync(2),
];

const OF_TURNS: [Event; 8] = [
    Event::Post,
    Event::Turn,
    Event::Join(2),
    Event::Join(3),
    Event::Part(2),
    Event::Expand,
    Event::Crash,
    Event::Sync(2),
];

/// More than any sequence has.
const ALL_POSTS: usize = 100;

#[test]
fn every_order_of_five_events_gives_followers_what_was_said_while_they_followed() {
    // Every post waits for its step.
    every_order(&OF_CHANNEL, 5, (Form::Channel, 0), Indexing::Never, ALL_POSTS);
}

#[test]
fn every_order_gives_followers_the_same_wherever_it_stands_and_however_little_they_are_given() {
    for indexing in [Indexing::Never, Indexing::Always] {
        every_order(&OF_CHANNEL, 4, (Form::Channel, 0), indexing, 1);
        // Nothing waits.
        every_order(&OF_CHANNEL, 4, (Form::Channel, 1), indexing, ALL_POSTS);
    }
    every_order(&OF_CHANNEL, 4, (Form::Channel, 0), Indexing::Always, ALL_POSTS);
}

#[test]
fn every_order_of_five_events_with_turns_between_group_and_channel_gives_the_same() {
    // One pointer a step: what a group is told waits, and what a channel is told behind it.
    every_order(&OF_TURNS, 5, (Form::Group, 1), Indexing::Never, ALL_POSTS);
}

#[test]
fn turns_give_the_same_from_a_channel_and_when_the_index_has_everything_at_once() {
    every_order(&OF_TURNS, 4, (Form::Group, 1), Indexing::Always, ALL_POSTS);
    for indexing in [Indexing::Never, Indexing::Always] {
        every_order(&OF_TURNS, 4, (Form::Channel, 1), indexing, ALL_POSTS);
    }
}

#[test]
fn long_random_histories_of_turns_and_follows_keep_the_same() {
    const HISTORIES: u64 = 60;
    const STEPS: u64 = 60;
    let letters =
        [OF_CHANNEL.as_slice(), &OF_TURNS, &[Event::Sync(1), Event::Sync(3), Event::Expand]].concat();
    let (mut turns, mut refused) = (0, 0);
    for seed in 1..=HISTORIES {
        let mut random = SeededRandom(seed);
        let bounds = GroupBounds { step_pointers_max: random.below(4) as usize, ..GroupBounds::default() };
        let indexing = if random.one_in(2) { Indexing::Never } else { Indexing::Always };
        let posts_max = if random.one_in(2) { 1 + random.below(3) as usize } else { ALL_POSTS };
        let mut store = GroupStore::new(USERS, 2, bounds, indexing);
        store.drain();
        let mut tested = Tested::new(store, Form::Group, posts_max);
        let done = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..STEPS {
                let event = letters[random.below(letters.len() as u64) as usize];
                if random.one_in(8) {
                    tested.store.index();
                }
                tested.happen(event);
                turns += u64::from(event == Event::Turn);
            }
            tested.store.drain();
            tested.check(posts_max);
            refused += tested.refused;
        }));
        assert!(done.is_ok(), "history {seed}");
    }
    println!("{HISTORIES} histories of {STEPS} steps with {turns} turns, {refused} refused");
    assert!(turns > 100);
}
