//! A history written by hand, line by line, and judged through real files.

#![allow(clippy::unwrap_used, dead_code)]

pub mod blocks;
pub mod channels;
pub mod endings;
pub mod erasures;
pub mod good;
pub mod groups;
pub mod world;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use highwater_checker::{Bucket, HistoryError, Verdict, check};
use serde_json::{Value, json};

/// Nanoseconds between two lines.
pub const TICK: u64 = 100;

/// Message `message` at a place.
pub type Shown = (u64, u64, u64);

/// Lines in order of time. Messages are small numbers; ids and tokens follow from them.
#[derive(Clone)]
pub struct Story {
    pub lines: Vec<Value>,
    pub now: u64,
    users: HashMap<String, u64>,
    senders: HashMap<u64, u64>,
    notices: HashMap<u64, Value>,
}

impl Story {
    /// All `lineages` (name, user) are live from the beginning.
    pub fn new(lineages: &[(&str, u64)]) -> Self {
        let users = lineages.iter().map(|&(name, user)| (name.to_owned(), user)).collect();
        let mut story =
            Self { lines: Vec::new(), now: 0, users, senders: HashMap::new(), notices: HashMap::new() };
        let devices: Vec<Value> =
            lineages.iter().map(|&(name, user)| json!({"client": name, "user": user.to_string()})).collect();
        story.nemesis(json!({"op": "devices", "lineages": devices}));
        story
    }

    /// A lineage that is not live from the beginning.
    pub fn late_lineage(&mut self, name: &str, user: u64) {
        self.users.insert(name.to_owned(), user);
    }

    pub fn nemesis(&mut self, mut line: Value) -> u64 {
        self.now += TICK;
        line["t"] = json!(self.now);
        line["kind"] = json!("nemesis");
        self.lines.push(line);
        self.now
    }

    pub fn invoke(&mut self, client: &str, message: u64, to: u64) {
        self.senders.insert(message, self.users[client]);
        let line = json!({"op": "send", "id": id(message), "to": to.to_string(), "token": token(message)});
        self.say(client, "invoke", line);
    }

    pub fn ok(&mut self, client: &str, message: u64, conversation: u64, seq: u64) {
        let conversation = conversation.to_string();
        self.say(
            client,
            "ok",
            json!({"op": "send", "id": id(message), "conversation": conversation, "seq": seq}),
        );
    }

    /// Sent and acknowledged at once.
    pub fn send(&mut self, client: &str, message: u64, to: u64, conversation: u64, seq: u64) {
        self.invoke(client, message, to);
        self.ok(client, message, conversation, seq);
    }

    pub fn fail(&mut self, client: &str, message: u64) {
        self.say(client, "fail", json!({"op": "send", "id": id(message), "code": 403}));
    }

    pub fn info(&mut self, client: &str, message: u64) {
        self.say(client, "info", json!({"op": "send", "id": id(message)}));
    }

    pub fn apply(&mut self, client: &str, base: u64, snapshot: u64, shown: &[Shown]) {
        let entries = self.entries(client, shown);
        let line = json!({"op": "apply", "base": snap(base), "snapshot": snap(snapshot), "cause": "sync",
            "rebuild": false, "gap": false, "more": false, "entries": entries});
        self.say(client, "ok", line);
    }

    pub fn rebuild(&mut self, client: &str, base: u64, snapshot: u64, more: bool, shown: &[Shown]) {
        self.apply(client, base, snapshot, shown);
        let line = self.lines.last_mut().unwrap();
        line["rebuild"] = json!(true);
        line["more"] = json!(more);
    }

    pub fn discard(&mut self, client: &str) {
        self.say(client, "info", json!({"op": "discard", "base": snap(u64::MAX)}));
    }

    pub fn client_restart(&mut self, client: &str, snapshot: u64) {
        self.nemesis(json!({"op": "client_restart", "client": client, "snapshot": snap(snapshot)}));
    }

    pub fn dump(&mut self, client: &str, shown: &[Shown]) {
        let entries = self.entries(client, shown);
        self.say(client, "ok", json!({"op": "dump", "synced": true, "entries": entries}));
    }

