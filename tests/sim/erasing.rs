//! Erasures at the end of histories: one user is erased while entries wait to be expanded, others go on, the cleaner's steps
//! are lost now and then, and the process dies. From the erasure on nobody is told a letter of the user's, by no way; at the
//! end the index has none, and what others wrote stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use highwater::{
    actors::cleaner::{Judging, Left, Place, find},
    logic::{
        Answer, Request,
        operation::{
            ChangeContact, ContactChange, DoorChange, Erase, ErasedBy, ErasureRequest, GroupChange,
            GroupRequest, Target,
        },
    },
    model::{Contact, ConversationId, Form, LinkSecret, Role, Seq, UserId, Version},
    store::engine::{Direction, Engine},
};
use highwater_wire::proto::{self, entry};

use crate::world::World;

/// In everything that the user writes before the erasure.
const SECRET: &str = "a secret of the erased";

/// What comes with a request, which others are shown until its step.
const GREETING: &str = "a greeting of the erased";

/// What happens between the erasure and the time in which everything goes as it should.
const STEPS: u64 = 30;

/// Passes until nothing is left; each erasure takes four or five.
const PASSES_MAX: u64 = 30;

/// An erasure under way.
struct Erasing {
    user: UserId,
    begun: Version,
    /// The others, and a client of each.
    others: BTreeMap<UserId, usize>,
    /// What others wrote, as each reads it by seq.
    stands: BTreeMap<UserId, BTreeSet<String>>,
    /// Where the cleaner is.
    place: Place,
}

fn as_text(entry: &proto::Entry) -> String {
    serde_json::to_string(entry).unwrap()
}

fn is_written(entry: &proto::Entry) -> bool {
    matches!(entry.content, Some(entry::Content::Text(_) | entry::Content::Custom(_)))
}

impl World {
    /// See the module.
    pub fn erase_somebody(&mut self) {
        let Some(client) = self.any_live_client() else { return };
        let user = self.clients[client].user;
        let others = self.clients_of_others(&[user]);
        if others.is_empty() || !self.write_secrets(client, &others) {
            return;
        }
        let stands = others.keys().map(|other| (*other, self.written_by_others(*other, user))).collect();
        let erase = Erase { user, by: ErasedBy::Operator, frees_name: self.random.one_in(2) };
        self.do_now(Request::Erase(ErasureRequest::Begin(erase))).unwrap();
        let begun = self.shell.view().bound();
        self.counts.saw("erasure begun");
        let mut erasing = Erasing { user, begun, others, stands, place: Place::Erasing(None) };
        self.assert_hidden(&erasing);
        for _ in 0..STEPS {
            self.erasing_step(&mut erasing);
        }
        self.finish(&mut erasing);
        self.check_erased(&erasing);
        self.die_and_start();
        self.check_erased(&erasing);
    }

    /// The user writes wherever that is possible. True if it was anywhere.
    fn write_secrets(&mut self, client: usize, others: &BTreeMap<UserId, usize>) -> bool {
        let by = self.clients[client].principal();
        let mut wrote = false;
        for other in others.keys() {
            wrote |= self.say_now(client, Target::User(*other), SECRET).is_ok();
            let change = ContactChange::Ask { greeting: GREETING.to_owned() };
            drop(self.do_now(Request::ChangeContact(ChangeContact { by, other: *other, change })));
        }
        for id in self.all_conversations() {
            wrote |= self.say_now(client, Target::Conversation(id), SECRET).is_ok();
            let change = GroupChange::Announce(SECRET.to_owned());
            drop(self.do_now(Request::Group(GroupRequest { by, group: id, change })));
        }
        self.ask_to_come_in(client, others);
        if self.random.one_in(2) {
            while self.expand_now() {}
        } else if !self.shell.view().unfinished_groups().unwrap().is_empty() {
            self.counts.saw("erasure while entries wait");
        }
        wrote
    }

    /// The user asks to come into the groups of others who want to be asked.
    fn ask_to_come_in(&mut self, client: usize, others: &BTreeMap<UserId, usize>) {
        let by = self.clients[client].principal();
        let (secret, id) = (LinkSecret([9; 16]), [9; 16]);
        for group in self.all_conversations() {
            let members = self.shell.view().members(group).unwrap();
            let owner = members.values().find(|one| one.since().is_some() && one.role == Role::Owner);
            let owner = owner.and_then(|owner| others.get(&owner.user));
            let Some(keeper) = owner.map(|place| self.clients[*place].principal()) else { continue };
            let make = DoorChange::MakeLink { id, secret, valid_s: 600, uses_max: 9 };
            let join = DoorChange::Join(secret, GREETING.to_owned());
            for (by, what) in [(keeper, DoorChange::SetApproval(true)), (keeper, make), (by, join)] {
                let change = GroupChange::Door(what);
                if let Ok(Answer::Asked(_)) = self.do_now(Request::Group(GroupRequest { by, group, change }))
                {
                    self.counts.saw("erased while asking to come in");
                }
            }
        }
    }

