//! API keys: made, used, taken back and expiring while sends by them are on their way. What a key asked is stored only if
//! the key was good at that moment, for that user and that scope; judged by the records alone.

use std::sync::Arc;

use highwater::{
    logic::{
        Answer, Operation, Principal, Request,
        operation::{ApiKeyChange, MakeUser, NO_DEVICE, OnBehalf, Send, Voucher},
    },
    model::{
        ApiKey, ApiKeyId, Effect, Record, TimeMs, UserId,
        api_key::{ActsFor, Scope, Scopes},
        record::name_key,
    },
};
use highwater_wire::Refusal;

use crate::{
    operations::{Submission, Ticket},
    world::World,
};

/// Names of accounts that keys make: as many as make two come twice.
const MADE: usize = 4;

impl World {
    /// An operator makes a key or takes one back, one is used, or makes an account.
    pub fn change_keys(&mut self, client: usize) {
        match self.random.below(6) {
            _ if self.keys.is_empty() => self.make_key(client),
            0 | 1 => self.make_key(client),
            2 => {
                let id = self.any_key();
                self.submit(Request::ApiKey(ApiKeyChange::Used(id)), Ticket::Other);
            }
            3 => {
                let id = self.any_key();
                self.counts.saw("key revoked");
                self.submit(Request::ApiKey(ApiKeyChange::Revoke(id)), Ticket::Other);
            }
            _ => {
                let by = Voucher::ApiKey(self.any_key());
                let (name, bot) = (format!("made{}", self.any(MADE)), self.random.one_in(3));
                // Its program hears no answer at times, and asks again.
                for _ in 0..1 + self.any(2) {
                    let (user, name) = (UserId(self.random.next_u64()), name.clone());
                    let make = MakeUser { by, user, name, password: None, bot };
                    self.submit(Request::MakeUser(make), Ticket::Other);
                }
            }
        }
    }

    /// One that there is, was, or may come to be.
    fn any_key(&mut self) -> ApiKeyId {
        let place = self.any(self.keys.len());
        self.keys[place].id
    }

    fn make_key(&mut self, client: usize) {
        let acts_for = match self.random.below(3) {
            0 => ActsFor::Made,
            1 => ActsFor::Users(vec![self.clients[client].user]),
            _ => ActsFor::All,
        };
        let scopes = [Scope::Users, Scope::Send].into_iter().filter(|_| !self.random.one_in(4));
        let scopes = scopes.fold(Scopes::default(), Scopes::with);
        let expires = self.random.one_in(4).then(|| TimeMs(self.now.0 + self.random.below(60_000) as i64));
        let key = ApiKey {
            id: ApiKeyId(self.random.next_u64()),
            name: format!("key {}", self.keys.len()),
            secret: std::array::from_fn(|_| self.random.next_u64() as u8),
            scopes,
            acts_for,
            created: self.now,
            expires,
            used: None,
        };
        self.counts.saw("key made");
        self.keys.push(key.clone());
        self.submit(Request::ApiKey(ApiKeyChange::Make(key)), Ticket::Other);
    }

    /// A send as it goes out: at times a key asks it in the place of the user's device.
    pub fn by_device_or_key(&mut self, send: Send) -> Request {
        if self.keys.is_empty() || !self.random.one_in(5) {
            return Request::Send(send);
        }
        let id = self.any_key();
        let by = Principal { device: NO_DEVICE, ..send.by };
        let operation = Box::new(Operation { at: self.now, request: Request::Send(Send { by, ..send }) });
        Request::OnBehalf(OnBehalf { by: Voucher::ApiKey(id), operation })
    }

