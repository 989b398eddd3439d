//! Random good histories are clean, and each random breakage of a known kind is flagged as exactly that.
//!
//! `CHECKER_SEED` begins elsewhere, `CHECKER_HISTORIES` tries more.

#![allow(clippy::unwrap_used)]

mod story;

use highwater_checker::Bucket;
use serde_json::{Value, json};
use story::world::World;
use story::{Shown, assert_clean, assert_only, id, snap, token};

/// Histories tried with each kind of breakage.
const HISTORIES: u64 = 30;

/// Breaks a history; false if it has nothing to break so.
type Breakage = fn(&mut World) -> bool;

const BREAKAGES: [(&str, Bucket, Breakage); 18] = [
    ("an acknowledged entry is missing", Bucket::Lost, lose),
    ("an acknowledged message is gone", Bucket::Lost, lose_everywhere),
    ("an entry has a second place", Bucket::Duplicated, duplicate_elsewhere),
    ("an entry stands twice", Bucket::Duplicated, duplicate_in_place),
    ("an entry is given again", Bucket::Duplicated, give_again),
    ("two entries change places", Bucket::Reordered, reorder_store),
    ("a message was sent after a later one", Bucket::Reordered, reorder_time),
    ("a token is made up", Bucket::Invented, invent_token),
    ("a sender is made up", Bucket::Invented, invent_sender),
    ("a refused message is there", Bucket::Invented, invent_refused),
    ("an unacknowledged entry is missing", Bucket::Unseen, unsee),
    ("a seq is left out", Bucket::Skipped, skip),
    ("a base is wrong", Bucket::Rewound, rewind_base),
    ("an answer is wrong", Bucket::Inconsistent, answer_wrongly),
    ("two tokens change places", Bucket::Inconsistent, swap_tokens),
    ("an entry goes to a stranger", Bucket::Leaked, leak),
    ("a dump is missing", Bucket::Stuck, drop_dump),
    ("a dump is not complete", Bucket::Stuck, do_not_sync),
];

#[test]
fn good_histories_are_clean() {
    let mut acknowledged = 0;
    for seed in seeds() {
        let world = World::new(seed);
        let verdict = world.story.judge();
        assert_clean(&verdict, &format!("seed {seed}"));
        assert_eq!(verdict.acknowledged, world.acknowledged.len() as u64, "seed {seed}");
        acknowledged += verdict.acknowledged;
    }
    assert!(acknowledged > HISTORIES, "the generator sends");
}

#[test]
fn every_breakage_is_flagged_as_what_it_is() {
    for (name, bucket, breakage) in BREAKAGES {
        let mut broken = 0;
        for seed in seeds() {
            let mut world = World::new(seed);
            if breakage(&mut world) {
                broken += 1;
                assert_only(&world.story.judge(), bucket, &format!("{name}, seed {seed}"));
            }
        }
        assert!(broken * 4 > seeds().count(), "{name}: applied to {broken} histories only");
    }
}

fn seeds() -> impl Iterator<Item = u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("CHECKER_SEED").unwrap_or(1);
    first..first + number("CHECKER_HISTORIES").unwrap_or(HISTORIES)
}

fn lose(world: &mut World) -> bool {
    remove_one(world, |world, message| world.acknowledged.contains(&message))
}

fn unsee(world: &mut World) -> bool {
    remove_one(world, |world, message| !world.acknowledged.contains(&message))
}

/// Takes one entry of a message that `which` picks out of one store.
fn remove_one(world: &mut World, which: fn(&World, u64) -> bool) -> bool {
    let shown: Vec<Shown> = world.done.iter().copied().filter(|shown| which(world, shown.2)).collect();
    let Some(&(_, _, message)) = world.random.pick(&shown) else {
        return false;
    };
    let holders: Vec<String> = holders(world, message);
    let holder = world.random.pick(&holders).unwrap().clone();
    world.story.store(&holder).retain(|entry| entry["token"] != token(message).as_str());
    true
}

fn lose_everywhere(world: &mut World) -> bool {
    let acknowledged = |shown: &&Shown| world.acknowledged.contains(&shown.2);
    let shown: Vec<Shown> = world.done.iter().filter(acknowledged).copied().collect();
    let Some(&(_, _, message)) = world.random.pick(&shown) else {
        return false;
    };
    world.story.hide(message, |_| true);
    true
}

