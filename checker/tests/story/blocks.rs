//! A good history of two users, of whom one blocks the other, takes him back, and blocks him again.

use serde_json::json;

use super::{Shown, Story};

/// m1, m3 and m4; m2 was refused, and nobody heard of m5 again.
pub const ALL: [Shown; 3] = [(24, 1, 1), (24, 2, 3), (24, 3, 4)];

pub fn story() -> Story {
    let mut story = Story::new(&[("b1", 2), ("d1", 4)]);
    story.send("d1", 1, 2, 24, 1);
    story.ask("b1", 1, "block", "ok", json!({"other": "4"}));
    story.invoke("d1", 2, 2);
    story.fail("d1", 2);
    // Who blocks may still write.
    story.send("b1", 3, 4, 24, 2);
    story.apply("b1", 0, 0x1, &ALL[..2]);
    story.apply("d1", 0, 0x1, &ALL[..2]);
    story.ask("b1", 2, "unblock", "ok", json!({"other": "4"}));
    story.send("d1", 4, 2, 24, 3);
    story.ask("b1", 3, "block", "ok", json!({"other": "4"}));
    story.invoke("d1", 5, 2);
    story.info("d1", 5);
    story.nemesis(json!({"op": "heal"}));
    for client in ["b1", "d1"] {
        story.apply(client, 0x1, 0x2, &ALL[2..]);
        story.dump(client, &ALL);
    }
    story
}
