//! A small make-believe server and its clients, at random: every history it writes is good.

use std::collections::HashSet;

use serde_json::json;

use super::{Shown, Story};

/// Steps of one history.
const STEPS: u64 = 120;
/// Most entries of one page.
const PAGE: u64 = 4;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, not included.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of `choices`; none if there are none.
    pub fn pick<'c, T>(&mut self, choices: &'c [T]) -> Option<&'c T> {
        let index = self.below(choices.len().max(1) as u64);
        choices.get(usize::try_from(index).unwrap())
    }
}

pub struct Device {
    pub name: String,
    pub user: u64,
    /// Entries of its user's inbox that it has.
    held: usize,
    snapshot: u64,
    /// Snapshot and entries held, before the last logged answer, while it may lawfully come back so.
    older: Option<(u64, usize)>,
}

pub struct World {
    pub story: Story,
    pub random: Random,
    pub devices: Vec<Device>,
    pub users: u64,
    /// Inboxes by user, from 1.
    inboxes: Vec<Vec<Shown>>,
    /// Everything that was done.
    pub done: Vec<Shown>,
    /// Of these, what was acknowledged outside of a cut.
    pub acknowledged: HashSet<u64>,
    pub refused: Vec<u64>,
    /// Answers under way, or messages whose outcome their sender does not know: (device, message, recipient).
    waiting: Vec<(usize, u64, u64)>,
    unknown: Vec<(usize, u64, u64)>,
    messages: u64,
    snapshots: u64,
}