    /// Texts that somebody reads, of everybody but one.
    fn written_by_others(&self, reader: UserId, but: UserId) -> BTreeSet<String> {
        let all = self.all_conversations();
        let read = all.into_iter().flat_map(|id| self.told_by_seq(reader, id));
        let kept = read.filter(|entry| entry.sender_id != but.0 && is_written(entry));
        kept.map(|entry| as_text(&entry)).collect()
    }

    fn erasing_step(&mut self, erasing: &mut Erasing) {
        match self.random.below(16) {
            0 | 1 => {
                self.counts.saw("crash in an erasure");
                self.die_and_start();
                erasing.place = Place::Erasing(None);
            }
            2..6 => drop(self.running().committer.index_step().unwrap()),
            6..11 => drop(self.clean_erased(erasing, true)),
            11 => drop(self.expand_now()),
            12 | 13 => self.go_on(erasing),
            _ => self.assert_hidden(erasing),
        }
    }

    /// Others write, and meet the erased one.
    fn go_on(&mut self, erasing: &Erasing) {
        let place = self.any(erasing.others.len());
        let client = *erasing.others.values().nth(place).unwrap();
        let by = self.clients[client].principal();
        assert!(self.say_now(client, Target::User(erasing.user), "are you there?").is_err());
        let all = self.all_conversations();
        let id = all[self.any(all.len())];
        drop(self.say_now(client, Target::Conversation(id), "life goes on"));
        let change = match self.random.below(4) {
            0 => ContactChange::Accept,
            1 => ContactChange::Block,
            2 => ContactChange::Delete,
            _ => ContactChange::Note { remark: "who was that?".to_owned(), labels: Vec::new() },
        };
        let is_refusable = matches!(change, ContactChange::Accept | ContactChange::Note { .. });
        let other = erasing.user;
        let changed = self.do_now(Request::ChangeContact(ChangeContact { by, other, change }));
        assert_eq!(changed.is_err(), is_refusable, "what is left is nobody's to accept or note: {changed:?}");
        let change = GroupChange::Add(vec![other]);
        let added = self.do_now(Request::Group(GroupRequest { by, group: id, change }));
        assert!(added.is_err(), "who is erased was added");
    }

    /// One step of the cleaner; on the way some of what it wants is lost. What it leaves, at the end of a pass.
    fn clean_erased(&mut self, erasing: &mut Erasing, is_lossy: bool) -> Option<Left> {
        let since = self.running().committer.heard_since();
        let retentions = self.running().committer.policy().retentions;
        let judging = Judging { since, now: None, retentions, awaited: erasing.begun };
        let found = find(&self.shell.view(), erasing.place.clone(), &judging).unwrap();
        for request in found.requests {
            if !is_lossy || !self.random.one_in(5) {
                self.counts.saw("erasure step");
                self.do_now(request).unwrap();
            }
        }
        if !is_lossy || !self.random.one_in(5) {
            self.running().committer.remove_from_index(&found.keys).unwrap();
            self.counts.saw_many("chunk without what was erased", found.rewrites.len() as u64);
            self.running().committer.rewrite_in_index(found.rewrites).unwrap();
        }
        let is_end = found.next.is_none();
        erasing.place = found.next.unwrap_or(Place::Erasing(None));
        is_end.then_some(found.left)
    }

    fn finish(&mut self, erasing: &mut Erasing) {
        while self.expand_now() {}
        self.index_all_now();
        erasing.place = Place::Erasing(None);
        let mut passes = 0;
        loop {
            match self.clean_erased(erasing, false) {
                Some(Left::Nothing) => break,
                Some(_) => {
                    while self.expand_now() {}
                    self.index_all_now();
                    passes += 1;
                }
                None => {}
            }
            assert!(passes < PASSES_MAX, "the erasure comes to no end");
        }
        assert!(self.shell.view().erasure(erasing.user).unwrap().unwrap().is_done);
        self.counts.saw("erasure done");
    }

