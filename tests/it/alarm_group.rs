//! Alarms as messages of a bot in a group of operators: read once by a member, however often it was tried; a bot that cannot
//! speak there is said at the start and counted, and keeps no other channel from being told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use highwater::{
    actors::alarm_group::{Say, alarm_group},
    logic::{
        Principal,
        operation::{Request as Asked, Send, Target},
    },
    model::{DeviceId, Seq, UserId, retention::Retentions},
    monitor::alarms::{AlarmMessage, Telling},
};
use serde_json::{Value, json};

use crate::{
    alarm_mail::{guess_until, metric},
    alarms::is,
    contacts::done,
    full_disk::{SmallDisk, send_until_full},
    groups::{add, create, created},
    support::{
        AlarmSink, Home, OldStore, Person, Server, Wire, dump, eventually, requests, slow_disk::SlowDisk,
    },
};

/// Minutes long enough for something to be done between two tries.
const FLAGS: &[&str] = &["--dev", "--monitor-minute-ms", "2000"];
const SERVER: &str =
    "[server]\nworkers = 2\n[storage]\nsegment_bytes = 16777216\nindex_cache_bytes = 8388608\n";
const RULES: &str = "[alarms.rules.sign_ins_refused]\nbound = 0\n";
const NAME: &str = "sign_ins_refused";
const NOT_TOLD: &str = "the group of operators was not told of alarms";

/// A group of operators, with a bot that is no member yet.
struct Founded {
    ann: Person,
    bot: u64,
    group: u64,
}

async fn found(home: &Home) -> Founded {
    let server = home.start();
    let [ann] = server.people(1).await;
    let made = server.operate("POST", "/v1/bots", &json!({ "name": "watch" }).to_string()).await;
    let made: Value = serde_json::from_slice(&made.body).unwrap();
    let bot = made["user_id"].as_str().unwrap().parse().unwrap();
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut wire, create(1, "Operators", &[])).await;
    assert!(server.stop().status.success());
    Founded { ann, bot, group }
}

impl Founded {
    /// The same data, told in a group by a bot; `more` stands in `[alarms]`, too.
    fn told_in(&self, home: &Home, more: &str) -> Home {
        told_in(home, &format!("{more}group = \"{}\"\nbot = \"watch\"\n", self.group))
    }

    async fn let_the_bot_in(&self, server: &Server) {
        let mut wire = Wire::greeted(server, self.ann.token()).await;
        done(&mut wire, add(self.group, &[self.bot])).await;
    }

    /// What the bot has said of the alarm in the group, as a device of a member reads it: that it begins, and that it is
    /// over. That it goes on is said or not, by what a minute had when the server stopped.
    async fn read(&self, server: &Server) -> Vec<String> {
        let replica = dump(server, self.ann.token()).await;
        let texts = replica.all_texts();
        // To a device of the first level a group is a contact, whose messages begin with the speaker's name.
        let said = texts.iter().filter_map(|text| text.strip_prefix("watch: "));
        let is_head = |line: &&str| {
            line.ends_with(NAME) && !line.contains("highwater admin") && !line.starts_with("still ")
        };
        said.flat_map(|text| text.lines().filter(is_head)).map(ToOwned::to_owned).collect()
    }

    async fn reads(&self, server: &Server, expected: &[&str]) {
        eventually("it is read", || async { (self.read(server).await == expected).then_some(()) }).await;
    }
}

fn told_in(home: &Home, alarms: &str) -> Home {
    let section = if alarms.starts_with('[') { "" } else { "[alarms]\n" };
    Home::new(&format!("{SERVER}{section}{alarms}{RULES}"), FLAGS).with_data(home.data())
}

async fn logged(server: &Server, text: &str) {
    eventually(text, || async { server.log().contains(text).then_some(()) }).await;
}

