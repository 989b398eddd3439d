//! Good histories of groups, blocks and ended devices broken by hand, once for each rule: exactly the bucket meant is
//! flagged, and no other.

#![allow(clippy::unwrap_used)]

mod story;

use highwater_checker::{Bucket, Tried};
use serde_json::json;
use story::groups::G;
use story::{Story, assert_clean, assert_only, blocks, endings, groups, snap};

/// One test for each way to break a good story.
macro_rules! broken {
    ($($name:ident: $of:ident, $bucket:ident, $break:expr;)+) => {$(
        #[test]
        fn $name() {
            let mut story = $of::story();
            let change: fn(&mut Story) = $break;
            change(&mut story);
            assert_only(&story.judge(), Bucket::$bucket, stringify!($name));
        }
    )+};
}

const MEMBERS: [&str; 4] = ["a1", "a2", "b1", "c1"];

broken! {
    leaked_to_a_stranger: groups, Leaked, |s| s.show(&["e1"], (G, 2, 1));
    leaked_notice: groups, Leaked, |s| s.show(&["e1"], (G, 12, 105));
    leaked_from_before_the_join: groups, Leaked, |s| s.show(&["d1"], (G, 2, 1));
    leaked_from_after_the_leave: groups, Leaked, |s| s.show(&["d1"], (G, 10, 5));
    leaked_from_between_two_memberships: groups, Leaked, |s| s.show(&["c1"], (G, 6, 3));
    leaked_in_passing: groups, Leaked, |s| {
        let entry = s.entry("d1", (G, 10, 5));
        s.nth("d1", "ok", "apply", 1)["entries"].as_array_mut().unwrap().push(entry);
    };
    leaked_to_one_who_was_gone_before_it_was_sent: groups, Leaked, |s| {
        // m3 was sent after the leave was acknowledged, and stands before it.
        for entry in s.all_entries().filter(|entry| entry["conversation"] == "50") {
            match entry["seq"].as_u64() {
                Some(5) => entry["seq"] = json!(6),
                Some(6) => entry["seq"] = json!(5),
                _ => {}
            }
        }
        s.of_message("ok", 3)[0]["seq"] = json!(5);
        s.show(&["c1"], (G, 5, 3));
        let given = s.entry("c1", (G, 5, 3));
        s.nth("c1", "ok", "apply", 0)["entries"].as_array_mut().unwrap().insert(4, given);
        for (client, nth) in [("a1", 0), ("a2", 0), ("b1", 1), ("d1", 1)] {
            let page = s.nth(client, "ok", "apply", nth)["entries"].as_array_mut().unwrap();
            page.sort_by_key(|entry| entry["seq"].as_u64());
        }
        for client in ["a1", "a2", "b1", "c1", "d1"] {
            s.store(client).sort_by_key(|entry| entry["seq"].as_u64());
        }
    };
    leaked_invitation_of_the_blocked: groups, Leaked, |s| {
        let answer = s.of_request(7).pop().unwrap();
        answer["kind"] = json!("ok");
        s.notice(106, 1, "joined", &[5]);
        s.show(&[&MEMBERS[..], &["e1"]].concat(), (G, 13, 106));
    };
    leaked_from_the_blocked: blocks, Leaked, |s| s.show(&["b1", "d1"], (24, 4, 5));
    leaked_from_the_blocked_and_acknowledged: blocks, Leaked, |s| {
        s.of_message("info", 5)[0]["kind"] = json!("ok");
        let answer = s.of_message("ok", 5).pop().unwrap();
        (answer["conversation"], answer["seq"]) = (json!("24"), json!(4));
        s.show(&["b1", "d1"], (24, 4, 5));
    };
    leaked_before_the_blocked_was_taken_back: blocks, Leaked, |s| {
        s.of_message("fail", 2)[0]["kind"] = json!("info");
        s.shift(24, 2);
        s.show(&["b1", "d1"], (24, 2, 2));
        for client in ["b1", "d1"] {
            let entry = s.entry(client, (24, 2, 2));
            s.nth(client, "ok", "apply", 0)["entries"].as_array_mut().unwrap().insert(1, entry);
        }
    };
    leaked_to_a_device_that_its_user_ended: endings, Leaked, |s| s.apply("a3", 0x301, 0x302, &[(12, 2, 2)]);
    leaked_to_a_device_that_the_operator_ended: endings, Leaked, |s| {
        s.apply("b2", 0x201, 0x202, &[(12, 3, 3)]);
    };
    leaked_answer_to_an_ended_device: endings, Leaked, |s| {
        s.apply("a3", 0x301, 0x301, &[]);
        let asked = s.now - 1;
        s.lines.last_mut().unwrap()["asked"] = json!(asked);
    };

    partial_message: groups, Partial, |s| s.hide(5, |line| line["op"] == "dump" && line["client"] == "c1");
    partial_between_devices: groups, Partial, |s| {
        s.hide(5, |line| line["op"] == "dump" && line["client"] == "a2");
    };
    partial_though_only_one_has_it: groups, Partial, |s| {
        s.hide(3, |line| line["op"] == "dump" && line["client"] != "b1");
    };
    partial_because_the_first_entry_is_not_the_join: groups, Partial, |s| s.hide(101, |line| line["client"] == "d1");
    partial_because_the_last_entry_is_not_the_leave: groups, Partial, |s| s.hide(104, |line| line["client"] == "d1");
    partial_rejoin: groups, Partial, |s| s.hide(103, |line| line["client"] == "c1");
    partial_rename: groups, Partial, |s| s.hide(105, |line| line["op"] == "dump" && line["client"] != "a1");

    lost_for_every_member: groups, Lost, |s| s.hide(5, |_| true);
    lost_notice_that_was_shown: groups, Lost, |s| s.hide(105, |line| line["op"] == "dump");
    lost_addition: groups, Lost, |s| {
        s.late_lineage("f1", 6);
        s.ask("a1", 30, "add_members", "ok", json!({"group": "50", "users": ["6"]}));
    };
    lost_removal: groups, Lost, |s| s.ask("a1", 30, "remove_member", "ok", json!({"group": "50", "other": "2"}));
    lost_leave: groups, Lost, |s| s.ask("b1", 30, "leave_group", "ok", json!({"group": "50"}));
    lost_group: groups, Lost, |s| {
        s.ask("e1", 30, "create_group", "ok", json!({"users": [], "made": "51"}));
    };
    lost_addition_before_a_message: groups, Lost, |s| {
        // The user left again, which nobody shows either; in between a message was sent.
        s.late_lineage("f1", 6);
        s.ask("a1", 30, "add_members", "ok", json!({"group": "50", "users": ["6"]}));
        s.send_to_group("a1", 31, G, 13);
        s.show(&MEMBERS, (G, 13, 31));
        s.ask("f1", 32, "leave_group", "info", json!({"group": "50"}));
        s.dump("f1", &[]);
    };
    unseen_by_one_member: groups, Unseen, |s| s.hide(6, |line| line["op"] == "dump" && line["client"] == "c1");

    invented_addition: groups, Invented, |s| {
        s.notice(106, 1, "joined", &[6]);
        s.show(&MEMBERS, (G, 13, 106));
    };
    invented_removal: groups, Invented, |s| {
        s.notice(106, 1, "removed", &[2]);
        s.show(&MEMBERS, (G, 13, 106));
    };
    invented_leave: groups, Invented, |s| {
        s.notice(106, 2, "left", &[]);
        s.show(&MEMBERS, (G, 13, 106));
    };
    invented_by_a_refused_request: groups, Invented, |s| {
        s.lines.retain(|line| line["op"] != "block");
        s.notice(106, 1, "joined", &[5]);
        s.show(&[&MEMBERS[..], &["e1"]].concat(), (G, 13, 106));
    };
    invented_second_group_of_a_message: groups, Invented, |s| {
        s.invoke_to_group("a1", 40, 51);
        s.show(&MEMBERS, (G, 13, 40));
    };
    duplicated_addition: groups, Duplicated, |s| {
        s.late_lineage("f1", 6);
        s.ask("a1", 30, "add_members", "ok", json!({"group": "50", "users": ["6"]}));
        s.ask("a1", 31, "remove_member", "info", json!({"group": "50", "other": "6"}));
        for (number, seq) in [(106, 13), (107, 14), (108, 15)] {
            s.notice(number, 1, if number == 107 { "removed" } else { "joined" }, &[6]);
            s.show(&MEMBERS, (G, seq, number));
        }
    };
    duplicated_notice_in_one_store: groups, Duplicated, |s| s.show(&["d1"], (G, 3, 101));
    duplicated_notice_along_a_chain: groups, Duplicated, |s| {
        let entry = s.entry("d1", (G, 3, 101));
        s.nth("d1", "ok", "apply", 1)["entries"].as_array_mut().unwrap().insert(0, entry);
    };
    inconsistent_join_of_a_member: groups, Inconsistent, |s| {
        s.ask("a1", 30, "add_members", "ok", json!({"group": "50", "users": ["2"]}));
        s.notice(106, 1, "joined", &[2]);
        s.show(&MEMBERS, (G, 13, 106));
    };
    inconsistent_leave_of_a_stranger: groups, Inconsistent, |s| {
        s.ask("e1", 30, "leave_group", "ok", json!({"group": "50"}));
        s.notice(106, 5, "left", &[]);
        s.show(&MEMBERS, (G, 13, 106));
    };
    inconsistent_notices_at_one_place: groups, Inconsistent, |s| {
        for entry in s.store("c1").iter_mut().filter(|entry| entry["notice"] == "renamed") {
            entry["name"] = json!("another");
        }
        s.hide(105, |line| line["client"] == "c1" && line["op"] == "apply");
    };
    skipped_inside_a_membership: groups, Skipped, |s| s.shift(G, 9);
    reordered_in_real_time: groups, Reordered, |s| {
        let answered = s.of_message("ok", 5)[0]["t"].as_u64().unwrap();
        s.of_message("invoke", 4)[0]["t"] = json!(answered + 1);
    };
    rewound_in_a_group: groups, Rewound, |s| s.nth("d1", "ok", "apply", 1)["base"] = json!(snap(0xbad));
    stuck_though_another_device_ended: endings, Stuck, |s| {
        s.lines.retain(|line| line["op"] != "dump" || line["client"] != "a2");
    };
}

