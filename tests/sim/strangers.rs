//! Users who want to be asked: nothing of a stranger comes to them, and nobody else is kept out; judged by the records alone,
//! in their order.

use std::sync::Arc;

use highwater::{
    logic::Request,
    model::{Effect, Record, Standing, Strangers, UserId},
    sync::kinds::CONTACTS,
};

use crate::{operations::Ticket, oracle::Oracle, world::World};

impl Oracle {
    fn asks(&self, owner: UserId, sender: UserId) -> bool {
        let said = self.accounts.get(&owner).and_then(|account| account.strangers);
        let is_known = self.contact(owner, sender).is_some_and(|held| held.standing == Standing::Contact);
        let is_program = self.accounts.get(&sender).is_some_and(|account| account.bot);
        owner != sender && said == Some(Strangers::Ask) && !is_known && !is_program
    }

    /// A record brings nobody a message between two from a stranger who had to ask, by the records before it.
    pub fn judge_strangers(&self, record: &Record) {
        for effect in &record.effects {
            let Effect::Message(delivery) = effect else { continue };
            let (message, sender) = (&delivery.message, delivery.message.sender);
            if self.is_group(message.conversation) || !delivery.was_sent() {
                continue;
            }
            for (user, _) in &delivery.pointers {
                assert!(!self.asks(*user, sender), "{user} gets a message of {sender}, who had to ask");
            }
        }
    }
}

impl World {
    /// A user says what is taken of strangers.
    pub fn change_strangers_one(&mut self) {
        let Some(client) = self.any_live_client() else { return };
        let by = self.clients[client].principal();
        let (event, strangers) = match self.random.one_in(3) {
            true => ("strangers are to ask", Strangers::Ask),
            false => ("strangers may write", Strangers::Write),
        };
        self.counts.saw(event);
        self.submit(Request::SetStrangers { by, strangers }, Ticket::Other);
    }

    /// Whether a send may be refused because its sender has to ask: now, or before something of that changed in the batch.
    pub fn is_refused_as_stranger(&self, request: &Request, new: &[Arc<Record>]) -> bool {
        let Request::Send(send) = request else { return false };
        let sender = send.by.user;
        let Some(peer) = self.oracle.peer(sender, &send.to) else { return false };
        let key = sender.to_string();
        let changes = |effect: &Effect| match effect {
            Effect::Item { user, item, .. } => *user == peer && item.kind == CONTACTS && item.key == key,
            Effect::Account(account) => account.user == peer,
            _ => false,
        };
        self.oracle.asks(peer, sender) || new.iter().any(|record| record.effects.iter().any(changes))
    }
}