    /// The entry of a message as `client` would write it.
    pub fn entry(&self, client: &str, (conversation, seq, message): Shown) -> Value {
        if let Some(notice) = self.notices.get(&message) {
            let mut entry = notice.clone();
            entry["conversation"] = json!(conversation.to_string());
            entry["seq"] = json!(seq);
            return entry;
        }
        let sender = self.senders[&message];
        let mut entry = json!({"conversation": conversation.to_string(), "seq": seq,
            "sender": sender.to_string(), "token": token(message)});
        if sender == self.users[client] {
            entry["id"] = json!(id(message));
        }
        entry
    }

    /// The first line that `which` picks.
    pub fn line(&mut self, which: impl Fn(&Value) -> bool) -> &mut Value {
        self.lines.iter_mut().find(|line| which(line)).expect("the story has such a line")
    }

    /// The `nth` line (from 0) of this client, kind and op.
    pub fn nth(&mut self, client: &str, kind: &str, op: &str, nth: usize) -> &mut Value {
        let mine = |line: &&mut Value| line["client"] == client && line["kind"] == kind && line["op"] == op;
        self.lines.iter_mut().filter(mine).nth(nth).expect("the story has such a line")
    }

    /// The lines of one message: all its invocations, or all its answers.
    pub fn of_message(&mut self, kind: &str, message: u64) -> Vec<&mut Value> {
        let id = id(message);
        self.lines.iter_mut().filter(|line| line["kind"] == kind && line["id"] == id.as_str()).collect()
    }

    /// The entries in the dump of a client.
    pub fn store(&mut self, client: &str) -> &mut Vec<Value> {
        self.nth(client, "ok", "dump", 0)["entries"].as_array_mut().unwrap()
    }

    /// Takes a message or notice out of all applies and dumps that `which` picks.
    pub fn hide(&mut self, message: u64, which: impl Fn(&Value) -> bool) {
        let (token, notice) = (token(message), self.notices.get(&message).cloned());
        let is_it = |entry: &Value| match &notice {
            Some(notice) => ["notice", "sender", "users"].iter().all(|field| entry[field] == notice[field]),
            None => entry["token"] == token.as_str(),
        };
        for line in self.lines.iter_mut().filter(|line| which(line)) {
            if let Some(entries) = line["entries"].as_array_mut() {
                entries.retain(|entry| !is_it(entry));
            }
        }
    }

    /// All entries everywhere.
    pub fn all_entries(&mut self) -> impl Iterator<Item = &mut Value> {
        self.lines.iter_mut().filter_map(|line| line["entries"].as_array_mut()).flatten()
    }

    /// Appends to the store of each of `clients`.
    pub fn append(&mut self, clients: &[&str], shown: Shown) {
        for client in clients {
            let entry = self.entry(client, shown);
            self.store(client).push(entry);
        }
    }

    /// Puts an entry into the store of each of `clients`, where its seq belongs.
    pub fn show(&mut self, clients: &[&str], shown: Shown) {
        for client in clients {
            let entry = self.entry(client, shown);
            let store = self.store(client);
            let later = |held: &Value| {
                held["conversation"] == entry["conversation"] && held["seq"].as_u64() > entry["seq"].as_u64()
            };
            let place = store.iter().position(later).unwrap_or(store.len());
            store.insert(place, entry);
        }
    }

    /// Moves everything of a conversation from `from` on up by one, answers included.
    pub fn shift(&mut self, conversation: u64, from: u64) {
        let conversation = conversation.to_string();
        let up = |value: &mut Value| {
            let seq = value["seq"].as_u64().unwrap_or(0);
            if value["conversation"] == conversation.as_str() && seq >= from {
                value["seq"] = json!(seq + 1);
            }
        };
        self.all_entries().for_each(up);
        self.lines.iter_mut().for_each(up);
    }

    /// What stands in a group without a token: `users` are those whom it moves.
    pub fn notice(&mut self, number: u64, sender: u64, kind: &str, users: &[u64]) {
        let users: Vec<String> = users.iter().map(u64::to_string).collect();
        let notice = json!({"sender": sender.to_string(), "notice": kind, "users": users});
        self.notices.insert(number, notice);
    }

    /// What stands where a message of `sender` was erased.
    pub fn erased(&mut self, number: u64, sender: u64) {
        self.notices.insert(number, json!({"sender": sender.to_string(), "erased": true}));
    }

    /// What the server reads out to a client by place.
    pub fn read(&mut self, client: &str, shown: &[Shown]) {
        let line = json!({"op": "read", "asked": self.now, "entries": self.entries(client, shown)});
        self.say(client, "ok", line);
    }

