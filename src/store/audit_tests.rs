//! The audit log under tampering, crashes and full disks.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::{
    audit::{AuditFault, AuditLog, FILE_RECORDS_MAX, page},
    audit_chain::{AuditHead, LINE_BYTES_MAX, hash_of},
    audit_verify::{AuditVerified, verify},
    files::Files,
    files_faulty::{Action, Call, CutPolicy, FaultyDisk, Rule, SeededRandom, Target, When},
};
use crate::model::{AuditEntry, AuditKind, AuditOutcome, TimeMs};

const FIRST: &str = "audit-000000000001";

fn begun(user: u64) -> AuditEntry {
    AuditEntry {
        kind: AuditKind::Begun,
        operator: Some("root".to_owned()),
        route: "POST /v1/suspend",
        subject: Some(format!("user {user}")),
        ..AuditEntry::default()
    }
}

fn ended(of: u64) -> AuditEntry {
    AuditEntry {
        kind: AuditKind::Ended,
        of: Some(of),
        operator: Some("root".to_owned()),
        route: "POST /v1/suspend",
        outcome: Some(AuditOutcome::Done),
        ..AuditEntry::default()
    }
}

fn open(files: &Arc<dyn Files>) -> AuditLog {
    AuditLog::open(Arc::clone(files)).unwrap().log
}

/// A log of three changes, each begun and ended.
fn six(disk: &FaultyDisk) -> (Arc<dyn Files>, AuditHead) {
    let files = disk.directory("audit");
    let mut log = open(&files);
    for change in 0..3u64 {
        let at = i64::try_from(change).unwrap() * 10;
        let number = log.append(TimeMs(at), &begun(change)).unwrap();
        log.append(TimeMs(at + 1), &ended(number)).unwrap();
    }
    let head = log.head().clone();
    (files, head)
}

fn text(files: &Arc<dyn Files>, name: &str) -> String {
    String::from_utf8(files.read_all(name, 1 << 30).unwrap()).unwrap()
}

fn put(files: &Arc<dyn Files>, name: &str, bytes: &[u8]) {
    files.create(name).unwrap().write_at(0, bytes).unwrap();
}

#[test]
fn a_log_that_nobody_touched_is_in_order_and_goes_on_after_every_start() {
    let disk = FaultyDisk::new();
    let (files, head) = six(&disk);
    assert_eq!(head.records, 6);
    let verified = verify(&*files, Some(&head.hash)).unwrap();
    let expected = AuditVerified {
        head: head.clone(),
        from_to_ms: Some((0, 21)),
        unended: Vec::new(),
        torn: false,
        has_head: true,
    };
    assert_eq!(verified, expected);
    for round in 0..5 {
        let mut log = open(&files);
        assert_eq!(log.append(TimeMs(100), &begun(9)).unwrap(), 7 + round);
    }
    let verified = verify(&*files, Some(&head.hash)).unwrap();
    assert_eq!((verified.head.records, verified.unended), (11, vec![7, 8, 9, 10, 11]));
    assert_eq!(verify(&*disk.directory("nothing"), None).unwrap().head, AuditHead::empty());
}

