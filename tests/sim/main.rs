//! Seeded histories of the whole core on a simulated disk: no thread, no socket, no clock, so a seed repeats everything.
//!
//! A history registers a few users with a few devices, which have a few contexts each, and then takes random steps:
//! sends, resends, groups that are made, joined, left and expanded, channels that are followed and posted to, syncs, pushes that arrive or not, failing, torn and full disks, index batches cut in the middle, kills
//! and power cuts at any call. The invariants of the sync engine are checked at every step, and once more when everything
//! has settled.
//!
//! `SIM_HISTORIES=N` runs more of them, `SIM_SEED=S` one alone, `SIM_STEPS=N` longer ones. `SIM_EVENTS=6` tries every order
//! of six events in a group, not of five.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod afterwards;
mod answers;
mod bodies;
mod channel_cleanup;
mod channel_client;
mod channel_model;
mod channel_names;
mod channel_orders;
mod channel_reads;
mod channel_unread;
mod channels;
mod client;
mod contacts;
mod counts;
mod deciding;
mod delivered;
mod devices;
mod erasing;
mod exporting;
mod faults;
mod group_links;
mod group_model;
mod group_naive;
mod group_oracle;
mod group_orders;
mod group_reads;
mod group_store;
mod groups;
mod hand_backs;
mod history;
mod keys;
mod levels;
mod looking_back;
mod naming;
mod operations;
mod operators;
mod oracle;
mod owned_groups;
mod passwords;
mod profiles;
mod read_marks;
mod reading;
mod restoring;
mod retention;
#[cfg(feature = "seeded-bugs")]
mod seeded;
mod session;
mod settle;
mod shell;
mod strangers;
mod suspension;
mod turning;
mod unread;
mod unread_recount;
mod upkeep;
mod valid_lists;
mod whole_sync;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use counts::Counts;
use world::World;

/// Histories of the normal test run.
const HISTORIES: u64 = 500;

/// Steps of one history.
const STEPS: u64 = 200;

#[test]
fn every_history_keeps_the_guarantees() {
    let steps = setting("SIM_STEPS").unwrap_or(STEPS);
    let seeds = match setting("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..setting("SIM_HISTORIES").unwrap_or(HISTORIES) + 1,
    };
    let alone = seeds.end - seeds.start == 1;
    let histories = seeds.end - seeds.start;
    #[allow(
        clippy::disallowed_methods,
        reason = "for the printed duration alone; the histories know no clock"
    )]
    let started = Instant::now();
    let mut counts = Counts::default();
    for seed in seeds {
        let history = catch_unwind(AssertUnwindSafe(|| World::run(seed, steps)));
        match history {
            Ok(of_history) => counts.merge(&of_history),
            Err(_) => panic!(
                "history {seed} broke a guarantee; again alone: SIM_SEED={seed} SIM_STEPS={steps} cargo test -p highwater --test sim"
            ),
        }
    }
    println!("{histories} histories of {steps} steps in {:.1} s", started.elapsed().as_secs_f64());
    println!("{counts}");
    if !alone && steps >= STEPS && histories >= HISTORIES {
        assert_eq!(counts.never_seen(), Vec::<&str>::new(), "these never happened");
    }
}

#[test]
fn a_seed_repeats_its_history() {
    for seed in [3, 77] {
        let (once, again) = (World::run(seed, STEPS), World::run(seed, STEPS));
        assert_eq!(once.to_string(), again.to_string(), "seed {seed}");
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
