//! API keys: how the program of an operator's app asks without being a device of anybody.

use super::{
    ids::{ApiKeyId, TimeMs, UserId},
    record::{Account, SecretHash},
};

/// API keys that there may be at once. One more is refused as `TooManyApiKeys`. Source: all of them stand in one row of
/// the index, which has room for 8 KiB; so many of the longest take 7.
pub const API_KEYS_MAX: usize = 32;

/// Users whom one key may name. More are refused as `InvalidField`: such a key acts for all, or for those it made.
pub const API_KEY_USERS_MAX: usize = 16;

/// Length of a key's name, bytes. A longer one is refused as `InvalidField`.
pub const API_KEY_NAME_BYTES_MAX: usize = 32;

/// How old the stored last use of a key may be before a use is stored again, milliseconds: a day has at most 24 records
/// for it, however often a key is used.
pub const API_KEY_USE_STEP_MS: i64 = 60 * 60 * 1000;

/// What a key may be let do. A key has those that it was made with, and no other one ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Make accounts.
    Users,
    /// Send messages for a user, and say what the user has read.
    Send,
    /// Make groups for a user, and change them as that user may.
    Groups,
    /// Change whom a user has as contacts, and whom the user blocks.
    Contacts,
    /// Read the conversations of a user.
    Read,
    /// Change what a user shows others.
    Profile,
    /// Register ids and report values of them, on the operator's port; of users it is told nothing.
    Report,
}

impl Scope {
    /// Every scope, in the order of their numbers.
    pub const ALL: [Scope; 7] = [
        Scope::Users,
        Scope::Send,
        Scope::Groups,
        Scope::Contacts,
        Scope::Read,
        Scope::Profile,
        Scope::Report,
    ];

    /// What operators call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Users => "users",
            Scope::Send => "send",
            Scope::Groups => "groups",
            Scope::Contacts => "contacts",
            Scope::Read => "read",
            Scope::Profile => "profile",
            Scope::Report => "report",
        }
    }

    /// The scope that operators call so.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// Scopes, as bits by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(pub u8);

impl Scopes {
    /// With one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Scopes {
        Scopes(self.0 | 1 << scope as u8)
    }

    /// Whether it is one of them.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Those that there are, in the order of their numbers.
    pub fn each(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

/// For whom a key may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActsFor {
    /// For the accounts that it made.
    Made,
    /// For those, and for these users, at most [`API_KEY_USERS_MAX`].
    Users(Vec<UserId>),
    /// For everybody.
    All,
}

/// One key. What it may do never changes: for something else another one is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Which. Random.
    pub id: ApiKeyId,
    /// What the operator calls it; each name once.
    pub name: String,
    /// Hash of the secret, which was shown once.
    pub secret: SecretHash,
    /// What it may do.
    pub scopes: Scopes,
    /// For whom.
    pub acts_for: ActsFor,
    /// When it was made.
    pub created: TimeMs,
    /// From this moment on it is worth nothing; `None` for never.
    pub expires: Option<TimeMs>,
    /// When it was used last, at most [`API_KEY_USE_STEP_MS`] too old; `None` before the first time.
    pub used: Option<TimeMs>,
}

impl ApiKey {
    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now: TimeMs) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it may act for the owner of this account.
    #[must_use]
    pub fn acts_for(&self, account: &Account) -> bool {
        match &self.acts_for {
            ActsFor::All => true,
            ActsFor::Users(users) if users.contains(&account.user) => true,
            ActsFor::Users(_) | ActsFor::Made => account.made_by == Some(self.id),
        }
    }

    /// Whether a use at this moment is news for the store.
    #[must_use]
    pub fn use_is_news(&self, at: TimeMs) -> bool {
        self.used.is_none_or(|used| at.0.saturating_sub(used.0) >= API_KEY_USE_STEP_MS)
    }
}

/// All keys, oldest first; at most [`API_KEYS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiKeys(pub Vec<ApiKey>);

impl ApiKeys {
    /// One of them.
    #[must_use]
    pub fn get(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The key of a secret.
    #[must_use]
    pub fn of_secret(&self, secret: &SecretHash) -> Option<&ApiKey> {
        self.0.iter().find(|key| key.secret == *secret)
    }
}
