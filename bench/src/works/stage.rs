//! W2, W3 and W10: messages between two, to a group, and to a channel, measured on one server.
//!
//! The load does not pause between filling the store and measuring: the tail is full when the count begins, and what it
//! holds then is indexed on the account of what is counted. CPU is counted until the index has caught up.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::{
    accounts::Account,
    client::Peer,
    fleet::Fleet,
    gathering,
    instructions::Counter,
    lane::Latencies,
    pace::{IN_FLIGHT, Pace},
    process_figures, profile,
    server::{Metrics, Place, Server, Store},
    tally::Counts,
};

/// Senders at a time, in both forms. Source: with 8 each this is half of what the server lets wait for its committer.
pub const SENDERS_AT_A_TIME: u64 = 500;

/// Users, connected users and pairs of the second form. Source: the definition of the work.
const MANY: (usize, usize, usize) = (20_000, 15_000, 10_000);

/// Groups of every size that is measured. Source: the most that the server can be set to.
const MEMBERS_MAX: (&str, &str) = ("HIGHWATER_GROUPS_MEMBERS_MAX", "10000");

/// The tail counts as full from here on, bytes. Source: the server's default for `index_after_bytes`, less one batch.
const TAIL_FULL_BYTES: u64 = 8 * 1024 * 1024 - 256 * 1024;

/// Batches that the index has to have written before its work counts as steady.
const INDEX_BATCHES_STEADY: u64 = 8;

/// The longest that filling may take.
const FILL_MAX: Duration = Duration::from_secs(60);

/// How long a server without a store is warmed.
const NULL_WARM: Duration = Duration::from_secs(2);

/// How long a server without a store is left alone before its CPU is read.
const NULL_REST: Duration = Duration::from_millis(500);

/// How long the load runs while it is looked into.
const PROFILED_LOAD: Duration = Duration::from_secs(1);

/// Who writes to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// 500 pairs, all sending all the time.
    Few,
    /// 10,000 pairs, 500 of them at a time.
    Many,
    /// A group, of which one sends.
    Group(Audience),
    /// A channel, whose owner posts.
    Channel(Audience),
}

/// Whom one conversation of many has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    /// All of them, the one who sends included.
    pub users: usize,
    /// Those who are connected, the one who sends among them.
    pub online: usize,
}

impl Audience {
    /// Everybody is there.
    #[must_use]
    pub fn present(users: usize) -> Audience {
        Audience { users, online: users }
    }
}

/// What one run showed.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Messages sent, acknowledged and delivered while it was counted.
    pub messages: u64,
    /// CPU of the server from the first of them until everything had caught up, seconds.
    pub cpu_s: f64,
    /// Time until the last was acknowledged and delivered, seconds.
    pub wall_s: f64,
    /// The same until everything had caught up.
    pub caught_up_s: f64,
    /// Versions that the index was behind at the beginning.
    pub debt: u64,
    /// Largest size of the tail that was seen, bytes.
    pub tail_bytes_max: u64,
    /// Commits.
    pub batches: u64,
    /// What the clients counted.
    pub counts: Counts,
    /// CPU seconds by thread of the server.
    pub by_thread: BTreeMap<String, f64>,
    /// CPU seconds of the load.
    pub load_cpu_s: f64,
}

impl Measured {
    /// Server CPU seconds per million messages.
    #[must_use]
    pub fn cpu_s_per_million(&self) -> f64 {
        self.cpu_s * 1e6 / self.messages as f64
    }

    /// Messages per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.messages as f64 / self.wall_s
    }
}

impl Form {
    fn pace(self, messages: u64, lanes: u64) -> Pace {
        let of_lane = messages.div_ceil(lanes);
        match self {
            Form::Few => Pace::Steady { messages: of_lane },
            Form::Many => Pace::Turns { messages: of_lane, at_a_time: (SENDERS_AT_A_TIME / lanes) as usize },
            // Its one sender is the matter of one lane.
            Form::Group(_) | Form::Channel(_) => Pace::Steady { messages },
        }
    }