fn duplicate_elsewhere(world: &mut World) -> bool {
    let Some((holder, (conversation, _, message))) = any_entry(world) else {
        return false;
    };
    let copy = (conversation, world.next_seq(conversation), message);
    world.story.append(&[&holder], copy);
    true
}

fn duplicate_in_place(world: &mut World) -> bool {
    let Some((holder, shown)) = any_entry(world) else {
        return false;
    };
    world.story.append(&[&holder], shown);
    true
}

fn give_again(world: &mut World) -> bool {
    let mut choices = Vec::new();
    for device in &world.devices {
        let mut before: Option<usize> = None;
        for (index, line) in world.story.lines.iter().enumerate() {
            if line["client"] != device.name.as_str() {
                continue;
            }
            if line["op"] == "client_restart" {
                before = None;
            } else if line["op"] == "apply" {
                choices.extend(before.filter(|_| line["rebuild"] == false).map(|before| (before, index)));
                before = Some(index);
            }
        }
    }
    choices.retain(|&(before, _)| !world.story.lines[before]["entries"].as_array().unwrap().is_empty());
    let Some(&(before, after)) = world.random.pick(&choices) else {
        return false;
    };
    let entry = world.story.lines[before]["entries"][0].clone();
    world.story.lines[after]["entries"].as_array_mut().unwrap().push(entry);
    true
}

fn reorder_store(world: &mut World) -> bool {
    let Some((holder, one, other)) = neighbours(world) else {
        return false;
    };
    world.story.store(&holder).swap(one, other);
    true
}

fn swap_tokens(world: &mut World) -> bool {
    let Some((holder, one, other)) = neighbours(world) else {
        return false;
    };
    let store = world.story.store(&holder);
    let seqs = (store[one]["seq"].clone(), store[other]["seq"].clone());
    store.swap(one, other);
    (store[one]["seq"], store[other]["seq"]) = seqs;
    true
}

fn reorder_time(world: &mut World) -> bool {
    let mut choices = Vec::new();
    for &(conversation, seq, earlier) in &world.done {
        let later = world.done.iter().filter(|later| later.0 == conversation && later.1 > seq);
        let later = later.filter(|later| world.acknowledged.contains(&later.2));
        choices.extend(later.map(|later| (earlier, later.2)));
    }
    let Some(&(earlier, later)) = world.random.pick(&choices) else {
        return false;
    };
    // The last answer: an earlier one may have raced a cut, or be that of a later resend.
    let answered = world.story.of_message("ok", later).last().unwrap()["t"].as_u64().unwrap();
    for invoke in world.story.of_message("invoke", earlier) {
        invoke["t"] = json!(answered + 1);
    }
    true
}

fn invent_token(world: &mut World) -> bool {
    let Some((holder, (conversation, _, message))) = any_entry(world) else {
        return false;
    };
    let mut entry = world.story.entry(&holder, (conversation, world.next_seq(conversation), message));
    entry["token"] = json!(token(world.random.next()));
    world.story.store(&holder).push(entry);
    true
}

fn invent_sender(world: &mut World) -> bool {
    let Some((holder, (_, _, message))) = any_entry(world) else {
        return false;
    };
    let users = world.users;
    let named = token(message);
    let entry = world.story.store(&holder).iter_mut().find(|entry| entry["token"] == named.as_str()).unwrap();
    let sender: u64 = entry["sender"].as_str().unwrap().parse().unwrap();
    entry["sender"] = json!((1 + sender % users).to_string());
    true
}

fn invent_refused(world: &mut World) -> bool {
    let Some(&message) = world.random.pick(&world.refused) else {
        return false;
    };
    let invoke = &world.story.of_message("invoke", message)[0];
    let number = |field: &str| invoke[field].as_str().unwrap().parse::<u64>().unwrap();
    let (client, conversation) =
        (invoke["client"].as_str().unwrap().to_owned(), World::conversation(number("user"), number("to")));
    let shown = (conversation, world.next_seq(conversation), message);
    world.story.append(&[&client], shown);
    true
}

