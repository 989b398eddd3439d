//! The torture itself, over the model server: a right server passes, and each seeded bug is found.
#![allow(clippy::unwrap_used)]

mod examples;

use std::process::Command;

/// Seeds after which a bug must have been found. A short run may miss the moment; the full run has ten times as many.
const SEEDS: std::ops::RangeInclusive<u32> = 1..=5;

struct Run {
    code: Option<i32>,
    last_line: String,
    output: String,
}

fn run(seed: u32, arguments: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_highwater-torture"))
        // The model server knows messages and nothing else.
        .args(["run", "--only-messages", "--seed", &seed.to_string(), "--server"])
        .arg(examples::path("model_server"))
        .arg("--data")
        .arg(dir.path().join("run"))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Run {
        code: output.status.code(),
        last_line: text.lines().last().unwrap_or_default().to_owned(),
        output: format!("{text}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn finds(bug: &str, arguments: &[&str]) {
    for seed in SEEDS {
        let run = run(seed, &[&["--seeded-bug", bug], arguments].concat());
        let judged = run.last_line.starts_with("verdict acknowledged=");
        assert!(judged, "{}", run.output);
        if run.code == Some(1) {
            let counts = run.last_line.split(' ').filter(|part| !part.ends_with("=0")).count();
            assert!(counts > 4 || run.output.contains("unseen: "), "{}", run.output);
            return;
        }
    }
    panic!("{bug} was not found");
}

#[test]
fn a_right_server_passes_kills() {
    let run = run(1, &["--duration-s", "6"]);
    assert_eq!(run.code, Some(0), "{}", run.output);
    assert!(
        run.last_line.contains(" lost=0 duplicated=0 reordered=0 invented=0 leaked=0 partial=0 kills="),
        "{}",
        run.last_line
    );
    assert!(run.last_line.ends_with(" seed=1"));
}

#[test]
fn a_right_server_passes_power_cuts() {
    let run = run(1, &["--duration-s", "10", "--powercut"]);
    assert_eq!(run.code, Some(0), "{}", run.output);
    assert!(run.last_line.contains(" cuts="), "{}", run.last_line);
}

#[test]
fn kills_find_an_answer_before_the_write() {
    finds("acknowledge-before-write", &["--duration-s", "6"]);
}

#[test]
fn power_cuts_find_an_answer_before_the_sync() {
    finds("acknowledge-before-sync", &["--duration-s", "8", "--powercut"]);
}

#[test]
fn power_cuts_find_a_replayed_tail_served_before_its_sync() {
    finds("serve-unsynced-tail", &["--duration-s", "12", "--powercut"]);
}

#[test]
fn a_bug_that_only_blows_show_passes_plain_talk() {
    let run = run(1, &["--duration-s", "2", "--no-blows", "--seeded-bug", "acknowledge-before-write"]);
    assert_eq!(run.code, Some(0), "{}", run.output);
    assert!(
        run.last_line
            .ends_with(" lost=0 duplicated=0 reordered=0 invented=0 leaked=0 partial=0 kills=0 seed=1")
    );
}

#[test]
fn a_server_that_refuses_what_it_stored_has_lost_all_of_it() {
    let run = run(1, &["--duration-s", "4", "--seeded-bug", "refuse-what-is-stored"]);
    assert_eq!(run.code, Some(1), "{}", run.output);
    let count = |name: &str| {
        let part = run.last_line.split(' ').find_map(|part| part.strip_prefix(name));
        part.unwrap().parse::<u64>().unwrap()
    };
    assert!(count("acknowledged=") > 0, "{}", run.output);
    assert_eq!(count("lost="), count("acknowledged="));
    assert!(run.output.contains("ended before it was ready: exit status: 1"), "{}", run.output);
    assert!(run.output.contains("the log is not accepted"), "{}", run.output);
}

#[test]
fn a_server_that_does_not_start_fails_the_run_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_highwater-torture"))
        .args(["run", "--duration-s", "2", "--server", "/bin/false", "--data"])
        .arg(dir.path().join("run"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the server ended before it was ready"), "{text}");
}
