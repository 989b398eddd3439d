//! Who was erased: what they wrote is not shown, from the moment that is durable, wherever it still stands.
//!
//! The index is rewritten later, chunk by chunk. Until then, and for as long as a reader may hold an older part of the tail,
//! every message passes here on its way out. So the set only grows while the process lives, by eight bytes for each
//! erasure; a start begins it with those whose rewriting is not done.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use rustc_hash::FxHashSet;

use super::{Pin, Tail, drop_row};
use crate::model::{Erasure, UserId, Version, record::Message};

/// See the module.
#[derive(Default)]
pub(super) struct ErasedUsers {
    /// Mostly there is nobody: then nothing is locked.
    is_any: AtomicBool,
    users: RwLock<FxHashSet<UserId>>,
}

impl Tail {
    /// What this user wrote is not shown any more.
    pub fn erase(&self, user: UserId) {
        self.erased.users.write().insert(user);
        self.erased.is_any.store(true, Ordering::Release);
    }

    /// Whether nothing is shown of what a user wrote. Of one whose erasure was done before this run nothing is left, so
    /// that is not known here.
    #[must_use]
    pub fn is_erased(&self, user: UserId) -> bool {
        self.erased.is_any.load(Ordering::Acquire) && self.erased.users.read().contains(&user)
    }

    /// A message as it may be shown.
    #[must_use]
    pub fn shown(&self, message: Message) -> Message {
        if self.is_erased(message.sender) { message.erased() } else { message }
    }

    pub(super) fn insert_account_gone(&self, version: Version, user: UserId, name: Option<&str>) {
        self.shard(user.0).write().accounts.insert(user, (version, None));
        if let Some(key) = name {
            self.text_shard(key).write().names.insert(key.to_owned(), (version, None));
        }
    }

    pub(super) fn remove_account_gone(&self, version: Version, user: UserId, name: Option<&str>) {
        drop_row(&mut self.shard(user.0).write().accounts, &user, version);
        if let Some(key) = name {
            drop_row(&mut self.text_shard(key).write().names, &key.to_owned(), version);
        }
    }

    pub(super) fn insert_erasure(&self, version: Version, erasure: &Erasure) {
        self.erase(erasure.user);
        let row = (version, Some(*erasure));
        self.shard(erasure.user.0).write().erasures.insert(erasure.user, row);
    }

    pub(super) fn remove_erasure(&self, version: Version, erasure: &Erasure) {
        drop_row(&mut self.shard(erasure.user.0).write().erasures, &erasure.user, version);
    }
}

impl Pin {
    /// How it stands with the erasure of a user, if the tail knows it.
    #[must_use]
    pub fn erasure(&self, user: UserId) -> Option<Erasure> {
        let shard = self.tail.shard(user.0).read();
        shard.erasures.get(&user).and_then(|(_, row)| *row)
    }

    /// A message as it may be shown.
    #[must_use]
    pub fn shown(&self, message: Message) -> Message {
        self.tail.shown(message)
    }
}
