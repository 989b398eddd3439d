//! Actors of groups on the real persistence actor and readers: members are told promptly, whoever dies, and what an earlier
//! run left is gone on with. A member is what a user's actor is to its connections: it looks when it is told to, at
//! everything above its mark.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use actix::{Addr, Arbiter, System};
use actix_web::rt::time::{sleep, timeout};
use highwater_wire::Refusal;
use tokio::sync::oneshot;

use super::*;
use crate::{
    actors::{
        cleaner::CleanerBell,
        directory::Directory,
        hand_backs::HandBacks,
        persistence::{
            self, Finish, Persistence, PersistenceParts, TailBounds, TellingParts,
            intake::Intake,
            open::{OpenStore, open},
        },
        ports::{Ports, Post, WorkerId},
        profile_changes::ProfileNews,
        reader::Readers,
        waiters::Waiters,
        watchers::Watchers,
    },
    logic::{
        Answer, ObservedTime, Principal,
        fan_out_job::Waiting,
        operation::{GroupChange, GroupRequest, NewDevice, Register, Send, Target},
    },
    model::{
        ClientMessageId, Clock, Content, Day, DeviceId, GroupBounds, Policy, Seq, TimeMs, UserId, Version,
    },
    monitor::{Monitor, ids},
    store::{
        engine::{Engine, IndexBatch},
        engine_memory::MemoryEngine,
        files_faulty::FaultyDisk,
        groups,
        log::LogConfig,
        log_batch::StoreId,
        tail::Tail,
        view::View,
    },
};

const WORKERS: usize = 2;
const NOW: TimeMs = TimeMs(20_000 * 86_400_000 + 5);
const GROUP: ConversationId = ConversationId(0x6e0);
const OTHER: ConversationId = ConversationId(0x6e1);

const ENTRIES_MAX: usize = 10_000;

/// Far more than anything here takes; a member without a heartbeat would wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// What survives a start.
#[derive(Clone)]
struct Disk {
    files: FaultyDisk,
    engine: Arc<dyn Engine>,
    bounds: ActiveBounds,
}

impl Disk {
    fn new() -> Disk {
        Disk {
            files: FaultyDisk::new(),
            engine: Arc::new(MemoryEngine::new()),
            bounds: ActiveBounds::default(),
        }
    }
}

/// A server without ports.
struct Running {
    intake: Arc<Intake>,
    groups: Groups,
    ports: Ports,
    tail: Arc<Tail>,
    engine: Arc<dyn Engine>,
    clock: Clock,
    monitor: Monitor,
    readers: Readers,
    reader_threads: Vec<JoinHandle<()>>,
    persistence: Addr<Persistence>,
    arbiters: [Arbiter; 2],
    seen: BTreeMap<UserId, (Version, Vec<(ConversationId, Seq)>)>,
}

/// Every look at the clock takes a while, so that waits end without anybody waiting.
fn clock() -> Clock {
    let ticks = Arc::new(AtomicU64::new(0));
    Clock::new(|| NOW.0, move || ticks.fetch_add(10_000, Ordering::SeqCst))
}