impl World {
    /// A whole good history.
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let users = 2 + random.below(3);
        let mut devices = Vec::new();
        for user in 1..=users {
            for number in 1..=(1 + random.below(3)) {
                let name = format!("u{user}d{number}");
                devices.push(Device { name, user, held: 0, snapshot: 0, older: None });
            }
        }
        let lineages: Vec<(&str, u64)> =
            devices.iter().map(|device| (device.name.as_str(), device.user)).collect();
        let mut world = Self {
            story: Story::new(&lineages),
            random,
            devices,
            users,
            inboxes: vec![Vec::new(); usize::try_from(users).unwrap() + 1],
            done: Vec::new(),
            acknowledged: HashSet::new(),
            refused: Vec::new(),
            waiting: Vec::new(),
            unknown: Vec::new(),
            messages: 0,
            snapshots: 0,
        };
        for _ in 0..STEPS {
            world.step();
        }
        world.end();
        world
    }

    /// The conversation of two users.
    pub fn conversation(one: u64, other: u64) -> u64 {
        100 * one.min(other) + one.max(other)
    }

    /// The next free seq of a conversation.
    pub fn next_seq(&self, conversation: u64) -> u64 {
        self.done.iter().filter(|shown| shown.0 == conversation).count() as u64 + 1
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=7 => self.send(),
            8..=10 => self.answer(),
            11 => self.resend(),
            12..=16 => {
                let device = self.any_device();
                self.deliver(device, true);
            }
            17 => self.client_restart(),
            18 => {
                self.story.nemesis(json!({"op": "kill9"}));
                self.forget_answers();
            }
            _ => self.power_cut(),
        }
    }

    fn any_device(&mut self) -> usize {
        usize::try_from(self.random.below(self.devices.len() as u64)).unwrap()
    }

    fn invoke_new(&mut self) -> (usize, u64, u64) {
        let device = self.any_device();
        let user = self.devices[device].user;
        let to = 1 + (user - 1 + 1 + self.random.below(self.users - 1)) % self.users;
        self.messages += 1;
        self.story.invoke(&self.devices[device].name, self.messages, to);
        (device, self.messages, to)
    }

    fn send(&mut self) {
        let (device, message, to) = self.invoke_new();
        let name = self.devices[device].name.clone();
        match self.random.below(10) {
            0 => {
                self.story.fail(&name, message);
                self.refused.push(message);
            }
            1 => {
                self.story.info(&name, message);
                self.unknown.push((device, message, to));
            }
            2 => {
                self.commit(device, message, to);
                self.unknown.push((device, message, to));
            }
            _ => {
                self.commit(device, message, to);
                self.waiting.push((device, message, to));
            }
        }
    }

    fn commit(&mut self, device: usize, message: u64, to: u64) {
        let user = self.devices[device].user;
        let conversation = Self::conversation(user, to);
        let shown = (conversation, self.next_seq(conversation), message);
        self.done.push(shown);
        for one in [user, to] {
            self.inboxes[usize::try_from(one).unwrap()].push(shown);
        }
    }

    fn answer(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let index = usize::try_from(self.random.below(self.waiting.len() as u64)).unwrap();
        let (device, message, _) = self.waiting.swap_remove(index);
        self.acknowledge(device, message);
    }

    fn acknowledge(&mut self, device: usize, message: u64) {
        let &(conversation, seq, _) = self.done.iter().find(|shown| shown.2 == message).unwrap();
        self.story.ok(&self.devices[device].name, message, conversation, seq);
        self.acknowledged.insert(message);
    }

    fn resend(&mut self) {
        let Some(&(device, message, to)) = self.random.pick(&self.unknown) else {
            return;
        };
        self.story.invoke(&self.devices[device].name, message, to);
        if !self.done.iter().any(|shown| shown.2 == message) {
            self.commit(device, message, to);
        }
        self.acknowledge(device, message);
    }

    /// The server died: answers under way never come.
    fn forget_answers(&mut self) {
        for (device, message, to) in std::mem::take(&mut self.waiting) {
            self.story.info(&self.devices[device].name, message);
            self.unknown.push((device, message, to));
        }
        self.story.nemesis(json!({"op": "restart"}));
    }

    fn new_snapshot(&mut self) -> u64 {
        self.snapshots += 1;
        0xa000_0000_0000_0000 | self.snapshots
    }

    /// The next page of a device; its line is lost with the client if it is not `logged`.
    fn deliver(&mut self, device: usize, logged: bool) {
        let snapshot = self.new_snapshot();
        let count = usize::try_from(self.random.below(PAGE + 1)).unwrap();
        let device = &mut self.devices[device];
        let inbox = &self.inboxes[usize::try_from(device.user).unwrap()];
        let end = (device.held + count).min(inbox.len());
        if end == device.held {
            return;
        }
        if logged {
            self.story.apply(&device.name, device.snapshot, snapshot, &inbox[device.held..end]);
            device.older = Some((device.snapshot, device.held));
        } else {
            device.older = None;
        }
        (device.snapshot, device.held) = (snapshot, end);
    }

    fn client_restart(&mut self) {
        let device = self.any_device();
        match self.random.below(3) {
            0 => self.deliver(device, false),
            1 => {
                if let Some((snapshot, held)) = self.devices[device].older.take() {
                    (self.devices[device].snapshot, self.devices[device].held) = (snapshot, held);
                }
            }
            _ => {}
        }
        let Device { name, snapshot, .. } = &self.devices[device];
        self.story.client_restart(name, *snapshot);
        self.devices[device].older = None;
    }

    /// A message is answered and shown while the power goes, and is gone afterwards; who saw it is rebuilt.
    fn power_cut(&mut self) {
        let (device, message, to) = self.invoke_new();
        let sender = self.devices[device].user;
        let conversation = Self::conversation(sender, to);
        let lost = (conversation, self.next_seq(conversation), message);
        let begin = self.story.nemesis(json!({"op": "powercut"}));
        self.story.ok(&self.devices[device].name, message, lost.0, lost.1);
        let readers: Vec<usize> = (0..self.devices.len())
            .filter(|&reader| {
                let Device { user, held, .. } = self.devices[reader];
                (user == sender || user == to) && held == self.inboxes[usize::try_from(user).unwrap()].len()
            })
            .collect();
        let reader = self.random.pick(&readers).copied();
        let snapshot = self.new_snapshot();
        if let Some(reader) = reader {
            let device = &mut self.devices[reader];
            self.story.apply(&device.name, device.snapshot, snapshot, &[lost]);
            device.snapshot = snapshot;
        }
        self.forget_answers();
        let end = self.story.now;
        self.story.line(|line| line["t"] == begin)["t_end"] = json!(end);
        self.unknown.push((device, message, to));
        if let Some(reader) = reader {
            self.rebuild(reader);
        }
    }

    fn rebuild(&mut self, device: usize) {
        let (first, second) = (self.new_snapshot(), self.new_snapshot());
        let device = &mut self.devices[device];
        let inbox = &self.inboxes[usize::try_from(device.user).unwrap()];
        let (one, other) = inbox.split_at(inbox.len() / 2);
        self.story.rebuild(&device.name, device.snapshot, first, true, one);
        self.story.rebuild(&device.name, first, second, false, other);
        (device.snapshot, device.held, device.older) = (second, inbox.len(), None);
    }

    fn end(&mut self) {
        self.story.nemesis(json!({"op": "heal"}));
        while !self.waiting.is_empty() {
            self.answer();
        }
        for device in 0..self.devices.len() {
            let Device { ref name, user, .. } = self.devices[device];
            let (name, user) = (name.clone(), usize::try_from(user).unwrap());
            while self.devices[device].held < self.inboxes[user].len() {
                self.deliver(device, true);
            }
            self.story.dump(&name, &self.inboxes[user]);
        }
    }
}
