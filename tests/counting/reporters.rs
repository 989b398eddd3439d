//! Threads that report to a monitor until they are told to stop, each with an account of what it reported.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Scope, ScopedJoinHandle},
};

use highwater::{
    model::{HostId, HostReport, PointUnit},
    monitor::{
        Monitor, Op, Outcome,
        histogram::Histogram,
        ids::{self, FRAMEWORK},
        registry::Kind,
    },
    store::files_faulty::SeededRandom,
};

/// Threads of one monitor.
pub const THREADS: usize = 8;

/// Sums that are added to directly; their first is looked at to see that the threads go on.
pub const SUMS: [u32; 3] = [ids::MESSAGES_STORED, ids::LOG_BYTES, ids::BATCHES];

/// A sum and a maximum of a host program.
const OF_HOST: [(u32, Kind); 2] = [(10_000, Kind::Sum), (10_001, Kind::Max)];

/// Reports of a thread at least, however fast the others are.
const ROUNDS_MIN: u64 = 500;

/// What was reported: by id what sums got, what gauges were moved by, and the highest of maxima.
#[derive(Debug, Default, Clone)]
pub struct Account(BTreeMap<u32, i64>);

impl Account {
    fn note(&mut self, id: u32, n: u64) {
        let n = n.cast_signed();
        let before = self.0.get(&id).copied();
        self.0.insert(id, before.map_or(n, |before| kind(id).combine(before, n)));
    }

    fn moved(&mut self, gauge: u32, by: i64) {
        *self.0.entry(gauge).or_default() += by;
    }

    /// What it says of an id; 0 of one that nobody reported to.
    pub fn of(&self, id: u32) -> i64 {
        self.0.get(&id).copied().unwrap_or(0)
    }

    /// Both together.
    pub fn and(mut self, other: Account) -> Account {
        for (id, value) in other.0 {
            let before = self.0.get(&id).copied().unwrap_or(0);
            let both = if kind(id) == Kind::Max { before.max(value) } else { before + value };
            self.0.insert(id, both);
        }
        self
    }
}

/// The kind of an id, of the framework or of the host program.
pub fn kind(id: u32) -> Kind {
    let of_host = OF_HOST.iter().find(|(host, _)| *host == id).map(|(_, kind)| *kind);
    of_host.unwrap_or_else(|| FRAMEWORK.iter().find(|entry| entry.id == id).unwrap().kind)
}

/// A monitor that counts for a host program, too.
pub fn monitor() -> Monitor {
    let monitor = Monitor::new();
    monitor.change_host_ids(&OF_HOST.map(|(id, kind)| HostId {
        id,
        name: format!("host.n{id}"),
        kind,
        unit: PointUnit::Count,
    }));
    monitor
}

/// Threads that report, each with numbers of its own seed.
pub struct Reporters<'scope> {
    threads: Vec<ScopedJoinHandle<'scope, Account>>,
    done: &'scope AtomicBool,
}

impl Drop for Reporters<'_> {
    /// They end also where a check failed, or nobody would hear of it.
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
    }
}

impl<'scope> Reporters<'scope> {
    /// Starts them; back when all of them are at it.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        monitor: &'env Monitor,
        done: &'env AtomicBool,
        seed: u64,
    ) -> Reporters<'scope> {
        let begun = std::sync::Arc::new(Barrier::new(THREADS + 1));
        let reporter = |thread: usize| {
            let begun = std::sync::Arc::clone(&begun);
            scope.spawn(move || {
                begun.wait();
                let mut random = SeededRandom(seed * THREADS as u64 + thread as u64);
                let (mut account, mut round) = (Account::default(), 0);
                while round < ROUNDS_MIN || !done.load(Ordering::Acquire) {
                    report(monitor, &mut random, &mut account);
                    round += 1;
                }
                account
            })
        };
        let threads = (0..THREADS).map(reporter).collect();
        begun.wait();
        Reporters { threads, done }
    }

    /// Ends them, and says what all of them reported.
    pub fn account(mut self) -> Account {
        self.done.store(true, Ordering::Release);
        std::mem::take(&mut self.threads)
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .fold(Account::default(), Account::and)
    }
}

/// A report of each kind: sums, a gauge, a histogram, a finished operation, and what a host program reports.
fn report(monitor: &Monitor, random: &mut SeededRandom, account: &mut Account) {
    for id in SUMS {
        let bits = random.below(40);
        let n = random.below(1 << bits);
        monitor.add(id, n);
        account.note(id, n);
    }
    monitor.add(ids::CONNECTIONS_OPEN, 3);
    monitor.subtract(ids::CONNECTIONS_OPEN, 2);
    account.moved(ids::CONNECTIONS_OPEN, 1);
    let value = in_any_band(random, ids::BATCH_SYNC);
    monitor.observe(ids::BATCH_SYNC, value);
    observed(account, ids::BATCH_SYNC, value);
    let (took, waited) = (in_any_band(random, Op::Send.latency()), random.below(50));
    monitor.operation(Op::Send).finished(Outcome::Overload, took, waited);
    account.note(Op::Send.calls(), 1);
    account.note(Op::Send.errors(Outcome::Overload).unwrap(), 1);
    account.note(Op::Send.wait_sum(), waited);
    account.note(Op::Send.wait_max(), waited);
    observed(account, Op::Send.latency(), took);
    let (added, set) = (random.below(1 << 30), random.below(1 << 30));
    let [(sum, _), (max, _)] = OF_HOST;
    let reports = [(sum, HostReport::Add(added.cast_signed())), (max, HostReport::Set(set.cast_signed()))];
    monitor.report(&reports).unwrap();
    account.note(sum, added);
    account.note(max, set);
}

fn observed(account: &mut Account, histogram: Histogram, value: u64) {
    // Which band a value belongs to is said here once more, from the bounds alone.
    let band = histogram.bounds.iter().filter(|bound| value > **bound).count();
    account.note(histogram.first + band as u32, 1);
    account.note(histogram.sum(), value);
    account.note(histogram.max(), value);
}

/// A value on the bound of some band, beside it, or within it.
fn in_any_band(random: &mut SeededRandom, histogram: Histogram) -> u64 {
    let place = random.below(histogram.bounds.len() as u64 + 1) as usize;
    match histogram.bounds.get(place) {
        Some(bound) => bound - 1 + random.below(3),
        None => histogram.bounds[place - 1] * (2 + random.below(9)),
    }
}

/// Every id that the threads report sums and maxima to.
pub fn reported() -> Vec<u32> {
    let of = |histogram: Histogram| -> Range<u32> { histogram.first..histogram.max() + 1 };
    let send = [Op::Send.calls(), Op::Send.errors(Outcome::Overload).unwrap(), Op::Send.wait_sum()];
    let mut all: Vec<u32> = SUMS.into_iter().chain(send).chain([Op::Send.wait_max()]).collect();
    all.extend(of(ids::BATCH_SYNC).chain(of(Op::Send.latency())));
    all.extend(OF_HOST.map(|(id, _)| id));
    all
}