#[test]
fn every_way_to_tamper_is_found_at_its_place() {
    /// What is done to the lines, and the line at which it is found; none where the head alone tells.
    type Tampering = (&'static str, fn(Vec<String>) -> Vec<String>, Option<u64>);
    let forged = |json: String| format!("{} {json}", hash_of(json.as_bytes()));
    let tamperings: [Tampering; 9] = [
        (
            "a user is another one",
            |mut lines| {
                lines[2] = lines[2].replace("user 1", "user 2");
                lines
            },
            Some(3),
        ),
        (
            "a record is changed and hashed anew",
            |mut lines| {
                let json = lines[2][65..].replace("user 1", "user 2");
                lines[2] = format!("{} {json}", hash_of(json.as_bytes()));
                lines
            },
            Some(4),
        ),
        (
            "one digit of a hash",
            |mut lines| {
                let digit = if lines[3].starts_with('0') { "1" } else { "0" };
                lines[3].replace_range(..1, digit);
                lines
            },
            Some(4),
        ),
        (
            "the first is taken out",
            |mut lines| {
                lines.remove(0);
                lines
            },
            Some(1),
        ),
        (
            "one in the middle is taken out",
            |mut lines| {
                lines.remove(3);
                lines
            },
            Some(4),
        ),
        (
            "one is put in twice",
            |mut lines| {
                lines.insert(2, lines[1].clone());
                lines
            },
            Some(3),
        ),
        (
            "two change places",
            |mut lines| {
                lines.swap(1, 2);
                lines
            },
            Some(2),
        ),
        (
            "a line of other words",
            |mut lines| {
                lines.insert(5, "hello world".to_owned());
                lines
            },
            Some(6),
        ),
        (
            "the end is cut off",
            |mut lines| {
                lines.truncate(4);
                lines
            },
            None,
        ),
    ];
    let disk = FaultyDisk::new();
    let (files, head) = six(&disk);
    let whole = text(&files, FIRST);
    for (name, tamper, line) in tamperings {
        let lines = tamper(whole.lines().map(str::to_owned).collect());
        put(&files, FIRST, format!("{}\n", lines.join("\n")).as_bytes());
        match (verify(&*files, Some(&head.hash)), line) {
            (Err(AuditFault::Damaged { file, line, .. }), Some(expected)) => {
                assert_eq!((file.as_str(), line), (FIRST, expected), "{name}");
                let opened = AuditLog::open(Arc::clone(&files));
                assert!(matches!(opened, Err(AuditFault::Damaged { .. })), "{name}: nothing is added to it");
            }
            (Ok(verified), None) => assert!(!verified.has_head, "{name}"),
            (other, _) => panic!("{name}: {other:?}"),
        }
    }
    // A chain that is wholly another one is in order in itself: its head says what it is not.
    let other = forged(r#"{"n":1,"at_ms":1,"kind":"looked","route":"","prev":"0000000000000000000000000000000000000000000000000000000000000000"}"#.to_owned());
    put(&files, FIRST, format!("{other}\n").as_bytes());
    assert!(verify(&*files, None).unwrap().has_head && !verify(&*files, Some(&head.hash)).unwrap().has_head);
}

#[test]
fn a_missing_file_is_found_and_files_of_others_are_left_alone() {
    let disk = FaultyDisk::new();
    let files = disk.directory("audit");
    let mut log = open(&files);
    for n in 0..FILE_RECORDS_MAX + 3 {
        assert_eq!(log.append(TimeMs(0), &begun(n)).unwrap(), n + 1);
    }
    let head = log.head().clone();
    let second = format!("audit-{:012}", FILE_RECORDS_MAX + 1);
    put(&files, "notes.txt", b"hello");
    assert_eq!(files.list().unwrap(), [FIRST, second.as_str(), "notes.txt"]);
    assert_eq!(verify(&*files, None).unwrap().head, head);
    assert_eq!(*open(&files).head(), head);
    // A page ends with its file, and the next one goes on behind it.
    let numbers = |after: u64| {
        let found = page(&*files, &head, after, 5).unwrap();
        found
            .iter()
            .map(|(json, _)| serde_json::from_str::<serde_json::Value>(json).unwrap()["n"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(0), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(FILE_RECORDS_MAX - 2), [FILE_RECORDS_MAX - 1, FILE_RECORDS_MAX]);
    assert_eq!(numbers(FILE_RECORDS_MAX), [FILE_RECORDS_MAX + 1, FILE_RECORDS_MAX + 2, FILE_RECORDS_MAX + 3]);
    assert_eq!(numbers(FILE_RECORDS_MAX + 3), Vec::<u64>::new());
    assert_eq!(numbers(u64::MAX), Vec::<u64>::new());
    files.remove(FIRST).unwrap();
    let is_missing = |fault: AuditFault| matches!(fault, AuditFault::Damaged { file, .. } if file == second);
    assert!(is_missing(verify(&*files, None).unwrap_err()));
    assert!(is_missing(AuditLog::open(Arc::clone(&files)).err().unwrap()));
}

#[test]
fn what_lies_where_a_file_is_to_be_begun_is_never_emptied() {
    let disk = FaultyDisk::new();
    let files = disk.directory("audit");
    let mut log = open(&files);
    // As a link is that the list of files does not have.
    files.create(FIRST).unwrap().write_at(0, b"what is linked to").unwrap();
    assert!(log.append(TimeMs(0), &begun(1)).is_err());
    assert_eq!(files.open(FIRST).unwrap().len().unwrap(), 17);
}

#[test]
fn what_a_crash_tore_is_cut_and_said_and_nothing_before_it() {
    let disk = FaultyDisk::new();
    let (files, head) = six(&disk);
    let whole = text(&files, FIRST).into_bytes();
    let fifth = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(4).unwrap().0 + 1;
    for cut in fifth + 1..whole.len() {
        put(&files, FIRST, &whole[..cut]);
        let verified = verify(&*files, None).unwrap();
        assert_eq!((verified.torn, verified.head.records, verified.unended), (true, 5, vec![5]), "{cut}");
        let opened = AuditLog::open(Arc::clone(&files)).unwrap();
        assert_eq!((opened.torn, opened.log.head().records), (true, 5), "{cut}");
        assert!(!AuditLog::open(Arc::clone(&files)).unwrap().torn, "it was cut");
    }
    // What lay in the middle was never written, and the end was.
    let mut holed = whole.clone();
    holed[fifth + 80..fifth + 90].fill(0);
    put(&files, FIRST, &holed);
    assert_eq!(open(&files).head().records, 5);
    // The same before the last record is no tear.
    let mut holed = whole;
    holed[fifth - 40..fifth - 30].fill(0);
    put(&files, FIRST, &holed);
    assert!(matches!(verify(&*files, None), Err(AuditFault::Damaged { line: 5, .. })));
    assert_eq!(head.records, 6);
}

#[test]
fn what_is_longer_than_a_record_was_not_torn_by_a_crash() {
    let disk = FaultyDisk::new();
    let (files, _) = six(&disk);
    let whole = text(&files, FIRST).into_bytes();
    for end in [vec![b'x'; LINE_BYTES_MAX], [vec![0; LINE_BYTES_MAX], vec![b'\n']].concat()] {
        put(&files, FIRST, &[&whole[..], &end].concat());
        assert!(matches!(verify(&*files, None), Err(AuditFault::Damaged { line: 7, .. })));
        assert!(AuditLog::open(Arc::clone(&files)).is_err(), "it is left as it is");
    }
}

#[test]
fn a_file_that_somebody_touches_under_the_server_takes_no_record() {
    let disk = FaultyDisk::new();
    let (files, head) = six(&disk);
    let whole = text(&files, FIRST).into_bytes();
    let mut log = open(&files);
    let mut is_damaged = || matches!(log.append(TimeMs(50), &begun(5)), Err(AuditFault::Damaged { .. }));
    files.rename(FIRST, "aside").unwrap();
    assert!(is_damaged() && is_damaged(), "taken away");
    files.rename("aside", FIRST).unwrap();
    files.open(FIRST).unwrap().set_len(whole.len() as u64 - 10).unwrap();
    assert!(is_damaged(), "made shorter");
    // A copy put in its place heals it, without a start.
    put(&files, "copy", &whole);
    files.rename("copy", FIRST).unwrap();
    assert_eq!(log.head(), &head);
    assert_eq!(log.append(TimeMs(50), &begun(5)).unwrap(), 7);
}

#[test]
fn what_was_appended_outlives_power_cuts() {
    for (seed, policy) in (0..40).flat_map(|seed| CutPolicy::ALL.map(|policy| (seed, policy))) {
        let disk = FaultyDisk::new();
        let (files, head) = six(&disk);
        // One more is written and the power goes before it is synced.
        let mut log = open(&files);
        let target = Target::Only(Call::Sync);
        disk.add_rule(Rule { target, when: When::Nth(1), action: Action::Stop });
        assert!(log.append(TimeMs(50), &begun(5)).is_err());
        let after = disk.after_power_cut(policy, &mut SeededRandom(seed));
        let files = after.directory("audit");
        let mut log = open(&files);
        assert!(log.head().records == 6 || log.head().records == 7, "seed {seed}, {policy:?}");
        log.append(TimeMs(60), &begun(6)).unwrap();
        let verified = verify(&*files, Some(&head.hash)).unwrap();
        assert!(verified.has_head, "seed {seed}, {policy:?}");
    }
}

#[test]
fn a_full_disk_leaves_nothing_behind_and_the_chain_goes_on_when_there_is_space() {
    for action in [Action::Full, Action::Short(10), Action::Short(600)] {
        let disk = FaultyDisk::new();
        let (files, _) = six(&disk);
        let mut log = open(&files);
        disk.add_rule(Rule { target: Target::Only(Call::Write), when: When::From(1), action });
        for _ in 0..3 {
            // Longer than what is written in its place afterwards.
            let long = AuditEntry { subject: Some("s".repeat(900)), ..begun(5) };
            assert!(matches!(log.append(TimeMs(50), &long), Err(AuditFault::Files(_))));
        }
        assert_eq!(log.head().records, 6);
        disk.clear_rules();
        assert_eq!(log.append(TimeMs(60), &begun(6)).unwrap(), 7);
        let verified = verify(&*files, None).unwrap();
        assert_eq!((verified.head, verified.torn), (log.head().clone(), false), "{action:?}");
    }
}

#[test]
fn the_longest_record_fits_its_line() {
    let disk = FaultyDisk::new();
    let files = disk.directory("audit");
    let entry = AuditEntry {
        kind: AuditKind::TurnedAway,
        of: Some(u64::MAX),
        operator: Some("o".repeat(64)),
        route: "POST /v1/a/route/with/a/very/long/path/that/is/twice/as/long/as/any",
        subject: Some(format!("user {0}, device {0}, conversation {0}", u64::MAX)),
        outcome: Some(AuditOutcome::Refused(Some(999))),
    };
    open(&files).append(TimeMs(i64::MAX), &entry).unwrap();
    assert!(text(&files, FIRST).len() <= LINE_BYTES_MAX);
    assert!(verify(&*files, None).is_ok());
}
