//! What user actors work with, and whoever else answers for users: over HTTP, to operators.

use std::sync::Arc;

use super::LostFutures;
use crate::{
    actors::{
        group::Groups, hand_backs::HandBacks, link_attempts::LinkAttempts, observed::Observed,
        persistence::intake::Intake, policy_in_force::PolicyInForce, ports::Ports,
        profile_changes::ProfileNews, reader::Readers, unanswered::Unanswered, waiters::Waiters,
        watchers::Watchers,
    },
    model::{Clock, Day, Random, TicksTold},
    monitor::{Monitor, ids},
    store::tail::Tail,
    sync::{Kinds, Lifeline, SnapshotKey},
};

/// What every user actor works with.
pub struct UserServices {
    /// The way to the committer.
    pub intake: Arc<Intake>,
    /// The way to the store.
    pub readers: Readers,
    /// The way back.
    pub ports: Ports,
    /// For pushes.
    pub tail: Arc<Tail>,
    /// For snapshots.
    pub key: SnapshotKey,
    /// The runs of the store.
    pub lifeline: Arc<Lifeline>,
    /// Every kind of the server.
    pub kinds: Arc<Kinds>,
    /// Counters.
    pub monitor: Monitor,
    /// Time.
    pub clock: Clock,
    /// How often silent clients send a heartbeat, milliseconds.
    pub heartbeat_ms: u32,
    /// Bytes that may wait for one connection.
    pub queued_bytes_max: usize,
    /// Requests that a stop waits for.
    pub unanswered: Unanswered,
    /// The time by which lineages expire.
    pub observed: Arc<Observed>,
    /// What an operator has set; the committer decides by it, here it screens and is told.
    pub policy: PolicyInForce,
    /// When lineages handed back, for operators.
    pub hand_backs: HandBacks,
    /// Requests over HTTP that wait for news.
    pub waiters: Waiters,
    /// Who is told hints of whom.
    pub watchers: Watchers,
    /// Profiles that were changed.
    pub profile_news: ProfileNews,
    /// What users are told of each other.
    pub ticks_told: TicksTold,
    /// The actors of groups, for operators.
    pub groups: Groups,
    /// Who was told to the operator as coming from a history that this store does not have.
    pub lost_futures: LostFutures,
    /// Codes of links that were wrong.
    pub link_attempts: LinkAttempts,
    /// For secrets of links.
    pub random: Random,
}

impl UserServices {
    /// The day that a send names when its message id is new.
    #[must_use]
    pub fn today(&self) -> Day {
        self.tail.today(self.clock.now().day())
    }
}

impl UserServices {
    /// Counts how persistence and groups stand. From outside, since what is stuck cannot say it.
    pub fn look(&self) {
        self.monitor.set(ids::PERSISTENCE_TURN, self.observed.turn_age_us(self.clock.monotonic_us()));
        self.groups.observe();
    }
}
