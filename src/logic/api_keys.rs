//! The decisions on API keys, and on accounts that are made without a device.

use highwater_wire::Refusal;

use super::{
    accounts,
    api_key_scopes::{self, Rule},
    broadcasts,
    decide::{Decided, Needs},
    on_behalf::Voucher,
    operation::Answer,
    state::{Need, State},
};
use crate::model::{
    ApiKey, ApiKeyId, Effect, Profile, TimeMs, UserId, Version,
    api_key::{API_KEYS_MAX, Scope},
    record::{Account, name_key},
};

/// What becomes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiKeyChange {
    /// An operator makes one.
    Make(ApiKey),
    /// An operator takes one back: it is dead with this operation.
    Revoke(ApiKeyId),
    /// One was used; what is stored of that is too old.
    Used(ApiKeyId),
}

/// An account to be made that has no device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeUser {
    /// Who makes it.
    pub by: Voucher,
    /// Drawn at random by the caller.
    pub user: UserId,
    /// Already checked against the rules for names.
    pub name: String,
    /// PHC string; `None` for who signs in by a host app, or not at all.
    pub password: Option<String>,
    /// Whether a program drives it. Then it has no password.
    pub bot: bool,
}

/// The key, if it is worth anything at this moment.
///
/// # Errors
/// `InvalidApiKey`.
pub(super) fn valid(state: &State, id: ApiKeyId, at: TimeMs) -> Result<&ApiKey, Refusal> {
    let key = state.api_keys.get(&()).and_then(|keys| keys.get(id));
    key.filter(|key| !key.is_expired(at)).ok_or(Refusal::InvalidApiKey)
}

/// Decides what becomes of a key. Each change may come twice, but for a key that is made: its secret is told once.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    change: &ApiKeyChange,
    version: Version,
) -> Result<Decided, Refusal> {
    let mut keys = state.api_keys.get(&()).cloned().unwrap_or_default();
    match change {
        ApiKeyChange::Make(key) => {
            if keys.0.iter().any(|held| held.name == key.name) {
                return Err(Refusal::NameTaken);
            }
            if keys.0.len() >= API_KEYS_MAX {
                return Err(Refusal::TooManyApiKeys);
            }
            keys.0.push(key.clone());
        }
        ApiKeyChange::Revoke(id) => {
            if keys.get(*id).is_none() {
                return Ok(Decided::unchanged(Answer::Done));
            }
            keys.0.retain(|key| key.id != *id);
        }
        ApiKeyChange::Used(id) => match keys.0.iter_mut().find(|key| key.id == *id) {
            Some(key) if key.use_is_news(at) => key.used = Some(at),
            _ => return Ok(Decided::unchanged(Answer::Done)),
        },
    }
    state.api_keys.change((), keys.clone(), version);
    Ok(Decided::changed(version, vec![Effect::ApiKeys(keys)], Answer::Done))
}

pub(super) fn make_user_needs(needs: &mut Needs<'_>, make: &MakeUser) {
    if let Voucher::ApiKey(_) = make.by {
        needs.need(Need::ApiKeys);
    }
    needs.need(Need::Account(make.user));
    broadcasts::new_user_needs(needs);
    let key = name_key(&make.name);
    if needs.need(Need::Name(key.clone()))
        && let Some(user) = needs.state.names.get(&key).copied().flatten()
    {
        needs.need(Need::Account(user));
    }
}

/// Makes an account without a device. Asked again by the same one it is there already, whatever the password.
pub(super) fn make_user(
    state: &mut State,
    at: TimeMs,
    make: &MakeUser,
    version: Version,
) -> Result<Decided, Refusal> {
    let made_by = match make.by {
        Voucher::ApiKey(id) => {
            let key = valid(state, id, at)?;
            api_key_scopes::check(key, Rule::OfKey(Scope::Users))?;
            Some(id)
        }
        Voucher::Operator => None,
    };
    if let Some(user) = state.names.get(&name_key(&make.name)).copied().flatten() {
        // Every bot is the operator's, those that keys made among them.
        let is_own = |account: &Account| match made_by {
            Some(_) => account.made_by == made_by && account.bot == make.bot,
            None => account.bot && make.bot,
        };
        let is_there = state.accounts.get(&user).and_then(Option::as_ref).is_some_and(is_own);
        return if is_there {
            Ok(Decided::unchanged(Answer::UserMade(user)))
        } else {
            Err(Refusal::NameTaken)
        };
    }
    // Ids are random 64-bit numbers drawn by the caller; one that is taken is drawn again by asking again.
    if matches!(state.accounts.get(&make.user), Some(Some(_))) {
        return Err(Refusal::Busy);
    }
    let account = Account {
        user: make.user,
        name: make.name.clone(),
        password: make.password.clone(),
        created: at,
        devices: Vec::new(),
        suspended: false,
        bot: make.bot,
        made_by,
        profile: Profile::default(),
        strangers: None,
    };
    let effects = accounts::put_new(state, account, version);
    Ok(Decided::changed(version, effects, Answer::UserMade(make.user)))
}
