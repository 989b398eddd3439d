//! Turns by the operator at the end of histories: a group becomes a channel and a channel a group, while entries wait to be
//! expanded, people come and go, and the process dies. Whoever belonged to it when something was said is told that once.

use std::collections::BTreeSet;

use highwater::{
    logic::{
        Request,
        operation::{ChannelChange, ChannelRequest, GroupChange, GroupRequest, Target},
    },
    model::{ConversationId, Form, Role, UserId},
};
use highwater_wire::Refusal;

use crate::{afterwards::RENDERING, world::World};

/// What is done with one conversation.
const STEPS: u64 = 24;

/// A conversation that turns, and who is told of what is said there from now on.
struct Turning {
    id: ConversationId,
    /// The newest entry of before.
    head: u64,
    owner: UserId,
    form: Form,
    present: BTreeSet<UserId>,
    /// For whom each entry behind the head is.
    audiences: Vec<BTreeSet<UserId>>,
}

impl World {
    /// See the module.
    pub fn turn_conversations(&mut self) {
        for id in self.all_conversations() {
            if let Some(mut turning) = self.turning(id) {
                for _ in 0..STEPS {
                    self.turn_step(&mut turning);
                }
                while self.expand_now() {}
                self.check_turned(&turning);
                self.die_and_start();
                self.check_turned(&turning);
            }
        }
    }

    /// A group or a channel, if it has an owner who can be asked.
    fn turning(&self, id: ConversationId) -> Option<Turning> {
        let view = self.shell.view();
        let members = view.members(id).unwrap();
        let owner = members.values().find(|one| one.since().is_some() && one.role == Role::Owner)?.user;
        self.clients_of_others(&[]).get(&owner)?;
        let form = view.channel(id).unwrap().map_or(Form::Group, |row| row.form());
        let present = match form {
            Form::Group => members.values().filter(|one| one.since().is_some()).map(|one| one.user).collect(),
            Form::Channel => view.followers(id, 1000).unwrap(),
        };
        let head =
            view.range(id, (highwater::model::Seq(1), highwater::model::Seq(u64::MAX)), 100_000, usize::MAX);
        let head = head.unwrap().0.last().map_or(0, |last| last.seq.0);
        Some(Turning { id, head, owner, form, present, audiences: Vec::new() })
    }

    fn turn_step(&mut self, turning: &mut Turning) {
        let clients = self.clients_of_others(&[]);
        let (id, owner) = (turning.id, clients[&turning.owner]);
        let users: Vec<UserId> = clients.keys().copied().collect();
        let user = users[self.any(users.len())];
        let is_present = turning.present.contains(&user);
        let by = |place: usize| self.clients[place].principal();
        match (self.random.below(12), turning.form) {
            (0..4, _) => {
                let said = self.say_now(owner, Target::Conversation(id), "said around a turn");
                self.note_turning(turning, said.is_ok(), None);
                assert!(matches!(said, Ok(_) | Err(Refusal::Busy)), "{said:?}");
            }
            (4..6, form) => {
                let to = if form == Form::Group { Form::Channel } else { Form::Group };
                let waits = self.shell.view().unfinished_groups().unwrap().contains(&id);
                match self.do_now(Request::Turn(id, to)) {
                    Ok(_) => {
                        turning.form = to;
                        self.note_turning(turning, true, None);
                        self.counts.saw(if to == Form::Channel {
                            "turned to a channel"
                        } else {
                            "turned to a group"
                        });
                        if waits {
                            self.counts.saw("turned while entries wait");
                        }
                    }
                    Err(Refusal::GroupFull) => self.counts.saw("turn refused as full"),
                    Err(Refusal::Busy | Refusal::TooManyFollows) => {}
                    Err(other) => panic!("{other:?} is no answer to a turn"),
                }
            }
            (6, Form::Channel) if !is_present => {
                let change = ChannelChange::Follow;
                let request = ChannelRequest { by: by(clients[&user]), channel: id, change };
                if self.do_now(Request::Channel(request)).is_ok() {
                    turning.present.insert(user);
                    self.counts.saw("came between turns");
                }
            }
            (7, Form::Channel) if is_present && user != turning.owner => {
                let change = ChannelChange::Unfollow;
                let request = ChannelRequest { by: by(clients[&user]), channel: id, change };
                self.do_now(Request::Channel(request)).unwrap();
                turning.present.remove(&user);
                self.counts.saw("went between turns");
            }
            (6 | 7, Form::Group) if user != turning.owner => {
                let change =
                    if is_present { GroupChange::Remove(user) } else { GroupChange::Add(vec![user]) };
                let request = GroupRequest { by: by(owner), group: id, change };
                let is_done = self.do_now(Request::Group(request)).is_ok();
                self.note_turning(turning, is_done, Some((user, !is_present)));
            }
            (8 | 9, _) => drop(self.expand_now()),
            (10, _) => drop(self.running().committer.index_step().unwrap()),
            (11, _) if self.random.one_in(3) => self.die_and_start(),
            _ => {}
        }
    }

    /// An entry was written: it is for everybody who is there, and for who comes or goes by it.
    fn note_turning(&mut self, turning: &mut Turning, is_done: bool, change: Option<(UserId, bool)>) {
        if !is_done {
            return;
        }
        if let Some((user, true)) = change {
            turning.present.insert(user);
        }
        turning.audiences.push(turning.present.clone());
        if let Some((user, comes)) = change {
            self.counts.saw(if comes { "came between turns" } else { "went between turns" });
            if !comes {
                turning.present.remove(&user);
            }
        }
    }

    fn check_turned(&mut self, turning: &Turning) {
        let id = turning.id;
        for (user, client) in self.clients_of_others(&[]) {
            let is_for = |audience: &BTreeSet<UserId>| audience.contains(&user);
            let due: Vec<u64> = (turning.head + 1..)
                .zip(&turning.audiences)
                .filter(|(_, audience)| is_for(audience))
                .map(|(seq, _)| seq)
                .collect();
            let new = |seq: &u64| *seq > turning.head;
            let pages = self.told_by_pages(client);
            let told = pages.entries.keys().filter(|(of, _)| *of == id.0).map(|(_, seq)| *seq).filter(new);
            assert_eq!(told.collect::<Vec<_>>(), due, "G1, G7: {id} by pages for {user}");
            let read = self.told_by_seq(user, id).into_iter().map(|entry| entry.seq).filter(new);
            assert_eq!(read.collect::<Vec<_>>(), due, "G2, G7: {id} by seq for {user}");
            let whole = self.told_whole(user);
            let told = whole.places().map(|(place, _)| place).filter(|(of, _)| *of == id.0);
            let told: Vec<u64> = told.map(|(_, seq)| seq).filter(new).collect();
            assert_eq!(told, due, "G10: {id} without snapshots for {user}");
            let item = pages.items.get(&(u32::from(highwater::sync::kinds::CONVERSATIONS.0), id.to_string()));
            assert_eq!(item.is_some(), turning.present.contains(&user), "conversation {id} of {user}");
            self.compare_now(user, client);
        }
        let view = self.shell.view();
        let followers = view.followers(id, 1000).unwrap();
        let count = view.channel(id).unwrap().map_or(0, |row| row.followers);
        assert_eq!(count, followers.len() as u64, "followers of {id}");
        let due = if turning.form == Form::Channel { turning.present.clone() } else { BTreeSet::new() };
        assert_eq!(followers, due, "followers of {id} at {}", RENDERING.level);
    }
}
