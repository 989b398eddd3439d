//! A good history of a channel that is made, followed, left and followed again, with a follow and a kill whose outcome nobody
//! heard; and of a group that becomes a channel, and a group again.

use serde_json::json;

use super::{Shown, Story};

/// The channel.
pub const C: u64 = 60;
/// The group that turns.
pub const T: u64 = 70;
/// User 1 owns both; 2 and 3 come and go; 4 never follows; 5 is blocked by the owner.
pub const LINEAGES: [(&str, u64); 6] = [("a1", 1), ("a2", 1), ("b1", 2), ("c1", 3), ("d1", 4), ("e1", 5)];

/// Messages are m1 to m6, notices have numbers from 100.
pub const POSTS: [Shown; 8] =
    [(C, 1, 100), (C, 2, 1), (C, 3, 2), (C, 4, 101), (C, 5, 3), (C, 6, 4), (C, 7, 5), (C, 8, 6)];
/// Messages are m10 to m13.
pub const TURNED: [Shown; 8] =
    [(T, 1, 110), (T, 2, 10), (T, 3, 111), (T, 4, 11), (T, 5, 112), (T, 6, 12), (T, 7, 113), (T, 8, 13)];

pub fn story() -> Story {
    let mut story = Story::new(&LINEAGES);
    channel(&mut story);
    turns(&mut story);
    end(&mut story);
    story
}

fn channel(story: &mut Story) {
    let of = || json!({"group": C.to_string()});
    story.ask("a1", 1, "block", "ok", json!({"other": "5"}));
    story.ask("a1", 2, "create_channel", "ok", json!({"made": C.to_string()}));
    story.notice(100, 1, "created", &[]);
    story.send_to_group("a1", 1, C, 2);
    story.ask("b1", 3, "follow", "ok", of());
    story.send_to_group("a1", 2, C, 3);
    // The server dies before it answers; nobody knows from when on user 3 follows.
    story.ask("c1", 4, "follow", "info", of());
    story.nemesis(json!({"op": "kill9"}));
    story.nemesis(json!({"op": "restart"}));
    story.ask("a1", 5, "change_group", "ok", of());
    story.notice(101, 1, "role_given", &[2]);
    story.send_to_group("b1", 3, C, 5);
    story.ask("c1", 6, "follow", "ok", of());
    story.send_to_group("a1", 4, C, 6);
    story.invoke_to_group("c1", 7, C);
    story.fail("c1", 7);
    story.ask("b1", 7, "unfollow", "ok", of());
    story.send_to_group("a2", 5, C, 7);
    story.ask("b1", 8, "follow", "ok", of());
    story.send_to_group("a1", 6, C, 8);
    story.ask("e1", 9, "follow", "fail", of());
}

fn turns(story: &mut Story) {
    let of = || json!({"group": T.to_string()});
    story.ask("a1", 20, "create_group", "ok", json!({"users": ["2"], "made": T.to_string()}));
    story.notice(110, 1, "created", &[2]);
    story.send_to_group("b1", 10, T, 2);
    story.ask("a1", 21, "turn_group", "ok", of());
    story.notice(111, 1, "other", &[]);
    story.ask("c1", 22, "follow", "ok", of());
    story.send_to_group("a1", 11, T, 4);
    story.ask("a1", 23, "turn_group", "ok", of());
    story.notice(112, 1, "other", &[]);
    story.send_to_group("c1", 12, T, 6);
    story.ask("c1", 24, "leave_group", "ok", of());
    story.notice(113, 3, "left", &[]);
    story.send_to_group("b1", 13, T, 8);
}

fn end(story: &mut Story) {
    story.nemesis(json!({"op": "heal"}));
    let all = [POSTS.as_slice(), &TURNED].concat();
    for client in ["a1", "a2"] {
        story.apply(client, 0, 0x1, &all);
        story.dump(client, &all);
    }
    let of_b = [&POSTS[2..6], &POSTS[7..], &TURNED].concat();
    story.apply("b1", 0, 0x1, &of_b);
    story.dump("b1", &of_b);
    let of_c = [&POSTS[4..], &TURNED[3..7]].concat();
    story.apply("c1", 0, 0x1, &of_c);
    story.dump("c1", &of_c);
    for client in ["d1", "e1"] {
        story.dump(client, &[]);
    }
}