async fn counted(server: &Server, outcome: &str, count: u64) {
    let line = format!("alarm_deliveries_total{{channel=\"group\",outcome=\"{outcome}\"}} {count}");
    eventually(&line, || async { metric(server, &line).await.then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_reads_an_alarm_once_though_it_was_tried_twice_and_the_server_restarted() {
    let home = Home::new(SERVER, FLAGS);
    let founded = found(&home).await;
    let home = founded.told_in(&home, "");
    let server = home.start();
    logged(&server, "alarms.bot does not belong to alarms.group").await;
    guess_until(&server, || server.log().contains(NOT_TOLD)).await;
    assert!(server.log().contains("no_such_conversation"), "it says why");
    founded.let_the_bot_in(&server).await;
    founded.reads(&server, &["warning: sign_ins_refused"]).await;
    counted(&server, "delivered", 1).await;
    // It still fires, or is over: it does not begin again.
    assert!(server.stop().status.success());
    let server = home.start();
    let both = ["warning: sign_ins_refused", "over: sign_ins_refused"];
    founded.reads(&server, &both).await;
    server.kill();
    let server = home.start();
    is(&server, NAME, "quiet").await;
    assert_eq!(founded.read(&server).await, both);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_stored_and_not_heard_of_is_no_second_one() {
    let disk = match SlowDisk::new() {
        Ok(disk) => disk,
        Err(why) => {
            println!("skipped: a_message_that_was_stored_and_not_heard_of_is_no_second_one: {why}");
            return;
        }
    };
    let home = Home::new(SERVER, FLAGS);
    let founded = found(&home).await;
    let home = founded.told_in(&home, "");
    let server = disk.start(&home);
    founded.let_the_bot_in(&server).await;
    // Longer than a message is waited for.
    disk.slow_down(Duration::from_millis(11_500));
    guess_until(&server, || server.log().contains("alarm: many sign-ins are refused")).await;
    logged(&server, "unknown_outcome").await;
    disk.recover();
    founded.reads(&server, &["warning: sign_ins_refused", "over: sign_ins_refused"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_cannot_speak_is_said_and_counted_and_others_are_told() {
    let home = Home::new(SERVER, FLAGS);
    let founded = found(&home).await;
    let (group, person) = (founded.group, &founded.ann.name);
    for (group, bot, expected) in [
        (1, "watch", "there is no conversation alarms.group"),
        (group, "nobody-at-all", "nobody has the name of alarms.bot"),
        (group, person, "alarms.bot is no bot"),
    ] {
        let home = told_in(&home, &format!("group = \"{group}\"\nbot = \"{bot}\"\n"));
        let server = home.start();
        logged(&server, expected).await;
    }
    let sink = AlarmSink::start();
    let home = founded.told_in(&home, &sink.config());
    let server = home.start();
    founded.let_the_bot_in(&server).await;
    let suspend = json!({ "user": "watch", "suspended": true }).to_string();
    assert_eq!(server.operate("POST", "/v1/suspend", &suspend).await.status, 204);
    guess_until(&server, || server.log().contains(NOT_TOLD)).await;
    assert_eq!(sink.states_of(NAME), ["firing"], "the webhook does not wait for the group");
    counted(&server, "failed", 1).await;
    assert!(server.log().contains("account_suspended"), "it says why");
    assert_eq!(founded.read(&server).await, [""; 0]);
    assert!(server.stop().status.success());
    let server = home.start();
    logged(&server, "alarms.bot is suspended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_disk_takes_is_told_by_others_and_in_the_group_when_there_is_space() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => {
            println!(
                "skipped: what_no_disk_takes_is_told_by_others_and_in_the_group_when_there_is_space: {why}"
            );
            return;
        }
    };
    let home = Home::new(SERVER, FLAGS).with_data(&disk.data());
    let founded = found(&home).await;
    let sink = AlarmSink::start();
    let home = founded.told_in(&home, &sink.config());
    let server = home.start();
    founded.let_the_bot_in(&server).await;
    // Its lineage begins with a write.
    assert_eq!(founded.read(&server).await, [""; 0]);
    disk.fill();
    // What is reserved of the log is used up first.
    let mut wire = Wire::greeted(&server, founded.ann.token()).await;
    let day = requests::today(&mut wire).await;
    let to = highwater_wire::proto::send::To::ConversationId(founded.group);
    let send = |_| requests::send(to.clone(), day, &"x".repeat(4000));
    send_until_full(&mut wire, &send, &mut Vec::new()).await;
    guess_until(&server, || server.log().contains("storage_full")).await;
    assert_eq!(sink.states_of(NAME), ["firing"], "the webhook needs no disk");
    disk.make_space();
    founded.reads(&server, &["warning: sign_ins_refused", "over: sign_ins_refused"]).await;
}

/// Processes that tell the same, one after the other, on one store.
#[test]
fn what_another_process_told_is_recognised_for_a_week() {
    let home = Home::new(SERVER, FLAGS);
    let mut store = OldStore::begun(&home, 30, Retentions::default());
    let (ann, bob) = (store.person("ann"), store.person("bob"));
    let (first, store) = (store.say(&ann, &bob, "before"), Arc::new(Mutex::new(store)));
    let by = Principal { user: UserId(ann.user_id), device: DeviceId(ann.devices[0].device_id) };
    let told = |at_ms| Telling {
        alarm: "disk_low",
        state: "firing",
        severity: "warning",
        says: "little is left",
        value: 1,
        bound: 2,
        unit: "%",
        begun_ms: at_ms,
        at_ms,
    };
    let at_ms = i64::from(first.send.day.0) * 86_400_000 + 5_000;
    let process_tells = |value| {
        let (speaking, dated) = (Arc::clone(&store), Arc::clone(&store));
        let say: Say = Arc::new(move |message: &AlarmMessage| {
            let AlarmMessage { id, day, text } = message.clone();
            let (to, content) = (Target::User(UserId(bob.user_id)), text.as_str().into());
            let send = Send { by, to, id, day, content, shown: Seq(0) };
            speaking.lock().unwrap().try_decide(Asked::Send(send)).map(drop)
        });
        let carrier = alarm_group(say, move || dated.lock().unwrap().today());
        assert!(carrier(&[Telling { value, ..told(at_ms) }])(), "it is told");
    };
    let last = || store.lock().unwrap().say(&ann, &bob, "and now?").seq.0;
    process_tells(1);
    process_tells(1);
    assert_eq!(last(), 3, "one message");
    store.lock().unwrap().pass_days(6);
    process_tells(1);
    process_tells(2);
    assert_eq!(last(), 4, "another figure is another text, and the same alarm");
    store.lock().unwrap().pass_days(1);
    process_tells(1);
    assert_eq!(last(), 6, "by now nothing is remembered of that day");
}