    /// How many others are there and get each message.
    #[must_use]
    pub fn readers(self) -> u64 {
        match self {
            Form::Few | Form::Many => 1,
            Form::Group(audience) | Form::Channel(audience) => audience.online as u64 - 1,
        }
    }

    fn users(self) -> usize {
        match self {
            Form::Few => 2 * SENDERS_AT_A_TIME as usize,
            Form::Many => MANY.0,
            Form::Group(audience) | Form::Channel(audience) => audience.users,
        }
    }
}

/// What messages at a fixed rate cost.
pub struct Cost {
    /// How many there were.
    pub messages: u64,
    /// CPU of the server, seconds.
    pub cpu_s: f64,
    /// What the server had the kernel write to the disk.
    pub written_bytes: u64,
    /// How long they took.
    pub latencies: Latencies,
}

/// A server with everybody connected, and acquainted.
pub struct Stage {
    server: Server,
    fleet: Fleet,
    form: Form,
    store: Store,
}

impl Stage {
    /// Starts a server, makes the accounts, connects, and lets each pair exchange its first message.
    ///
    /// # Errors
    /// When any of this fails.
    pub fn set(place: &Place, form: Form, store: Store) -> io::Result<Stage> {
        let server = Server::start_with(place, store, &[MEMBERS_MAX])?;
        let accounts = server.provision(form.users())?;
        if let Form::Group(audience) | Form::Channel(audience) = form {
            let conversation = match form {
                Form::Channel(_) => gathering::channel(server.clients, &accounts)?,
                _ => gathering::group(server.clients, &accounts)?,
            };
            let peer = |place: usize| (place == 0).then_some(Peer::Many(conversation));
            let online = accounts.into_iter().take(audience.online).enumerate();
            let clients = online.map(|(place, account)| (account, peer(place)));
            let fleet = Fleet::connect(server.clients, &place.cores, clients)?;
            return Ok(Stage { server, fleet, form, store });
        }
        let fleet = Fleet::connect(server.clients, &place.cores, pairs(form, accounts))?;
        let before = fleet.counts();
        fleet.pace(|lanes| Pace::Each { messages: 1, at_a_time: (SENDERS_AT_A_TIME / lanes) as usize })?;
        fleet.settle(&before, SENDERS_AT_A_TIME, 1)?;
        Ok(Stage { server, fleet, form, store })
    }

    /// Sends, first until the tail is full and the index works, then so many that are counted.
    ///
    /// # Errors
    /// When anything that was sent did not arrive.
    pub fn measure(&self, messages: u64, fills: bool) -> io::Result<Measured> {
        self.fleet.pace(|lanes| self.form.pace(u64::MAX / 2, lanes))?;
        if fills {
            self.fill()?;
        }
        let metrics = self.server.metrics()?;
        let load_cpu_s = process_figures::cpu_s(std::process::id())?;
        let by_thread = process_figures::cpu_s_by_thread(self.server.pid())?;
        let (before, cpu_s, begun) = (self.fleet.counts(), self.server.cpu_s()?, Instant::now());
        self.fleet.pace(|lanes| self.form.pace(messages, lanes))?;
        // What is under way now is not counted, although its cost is: that is less than a hundredth.
        let after = self.fleet.settle(&before, messages, self.form.readers())?;
        let wall_s = begun.elapsed().as_secs_f64();
        let load_cpu_s = process_figures::cpu_s(std::process::id())? - load_cpu_s;
        let tail = self.server.metrics()?;
        match self.store {
            Store::Delivered => self.server.catch_up()?,
            // It has no index that could catch up.
            Store::Null => thread::sleep(NULL_REST),
        }
        let caught_up_s = begun.elapsed().as_secs_f64();
        let cpu_s = self.server.cpu_s()? - cpu_s;
        let end = self.server.metrics()?;
        let counts = after.since(&before);
        check(&counts, self.form.readers())?;
        Ok(Measured {
            messages: counts.sent,
            cpu_s,
            wall_s,
            caught_up_s,
            debt: metrics.index_lag,
            tail_bytes_max: tail.tail_bytes.max(metrics.tail_bytes),
            batches: end.batches - metrics.batches,
            counts,
            by_thread: since(&process_figures::cpu_s_by_thread(self.server.pid())?, &by_thread),
            load_cpu_s,
        })
    }