    /// What a key asked was answered. What is left is the answer to the operation itself.
    pub fn on_behalf_answered(
        &mut self,
        (on_behalf, ticket): (&OnBehalf, &Ticket),
        result: Result<Answer, Refusal>,
        new: &[Arc<Record>],
    ) {
        let (Voucher::ApiKey(id), Request::Send(send), Ticket::Send(place)) =
            (on_behalf.by, &on_behalf.operation.request, ticket)
        else {
            panic!("only sends are asked by keys")
        };
        let asked = Asked { id, scope: Scope::Send, at: on_behalf.operation.at };
        if self.is_refused_by_key(asked, Some(send.by.user), &result, new) {
            let pending = &mut self.pending[*place];
            pending.copies = pending.copies.saturating_sub(1);
            return;
        }
        if result.is_ok() {
            self.counts.saw("sent by a key");
        }
        assert_ne!(result, Err(Refusal::InvalidToken), "a key was taken for a device");
        let (operation, ticket) = ((*on_behalf.operation).clone(), ticket.clone());
        self.answered(&Submission { operation, ticket }, result, new);
    }

    /// An account was made by a key, or not. It gets its first device later.
    pub fn user_made(&mut self, operation: &Operation, result: Result<Answer, Refusal>, new: &[Arc<Record>]) {
        let Request::MakeUser(make) = &operation.request else { panic!("it made no user") };
        let Voucher::ApiKey(id) = make.by else { panic!("no operator makes users here") };
        let asked = Asked { id, scope: Scope::Users, at: operation.at };
        if self.is_refused_by_key(asked, None, &result, new) {
            return;
        }
        match result {
            Ok(Answer::UserMade(user)) => {
                let account = &self.oracle.accounts[&user];
                let made = (account.made_by, account.bot, name_key(&account.name));
                assert_eq!(made, (Some(id), make.bot, name_key(&make.name)), "somebody else's account");
                if user != make.user {
                    self.counts.saw("account made before");
                }
                if account.devices.is_empty() {
                    self.counts.saw("account made by a key");
                    let (name, device) = (account.name.clone(), self.new_device(user));
                    self.submit(Request::AddDevice(device), Ticket::Register(user, name));
                }
            }
            Err(Refusal::NameTaken) => assert!(self.oracle.names.contains_key(&name_key(&make.name))),
            other => self.refused(other),
        }
    }

    /// Whether a key was refused, which then is as it should be. What it was not refused it might have.
    fn is_refused_by_key(
        &mut self,
        asked: Asked,
        user: Option<UserId>,
        result: &Result<Answer, Refusal>,
        new: &[Arc<Record>],
    ) -> bool {
        // Keys are made, revoked and used within the same batch, before and after.
        let changed = |effect: &Effect| matches!(effect, Effect::ApiKeys(_));
        let has_changed = new.iter().any(|record| record.effects.iter().any(changed));
        let held = self.oracle.api_keys.get(asked.id);
        let key = self.keys.iter().find(|key| key.id == asked.id).expect("it was drawn from them");
        let account = user.and_then(|user| self.oracle.accounts.get(&user));
        let is_good = held.is_some() && !key.is_expired(asked.at);
        let is_for = user.is_none() || account.is_some_and(|account| key.acts_for(account));
        let event = match result {
            Err(Refusal::InvalidApiKey) => {
                assert!(!is_good || has_changed, "a good key was refused");
                if held.is_some() { "key refused as expired" } else { "key refused as revoked" }
            }
            Err(Refusal::ScopeMissing) => {
                assert!(!key.scopes.has(asked.scope), "a key with the scope was refused");
                "key refused for its scope"
            }
            Err(Refusal::NotForThisUser) => {
                assert!(!is_for, "a key was refused for a user for whom it acts");
                "key refused for this user"
            }
            // A restore may have taken the account away.
            Err(Refusal::NoSuchUser) if user.is_some() && account.is_none() => "key refused for nobody",
            Err(Refusal::StorageFull | Refusal::UnknownOutcome) => return false,
            _ => {
                assert!(is_good || (has_changed && !key.is_expired(asked.at)), "a dead key was obeyed");
                assert!(key.scopes.has(asked.scope) && is_for, "a key did what it may not");
                return false;
            }
        };
        if event != "key refused for nobody" {
            self.counts.saw(event);
        }
        true
    }
}

/// What a key asked, and when.
#[derive(Clone, Copy)]
struct Asked {
    id: ApiKeyId,
    scope: Scope,
    at: TimeMs,
}
