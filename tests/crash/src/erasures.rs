//! Users whom the operator erases while others talk; and what the server reads out of them at the end, to devices that stay.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;

use crate::{
    accounts::Account,
    campaign::Campaign,
    client::{KEEPING_USERS, entry_fields},
    history::mono_ns,
    read_out,
};

/// One of so many users is erased.
const USERS_FOR_ONE: usize = 6;
/// Time of a run for one erasure: blows that fall while nothing else is done have to remain.
const TIME_FOR_ONE: Duration = Duration::from_secs(10);
/// How often an erasure is asked for. Source: each time the server runs and is not killed before it is over.
const TRIES: u32 = 3;
/// How long the steps of all erasures may take after the last blow.
const DONE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait before looking again whether they are done.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Users to whom everything is read out at the end.
const READERS: usize = 6;

/// Who is erased, and when the next one is.
#[derive(Debug)]
pub(crate) struct Erasures {
    /// Whose turn it is, the last first.
    waiting: Vec<Account>,
    next: Instant,
    pause: Duration,
    /// Users whom somebody tried to erase.
    tried: Vec<String>,
    /// Users who are surely erased.
    gone: Vec<String>,
}

impl Erasures {
    /// Some of the users who keep nothing, spread over the time of the run. Drawn beside everything else, so that a seed has
    /// the same blows with them and without.
    pub(crate) fn draw(accounts: &[Account], duration: Duration, seed: u64) -> io::Result<Erasures> {
        let users = Account::users(accounts)?;
        let of_user = |user: &u64| {
            let id = user.to_string();
            accounts.iter().find(|account| account.user_id == id).cloned()
        };
        let mut waiting: Vec<Account> = users.iter().skip(KEEPING_USERS).filter_map(of_user).collect();
        let mut rng = StdRng::seed_from_u64(seed ^ 0xe7a5e);
        waiting.shuffle(&mut rng);
        let by_time = duration.as_secs().div_ceil(TIME_FOR_ONE.as_secs()) as usize;
        waiting.truncate(by_time.min(users.len() / USERS_FOR_ONE));
        let pause = duration / (waiting.len() as u32 + 1);
        let next = Instant::now() + pause.mul_f64(rng.random_range(0.5..1.0));
        Ok(Erasures { waiting, next, pause, tried: Vec::new(), gone: Vec::new() })
    }

    /// None.
    pub(crate) fn none() -> Erasures {
        let (waiting, tried, gone) = (Vec::new(), Vec::new(), Vec::new());
        Erasures { waiting, next: Instant::now(), pause: Duration::ZERO, tried, gone }
    }

    /// When the next user is erased; none if nobody is left.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next)
    }

    /// Whether a lineage is that of a user whom somebody tried to erase.
    pub(crate) fn covers(&self, lineage: &str) -> bool {
        self.tried.iter().any(|user| lineage.starts_with(&format!("u{user}d")))
    }
}

impl Campaign<'_> {
    /// Erases the next user. The server runs, and is not killed before this is over, but soon after.
    pub(crate) fn erase_a_user(&mut self) {
        self.erasures.next = Instant::now() + self.erasures.pause;
        let Some(account) = self.erasures.waiting.pop() else { return };
        self.erasures.tried.push(account.user_id.clone());
        let t_ns = mono_ns();
        // A second one finds that there is no such user, which is as good: what says so is that the erasure is known.
        let is_done = (0..TRIES).any(|_| self.launch.erase(&account.user_id).is_ok());
        let mut fields = json!({ "kind": "nemesis", "op": "user_erased", "user": account.user_id });
        if is_done {
            fields["t_end"] = mono_ns().into();
            self.erasures.gone.push(account.user_id);
            self.counters.users_erased += 1;
        }
        self.history.write_at(t_ns, fields);
    }

    /// Waits until nothing of the erased is left. What takes too long is held against the server.
    pub(crate) fn await_erasures(&mut self) {
        let deadline = Instant::now() + DONE_TIMEOUT;
        for user in &self.erasures.gone {
            while !self.launch.is_all_erased(user) {
                if Instant::now() > deadline {
                    self.noted.push(format!("something of user {user} is left after {DONE_TIMEOUT:?}"));
                    break;
                }
                thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// Has everything read out to some of the users who are left, by place and as archives, and writes down what came.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) fn read_out(&mut self, accounts: &[Account]) -> io::Result<()> {
        let mut firsts: Vec<&Account> = Vec::new();
        for account in accounts {
            let is_first = firsts.last().is_none_or(|last| last.user_id != account.user_id);
            if is_first && !self.erasures.tried.contains(&account.user_id) {
                firsts.push(account);
            }
        }
        for account in firsts.into_iter().take(READERS) {
            let line = |op: &str| json!({ "kind": "ok", "op": op, "client": account.lineage(), "user": account.user_id });
            let mut fields = line("read");
            fields["asked"] = mono_ns().into();
            let entries = read_out::entries(self.launch.client_port, &account.token)?;
            fields["entries"] = entries.iter().map(entry_fields).collect();
            self.history.write(fields);
            let mut fields = line("export");
            fields["asked"] = mono_ns().into();
            let tokens = read_out::exported_tokens(self.launch.client_port, &account.token)?;
            if tokens.is_empty() {
                return Err(io::Error::other("an archive without a message"));
            }
            fields["tokens"] = tokens.into();
            self.history.write(fields);
        }
        Ok(())
    }
}
