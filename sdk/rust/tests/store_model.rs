//! Any sequence of pages, right or wrong, leaves the store as a simple model says.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::kind::CONVERSATIONS;
use highwater_sdk::wire::proto::{Entry, Page};
use highwater_sdk::{Durability, Outcome, PageCause, Store};
use pages::{ScratchDir, deleted, entry, item, page, rebuild_page, snapshot};
use proptest::prelude::*;
use std::collections::BTreeMap;

const KINDS: [u32; 4] = [1, 2, CONVERSATIONS, 900];

/// How a page relates to the stored snapshot.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Continues,
    Stranger,
    Rebuild,
    /// The process ends here and starts again.
    Reopen,
}

#[derive(Debug, Clone)]
struct Step {
    kind: Kind,
    pushed: bool,
    complete: bool,
    gap: bool,
    items: Vec<(usize, u8, Option<u8>)>,
    seqs: Vec<u64>,
}

/// What the store has to hold; items say whether they are old, which is to be told again or to be gone.
#[derive(Default)]
struct Model {
    snapshot: u64,
    rebuilding: bool,
    repairing: bool,
    items: BTreeMap<(u32, String), (String, bool)>,
    entries: BTreeMap<u64, Entry>,
}

impl Model {
    fn apply(&mut self, page: &Page, kind: Kind, to: u64) {
        if matches!(kind, Kind::Rebuild) {
            self.begin(|_| true);
        }
        for item in &page.items {
            let place = (item.kind, item.key.clone());
            match item.deleted {
                true => drop(self.items.remove(&place)),
                false => drop(self.items.insert(place, (item.value.clone(), false))),
            }
        }
        for entry in &page.entries {
            self.entries.entry(entry.seq).or_insert_with(|| entry.clone());
        }
        if page.complete && self.rebuilding {
            self.items.retain(|_, (_, is_old)| !*is_old);
            self.rebuilding = false;
        }
        if page.messages_gap {
            self.begin(|kind| kind == CONVERSATIONS);
            self.repairing = true;
        }
        self.snapshot = to;
    }

    fn begin(&mut self, is_told_anew: impl Fn(u32) -> bool) {
        self.rebuilding = true;
        for ((kind, _), (_, is_old)) in &mut self.items {
            *is_old |= is_told_anew(*kind);
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![
        6 => Just(Kind::Continues), 2 => Just(Kind::Stranger), 2 => Just(Kind::Rebuild), 1 => Just(Kind::Reopen)
    ];
    let items = prop::collection::vec((0..KINDS.len(), 0..4u8, prop::option::of(0..3u8)), 0..5);
    let seqs = prop::collection::vec(1..12u64, 0..4);
    let gap = prop::bool::weighted(0.2);
    let step = (kind, any::<bool>(), any::<bool>(), gap, items, seqs).prop_map(
        |(kind, pushed, complete, gap, items, seqs)| Step { kind, pushed, complete, gap, items, seqs },
    );
    prop::collection::vec(step, 1..30)
}

/// The page of a step on top of snapshot `from`; its own number is `to`.
fn page_of(step: &Step, from: u64, to: u64) -> Page {
    let frame = match step.kind {
        Kind::Continues | Kind::Reopen => page(from, to),
        Kind::Stranger => page(from + 1_000, to),
        Kind::Rebuild => rebuild_page(to),
    };
    let items = step.items.iter().map(|&(kind, key, value)| match value {
        Some(value) => item(KINDS[kind], &key.to_string(), &value.to_string()),
        None => deleted(KINDS[kind], &key.to_string()),
    });
    Page {
        items: items.collect(),
        entries: step.seqs.iter().map(|&seq| entry(1, seq, &format!("text {seq}"))).collect(),
        complete: step.complete,
        messages_gap: step.gap,
        ..frame
    }
}

fn check(store: &Store, model: &Model) {
    let expected = if model.snapshot == 0 { Vec::new() } else { snapshot(model.snapshot) };
    assert_eq!(store.snapshot().unwrap(), expected);
    assert_eq!(store.rebuilding().unwrap(), model.rebuilding);
    assert_eq!(store.repairing().unwrap(), model.repairing);
    assert_eq!(store.conflicts().unwrap(), 0);
    let entries: Vec<_> = model.entries.values().cloned().collect();
    assert_eq!(store.entries_after(1, 0, 1_000).unwrap(), entries);
    for kind in KINDS {
        let of_kind = model.items.iter().filter(|((number, _), _)| *number == kind);
        let expected: Vec<_> = of_kind.map(|((_, key), (value, _))| item(kind, key, value)).collect();
        assert_eq!(store.items(kind).unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn store_follows_the_model(steps in steps()) {
        let scratch = ScratchDir::new();
        let open = || Store::open_with(scratch.file(), Durability::ProcessKill).unwrap();
        let mut store = open();
        let mut model = Model::default();
        for (index, step) in steps.iter().enumerate() {
            if matches!(step.kind, Kind::Reopen) {
                drop(store);
                store = open();
            } else {
                let to = index as u64 + 1;
                let page = page_of(step, model.snapshot, to);
                let cause = if step.pushed { PageCause::Push } else { PageCause::Sync };
                let outcome = store.apply(&page, cause).unwrap();
                let begins_anew = step.gap || matches!(step.kind, Kind::Rebuild);
                let is_refused = matches!(step.kind, Kind::Stranger) || step.pushed && begins_anew;
                let fits = !is_refused;
                prop_assert_eq!(matches!(outcome, Outcome::Applied(_)), fits, "step {}", index);
                if fits {
                    model.apply(&page, step.kind, to);
                }
            }
            check(&store, &model);
        }
    }
}
