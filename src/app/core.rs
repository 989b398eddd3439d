//! The core put together: store, readers, persistence, accounts. Everything below the two ports.

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use actix::{Actor, Addr, Arbiter};

use super::{
    EXIT_FAULT, ServeOptions, StartFault, identity, points,
    store::{self, OpenedStore},
    system::{self, Room},
};
use crate::{
    actors::{
        accounts::Accounts,
        cleaner::{Cleaner, CleanerBell},
        directory::Directory,
        group::{ActiveBounds, Groups, GroupsParts},
        hand_backs::HandBacks,
        host_app::HostApp,
        host_ids::HostIds,
        link_attempts::LinkAttempts,
        passwords::Passwords,
        persistence::{self, Persistence, PersistenceParts, TailBounds, TellingParts, intake::Intake},
        point_keeper::PointKeeper,
        policy_in_force::PolicyInForce,
        ports::Ports,
        profile_changes::{ProfileNews, tell_changes},
        reader::Readers,
        unanswered::Unanswered,
        user::{LostFutures, UserServices},
        waiters::Waiters,
        watchers::Watchers,
    },
    config::Config,
    logic::ObservedTime,
    model::{Clock, Random, TimeMs},
    monitor::Monitor,
    store::{secrets::Secrets, store_lock::StoreLock},
    sync::{Kinds, SnapshotKey},
};

/// What runs below the ports.
pub(super) struct Core {
    pub(super) services: Arc<UserServices>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) host_app: Option<HostApp>,
    pub(super) directory: Directory,
    pub(super) secrets: Secrets,
    pub(super) points: Arc<PointKeeper>,
    pub(super) host_ids: Arc<HostIds>,
    pub(super) persistence: Addr<Persistence>,
    /// Held, since an actor without an address ends.
    _cleaner: Addr<Cleaner>,
    arbiter: Arbiter,
    groups_arbiter: Arbiter,
    reader_threads: Vec<JoinHandle<()>>,
    /// Held until the end: a second process on the same data directory is refused.
    lock: StoreLock,
}

impl Core {
    /// Opens the store and starts everything below the ports.
    pub(super) fn start(config: &Config, room: Room, options: &ServeOptions) -> Result<Core, StartFault> {
        let (clock, random, monitor) = (system::clock(), system::random(), points::monitor(options));
        let host_app = identity::host_app(&config.identity, &clock, &monitor)?;
        let kinds = config.kinds.iter().map(|kind| (kind.number, kind.name.clone())).collect::<Vec<_>>();
        let kinds = Arc::new(Kinds::of_server(&kinds).map_err(StartFault::Kinds)?);
        let store = store::open(config, options, &random)?;
        // After the lock: the points are of one process.
        let (host_ids, points) = points::open(config, options, &monitor);
        let stored_time = store.opened.report.stored_time;
        let time = ObservedTime::at_start(stored_time, clock.now(), clock.monotonic_us());
        let directory = Directory::default();
        let around = (&clock, &monitor, &directory, &random);
        let (services, reader_threads) = services(config, room, &store, kinds, around, time.at())?;
        let OpenedStore { mut opened, engine: _, secrets, reopen_index, index_has_room, lock } = store;
        if time.is_suspended() {
            tracing::warn!(
                stored_ms = time.at().0,
                "more than a day has passed since this store was used: nothing expires until `highwater admin \
                 accept-time` says that the clock is right"
            );
        }
        opened.committer.set_time(time);
        opened.committer.set_policy(config.policy());
        let (arbiter, groups_arbiter) = (Arbiter::new(), Arbiter::new());
        services.groups.serve(groups_arbiter.handle());
        let bell = CleanerBell::default();
        let parts = PersistenceParts {
            committer: opened.committer,
            intake: Arc::clone(&services.intake),
            readers: services.readers.clone(),
            told: told(&services, &directory, &bell),
            observed: Arc::clone(&services.observed),
            clock,
            monitor: monitor.clone(),
            bounds: tail_bounds(config, options),
            reopen_index,
            index_has_room,
            abort: Arc::new(|| std::process::exit(EXIT_FAULT)),
        };
        let persistence = persistence::start(&arbiter.handle(), parts);
        let cleaner = start_cleaner(&arbiter, config, &services);
        bell.serve(cleaner.clone());
        // It ends with the arbiter.
        arbiter.spawn(tell_changes(Arc::clone(&services)));
        let accounts = Arc::new(accounts(config, &services, host_app.clone(), random, monitor));
        Ok(Core {
            services,
            accounts,
            directory,
            secrets,
            points: Arc::new(points),
            host_ids: Arc::new(host_ids),
            persistence,
            _cleaner: cleaner,
            arbiter,
            groups_arbiter,
            host_app,
            reader_threads,
            lock,
        })
    }

