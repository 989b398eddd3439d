//! What happens to the server while clients talk: kills, power cuts, restarts.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use rand::RngExt;
use serde_json::json;

use crate::{
    campaign::{Campaign, PROCESSES, Power, Storage},
    clients::Clients,
    counters::Least,
    history::mono_ns,
    plan::{self, Blow, CutAfter},
    server::Server,
};

/// A kill counts when at least so many sends are unanswered.
const UNANSWERED_MIN: u64 = 50;
/// The most that are waited for before a kill; how many is drawn each time.
const UNANSWERED_MAX: u64 = 150;
/// How long that wait may take; then the kill comes all the same and is not counted.
const BURST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the clients may take to fall silent; then the blow comes all the same.
const REST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long nothing is on its way before a blow at rest: longer than a delayed sync takes.
const REST: Duration = Duration::from_millis(100);
/// Mean time between two kills of client processes.
const CLIENT_KILL_INTERVAL_MS: u64 = 4000;
/// The longest pause between that and the blow, microseconds.
const BURST_EXTRA_US_MAX: u64 = 20_000;
/// A cut counts as following a kill when it comes so soon after the restart.
const WITHIN_THE_SECOND: Duration = Duration::from_secs(1);
/// The server's syncs take up to so much longer when recorded, as on a slow disk: the window for cuts.
pub(crate) const SYNC_DELAY_US: u32 = 8000;
/// The same for a life that follows a kill and will be cut soon: what was replayed and not synced stays in doubt long
/// enough for clients to be told of it.
const SYNC_DELAY_AFTER_KILL_US: u32 = 60_000;

