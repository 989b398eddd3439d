//! What users have of each other: blocks, remarks, contacts that are deleted; judged by the records alone, in their order.

use std::{collections::BTreeSet, sync::Arc};

use highwater::{
    logic::{
        Request,
        operation::{ChangeContact, ContactChange, Target},
    },
    model::{
        Contact, ContactTally, Content, Effect, Notice, Record, Standing, TimeMs, UserId,
        limits::REQUEST_EXPIRY_MS, record::ItemValue,
    },
    sync::kinds::CONTACTS,
};
use highwater_wire::Refusal;

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

    /// Whether the first takes nothing from the second.
    pub fn blocks(&self, owner: UserId, other: UserId) -> bool {
        self.contact(owner, other).is_some_and(|contact| contact.is_blocked)
    }

    /// Nothing that a record brings comes to somebody who blocked its sender by an earlier record.
    pub fn judge_blocks(&self, record: &Record) {
        for effect in &record.effects {
            let Effect::Message(delivery) = effect else { continue };
            let sender = delivery.message.sender;
            for user in joining(&delivery.message.content) {
                assert!(!self.blocks(*user, sender), "G9: {user} is added by {sender}, who is blocked");
            }
            // Who blocks somebody hears him in the groups of both.
            if self.is_group(delivery.message.conversation) || !delivery.was_sent() {
                continue;
            }
            for (user, _) in &delivery.pointers {
                assert!(
                    !self.blocks(*user, sender),
                    "G9: version {} brings {user} a message of {sender}, who is blocked",
                    record.version
                );
            }
        }
    }

    /// What waits on one side was asked by the other, is counted, and is of nobody blocked.
    pub fn judge_requests(&self, record: &Record) {
        for effect in &record.effects {
            match effect {
                Effect::ContactTally(tally) => self.judge_tally(tally),
                Effect::Item { user, item, .. } if item.kind == CONTACTS => {
                    let other = UserId(item.key.parse().expect("contacts are named by their id"));
                    self.judge_pair(*user, other);
                    self.judge_pair(other, *user);
                }
                _ => {}
            }
        }
    }

    fn judge_pair(&self, owner: UserId, other: UserId) {
        let Some(contact) = self.contact(owner, other) else { return };
        if contact.standing == Standing::AskedBy {
            assert!(!contact.is_blocked, "G9: a request of {other}, who is blocked, waits for {owner}");
            let theirs = self.contact(other, owner).map(|contact| contact.standing);
            assert!(
                matches!(theirs, Some(Standing::Asked | Standing::Contact)),
                "a request waits for {owner} that {other} does not have"
            );
        }
    }

    /// What is counted is what there is.
    fn judge_tally(&self, tally: &ContactTally) {
        let asked_by = self.items_of(tally.user).filter_map(|item| match &item.value {
            Some(ItemValue::Contact(contact)) if contact.standing == Standing::AskedBy => Some(contact),
            _ => None,
        });
        let waits: BTreeSet<(UserId, TimeMs)> =
            asked_by.map(|contact| (contact.user, contact.asked_at)).collect();
        let counted: BTreeSet<(UserId, TimeMs)> = tally.waiting.iter().copied().collect();
        assert!(counted.is_subset(&waits), "something waits for {} that is not there", tally.user);
        let is_expired = |at: TimeMs| self.now.0 - at.0 >= REQUEST_EXPIRY_MS;
        assert!(waits.difference(&counted).all(|(_, at)| is_expired(*at)), "what waits is not counted");
        let blocked = self
            .items_of(tally.user)
            .filter(|item| matches!(&item.value, Some(ItemValue::Contact(contact)) if contact.is_blocked));
        assert_eq!(tally.blocked as usize, blocked.count(), "user {} blocks another number", tally.user);
    }

    /// The other one of a target, seen from its sender.
    pub fn peer(&self, sender: UserId, to: &Target) -> Option<UserId> {
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
        let (event, change) = match self.random.below(20) {
            10..15 => ("contact asked", ContactChange::Ask { greeting: "it is me".to_owned() }),
            15..17 => ("contact accepted", ContactChange::Accept),
            17 => ("contact refused", ContactChange::Refuse),
            18 => ("request withdrawn", ContactChange::Withdraw),
            0 if !blocks => ("user blocked", ContactChange::Block),
            0..6 if blocks => ("user unblocked", ContactChange::Unblock),
            6..8 | 19 => ("contact deleted", ContactChange::Delete),
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
        self.may_have_blocked(peer, sender, new)
    }

    /// Whether somebody blocks another one, or something of that changed in this batch.
    pub fn may_have_blocked(&self, owner: UserId, other: UserId, new: &[Arc<Record>]) -> bool {
        let key = other.to_string();
        let changes = |effect: &Effect| matches!(effect, Effect::Item { user, item, .. } if *user == owner && item.kind == CONTACTS && item.key == key);
        self.oracle.blocks(owner, other) || new.iter().any(|record| record.effects.iter().any(changes))
    }

    /// Refused as the records say: never is somebody told to be blocked, or that there is nobody who is there and takes.
    pub fn change_refused(&mut self, request: &Request, refusal: Refusal, new: &[Arc<Record>]) {
        let Request::ChangeContact(change) = request else { panic!("{refusal:?} to {request:?}") };
        let (owner, other) = (change.by.user, change.other);
        let changes = |effect: &Effect| match effect {
            Effect::Item { user, item, .. } if item.kind == CONTACTS => {
                (*user == owner && item.key == other.to_string())
                    || (*user == other && item.key == owner.to_string())
            }
            _ => false,
        };
        // What changed in the same batch may have been otherwise when this was decided.
        let is_open = new.iter().any(|record| record.effects.iter().any(changes));
        let mine = self.oracle.contact(owner, other).map(|contact| contact.standing);
        let is_there = self.oracle.names.values().any(|user| *user == other);
        let (event, is_right) = match refusal {
            Refusal::NoSuchContact => ("no such contact", mine != Some(Standing::Contact)),
            Refusal::NoSuchUser => {
                ("request refused as blocked", !is_there || self.oracle.blocks(other, owner))
            }
            Refusal::UnblockFirst => ("request refused to who blocks", self.oracle.blocks(owner, other)),
            Refusal::NoSuchRequest => ("no such request", mine != Some(Standing::Contact)),
            _ => panic!("{refusal:?} to {request:?}"),
        };
        assert!(is_right || is_open, "{refusal:?} to {request:?} of {owner}, who has {mine:?}");
        self.counts.saw(event);
    }

    /// Counts what is rare and must be seen: who blocks somebody writes to that one first.
    pub fn note_contacts(&mut self, record: &Record) {
        let is_contact = |effect: &&Effect| match effect {
            Effect::Item { item, .. } => matches!(
                &item.value,
                Some(ItemValue::Contact(contact)) if contact.standing == Standing::Contact
            ),
            _ => false,
        };
        let is_message = record.effects.iter().any(|effect| matches!(effect, Effect::Message(_)));
        if record.effects.iter().filter(is_contact).count() == 2 && !is_message {
            self.counts.saw("made contacts");
        }
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

/// Whom an entry makes members.
fn joining(content: &Content) -> &[UserId] {
    match content {
        Content::Notice(notice) => match &**notice {
            Notice::Created { members, .. } => members,
            Notice::Joined(users) => users,
            _ => &[],
        },
        _ => &[],
    }
}
