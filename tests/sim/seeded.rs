//! Every seeded bug of the sync engine is found within the histories of the normal run.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use highwater::model::seeded::{SyncBug, set};

use crate::{HISTORIES, STEPS, world::World};

#[test]
fn every_seeded_bug_is_found() {
    let hook = take_hook();
    // What a bug breaks is told once below, not hundreds of times with its place.
    set_hook(Box::new(|_| {}));
    let found: Vec<_> = SyncBug::ALL.iter().map(|bug| (bug.name(), first_history_with(*bug))).collect();
    set_hook(hook);
    for (name, history) in &found {
        match history {
            Some((seed, broken)) => println!("found: {name}: history {seed}: {broken}"),
            None => println!("not found: {name} in {HISTORIES} histories"),
        }
    }
    assert!(found.iter().all(|(_, history)| history.is_some()), "a seeded bug was not found");
}

/// The first history that a bug breaks, and what it breaks.
fn first_history_with(bug: SyncBug) -> Option<(u64, String)> {
    set(Some(bug));
    let broken = (1..=HISTORIES).find_map(|seed| {
        let panic = catch_unwind(AssertUnwindSafe(|| World::run(seed, STEPS))).err()?;
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or(panic.downcast_ref::<&str>().map(ToString::to_string));
        Some((seed, text.unwrap_or_default().lines().next().unwrap_or_default().to_owned()))
    });
    set(None);
    broken
}