    /// Ends everything: what was taken in is decided and stored, then the store is let go.
    pub(super) async fn stop(self) {
        // Should the actor be gone, there is nothing left to wait for.
        let _ = self.persistence.send(persistence::Finish).await;
        self.services.groups.close();
        self.groups_arbiter.stop();
        self.services.readers.stop();
        for thread in self.reader_threads {
            let _ = thread.join();
        }
        self.arbiter.stop();
        drop(self.lock);
    }
}

/// Whom the committer tells what is durable.
fn told(services: &UserServices, directory: &Directory, bell: &CleanerBell) -> TellingParts {
    TellingParts {
        ports: services.ports.clone(),
        directory: directory.clone(),
        waiters: services.waiters.clone(),
        watchers: services.watchers.clone(),
        profile_news: services.profile_news.clone(),
        groups: services.groups.clone(),
        hand_backs: services.hand_backs.clone(),
        cleaner: bell.clone(),
    }
}

fn start_cleaner(arbiter: &Arbiter, config: &Config, services: &Arc<UserServices>) -> Addr<Cleaner> {
    let pause = Duration::from_millis(config.cleanup.pause_ms);
    let cleaner = Cleaner::new(services, pause, config.policy().retentions);
    Cleaner::start_in_arbiter(&arbiter.handle(), move |_| cleaner)
}

fn services(
    config: &Config,
    room: Room,
    store: &OpenedStore,
    kinds: Arc<Kinds>,
    (clock, monitor, directory, random): (&Clock, &Monitor, &Directory, &Random),
    started: TimeMs,
) -> Result<(Arc<UserServices>, Vec<JoinHandle<()>>), StartFault> {
    let tail = Arc::clone(store.opened.committer.tail());
    let (readers, threads) =
        Readers::start(config.server.readers, Arc::clone(&tail), Arc::clone(&store.engine), monitor.clone())?;
    let hand_backs = HandBacks::since(started, clock.now(), tail.indexed(), &tail.unindexed(usize::MAX));
    let secrets = &store.secrets;
    let (intake, ports) = (Arc::new(Intake::default()), Ports::new(system::worker_count(config)));
    // The other half is for requests that do not wait.
    let waiters = Waiters::bounded(room.requests_max / 2);
    let groups = Groups::new(GroupsParts {
        intake: Arc::clone(&intake),
        ports: ports.clone(),
        directory: directory.clone(),
        waiters: waiters.clone(),
        tail: Arc::clone(&tail),
        clock: clock.clone(),
        monitor: monitor.clone(),
        bounds: ActiveBounds::default(),
    });
    let services = UserServices {
        intake,
        readers,
        ports,
        tail,
        key: SnapshotKey::new(secrets.snapshot_key_id, secrets.snapshot_key, secrets.store_id),
        lifeline: Arc::clone(&store.opened.lifeline),
        kinds,
        monitor: monitor.clone(),
        clock: clock.clone(),
        heartbeat_ms: config.client.heartbeat_ms,
        queued_bytes_max: config.client.queued_bytes_max,
        unanswered: Unanswered::default(),
        observed: Arc::default(),
        policy: PolicyInForce::new(config.policy()),
        hand_backs,
        waiters,
        watchers: Watchers::default(),
        profile_news: ProfileNews::default(),
        ticks_told: config.ticks_told(),
        groups,
        lost_futures: LostFutures::default(),
        link_attempts: LinkAttempts::default(),
        random: random.clone(),
    };
    Ok((Arc::new(services), threads))
}

/// The null store has no index either: everything stays in the tail for as long as the process lives.
fn tail_bounds(config: &Config, options: &ServeOptions) -> TailBounds {
    if options.null_store {
        return TailBounds { bytes_max: usize::MAX, index_after_bytes: usize::MAX };
    }
    TailBounds {
        bytes_max: config.storage.tail_bytes_max,
        index_after_bytes: config.storage.index_after_bytes,
    }
}

fn accounts(
    config: &Config,
    services: &Arc<UserServices>,
    host_app: Option<HostApp>,
    random: Random,
    monitor: Monitor,
) -> Accounts {
    let passwords = Passwords::new(system::cores().saturating_sub(1), random.clone(), monitor);
    Accounts::new(Arc::clone(services), config.registration.mode, passwords, host_app, random)
}
