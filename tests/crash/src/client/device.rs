//! One device: sends to random users while told to, and at the end writes down all that its store holds.

use std::{collections::HashSet, io, sync::Arc, time::Duration};

use highwater_sdk::{
    Client, ClientMessageId, ClientOptions, Durability, Store, StoreError, Target, store::OUTBOX_PENDING_MAX,
    wire::base_of, wire::proto::Entry,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

use super::{
    ClientArguments,
    channels::{self, KnownChannels},
    groups::memberships,
    recorder::{Recorder, entry_fields, hex, write},
    window::{Gauge, Window},
};
use crate::{accounts::Account, history::History};

/// The server is away for fractions of a second: a slower return would only make the run emptier.
const BACKOFF_BASE: Duration = Duration::from_millis(20);
const BACKOFF_CAP: Duration = Duration::from_millis(250);
/// No answer for this long on a loopback connection means a server that hangs.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long answers may take to come in after the last restart.
pub(super) const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the last sync may take.
const LAST_SYNC_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest filler behind the token of a text, bytes.
const FILLER_BYTES_MAX: usize = 300;
/// Part of the sends that go to groups: each of them reaches many.
const TO_GROUPS: f64 = 0.15;
/// Part of the sends of those who may write to a channel that go to one.
const TO_CHANNELS: f64 = 0.15;
/// Entries read from the store at a time.
const DUMP_ROWS: usize = 1000;

/// What all devices of a process do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing yet, or nothing for now.
    Wait,
    /// Send at the given pace.
    Send,
    /// Fill the window at once, because the server is about to be killed.
    Burst,
    /// Send nothing more.
    Stop,
}

/// A running device.
pub(super) struct Device {
    pub(super) lineage: String,
    pub(super) client: Client,
    user: String,
    pub(super) user_id: u64,
    pub(super) users: Arc<[u64]>,
    /// What anybody may follow.
    pub(super) channels: KnownChannels,
    history: Arc<History>,
    window: Arc<Window>,
    window_max: usize,
    interval_ms: u64,
    pub(super) seed: u64,
    only_messages: bool,
    /// Its store is that of an earlier life of the process.
    pub(super) again: bool,
}

impl Device {
    /// Opens the store and starts the client; it connects by itself.
    pub(super) fn start(
        arguments: &ClientArguments,
        account: &Account,
        users: &Arc<[u64]>,
        history: &Arc<History>,
        gauge: &Arc<Gauge>,
        position: u64,
        again: bool,
    ) -> io::Result<Device> {
        let lineage = account.lineage();
        let path = arguments.stores.join(format!("{lineage}.sqlite"));
        let store = Store::open_with(path, Durability::ProcessKill).map_err(io::Error::other)?;
        let pending = store.pending_after(0, OUTBOX_PENDING_MAX).map_err(io::Error::other)?;
        let unanswered: HashSet<ClientMessageId> = pending.into_iter().map(|message| message.id).collect();
        if again {
            let snapshot = store.snapshot().map_err(io::Error::other)?;
            let fields = json!({ "snapshot": hex(base_of(&snapshot)) });
            write(history, &lineage, &account.user_id, "nemesis", "client_restart", fields);
        }
        let window = Arc::new(Window::new(unanswered));
        let recorder = Recorder {
            lineage: lineage.clone(),
            user: account.user_id.clone(),
            history: Arc::clone(history),
            window: Arc::clone(&window),
            gauge: Arc::clone(gauge),
            channels: KnownChannels::of(&arguments.stores),
        };
        let client = Client::start_observed(options(arguments, account), store, recorder);
        let client = client.map_err(io::Error::other)?;
        Ok(Device {
            lineage,
            client,
            user: account.user_id.clone(),
            user_id: account.user_id.parse().map_err(io::Error::other)?,
            users: Arc::clone(users),
            channels: KnownChannels::of(&arguments.stores),
            history: Arc::clone(history),
            window,
            window_max: arguments.window,
            interval_ms: arguments.interval_ms,
            seed: arguments.seed.wrapping_mul(1_000_003).wrapping_add(position),
            only_messages: arguments.only_messages,
            again,
        })
    }

