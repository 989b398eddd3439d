//! Histories of a channel that everybody is to follow: users are made, follow, leave and are erased while the steps pass, an
//! operator takes it back and says it again, some of what the cleaner asks is lost, and the store crashes anywhere in
//! between. Nobody is ever missed whom the steps have passed, or who was made since; at the end everybody follows, once.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use highwater_wire::Refusal;

use super::{erasing_tests::Store, finding::Place};
use crate::{
    logic::{
        Operation, Request,
        broadcasts::{BroadcastRequest, USERS_PER_STEP},
        on_behalf::{OnBehalf, Voucher},
        operation::{
            ChannelChange, ChannelRequest, Erase, ErasedBy, ErasureRequest, MakeUser, NO_DEVICE, Principal,
        },
    },
    model::{ConversationId, DeviceId, Follow, TimeMs, UserId, Version},
    sync::kinds::{ACCOUNT, CONVERSATIONS},
};

const NEWS: ConversationId = ConversationId(0xc4a);

/// More than three steps take.
const MADE_BEFORE: u64 = 3 * USERS_PER_STEP as u64 + 10;

/// A history and what must be so in it.
struct History {
    store: Store,
    /// Who is there, and whether it is a bot.
    users: BTreeMap<UserId, bool>,
    /// The bot that owns the channel.
    owner: UserId,
}

impl History {
    fn new(seed: u64) -> History {
        let mut history = History { store: Store::new(seed), users: BTreeMap::new(), owner: UserId(0) };
        // Those of the store, who have devices.
        history.users.extend((1..=5).map(|user| (UserId(user), false)));
        history.owner = history.make(true);
        let made = history.ask(history.owner, ChannelChange::Create("news".to_owned()));
        assert_eq!(made, Ok(()));
        for _ in 0..MADE_BEFORE {
            history.make(false);
        }
        history
    }

    /// Somebody comes, whose id is before or behind those of others.
    fn make(&mut self, bot: bool) -> UserId {
        let user = UserId((1 << 20) + self.store.below(1 << 40));
        let make = MakeUser { by: Voucher::Operator, user, name: format!("u{user}"), password: None, bot };
        self.store.submit(&Request::MakeUser(make)).unwrap();
        self.users.insert(user, bot);
        user
    }

    /// What an app asks for a user.
    fn ask(&mut self, user: UserId, change: ChannelChange) -> Result<(), Refusal> {
        let by = Principal { user, device: NO_DEVICE };
        let request = Request::Channel(ChannelRequest { by, channel: NEWS, change });
        // As the operator may for a bot; for others a device asks, which the users of the store have.
        let request = match self.users[&user] {
            true => {
                let operation = Box::new(Operation { at: TimeMs(5), request });
                Request::OnBehalf(OnBehalf { by: Voucher::Operator, operation })
            }
            false => request,
        };
        self.store.submit(&request).map(drop)
    }

    fn set(&mut self, is_on: bool) {
        let set = BroadcastRequest::Set { channel: NEWS, is_on };
        self.store.submit(&Request::Broadcast(set)).unwrap();
    }

    /// One of the users of the store does something with the channel.
    fn stir(&mut self, change: ChannelChange) -> Result<(), Refusal> {
        let user = 1 + self.store.below(5);
        let by = Principal { user: UserId(user), device: DeviceId(10 * user) };
        let request = Request::Channel(ChannelRequest { by, channel: NEWS, change });
        self.store.submit(&request).map(drop)
    }

    fn erase_somebody(&mut self) {
        let places = self.users.len() as u64;
        let place = usize::try_from(self.store.below(places)).unwrap();
        let user = *self.users.keys().nth(place).unwrap();
        // The owner stays, and those who stir.
        if self.users[&user] || user.0 <= 5 {
            return;
        }
        let begin = ErasureRequest::Begin(Erase { user, by: ErasedBy::Operator, frees_name: false });
        self.store.submit(&Request::Erase(begin)).unwrap();
        self.users.remove(&user);
    }

    fn happen(&mut self) {
        let is_on = !self.store.view().broadcasts().unwrap().0.is_empty();
        match self.store.below(12) {
            0 | 1 => self.store.index(),
            2 => self.store.crash(),
            3 | 4 => drop(self.make(false)),
            5 => drop(self.make(true)),
            6 => self.erase_somebody(),
            7 => drop(self.stir(ChannelChange::Follow)),
            8 => {
                let left = self.stir(ChannelChange::Unfollow);
                assert_eq!(left == Err(Refusal::FollowedByAll), is_on, "nobody leaves while it is on");
            }
            9 if self.store.below(4) == 0 => self.set(!is_on),
            _ => {}
        }
        self.assert_nobody_is_missed();
    }

