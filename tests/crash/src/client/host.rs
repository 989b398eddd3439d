//! The devices of one client process, and what the driver has them do.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use highwater_sdk::{requests::device_info, sign_in, wire::proto::DeviceClass};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{
    ClientArguments,
    asking::{Outcome, ask},
    blocks, channels, commands,
    device::{Device, Order, SETTLE_TIMEOUT},
    groups,
    probe::probe,
    say,
    window::Gauge,
};
use crate::{accounts::Account, history::History};

/// How long a fresh client may take to connect and sync.
const FIRST_SYNC_TIMEOUT: Duration = Duration::from_secs(30);

/// All devices of the process.
pub(super) struct Host<'a> {
    arguments: &'a ClientArguments,
    history: Arc<History>,
    gauge: Arc<Gauge>,
    /// Every account of the run, and those that signed in here.
    accounts: Vec<Account>,
    users: Arc<[u64]>,
    orders: watch::Sender<Order>,
    devices: Vec<Arc<Device>>,
    /// What goes on beside the devices and ends with the process.
    busy: JoinSet<()>,
    /// Blocks, groups and channels: they end when told to stop, and what they asked for is answered then.
    asking: JoinSet<()>,
}

impl<'a> Host<'a> {
    /// Starts every device that belongs here; they connect, and send nothing yet.
    pub(super) fn start(arguments: &'a ClientArguments) -> io::Result<Host<'a>> {
        let accounts = Account::read_all(&arguments.accounts)?;
        let mut host = Host {
            arguments,
            history: Arc::new(History::create(&arguments.history)?),
            gauge: Arc::new(Gauge::open(&arguments.gauge)?),
            users: Account::users(&accounts)?.into(),
            accounts,
            orders: watch::channel(Order::Wait).0,
            devices: Vec::new(),
            busy: JoinSet::new(),
            asking: JoinSet::new(),
        };
        for position in 0..host.accounts.len() {
            if position % arguments.processes == arguments.process {
                let account = host.accounts[position].clone();
                let is_first = position == 0 || host.accounts[position - 1].user_id != account.user_id;
                host.start_device(&account, is_first, arguments.again)?;
            }
        }
        if arguments.again {
            for account in Account::read_all(&host.signed_in_path()).unwrap_or_default() {
                host.start_device(&account, false, true)?;
                host.accounts.push(account);
            }
        }
        Ok(host)
    }

    /// Does what the driver says until it has no more.
    pub(super) async fn obey(&mut self) -> io::Result<()> {
        let mut lines = commands();
        while let Some(line) = lines.recv().await {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["first-sync"] => say(self.first_sync().await),
                ["send"] => drop(self.orders.send_replace(Order::Send)),
                ["pause"] => drop(self.orders.send_replace(Order::Wait)),
                ["burst"] => drop(self.orders.send_replace(Order::Burst)),
                ["stop"] => {
                    self.orders.send_replace(Order::Stop);
                    say(self.settled().await);
                }
                ["finish"] => {
                    for device in &self.devices {
                        device.finish().await;
                    }
                    say("finished".to_owned());
                    return Ok(());
                }
                ["end", ender, victim] => self.end(ender, victim)?,
                ["sign-in", name, password] => self.sign_in(name, password).await?,
                ["probe", lineage] => self.probe(lineage)?,
                _ => return Err(io::Error::other(format!("unknown command {line}"))),
            }
        }
        Ok(())
    }

    fn start_device(&mut self, account: &Account, is_first: bool, again: bool) -> io::Result<()> {
        let (history, gauge) = (&self.history, &self.gauge);
        let position =
            self.devices.len() as u64 * self.arguments.processes as u64 + self.arguments.process as u64;
        let device = Device::start(self.arguments, account, &self.users, history, gauge, position, again)?;
        let device = Arc::new(device);
        let order = self.orders.subscribe();
        self.busy.spawn(Arc::clone(&device).send_all(order.clone()));
        if is_first && !self.arguments.only_messages {
            self.asking.spawn(blocks::block_and_unblock(Arc::clone(&device), order.clone()));
            self.asking.spawn(groups::keep_and_leave(Arc::clone(&device), order.clone()));
            self.asking.spawn(channels::keep(Arc::clone(&device), order.clone()));
            self.asking.spawn(channels::follow_and_go(Arc::clone(&device), order));
        }
        self.devices.push(device);
        Ok(())
    }