fn skip(world: &mut World) -> bool {
    let Some(&(conversation, from, _)) = world.random.pick(&world.done) else {
        return false;
    };
    let conversation = conversation.to_string();
    let shift = |value: &mut Value| {
        let seq = value["seq"].as_u64().unwrap_or(0);
        if value["conversation"] == conversation.as_str() && seq >= from {
            value["seq"] = json!(seq + 1);
        }
    };
    world.story.all_entries().for_each(shift);
    world.story.lines.iter_mut().for_each(shift);
    true
}

fn rewind_base(world: &mut World) -> bool {
    let mut choices = Vec::new();
    for device in &world.devices {
        let mine = |line: &(usize, &Value)| {
            line.1["client"] == device.name.as_str()
                && (line.1["op"] == "apply" || line.1["op"] == "client_restart")
        };
        let lines: Vec<(usize, &Value)> = world.story.lines.iter().enumerate().filter(mine).collect();
        let continuing =
            lines.iter().skip(1).filter(|line| line.1["op"] == "apply" && line.1["rebuild"] == false);
        choices.extend(continuing.map(|line| line.0));
    }
    let Some(&index) = world.random.pick(&choices) else {
        return false;
    };
    world.story.lines[index]["base"] = json!(snap(world.random.next()));
    true
}

fn answer_wrongly(world: &mut World) -> bool {
    let shown: Vec<Shown> =
        world.done.iter().filter(|shown| world.acknowledged.contains(&shown.2)).copied().collect();
    let Some(&(_, seq, message)) = world.random.pick(&shown) else {
        return false;
    };
    let wrong = seq + 1 + world.random.below(3);
    *world.story.of_message("ok", message).last_mut().unwrap().get_mut("seq").unwrap() = json!(wrong);
    true
}

fn leak(world: &mut World) -> bool {
    let Some((holder, shown)) = any_entry(world) else {
        return false;
    };
    let pair = [shown.0 / 100, shown.0 % 100];
    let strangers: Vec<String> = world
        .devices
        .iter()
        .filter(|device| !pair.contains(&device.user))
        .map(|device| device.name.clone())
        .collect();
    let Some(stranger) = world.random.pick(&strangers).cloned() else {
        return false;
    };
    assert_ne!(holder, stranger);
    world.story.append(&[&stranger], shown);
    true
}

fn drop_dump(world: &mut World) -> bool {
    let names: Vec<String> = world.devices.iter().map(|device| device.name.clone()).collect();
    let name = world.random.pick(&names).unwrap();
    world.story.lines.retain(|line| line["op"] != "dump" || line["client"] != name.as_str());
    true
}

fn do_not_sync(world: &mut World) -> bool {
    let names: Vec<String> = world.devices.iter().map(|device| device.name.clone()).collect();
    let name = world.random.pick(&names).unwrap();
    world.story.nth(name, "ok", "dump", 0)["synced"] = json!(false);
    let store = world.story.store(name);
    store.truncate(store.len() / 2);
    true
}

/// The lineages that hold a message.
fn holders(world: &World, message: u64) -> Vec<String> {
    let token = token(message);
    let dumps = world.story.lines.iter().filter(|line| line["op"] == "dump");
    let holding = dumps.filter(|line| {
        line["entries"].as_array().unwrap().iter().any(|entry| entry["token"] == token.as_str())
    });
    holding.map(|line| line["client"].as_str().unwrap().to_owned()).collect()
}

/// One message that was done, and one lineage that holds it.
fn any_entry(world: &mut World) -> Option<(String, Shown)> {
    let shown = *world.random.pick(&world.done)?;
    let holders = holders(world, shown.2);
    let holder = world.random.pick(&holders)?.clone();
    assert!(!world.story.of_message("invoke", shown.2).is_empty(), "{} was sent", id(shown.2));
    Some((holder, shown))
}

/// Two entries of one conversation in one store, by index.
fn neighbours(world: &mut World) -> Option<(String, usize, usize)> {
    let names: Vec<String> = world.devices.iter().map(|device| device.name.clone()).collect();
    let mut choices = Vec::new();
    for name in names {
        let store = world.story.store(&name);
        for (one, entry) in store.iter().enumerate() {
            let same = |other: &(usize, &Value)| other.1["conversation"] == entry["conversation"];
            let next = store.iter().enumerate().skip(one + 1).find(same);
            choices.extend(next.map(|(other, _)| (name.clone(), one, other)));
        }
    }
    world.random.pick(&choices).cloned()
}