    /// Instructions of the server by message, of a server that runs under [`crate::instructions`]. It has worked before, and
    /// the index has everything when the count begins and when it ends, so that every server is counted doing the same.
    ///
    /// # Errors
    /// When anything that was sent did not arrive, or the instructions cannot be counted.
    pub fn counted(self, messages: u64, counter: &Counter) -> io::Result<f64> {
        let before = self.fleet.counts();
        self.fleet.pace(|lanes| self.form.pace(u64::MAX / 2, lanes))?;
        self.fill()?;
        self.fleet.pace(|lanes| self.form.pace(lanes, lanes))?;
        self.fleet.settle(&before, 1, self.form.readers())?;
        self.server.catch_up()?;
        counter.begin(self.server.pid())?;
        let before = self.fleet.counts();
        self.fleet.pace(|lanes| self.form.pace(messages, lanes))?;
        let counts = self.fleet.settle(&before, messages, self.form.readers())?.since(&before);
        self.server.catch_up()?;
        check(&counts, self.form.readers())?;
        let pid = self.server.pid();
        self.strike()?;
        Ok(counter.counted(pid)? as f64 / counts.sent as f64)
    }

    /// Latencies at a fixed rate.
    ///
    /// # Errors
    /// When anything that was sent did not arrive.
    pub fn latencies(&self, per_second: f64, duration: Duration) -> io::Result<Latencies> {
        let before = self.fleet.counts();
        self.fleet.latencies()?;
        let messages = (per_second * duration.as_secs_f64()) as u64;
        self.fleet.pace(|lanes| match self.form {
            Form::Group(_) | Form::Channel(_) => Pace::Open { per_second, messages },
            Form::Few | Form::Many => {
                Pace::Open { per_second: per_second / lanes as f64, messages: messages.div_ceil(lanes) }
            }
        })?;
        let readers = self.form.readers();
        check(&self.fleet.settle(&before, messages, readers)?.since(&before), readers)?;
        self.fleet.latencies()
    }

    /// Posts at a fixed rate, and what that cost the server: until its index has caught up.
    ///
    /// # Errors
    /// When anything that was sent did not arrive.
    pub fn cost(&self, per_second: f64, duration: Duration) -> io::Result<Cost> {
        let (cpu_s, written) = (self.server.cpu_s()?, process_figures::written_bytes(self.server.pid())?);
        let latencies = self.latencies(per_second, duration)?;
        self.server.catch_up()?;
        Ok(Cost {
            messages: (per_second * duration.as_secs_f64()) as u64,
            cpu_s: self.server.cpu_s()? - cpu_s,
            written_bytes: process_figures::written_bytes(self.server.pid())? - written,
            latencies,
        })
    }

    /// Looks into the server under the same load.
    ///
    /// # Errors
    /// When it cannot be looked into.
    pub fn profile(&self, file: &Path) -> io::Result<()> {
        let before = self.fleet.counts();
        self.fleet.pace(|lanes| self.form.pace(u64::MAX / 2, lanes))?;
        thread::sleep(PROFILED_LOAD);
        profile::record(self.server.pid(), file)?;
        self.fleet.pace(|lanes| self.form.pace(lanes, lanes))?;
        self.fleet.settle(&before, 1, self.form.readers())?;
        Ok(())
    }

    /// Ends clients and server.
    ///
    /// # Errors
    /// When a connection had ended by itself, or the server does not stop.
    pub fn strike(self) -> io::Result<()> {
        self.fleet.end()?;
        self.server.stop()
    }

