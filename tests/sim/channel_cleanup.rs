//! That somebody followed a channel is forgotten in two operations, the floor first: in every order of five events a client
//! either has everything or is told that something is gone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use highwater::{
    logic::{
        Request,
        operation::{ChannelChange, ChannelRequest},
    },
    model::{Form, GroupBounds, Seq, UserId},
};

use crate::{
    channel_client::Client,
    group_store::{GROUP, GroupStore, Indexing, device, message},
};

/// Who follows, parts and is cleaned.
const USER: u64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Post,
    Follow,
    Unfollow,
    Expand,
    Crash,
    Sync,
    /// One step of cleanup, after everything has grown old.
    Clean,
}

const ALPHABET: [Event; 7] =
    [Event::Post, Event::Follow, Event::Unfollow, Event::Expand, Event::Crash, Event::Sync, Event::Clean];

fn ask(user: u64, change: ChannelChange) -> Request {
    Request::Channel(ChannelRequest { by: device(user), channel: GROUP, change })
}

/// What the cleaner does in one pass.
fn clean(store: &mut GroupStore) {
    store.age();
    let view = store.view();
    let floor = view.lineages(UserId(USER)).unwrap().floor;
    let ended = view.ended_follows(UserId(USER), view.bound()).unwrap();
    drop(view);
    for (channel, through, last) in ended {
        let user = UserId(USER);
        let request = if last > floor {
            Request::RetireInbox { user, through: last }
        } else {
            Request::ForgetFollow { user, channel, through, last }
        };
        store.submit(&request).unwrap();
    }
}

/// Runs a sequence. Returns whether a follow was forgotten, and whether the client was told a gap.
fn run(store: &mut GroupStore, events: &[Event]) -> (bool, bool) {
    let mut client = Client::new(USER, 100, 1);
    let first = store.log().len() as u64;
    let (mut follows, mut due, mut forgotten) = (true, (1..=first).map(Seq).collect::<Vec<_>>(), false);
    for (number, event) in events.iter().enumerate() {
        match event {
            Event::Post => {
                store.submit(&message(1, 1000 + number as u64)).unwrap();
                if follows {
                    due.push(Seq(store.log().len() as u64));
                }
            }
            Event::Follow => {
                store.submit(&ask(USER, ChannelChange::Follow)).unwrap();
                follows = true;
            }
            Event::Unfollow => {
                store.submit(&ask(USER, ChannelChange::Unfollow)).unwrap();
                follows = false;
            }
            Event::Expand => store.expand(),
            Event::Crash => store.crash(),
            Event::Sync => drop(client.sync(store)),
            Event::Clean => {
                let times = |store: &GroupStore| {
                    let follow = store.view().follow(UserId(USER), GROUP).unwrap();
                    follow.map_or(0, |follow| follow.intervals.len())
                };
                let before = times(store);
                clean(store);
                forgotten |= times(store) < before;
            }
        }
    }
    store.drain();
    client.sync_to_the_end(store);
    let told = client.told();
    if client.has_gap {
        assert!(told.iter().all(|seq| due.contains(seq)), "G7: {told:?} of {due:?}");
    } else {
        assert_eq!(told, due, "G6: something is gone and nothing was said");
    }
    (forgotten, client.has_gap)
}

#[test]
fn every_order_of_five_events_with_cleanup_loses_nothing_in_silence() {
    const EVENTS: u32 = 5;
    for step_pointers_max in [0, 1] {
        let bounds = GroupBounds { step_pointers_max, ..GroupBounds::default() };
        let mut begun = GroupStore::new(2, 2, bounds, Indexing::Never);
        begun.submit(&ask(1, ChannelChange::Turn(Form::Channel))).unwrap();
        begun.submit(&message(1, 1)).unwrap();
        begun.drain();
        let (mut forgotten, mut gaps) = (0, 0);
        let count = ALPHABET.len();
        for number in 0..count.pow(EVENTS) {
            let events: Vec<Event> =
                (0..EVENTS).map(|place| ALPHABET[number / count.pow(place) % count]).collect();
            let mut store = begun.again(Indexing::Never);
            let done = catch_unwind(AssertUnwindSafe(|| run(&mut store, &events)));
            let Ok((was_forgotten, had_gap)) = done else { panic!("{events:?}, {bounds:?}") };
            forgotten += usize::from(was_forgotten);
            gaps += usize::from(had_gap);
        }
        println!(
            "{} sequences of {EVENTS} events, {step_pointers_max} at once: {forgotten} forgot a follow, {gaps} told a gap",
            count.pow(EVENTS)
        );
        assert!(forgotten > 50 && gaps > 50);
    }
}
