//! What was delivered to a device, as others are told it, equals a recount of every pointer that was ever made: in a group
//! whose entries come in steps, and between two, whatever was handed back, left out of the index, and lost by crashes.

use std::collections::BTreeMap;

use highwater::{
    logic::{
        Answer, Request,
        operation::{GroupChange, HandedBack, OpenLineage, Send, Target},
    },
    model::{
        ClientMessageId, Content, ConversationId, Day, Effect, GroupBounds, GroupEffect, KindSet, LineageId,
        Seq, UserId, Version, limits::KINDS_MAX,
    },
    store::files_faulty::SeededRandom,
};
use highwater_wire::kind;

use crate::group_store::{GROUP, GroupStore, Indexing, device};

/// Users; the first one owns the group. Every second one has lineages that began later.
const USERS: u64 = 5;

/// Everything that was ever pointed to, of one user.
#[derive(Default)]
struct Pointed {
    /// Version of the pointer, and the place.
    pointers: Vec<(Version, ConversationId, Seq)>,
}

/// What the records say, from the first one.
#[derive(Default)]
struct Recount {
    users: BTreeMap<u64, Pointed>,
    /// Versions of the entries themselves.
    entries: BTreeMap<(ConversationId, Seq), Version>,
    lineages: BTreeMap<u64, Vec<(Version, Version)>>,
}

impl Recount {
    fn of(store: &GroupStore) -> Recount {
        let mut recount = Recount::default();
        for record in store.records() {
            for effect in &record.effects {
                match effect {
                    Effect::Message(delivery) => {
                        let place = (delivery.message.conversation, delivery.message.seq);
                        recount.entries.insert(place, delivery.version);
                        recount.point(&delivery.pointers, delivery.version, place);
                    }
                    Effect::Group(GroupEffect::Expanded(step)) => {
                        recount.point(&step.pointers, step.version, (step.group, step.seq));
                    }
                    Effect::Lineages(rows) => {
                        let marks = rows.rows.iter().map(|row| (row.from, row.acked_messages()));
                        recount.lineages.insert(rows.user.0, marks.collect());
                    }
                    _ => {}
                }
            }
        }
        recount
    }

    fn point(
        &mut self,
        pointers: &[(UserId, Version)],
        version: Version,
        (conversation, seq): (ConversationId, Seq),
    ) {
        for (user, _) in pointers {
            let pointed = self.users.entry(user.0).or_default();
            pointed.pointers.push((version, conversation, seq));
        }
    }

    /// The newest place of a conversation at or below a mark, of a lineage to which its entry came after it had begun.
    fn delivered(&self, user: u64, conversation: ConversationId) -> Seq {
        let Some(pointed) = self.users.get(&user) else { return Seq(0) };
        let of_lineage = |(from, acked): &(Version, Version)| {
            let given =
                pointed.pointers.iter().filter(|(version, of, _)| *of == conversation && version <= acked);
            let newest = given.map(|(_, _, seq)| *seq).max()?;
            (self.entries[&(conversation, newest)] > *from).then_some(newest)
        };
        self.lineages.get(&user).into_iter().flatten().filter_map(of_lineage).max().unwrap_or_default()
    }
}

struct World {
    store: GroupStore,
    sent: u64,
    directs: BTreeMap<ConversationId, [u64; 2]>,
}

impl World {
    fn new(bounds: GroupBounds, indexing: Indexing) -> World {
        let store = GroupStore::new(USERS, 3, bounds, indexing);
        let mut world = World { store, sent: 0, directs: BTreeMap::new() };
        (1..=USERS).for_each(|user| world.open(user, 0));
        world
    }

    fn open(&mut self, user: u64, context: u8) {
        let open = OpenLineage { by: device(user), context, kinds: KindSet::ALL };
        self.store.submit(&Request::OpenLineage(open)).unwrap();
    }

    fn write_to(&mut self, by: u64, other: u64) {
        self.sent += 1;
        let mut id = [0xdd; 16];
        id[..8].copy_from_slice(&self.sent.to_be_bytes());
        let request = Send {
            by: device(by),
            to: Target::User(UserId(other)),
            id: ClientMessageId(id),
            day: Day(20_000),
            content: Content::from("between two"),
            shown: Seq(0),
        };
        let Ok(Answer::Sent { conversation, .. }) = self.store.submit(&Request::Send(request)) else {
            panic!("not sent");
        };
        self.directs.insert(conversation, [by, other]);
    }

    /// A lineage has everything through a version that is, or was, of its inbox.
    fn hand_back(&mut self, user: u64, context: u8, random: &mut SeededRandom) {
        let recount = Recount::of(&self.store);
        let Some(pointed) = recount.users.get(&user) else { return };
        let newest = pointed.pointers.len() as u64;
        let place = if random.one_in(2) { newest - 1 } else { random.below(newest) };
        let mut marks = [Version(0); KINDS_MAX];
        marks[kind::MESSAGES as usize - 1] = pointed.pointers[place as usize].0;
        let lineage = LineageId { device: device(user).device, context };
        let handed = vec![HandedBack { lineage, marks }];
        self.store.submit(&Request::HandBack { user: UserId(user), handed }).unwrap();
    }

    fn check(&self) {
        let (recount, view) = (Recount::of(&self.store), self.store.view());
        let members = view.members(GROUP).unwrap();
        let row = view.conversation(GROUP).unwrap().unwrap();
        for member in members.values() {
            let Some(joined) = member.since() else { continue };
            let within = |seq: Seq| if seq < joined { Seq(0) } else { seq };
            let user = member.user;
            let found = view.delivered(user, &row).unwrap();
            assert_eq!(within(found), within(recount.delivered(user.0, GROUP)), "of the group, {user}");
        }
        for (conversation, users) in &self.directs {
            let row = view.conversation(*conversation).unwrap().unwrap();
            for user in users {
                let found = view.delivered(UserId(*user), &row).unwrap();
                assert_eq!(found, recount.delivered(*user, *conversation), "of {conversation}, {user}");
            }
        }
    }
}

#[test]
fn what_was_delivered_equals_a_recount_in_random_histories() {
    let seeds = std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut told = 0;
    for seed in seeds.map_or(0..60, |seed: u64| seed..seed + 1) {
        println!("seed {seed}");
        let mut random = SeededRandom(SeededRandom(seed).next_u64());
        let bounds =
            GroupBounds { members_max: USERS as usize, step_pointers_max: 1 + random.below(4) as usize };
        let indexing = if random.one_in(2) { Indexing::Never } else { Indexing::Always };
        let mut world = World::new(bounds, indexing);
        for _ in 0..120 {
            let (user, other) = (1 + random.below(USERS), 1 + random.below(USERS));
            match random.below(16) {
                0..4 => drop(world.store.send(user)),
                4..6 if user != other => world.write_to(user, other),
                6..10 => world.hand_back(user, 0, &mut random),
                10 if user % 2 == 0 => world.open(user, 1),
                11 if user % 2 == 0 => world.hand_back(user, 1, &mut random),
                12 => drop(world.store.change(1, GroupChange::Add(vec![UserId(user)]))),
                13 if user != 1 => drop(world.store.change(1, GroupChange::Remove(UserId(user)))),
                14 if random.one_in(4) => world.store.crash(),
                14 => world.store.index(),
                _ => world.store.expand(),
            }
            world.check();
        }
        let recount = Recount::of(&world.store);
        told += (1..=USERS).filter(|user| recount.delivered(*user, GROUP) > Seq(0)).count();
    }
    assert!(told > 0, "something was delivered");
}
