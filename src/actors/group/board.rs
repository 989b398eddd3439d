//! The board of all active groups: what of each is to be told, and how far its fan-out is. It outlives the actors that do
//! the work, so that a panic loses nothing.
//!
//! A group has a place on it while something of it is to be done, and a while longer. At most `groups_max` have one: of a
//! further group persistence itself tells the members, and what it leaves unexpanded is found in the store, by
//! [`Groups::look_again`], when there is room. A place holds at most `TOLD_MAX` records: of more persistence tells the
//! members itself.

mod live;

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix::{Actor, Addr, ArbiterHandle, dev::SendError};
use highwater_wire::Refusal;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{Group, Wake, bounds::ActiveBounds, left::Left, on_purpose::PanicsOnPurpose};
use crate::{
    actors::{
        directory::Directory,
        persistence::intake::Intake,
        ports::{Ports, WorkerId},
        reader::Readers,
        user::audience_of_all,
        waiters::Waiters,
    },
    logic::fan_out_job::{Asked, FanOutJob, Next, PARKED_RETRY_US, RETRY_MAX_US, Setback, Waiting},
    model::{Clock, ConversationId, Record, Seq, TimeMs, UserId},
    monitor::{Monitor, ids},
    store::{
        tail::Tail,
        view::{ReadFault, View},
    },
};

pub use live::{LiveGroup, LiveGroups};

/// Records of one group that wait to be told by its actor. Source: one batch of nothing but this group's.
const TOLD_MAX: usize = crate::model::limits::BATCH_OPERATIONS_MAX;

/// All active groups. Cheap to clone.
#[derive(Clone)]
pub struct Groups {
    shared: Arc<Shared>,
}

/// What the board works with.
pub struct GroupsParts {
    /// The way to the committer.
    pub intake: Arc<Intake>,
    /// The way to the members.
    pub ports: Ports,
    /// Who is where.
    pub directory: Directory,
    /// Who waits over HTTP.
    pub waiters: Waiters,
    /// When entries were written.
    pub tail: Arc<Tail>,
    /// Time.
    pub clock: Clock,
    /// Counters.
    pub monitor: Monitor,
    /// How many at a time.
    pub bounds: ActiveBounds,
}

struct Shared {
    parts: GroupsParts,
    /// Where the actors run. Before it is set, and after the board was closed, nothing is taken.
    arbiter: OnceLock<ArbiterHandle>,
    closed: AtomicBool,
    places: Mutex<FxHashMap<ConversationId, Place>>,
    /// Something unfinished may have no place: the store is looked through when there is room.
    overlooked: AtomicBool,
    looking: AtomicBool,
    /// Not before then, on the monotonic clock.
    look_due_us: AtomicU64,
    panics: PanicsOnPurpose,
}

struct Place {
    job: FanOutJob,
    told: VecDeque<Arc<Record>>,
    actor: Addr<Group>,
    number: u64,
    awake: bool,
}

impl Groups {
    /// A board on which nothing is left yet.
    #[must_use]
    pub fn new(parts: GroupsParts) -> Groups {
        let shared = Shared {
            parts,
            arbiter: OnceLock::new(),
            closed: AtomicBool::new(false),
            places: Mutex::default(),
            // What an earlier run left.
            overlooked: AtomicBool::new(true),
            looking: AtomicBool::new(false),
            look_due_us: AtomicU64::new(0),
            panics: PanicsOnPurpose::default(),
        };
        Groups { shared: Arc::new(shared) }
    }

    /// Says where the actors run. Called once, before persistence starts.
    pub fn serve(&self, arbiter: ArbiterHandle) {
        assert!(self.shared.arbiter.set(arbiter).is_ok(), "one arbiter runs the actors of groups");
    }

    /// Takes nothing from now on, and replaces no actor: the server stops. What is not expanded is found at the next start.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }

    pub(super) fn idle(&self) -> Duration {
        self.shared.parts.bounds.idle
    }

    fn groups_max(&self) -> usize {
        self.shared.parts.bounds.groups_max
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.parts.clock
    }

    pub(super) fn now_us(&self) -> u64 {
        self.clock().monotonic_us()
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.shared.parts.intake
    }

    /// Leaves a durable record of a group. False when its members must be told without its actor.
    #[must_use]
    pub fn leave(&self, group: ConversationId, record: &Arc<Record>) -> bool {
        let Some(arbiter) = self.arbiter() else { return false };
        let mut places = self.shared.places.lock();
        if places.len() >= self.groups_max() && !places.contains_key(&group) {
            self.shared.overlooked.store(true, Ordering::Release);
            return false;
        }
        let place = places.entry(group).or_insert_with(|| self.start(arbiter, group, FanOutJob::default()));
        let written = |seq: Seq| Some(self.shared.parts.tail.logged(group, seq)?.message.sent_at);
        place.job.note(record, written);
        let has_room = place.told.len() < TOLD_MAX;
        if has_room {
            place.told.push_back(Arc::clone(record));
        }
        self.wake(arbiter, group, place);
        has_room
    }

