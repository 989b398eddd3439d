//! The client processes as the driver sees them: started, told what to do, killed and started again.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use crate::client::ClientArguments;

/// What every client process is told, and where its files lie.
#[derive(Debug, Clone)]
pub struct Setting {
    /// `http://HOST:PORT` of the server.
    pub base_url: String,
    /// The file of accounts.
    pub accounts: PathBuf,
    /// Directory of stores and gauges.
    pub stores: PathBuf,
    /// Directory of histories.
    pub histories: PathBuf,
    /// Where stderr goes, appended.
    pub log: PathBuf,
    /// How many processes there are.
    pub processes: usize,
    /// Messages and nothing else.
    pub only_messages: bool,
    /// Unanswered sends that a device keeps.
    pub window: usize,
    /// Mean time between two sends of one device, milliseconds.
    pub interval_ms: u64,
    /// Seed of the run.
    pub seed: u64,
}

/// Sums over all client processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shown {
    /// Sends on their way and unanswered.
    pub in_flight: u64,
    /// Answers and entries that came, in the present life of each process.
    pub told: u64,
}

/// All client processes; dropped, they are killed.
#[derive(Debug)]
pub struct Clients {
    setting: Setting,
    processes: Vec<Process>,
    said: Sender<(usize, String)>,
    heard: Receiver<(usize, String)>,
    noted: Sender<String>,
    notes: Receiver<String>,
    /// What went wrong in a client, in its own words.
    pub faults: Vec<String>,
    /// The order that a process which comes back is given.
    order: &'static str,
}

#[derive(Debug)]
struct Process {
    child: Child,
    stdin: ChildStdin,
    gauge: PathBuf,
    life: u64,
}

impl Clients {
    /// Starts all processes; they connect and sync, and send nothing yet.
    ///
    /// # Errors
    /// When a process cannot be started.
    pub fn start(setting: Setting) -> io::Result<Clients> {
        fs::create_dir_all(&setting.stores)?;
        fs::create_dir_all(&setting.histories)?;
        let (said, heard) = channel();
        let (noted, notes) = channel();
        let (processes, faults, order) = (Vec::new(), Vec::new(), "first-sync");
        let mut clients = Clients { setting, processes, said, heard, noted, notes, faults, order };
        for number in 0..clients.setting.processes {
            let process = clients.spawn(number, 0)?;
            clients.processes.push(process);
        }
        Ok(clients)
    }

    /// Tells all processes to do something that has no answer.
    ///
    /// # Errors
    /// When a process is gone.
    pub fn tell(&mut self, order: &'static str) -> io::Result<()> {
        self.order = order;
        for (number, process) in self.processes.iter_mut().enumerate() {
            let told = writeln!(process.stdin, "{order}");
            told.map_err(|error| io::Error::other(format!("client process {number} is gone: {error}")))?;
        }
        Ok(())
    }

