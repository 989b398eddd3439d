//! Good histories are clean, and what may lawfully vary in them does not change that.

#![allow(clippy::unwrap_used)]

mod story;

use std::collections::BTreeMap;
use std::process::Command;

use highwater_checker::HistoryError;
use serde_json::json;
use story::{Story, assert_clean, good, judge};

#[test]
fn everything_lawful_is_clean() {
    let verdict = good::story().judge();
    assert_clean(&verdict, "the good story");
    // m1, m2, m3, m4, m9, m10, m11: neither m5 (unknown) nor m8 (it raced the cut).
    assert_eq!((verdict.acknowledged, verdict.kills, verdict.cuts), (7, 1, 1));
    let line = "verdict acknowledged=7 lost=0 duplicated=0 reordered=0 invented=0 leaked=0 partial=0 kills=1 cuts=1 seed=9";
    assert_eq!(verdict.line(9), line);
    let further = "further unseen=0 skipped=0 rewound=0 inconsistent=0 stuck=0";
    assert_eq!(verdict.further_line(), further);
}

#[test]
fn without_power_cuts_the_line_names_none() {
    let mut story = Story::new(&[("a", 1), ("b", 2)]);
    story.send("a", 1, 2, 12, 1);
    story.nemesis(json!({"op": "kill9"}));
    story.dump("a", &[(12, 1, 1)]);
    story.dump("b", &[(12, 1, 1)]);
    let verdict = story.judge();
    assert_clean(&verdict, "a short story");
    let line = "verdict acknowledged=1 lost=0 duplicated=0 reordered=0 invented=0 leaked=0 partial=0 kills=1 seed=18446744073709551615";
    assert_eq!(verdict.line(u64::MAX), line);
}

#[test]
fn nothing_acknowledged_is_not_clean() {
    let mut story = Story::new(&[("a", 1), ("b", 2)]);
    story.invoke("a", 1, 2);
    story.info("a", 1);
    story.dump("a", &[]);
    story.dump("b", &[]);
    let verdict = story.judge();
    assert_eq!(verdict.acknowledged, 0);
    assert!(verdict.events().is_empty() && !verdict.is_clean());
}

#[test]
fn an_answer_that_races_the_cut_may_be_lost() {
    let mut story = good::story();
    // m11 was answered during the cut only, and is nowhere.
    let resent = story.of_message("ok", 11)[1]["t"].clone();
    story.lines.retain(|line| line["t"] != resent);
    story.hide(11, |_| true);
    let verdict = story.judge();
    assert_clean(&verdict, "lost with the cut");
    assert_eq!(verdict.acknowledged, 6);
}

#[test]
fn an_answer_in_the_nanosecond_of_the_cut_races_it() {
    let mut story = good::story();
    story.send("a1", 30, 2, 12, 7);
    let answered = story.now;
    story.lines.push(json!({"t": answered, "kind": "nemesis", "op": "powercut"}));
    assert_clean(&story.judge(), "answered with the cut");
}

#[test]
fn a_cut_without_an_end_lasts_until_the_restart() {
    let mut story = good::story();
    story.line(|line| line["op"] == "powercut")["t_end"].take();
    assert_clean(&story.judge(), "no t_end");
}

#[test]
fn an_unknown_send_may_be_nowhere() {
    let mut story = good::story();
    // Everything after m5 moves down by one, as if it had never been done.
    story.hide(5, |_| true);
    for entry in story.all_entries() {
        if entry["conversation"] == "12" && entry["seq"].as_u64().unwrap() > 4 {
            entry["seq"] = json!(entry["seq"].as_u64().unwrap() - 1);
        }
    }
    for message in [9, 11] {
        for line in story.of_message("ok", message) {
            line["seq"] = json!(line["seq"].as_u64().unwrap() - 1);
        }
    }
    assert_clean(&story.judge(), "m5 not done");
}

#[test]
fn a_lineage_that_came_later_may_have_gaps() {
    let mut story = good::story();
    story.send("a1", 20, 3, 13, 3);
    story.append(&["a1", "a2", "c1"], (13, 3, 20));
    story.send("a1", 21, 3, 13, 4);
    story.append(&["a1", "a2", "c1", "c2"], (13, 4, 21));
    story.nth("c2", "ok", "apply", 0)["gap"] = json!(true);
    assert_clean(&story.judge(), "gap");
}

#[test]
fn a_lineage_that_lost_its_store_is_given_everything_again() {
    let mut story = good::story();
    story.client_restart("b1", 0);
    story.apply("b1", 0, 0x107, &good::TWELVE);
    assert_clean(&story.judge(), "an empty store");
}

