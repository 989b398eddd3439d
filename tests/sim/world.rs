//! One history: what there is, and which step is taken next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use highwater::{
    actors::{persistence::commit::CommitterBounds, profile_changes::Telling},
    logic::{ROWS_MAX, hand_back_times::HandBackTimes},
    model::{ApiKey, Bodies, LineageId, Policy, Retentions, TimeMs, UserId, Version},
    store::{files_faulty::SeededRandom, view::View},
    sync::{Kinds, SnapshotKey},
};

use crate::{
    bodies,
    client::Client,
    counts::Counts,
    devices, groups, hand_backs,
    operations::Pending,
    oracle::Oracle,
    passwords::Proofs,
    restoring::Image,
    session::Session,
    shell::{STORE, Shell},
    whole_sync::Whole,
};

/// A kind of documents, as an operator may configure one.
pub const DOCUMENTS: u8 = 5;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Three days: some lineages expire when days pass.
pub const LINEAGE_EXPIRY_MS: i64 = 3 * DAY_MS;

/// A little less, so that a lineage that is heard of and takes nothing is outlived by what it lacks.
pub const RETENTIONS: Retentions =
    Retentions { inbox_ms: 2 * DAY_MS, tombstones_ms: 4 * DAY_MS, bodies: Bodies::Forever };

/// Actions in one step.
const ACTIONS: u64 = 4;

/// See the module.
pub struct World {
    pub random: SeededRandom,
    pub counts: Counts,
    pub oracle: Oracle,
    pub shell: Shell,
    pub hand_backs: HandBackTimes,
    /// The wall clock.
    pub now: TimeMs,
    /// The monotonic clock, which nobody sets.
    monotonic_ms: u64,
    pub key: SnapshotKey,
    pub kinds: Arc<Kinds>,
    /// Names of users that were told to have an account.
    pub users: Vec<(UserId, String)>,
    pub clients: Vec<Client>,
    pub sessions: BTreeMap<LineageId, Session>,
    /// Sessions in which a frame was lost on the way: only a heartbeat finds out.
    pub lost_frames: BTreeSet<LineageId>,
    pub pending: Vec<Pending>,
    pub proofs: Proofs,
    /// Every API key that was ever asked for.
    pub keys: Vec<ApiKey>,
    /// Bytes that the disk has room for, when that is limited.
    pub capacity: Option<u64>,
    /// A read that is kept open, with the bound it was begun at.
    pub long_view: Option<(View, Version)>,
    /// For each user a client that syncs without snapshots.
    pub wholes: BTreeMap<UserId, Whole>,
    /// A copy of the store that may be put back, and how often one was.
    pub image: Option<Image>,
    pub restores: u64,
    /// Whether there are channels: who has begun to follow one is nudged for a while, so others keep to pushes.
    pub has_channels: bool,
    /// How far the telling of changed profiles has come.
    pub telling: Option<Telling>,
}

impl World {
    /// By what the servers of this history decide.
    pub fn policy(&self) -> Policy {
        Policy {
            lineage_expiry_ms: LINEAGE_EXPIRY_MS,
            devices: self.shell.policy,
            retentions: Retentions { bodies: self.oracle.bodies, ..RETENTIONS },
            group_bounds: self.oracle.group_bounds,
            ..Policy::default()
        }
    }

    /// Runs one history to its end.
    pub fn run(seed: u64, steps: u64) -> Counts {
        // Neighbouring states give the same numbers one step apart, so a history does not begin at its seed.
        let mut random = SeededRandom(SeededRandom(seed).next_u64());
        // In half of the histories every row is evicted as soon as the index has it.
        let rows_max = if random.one_in(2) { 0 } else { ROWS_MAX };
        let index_step_bytes = if random.one_in(2) { 600 } else { 1 << 20 };
        let policy = devices::any_policy(&mut random);
        let bodies = bodies::any_policy(&mut random);
        let group_bounds = groups::any_bounds(&mut random);
        let bounds = CommitterBounds { rows_max, index_step_bytes, index_batch_bytes: 160 };
        let mut world = World {
            random,
            counts: Counts::default(),
            oracle: Oracle {
                lineage_expiry_ms: LINEAGE_EXPIRY_MS,
                bodies,
                group_bounds,
                ..Oracle::default()
            },
            shell: Shell::new(bounds, policy),
            hand_backs: HandBackTimes::since(
                (TimeMs(0), TimeMs(0)),
                hand_backs::any_bound(rows_max == 0),
                Version(0),
                &[],
            ),
            now: TimeMs(20_000 * DAY_MS + 7),
            monotonic_ms: 1000,
            key: SnapshotKey::new(1, [3; 32], STORE.0),
            kinds: Arc::new(Kinds::of_server(&[(DOCUMENTS, "settings".to_owned())]).unwrap()),
            users: Vec::new(),
            clients: Vec::new(),
            sessions: BTreeMap::new(),
            lost_frames: BTreeSet::new(),
            pending: Vec::new(),
            proofs: Proofs::default(),
            keys: Vec::new(),
            capacity: None,
            long_view: None,
            wholes: BTreeMap::new(),
            image: None,
            restores: 0,
            has_channels: SeededRandom(!seed).next_u64() & 1 == 0,
            telling: None,
        };
        world.oracle.now = world.now;
        world.start();
        for _ in 0..steps {
            let passed_ms = 1 + world.random.below(5000) as i64;
            world.pass(passed_ms);
            world.step();
        }
        world.settle();
        world.counts
    }

