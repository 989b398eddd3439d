//! A process killed while it takes pages leaves every page whole or not there at all.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::proto::Page;
use highwater_sdk::{Durability, Outcome, PageCause, Store};
use pages::{ScratchDir, entry, item, number_of, page};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How many pages the child process applies at most; far more than it gets to.
const CHILD_PAGES: u64 = 100_000;

/// Run by the test below in a process of its own, which is killed.
#[test]
#[ignore = "the child process of killed_process_leaves_whole_pages"]
fn child_applies_pages() {
    let Some(file) = std::env::var_os("HIGHWATER_CHILD_STORE") else {
        return;
    };
    let mut store = Store::open_with(file, Durability::ProcessKill).unwrap();
    let begin = number_of(&store.snapshot().unwrap());
    for number in begin..CHILD_PAGES {
        let entries = (0..20).map(|index| entry(1, number * 20 + index + 1, "x")).collect();
        let items = vec![item(2, "count", &(number + 1).to_string())];
        let page = Page { entries, items, ..page(number, number + 1) };
        assert!(matches!(store.apply(&page, PageCause::Sync).unwrap(), Outcome::Applied(_)));
    }
}

#[test]
fn killed_process_leaves_whole_pages() {
    let scratch = ScratchDir::new();
    let mut numbers = vec![0];
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_applies_pages", "--ignored"])
            .env("HIGHWATER_CHILD_STORE", scratch.file())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + round * 37));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = Store::open(scratch.file()).unwrap();
        let number = number_of(&store.snapshot().unwrap());
        let entries = store.entries_after(1, 0, usize::MAX >> 1).unwrap();
        let seqs: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=number * 20).collect::<Vec<_>>());
        let count = store.item(2, "count").unwrap().unwrap_or_else(|| "0".to_owned());
        assert_eq!(count, number.to_string());
        numbers.push(number);
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!(numbers.last() > Some(&0), "the child got nowhere: {numbers:?}");
}
