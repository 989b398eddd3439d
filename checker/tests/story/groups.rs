//! A good history of one group: made, added to, left, joined again, renamed; with a send and a request whose outcome
//! nobody heard, and a kill.

use serde_json::json;

use super::{Shown, Story};

/// The group.
pub const G: u64 = 50;
/// Users 1, 2 and 3 make it; 4 comes and goes; 5 never belongs to it.
pub const LINEAGES: [(&str, u64); 6] = [("a1", 1), ("a2", 1), ("b1", 2), ("c1", 3), ("d1", 4), ("e1", 5)];

/// Messages are m1 to m6, notices have numbers from 100.
pub const ALL: [Shown; 12] = [
    (G, 1, 100),
    (G, 2, 1),
    (G, 3, 101),
    (G, 4, 2),
    (G, 5, 102),
    (G, 6, 3),
    (G, 7, 103),
    (G, 8, 4),
    (G, 9, 104),
    (G, 10, 5),
    (G, 11, 6),
    (G, 12, 105),
];

pub fn story() -> Story {
    let mut story = Story::new(&LINEAGES);
    beginning(&mut story);
    changes(&mut story);
    end(&mut story);
    story
}

fn beginning(story: &mut Story) {
    // User 5 blocks user 1, who cannot add him.
    story.ask("e1", 20, "block", "ok", json!({"other": "1"}));
    story.ask("a1", 1, "create_group", "ok", json!({"users": ["2", "3"], "made": G.to_string()}));
    story.notice(100, 1, "created", &[2, 3]);
    story.send_to_group("a1", 1, G, 2);
    story.apply("b1", 0, 0x101, &ALL[..2]);
    story.ask("a1", 2, "add_members", "ok", json!({"group": "50", "users": ["4"]}));
    story.notice(101, 1, "joined", &[4]);
    // m2 is committed, the server dies before it answers, and the resend is answered.
    story.invoke_to_group("b1", 2, G);
    story.nemesis(json!({"op": "kill9"}));
    story.info("b1", 2);
    story.nemesis(json!({"op": "restart"}));
    story.invoke_to_group("b1", 2, G);
    story.ok("b1", 2, G, 4);
    story.apply("d1", 0, 0x401, &ALL[2..4]);
}

fn changes(story: &mut Story) {
    story.ask("c1", 3, "leave_group", "ok", json!({"group": "50"}));
    story.notice(102, 3, "left", &[]);
    story.apply("c1", 0, 0x301, &ALL[..5]);
    story.send_to_group("d1", 3, G, 6);
    story.ask("a1", 4, "add_members", "ok", json!({"group": "50", "users": ["3"]}));
    story.notice(103, 1, "joined", &[3]);
    story.send_to_group("c1", 4, G, 8);
    story.ask("a2", 5, "remove_member", "info", json!({"group": "50", "other": "4"}));
    story.notice(104, 1, "removed", &[4]);
    story.send_to_group("b1", 5, G, 10);
    story.invoke_to_group("b1", 6, G);
    story.info("b1", 6);
    story.ask("a1", 6, "change_group", "ok", json!({"group": "50"}));
    story.notice(105, 1, "renamed", &[]);
    story.ask("a1", 7, "add_members", "fail", json!({"group": "50", "users": ["5"]}));
}

fn end(story: &mut Story) {
    story.nemesis(json!({"op": "heal"}));
    story.apply("a1", 0, 0x201, &ALL);
    story.apply("a2", 0, 0x202, &ALL);
    story.apply("b1", 0x101, 0x102, &ALL[2..]);
    story.apply("c1", 0x301, 0x302, &ALL[6..]);
    story.apply("d1", 0x401, 0x402, &ALL[4..9]);
    for client in ["a1", "a2", "b1"] {
        story.dump(client, &ALL);
    }
    story.dump("c1", &[&ALL[..5], &ALL[6..]].concat());
    story.dump("d1", &ALL[2..9]);
    story.dump("e1", &[]);
}