    /// The messages in an archive.
    pub fn export(&mut self, client: &str, messages: &[u64]) {
        let tokens: Vec<String> = messages.iter().map(|message| token(*message)).collect();
        self.say(client, "ok", json!({"op": "export", "asked": self.now, "tokens": tokens}));
    }

    pub fn invoke_to_group(&mut self, client: &str, message: u64, group: u64) {
        self.senders.insert(message, self.users[client]);
        let line =
            json!({"op": "send", "id": id(message), "group": group.to_string(), "token": token(message)});
        self.say(client, "invoke", line);
    }

    /// Sent to a group and acknowledged at once.
    pub fn send_to_group(&mut self, client: &str, message: u64, group: u64, seq: u64) {
        self.invoke_to_group(client, message, group);
        self.ok(client, message, group, seq);
    }

    /// A request other than a send, and what came of it.
    pub fn ask(&mut self, client: &str, request: u64, op: &str, outcome: &str, fields: Value) {
        let mut line = fields.clone();
        line["op"] = json!(op);
        line["request"] = json!(id(request));
        self.say(client, "invoke", line);
        self.answer(client, request, op, outcome, &fields);
    }

    pub fn answer(&mut self, client: &str, request: u64, op: &str, outcome: &str, fields: &Value) {
        let mut line = json!({"op": op, "request": id(request)});
        if outcome == "ok" && ["create_group", "create_channel"].contains(&op) {
            line["conversation"] = fields["made"].clone();
        }
        self.say(client, outcome, line);
    }

    /// All lines of a request: the invocation, then what came of it.
    pub fn of_request(&mut self, request: u64) -> Vec<&mut Value> {
        let request = id(request);
        self.lines.iter_mut().filter(|line| line["request"] == request.as_str()).collect()
    }

    /// Lines by file: one per client, and the driver's.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for line in &self.lines {
            let client = if line["kind"] == "nemesis" { None } else { line["client"].as_str() };
            let text = files.entry(client.unwrap_or("driver").to_owned()).or_default();
            text.push_str(&line.to_string());
            text.push('\n');
        }
        files
    }

    pub fn judge(&self) -> Verdict {
        judge(&self.files()).expect("the story is a history")
    }

    fn say(&mut self, client: &str, kind: &str, mut line: Value) {
        self.now += TICK;
        line["t"] = json!(self.now);
        line["client"] = json!(client);
        line["user"] = json!(self.users[client].to_string());
        line["kind"] = json!(kind);
        self.lines.push(line);
    }

    fn entries(&self, client: &str, shown: &[Shown]) -> Vec<Value> {
        shown.iter().map(|&shown| self.entry(client, shown)).collect()
    }
}

/// Writes the files, judges them, and removes them.
pub fn judge(files: &BTreeMap<String, String>) -> Result<Verdict, HistoryError> {
    let directory = write(files);
    let paths: Vec<PathBuf> = files.keys().map(|name| directory.join(name)).collect();
    let verdict = check(&paths);
    fs::remove_dir_all(directory).unwrap();
    verdict
}

/// Writes the files into a new directory.
pub fn write(files: &BTreeMap<String, String>) -> PathBuf {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("highwater-story-{}-{number}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in files {
        fs::write(directory.join(name), text).unwrap();
    }
    directory
}

/// Asserts that exactly this bucket is not empty.
pub fn assert_only(verdict: &Verdict, bucket: Bucket, name: &str) {
    for other in Bucket::ALL {
        let count = verdict.count(other);
        assert_eq!(
            count > 0,
            other == bucket,
            "{name}: {} is {count}: {:#?}",
            other.name(),
            verdict.events()
        );
    }
    assert!(!verdict.is_clean(), "{name}");
    assert!(verdict.events().iter().all(|event| event.line > 0 && !event.what.is_empty()), "{name}");
}

/// Asserts that nothing is wrong.
pub fn assert_clean(verdict: &Verdict, name: &str) {
    assert!(verdict.is_clean(), "{name}: {verdict:#?}");
    assert!(verdict.events().is_empty(), "{name}");
}

/// The client message id of a message.
pub fn id(message: u64) -> String {
    format!("1d{message:030x}")
}

/// The token of a message.
pub fn token(message: u64) -> String {
    format!("7c{message:030x}")
}

/// A snapshot's name; 0 is the empty one.
pub fn snap(number: u64) -> String {
    if number == 0 { String::new() } else { format!("{number:016x}") }
}
