//! A good history of an erased user broken by hand, once for each rule: exactly the bucket meant is flagged, and no other.

#![allow(clippy::unwrap_used)]

mod story;

use highwater_checker::{Bucket, Tried};
use serde_json::{Value, json};
use story::erasures::{G, story};
use story::{Shown, Story, assert_clean, assert_only, token};

/// One test for each way to break the story.
macro_rules! broken {
    ($($name:ident: $bucket:ident, $break:expr;)+) => {$(
        #[test]
        fn $name() {
            let mut story = story();
            let change: fn(&mut Story) = $break;
            change(&mut story);
            assert_only(&story.judge(), Bucket::$bucket, stringify!($name));
        }
    )+};
}

/// Shows a client something else at a place, in all lines of an operation.
fn show_instead(story: &mut Story, client: &str, op: &str, shown: Shown) {
    let entry = story.entry(client, shown);
    let is_there =
        |held: &Value| held["conversation"] == entry["conversation"] && held["seq"] == entry["seq"];
    for line in story.lines.iter_mut().filter(|line| line["client"] == client && line["op"] == op) {
        for held in line["entries"].as_array_mut().unwrap().iter_mut().filter(|held| is_there(held)) {
            *held = entry.clone();
        }
    }
}

/// Takes a place out of all lines that `which` picks.
fn hide_place(story: &mut Story, (conversation, seq): (u64, u64), which: fn(&Value) -> bool) {
    let conversation = conversation.to_string();
    for line in story.lines.iter_mut().filter(|line| which(line)) {
        if let Some(entries) = line["entries"].as_array_mut() {
            entries.retain(|entry| entry["conversation"] != conversation.as_str() || entry["seq"] != seq);
        }
    }
}

broken! {
    leaked_when_read_by_place: Leaked, |s| show_instead(s, "a1", "read", (13, 1, 1));
    leaked_when_a_group_is_read: Leaked, |s| show_instead(s, "b1", "read", (G, 2, 3));
    leaked_in_an_archive: Leaked, |s| {
        s.nth("a1", "ok", "export", 0)["tokens"].as_array_mut().unwrap().push(json!(token(3)));
    };
    leaked_to_a_store_that_was_told: Leaked, |s| show_instead(s, "b1", "dump", (G, 2, 3));
    leaked_to_a_store_of_the_other_one: Leaked, |s| show_instead(s, "a2", "dump", (13, 1, 1));
    leaked_to_a_stranger: Leaked, |s| s.show(&["b1"], (13, 4, 101));
    leaked_by_place_to_a_stranger: Leaked, |s| {
        let entry = s.entry("b1", (13, 2, 2));
        s.nth("b1", "ok", "read", 0)["entries"].as_array_mut().unwrap().push(entry);
    };
    leaked_answer_to_the_erased: Leaked, |s| {
        s.apply("c1", 0x1, 0x1, &[]);
        let asked = s.now - 1;
        s.lines.last_mut().unwrap()["asked"] = json!(asked);
    };
    lost_place: Lost, |s| hide_place(s, (13, 1), |line| line["op"] == "dump");
    lost_text_of_somebody_else: Lost, |s| {
        s.erased(202, 1);
        show_instead(s, "a2", "dump", (13, 2, 202));
    };
    partial_place_in_a_group: Partial, |s| hide_place(s, (G, 2), |line| line["client"] == "b1");
    partial_word_of_it: Partial, |s| hide_place(s, (13, 4), |line| line["client"] == "a2");
    partial_word_of_it_in_a_group: Partial, |s| hide_place(s, (G, 3), |line| line["client"] == "b1");
    partial_place_of_a_message_that_nobody_saw: Partial, |s| {
        hide_place(s, (13, 3), |line| line["client"] == "a2");
    };
    inconsistent_sender: Inconsistent, |s| {
        s.erased(205, 3);
        show_instead(s, "a2", "apply", (13, 2, 205));
    };
    stuck_though_another_one_was_erased: Stuck, |s| s.lines.retain(|line| line["op"] != "dump" || line["client"] != "a2");
}

#[test]
fn the_good_story_is_clean() {
    let verdict = story().judge();
    assert_clean(&verdict, "erasures");
    let tried = Tried {
        groups: 1,
        group_messages: 2,
        leaves: 1,
        users_erased: 1,
        messages_erased: 2,
        read_out: 12,
        exports: 1,
        ..Tried::default()
    };
    assert_eq!(verdict.tried, tried);
}

#[test]
fn what_was_asked_for_before_may_still_hold_the_text() {
    let mut story = story();
    show_instead(&mut story, "b1", "read", (G, 2, 3));
    let begun = story.line(|line| line["op"] == "user_erased")["t"].clone();
    story.nth("b1", "ok", "read", 0)["asked"] = begun;
    assert_clean(&story.judge(), "it raced the erasure");
}

#[test]
fn who_may_not_be_erased_owes_and_is_owed_nothing() {
    let mut story = story();
    story.line(|line| line["op"] == "user_erased").as_object_mut().unwrap().remove("t_end");
    show_instead(&mut story, "b1", "read", (G, 2, 3));
    assert_clean(&story.judge(), "nobody knows whether it was done");
}
