//! API keys from outside: made, proven, counted, taken back; and what is asked with them.

use highwater_wire::{Refusal, proto};

use super::{Accounts, is_acceptable, is_valid_name, secret_hash};
use crate::{
    actors::{
        persistence::intake::{Reply, Submission},
        user,
    },
    logic::{
        Answer, Operation,
        operation::{ApiKeyChange, MakeUser, OnBehalf, Request, Voucher},
    },
    model::{
        ApiKey, ApiKeyId, ApiKeys, TimeMs, UserId,
        api_key::{API_KEY_NAME_BYTES_MAX, API_KEY_USERS_MAX, API_KEYS_MAX, ActsFor, Scopes},
        record::name_key,
    },
    monitor::ids,
};

/// What the secret of every key begins with, so that it is told from a device's token, also by who finds one.
pub const API_KEY_PREFIX: &str = "hwk_";

/// After the use of a key was handed to the committer, how long it is not handed in again, milliseconds: until then it is
/// stored, or the committer has no room.
const USE_HANDED_IN_STEP_MS: i64 = 60 * 1000;

/// What an operator says of a new key.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// For whom.
    pub acts_for: ActsFor,
    /// How long it is good, milliseconds; `None` for ever.
    pub valid_ms: Option<i64>,
}

/// How often a key was used since the start of the process. Not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyUses {
    /// Requests with it.
    pub requests: u64,
    /// Those that it may not make.
    pub refused: u64,
    /// When a use of it was handed to the committer last.
    handed_in: Option<TimeMs>,
}

impl Accounts {
    /// Makes a key; its secret is told once.
    ///
    /// # Errors
    /// `InvalidField`, `NameTaken`, `TooManyApiKeys`, or that nothing can be written now.
    pub async fn make_api_key(&self, new: NewApiKey) -> Result<(ApiKeyId, String), Refusal> {
        let named_fits = !matches!(&new.acts_for, ActsFor::Users(users) if users.len() > API_KEY_USERS_MAX);
        let name_fits =
            (1..=API_KEY_NAME_BYTES_MAX).contains(&new.name.len()) && !new.name.chars().any(char::is_control);
        if !named_fits || !name_fits || new.scopes == Scopes::default() {
            return Err(Refusal::InvalidField);
        }
        let (secret, created) = (self.secret(API_KEY_PREFIX), self.services.clock.now());
        let key = ApiKey {
            id: ApiKeyId(self.random.id()),
            name: new.name,
            secret: secret_hash(&secret),
            scopes: new.scopes,
            acts_for: new.acts_for,
            created,
            expires: new.valid_ms.map(|valid_ms| TimeMs(created.0.saturating_add(valid_ms))),
            used: None,
        };
        let id = key.id;
        self.decide(Request::ApiKey(ApiKeyChange::Make(key))).await?;
        Ok((id, secret))
    }