#[test]
fn the_good_stories_are_clean() {
    for (name, story) in
        [("groups", groups::story()), ("blocks", blocks::story()), ("endings", endings::story())]
    {
        assert_clean(&story.judge(), name);
    }
    let verdict = groups::story().judge();
    assert_eq!((verdict.acknowledged, verdict.kills), (5, 1));
    let tried = Tried {
        blocks: 1,
        groups: 1,
        group_messages: 5,
        joins: 2,
        leaves: 2,
        rejoins: 1,
        ..Tried::default()
    };
    assert_eq!(verdict.tried, tried);
    let tried = Tried { blocks: 2, refused_while_blocked: 1, ..Tried::default() };
    assert_eq!(blocks::story().judge().tried, tried);
    assert_eq!(endings::story().judge().tried, Tried { devices_ended: 2, ..Tried::default() });
}

#[test]
fn what_the_server_did_not_answer_ends_with_its_life() {
    let mut story = blocks::story();
    story.ask("b1", 9, "unblock", "info", json!({"other": "4"}));
    story.ask("b1", 10, "block", "ok", json!({"other": "4"}));
    story.invoke("d1", 6, 2);
    story.show(&["b1", "d1"], (24, 4, 6));
    // The dumps stand before it in the list, and after it in time.
    for line in story.lines.iter_mut().filter(|line| line["op"] == "dump") {
        line["t"] = json!(line["t"].as_u64().unwrap() + 10_000);
    }
    assert_clean(&story.judge(), "the unblock may have been done after the block");
    let asked = story.of_request(10)[0]["t"].as_u64().unwrap();
    let given_up = story.of_request(9)[1]["t"].as_u64().unwrap();
    story.lines.push(json!({"t": given_up + 1, "kind": "nemesis", "op": "kill9"}));
    story.lines.push(json!({"t": asked - 1, "kind": "nemesis", "op": "restart"}));
    assert_only(&story.judge(), Bucket::Leaked, "the unblock is over, and the block holds");
}