    fn fill(&self) -> io::Result<()> {
        if self.store == Store::Null {
            thread::sleep(NULL_WARM);
            return Ok(());
        }
        let (first, begun) = (self.server.metrics()?, Instant::now());
        // One sender leaves the server time to index before the tail is full; what counts is that the index works.
        let fills_tail = matches!(self.form, Form::Few | Form::Many);
        let is_full = |now: &Metrics| {
            (now.tail_bytes >= TAIL_FULL_BYTES || !fills_tail)
                && now.index_batches >= first.index_batches + INDEX_BATCHES_STEADY
        };
        while !is_full(&self.server.metrics()?) {
            if begun.elapsed() > FILL_MAX {
                return Err(io::Error::other("the tail does not fill"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Every pair's sender with the one it writes to, and all others who are connected.
fn pairs(form: Form, mut accounts: Vec<Account>) -> Vec<(Account, Option<Peer>)> {
    if form == Form::Few {
        let ids: Vec<u64> = accounts.iter().map(|account| account.user_id).collect();
        let half = ids.len() / 2;
        let peer = |place: usize| (place < half).then(|| Peer::User(ids[place + half]));
        return accounts.into_iter().enumerate().map(|(place, account)| (account, peer(place))).collect();
    }
    // Always the same draw. Accounts come in the order in which they were made, ids are random.
    let mut rng = StdRng::seed_from_u64(0x5ea);
    accounts.shuffle(&mut rng);
    accounts.truncate(MANY.1);
    let mut receivers: Vec<usize> = (0..MANY.1).collect();
    receivers.shuffle(&mut rng);
    let ids: Vec<u64> = accounts.iter().map(|account| account.user_id).collect();
    // The first 10,000 write, each to one drawn from all who are connected, so that two never have the same receiver.
    let peer = |place: usize| {
        let receiver = receivers[place];
        let receiver = if receiver == place { (place + 1) % MANY.1 } else { receiver };
        (place < MANY.2).then(|| Peer::User(ids[receiver]))
    };
    accounts.into_iter().enumerate().map(|(place, account)| (account, peer(place))).collect()
}

/// What a run may not show: then its figures mean nothing.
fn check(counts: &Counts, readers: u64) -> io::Result<()> {
    let wrong = counts.holes + counts.repeated_entries + counts.rebuilds + counts.ended;
    if wrong > 0 || counts.delivered < counts.sent * readers || counts.acknowledged < counts.sent {
        return Err(io::Error::other(format!("not every message arrived once and in order: {counts:?}")));
    }
    Ok(())
}

fn since(after: &BTreeMap<String, f64>, before: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let used = |name: &String, cpu_s: &f64| cpu_s - before.get(name).copied().unwrap_or_default();
    after.iter().map(|(name, cpu_s)| (name.clone(), used(name, cpu_s))).collect()
}

/// Unanswered sends at a time.
#[must_use]
pub fn in_flight() -> String {
    format!("{IN_FLIGHT} × {SENDERS_AT_A_TIME}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn accounts(count: u64) -> Vec<Account> {
        (1..=count).map(|user_id| Account { user_id, token: String::new() }).collect()
    }

    fn user(peer: Option<Peer>) -> Option<u64> {
        match peer? {
            Peer::User(user) => Some(user),
            Peer::Many(_) => None,
        }
    }

    #[test]
    fn many_pairs_are_drawn_among_the_connected_and_nobody_writes_to_himself() {
        let drawn = pairs(Form::Many, accounts(20_000));
        let connected: HashSet<u64> = drawn.iter().map(|(account, _)| account.user_id).collect();
        let written: Vec<(u64, u64)> =
            drawn.iter().filter_map(|(account, peer)| Some((account.user_id, user(*peer)?))).collect();
        assert_eq!((connected.len(), written.len()), (15_000, 10_000));
        assert!(written.iter().all(|(from, to)| from != to && connected.contains(to)));
        assert_eq!(pairs(Form::Many, accounts(20_000))[77].1, drawn[77].1);
    }

    #[test]
    fn few_pairs_have_a_writer_and_a_reader_each() {
        let drawn = pairs(Form::Few, accounts(1_000));
        let written: HashSet<u64> = drawn.iter().filter_map(|(_, peer)| user(*peer)).collect();
        assert_eq!((drawn.len(), written.len()), (1_000, 500));
    }
}