    /// One pass of the cleaner, in which anything may happen and some of what it asks is lost. Returns whether it asked.
    fn pass(&mut self, is_calm: bool) -> bool {
        let (mut place, mut asked) = (Place::AWAITED, false);
        while let Place::Broadcasting(_) = place {
            if !is_calm {
                self.happen();
            }
            let found = self.store.find(place);
            for request in found.requests {
                asked = true;
                if is_calm || self.store.below(4) > 0 {
                    self.store.submit(&request).unwrap();
                }
                if !is_calm {
                    self.happen();
                }
            }
            place = found.next.unwrap();
        }
        asked
    }

    /// Whom the steps have passed follows, and so does who was made since; to a bot nobody gives it.
    fn assert_nobody_is_missed(&self) {
        let view = self.store.view();
        let Some(row) = view.broadcasts().unwrap().get(NEWS).copied() else { return };
        for (user, bot) in &self.users {
            let created_since = view.item_version(*user, ACCOUNT, "me").unwrap() > row.begun;
            let is_due = created_since || row.left_after.is_none_or(|left_after| *user <= left_after);
            let follow = view.follow(*user, NEWS).unwrap();
            let is_open = follow.as_ref().is_some_and(Follow::is_open);
            assert!(*bot || !is_due || is_open, "{user} was missed: {row:?}");
            assert!(!bot || !is_open || *user == self.owner, "{user} is a bot");
        }
    }

    /// Everybody has it once, and what is counted is so.
    fn assert_everybody_follows(&self) {
        let view = self.store.view();
        let following = view.followers(NEWS, usize::MAX).unwrap();
        let expected = self.users.iter().filter(|(user, bot)| !**bot || **user == self.owner);
        for user in expected.map(|(user, _)| *user) {
            assert!(following.contains(&user), "{user} does not follow");
            let follow = view.follow(user, NEWS).unwrap().unwrap();
            assert!(follow.is_open() && view.follow_count(user).unwrap() == 1, "{follow:?}");
            let items = view.items_above(user, CONVERSATIONS, Version(0), 99).unwrap();
            let told = items.iter().filter(|item| item.key == NEWS.to_string() && item.value.is_some());
            assert_eq!(told.count(), 1);
        }
        let row = view.channel(NEWS).unwrap().unwrap();
        assert_eq!(row.followers, following.len() as u64, "the count is that of the rows");
    }
}

#[test]
fn everybody_follows_in_the_end_whatever_happens_on_the_way() {
    for seed in 1..=30 {
        let mut history = History::new(seed);
        if seed % 2 == 0 {
            history.store.index();
        }
        history.set(true);
        for _ in 0..12 {
            history.pass(false);
        }
        history.set(true);
        history.store.index();
        while history.pass(true) {
            history.assert_nobody_is_missed();
        }
        let rows = history.store.view().broadcasts().unwrap();
        assert_eq!(rows.0[0].left_after, None, "seed {seed}: the steps have an end");
        history.assert_everybody_follows();
        history.store.index();
        history.store.crash();
        history.assert_everybody_follows();
        assert!(!history.pass(true), "seed {seed}: nothing is asked for again");
    }
}

#[test]
fn a_step_for_what_was_taken_back_changes_nothing() {
    let mut history = History::new(1);
    history.store.index();
    history.set(true);
    history.store.index();
    let late = history.store.find(Place::AWAITED).requests;
    assert!(late.len() > 3, "there are several steps");
    history.set(false);
    // Made while it is off, so no step of before knows of them.
    let new: Vec<UserId> = (0..3).map(|_| history.make(false)).collect();
    history.set(true);
    let before = history.store.view().broadcasts().unwrap();
    for step in &late {
        history.store.submit(step).unwrap();
    }
    assert_eq!(history.store.view().broadcasts().unwrap(), before);
    history.store.index();
    history.pass(true);
    for user in new {
        assert!(history.store.view().follow(user, NEWS).unwrap().is_some());
    }
    history.assert_everybody_follows();
}

#[test]
fn what_the_index_does_not_have_yet_waits() {
    let mut history = History::new(2);
    history.set(true);
    let found = history.store.find(Place::AWAITED);
    assert!(found.requests.is_empty(), "whom it concerns is found in the index");
    assert_eq!((found.left, found.next), (super::Left::Waits, Some(Place::Erasing(None))));
    history.store.index();
    assert_eq!(history.store.find(Place::AWAITED).left, super::Left::Moves);
}
