//! A good history of a user who is erased: who wrote to one user and to a group, had a send on its way, and is told of in both.

use serde_json::json;

use super::{Shown, Story};

/// The group of users 1, 2 and 3; user 3 is erased. The conversation of 1 and 3 is 13.
pub const G: u64 = 50;
pub const LINEAGES: [(&str, u64); 5] = [("a1", 1), ("a2", 1), ("b1", 2), ("c1", 3), ("c2", 3)];

/// As it was before: m4 stood at 13/3, and nobody was shown it.
pub const BEFORE: [Shown; 4] = [(13, 1, 1), (13, 2, 2), (G, 1, 100), (G, 2, 3)];
/// What stands in place of m1, m4 and m3 afterwards: 201, 204 and 203.
pub const TWO: [Shown; 4] = [(13, 1, 201), (13, 2, 2), (13, 3, 204), (13, 4, 101)];
pub const GROUP: [Shown; 4] = [(G, 1, 100), (G, 2, 203), (G, 3, 102), (G, 4, 5)];

pub fn story() -> Story {
    let mut story = Story::new(&LINEAGES);
    story.send("c1", 1, 1, 13, 1);
    story.send("a1", 2, 3, 13, 2);
    story.ask("a1", 1, "create_group", "ok", json!({"users": ["2", "3"], "made": G.to_string()}));
    story.notice(100, 1, "created", &[2, 3]);
    story.send_to_group("c2", 3, G, 2);
    story.apply("a1", 0, 0x1, &BEFORE);
    story.apply("c1", 0, 0x1, &BEFORE);
    story.invoke("c1", 4, 1);
    let begun = story.nemesis(json!({"op": "user_erased", "user": "3"}));
    story.now = begun;
    let done = story.nemesis(json!({"op": "other"}));
    story.line(|line| line["t"] == begun)["t_end"] = json!(done);
    story.nemesis(json!({"op": "kill9"}));
    story.nemesis(json!({"op": "restart"}));
    for number in [201, 203, 204] {
        story.erased(number, 3);
    }
    story.notice(101, 3, "account_erased", &[]);
    story.notice(102, 3, "account_erased", &[]);
    story.send_to_group("a1", 5, G, 4);
    story.nemesis(json!({"op": "heal"}));
    story.apply("a1", 0x1, 0x2, &[&TWO[2..], &GROUP[2..]].concat());
    let all = [TWO, GROUP].concat();
    story.apply("a2", 0, 0x1, &all);
    story.apply("b1", 0, 0x1, &GROUP);
    story.read("a1", &all);
    story.read("b1", &GROUP);
    story.export("a1", &[2, 5]);
    for client in ["a1", "a2"] {
        story.dump(client, &all);
    }
    story.dump("b1", &GROUP);
    story
}
