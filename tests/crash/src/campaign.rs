//! One run: a server, its clients, blows for a time, and what the checker says in the end.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use highwater_checker::Verdict;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use crate::{
    accounts::Account,
    blows::SYNC_DELAY_US,
    clients::{Clients, Setting},
    counters::{Counters, Least},
    endings::Endings,
    erasures::Erasures,
    ext4::Ext4,
    fan_out::UNFINISHED,
    history::History,
    recording::Recording,
    server::{Launch, Server, free_ports, refused_to_start},
};

/// How long all clients may take to connect for the first time.
const FIRST_SYNC_TIMEOUT: Duration = Duration::from_secs(60);
/// How long all clients may take to have their sends answered, and to sync to the end and write it down.
const FINISH_TIMEOUT: Duration = Duration::from_secs(90);
/// Fan-outs may follow an acknowledgement: how long they may take.
const EXPANSION_TIMEOUT: Duration = Duration::from_secs(60);
/// Inboxes that one step of a fan-out writes to: so few that a message to a group takes several steps, and blows fall
/// between them.
const STEP_POINTERS: usize = 3;
/// What a run says of a server that does not start again after a blow.
pub const REFUSED: &str = "nothing that was acknowledged can be served any more: all of it counts as lost";
/// Client processes of a run.
pub(crate) const PROCESSES: usize = 6;

/// What a run does.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub binary: PathBuf,
    /// Directory of the run, to be created.
    pub dir: PathBuf,
    /// How long blows fall.
    pub duration: Duration,
    /// Whether any fall at all; without them the run is plain talk.
    pub blows: bool,
    /// Messages and nothing else: for a server that knows no blocks and ends no devices.
    pub only_messages: bool,
    /// Everything is drawn from it.
    pub seed: u64,
    /// Accounts.
    pub users: usize,
    /// Devices of each.
    pub devices: usize,
    /// Sends a second of all devices together, at most about.
    pub rate_per_s: u64,
    /// Unanswered sends that a device keeps.
    pub window: usize,
    /// Name of a seeded bug of the server.
    pub seeded_bug: Option<String>,
    /// How the power is cut, if it is.
    pub power: Power,
    /// Keep data directories and traces of before each cut.
    pub keep: bool,
}

/// How the power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Not at all.
    Stays,
    /// Simulated: recorded writes and syncs, rebuilt images.
    Recorded,
    /// A forced shutdown of a loop-mounted ext4, so often.
    Ext4 {
        /// Cuts of the run.
        cuts: u32,
    },
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What the checker says.
    pub verdict: Verdict,
    /// What the run itself holds against the server, beside the verdict: too few kills, a start that failed.
    pub faults: Vec<String>,
    /// What happened, for people.
    pub counters: Counters,
}

/// Where the server's data lies.
pub(crate) enum Storage {
    Plain,
    Recorded(Recording),
    Ext4(Ext4),
}

/// The state of one run; `blows` holds what happens to the server.
pub(crate) struct Campaign<'a> {
    pub(crate) options: &'a Options,
    pub(crate) launch: Launch,
    pub(crate) storage: Storage,
    pub(crate) rng: StdRng,
    pub(crate) history: History,
    pub(crate) counters: Counters,
    pub(crate) next_client_kill: Instant,
    /// Blows that stand alone: no cut follows.
    pub(crate) plain_blows: u32,
    pub(crate) endings: Endings,
    pub(crate) erasures: Erasures,
    /// What clients noted that should not have been.
    pub(crate) noted: Vec<String>,
}

/// Runs one campaign. The directory stays.
///
/// # Errors
/// When the run cannot be judged: a server that ends by itself or hangs, a client that hangs, files that cannot be
/// written. The text says which, with the end of the server's log. A server that refuses to start after a blow is
/// judged: nothing that it acknowledged can be served any more.
pub fn run(options: &Options) -> io::Result<Outcome> {
    fs::create_dir_all(&options.dir)?;
    let mut campaign = Campaign::prepare(options)?;
    let judged = campaign.judge();
    judged.map_err(|error| {
        let mut text = format!("{error}\ncounters {}", campaign.counters.line());
        let _ = write!(text, "\nend of the server's log:\n{}", campaign.launch.log_tail());
        io::Error::other(text)
    })
}