    /// Tells all processes to do something and waits until each answers with a line that begins with `answer`.
    /// Returns the rest of these lines.
    ///
    /// # Errors
    /// When a process is gone, or does not answer within `timeout`.
    pub fn ask(&mut self, order: &'static str, answer: &str, timeout: Duration) -> io::Result<Vec<String>> {
        self.tell(order)?;
        let deadline = Instant::now() + timeout;
        let mut answers = Vec::new();
        while answers.len() < self.processes.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((number, line)) = self.heard.recv_timeout(left) else {
                let have = answers.len();
                let text = format!(
                    "{have} of {} client processes answered \"{order}\" within {timeout:?}",
                    self.processes.len()
                );
                return Err(io::Error::other(text));
            };
            match line.strip_prefix(answer) {
                Some(rest) => answers.push(rest.trim().to_owned()),
                None => self.faults.push(format!("client process {number}: {line}")),
            }
            if order == "first-sync" && !self.faults.is_empty() {
                return Err(io::Error::other(self.faults.join("; ")));
            }
        }
        Ok(answers)
    }

    /// Tells one process to do something by itself, beside what all do.
    ///
    /// # Errors
    /// When it is gone.
    pub fn tell_one(&mut self, number: usize, order: &str) -> io::Result<()> {
        writeln!(self.processes[number].stdin, "{order}")
    }

    /// The next note of any process: what it did on such an order, or that a device of it has ended.
    pub fn next_note(&self, timeout: Duration) -> Option<String> {
        self.notes.recv_timeout(timeout).ok()
    }

    /// What the processes show at this moment.
    ///
    /// # Errors
    /// When a process shows nothing.
    pub fn shown(&self) -> io::Result<Shown> {
        let mut sum = Shown::default();
        for process in &self.processes {
            let mut bytes = [0; 16];
            File::open(&process.gauge)?.read_exact_at(&mut bytes, 0)?;
            let number = |at: usize| {
                bytes[at..at + 8].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
            };
            sum.in_flight += number(0);
            sum.told += number(8);
        }
        Ok(sum)
    }

    /// Kills one process and starts it again on its stores.
    ///
    /// # Errors
    /// When it had ended by itself, or cannot be started.
    pub fn kill_and_restart(&mut self, number: usize) -> io::Result<()> {
        let process = &mut self.processes[number];
        if let Some(status) = process.child.try_wait()? {
            return Err(io::Error::other(format!("client process {number} ended by itself: {status}")));
        }
        process.child.kill()?;
        process.child.wait()?;
        let life = process.life + 1;
        self.processes[number] = self.spawn(number, life)?;
        writeln!(self.processes[number].stdin, "{}", self.order)
    }

    /// What clients said meanwhile without being asked.
    pub fn collect_faults(&mut self) {
        let said = self.heard.try_iter().map(|(number, line)| format!("client process {number}: {line}"));
        self.faults.extend(said);
    }

    /// Waits until every process has ended by itself.
    ///
    /// # Errors
    /// When one ends with a failure or not in time.
    pub fn wait_ended(&mut self, timeout: Duration) -> io::Result<()> {
        let deadline = Instant::now() + timeout;
        for (number, process) in self.processes.iter_mut().enumerate() {
            loop {
                match process.child.try_wait()? {
                    Some(status) if status.success() => break,
                    Some(status) => {
                        return Err(io::Error::other(format!("client process {number} ended with {status}")));
                    }
                    None if Instant::now() > deadline => {
                        return Err(io::Error::other(format!("client process {number} did not end in time")));
                    }
                    None => thread::sleep(Duration::from_millis(5)),
                }
            }
        }
        Ok(())
    }

    /// Kills all processes. What they wrote into their histories stays.
    pub fn end(&mut self) {
        for process in &mut self.processes {
            // Both fail only for a process that is gone already.
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }

    /// Every history file of every life.
    pub fn histories(&self) -> Vec<PathBuf> {
        let lives = self.processes.iter().enumerate();
        lives
            .flat_map(|(number, process)| (0..=process.life).map(move |life| (number, life)))
            .map(|(number, life)| history_path(&self.setting.histories, number, life))
            .collect()
    }

    fn spawn(&self, number: usize, life: u64) -> io::Result<Process> {
        let setting = &self.setting;
        let gauge = setting.stores.join(format!("gauge-{number}"));
        fs::write(&gauge, [0; 16])?;
        let arguments = ClientArguments {
            base_url: setting.base_url.clone(),
            accounts: setting.accounts.clone(),
            process: number,
            processes: setting.processes,
            stores: setting.stores.clone(),
            history: history_path(&setting.histories, number, life),
            gauge: gauge.clone(),
            again: life > 0,
            only_messages: setting.only_messages,
            window: setting.window,
            interval_ms: setting.interval_ms,
            seed: setting.seed.wrapping_add(life.wrapping_mul(7919)),
        };
        let log = fs::OpenOptions::new().create(true).append(true).open(&setting.log)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("client")
            .args(arguments.to_command_line())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (said, noted) = (self.said.clone(), self.noted.clone());
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A driver that has ended does not listen any more.
                let _ = match line.strip_prefix("note ") {
                    Some(note) => noted.send(note.to_owned()).is_ok(),
                    None => said.send((number, line)).is_ok(),
                };
            }
        });
        Ok(Process { child, stdin, gauge, life })
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.end();
    }
}

fn history_path(dir: &Path, number: usize, life: u64) -> PathBuf {
    dir.join(format!("client-{number}-{life}.jsonl"))
}