impl Campaign<'_> {
    /// Lets blows fall for the time of the run.
    ///
    /// # Errors
    /// When the server does not start again, or a client is in trouble.
    pub(crate) fn blows(&mut self, mut server: Server, clients: &mut Clients) -> io::Result<Server> {
        if !self.options.blows {
            thread::sleep(self.options.duration);
            return Ok(server);
        }
        let begun = Instant::now();
        let least = Least::of(self.options);
        // A slow machine gets as long again to reach the least number of blows.
        while begun.elapsed() < self.options.duration
            || (least.misses_blows(&self.counters) && begun.elapsed() < 2 * self.options.duration)
        {
            let uptime_ms = plan::uptime_ms(&mut self.rng);
            self.live(uptime_ms, clients)?;
            let blow = match self.options.power {
                Power::Ext4 { cuts } if self.counters.cuts >= cuts => break,
                power => plan::next_blow(&mut self.rng, power != Power::Stays),
            };
            if matches!(blow, Blow::Kill | Blow::KillThenCut(_)) {
                let cut_follows = blow != Blow::Kill;
                server = self.kill(server, clients, cut_follows)?;
            }
            match blow {
                Blow::Kill => {}
                Blow::Cut => {
                    self.await_moment(clients)?;
                    server = self.cut(server, clients)?;
                }
                Blow::KillThenCut(after) => {
                    let restarted = Instant::now();
                    self.wait_after_kill(&mut server, clients, after)?;
                    self.counters.cuts_after_kill += u32::from(restarted.elapsed() < WITHIN_THE_SECOND);
                    server = self.cut(server, clients)?;
                }
            }
            self.wait_ready(&mut server, clients)?;
        }
        Ok(server)
    }

    /// Kills the server, mostly while sends are unanswered, and starts it again.
    fn kill(&mut self, server: Server, clients: &mut Clients, cut_follows: bool) -> io::Result<Server> {
        if cut_follows {
            self.burst(clients)?;
        } else {
            self.await_moment(clients)?;
        }
        let unanswered = clients.shown()?.in_flight;
        let t_ns = mono_ns();
        server.kill()?;
        let op = if unanswered >= UNANSWERED_MIN {
            self.counters.kills += 1;
            "kill9"
        } else {
            self.counters.kills_uncounted += 1;
            "kill9_uncounted"
        };
        self.history.write_at(t_ns, json!({ "kind": "nemesis", "op": op, "unanswered": unanswered }));
        self.server_ended()?;
        let sync_delay_us = if cut_follows { SYNC_DELAY_AFTER_KILL_US } else { SYNC_DELAY_US };
        let server = self.start_server(sync_delay_us)?;
        clients.tell("send")?;
        Ok(server)
    }

    /// The power goes at once, and comes back.
    fn cut(&mut self, mut server: Server, clients: &mut Clients) -> io::Result<Server> {
        server.check_runs()?;
        let t_ns = mono_ns();
        if let Storage::Ext4(ext4) = &self.storage {
            ext4.cut()?;
            server.kill_without_disk()?;
        } else {
            server.kill()?;
        }
        self.server_ended()?;
        let mut fields = json!({ "kind": "nemesis", "op": "powercut" });
        match &mut self.storage {
            Storage::Plain => {}
            Storage::Recorded(recording) => {
                // Up to here everything that the server said was said before the end of the trace.
                fields["t_end"] = mono_ns().into();
                let policy = plan::policy(&mut self.rng);
                fields["policy"] = policy.name().into();
                self.counters.changes_at_stake += recording.cut(policy, &mut self.rng)? as u64;
            }
            // What the file system answered after its end lasts until the restart.
            Storage::Ext4(ext4) => ext4.restore()?,
        }
        self.history.write_at(t_ns, fields);
        self.counters.cuts += 1;
        let server = self.start_server(SYNC_DELAY_US)?;
        clients.tell("send")?;
        Ok(server)
    }

    /// Waits for the moment of a blow that stands alone: mostly within a burst, now and then at rest.
    fn await_moment(&mut self, clients: &mut Clients) -> io::Result<()> {
        let at_rest = plan::comes_at_rest(self.plain_blows);
        self.plain_blows += 1;
        if !at_rest {
            return self.burst(clients);
        }
        clients.tell("pause")?;
        let deadline = Instant::now() + REST_TIMEOUT;
        wait_until(deadline, || Ok(clients.shown()?.in_flight == 0))?;
        thread::sleep(REST);
        self.counters.at_rest += u32::from(clients.shown()?.in_flight == 0);
        Ok(())
    }

    /// Has the clients keep their windows full, and waits until enough sends are on their way. Then it lets a little
    /// time pass, or waits for the next answer: blows must not prefer the moments in which the server waits for the
    /// disk, and what was answered this moment is what a server that answers too early loses.
    fn burst(&mut self, clients: &mut Clients) -> io::Result<()> {
        clients.tell("burst")?;
        let deadline = Instant::now() + BURST_TIMEOUT;
        loop {
            let wanted = self.rng.random_range(UNANSWERED_MIN + 10..=UNANSWERED_MAX);
            wait_until(deadline, || Ok(clients.shown()?.in_flight >= wanted))?;
            if self.rng.random_bool(0.5) {
                thread::sleep(Duration::from_micros(self.rng.random_range(0..=BURST_EXTRA_US_MAX)));
            } else {
                let told = clients.shown()?.told;
                wait_until(deadline, || Ok(clients.shown()?.told > told))?;
            }
            if clients.shown()?.in_flight >= UNANSWERED_MIN || Instant::now() >= deadline {
                return Ok(());
            }
        }
    }

    /// Waits for the moment of a cut that follows a kill; never longer than the second after the restart.
    fn wait_after_kill(&mut self, server: &mut Server, clients: &Clients, after: CutAfter) -> io::Result<()> {
        let restarted = Instant::now();
        let latest = restarted + Duration::from_millis(plan::CUT_AFTER_RESTART_MS_MAX);
        let wait_ms = match after {
            CutAfter::Start(ms) => {
                thread::sleep(Duration::from_millis(ms));
                0
            }
            CutAfter::Ready(ms) => {
                wait_until(latest, || Ok(server.is_ready()))?;
                ms
            }
            CutAfter::Told(count) => {
                wait_until(latest, || Ok(server.is_ready()))?;
                let before = clients.shown()?.told;
                wait_until(latest, || Ok(clients.shown()?.told >= before + count))?;
                0
            }
        };
        thread::sleep(Duration::from_millis(wait_ms).min(latest.saturating_duration_since(Instant::now())));
        if server.is_ready() {
            self.history.nemesis("restart");
        } else {
            self.counters.cuts_before_ready += 1;
        }
        Ok(())
    }

    fn wait_ready(&mut self, server: &mut Server, clients: &mut Clients) -> io::Result<()> {
        server.wait_ready()?;
        self.history.nemesis("restart");
        self.hear_notes(clients);
        self.probe_an_end(clients)?;
        clients.collect_faults();
        if clients.faults.is_empty() {
            return Ok(());
        }
        Err(io::Error::other(clients.faults.join("; ")))
    }

    /// Lets the server be for a while; devices may be ended, client processes killed and users erased meanwhile.
    fn live(&mut self, uptime_ms: u64, clients: &mut Clients) -> io::Result<()> {
        let until = Instant::now() + Duration::from_millis(uptime_ms);
        if let Some(due) = self.endings.due().filter(|due| *due < until) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.end_a_device(clients)?;
        }
        if self.next_client_kill < until {
            thread::sleep(self.next_client_kill.saturating_duration_since(Instant::now()));
            clients.kill_and_restart(self.rng.random_range(0..PROCESSES))?;
            self.counters.client_kills += 1;
            self.schedule_client_kill();
        }
        if let Some(due) = self.erasures.due().filter(|due| *due < until) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.erase_a_user();
            // The blow falls while the erasure's steps go on.
            return Ok(());
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
        Ok(())
    }

    pub(crate) fn schedule_client_kill(&mut self) {
        let wait_ms = self.rng.random_range(CLIENT_KILL_INTERVAL_MS / 2..=CLIENT_KILL_INTERVAL_MS * 3 / 2);
        self.next_client_kill = Instant::now() + Duration::from_millis(wait_ms);
    }
}

/// Looks again and again until it is so, or the time is over.
fn wait_until(deadline: Instant, mut is_so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    while Instant::now() < deadline && !is_so()? {
        thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}
