//! The server process: started, waited for, killed, asked to stop.

use std::{
    error::Error,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    net::TcpListener,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a start may take. Source: a store of a minute's torture opens within a second; this is a hang.
pub const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long SIGTERM to exit may take: the server promises 10 s.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Ports that are tried: below the range from which the system takes the near ends of connections. In that range a
/// client that knocks while the server is away may take the server's port, or even connect to itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// Exit code of a server that ends itself because its storage fails again and again.
/// Source: sysexits.h, EX_SOFTWARE, as the operator's manual of the server names it.
const EXIT_FAULT: i32 = 70;
/// Exit code of a server that does not start.
const EXIT_NOT_STARTED: i32 = 1;
/// The last bytes of the server's log shown when a run fails.
const LOG_TAIL_BYTES: u64 = 3000;

/// How to start the server, the same at every restart.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The binary.
    pub binary: PathBuf,
    /// Its data directory.
    pub data: PathBuf,
    /// Port of clients.
    pub client_port: u16,
    /// Port of the operator.
    pub operator_port: u16,
    /// Where its stderr goes, appended.
    pub log: PathBuf,
    /// Name of a seeded bug, for servers that were built with them.
    pub seeded_bug: Option<String>,
    /// Settings beside those of every run, as environment variables.
    pub settings: Vec<(&'static str, String)>,
}

/// A server that ended before it was ready: it does not start on what it finds.
#[derive(Debug)]
pub struct RefusedToStart(ExitStatus);

/// A running server; dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    ready_line: String,
    ready: bool,
    /// A line that should not have come.
    odd_line: Option<String>,
}

impl Launch {
    /// `http://HOST:PORT` for clients.
    pub fn client_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port)
    }

    /// `http://HOST:PORT` for the operator.
    pub fn operator_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.operator_port)
    }

    /// Starts the server through this binary's own `guard`, so that it ends with the driver however that ends.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(&self, prepare: impl FnOnce(&mut Command)) -> io::Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("guard").arg("--").arg(&self.binary).arg("serve").arg("--data").arg(&self.data);
        command.args(["--listen", &format!("127.0.0.1:{}", self.client_port)]);
        command.args(["--admin-listen", &format!("127.0.0.1:{}", self.operator_port)]);
        if let Some(bug) = &self.seeded_bug {
            command.env("HIGHWATER_SEEDED_BUG", bug);
        }
        // Cleanup all the time, so that it meets kills and cuts as well.
        command.env("HIGHWATER_CLEANUP_PAUSE_MS", "100");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        prepare(&mut command);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let (said, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A driver that has forgotten this server does not listen any more.
                let _ = said.send(line);
            }
        });
        let ready_line =
            format!("highwater ready client={} operator={}", self.client_url(), self.operator_url());
        Ok(Server { child, lines, ready_line, ready: false, odd_line: None })
    }

    /// Whether nobody else has taken the server's ports meanwhile.
    pub fn ports_are_free(&self) -> bool {
        let ports = [self.client_port, self.operator_port];
        ports.iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
    }

    /// The lines of the server's log that hold a text.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log_lines_with(&self, text: &str) -> io::Result<Vec<String>> {
        let log = fs::read_to_string(&self.log)?;
        Ok(log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect())
    }

    /// The end of the server's log.
    pub fn log_tail(&self) -> String {
        tail(&self.log).unwrap_or_else(|error| format!("(no log: {error})"))
    }

    /// The last line of the server's log that holds anything.
    pub fn log_last_line(&self) -> String {
        let tail = self.log_tail();
        let last = tail.lines().rev().find(|line| !line.trim().is_empty());
        last.unwrap_or("(an empty log)").to_owned()
    }
}