#[test]
fn what_was_on_its_way_to_an_ended_device_may_still_come() {
    let mut story = endings::story();
    story.apply("b2", 0x201, 0x202, &[]);
    story.hide(2, |line| line["client"] == "b2");
    let entry = story.entry("b2", (12, 2, 2));
    story.nth("b2", "ok", "apply", 1)["entries"].as_array_mut().unwrap().push(entry);
    assert_clean(&story.judge(), "pushed before the end");
}

#[test]
fn an_end_that_nobody_heard_of_excuses_and_forbids_nothing() {
    for outcome in ["info", "ok"] {
        let mut story = endings::story();
        story.of_request(1).pop().unwrap()["kind"] = json!(outcome);
        story.apply("a3", 0x301, 0x302, &[(12, 2, 2)]);
        assert_eq!(story.judge().is_clean(), outcome == "info", "{outcome}");
    }
    let mut refused = endings::story();
    refused.of_request(1).pop().unwrap()["kind"] = json!("fail");
    assert_only(&refused.judge(), Bucket::Stuck, "not ended, so it owes a dump");
}

#[test]
fn who_may_have_been_taken_back_may_be_heard() {
    let mut story = blocks::story();
    story.ask("b1", 9, "unblock", "info", json!({"other": "4"}));
    let heal = story.line(|line| line["op"] == "heal")["t"].as_u64().unwrap();
    story.of_request(9).into_iter().for_each(|line| line["t"] = json!(heal - 1));
    story.show(&["b1", "d1"], (24, 4, 5));
    assert_clean(&story.judge(), "the outcome of the unblock is unknown");
}

#[test]
fn what_a_cut_takes_back_moves_nobody() {
    let mut story = groups::story();
    let healed = story.line(|line| line["op"] == "heal")["t"].as_u64().unwrap();
    // A removal was told while the power went, and is gone: something else stands at its place.
    story.notice(106, 1, "removed", &[2]);
    story.apply("b1", 0x101, 0x103, &[(G, 10, 106)]);
    story.lines.last_mut().unwrap()["t"] = json!(healed - 30);
    story.ask("a1", 30, "remove_member", "ok", json!({"group": "50", "other": "2"}));
    story.of_request(30).into_iter().for_each(|line| line["t"] = json!(healed - 30));
    story.rebuild("b1", 0x103, 0x104, false, &groups::ALL[..2]);
    story.lines.last_mut().unwrap()["t"] = json!(healed - 10);
    story.nth("b1", "ok", "apply", 1)["base"] = json!(snap(0x104));
    story.lines.push(json!({"t": healed - 40, "t_end": healed - 20, "kind": "nemesis", "op": "powercut"}));
    assert_clean(&story.judge(), "a cut");
}