    /// Says what became of a step, of each that was asked for: nothing when it was decided, else why not.
    pub fn answered(&self, group: ConversationId, number: u64, refusal: Option<Refusal>) {
        let mut places = self.shared.places.lock();
        let Some(place) = places.get_mut(&group) else { return };
        let result = match refusal {
            None => Ok(()),
            Some(Refusal::Internal) => Err(Setback::Fault),
            Some(_) => Err(Setback::NotNow),
        };
        let parts = &self.shared.parts;
        parts.monitor.add(if result.is_ok() { ids::GROUP_STEPS } else { ids::GROUP_STEPS_FAILED }, 1);
        if place.job.answered(number, result, self.now_us()) {
            alarm(group, place.job.waiting());
        }
        if let Some(arbiter) = self.arbiter() {
            self.wake(arbiter, group, place);
        }
    }

    fn arbiter(&self) -> Option<&ArbiterHandle> {
        let is_open = !self.shared.closed.load(Ordering::Acquire);
        self.shared.arbiter.get().filter(|_| is_open)
    }

    fn start(&self, arbiter: &ArbiterHandle, group: ConversationId, job: FanOutJob) -> Place {
        let actor = self.start_actor(arbiter, group, 1);
        Place { job, told: VecDeque::new(), actor, number: 1, awake: true }
    }

    fn start_actor(&self, arbiter: &ArbiterHandle, group: ConversationId, number: u64) -> Addr<Group> {
        let groups = self.clone();
        Group::start_in_arbiter(arbiter, move |_| Group::new(group, number, groups))
    }

    fn wake(&self, arbiter: &ArbiterHandle, group: ConversationId, place: &mut Place) {
        if std::mem::replace(&mut place.awake, true) && place.actor.connected() {
            return;
        }
        // A mailbox that is full has a wake in it.
        if let Err(SendError::Closed(_)) = place.actor.try_send(Wake) {
            self.replace(arbiter, group, place);
        }
    }

    /// A living actor in place of one that is gone.
    fn replace(&self, arbiter: &ArbiterHandle, group: ConversationId, place: &mut Place) {
        place.number += 1;
        place.actor = self.start_actor(arbiter, group, place.number);
        place.awake = true;
        self.shared.parts.monitor.add(ids::GROUP_ACTORS_REPLACED, 1);
        if place.job.died(self.now_us()) {
            alarm(group, place.job.waiting());
        }
    }

    /// An actor is gone and did not end in order: unless it was replaced already, it is now.
    pub(super) fn died(&self, group: ConversationId, number: u64) {
        let Some(arbiter) = self.arbiter() else { return };
        let mut places = self.shared.places.lock();
        if let Some(place) = places.get_mut(&group).filter(|place| place.number == number) {
            self.replace(arbiter, group, place);
        }
    }

    /// An actor without work ends. False when there is work again.
    pub(super) fn end(&self, group: ConversationId, number: u64) -> bool {
        let mut places = self.shared.places.lock();
        let now_us = self.now_us();
        let Some(place) = places.get(&group).filter(|place| place.number == number) else {
            // Another one has its place.
            return true;
        };
        let ends = place.told.is_empty() && place.job.next(now_us) == Next::Nothing;
        if ends {
            places.remove(&group);
        }
        ends
    }

    /// Tells the members everything that waits to be told; one envelope per worker. It leaves the board after it was told.
    pub(super) fn tell(&self, group: ConversationId) {
        let records: Vec<Arc<Record>> = {
            let mut places = self.shared.places.lock();
            let Some(place) = places.get_mut(&group) else { return };
            // Cleared before looking, so that what comes after the look sends a wake.
            place.awake = false;
            place.told.iter().cloned().collect()
        };
        if records.is_empty() {
            return;
        }
        self.shared.panics.pass();
        let members = audience_of_all(records.iter().map(Arc::as_ref));
        let parts = &self.shared.parts;
        let mut by_worker: Vec<Vec<(UserId, bool)>> = vec![Vec::new(); parts.ports.workers()];
        for (user, items) in members {
            parts.waiters.wake(user);
            if let Some(worker) = parts.directory.worker(user) {
                by_worker[worker.0].push((user, items));
            }
        }
        for (worker, members) in by_worker.into_iter().enumerate() {
            parts.ports.tell(WorkerId(worker), members);
        }
        if let Some(place) = self.shared.places.lock().get_mut(&group) {
            place.told.drain(..records.len());
            place.job.lives();
        }
    }

    /// How long a new actor waits before anything else.
    pub(super) fn pause_us(&self, group: ConversationId) -> u64 {
        self.shared.places.lock().get(&group).map_or(0, |place| place.job.pause_us())
    }

