//! A good history of channels broken by hand, once for each rule: exactly the bucket meant is flagged, and no other.

#![allow(clippy::unwrap_used)]

mod story;

use highwater_checker::{Bucket, Tried};
use serde_json::json;
use story::channels::{C, T, story};
use story::{Story, assert_clean, assert_only};

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

broken! {
    leaked_to_one_who_never_followed: Leaked, |s| s.show(&["d1"], (C, 3, 2));
    leaked_notice: Leaked, |s| s.show(&["d1"], (C, 4, 101));
    leaked_from_before_the_follow: Leaked, |s| s.show(&["b1"], (C, 2, 1));
    leaked_from_between_two_follows: Leaked, |s| s.show(&["b1"], (C, 7, 5));
    leaked_in_passing: Leaked, |s| {
        let entry = s.entry("b1", (C, 7, 5));
        s.nth("b1", "ok", "apply", 0)["entries"].as_array_mut().unwrap().insert(4, entry);
    };
    leaked_to_one_who_left_what_was_a_channel: Leaked, |s| s.show(&["c1"], (T, 8, 13));
    leaked_from_before_the_channel_was_followed: Leaked, |s| s.show(&["c1"], (T, 2, 10));
    leaked_follow_of_the_blocked: Leaked, |s| {
        let answer = s.of_request(9).pop().unwrap();
        answer["kind"] = json!("ok");
    };
    partial_post: Partial, |s| s.hide(4, |line| line["op"] == "dump" && line["client"] == "b1");
    partial_post_for_one_whose_follow_was_asked_twice: Partial, |s| s.hide(5, |line| line["client"] == "c1");
    partial_between_devices: Partial, |s| s.hide(5, |line| line["client"] == "a2");
    partial_notice_between_two_posts: Partial, |s| s.hide(101, |line| line["client"] == "b1");
    partial_after_the_turn: Partial, |s| s.hide(12, |line| line["client"] == "b1");
    partial_before_the_turn_back: Partial, |s| s.hide(11, |line| line["client"] == "b1");
    lost_for_every_follower: Lost, |s| s.hide(4, |_| true);
    unseen_by_one_follower: Unseen, |s| {
        s.of_message("ok", 6)[0]["kind"] = json!("info");
        s.hide(6, |line| line["client"] == "b1");
    };
    invented_post_of_one_who_may_not: Invented, |s| s.show(&["a1", "a2"], (C, 9, 7));
    duplicated_in_one_store: Duplicated, |s| s.show(&["b1"], (C, 5, 3));
    duplicated_along_a_chain: Duplicated, |s| {
        let entry = s.entry("b1", (C, 8, 6));
        s.nth("b1", "ok", "apply", 0)["entries"].as_array_mut().unwrap().push(entry);
    };
    duplicated_at_two_places: Duplicated, |s| s.show(&["a1"], (C, 9, 6));
    reordered_store: Reordered, |s| s.store("b1").swap(0, 1);
    reordered_page: Reordered, |s| {
        s.nth("c1", "ok", "apply", 0)["entries"].as_array_mut().unwrap().swap(1, 2);
    };
    reordered_in_real_time: Reordered, |s| {
        let answered = s.of_message("ok", 4)[0]["t"].as_u64().unwrap();
        s.of_message("invoke", 3)[0]["t"] = json!(answered + 1);
    };
    inconsistent_orders: Inconsistent, |s| {
        let (one, other) = (s.entry("b1", (C, 6, 3)), s.entry("b1", (C, 5, 4)));
        (s.store("b1")[2], s.store("b1")[3]) = (other, one);
    };
    skipped_inside_a_follow: Skipped, |s| s.shift(C, 5);
    skipped_behind_the_turn: Skipped, |s| s.shift(T, 4);
}

#[test]
fn the_good_story_is_clean() {
    let verdict = story().judge();
    assert_clean(&verdict, "channels");
    let tried = Tried {
        blocks: 1,
        channels: 2,
        posts: 10,
        posts_owed: 23,
        posts_withheld: 26,
        follows: 4,
        unfollows: 1,
        turns: 2,
        ..Tried::default()
    };
    assert_eq!(verdict.tried, tried);
}

#[test]
fn what_a_page_named_is_not_missing() {
    let mut story = story();
    story.hide(4, |line| line["client"] == "b1");
    let gap = json!({"conversation": C.to_string(), "from": 6, "to": 6});
    story.nth("b1", "ok", "apply", 0)["gaps"] = json!([gap]);
    assert_clean(&story.judge(), "the post was named");
    story.nth("b1", "ok", "apply", 0)["gaps"][0]["to"] = json!(5);
    assert_only(&story.judge(), Bucket::Partial, "another one was named");
}

#[test]
fn of_a_follow_that_nobody_heard_of_nothing_is_concluded() {
    let mut with = story();
    with.show(&["c1"], (C, 4, 101));
    let entry = with.entry("c1", (C, 4, 101));
    with.nth("c1", "ok", "apply", 0)["entries"].as_array_mut().unwrap().insert(0, entry);
    assert_clean(&with.judge(), "the first request may have been done");
    let mut without = story();
    without.hide(3, |line| line["client"] == "c1");
    assert_clean(&without.judge(), "or the second one alone");
    without.of_request(4)[1]["kind"] = json!("ok");
    assert_only(&without.judge(), Bucket::Partial, "it was done");
    with.of_request(4)[1]["kind"] = json!("fail");
    with.show(&["c1"], (C, 3, 2));
    assert_only(&with.judge(), Bucket::Leaked, "it was not");
}

#[test]
fn a_channel_that_nobody_heard_of_being_made_is_its_owners_all_the_same() {
    let mut story = story();
    story.of_request(2)[1]["kind"] = json!("info");
    assert_clean(&story.judge(), "the answer was lost");
}
