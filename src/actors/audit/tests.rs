//! The audit log of a server: what is owed, what is damaged, and who is a stranger.
#![allow(clippy::unwrap_used)]
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{
    model::{AuditKind, AuditOutcome},
    store::{
        audit_verify::verify,
        files_faulty::{Action, Call, FaultyDisk, Rule, Target, When},
    },
};

fn audit(disk: &FaultyDisk) -> (Audit, Arc<AtomicU64>) {
    let us = Arc::new(AtomicU64::new(0));
    let monotonic = Arc::clone(&us);
    let clock = Clock::new(|| 7, move || monotonic.load(Ordering::Relaxed));
    (Audit::open(disk.directory("audit"), clock, Monitor::new()), us)
}

fn begun() -> AuditEntry {
    AuditEntry { kind: AuditKind::Begun, route: "POST /v1/suspend", ..AuditEntry::default() }
}

fn ended(of: u64) -> AuditEntry {
    let outcome = Some(AuditOutcome::Done);
    AuditEntry { kind: AuditKind::Ended, of: Some(of), outcome, ..begun() }
}

fn fill(disk: &FaultyDisk) {
    disk.add_rule(Rule { target: Target::Only(Call::Write), when: When::From(1), action: Action::Full });
}

#[test]
fn an_end_that_cannot_be_written_is_owed_and_comes_before_the_next_beginning() {
    let disk = FaultyDisk::new();
    let (audit, _) = audit(&disk);
    let first = audit.write(&begun()).unwrap();
    fill(&disk);
    audit.end(ended(first));
    assert_eq!(audit.write(&begun()), Err(Unwritten), "nothing is begun meanwhile");
    assert_eq!(audit.head().unwrap().records, 1);
    disk.clear_rules();
    assert_eq!(audit.write(&begun()), Ok(3));
    let (head, records) = audit.page(Some(0), 10).unwrap();
    assert_eq!((head.records, records.len()), (3, 3));
    assert!(records[1].0.contains("\"of\":1") && records[2].0.contains("begun"), "{records:?}");
    assert_eq!(verify(&*disk.directory("audit"), Some(&head.hash)).unwrap().unended, [3]);
}

#[test]
fn a_log_that_is_damaged_takes_nothing_until_it_is_put_aside() {
    let disk = FaultyDisk::new();
    audit(&disk).0.write(&begun()).unwrap();
    disk.tamper("audit", "audit-000000000001", |bytes| bytes[70] ^= 1);
    let (audit, _) = audit(&disk);
    assert_eq!((audit.write(&begun()), audit.head()), (Err(Unwritten), None));
    assert!(audit.page(None, 10).is_err());
    disk.directory("audit").remove("audit-000000000001").unwrap();
    assert_eq!(audit.write(&begun()), Ok(1), "without a restart");
}

#[test]
fn strangers_are_noted_a_few_times_a_minute() {
    let (audit, us) = audit(&FaultyDisk::new());
    let noted = || (0..100).filter(|_| audit.notes_stranger()).count();
    assert_eq!((noted(), noted()), (10, 0));
    us.store(MINUTE_US, Ordering::Relaxed);
    assert_eq!(noted(), 10);
}

#[test]
fn without_a_place_the_last_page_is_told() {
    let (audit, _) = audit(&FaultyDisk::new());
    for _ in 0..7 {
        audit.write(&begun()).unwrap();
    }
    let numbers = |after| {
        let (_, records) = audit.page(after, 3).unwrap();
        records.iter().map(|(json, _)| json[5..6].parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(None), [5, 6, 7]);
    assert_eq!(numbers(Some(2)), [3, 4, 5]);
}