    /// Every device is a live lineage from here on.
    async fn first_sync(&self) -> String {
        for device in &self.devices {
            if let Err(error) = device.client.wait_caught_up(FIRST_SYNC_TIMEOUT).await {
                return format!("fault {}: {error}", device.lineage);
            }
        }
        "synced".to_owned()
    }

    async fn settled(&mut self) -> String {
        let asking = &mut self.asking;
        // What takes longer is counted by nobody: its outcome is unknown.
        let _ = timeout(SETTLE_TIMEOUT, async { while asking.join_next().await.is_some() {} }).await;
        let mut open = 0;
        for device in &self.devices {
            open += device.wait_settled().await;
        }
        format!("settled {open}")
    }

    /// One device ends another of its user. The driver hears what came of it.
    fn end(&mut self, ender: &str, victim: &str) -> io::Result<()> {
        let ender = self.devices.iter().find(|device| device.lineage == ender);
        let ender = Arc::clone(ender.ok_or_else(|| io::Error::other("the device is not here"))?);
        let victim = self.account(victim)?;
        self.busy.spawn(async move {
            let lineage = victim.lineage();
            let Ok(device_id) = victim.device_id.parse() else {
                return say(format!("fault {lineage} is no device"));
            };
            let request = ender.client.end_device(device_id);
            let fields = json!({ "ends": lineage });
            let outcome = ask(&ender, "end_device", fields, request, |()| json!({})).await;
            let word = if matches!(outcome, Outcome::Done(())) { "done" } else { "not done" };
            say(format!("note end {lineage} {word}"));
        });
        Ok(())
    }

    /// Signs a new device in; it is kept for later lives of the process before it connects.
    async fn sign_in(&mut self, name: &str, password: &str) -> io::Result<()> {
        let device = device_info("torture", DeviceClass::Phone);
        let signed_in = match sign_in(&self.arguments.base_url, name, password, device).await {
            Ok(signed_in) => signed_in,
            Err(error) => {
                say(format!("note sign-in {name} failed: {error}"));
                return Ok(());
            }
        };
        let account = Account {
            user_id: signed_in.user_id.to_string(),
            name: name.to_owned(),
            device_id: signed_in.device_id.to_string(),
            token: signed_in.token,
        };
        let mut file = OpenOptions::new().create(true).append(true).open(self.signed_in_path())?;
        writeln!(file, "{}", serde_json::to_string(&account)?)?;
        self.start_device(&account, false, false)?;
        say(format!("note sign-in {name} done"));
        self.accounts.push(account);
        Ok(())
    }

    fn probe(&mut self, lineage: &str) -> io::Result<()> {
        let (account, history) = (self.account(lineage)?, Arc::clone(&self.history));
        let arguments = self.arguments.clone();
        self.busy.spawn(async move {
            let refused = probe(&arguments, &account, &history).await;
            let word = if refused { "refused" } else { "open" };
            say(format!("note probe {} {word}", account.lineage()));
        });
        Ok(())
    }

    fn account(&self, lineage: &str) -> io::Result<Account> {
        let account = self.accounts.iter().find(|account| account.lineage() == lineage);
        account.cloned().ok_or_else(|| io::Error::other(format!("no account of {lineage}")))
    }

    /// The accounts that signed in here, one a line.
    fn signed_in_path(&self) -> PathBuf {
        self.arguments.stores.join(format!("signed-in-{}.jsonl", self.arguments.process))
    }
}
