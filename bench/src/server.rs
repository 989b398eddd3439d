//! The server under load: the real binary, on a data directory of its own, ended with the value.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    accounts::{self, Account},
    machine::Cores,
    process_figures,
};

/// How long a stop may take. Source: the server promises ten seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long the index may take to catch up.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(180);

/// How often the server is asked while something is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// Flag of the server with which a commit returns at once.
const NULL_STORE_FLAG: &str = "--null-store";

/// Flag of the server with which it counts next to nothing.
const NO_COUNTING_FLAG: &str = "--no-counting";

/// How the server keeps what it acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// As it is delivered.
    Delivered,
    /// A commit returns at once: what the rest of the server costs.
    Null,
}

/// Where the server is found and may put its data.
#[derive(Debug, Clone)]
pub struct Place {
    /// The binary.
    pub binary: PathBuf,
    /// What stands before the binary when the server is started: a program that counts its instructions, or nothing.
    pub under: Vec<String>,
    /// Whether the server counts what it does, as it is delivered.
    pub counts: bool,
    /// Directory for data directories, on a real file system.
    pub directory: PathBuf,
    /// Who runs where.
    pub cores: Cores,
}

impl Place {
    /// Whether the binary can be told to count nothing.
    #[must_use]
    pub fn knows_no_counting(&self) -> bool {
        self.knows(NO_COUNTING_FLAG)
    }

    /// Whether the binary knows the null store: an unknown flag is refused before the help is printed.
    #[must_use]
    pub fn knows_null_store(&self) -> bool {
        self.knows(NULL_STORE_FLAG)
    }

    fn knows(&self, flag: &str) -> bool {
        let mut command = Command::new(&self.binary);
        command.args(["serve", flag, "--help"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// See the module.
pub struct Server {
    child: Child,
    store: Store,
    data: PathBuf,
    binary: PathBuf,
    log: PathBuf,
    /// Where clients connect.
    pub clients: SocketAddr,
    operator: SocketAddr,
}

/// The figures of `/metrics` that a work looks at.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Bytes in the tail.
    pub tail_bytes: u64,
    /// Versions that the index is behind.
    pub index_lag: u64,
    /// Batches written to the index.
    pub index_batches: u64,
    /// Batches written to the log.
    pub batches: u64,
}

impl Server {
    /// Starts one on a fresh data directory; back when it is ready.
    ///
    /// # Errors
    /// When it does not start, with the end of its log.
    pub fn start(place: &Place, store: Store) -> io::Result<Server> {
        Server::start_with(place, store, &[])
    }

    /// The same with variables of the environment, which are not kept over a restart.
    ///
    /// # Errors
    /// When it does not start, with the end of its log.
    pub fn start_with(place: &Place, store: Store, variables: &[(&str, &str)]) -> io::Result<Server> {
        let name = format!("run-{}-{}", std::process::id(), nanoseconds());
        let data = place.directory.join(&name);
        let log = place.directory.join(format!("{name}.log"));
        let (child, clients, operator) = launch(place, store, variables, &data, &log)?;
        Ok(Server { child, store, data, binary: place.binary.clone(), log, clients, operator })
    }

    /// Stops it in order and starts it again on the same data, on other ports.
    ///
    /// # Errors
    /// When it does not stop, or does not start again.
    pub fn restart(&mut self, place: &Place) -> io::Result<()> {
        self.end()?;
        (self.child, self.clients, self.operator) = launch(place, self.store, &[], &self.data, &self.log)?;
        Ok(())
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds since its start.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu_s(&self) -> io::Result<f64> {
        process_figures::cpu_s(self.pid())
    }

    /// Makes accounts with one device each.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn provision(&self, users: usize) -> io::Result<Vec<Account>> {
        self.provision_devices("u", users, 1)
    }

    /// Makes accounts with devices, an entry for each device; names begin with `prefix`.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn provision_devices(&self, prefix: &str, users: usize, devices: usize) -> io::Result<Vec<Account>> {
        let out = self.data.with_extension("accounts");
        let mut command = Command::new(&self.binary);
        command.args(["admin", "provision", "--prefix", prefix, "--users", &users.to_string()]);
        command.args(["--devices", &devices.to_string()]);
        command.arg("--data").arg(&self.data).arg("--out").arg(&out).stdout(Stdio::null());
        let output = command.output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(format!("accounts were not made: {text}")));
        }
        let accounts = accounts::read_all(&out);
        fs::remove_file(&out)?;
        accounts
    }

