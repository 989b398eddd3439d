//! Accounts that an operator suspends and resumes: nothing of theirs passes meanwhile, and nothing of theirs is lost.

use std::sync::Arc;

use highwater::{
    logic::{Operation, Request},
    model::{Content, Effect, Notice, Record, UserId, record::Account},
};

use crate::{operations::Ticket, world::World};

impl World {
    /// An operator suspends the user of a client, or resumes one who is.
    pub fn suspend_or_resume(&mut self, client: usize) {
        let suspended: Vec<UserId> = self.suspended();
        let (user, suspended) = match suspended.first() {
            Some(user) if !self.random.one_in(4) => (*user, false),
            _ => (self.clients[client].user, true),
        };
        self.submit(Request::Suspend { user, suspended }, Ticket::Other);
    }

    fn suspended(&self) -> Vec<UserId> {
        let accounts = self.oracle.accounts.values();
        accounts.filter(|account| account.suspended).map(|account| account.user).collect()
    }

    /// At the end nobody is kept out, so that everybody can be asked what they have.
    pub fn resume_everybody(&mut self) {
        self.work_off();
        for user in self.suspended() {
            self.submit(Request::Suspend { user, suspended: false }, Ticket::Other);
        }
        self.work_off();
        assert!(self.suspended().is_empty(), "somebody is not resumed");
    }

    /// A record is about to be published: an account and its devices stay of one mind, and nobody suspended writes.
    pub fn check_suspension(&mut self, record: &Record) {
        for effect in &record.effects {
            match effect {
                Effect::Account(account) => self.check_one_mind(account, record),
                Effect::Device(device)
                    if device.suspended && self.sessions.keys().any(|id| id.device == device.device) =>
                {
                    self.counts.saw("suspended with a session");
                }
                Effect::Message(delivery) => {
                    let is_out = |user: &UserId| {
                        self.oracle.accounts.get(user).is_some_and(|account| account.suspended)
                    };
                    // That somebody asks to come in is said with the name of whose link it was.
                    let is_asking = matches!(&delivery.message.content, Content::Notice(notice) if **notice == Notice::Asked);
                    let writer = delivery.message.sender;
                    assert!(is_asking || !is_out(&writer), "a suspended user wrote");
                    if delivery.pointers.iter().any(|(user, _)| is_out(user)) {
                        self.counts.saw("message to a suspended user");
                    }
                }
                _ => {}
            }
        }
    }

    fn check_one_mind(&mut self, account: &Account, record: &Record) {
        for device in &account.devices {
            let written = record.effects.iter().find_map(|effect| match effect {
                Effect::Device(row) if row.device == *device => Some(row.suspended),
                _ => None,
            });
            let is_out = written.unwrap_or_else(|| self.oracle.devices[device].suspended);
            assert_eq!(is_out, account.suspended, "device {device} and its account differ");
        }
        let before = self.oracle.accounts.get(&account.user).is_some_and(|before| before.suspended);
        match (before, account.suspended) {
            (false, true) => self.counts.saw("suspended"),
            (true, false) => self.counts.saw("resumed"),
            _ => {}
        }
    }

    /// A device was refused as suspended: it was, until this batch at least.
    pub fn suspended_refused(&mut self, operation: &Operation, new: &[Arc<Record>]) {
        let user = operation.actor().expect("a user is refused");
        let is_out = self.oracle.accounts[&user].suspended;
        let of_user = |effect: &Effect| matches!(effect, Effect::Account(account) if account.user == user);
        let changed = new.iter().any(|record| record.effects.iter().any(of_user));
        assert!(is_out || changed, "{user} is not suspended");
        self.counts.saw("refused as suspended");
    }
}
