//! The server process: started, waited for, killed, asked to stop.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
}

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
        command
            .arg("guard")
            .arg("--")
            .arg(&self.binary)
            .arg("serve")
            .arg("--data")
            .arg(&self.data);
        command.args(["--listen", &format!("127.0.0.1:{}", self.client_port)]);
        command.args(["--admin-listen", &format!("127.0.0.1:{}", self.operator_port)]);
        if let Some(bug) = &self.seeded_bug {
            command.env("HIGHWATER_SEEDED_BUG", bug);
        }
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
        let ready_line = format!(
            "highwater ready client={} operator={}",
            self.client_url(),
            self.operator_url()
        );
        Ok(Server {
            child,
            lines,
            ready_line,
            ready: false,
            odd_line: None,
        })
    }

    /// The end of the server's log.
    pub fn log_tail(&self) -> String {
        tail(&self.log).unwrap_or_else(|error| format!("(no log: {error})"))
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
            Ok(line) => Err(fault(format!(
                "the server's first line is not the ready line: {line}"
            ))),
            Err(RecvTimeoutError::Timeout) => Err(fault(format!(
                "the server was not ready within {READY_TIMEOUT:?}"
            ))),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait()?;
                Err(fault(format!("the server ended before it was ready: {status}")))
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
    /// When it had ended by itself before, or had written more to stdout than the ready line.
    pub fn kill(mut self) -> io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(fault(format!("the server ended by itself: {status}")));
        }
        self.child.kill()?;
        self.child.wait()?;
        self.silent()
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
        Err(fault(format!(
            "the server did not end within {STOP_TIMEOUT:?} of SIGTERM"
        )))
    }

    /// Only the ready line may have come.
    fn silent(&mut self) -> io::Result<()> {
        let further = self
            .odd_line
            .take()
            .or_else(|| self.lines.iter().find(|line| *line != self.ready_line));
        further.map_or(Ok(()), |line| {
            Err(fault(format!("the server wrote more to stdout: {line}")))
        })
    }
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