fn start(disk: &Disk, step_pointers_max: usize, index_after_bytes: usize, has_actors: bool) -> Running {
    let opened = open(OpenStore {
        files: disk.files.directory("store"),
        engine: Arc::clone(&disk.engine),
        store: StoreId([7; 16]),
        log: LogConfig { segment_bytes: 16 * 1024 * 1024, ..LogConfig::default() },
        run_id: 1,
        accept_loss: false,
    });
    let mut committer = opened.unwrap().committer;
    committer.set_time(ObservedTime::at_start(None, NOW, 0));
    let group_bounds = GroupBounds { step_pointers_max, ..GroupBounds::default() };
    committer.set_policy(Policy { group_bounds, ..Policy::default() });
    let (clock, monitor, tail) = (clock(), Monitor::new(), Arc::clone(committer.tail()));
    let (intake, ports, directory) = (Arc::new(Intake::default()), Ports::new(WORKERS), Directory::default());
    let (readers, reader_threads) =
        Readers::start(1, Arc::clone(&tail), Arc::clone(&disk.engine), monitor.clone()).unwrap();
    for user in 1..1000 {
        let _ = directory.worker_or(UserId(user), WorkerId(user as usize % WORKERS));
    }
    let groups = Groups::new(GroupsParts {
        intake: Arc::clone(&intake),
        ports: ports.clone(),
        directory: directory.clone(),
        waiters: Waiters::bounded(1),
        tail: Arc::clone(&tail),
        clock: clock.clone(),
        monitor: monitor.clone(),
        bounds: disk.bounds,
    });
    let arbiters = [Arbiter::new(), Arbiter::new()];
    if has_actors {
        groups.serve(arbiters[1].handle());
    }
    let parts = PersistenceParts {
        committer,
        intake: Arc::clone(&intake),
        readers: readers.clone(),
        told: TellingParts {
            ports: ports.clone(),
            directory,
            waiters: Waiters::bounded(1),
            watchers: Watchers::default(),
            profile_news: ProfileNews::default(),
            groups: groups.clone(),
            hand_backs: HandBacks::since(NOW, NOW, Version(0), &[]),
            cleaner: CleanerBell::default(),
        },
        observed: Arc::default(),
        clock: clock.clone(),
        monitor: monitor.clone(),
        bounds: TailBounds { bytes_max: usize::MAX, index_after_bytes },
        reopen_index: Box::new(|| true),
        index_has_room: Box::new(|| true),
        abort: Arc::new(|| panic!("the store cannot go on")),
    };
    let persistence = persistence::start(&arbiters[0].handle(), parts);
    let seen = BTreeMap::new();
    Running {
        intake,
        groups,
        ports,
        tail,
        engine: Arc::clone(&disk.engine),
        clock,
        monitor,
        readers,
        reader_threads,
        persistence,
        arbiters,
        seen,
    }
}

impl Running {
    /// Hands a request in; its answer comes when it is durable.
    fn submit(&self, request: Request) -> oneshot::Receiver<Result<Answer, Refusal>> {
        let (reply, answer) = oneshot::channel();
        let taken = self.intake.submit(Submission::new(request, Reply::Once(reply), &self.clock));
        assert!(taken.is_ok(), "the queue has room");
        answer
    }

    async fn done(&self, request: Request) -> Answer {
        self.submit(request).await.unwrap().unwrap()
    }

    /// A group of users from the first to the last, who all have accounts by then.
    async fn found(&self, group: ConversationId, first: u64, last: u64) {
        for user in first..=last {
            self.done(register(user)).await;
        }
        self.change(group, first, GroupChange::Create { name: "team".to_owned(), members: Vec::new() }).await;
        let others: Vec<UserId> = (first + 1..=last).map(UserId).collect();
        for some in others.chunks(50) {
            self.change(group, first, GroupChange::Add(some.to_vec())).await;
        }
    }

    async fn change(&self, group: ConversationId, user: u64, change: GroupChange) {
        self.done(Request::Group(GroupRequest { by: device(user), group, change })).await;
    }

    /// What members are told to look at, they look at.
    fn look(&mut self) {
        for worker in 0..WORKERS {
            let board = self.ports.take(WorkerId(worker));
            let one = |(user, post)| matches!(post, Post::News { .. }).then_some(user);
            let users = board.posts.into_iter().filter_map(one);
            let users: Vec<UserId> =
                users.chain(board.news.into_iter().flatten().map(|(user, _)| user)).collect();
            for user in users {
                assert_eq!(user.0 as usize % WORKERS, worker, "a member is told where he is");
                let (mark, seen) = self.seen.entry(user).or_default();
                let above = self.tail.inbox_above(user, *mark, self.tail.durable(), ENTRIES_MAX);
                let entries = match above {
                    Some((entries, _)) => entries,
                    None => View::new(&self.tail, &self.engine)
                        .inbox_above(user, *mark, ENTRIES_MAX, usize::MAX)
                        .unwrap(),
                };
                *mark = entries.last().map_or(*mark, |entry| entry.version);
                seen.extend(entries.iter().map(|entry| (entry.message.conversation, entry.message.seq)));
            }
        }
    }