/// A loop-mounted ext4 for the run, or why there cannot be one.
///
/// # Errors
/// When the machine does not allow it.
pub fn ext4_possible(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    drop(Ext4::prepare(&dir.join("ext4-probe"))?);
    fs::remove_dir_all(dir.join("ext4-probe"))
}

impl<'a> Campaign<'a> {
    fn prepare(options: &'a Options) -> io::Result<Campaign<'a>> {
        let dir = &options.dir;
        // Not of the seed: two runs of one seed may go on at once.
        let (client_port, operator_port) = free_ports(&mut rand::rng())?;
        let mut data = dir.join("data");
        let storage = match options.power {
            Power::Stays => Storage::Plain,
            Power::Recorded => Storage::Recorded(Recording::begin(&data, &dir.join("disk"), options.keep)?),
            Power::Ext4 { .. } => {
                let ext4 = Ext4::prepare(&dir.join("ext4"))?;
                data = ext4.data();
                Storage::Ext4(ext4)
            }
        };
        let launch = Launch {
            binary: options.binary.clone(),
            data,
            client_port,
            operator_port,
            log: dir.join("server.log"),
            seeded_bug: options.seeded_bug.clone(),
            settings: vec![("HIGHWATER_GROUPS_STEP_POINTERS", STEP_POINTERS.to_string())],
        };
        let history = History::create(&dir.join("driver.jsonl"))?;
        let next_client_kill = Instant::now();
        let mut rng = StdRng::seed_from_u64(options.seed);
        let endings = Endings::draw(&[], &mut rng);
        Ok(Campaign {
            options,
            launch,
            storage,
            rng,
            endings,
            erasures: Erasures::none(),
            noted: Vec::new(),
            history,
            counters: Counters::default(),
            next_client_kill,
            plain_blows: 0,
        })
    }

    fn judge(&mut self) -> io::Result<Outcome> {
        let accounts_file = self.options.dir.join("accounts.jsonl");
        let server = self.first_life(&accounts_file)?;
        let accounts = Account::read_all(&accounts_file)?;
        let mut clients = Clients::start(self.setting(&accounts_file, accounts.len()))?;
        clients.ask("first-sync", "synced", FIRST_SYNC_TIMEOUT)?;
        self.write_devices(&accounts);
        clients.tell("send")?;
        self.schedule_client_kill();
        if !self.options.only_messages {
            self.endings = Endings::draw(&accounts, &mut self.rng);
            self.erasures = Erasures::draw(&accounts, self.options.duration, self.options.seed)?;
        }
        let server = match self.blows(server, &mut clients) {
            Ok(server) => server,
            // A server whose port was taken meanwhile says nothing about its storage.
            Err(error) if refused_to_start(&error) && self.launch.ports_are_free() => {
                return self.judge_refusal(clients, &error);
            }
            Err(error) => return Err(error),
        };
        self.finish(&mut clients, &accounts)?;
        self.hear_notes(&clients);
        let mut faults = std::mem::take(&mut clients.faults);
        faults.extend(self.endings.unwanted(&self.erasures));
        faults.append(&mut self.noted);
        if let Err(error) = server.stop() {
            faults.push(error.to_string());
        }
        let verdict = self.check(&clients)?;
        self.counters.unfinished_fan_outs = self.launch.log_lines_with(UNFINISHED)?.len() as u64;
        faults.extend(Least::of(self.options).shortfalls(&self.counters, &verdict));
        Ok(Outcome { verdict, faults, counters: self.counters.clone() })
    }

    /// Judges a run in which the server does not start again. No client can sync to the end, so there are no dumps;
    /// what clients heard until then is judged as always, and as nobody serves an acknowledged message any more, every
    /// one counts as lost.
    fn judge_refusal(&self, mut clients: Clients, error: &io::Error) -> io::Result<Outcome> {
        clients.end();
        let mut verdict = self.check(&clients)?;
        verdict.lost = verdict.acknowledged;
        let said = self.launch.log_last_line();
        Ok(Outcome {
            verdict,
            faults: vec![format!("{error}; its log ends with: {said}"), REFUSED.to_owned()],
            counters: self.counters.clone(),
        })
    }

    /// What the checker says about all that was written down; the report goes to a file as well.
    fn check(&self, clients: &Clients) -> io::Result<Verdict> {
        let mut files = clients.histories();
        files.push(self.options.dir.join("driver.jsonl"));
        let verdict = highwater_checker::check(&files).map_err(io::Error::other)?;
        let mut report = Vec::new();
        verdict.write_report(&mut report)?;
        fs::write(self.options.dir.join("report.txt"), &report)?;
        Ok(verdict)
    }

    /// The first start, and accounts. Recorded, the server is also stopped in order: then the trace must show
    /// every change, or the shim is blind.
    fn first_life(&mut self, accounts_file: &Path) -> io::Result<Server> {
        let mut server = self.start_server(SYNC_DELAY_US)?;
        server.wait_ready()?;
        self.launch.provision(self.options.users, self.options.devices, accounts_file)?;
        if matches!(self.storage, Storage::Recorded(_)) {
            server.stop()?;
            let unseen = self.server_ended()?;
            if !unseen.is_empty() {
                let text = format!("the shim did not see, in an orderly life: {}", unseen.join("; "));
                return Err(io::Error::other(text));
            }
            server = self.start_server(SYNC_DELAY_US)?;
            server.wait_ready()?;
        }
        Ok(server)
    }

    fn finish(&mut self, clients: &mut Clients, accounts: &[Account]) -> io::Result<()> {
        self.history.nemesis("heal");
        let open = clients.ask("stop", "settled", FINISH_TIMEOUT)?;
        self.counters.unknown = open.iter().filter_map(|count| count.parse::<u64>().ok()).sum();
        if !self.options.only_messages {
            // An erasure is told by entries, which are expanded as others are.
            self.await_erasures();
            self.launch.wait_expanded(EXPANSION_TIMEOUT)?;
            self.read_out(accounts)?;
        }
        clients.ask("finish", "finished", FINISH_TIMEOUT)?;
        clients.wait_ended(Duration::from_secs(10))
    }

    pub(crate) fn start_server(&self, sync_delay_us: u32) -> io::Result<Server> {
        self.launch.start(|command| {
            if let Storage::Recorded(recording) = &self.storage {
                recording.prepare(command, sync_delay_us);
            }
        })
    }

    pub(crate) fn server_ended(&mut self) -> io::Result<Vec<String>> {
        let Storage::Recorded(recording) = &mut self.storage else {
            return Ok(Vec::new());
        };
        let unrecorded = recording.server_ended()?;
        self.counters.unrecorded += unrecorded.len() as u64;
        Ok(unrecorded)
    }

    fn write_devices(&self, accounts: &[Account]) {
        let lineages: Vec<_> = accounts
            .iter()
            .map(|account| json!({ "client": account.lineage(), "user": account.user_id }))
            .collect();
        self.history.write(json!({ "kind": "nemesis", "op": "devices", "lineages": lineages }));
    }

    fn setting(&self, accounts_file: &Path, devices: usize) -> Setting {
        let dir = &self.options.dir;
        Setting {
            base_url: self.launch.client_url(),
            accounts: accounts_file.to_owned(),
            stores: dir.join("stores"),
            histories: dir.join("histories"),
            log: dir.join("clients.log"),
            processes: PROCESSES,
            only_messages: self.options.only_messages,
            window: self.options.window,
            interval_ms: devices as u64 * 1000 / self.options.rate_per_s.max(1),
            seed: self.options.seed,
        }
    }
}
