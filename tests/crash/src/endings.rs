//! Devices that end while others talk, by their user's word or the operator's, and new ones that sign in in their place.
//!
//! Every device of a user but the last one stays, so that there are always some that are owed everything.

use std::{
    collections::HashSet,
    io,
    time::{Duration, Instant},
};

use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use serde_json::json;

use crate::{
    accounts::Account,
    campaign::{Campaign, PROCESSES},
    clients::Clients,
    erasures::Erasures,
    history::mono_ns,
};

/// Mean time between two ends.
const INTERVAL_MS: u64 = 4000;
/// How long a client may take for what it is told; then nobody waits for it any more.
const NOTE_TIMEOUT: Duration = Duration::from_secs(5);

/// Which devices end, and what is known of it.
#[derive(Debug)]
pub(crate) struct Endings {
    /// Whose turn it is, the last first.
    waiting: Vec<Victim>,
    next: Instant,
    /// Lineages that somebody tried to end.
    tried: HashSet<String>,
    /// Lineages whose device is surely gone.
    gone: Vec<String>,
    /// Lineages whose client says that its token is dead.
    stopped: HashSet<String>,
    by_operator: bool,
}

#[derive(Debug)]
struct Victim {
    account: Account,
    process: usize,
    /// The device that ends it, and its process.
    ender: String,
    enders_process: usize,
}

impl Endings {
    /// The last device of each user who has another one, in an order drawn from the seed.
    pub(crate) fn draw(accounts: &[Account], rng: &mut StdRng) -> Endings {
        let mut waiting = Vec::new();
        let mut begin = 0;
        for own in accounts.chunk_by(|one, other| one.user_id == other.user_id) {
            let last = begin + own.len() - 1;
            if own.len() > 1 {
                waiting.push(Victim {
                    account: accounts[last].clone(),
                    process: last % PROCESSES,
                    ender: accounts[begin].lineage(),
                    enders_process: begin % PROCESSES,
                });
            }
            begin = last + 1;
        }
        waiting.shuffle(rng);
        let (tried, gone, stopped) = (HashSet::new(), Vec::new(), HashSet::new());
        let next = Instant::now() + Duration::from_millis(INTERVAL_MS);
        Endings { waiting, next, tried, gone, stopped, by_operator: false }
    }

    /// When the next device ends; none if there are none left.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next)
    }

    /// Lineages that ended though nobody wanted it.
    pub(crate) fn unwanted(&self, erasures: &Erasures) -> Vec<String> {
        let unwanted = self.stopped.difference(&self.tried).filter(|lineage| !erasures.covers(lineage));
        unwanted.map(|lineage| format!("{lineage} was signed out though nobody ended it")).collect()
    }
}

impl Campaign<'_> {
    /// Ends the next device and signs another one in. The server runs, and is not killed before this is over.
    ///
    /// # Errors
    /// When a client process is gone.
    pub(crate) fn end_a_device(&mut self, clients: &mut Clients) -> io::Result<()> {
        let wait_ms = self.rng.random_range(INTERVAL_MS / 2..=INTERVAL_MS * 3 / 2);
        self.endings.next = Instant::now() + Duration::from_millis(wait_ms);
        let Some(victim) = self.endings.waiting.pop() else {
            return Ok(());
        };
        let lineage = victim.account.lineage();
        self.endings.tried.insert(lineage.clone());
        self.endings.by_operator = !self.endings.by_operator;
        let ended = if self.endings.by_operator {
            self.end_by_operator(&victim)
        } else {
            clients.tell_one(victim.enders_process, &format!("end {} {lineage}", victim.ender))?;
            self.await_note(clients, &format!("end {lineage}")).is_some_and(|how| how == "done")
        };
        if !ended {
            return Ok(());
        }
        let count = if self.endings.by_operator {
            &mut self.counters.ended_by_operator
        } else {
            &mut self.counters.ended_by_user
        };
        *count += 1;
        self.endings.gone.push(lineage);
        self.sign_in_again(&victim, clients)
    }

    /// Tries the token of a device that is gone; what it is given stands in the history.
    ///
    /// # Errors
    /// When a client process is gone.
    pub(crate) fn probe_an_end(&mut self, clients: &mut Clients) -> io::Result<()> {
        if self.endings.gone.is_empty() {
            return Ok(());
        }
        let lineage = self.endings.gone[self.rng.random_range(0..self.endings.gone.len())].clone();
        clients.tell_one(self.rng.random_range(0..PROCESSES), &format!("probe {lineage}"))
    }

    /// What clients noted meanwhile.
    pub(crate) fn hear_notes(&mut self, clients: &Clients) {
        while let Some(note) = clients.next_note(Duration::ZERO) {
            self.hear(&note);
        }
    }

    fn end_by_operator(&mut self, victim: &Victim) -> bool {
        let Account { name, device_id, .. } = &victim.account;
        let t_ns = mono_ns();
        let ended = self.launch.end_device(name, device_id).is_ok();
        let mut fields =
            json!({ "kind": "nemesis", "op": "device_ended", "client": victim.account.lineage() });
        if ended {
            fields["t_end"] = mono_ns().into();
        }
        self.history.write_at(t_ns, fields);
        ended
    }

    fn sign_in_again(&mut self, victim: &Victim, clients: &mut Clients) -> io::Result<()> {
        let name = &victim.account.name;
        let password = format!("{:032x}", rand::random::<u128>());
        if self.launch.set_password(name, &password).is_err() {
            return Ok(());
        }
        clients.tell_one(victim.process, &format!("sign-in {name} {password}"))?;
        let done = self.await_note(clients, &format!("sign-in {name}")).is_some_and(|how| how == "done");
        self.counters.signed_in_again += u32::from(done);
        Ok(())
    }

    /// The rest of the note that begins so; others are heard meanwhile.
    fn await_note(&mut self, clients: &Clients, begin: &str) -> Option<String> {
        let deadline = Instant::now() + NOTE_TIMEOUT;
        loop {
            let note = clients.next_note(deadline.saturating_duration_since(Instant::now()))?;
            if let Some(rest) = note.strip_prefix(begin) {
                return Some(rest.trim().to_owned());
            }
            self.hear(&note);
        }
    }

    fn hear(&mut self, note: &str) {
        match note.split(' ').collect::<Vec<&str>>()[..] {
            ["stopped", lineage] => drop(self.endings.stopped.insert(lineage.to_owned())),
            // A fault of the server that does not end the run: what came of it is judged like everything else.
            ["repaired", ..] => self.noted.push(note.to_owned()),
            ["probe", _, "refused"] => self.counters.probes_refused += 1,
            // What came too late to be waited for; and a probe without an answer, whose server was killed.
            _ => {}
        }
    }
}
