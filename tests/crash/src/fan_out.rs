//! Kills the server in the middle of the fan-out of one message to a big group, again and again: every member has every
//! message once, in order.

use std::{
    fs, io,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use highwater_sdk::{Client, ClientMessageId, ClientOptions, Store, Target};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::runtime::Runtime;

use crate::{
    accounts::Account,
    members::{Member, sync_all},
    server::{Launch, Server, free_ports},
};

/// Users whom one request adds. Source: protocol.md, `AddMembers`.
const ADDED_MAX: usize = 100;
/// Members whom one step reaches. Source: so that a fan-out lasts for many looks, however fast the machine is.
const STEP_POINTERS: usize = 20;
/// Part of the members that have the message when the kill is due, at most: the server goes on until it is dead.
const LATEST_PART: f64 = 0.7;
/// Tries that one round may take: a kill may come too late.
const TRIES_MAX: u32 = 10;
/// How long the group may take to be made, or a fan-out to end.
const EXPANSION_TIMEOUT: Duration = Duration::from_secs(300);
/// Between two looks at a figure. Source: a step takes some milliseconds.
const LOOK: Duration = Duration::from_millis(1);
/// How long the server may take to say what a start found.
const FOUND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that is ready may take to look for what is unfinished.
const LOOK_AROUND: Duration = Duration::from_secs(1);
/// What the server's log says at a start of each group whose fan-out a death left unfinished.
pub const UNFINISHED: &str = "an unfinished fan-out goes on";

/// What is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub binary: PathBuf,
    /// Directory of the run, to be created.
    pub dir: PathBuf,
    /// Members of the group.
    pub members: usize,
    /// Kills that must fall in the middle of a fan-out.
    pub rounds: u32,
    /// When kills are due is drawn from it.
    pub seed: u64,
}

struct Run<'o> {
    options: &'o Options,
    launch: Launch,
    runtime: Runtime,
    sender: Client,
    group: u64,
    members: Vec<Member>,
    /// What was acknowledged, in order.
    sent: Vec<(u64, String)>,
    rng: StdRng,
}

/// Does it, and says of each round where it fell. Returns how many members lack something, or have it twice or elsewhere.
///
/// # Errors
/// When the server does not start again, does not get on, or no kill falls in the middle.
pub fn run(options: &Options, say: &mut dyn FnMut(String)) -> io::Result<usize> {
    let (mut run, mut server) = Run::prepare(options, say)?;
    for round in 1..=options.rounds {
        let (after, passed) = run.round(server)?;
        server = after;
        run.wait_expanded()?;
        sync_all(run.launch.client_port, &mut run.members, run.group)?;
        let wrong = run.wrong();
        say(format!(
            "round {round}: killed with the message at {passed} of {} members; after the restart {} have all {} messages once, in order",
            options.members,
            options.members - wrong,
            run.sent.len(),
        ));
        if wrong > 0 {
            return Ok(wrong);
        }
    }
    run.runtime.block_on(run.sender.close());
    server.stop()?;
    Ok(0)
}

