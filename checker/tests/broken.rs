//! The good history broken by hand, once for each rule: exactly the bucket meant is flagged, and no other.

#![allow(clippy::unwrap_used)]

mod story;

use highwater_checker::Bucket;
use serde_json::json;
use story::{Story, assert_only, good, id, snap, token};

/// One test for each way to break the good story.
macro_rules! broken {
    ($($name:ident: $bucket:ident, $break:expr;)+) => {$(
        #[test]
        fn $name() {
            let mut story = good::story();
            let change: fn(&mut Story) = $break;
            change(&mut story);
            assert_only(&story.judge(), Bucket::$bucket, stringify!($name));
        }
    )+};
}

const ALL_OF_TWELVE: [&str; 4] = ["a1", "a2", "b1", "b2"];

broken! {
    lost_at_the_end_of_one_store: Lost, |s| { s.store("c1").pop(); };
    lost_in_the_middle_of_one_store: Lost, |s| s.hide(2, |line| line["op"] == "dump" && line["client"] == "a2");
    lost_for_everybody: Lost, |s| s.hide(11, |_| true);
    lost_for_the_other_devices_of_the_sender: Lost, |s| s.hide(11, |line| line["client"] == "a2");
    lost_though_answered_just_before_the_cut: Lost, |s| {
        s.send("a1", 30, 2, 12, 7);
        let answered = s.now;
        s.lines.push(json!({"t": answered + 1, "kind": "nemesis", "op": "powercut"}));
    };
    lost_though_answered_just_after_a_kill: Lost, |s| {
        let answered = s.of_message("ok", 10)[0]["t"].as_u64().unwrap();
        s.lines.push(json!({"t": answered - 1, "t_end": answered + 1, "kind": "nemesis", "op": "kill9"}));
        s.hide(10, |line| line["client"] == "c1");
    };
    lost_though_only_the_resend_was_answered: Lost, |s| s.hide(3, |line| line["client"] == "b1");

    duplicated_because_a_resend_was_done_again: Duplicated, |s| s.append(&ALL_OF_TWELVE, (12, 7, 3));
    duplicated_at_two_places_of_one_store: Duplicated, |s| s.append(&["b2"], (12, 7, 9));
    duplicated_at_one_place_of_one_store: Duplicated, |s| {
        let first = s.store("b2")[0].clone();
        s.store("b2").insert(0, first);
    };
    duplicated_along_a_chain: Duplicated, |s| {
        let entry = s.entry("a1", (12, 2, 2));
        s.nth("a1", "ok", "apply", 1)["entries"].as_array_mut().unwrap().insert(0, entry);
    };
    duplicated_after_a_restart_with_the_newest_snapshot: Duplicated, |s| {
        let entry = s.entry("b1", (12, 1, 1));
        s.nth("b1", "ok", "apply", 2)["entries"].as_array_mut().unwrap().insert(0, entry);
    };
    duplicated_by_a_rebuild_that_is_not_called_so: Duplicated, |s| {
        s.nth("b1", "ok", "apply", 4)["rebuild"] = json!(false);
    };
    duplicated_between_the_pages_of_a_rebuild: Duplicated, |s| {
        let entry = s.entry("b1", (12, 2, 2));
        s.nth("b1", "ok", "apply", 5)["entries"].as_array_mut().unwrap().insert(0, entry);
    };

    duplicated_between_two_stores: Duplicated, |s| s.store("a1").last_mut().unwrap()["seq"] = json!(3);

    reordered_in_a_store: Reordered, |s| s.store("b1").swap(1, 2);
    reordered_in_a_page: Reordered, |s| {
        s.nth("b1", "ok", "apply", 2)["entries"].as_array_mut().unwrap().swap(0, 2);
    };
    reordered_between_pages: Reordered, |s| {
        let (earlier, later) = (s.entry("a1", (12, 5, 9)), s.entry("a1", (12, 6, 11)));
        let found = |e: &serde_json::Value| e["token"] == token(9).as_str();
        let page = s.nth("a1", "ok", "apply", 1)["entries"].as_array_mut().unwrap();
        *page.iter_mut().find(|e| found(e)).unwrap() = later;
        s.nth("a1", "ok", "apply", 2)["entries"][0] = earlier;
    };
    reordered_in_real_time_of_one_sender: Reordered, |s| {
        let answered = s.of_message("ok", 3)[0]["t"].as_u64().unwrap();
        s.of_message("invoke", 1)[0]["t"] = json!(answered + 1);
    };
    reordered_in_real_time_between_senders: Reordered, |s| {
        let answered = s.of_message("ok", 2)[0]["t"].as_u64().unwrap();
        s.of_message("invoke", 1)[0]["t"] = json!(answered + 1);
    };
    reordered_in_real_time_though_unacknowledged: Reordered, |s| {
        let answered = s.of_message("ok", 9)[0]["t"].as_u64().unwrap();
        s.of_message("invoke", 5)[0]["t"] = json!(answered + 1);
    };

    invented_token: Invented, |s| {
        let mut entry = s.entry("b1", (12, 7, 1));
        entry["token"] = json!(token(999));
        s.store("b1").push(entry);
    };
    invented_token_during_the_cut: Invented, |s| {
        s.nth("b1", "ok", "apply", 3)["entries"][0]["token"] = json!(token(999));
    };
    invented_sender: Invented, |s| s.store("c1")[0]["sender"] = json!("3");
    invented_id: Invented, |s| s.store("a1")[0]["id"] = json!(id(999));
    invented_conversation: Invented, |s| {
        s.send("a1", 30, 2, 13, 3);
        s.append(&ALL_OF_TWELVE, (13, 3, 30));
    };
    invented_second_conversation_of_a_pair: Invented, |s| {
        s.send("a1", 30, 2, 99, 1);
        s.append(&ALL_OF_TWELVE, (99, 1, 30));
    };
    invented_from_a_refusal: Invented, |s| s.append(&ALL_OF_TWELVE, (12, 7, 7));
    invented_answer: Invented, |s| s.ok("a1", 77, 12, 7);

    unseen_by_one_device: Unseen, |s| s.hide(5, |line| line["op"] == "dump" && line["client"] == "b2");
    unseen_by_all_but_one: Unseen, |s| s.append(&["a1"], (13, 3, 6));
    unseen_though_shown_before: Unseen, |s| {
        let entry = s.entry("c1", (13, 3, 6));
        s.nth("c1", "ok", "apply", 0)["entries"].as_array_mut().unwrap().push(entry);
    };

    skipped_seq_for_everybody: Skipped, |s| {
        s.send("a1", 30, 2, 12, 8);
        s.append(&ALL_OF_TWELVE, (12, 8, 30));
    };
    skipped_first_seq: Skipped, |s| {
        for entry in s.all_entries().filter(|entry| entry["conversation"] == "13") {
            entry["seq"] = json!(entry["seq"].as_u64().unwrap() + 1);
        }
        for message in [4, 10] {
            let line = s.of_message("ok", message).pop().unwrap();
            line["seq"] = json!(line["seq"].as_u64().unwrap() + 1);
        }
    };
    skipped_far: Skipped, |s| {
        s.send("a1", 30, 2, 12, u64::MAX);
        s.append(&ALL_OF_TWELVE, (12, u64::MAX, 30));
    };
    skipped_by_a_late_lineage_without_a_gap: Skipped, |s| {
        s.send("a1", 20, 3, 13, 3);
        s.append(&["a1", "a2", "c1"], (13, 3, 20));
        s.send("a1", 21, 3, 13, 4);
        s.append(&["a1", "a2", "c1", "c2"], (13, 4, 21));
    };

    rewound_base_from_nowhere: Rewound, |s| s.nth("a1", "ok", "apply", 2)["base"] = json!(snap(0xbad));
    rewound_base_of_an_older_answer: Rewound, |s| s.nth("a1", "ok", "apply", 2)["base"] = json!(snap(0x201));
    rewound_base_with_what_follows_it: Rewound, |s| {
        let again = s.nth("a1", "ok", "apply", 1)["entries"].as_array().unwrap().clone();
        let page = s.nth("a1", "ok", "apply", 2);
        page["base"] = json!(snap(0x201));
        page["entries"].as_array_mut().unwrap().splice(0..0, again);
    };
    rewound_to_the_empty_base: Rewound, |s| s.nth("b2", "ok", "apply", 2)["base"] = json!("");
    rewound_base_after_a_client_restart: Rewound, |s| {
        s.nth("b2", "nemesis", "client_restart", 0)["snapshot"] = json!(snap(0xbad));
    };
    rewound_snapshot: Rewound, |s| {
        s.apply("c1", 0x501, 0x502, &[]);
        s.apply("c1", 0x502, 0x501, &[]);
    };
    rewound_snapshot_with_what_follows_it: Rewound, |s| {
        s.apply("b2", 0x404, 0x403, &[]);
        s.apply("b2", 0x403, 0x405, &[(12, 5, 9), (12, 6, 11)]);
    };
    rewound_within_a_run_of_rebuilds: Rewound, |s| s.nth("b1", "ok", "apply", 6)["base"] = json!(snap(0x104));

    inconsistent_views: Inconsistent, |s| {
        let (third, fourth) = (s.entry("b1", (12, 3, 5)), s.entry("b1", (12, 4, 3)));
        let store = s.store("b1");
        (store[2], store[3]) = (third, fourth);
    };
    inconsistent_views_from_the_beginning: Inconsistent, |s| {
        let (third, fourth) = (s.entry("a1", (12, 3, 5)), s.entry("a1", (12, 4, 3)));
        let store = s.store("a1");
        (store[2], store[3]) = (third.clone(), fourth.clone());
        let page = &mut s.nth("a1", "ok", "apply", 1)["entries"];
        (page[0], page[2]) = (third, fourth);
    };
    inconsistent_answer_at_the_place_of_another: Inconsistent, |s| s.of_message("ok", 2)[0]["seq"] = json!(3);
    inconsistent_answer_at_a_place_of_its_own: Inconsistent, |s| s.of_message("ok", 2)[0]["seq"] = json!(70);
    inconsistent_answers_to_a_resend: Inconsistent, |s| s.of_message("ok", 3)[1]["seq"] = json!(70);
    inconsistent_answer_by_conversation: Inconsistent, |s| {
        s.of_message("ok", 11)[1]["conversation"] = json!("13");
    };
    inconsistent_refusal_of_what_was_acknowledged: Inconsistent, |s| s.fail("a1", 1);
    inconsistent_with_an_unacknowledged_answer: Inconsistent, |s| {
        // m40 is answered with the place of m1, and is nowhere: not acknowledged in truth, but told.
        s.send("a1", 40, 2, 12, 1);
        s.append(&ALL_OF_TWELVE, (12, 7, 40));
    };

    leaked_into_a_store: Leaked, |s| s.append(&["c1"], (12, 2, 2));
    leaked_though_never_done: Leaked, |s| s.append(&["b1"], (13, 3, 6));
    leaked_in_passing: Leaked, |s| {
        let entry = s.entry("c1", (12, 2, 2));
        s.nth("c1", "ok", "apply", 0)["entries"].as_array_mut().unwrap().push(entry);
    };
    leaked_to_a_late_lineage: Leaked, |s| s.append(&["c2"], (12, 1, 1));

    stuck_without_a_dump: Stuck, |s| s.lines.retain(|line| line["op"] != "dump" || line["client"] != "b1");
    stuck_before_the_end: Stuck, |s| {
        s.nth("b1", "ok", "dump", 0)["synced"] = json!(false);
        s.store("b1").truncate(2);
    };
    stuck_at_a_dump_from_before_the_heal: Stuck, |s| {
        let healed = s.line(|line| line["op"] == "heal")["t"].as_u64().unwrap();
        s.nth("b1", "ok", "dump", 0)["t"] = json!(healed - 1);
    };
    stuck_and_silent: Stuck, |s| s.lines.retain(|line| line["client"] != "c1" || line["op"] == "send");
}

#[test]
fn a_message_counts_once_and_its_holders_are_named() {
    let mut story = good::story();
    story.hide(11, |_| true);
    let verdict = story.judge();
    assert_eq!((verdict.lost, verdict.events().len()), (1, 1));
    assert!(verdict.events()[0].what.contains("4 lineages: a1, a2, b1, b2"), "{:?}", verdict.events());
}

#[test]
fn only_the_first_ten_of_a_bucket_are_told_and_all_are_counted() {
    let mut story = good::story();
    for message in 100..125 {
        story.send("a1", message, 2, 12, message - 93);
    }
    let verdict = story.judge();
    assert_eq!((verdict.lost, verdict.events().len()), (25, 10));
}