    /// What is to be done for the fan-out of a group.
    pub(super) fn next(&self, group: ConversationId) -> Next {
        let places = self.shared.places.lock();
        places.get(&group).map_or(Next::Nothing, |place| place.job.next(self.now_us()))
    }

    /// Steps are about to be asked for; none of a group without a place.
    pub(super) fn ask(&self, group: ConversationId) -> Option<Asked> {
        Some(self.shared.places.lock().get_mut(&group)?.job.ask())
    }

    /// Gives unfinished fan-outs a place that have none: at a start, and after the board was full.
    pub fn look_again(&self, readers: &Readers) {
        let shared = &self.shared;
        if !shared.overlooked.load(Ordering::Acquire)
            || self.now_us() < shared.look_due_us.load(Ordering::Acquire)
            || shared.places.lock().len() >= self.groups_max()
            || shared.looking.swap(true, Ordering::AcqRel)
        {
            return;
        }
        // Cleared before looking, so that what is overlooked meanwhile is looked for again.
        shared.overlooked.store(false, Ordering::Release);
        shared.look_due_us.store(self.now_us() + RETRY_MAX_US, Ordering::Release);
        let groups = self.clone();
        let now = shared.parts.clock.now();
        let asked = readers.read(move |view| match groups.left(view, now) {
            Ok((left, is_cut)) => groups.looked(left, is_cut),
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "unfinished fan-outs could not be looked for; it is tried every minute"
                );
                groups.look_later(PARKED_RETRY_US);
            }
        });
        if asked.is_err() {
            self.look_later(RETRY_MAX_US);
        }
    }

    fn left(&self, view: &View, now: TimeMs) -> Result<(Vec<Left>, bool), ReadFault> {
        let has_place = |group| self.shared.places.lock().contains_key(&group);
        Left::all(view, now, self.groups_max(), has_place)
    }

    fn look_later(&self, wait_us: u64) {
        self.shared.look_due_us.store(self.now_us() + wait_us, Ordering::Release);
        self.shared.overlooked.store(true, Ordering::Release);
        self.shared.looking.store(false, Ordering::Release);
    }

    fn looked(&self, left: Vec<Left>, is_cut: bool) {
        if is_cut {
            self.shared.overlooked.store(true, Ordering::Release);
        }
        let mut places = self.shared.places.lock();
        for Left { group, job, position, passed } in left {
            let Some(arbiter) = self.arbiter() else { break };
            if places.contains_key(&group) {
                continue;
            }
            if places.len() >= self.groups_max() {
                self.shared.overlooked.store(true, Ordering::Release);
                break;
            }
            let entry = position.entry.0;
            tracing::info!(group = group.0, entry, passed, "an unfinished fan-out goes on");
            places.insert(group, self.start(arbiter, group, job));
        }
        drop(places);
        self.shared.looking.store(false, Ordering::Release);
    }

    /// What waits of a group; nothing when everything is expanded, or nothing is known.
    #[must_use]
    pub fn waiting(&self, group: ConversationId) -> Option<Waiting> {
        self.shared.places.lock().get(&group)?.job.waiting()
    }

    /// Shows how much waits. Asked from outside, since what is stuck cannot say it.
    pub fn observe(&self) {
        let parts = &self.shared.parts;
        let now = parts.clock.now();
        let (mut waiting, mut entries, mut parked, mut oldest_ms) = (0, 0, 0, 0);
        let active = {
            let places = self.shared.places.lock();
            for found in places.values().filter_map(|place| place.job.waiting()) {
                waiting += 1;
                entries += found.entries;
                parked += u64::from(found.is_parked);
                oldest_ms = oldest_ms.max(now.0.saturating_sub(found.since.0));
            }
            places.len()
        };
        parts.monitor.set(ids::GROUPS_ACTIVE, active as u64);
        parts.monitor.set(ids::GROUPS_WAITING, waiting);
        parts.monitor.set(ids::GROUP_ENTRIES_WAITING, entries);
        parts.monitor.set(ids::GROUPS_PARKED, parked);
        parts.monitor.set(ids::GROUP_OLDEST_WAITING, u64::try_from(oldest_ms).unwrap_or(0) * 1000);
    }

    /// Whether everything that there was to tell is told.
    #[cfg(test)]
    pub fn all_is_told(&self) -> bool {
        self.shared.places.lock().values().all(|place| place.told.is_empty())
    }

    /// From now on so many tellings end in a panic.
    #[cfg(test)]
    pub(super) fn panic_next(&self, count: usize) {
        self.shared.panics.come(count);
    }
}

fn alarm(group: ConversationId, waiting: Option<Waiting>) {
    let waiting = waiting.map_or((0, 0), |waiting| (waiting.entries, waiting.since.0));
    tracing::error!(
        group = group.0,
        entries = waiting.0,
        since_ms = waiting.1,
        "a fan-out is parked: its steps fail again and again, it is tried again every minute"
    );
}