impl Run<'_> {
    /// A server with a group of all users, and a chain of each of them that begins after it.
    fn prepare<'o>(options: &'o Options, say: &mut dyn FnMut(String)) -> io::Result<(Run<'o>, Server)> {
        fs::create_dir_all(&options.dir)?;
        let (client_port, operator_port) = free_ports(&mut rand::rng())?;
        let launch = Launch {
            binary: options.binary.clone(),
            data: options.dir.join("data"),
            client_port,
            operator_port,
            log: options.dir.join("server.log"),
            seeded_bug: None,
            settings: vec![
                ("HIGHWATER_GROUPS_MEMBERS_MAX", options.members.to_string()),
                ("HIGHWATER_GROUPS_STEP_POINTERS", STEP_POINTERS.to_string()),
            ],
        };
        let begun = Instant::now();
        let mut server = launch.start(|_| {})?;
        server.wait_ready()?;
        let accounts_file = options.dir.join("accounts.jsonl");
        launch.provision(options.members, 1, &accounts_file)?;
        let accounts = Account::read_all(&accounts_file)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let sender = {
            let _inside = runtime.enter();
            let store = Store::in_memory().map_err(io::Error::other)?;
            let mut settings = ClientOptions::new(launch.client_url(), &accounts[0].token);
            settings.backoff_cap = Duration::from_millis(250);
            Client::start(settings, store).map_err(io::Error::other)?
        };
        let members = accounts.iter().map(Member::new).collect();
        let (sent, rng) = (Vec::new(), StdRng::seed_from_u64(options.seed));
        let mut run = Run { options, launch, runtime, sender, group: 0, members, sent, rng };
        run.group = run.make_group(&Account::users(&accounts)?, accounts[0].user_id.parse().unwrap_or(0))?;
        run.wait_expanded()?;
        sync_all(client_port, &mut run.members, run.group)?;
        say(format!("a group of {} members in {} s", options.members, begun.elapsed().as_secs()));
        Ok((run, server))
    }

    fn make_group(&self, users: &[u64], owner: u64) -> io::Result<u64> {
        let others: Vec<u64> = users.iter().copied().filter(|user| *user != owner).collect();
        let mut parts = others.chunks(ADDED_MAX);
        let first = parts.next().unwrap_or_default();
        self.runtime.block_on(async {
            let id = ClientMessageId::random();
            let group = self.sender.create_group(id, "many", first).await.map_err(io::Error::other)?;
            for part in parts {
                self.sender.add_members(group, part).await.map_err(io::Error::other)?;
            }
            Ok(group)
        })
    }

    /// Sends and kills until a kill falls in the middle. Returns the server that runs then, and at how many members the
    /// message was.
    fn round(&mut self, mut server: Server) -> io::Result<(Server, u64)> {
        for _ in 0..TRIES_MAX {
            let before = self.launch.pointers_by_steps()?;
            let due = self.rng.random_range(1..=(self.options.members as f64 * LATEST_PART) as u64);
            self.send()?;
            let deadline = Instant::now() + EXPANSION_TIMEOUT;
            while self.launch.pointers_by_steps()? < before + due {
                if Instant::now() > deadline {
                    return Err(io::Error::other("a fan-out does not get on"));
                }
                thread::sleep(LOOK);
            }
            server.kill()?;
            let found_before = self.launch.log_lines_with(UNFINISHED)?.len();
            server = self.launch.start(|_| {})?;
            server.wait_ready()?;
            let passed = self.found_since(found_before)?;
            if let Some(passed) = passed.filter(|passed| (1..self.options.members as u64).contains(passed)) {
                return Ok((server, passed));
            }
            self.wait_expanded()?;
        }
        Err(io::Error::other(format!("no kill of {TRIES_MAX} fell in the middle of a fan-out")))
    }

    /// Sends one message and waits until it is acknowledged.
    fn send(&mut self) -> io::Result<()> {
        let text = format!("message {}", self.sent.len() + 1);
        let (sender, group) = (&self.sender, self.group);
        let sent = self.runtime.block_on(async {
            let id = sender.send(Target::Conversation(group), &text).await.map_err(io::Error::other)?;
            sender.wait_sent(id).await.map_err(io::Error::other)?.map_err(io::Error::other)
        })?;
        self.sent.push((sent.seq, text));
        Ok(())
    }

    /// At how many members the server found the message at its start, by its log; none if nothing was unfinished.
    fn found_since(&self, lines_before: usize) -> io::Result<Option<u64>> {
        let begun = Instant::now();
        loop {
            let lines = self.launch.log_lines_with(UNFINISHED)?;
            if let Some(line) = lines.get(lines_before) {
                let entry = number_after(line, "entry=");
                let newest = self.sent.last().map(|(seq, _)| *seq);
                return Ok(number_after(line, "passed=").filter(|_| entry == newest));
            }
            // A server that is ready may not have looked yet, and then nothing waits either.
            let has_looked = begun.elapsed() > LOOK_AROUND && self.launch.entries_waiting()? == 0;
            if has_looked || begun.elapsed() > FOUND_TIMEOUT {
                return Ok(None);
            }
            thread::sleep(LOOK);
        }
    }

    fn wait_expanded(&self) -> io::Result<()> {
        self.launch.wait_expanded(EXPANSION_TIMEOUT)
    }

    /// Members who were not given exactly what was sent, in order.
    fn wrong(&self) -> usize {
        self.members.iter().filter(|member| member.given != self.sent).count()
    }
}

/// The number behind a name in a line of the log, which may be coloured.
fn number_after(line: &str, name: &str) -> Option<u64> {
    let (_, rest) = line.split_once(name)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