    fn step(&mut self) {
        if self.users.len() < 2 {
            self.operate();
            for _ in 0..3 {
                self.decide();
                self.warm_further();
                self.keep_house();
            }
            return;
        }
        for _ in 0..ACTIONS {
            self.act();
        }
    }

    fn act(&mut self) {
        match self.random.below(1356) {
            0..160 => self.operate(),
            160..320 => self.decide(),
            320..430 => self.warm_further(),
            430..480 => self.index_further(),
            480..505 => self.keep_house(),
            505..515 => self.connect_one(),
            515..630 => self.sync_one(),
            630..636 => self.change_level(),
            636..640 => self.read_again_one(),
            640..770 => self.read_on(),
            770..880 => self.deliver_one(),
            880..940 => self.tell_news(),
            940..955 => self.hand_back_one(),
            955..963 => self.send_heartbeat(),
            963..965 => self.look_back(),
            965..967 => self.read_some_history(),
            967 => self.explain_one(),
            968..980 => self.change_room(),
            980..982 => self.let_days_pass(),
            982..987 => self.clean_one(),
            987 => self.set_clock(),
            988..993 => self.look_at_an_old_view(),
            993..996 => self.back_up_or_restore(),
            1000..1030 => self.whole_sync_one(),
            1030..1033 => self.let_something_age(),
            1033..1063 => self.change_contact_one(),
            1063..1123 => self.change_group_one(),
            1123..1163 => self.send_to_group(),
            1163..1263 => self.expand_one(),
            1263..1283 => self.mark_one(),
            1283..1313 => self.change_channel_one(),
            1313..1333 => self.chatter(),
            1333..1337 => self.change_profile_one(),
            1337..1353 => self.tell_profiles(),
            1353..1356 => self.change_strangers_one(),
            _ => {
                let power_cut = self.random.one_in(2);
                self.crash(power_cut);
            }
        }
    }

    /// What ends with the process: connections, and everything that waits in memory.
    pub fn after_the_end(&mut self) {
        self.sessions.clear();
        self.lost_frames.clear();
        self.long_view = None;
        self.telling = None;
        for pending in &mut self.pending {
            pending.copies = 0;
        }
        for client in &mut self.clients {
            client.must_sync = true;
        }
    }

    /// The disk becomes full, or has space again.
    fn change_room(&mut self) {
        self.capacity = match self.capacity {
            None => Some(self.shell.disk.used_bytes() + self.random.below(12_000)),
            Some(_) => None,
        };
        self.shell.disk.set_capacity(self.capacity);
    }

    fn let_days_pass(&mut self) {
        if self.random.one_in(2) {
            self.counts.saw("day passes");
            let days = 1 + self.random.below(4) as i64;
            self.pass(days * DAY_MS);
        }
    }

    /// Time passes while the process runs: on both of its clocks.
    pub fn pass(&mut self, ms: i64) {
        self.now.0 += ms;
        self.monotonic_ms += ms as u64;
        self.oracle.now.0 += ms;
        let monotonic_us = self.monotonic_us();
        self.running().committer.advance(monotonic_us);
    }

    /// The monotonic clock: it begins with the history.
    pub fn monotonic_us(&self) -> u64 {
        self.monotonic_ms * 1000
    }

    /// A random one of them.
    pub fn any(&mut self, count: usize) -> usize {
        self.random.below(count as u64) as usize
    }
}