#[test]
fn a_rebuild_that_raced_a_cut_may_begin_again() {
    let mut story = Story::new(&[("a", 1), ("b", 2)]);
    story.send("a", 1, 2, 12, 1);
    story.send("a", 2, 2, 12, 2);
    story.apply("b", 0, 0x1, &[(12, 1, 1), (12, 2, 2)]);
    story.nemesis(json!({"op": "powercut"}));
    story.rebuild("b", 0x1, 0x2, true, &[(12, 1, 1)]);
    story.nemesis(json!({"op": "restart"}));
    story.rebuild("b", 0x2, 0x3, false, &[(12, 1, 1), (12, 2, 2)]);
    story.dump("a", &[(12, 1, 1), (12, 2, 2)]);
    story.dump("b", &[(12, 1, 1), (12, 2, 2)]);
    assert_clean(&story.judge(), "rebuilt twice");
}

#[test]
fn of_several_dumps_the_last_counts() {
    let mut story = good::story();
    let mut early = story.nth("c1", "ok", "dump", 0).clone();
    early["t"] = json!(early["t"].as_u64().unwrap() - 1);
    early["synced"] = json!(false);
    for place in [0, story.lines.len()] {
        let mut story = story.clone();
        story.lines.insert(place, early.clone());
        assert_clean(&story.judge(), "an early dump");
    }
    story.nth("c1", "ok", "dump", 0)["synced"] = json!(false);
    assert_eq!(story.judge().stuck, 1);
}

#[test]
fn a_torn_last_line_and_a_fresh_start_after_it_are_read() {
    let mut files = good::story().files();
    let text = files.get_mut("b1").unwrap();
    text.push_str(r#"{"t":99999999,"client":"b1","user":"2","kind":"ok","op":"app"#);
    assert_clean(&judge(&files).unwrap(), "torn at the end");
    let text = files.get_mut("b2").unwrap();
    *text = format!("{{\"t\":1,\"clie\n\n{text}");
    assert_clean(&judge(&files).unwrap(), "torn before a fresh start");
}

#[test]
fn what_is_no_history_is_refused() {
    let good = good::story().files();
    let with = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let mut files = good.clone();
        change(&mut files);
        judge(&files).expect_err("refused")
    };
    let error = with(&|files| {
        files.remove("driver");
    });
    assert!(matches!(error, HistoryError::NoDevices), "{error}");
    let error = with(&|files| files.get_mut("a1").unwrap().push_str("{\"t\":1} x\n"));
    assert!(matches!(error, HistoryError::Line { line: 15.., .. }), "{error}");
    let error = with(&|files| files.get_mut("a1").unwrap().push_str(&"{\"t\n".repeat(100)));
    assert!(matches!(error, HistoryError::TornLines { torn: 100, .. }), "{error}");
    for (from, to) in [(story::token(3), story::token(1)), (story::id(3), story::id(1))] {
        let error = with(&|files| {
            let text = files.get_mut("a1").unwrap();
            *text = text.replacen(&from, &to, 1);
        });
        assert!(matches!(error, HistoryError::Contradiction { .. }), "{error}");
    }
    let error = with(&|files| {
        let text = files.get_mut("a1").unwrap();
        *text = text.replacen(r#""user":"1""#, r#""user":"2""#, 1);
    });
    assert!(error.to_string().contains("another user"), "{error}");
}

#[test]
fn the_program_says_it_by_line_and_exit_code() {
    let run = |story: &Story| {
        let files = story.files();
        let directory = story::write(&files);
        let mut program = Command::new(env!("CARGO_BIN_EXE_highwater-checker"));
        program.args(["--seed", "5"]).args(files.keys().map(|name| directory.join(name)));
        let output = program.output().unwrap();
        std::fs::remove_dir_all(directory).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let mut story = good::story();
    let (code, stdout, stderr) = run(&story);
    let line = "verdict acknowledged=7 lost=0 duplicated=0 reordered=0 invented=0 leaked=0 partial=0 kills=1 cuts=1 seed=5";
    assert_eq!((code, stdout.lines().last(), stderr.as_str()), (Some(0), Some(line), ""));

    story.store("c1").pop();
    let (code, stdout, stderr) = run(&story);
    let line = "verdict acknowledged=7 lost=1 duplicated=0 reordered=0 invented=0 leaked=0 partial=0 kills=1 cuts=1 seed=5";
    assert_eq!((code, stdout.lines().last()), (Some(1), Some(line)));
    assert!(
        stderr.contains("lost: 1 in all") && stderr.contains("c1:4:") && stderr.contains(&story::token(10))
    );

    story.lines.retain(|line| line["op"] != "devices");
    let (code, stdout, stderr) = run(&story);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("devices"), "{stderr}");
}