impl Server {
    /// Waits for the ready line.
    ///
    /// # Errors
    /// When the server ends first, says something else, or says nothing for too long.
    pub fn wait_ready(&mut self) -> io::Result<()> {
        if self.ready {
            return Ok(());
        }
        match self.lines.recv_timeout(READY_TIMEOUT) {
            Ok(line) if line == self.ready_line => {
                self.ready = true;
                Ok(())
            }
            Ok(line) => Err(fault(format!("the server's first line is not the ready line: {line}"))),
            Err(RecvTimeoutError::Timeout) => {
                Err(fault(format!("the server was not ready within {READY_TIMEOUT:?}")))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait()?;
                Err(io::Error::other(RefusedToStart(status)))
            }
        }
    }

    /// Whether the ready line has come.
    pub fn is_ready(&mut self) -> bool {
        match self.lines.try_recv() {
            Ok(line) if line == self.ready_line => self.ready = true,
            Ok(line) => self.odd_line = Some(line),
            Err(_) => {}
        }
        self.ready
    }

    /// Kills the server and waits until it is gone.
    ///
    /// # Errors
    /// As [`Server::check_runs`], and when it had written more to stdout than the ready line.
    pub fn kill(mut self) -> io::Result<()> {
        self.check_runs()?;
        self.child.kill()?;
        self.child.wait()?;
        self.silent()
    }

    /// Kills the server after its disk went away under it. By then it may have ended by itself, as its rules demand:
    /// with the code of a fault that it cannot mend, or of a failed start when it was not ready yet.
    ///
    /// # Errors
    /// When it ended in any other way, or had written more to stdout than the ready line.
    pub fn kill_without_disk(mut self) -> io::Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        self.silent()?;
        let was_killed = status.signal() == Some(Signal::KILL.as_raw());
        let gave_up = status.code() == Some(EXIT_FAULT);
        let did_not_start = !self.ready && status.code() == Some(EXIT_NOT_STARTED);
        if was_killed || gave_up || did_not_start {
            return Ok(());
        }
        Err(fault(format!("the server met a disk that is gone with {status}")))
    }

    /// # Errors
    /// When the server has ended by itself; [`refused_to_start`] tells whether that was before it was ready.
    pub fn check_runs(&mut self) -> io::Result<()> {
        let Some(status) = self.child.try_wait()? else {
            return Ok(());
        };
        self.silent()?;
        Err(if self.ready {
            fault(format!("the server ended by itself: {status}"))
        } else {
            io::Error::other(RefusedToStart(status))
        })
    }

    /// Sends SIGTERM and waits for a good end.
    ///
    /// # Errors
    /// When it ends with a failure or not in time.
    pub fn stop(mut self) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        let pid = Pid::from_raw(pid).ok_or_else(|| fault("a process without number".to_owned()))?;
        kill_process(pid, Signal::TERM)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    return Err(fault(format!("the server answered SIGTERM with {status}")));
                }
                return self.silent();
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(fault(format!("the server did not end within {STOP_TIMEOUT:?} of SIGTERM")))
    }

    /// Only the ready line may have come. The process has ended: all that it wrote is read.
    fn silent(&mut self) -> io::Result<()> {
        for line in self.lines.iter() {
            if line == self.ready_line {
                self.ready = true;
            } else {
                self.odd_line.get_or_insert(line);
            }
        }
        self.odd_line
            .take()
            .map_or(Ok(()), |line| Err(fault(format!("the server wrote more to stdout: {line}"))))
    }
}

impl fmt::Display for RefusedToStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server ended before it was ready: {}", self.0)
    }
}

impl Error for RefusedToStart {}

/// Whether a failure is a server that did not start.
pub fn refused_to_start(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<RefusedToStart>())
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two free ports of the loopback address, for the whole run.
///
/// # Errors
/// When all are taken.
pub fn free_ports(rng: &mut impl rand::Rng) -> io::Result<(u16, u16)> {
    use rand::RngExt;
    let mut found = Vec::new();
    for _ in 0..1000 {
        let port = rng.random_range(PORTS);
        if !found.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            found.push(port);
        }
        if let [one, other] = found[..] {
            return Ok((one, other));
        }
    }
    Err(fault("no free port on 127.0.0.1".to_owned()))
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn fault(text: String) -> io::Error {
    io::Error::other(text)
}
