//! What users show besides their names: whoever has something of a user ends with what is shown, across crashes, and is told
//! nothing else on the way.

use std::sync::Arc;

use highwater::{
    actors::profile_changes,
    logic::{
        Request,
        operation::{Operation, ProfileRequest},
    },
    model::{Contact, Effect, Profile, Record, Standing, UserId, record::ItemValue},
    sync::kinds::CONTACTS,
};

use crate::{operations::Ticket, oracle::Oracle, world::World};

impl Oracle {
    fn profile(&self, user: UserId) -> Profile {
        self.accounts.get(&user).map(|account| account.profile.clone()).unwrap_or_default()
    }

    fn is_open(&self, owner: UserId, other: UserId) -> bool {
        !self.blocks(owner, other) && !self.blocks(other, owner)
    }

    /// Everybody who has something of somebody, with what it is.
    fn held(&self) -> impl Iterator<Item = (UserId, &Contact)> {
        self.items.iter().filter_map(|((owner, kind, _), item)| match &item.value {
            Some(ItemValue::Contact(contact)) if *kind == CONTACTS => Some((*owner, &**contact)),
            _ => None,
        })
    }
}

impl World {
    /// A user shows something else, once or some times in a row.
    pub fn change_profile_one(&mut self) {
        let Some(client) = self.any_live_client() else { return };
        let by = self.clients[client].principal();
        for _ in 0..1 + self.random.below(7) {
            let text =
                |name: &str, number| if number == 0 { String::new() } else { format!("{name}{number}") };
            let [display_name, avatar, about] =
                ["called", "avatar/", "about "].map(|name| text(name, self.random.below(3)));
            let profile = Profile { display_name, avatar, about, ..Profile::default() };
            let request = ProfileRequest::Set { by, profile };
            self.submit(Request::Profile(request), Ticket::Other);
        }
    }

    /// The task that tells changes gets one step further; what the committer has no room for is lost.
    pub fn tell_profiles(&mut self) {
        if self.running().index_is_broken {
            return;
        }
        let (at, view) = (self.telling.take(), self.shell.view());
        let found = profile_changes::find(&view, at).unwrap_or_else(|fault| panic!("G1: {fault}"));
        drop(view);
        self.telling = found.next;
        if !found.keys.is_empty() {
            self.counts.saw("profile told to everybody");
            let removed = self.running().committer.remove_from_index(&found.keys);
            self.running().index_is_broken |= removed.is_err();
        }
        for request in found.requests {
            if self.random.one_in(8) {
                self.counts.saw("telling of a profile lost");
            } else {
                self.submit(request, Ticket::Other);
            }
        }
    }

    /// At the end nobody lacks what somebody shows, unless one of the two blocks the other.
    pub fn tell_every_profile(&mut self) {
        for _ in 0..200 {
            while self.index_batch() {}
            self.tell_profiles();
            self.work_off();
            if self.telling.is_none() {
                break;
            }
        }
        assert_eq!(self.telling, None, "the telling of profiles comes to no end");
        let lacking = |(owner, held): &(UserId, &Contact)| {
            let is_open = self.oracle.is_open(*owner, held.user) && held.standing != Standing::Erased;
            is_open && !held.shows(&self.oracle.profile(held.user))
        };
        let lacking: Vec<_> = self.oracle.held().filter(lacking).collect();
        assert!(lacking.is_empty(), "these are not told what somebody shows: {lacking:?}");
    }

    /// A record is about to be published: what somebody has of another shows what is shown now, or what it showed before; and
    /// nothing new while one blocks the other, unless a message of who blocks introduces them.
    pub fn check_profiles(&mut self, record: &Record) {
        for effect in &record.effects {
            let Effect::Item { user, item, .. } = effect else { continue };
            let Some(ItemValue::Contact(after)) = &item.value else { continue };
            let before = self.oracle.contact(*user, after.user);
            let shown = |contact: &Contact| (contact.display_name.clone(), contact.avatar.clone());
            let is_same = before.map(shown).unwrap_or_default() == shown(after);
            let is_of_now = after.shows(&self.oracle.profile(after.user));
            assert!(is_same || is_of_now, "{user} is told what {} does not show: {after:?}", after.user);
            let is_blocked = after.is_blocked || self.oracle.blocks(after.user, *user);
            let is_message = record.effects.iter().any(|effect| matches!(effect, Effect::Message(_)));
            // Who unblocks ends a block of the records before this one.
            let ends_one =
                |effect: &Effect| matches!(effect, Effect::ContactTally(tally) if tally.user == after.user);
            let ends = record.effects.iter().any(ends_one);
            let is_new = before.is_none() || is_message || ends;
            assert!(is_same || is_new || !is_blocked, "{user} is told of {} through a block", after.user);
            if !is_same && before.is_some() {
                self.counts.saw(if record.effects.len() == 1 {
                    "profile told"
                } else {
                    "profile made up for"
                });
            }
        }
        let changed = |effect: &Effect| matches!(effect, Effect::ProfileChanged(_));
        if record.effects.iter().any(changed) {
            self.counts.saw("profile changed");
        }
    }

    /// So many changes at once are too many, as the records say, or did within the same batch.
    pub fn change_of_profile_refused(&mut self, operation: &Operation, new: &[Arc<Record>]) {
        let user = operation.actor().expect("a user is refused");
        let of_user = |effect: &Effect| matches!(effect, Effect::Account(account) if account.user == user);
        let is_late = new.iter().any(|record| record.effects.iter().any(of_user));
        let is_paced = self.oracle.profile(user).pace(operation.at).is_none();
        assert!(is_paced || is_late, "{user} may not show something else");
        self.counts.saw("profile changed too often");
    }
}
