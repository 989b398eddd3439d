//! Which worker has a user's actor. The only file that names dashmap.
//!
//! An entry is made by one atomic insert, before the actor reads anything, so that no news passes it by; it is removed
//! only by the hub that owns it. Take, act, drop in one statement; never across an await.

use std::sync::Arc;

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;

use super::ports::WorkerId;
use crate::model::UserId;

/// Live users by id. Bounded by the connections that the server admits.
#[derive(Clone, Default)]
pub struct Directory {
    users: Arc<DashMap<UserId, WorkerId, FxBuildHasher>>,
}

impl Directory {
    /// The worker of a user, which is `here` from now on if the user had none.
    #[must_use]
    pub fn worker_or(&self, user: UserId, here: WorkerId) -> WorkerId {
        *self.users.entry(user).or_insert(here)
    }

    /// The worker of a user, if there is an actor.
    #[must_use]
    pub fn worker(&self, user: UserId) -> Option<WorkerId> {
        self.users.get(&user).map(|worker| *worker)
    }

    /// The user's actor is gone. Does nothing when the entry is another worker's.
    pub fn remove(&self, user: UserId, worker: WorkerId) {
        self.users.remove_if(&user, |_, owner| *owner == worker);
    }

    /// Users with an actor.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Users with an actor, by worker. Looks at all of them, a part of the map at a time: for operators.
    #[must_use]
    pub fn by_worker(&self, workers: usize) -> Vec<usize> {
        let mut counts = vec![0; workers];
        self.users.iter().for_each(|entry| counts[entry.value().0] += 1);
        counts
    }

    /// Whether nobody has an actor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}
