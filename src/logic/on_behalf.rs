//! The decision on what is asked for a user by somebody who is no device of that user: an API key, or the operator.
//!
//! Who asks is judged inside the commit, as a device is, so a key that was revoked is dead for everything that was not
//! decided before. Then the operation is decided as if a device of the user had asked it.

use highwater_wire::Refusal;

use super::{
    api_key_scopes::{self, Rule},
    api_keys,
    decide::{self, Decided, Needs},
    operation::{Operation, Principal, ProfileRequest, Request},
    state::{Need, State},
};
use crate::model::{ApiKeyId, Version, api_key::Scope};

/// Who answers for an operation that no device asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voucher {
    /// A key.
    ApiKey(ApiKeyId),
    /// The operator, who speaks as a bot and as nobody else.
    Operator,
}

/// An operation of a user whose principal has no device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBehalf {
    /// Who asks.
    pub by: Voucher,
    /// What is asked, and when: by that time a key may be expired.
    pub operation: Box<Operation>,
}

/// Whom it is for, and by which scope it may be asked; nothing for what nobody may ask in the place of a user.
fn asked_for(request: &Request) -> Option<(Principal, Scope)> {
    match request {
        Request::Send(send) => Some((send.by, Scope::Send)),
        Request::Reading(request) => Some((request.by, Scope::Send)),
        Request::Profile(ProfileRequest::Set { by, .. }) => Some((*by, Scope::Profile)),
        Request::ChangeContact(change) => Some((change.by, Scope::Contacts)),
        Request::Group(request) => Some((request.by, Scope::Groups)),
        Request::Channel(request) => Some((request.by, Scope::Groups)),
        _ => None,
    }
}

pub(super) fn needs(needs: &mut Needs<'_>, on_behalf: &OnBehalf) {
    if let Voucher::ApiKey(_) = on_behalf.by {
        needs.need(Need::ApiKeys);
    }
    if let Some((by, _)) = asked_for(&on_behalf.operation.request) {
        needs.need(Need::Account(by.user));
    }
}

/// Judges who asks, then decides what is asked.
pub(super) fn decide(state: &mut State, on_behalf: &OnBehalf, version: Version) -> Result<Decided, Refusal> {
    let operation = &*on_behalf.operation;
    let (by, scope) = asked_for(&operation.request).ok_or(Refusal::Forbidden)?;
    let account = state.accounts.get(&by.user).and_then(Option::as_ref);
    match on_behalf.by {
        Voucher::ApiKey(id) => {
            let key = api_keys::valid(state, id, operation.at)?;
            api_key_scopes::check(key, Rule::ForUser(scope))?;
            api_key_scopes::admit(key, account)?;
        }
        Voucher::Operator => match account {
            Some(account) if !account.bot => return Err(Refusal::Forbidden),
            Some(account) if account.suspended => return Err(Refusal::AccountSuspended),
            Some(_) => {}
            None => return Err(Refusal::NoSuchUser),
        },
    }
    state.vouched = Some(by.user);
    let decided = decide::decide(state, operation, version);
    state.vouched = None;
    decided
}
