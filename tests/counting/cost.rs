//! What a report costs, in time, beside the one atomic instruction that it cannot do without.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use highwater::monitor::{Monitor, ids};

/// What a report may cost. Source: the promise of counting, for a release build.
const REPORT_NS_MAX: f64 = 30.0;

/// Reports of one round: some ten to hundred microseconds, so that on any machine some rounds are not interrupted.
const ROUND: u64 = 5_000;

/// Rounds of each kind, taken in turn, so that all kinds meet the same machine.
const ROUNDS: usize = 200;

/// Best round of each way of reporting, ns per report.
fn best_ns<const N: usize>(ways: [&dyn Fn(u64); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (best, report) in best.iter_mut().zip(&ways) {
            let start = Instant::now();
            (0..ROUND).for_each(report);
            *best = best.min(start.elapsed().as_nanos() as f64 / ROUND as f64);
        }
    }
    best
}

#[test]
fn a_report_costs_at_most_thirty_nanoseconds() {
    let (monitor, bare) = (Monitor::new(), AtomicU64::new(0));
    let [atomic, add, raise, set, max, observe] = best_ns([
        &|_| {
            black_box(&bare).fetch_add(1, Relaxed);
        },
        &|_| monitor.add(black_box(ids::MESSAGES_STORED), 1),
        &|_| monitor.add(black_box(ids::CONNECTIONS_OPEN), 1),
        &|n| monitor.set(black_box(ids::TAIL_BYTES), n),
        &|n| monitor.set(black_box(ids::BATCH_SYNC_MAX), n),
        &|n| monitor.observe(ids::BATCH_SYNC, black_box(n)),
    ]);
    println!(
        "ns, best of {ROUNDS}: bare atomic {atomic:.1}; add {add:.1}, {:.1} times that; gauge raised {raise:.1}, \
         set {set:.1}; maximum {max:.1}; histogram, three reports, {observe:.1}",
        add / atomic
    );
    assert_eq!(monitor.value(ids::MESSAGES_STORED), (ROUNDS as u64 * ROUND).cast_signed());
    // Unoptimised code is some times slower; there the bound only shows what is far off, such as a lock or a search.
    let allowed_ns = if cfg!(debug_assertions) { 5.0 * REPORT_NS_MAX } else { REPORT_NS_MAX };
    for (name, ns) in [("add", add), ("raise", raise), ("set", set), ("max", max)] {
        assert!(ns <= allowed_ns, "{name} takes {ns:.1} ns, {allowed_ns} are allowed");
    }
    assert!(observe <= 3.0 * allowed_ns);
}