    /// Nobody is told anything that the erased one wrote: in pages, without snapshots, by seq, in an archive, and in what
    /// pushes are made of.
    fn assert_hidden(&mut self, erasing: &Erasing) {
        self.counts.saw("erased text looked for");
        for (other, client) in &erasing.others {
            let pages = self.told_by_pages(*client);
            let whole = self.told_whole(*other);
            let mut told: Vec<proto::Entry> = pages.entries.into_values().collect();
            told.extend(whole.places().filter_map(|(place, _)| Some(whole.entry(place)?.1.clone())));
            for id in self.all_conversations() {
                told.extend(self.told_by_seq(*other, id));
            }
            for entry in &told {
                let is_of_erased = entry.sender_id == erasing.user.0;
                assert!(!(is_of_erased && is_written(entry)), "{other} is told {entry:?}");
                assert!(!as_text(entry).contains(SECRET), "{other} is told {entry:?}");
            }
            let archive = self.exported(*other);
            assert!(!has(&archive, SECRET), "the archive of {other} has a secret");
            let tail = self.running().committer.tail();
            let pushes = tail.inbox_above(*other, tail.indexed(), tail.durable(), 10_000);
            for entry in pushes.into_iter().flat_map(|(entries, _)| entries) {
                assert!(!format!("{:?}", entry.message.content).contains(SECRET), "pushed to {other}");
            }
        }
    }

    /// What must be so when nothing is left of the erasure.
    fn check_erased(&mut self, erasing: &Erasing) {
        self.assert_hidden(erasing);
        for letters in [SECRET, GREETING] {
            assert!(!self.index_has(letters), "the index has {letters:?}");
        }
        for (other, client) in &erasing.others {
            let now = self.written_by_others(*other, erasing.user);
            assert!(erasing.stands[other].is_subset(&now), "G4: what others wrote stands, for {other}");
            self.compare_now(*other, *client);
            let held = self.shell.view().contact(*other, erasing.user).unwrap();
            let is_nobody = held
                .is_none_or(|held| Contact { is_blocked: false, ..*held } == Contact::erased(erasing.user));
            assert!(is_nobody, "{other} has somebody");
        }
        for id in self.all_conversations() {
            self.check_conversation(erasing.user, id);
        }
        let own = self.shell.view().own_keys(erasing.user, 9).unwrap();
        assert_eq!(own, Vec::<Vec<u8>>::new(), "something is left of the user's own");
    }

    /// Seqs are dense, the erased one belongs to nothing, and of whom it was is somebody else.
    fn check_conversation(&mut self, erased: UserId, id: ConversationId) {
        let view = self.shell.view();
        let Some(row) = view.conversation(id).unwrap() else { return };
        let (log, _) = view.range(id, (Seq(1), Seq(u64::MAX)), 100_000, usize::MAX).unwrap();
        let seqs: Vec<u64> = log.iter().map(|message| message.seq.0).collect();
        assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]), "G2: a hole in {id}");
        if !row.is_group() {
            return;
        }
        let members = view.members(id).unwrap();
        let present: Vec<_> = members.values().filter(|one| one.since().is_some()).collect();
        assert!(present.iter().all(|one| one.user != erased), "{erased} is a member of {id}");
        let owners = present.iter().filter(|one| one.role == Role::Owner).count();
        assert_eq!(owners, usize::from(!present.is_empty()), "owners of {id}");
        let followers = view.followers(id, 1000).unwrap();
        assert!(!followers.contains(&erased), "{erased} follows {id}");
        let channel = view.channel(id).unwrap();
        assert_eq!(channel.as_ref().map_or(0, |row| row.followers), followers.len() as u64);
        let is_channel = channel.is_some_and(|row| row.form() == Form::Channel);
        let was_owned = log.last().is_some_and(|last| last.sender == erased);
        match (is_channel, owners) {
            (true, 0) => self.counts.saw("channel ended by an erasure"),
            (_, 1) if was_owned => self.counts.saw("conversation goes on after an erasure"),
            _ => {}
        }
    }

    fn index_has(&self, letters: &str) -> bool {
        let mut found = false;
        let visit = &mut |_: &[u8], value: &[u8]| {
            found |= has(value, letters);
            ControlFlow::Continue(())
        };
        Engine::scan(&*self.shell.engine, &[], None, Direction::Forward, visit).unwrap();
        found
    }
}

fn has(bytes: &[u8], letters: &str) -> bool {
    bytes.windows(letters.len()).any(|window| window == letters.as_bytes())
}