    /// Members look until something holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Running) -> bool) {
        let waited = timeout(PATIENCE, async {
            loop {
                self.look();
                if holds(self) {
                    return;
                }
                sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(waited.await.is_ok(), "{what}");
    }

    fn newest(&self, user: u64) -> Seq {
        self.seen.get(&UserId(user)).and_then(|(_, seen)| seen.last()).map_or(Seq(0), |(_, seq)| *seq)
    }

    async fn stop(self) {
        self.intake.close();
        self.persistence.send(Finish).await.unwrap();
        self.groups.close();
        self.readers.stop();
        self.reader_threads.into_iter().for_each(|thread| thread.join().unwrap());
        self.arbiters.iter().for_each(|arbiter| assert!(arbiter.stop()));
    }
}

fn device(user: u64) -> Principal {
    Principal { user: UserId(user), device: DeviceId(10 * user) }
}

fn register(user: u64) -> Request {
    let token = std::array::from_fn(|place| if place < 8 { user.to_be_bytes()[place] } else { 0 });
    let device = NewDevice {
        user: UserId(user),
        device: DeviceId(10 * user),
        name: "d".to_owned(),
        class: 1,
        token,
        in_place_of: None,
        proven: None,
    };
    let (user, name) = (UserId(user), format!("u{user}"));
    Request::Register(Register { user, name, password: None, invite: None, host_identity: None, device })
}

fn say(group: ConversationId, user: u64, number: u64) -> Request {
    let mut id = [1; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Request::Send(Send {
        by: device(user),
        to: Target::Conversation(group),
        id: ClientMessageId(id),
        day: Day(20_000),
        content: Content::Text("hello".into()),
        shown: Seq(0),
    })
}

const NO_INDEX: usize = usize::MAX;

#[test]
fn every_member_is_told_everything_though_actors_die_in_mid_load() {
    System::new().block_on(async {
        let (members, sends) = (60, 100);
        let mut running = start(&Disk::new(), 16, NO_INDEX, true);
        running.found(GROUP, 1, members).await;
        running.until("the group is told", |running| running.newest(members) == Seq(3)).await;
        let answers: Vec<_> = (0..sends).map(|number| running.submit(say(GROUP, 1, number))).collect();
        for (number, answer) in answers.into_iter().enumerate() {
            answer.await.unwrap().unwrap();
            if number % 25 == 12 {
                running.groups.panic_next(1);
            }
        }
        let last = Seq(3 + sends);
        let all = |running: &Running| (1..=members).all(|user| running.newest(user) == last);
        running.until("everybody is told everything", all).await;
        for (user, (_, seen)) in &running.seen {
            let first = seen.first().unwrap().1.0;
            let dense: Vec<_> = (first..=last.0).map(|seq| (GROUP, Seq(seq))).collect();
            assert_eq!(*seen, dense, "each entry once and in order, of user {}", user.0);
        }
        assert!(running.monitor.value(ids::GROUP_ACTORS_REPLACED) >= 1, "actors died");
        let pointers = running.monitor.value(ids::GROUP_POINTERS_BY_STEPS);
        assert!(pointers >= (members * sends) as i64, "every entry went by steps: {pointers} pointers");
        running.until("nothing waits", |running| running.groups.waiting(GROUP).is_none()).await;
        running.stop().await;
    });
}

#[test]
fn a_telling_that_ends_in_a_panic_is_told_by_the_next_actor() {
    System::new().block_on(async {
        let mut running = start(&Disk::new(), 100, NO_INDEX, true);
        running.found(GROUP, 1, 5).await;
        // A telling that is under way now would show the members what is said next before it is told.
        running.until("the group is told", |running| running.groups.all_is_told()).await;
        running.look();
        assert_eq!(running.newest(5), Seq(2));
        running.groups.panic_next(5);
        running.done(say(GROUP, 1, 1)).await;
        // Nothing comes after it that would tell the members to look.
        let all = |running: &Running| (1..=5).all(|user| running.newest(user) == Seq(3));
        running.until("everybody is told", all).await;
        assert_eq!(running.monitor.value(ids::GROUP_ACTORS_REPLACED), 5);
        running.stop().await;
    });
}

#[test]
fn a_start_goes_on_with_what_an_earlier_run_left() {
    System::new().block_on(async {
        let disk = Disk::new();
        let running = start(&disk, 4, NO_INDEX, false);
        running.found(GROUP, 1, 30).await;
        running.done(say(GROUP, 1, 1)).await;
        assert_eq!(running.monitor.value(ids::GROUP_POINTERS_BY_STEPS), 0, "nobody asks for steps");
        running.stop().await;

        let mut running = start(&disk, 4, NO_INDEX, true);
        let all = |running: &Running| (1..=30).all(|user| running.newest(user) == Seq(3));
        running.until("everybody is told", all).await;
        running.stop().await;
    });
}

#[test]
fn a_group_that_cannot_be_read_is_parked_and_is_in_nobodys_way() {
    System::new().block_on(async {
        let disk = Disk::new();
        let running = start(&disk, 4, 0, false);
        for (group, first) in [(GROUP, 1), (OTHER, 101)] {
            running.found(group, first, first + 19).await;
            running.done(say(group, first, 1)).await;
        }
        running.stop().await;

        let damaged = groups::member_key(GROUP, UserId(3));
        let whole = disk.engine.get(&damaged).unwrap().expect("the index has the row").to_vec();
        put(&disk, &damaged, vec![1, 2, 3]);
        let mut running = start(&disk, 4, 0, true);
        let is_parked = |waiting: Option<Waiting>| waiting.is_some_and(|waiting| waiting.is_parked);
        running.until("it is parked", |running| is_parked(running.groups.waiting(GROUP))).await;
        running.until("the other one is told", |running| running.newest(120) == Seq(3)).await;
        let parked = |running: &Running| {
            running.groups.observe();
            running.monitor.value(ids::GROUPS_PARKED) == 1
        };
        running.until("an operator sees it", parked).await;
        assert_eq!(running.groups.waiting(GROUP).map(|waiting| waiting.entries), Some(2));
        running.stop().await;

        put(&disk, &damaged, whole);
        let mut running = start(&disk, 4, 0, true);
        let all = |running: &Running| (1..=20).all(|user| running.newest(user) == Seq(3));
        running.until("once it can be read everybody is told", all).await;
        running.stop().await;
    });
}

#[test]
fn of_more_groups_than_have_a_place_each_has_its_turn() {
    System::new().block_on(async {
        let mut disk = Disk::new();
        disk.bounds = ActiveBounds { groups_max: 1, idle: Duration::from_millis(5) };
        let running = start(&disk, 4, NO_INDEX, false);
        for (group, first) in [(GROUP, 1), (OTHER, 101)] {
            running.found(group, first, first + 9).await;
            running.done(say(group, first, 1)).await;
        }
        running.stop().await;

        let mut running = start(&disk, 4, NO_INDEX, true);
        let both = |running: &Running| running.newest(10) == Seq(3) && running.newest(110) == Seq(3);
        running.until("both are told", both).await;
        running.groups.observe();
        assert_eq!(running.monitor.value(ids::GROUPS_ACTIVE), 1);
        running.stop().await;
    });
}

fn put(disk: &Disk, key: &[u8], value: Vec<u8>) {
    let mut batch = IndexBatch::new();
    batch.put(key, value).unwrap();
    disk.engine.apply(&batch).unwrap();
}

#[test]
fn a_group_with_little_to_expand_does_not_wait_for_one_with_much() {
    System::new().block_on(async {
        let mut running = start(&Disk::new(), 4, NO_INDEX, true);
        running.found(GROUP, 1, 40).await;
        running.found(OTHER, 101, 140).await;
        let told = |seq: u64, other: u64| {
            move |running: &Running| running.newest(40) == Seq(seq) && running.newest(140) == Seq(other)
        };
        // What the sends read is in memory from here on: none of them goes to a reader first, which would be waited for.
        for (group, sender) in [(GROUP, 1), (OTHER, 101)] {
            running.done(say(group, sender, 200)).await;
        }
        running.until("both are told", told(3, 3)).await;
        // How far the many come before the one is submitted is a matter of threads, so it is tried again; who waits for them
        // waits each time.
        let mut came = Vec::new();
        for round in 1..=3 {
            let of_round = 300 * round..300 * round + 100;
            let much: Vec<_> = of_round.map(|number| running.submit(say(GROUP, 1, number))).collect();
            running.done(say(OTHER, 101, 300 * round + 200)).await;
            for answer in much {
                answer.await.unwrap().unwrap();
            }
            let (last, one) = (3 + 100 * round, 3 + round);
            running.until("both are told everything", told(last, one)).await;
            let version = |user: u64, seq: u64| {
                let view = View::new(&running.tail, &running.engine);
                let entries = view.inbox_above(UserId(user), Version(0), ENTRIES_MAX, usize::MAX).unwrap();
                entries.iter().find(|entry| entry.message.seq == Seq(seq)).unwrap().version
            };
            came.push((version(140, one), version(40, last)));
        }
        assert!(came.iter().any(|(one, last)| one < last), "the one, and the last of the many: {came:?}");
        running.stop().await;
    });
}
