//! What users have of each other: blocks, remarks, contacts that are deleted; judged by the records alone, in their order.

use std::sync::Arc;

use highwater::{
    logic::{
        Request,
        operation::{ChangeContact, ContactChange, Target},
    },
    model::{Contact, ContactTally, Effect, Record, Standing, UserId, record::ItemValue},
    sync::kinds::CONTACTS,
};

use crate::{operations::Ticket, oracle::Oracle, world::World};

impl Oracle {
    /// What a user has of another, as the records say it.
    pub fn contact(&self, owner: UserId, other: UserId) -> Option<&Contact> {
        let item = self.items.get(&(owner, CONTACTS, other.to_string()))?;
        match item.value.as_ref()? {
            ItemValue::Contact(contact) => Some(contact),
            value => panic!("an item of kind contacts is {value:?}"),
        }
    }

    fn blocks(&self, owner: UserId, other: UserId) -> bool {
        self.contact(owner, other).is_some_and(|contact| contact.is_blocked)
    }

    /// Nothing that a record brings comes to somebody who blocked its sender by an earlier record.
    pub fn judge_blocks(&self, record: &Record) {
        for effect in &record.effects {
            let Effect::Message(delivery) = effect else { continue };
            let sender = delivery.message.sender;
            for (user, _) in &delivery.pointers {
                assert!(
                    !self.blocks(*user, sender),
                    "G9: version {} brings {user} a message of {sender}, who is blocked",
                    record.version
                );
            }
        }
    }

    /// What is counted is what there is.
    pub fn take_contact_tally(&self, tally: &ContactTally) {
        let blocked = self
            .items_of(tally.user)
            .filter(|item| matches!(&item.value, Some(ItemValue::Contact(contact)) if contact.is_blocked));
        assert_eq!(tally.blocked as usize, blocked.count(), "user {} blocks another number", tally.user);
    }

    /// The other one of a target, seen from its sender.
    fn peer(&self, sender: UserId, to: &Target) -> Option<UserId> {
        match to {
            Target::User(user) => Some(*user),
            Target::Name(name) => self.names.get(name).copied(),
            Target::Conversation(conversation) => self.conversations.get(conversation)?.peer_of(sender),
        }
    }
}

impl World {
    /// A user changes what the user has of somebody, or of nobody.
    pub fn change_contact_one(&mut self) {
        let Some(client) = self.any_live_client() else {
            return;
        };
        let by = self.clients[client].principal();
        let other = self.any(self.users.len());
        let other = self.users[other].0;
        if other == by.user {
            return;
        }
        let blocks = self.oracle.blocks(by.user, other);
        let (event, change) = match self.random.below(10) {
            0..2 if !blocks => ("user blocked", ContactChange::Block),
            0..6 if blocks => ("user unblocked", ContactChange::Unblock),
            6..8 => ("contact deleted", ContactChange::Delete),
            _ => {
                let remark = "r".repeat(self.any(5));
                let labels = (0..self.random.below(3)).map(|label| format!("l{label}")).collect();
                ("contact noted", ContactChange::Note { remark, labels })
            }
        };
        self.counts.saw(event);
        self.submit(Request::ChangeContact(ChangeContact { by, other, change }), Ticket::Other);
    }

    /// Whether a send may be refused because the other one blocks its sender: now, or before something changed that in the
    /// same batch.
    pub fn is_refused_by_a_block(&self, request: &Request, new: &[Arc<Record>]) -> bool {
        let Request::Send(send) = request else { return false };
        let sender = send.by.user;
        let Some(peer) = self.oracle.peer(sender, &send.to) else { return false };
        let key = sender.to_string();
        let changes = |effect: &Effect| matches!(effect, Effect::Item { user, item, .. } if *user == peer && item.kind == CONTACTS && item.key == key);
        self.oracle.blocks(peer, sender) || new.iter().any(|record| record.effects.iter().any(changes))
    }

    /// Counts what is rare and must be seen: who blocks somebody writes to that one first.
    pub fn note_contacts(&mut self, record: &Record) {
        let begins = record
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Conversation(row) if row.oldest.0 == 1));
        let keeps_a_block = |effect: &Effect| match effect {
            Effect::Item { item, .. } => matches!(
                &item.value,
                Some(ItemValue::Contact(contact)) if contact.is_blocked && contact.standing == Standing::Contact
            ),
            _ => false,
        };
        if begins && record.effects.iter().any(keeps_a_block) {
            self.counts.saw("conversation begun by who blocks");
        }
    }
}