    /// Sends until told to stop.
    pub(super) async fn send_all(self: Arc<Self>, mut order: watch::Receiver<Order>) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        while !self.window.is_closed() {
            let due = Instant::now() + Duration::from_millis(rng.random_range(0..=2 * self.interval_ms));
            if !go_on(&mut order, due).await {
                return;
            }
            tokio::select! {
                () = self.window.wait_below(self.window_max) => {}
                _ = order.wait_for(|order| *order == Order::Stop) => return,
            }
            if !self.send_one(&mut rng).await {
                return;
            }
        }
    }

    async fn send_one(&self, rng: &mut StdRng) -> bool {
        let to = self.draw_target(rng).await;
        let id = ClientMessageId::random();
        let token = format!("{:032x}", rand::random::<u128>());
        let text = format!("{token} {}", "x".repeat(rng.random_range(0..=FILLER_BYTES_MAX)));
        // Written first: a process killed in between has then announced a send that nobody will see.
        let mut fields = json!({ "id": id.to_string(), "token": token });
        match to {
            Target::Conversation(group) => fields["group"] = group.to_string().into(),
            Target::User(user) => fields["to"] = user.to_string().into(),
            Target::UserName(_) => unreachable!("nobody is written to by name"),
        }
        self.write("invoke", "send", fields);
        self.window.put(id);
        let put = self.client.send_with_id(id, to, text).await;
        if let Err(error) = &put
            && !self.window.is_closed()
        {
            super::say(format!("fault {} cannot send: {error}", self.lineage));
        }
        put.is_ok()
    }

    /// Another user, or a group or channel that the store knows.
    async fn draw_target(&self, rng: &mut StdRng) -> Target {
        if !self.only_messages
            && let draw = rng.random::<f64>()
            && draw < TO_GROUPS + TO_CHANNELS
        {
            let memberships = memberships(self).await;
            let groups: Vec<u64> =
                memberships.iter().filter(|group| !group.is_channel).map(|group| group.group).collect();
            let drawn = if draw < TO_GROUPS {
                groups.choose(rng).copied()
            } else {
                channels::draw(&memberships, rng)
            };
            if let Some(conversation) = drawn {
                return Target::Conversation(conversation);
            }
        }
        let others = self.users.iter().copied().filter(|user| *user != self.user_id);
        let to = others.clone().nth(rng.random_range(0..others.count()));
        Target::User(to.expect("there are at least two users"))
    }

    /// Waits for the answers of all sends; returns how many have none.
    pub(super) async fn wait_settled(&self) -> usize {
        // What is left is counted, not refused: it stays unknown.
        let _ = timeout(SETTLE_TIMEOUT, self.window.wait_below(1)).await;
        self.window.unanswered()
    }

    /// Syncs to the end and writes all that the store holds. A device that has ended cannot sync, and owes nothing.
    pub(super) async fn finish(&self) {
        if self.window.is_closed() {
            return;
        }
        let synced = timeout(LAST_SYNC_TIMEOUT, self.client.sync_now()).await;
        let synced = matches!(synced, Ok(Ok(())));
        let entries = match self.client.read(read_entries).await {
            Ok(Ok(entries)) => entries,
            Ok(Err(error)) => return super::say(format!("fault {} cannot read: {error}", self.lineage)),
            Err(error) => return super::say(format!("fault {} has no store: {error}", self.lineage)),
        };
        let entries: Vec<Value> = entries.iter().map(entry_fields).collect();
        self.write("ok", "dump", json!({ "synced": synced, "entries": entries }));
    }

    /// Whether nothing that it asks is answered any more.
    pub(super) fn has_ended(&self) -> bool {
        self.window.is_closed()
    }

    pub(super) fn write(&self, kind: &str, op: &str, fields: Value) {
        write(&self.history, &self.lineage, &self.user, kind, op, fields);
    }
}

/// How a device of the torture connects.
pub(super) fn options(arguments: &ClientArguments, account: &Account) -> ClientOptions {
    let mut options = ClientOptions::new(&arguments.base_url, &account.token);
    options.backoff_base = BACKOFF_BASE;
    options.backoff_cap = BACKOFF_CAP;
    options.request_timeout = REQUEST_TIMEOUT;
    options.client = "highwater-torture".to_owned();
    options
}

/// Waits for the next send: until `due`, or until a burst. False when there is none.
async fn go_on(order: &mut watch::Receiver<Order>, due: Instant) -> bool {
    // Woken early by a burst or a stop, else by the time; which of them is seen below.
    let hurry = order.wait_for(|order| matches!(order, Order::Burst | Order::Stop));
    drop(timeout_at(due, hurry).await);
    let now = order.wait_for(|order| *order != Order::Wait).await;
    now.is_ok_and(|now| *now != Order::Stop)
}

fn read_entries(store: &Store) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for (conversation, _) in store.newest_seqs()? {
        let mut seq = 0;
        loop {
            let rows = store.entries_after(conversation, seq, DUMP_ROWS)?;
            let Some(last) = rows.last() else { break };
            seq = last.seq;
            entries.extend(rows);
        }
    }
    Ok(entries)
}
