//! A good history with everything that may lawfully happen in one: resends, kills of server and clients, a power
//! cut that an answer and a push race, sends of unknown outcome that were done and that were not, a lineage
//! that came later.

use serde_json::json;

use super::Story;

/// Users 1 and 2 (conversation 12) and 1 and 3 (conversation 13).
pub const LINEAGES: [(&str, u64); 5] = [("a1", 1), ("a2", 1), ("b1", 2), ("b2", 2), ("c1", 3)];

/// What everybody ends with: m1, m2, m3, m5, m9, m11 in conversation 12, and m4, m10 in 13.
pub const TWELVE: [(u64, u64, u64); 6] =
    [(12, 1, 1), (12, 2, 2), (12, 3, 3), (12, 4, 5), (12, 5, 9), (12, 6, 11)];
pub const THIRTEEN: [(u64, u64, u64); 2] = [(13, 1, 4), (13, 2, 10)];

pub fn story() -> Story {
    let mut story = Story::new(&LINEAGES);
    first_run(&mut story);
    clients_restart(&mut story);
    power_cut(&mut story);
    end(&mut story);
    story
}

fn first_run(story: &mut Story) {
    story.apply("b1", 0, 0x100, &[]);
    story.send("a1", 1, 2, 12, 1);
    story.apply("b1", 0x100, 0x101, &[(12, 1, 1)]);
    story.discard("b1");
    story.send("b1", 2, 1, 12, 2);
    story.apply("a1", 0, 0x201, &[(12, 1, 1), (12, 2, 2)]);
    // m3 is committed, the server dies before it answers, and the resend is answered twice.
    story.invoke("a1", 3, 2);
    story.nemesis(json!({"op": "kill9"}));
    story.info("a1", 3);
    story.nemesis(json!({"op": "restart"}));
    story.invoke("a1", 3, 2);
    story.ok("a1", 3, 12, 3);
    story.ok("a1", 3, 12, 3);
    story.send("a2", 4, 3, 13, 1);
    story.apply("a2", 0, 0x301, &[(12, 1, 1), (12, 2, 2)]);
    story.apply("a2", 0x301, 0x302, &[(12, 3, 3)]);
    story.apply("a2", 0x302, 0x303, &[(13, 1, 4)]);
    // m5 is done without its sender hearing of it; m6 never is; m7 is refused.
    story.invoke("b1", 5, 1);
    story.invoke("c1", 6, 1);
    story.info("b1", 5);
    story.info("c1", 6);
    story.invoke("b2", 7, 1);
    story.fail("b2", 7);
}

fn clients_restart(story: &mut Story) {
    // The line of b2's last apply, with m3, is lost with its process; its effect is not.
    story.apply("b2", 0, 0x401, &[(12, 1, 1), (12, 2, 2)]);
    story.client_restart("b2", 0x402);
    story.apply("b2", 0x402, 0x403, &[(12, 4, 5)]);
    // a2 comes back with an older store and is given again what it lacks.
    story.client_restart("a2", 0x301);
    story.apply("a2", 0x301, 0x302, &[(12, 3, 3)]);
    story.apply("a2", 0x302, 0x304, &[(13, 1, 4), (12, 4, 5)]);
    // b1 comes back with what it had.
    story.client_restart("b1", 0x101);
    story.apply("b1", 0x101, 0x102, &[(12, 2, 2), (12, 3, 3), (12, 4, 5)]);
}

fn power_cut(story: &mut Story) {
    // m8 is answered and pushed while the power goes, and is gone afterwards; so is the first answer to m11.
    story.invoke("a1", 8, 2);
    story.invoke("a1", 11, 2);
    let cut = story.nemesis(json!({"op": "powercut"}));
    story.ok("a1", 8, 12, 5);
    story.ok("a1", 11, 12, 6);
    story.apply("b1", 0x102, 0x103, &[(12, 5, 8)]);
    let end = story.nemesis(json!({"op": "restart"}));
    story.line(|line| line["t"] == cut)["t_end"] = json!(end);
    // b1's snapshot comes from a lost future: it is rebuilt, in two pages.
    story.rebuild("b1", 0x103, 0x104, true, &[(12, 1, 1), (12, 2, 2)]);
    story.rebuild("b1", 0x104, 0x105, false, &[(12, 3, 3), (12, 4, 5)]);
    story.send("b2", 9, 1, 12, 5);
    story.invoke("a1", 11, 2);
    story.ok("a1", 11, 12, 6);
    story.late_lineage("c2", 3);
    story.send("c1", 10, 1, 13, 2);
}

fn end(story: &mut Story) {
    story.nemesis(json!({"op": "heal"}));
    story.apply("a1", 0x201, 0x202, &[(12, 3, 3), (13, 1, 4), (12, 4, 5), (12, 5, 9)]);
    story.apply("a1", 0x202, 0x203, &[(12, 6, 11), (13, 2, 10)]);
    story.apply("a2", 0x304, 0x305, &[(12, 5, 9), (12, 6, 11), (13, 2, 10)]);
    story.apply("b1", 0x105, 0x106, &[(12, 5, 9), (12, 6, 11)]);
    story.apply("b2", 0x403, 0x404, &[(12, 5, 9), (12, 6, 11)]);
    story.apply("c1", 0, 0x501, &THIRTEEN);
    story.apply("c1", 0x501, 0x501, &[]);
    story.apply("c2", 0, 0x601, &[(13, 2, 10)]);
    for client in ["a1", "a2"] {
        story.dump(client, &[TWELVE.as_slice(), &THIRTEEN].concat());
    }
    for client in ["b1", "b2"] {
        story.dump(client, &TWELVE);
    }
    story.dump("c1", &THIRTEEN);
    story.dump("c2", &[(13, 2, 10)]);
}