    /// The figures now.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn metrics(&self) -> io::Result<Metrics> {
        let text = get(self.operator, "/metrics")?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.trim().parse::<f64>().ok()).map_or_else(
                || Err(io::Error::other(format!("the server counts no {name}"))),
                |value| Ok(value as u64),
            )
        };
        Ok(Metrics {
            tail_bytes: value("highwater_tail_bytes")?,
            index_lag: value("highwater_index_lag_records")?,
            index_batches: value("highwater_index_batches_total")?,
            batches: value("highwater_batches_written_total")?,
        })
    }

    /// Waits until the index has everything that was acknowledged.
    ///
    /// # Errors
    /// When it does not catch up in time.
    pub fn catch_up(&self) -> io::Result<()> {
        let begun = Instant::now();
        while self.metrics()?.index_lag > 0 {
            if begun.elapsed() > CATCH_UP_TIMEOUT {
                return Err(io::Error::other("the index does not catch up"));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Asks it to stop and waits; a server that does not obey is ended.
    ///
    /// # Errors
    /// When it did not stop by itself with success.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(self.pid() as i32) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(io::Error::other(format!("the server ended with {status}: {}", self.log_end())))
                };
            }
            thread::sleep(LOOK);
        }
        Err(io::Error::other(format!("the server did not stop within {STOP_TIMEOUT:?}: {}", self.log_end())))
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever fails here, there is nothing more to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data);
        let _ = fs::remove_file(&self.log);
    }
}

/// Starts the process on a data directory; back when it is ready, with the addresses of its two ports.
fn launch(
    place: &Place,
    store: Store,
    variables: &[(&str, &str)],
    data: &Path,
    log: &Path,
) -> io::Result<(Child, SocketAddr, SocketAddr)> {
    let mut command = match place.under.split_first() {
        None => Command::new(&place.binary),
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(&place.binary);
            command
        }
    };
    command.arg("serve").arg("--data").arg(data);
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    if store == Store::Null {
        command.arg(NULL_STORE_FLAG);
    }
    if !place.counts {
        command.arg(NO_COUNTING_FLAG);
    }
    command.envs(variables.iter().copied());
    let log_file = fs::File::options().create(true).append(true).open(log)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file);
    // Cores are inherited by what is started.
    place.cores.take_for_server()?;
    let started = command.spawn();
    place.cores.take_for_load()?;
    let mut child = started
        .map_err(|error| io::Error::other(format!("{} does not start: {error}", place.binary.display())))?;
    match ready_line(&mut child) {
        Ok((clients, operator)) => Ok((child, clients, operator)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            let log = fs::read_to_string(log).unwrap_or_default();
            Err(io::Error::other(format!("{error}; the server's log:\n{log}")))
        }
    }
}

fn ready_line(child: &mut Child) -> io::Result<(SocketAddr, SocketAddr)> {
    let out = child.stdout.take().ok_or_else(|| io::Error::other("the server has no stdout"))?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let address = |name: &str| {
        let part = line.split_whitespace().find_map(|part| part.strip_prefix(name));
        part.and_then(|address| address.parse().ok())
            .ok_or_else(|| io::Error::other(format!("no ready line, but: {line:?}")))
    };
    Ok((address("client=http://")?, address("operator=http://")?))
}

/// The body of an answer to a plain GET.
fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.starts_with("HTTP/1.1 200 ") {
        let line = answer.lines().next().unwrap_or_default().to_owned();
        return Err(io::Error::other(format!("{path} was answered with {line:?}")));
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(body.to_owned())
}

fn nanoseconds() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

/// Fails when the binary is not there, before anything else is done.
///
/// # Errors
/// By name.
pub fn must_exist(binary: &Path) -> io::Result<()> {
    if binary.is_file() {
        return Ok(());
    }
    let text = format!(
        "{} is not there: build it with `cargo build --release`, or name it by --server",
        binary.display()
    );
    Err(io::Error::other(text))
}