    /// Every key, oldest first, with how often it was used since the start.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn api_keys(&self) -> Result<Vec<(ApiKey, KeyUses)>, Refusal> {
        let ApiKeys(keys) = self.services.readers.ask(|view| view.api_keys()).await?;
        let uses = self.key_uses.lock();
        let with_uses = |key: ApiKey| {
            let uses = uses.get(&key.id).copied().unwrap_or_default();
            (key, uses)
        };
        Ok(keys.into_iter().map(with_uses).collect())
    }

    /// Takes a key back, by its name or its id: from the answer on it is dead.
    ///
    /// # Errors
    /// `NotFound`, or that nothing can be written now.
    pub async fn revoke_api_key(&self, wanted: &str) -> Result<(), Refusal> {
        let ApiKeys(keys) = self.services.readers.ask(|view| view.api_keys()).await?;
        // An id means its key, whatever another one is called.
        let by_id = keys.iter().find(|key| key.id.to_string() == wanted);
        let found = by_id.or_else(|| keys.iter().find(|key| key.name == wanted));
        let id = found.ok_or(Refusal::NotFound)?.id;
        self.decide(Request::ApiKey(ApiKeyChange::Revoke(id))).await?;
        self.key_uses.lock().remove(&id);
        Ok(())
    }

    /// The key of a secret, whose use is noted.
    ///
    /// # Errors
    /// `InvalidApiKey`, or that the store cannot be read now.
    pub async fn prove_api_key(&self, secret: &str) -> Result<ApiKey, Refusal> {
        let key = self.api_key_of(secret).await?;
        self.services.monitor.add(ids::API_KEY_REQUESTS, 1);
        if self.note_use(&key, self.services.clock.now()) {
            let used = Request::ApiKey(ApiKeyChange::Used(key.id));
            // Where there is no room the next use says the same.
            let _ = self.services.intake.submit(Submission::new(used, Reply::Nobody, &self.services.clock));
        }
        Ok(key)
    }

    /// The same without a use of it: for who was proven, and is asked once more before something is done.
    ///
    /// # Errors
    /// As `prove_api_key`.
    pub async fn api_key_of(&self, secret: &str) -> Result<ApiKey, Refusal> {
        let hash = secret_hash(secret);
        let key =
            self.services.readers.ask(move |view| Ok(view.api_keys()?.of_secret(&hash).cloned())).await?;
        let now = self.services.clock.now();
        key.filter(|key| !key.is_expired(now)).ok_or_else(|| {
            self.services.monitor.add(ids::API_KEYS_INVALID, 1);
            Refusal::InvalidApiKey
        })
    }

    /// Counts a use; true when it is to be stored.
    fn note_use(&self, key: &ApiKey, now: TimeMs) -> bool {
        let mut all = self.key_uses.lock();
        if all.len() > API_KEYS_MAX {
            // Some were proven while they were revoked. Counts begin again, which a list shows.
            all.clear();
        }
        let uses = all.entry(key.id).or_default();
        uses.requests += 1;
        let is_handed_in =
            uses.handed_in.is_some_and(|at| now.0.saturating_sub(at.0) < USE_HANDED_IN_STEP_MS);
        let is_news = key.use_is_news(now) && !is_handed_in;
        if is_news {
            uses.handed_in = Some(now);
        }
        is_news
    }

    /// Notes that a key asked what it may not: counted, and one line of the log, which names nothing of the request.
    pub fn note_refused_use(&self, key: &ApiKey, refusal: Refusal) {
        self.services.monitor.add(ids::API_KEY_REQUESTS_REFUSED, 1);
        if let Some(uses) = self.key_uses.lock().get_mut(&key.id) {
            uses.refused += 1;
        }
        tracing::warn!(key = %key.id, refusal = refusal.name(), "an API key asked what it may not");
    }

    /// Makes an account without a device.
    ///
    /// # Errors
    /// `InvalidName`, `WeakPassword`, `BotHasNoPassword`, `NameTaken`, or the committer's refusal.
    pub async fn make_user(&self, by: Voucher, create: proto::CreateUser) -> Result<proto::User, Refusal> {
        if !is_valid_name(&create.name) {
            return Err(Refusal::InvalidName);
        }
        let password = match create.password {
            password if password.is_empty() => None,
            _ if create.bot => return Err(Refusal::BotHasNoPassword),
            password if !is_acceptable(&password, &create.name) => return Err(Refusal::WeakPassword),
            // A hash is slow: not for a name that is taken, nor for an account that is there already.
            _ if self.is_taken(&create.name).await? => None,
            password => Some(self.passwords.hash(password).await?),
        };
        let (user, name, bot) = (UserId(self.random.id()), create.name, create.bot);
        let make = MakeUser { by, user, name, password, bot };
        match self.decide(Request::MakeUser(make)).await? {
            Answer::UserMade(made) => {
                // Asked for again, it is the account that was made before.
                self.services.monitor.add(ids::ACCOUNTS_MADE, u64::from(made == user));
                let account = self.services.readers.ask(move |view| view.account(made)).await?;
                account.map(user::shown).ok_or(Refusal::NoSuchUser)
            }
            _ => Err(Refusal::Internal),
        }
    }

    async fn is_taken(&self, name: &str) -> Result<bool, Refusal> {
        let key = name_key(name);
        Ok(self.services.readers.ask(move |view| view.user_of_name(&key)).await?.is_some())
    }

    /// Submits an operation for a user who has no part in it, and waits until it is durable.
    ///
    /// # Errors
    /// The committer's refusal.
    pub async fn decide_for(&self, by: Voucher, request: Request) -> Result<Answer, Refusal> {
        let operation = Box::new(Operation { at: self.services.clock.now(), request });
        self.decide(Request::OnBehalf(OnBehalf { by, operation })).await
    }
}
