//! A good history of devices that end: one by its user's word, one by the operator's, and one that comes in its place.

use serde_json::json;

use super::{Shown, Story};

pub const ALL: [Shown; 4] = [(12, 1, 1), (12, 2, 2), (12, 3, 3), (12, 4, 4)];

pub fn story() -> Story {
    let mut story = Story::new(&[("a1", 1), ("a2", 1), ("a3", 1), ("b1", 2), ("b2", 2)]);
    story.send("b1", 1, 1, 12, 1);
    story.apply("a3", 0, 0x301, &ALL[..1]);
    story.ask("a1", 1, "end_device", "ok", json!({"ends": "a3"}));
    story.send("b1", 2, 1, 12, 2);
    story.apply("b2", 0, 0x201, &ALL[..2]);
    let begun = story.nemesis(json!({"op": "device_ended", "client": "b2"}));
    story.now = begun;
    let done = story.nemesis(json!({"op": "other"}));
    story.line(|line| line["t"] == begun)["t_end"] = json!(done);
    story.send("b1", 3, 1, 12, 3);
    story.late_lineage("b3", 2);
    story.send("a1", 4, 2, 12, 4);
    story.nemesis(json!({"op": "heal"}));
    for client in ["a1", "a2", "b1"] {
        story.apply(client, 0, 0x1, &ALL);
        story.dump(client, &ALL);
    }
    story.apply("b3", 0, 0x1, &ALL[3..]);
    story.dump("b3", &ALL[3..]);
    story
}
