//! One history: what there is, and which step is taken next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use highwater::{
    actors::persistence::commit::CommitterBounds,
    logic::ROWS_MAX,
    model::{DeviceId, TimeMs, UserId, Version, record::SecretHash},
    store::{files_faulty::SeededRandom, view::View},
    sync::{Kinds, SnapshotKey},
};

use crate::{
    client::Client, counts::Counts, operations::Pending, oracle::Oracle, session::Session, shell::{STORE, Shell},
};

/// A kind of documents, as an operator may configure one.
pub const DOCUMENTS: u8 = 5;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// See the module.
pub struct World {
    pub random: SeededRandom,
    pub counts: Counts,
    pub oracle: Oracle,
    pub shell: Shell,
    pub now: TimeMs,
    pub key: SnapshotKey,
    pub kinds: Arc<Kinds>,
    /// Names of users that were told to have an account.
    pub users: Vec<(UserId, String)>,
    pub clients: Vec<Client>,
    pub sessions: BTreeMap<DeviceId, Session>,
    /// Sessions in which a frame was lost on the way: only a heartbeat finds out.
    pub lost_frames: BTreeSet<DeviceId>,
    pub pending: Vec<Pending>,
    pub invites: Vec<SecretHash>,
    /// Bytes that the disk has room for, when that is limited.
    pub capacity: Option<u64>,
    /// A read that is kept open, with the bound it was begun at.
    pub long_view: Option<(View, Version)>,
}

impl World {
    /// Runs one history to its end.
    pub fn run(seed: u64, steps: u64) -> Counts {
        let mut random = SeededRandom(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // In half of the histories every row is evicted as soon as the index has it.
        let rows_max = if random.one_in(2) { 0 } else { ROWS_MAX };
        let index_step_bytes = if random.one_in(2) { 600 } else { 1 << 20 };
        let bounds = CommitterBounds { rows_max, index_step_bytes, index_batch_bytes: 160 };
        let mut world = World {
            random,
            counts: Counts::default(),
            oracle: Oracle::default(),
            shell: Shell::new(bounds),
            now: TimeMs(20_000 * DAY_MS + 7),
            key: SnapshotKey::new(1, [3; 32], STORE.0),
            kinds: Arc::new(Kinds::of_server(&[(DOCUMENTS, "settings".to_owned())]).unwrap()),
            users: Vec::new(),
            clients: Vec::new(),
            sessions: BTreeMap::new(),
            lost_frames: BTreeSet::new(),
            pending: Vec::new(),
            invites: Vec::new(),
            capacity: None,
            long_view: None,
        };
        world.start();
        for _ in 0..steps {
            world.now.0 += 1 + world.random.below(5000) as i64;
            world.step();
        }
        world.settle();
        world.counts
    }

    fn step(&mut self) {
        if self.users.len() < 2 {
            self.operate();
            self.decide();
            return;
        }
        match self.random.below(100) {
            0..26 => self.operate(),
            26..44 => self.decide(),
            44..52 => self.warm_further(),
            52..62 => self.index_further(),
            62..65 => self.keep_house(),
            65..70 => self.connect_one(),
            70..78 => self.sync_one(),
            78..84 => self.read_on(),
            84..92 => self.deliver_one(),
            92..95 => self.tell_news(),
            95 => self.look_back(),
            96 => self.change_room(),
            97 => self.let_days_pass(),
            98 => self.look_at_an_old_view(),
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
            None => Some(self.shell.disk.used_bytes() + self.random.below(20_000)),
            Some(_) => None,
        };
        self.shell.disk.set_capacity(self.capacity);
    }

    fn let_days_pass(&mut self) {
        if self.random.one_in(2) {
            self.counts.saw("day passes");
            self.now.0 += DAY_MS * (1 + self.random.below(4) as i64);
        }
    }

    /// A random one of them.
    pub fn any(&mut self, count: usize) -> usize {
        self.random.below(count as u64) as usize
    }
}
