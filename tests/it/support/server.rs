//! The server as a process of its own: started on free ports, stopped or killed, watched from outside.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use highwater_wire::Encoding;
use rustix::process::{Pid, Signal};

use super::{DEADLINE, http, temp_dir::TempDir};

/// Settings of most tests: two workers, so that users meet across threads, and small segments.
const CONFIG: &str = "[server]\nworkers = 2\n[storage]\nsegment_bytes = 16777216\n";

/// Lines of a server's log that a failed test shows.
const LOG_LINES_SHOWN: usize = 40;

/// A data directory and a configuration: what outlives a server.
pub struct Home {
    root: TempDir,
    data: PathBuf,
    flags: Vec<String>,
}

/// An account that the operator made, with the tokens of its devices.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub user_id: u64,
    pub devices: Vec<PersonDevice>,
}

#[derive(Debug, Clone)]
pub struct PersonDevice {
    pub device_id: u64,
    pub token: String,
}

impl Person {
    /// Token of the first device.
    pub fn token(&self) -> &str {
        &self.devices[0].token
    }
}

/// A process that did not become a server.
#[derive(Debug)]
pub struct NotStarted {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// A server that ended by itself.
#[derive(Debug)]
pub struct Stopped {
    pub status: ExitStatus,
    pub took: Duration,
    /// Everything that it wrote to stdout.
    pub stdout: Vec<String>,
}

impl Home {
    /// A home of a server for trying out: registration is open.
    pub fn dev() -> Home {
        Home::new(CONFIG, &["--dev"])
    }

    /// A home with a configuration file and flags beside the addresses and the directory.
    pub fn new(config: &str, flags: &[&str]) -> Home {
        let root = TempDir::new();
        let data = root.path().join("data");
        std::fs::write(root.path().join("highwater.toml"), config).unwrap();
        Home { root, data, flags: flags.iter().map(ToString::to_string).collect() }
    }

    /// The same home with its data elsewhere.
    pub fn with_data(mut self, data: &Path) -> Home {
        self.data = data.to_owned();
        self
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Writes another configuration over the one that there is.
    pub fn configure(&self, config: &str) {
        std::fs::write(self.root.path().join("highwater.toml"), config).unwrap();
    }

    /// The command line, on free ports.
    pub fn command(&self) -> Command {
        let mut command = Home::bare_command();
        command.arg("serve").arg("--data").arg(&self.data);
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.arg("--config").arg(self.root.path().join("highwater.toml")).args(&self.flags);
        command
    }

    /// The binary without any argument, and without settings from the environment of the tests.
    pub fn bare_command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"HIGHWATER_"))
        {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a server and waits for its ready line.
    pub fn start(&self) -> Server {
        self.start_command(self.command())
    }

    /// The same with a command line of the test's own.
    pub fn start_command(&self, mut command: Command) -> Server {
        let log = self.root.path().join("stderr.log");
        let stderr = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stderr(stderr).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let Ok(ready) = lines.recv_timeout(DEADLINE) else {
            // Dropped without a word when the process ended, so its log says why.
            let _ = child.kill();
            let _ = child.wait();
            panic!("no ready line; the log:\n{}", std::fs::read_to_string(&log).unwrap());
        };
        let (client, operator) = addresses(&ready);
        Server { child, client, operator, ready, lines, data: self.data.clone(), log }
    }

    /// Runs a server that must end by itself and unsuccessfully.
    pub fn start_refused(&self) -> NotStarted {
        not_started(self.command())
    }
}

/// Runs a command that must fail.
pub fn not_started(mut command: Command) -> NotStarted {
    let mut child = command.spawn().unwrap();
    if wait(&mut child).is_none() {
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        panic!("it serves: {}", String::from_utf8_lossy(&output.stdout));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let refused =
        NotStarted { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!refused.status.success(), "it must fail: {refused:?}");
    refused
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    client: SocketAddr,
    operator: SocketAddr,
    ready: String,
    lines: mpsc::Receiver<String>,
    data: PathBuf,
    log: PathBuf,
}

impl Server {
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    pub fn operator(&self) -> SocketAddr {
        self.operator
    }

    pub fn client_url(&self) -> String {
        format!("http://{}", self.client)
    }

    /// The line on stdout by which it said that it serves.
    pub fn ready_line(&self) -> &str {
        &self.ready
    }

    /// What it logged, of earlier servers in this home too.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn operator_token(&self) -> String {
        std::fs::read_to_string(self.data.join("secrets/operator.token")).unwrap().trim().to_owned()
    }

    /// Makes accounts by the operator's port: without a password, so quickly.
    pub async fn people<const N: usize>(&self, devices: usize) -> [Person; N] {
        let body = format!(r#"{{"users":{N},"devices":{devices},"prefix":"p{}-"}}"#, rand::random::<u16>());
        let answer = self.operate("POST", "/v1/provision", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut people: Vec<Person> = Vec::new();
        for line in answer.text().lines() {
            let made: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| made[key].as_str().unwrap().to_owned();
            let device = PersonDevice { device_id: text("device_id").parse().unwrap(), token: text("token") };
            match people.last_mut().filter(|person| person.name == text("name")) {
                Some(person) => person.devices.push(device),
                None => people.push(Person {
                    name: text("name"),
                    user_id: text("user_id").parse().unwrap(),
                    devices: vec![device],
                }),
            }
        }
        people.try_into().unwrap()
    }

    /// A request to the operator's port, with the operator's token.
    pub async fn operate(&self, method: &str, path: &str, body: &str) -> http::Answer {
        let token = format!("Bearer {}", self.operator_token());
        let headers = [("authorization", token.as_str()), ("content-type", Encoding::Json.content_type())];
        http::exchange(self.operator, method, path, &headers, body.as_bytes()).await
    }

    /// Resident memory of the process, bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// SIGKILL: nothing is said, nothing is finished.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, without waiting for what it does.
    pub fn begin_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end of a process that was told to stop.
    pub fn stopped(mut self) -> Stopped {
        let began = Instant::now();
        let status =
            wait(&mut self.child).unwrap_or_else(|| panic!("it does not end; the log:\n{}", self.log()));
        let took = began.elapsed();
        let stdout = std::iter::once(self.ready.clone()).chain(self.lines.iter()).collect();
        Stopped { status, took, stdout }
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(self) -> Stopped {
        self.begin_to_stop();
        self.stopped()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let from = log.lines().count().saturating_sub(LOG_LINES_SHOWN);
            println!("the end of the server's log:");
            log.lines().skip(from).for_each(|line| println!("  {line}"));
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn addresses(ready: &str) -> (SocketAddr, SocketAddr) {
    let rest = ready.strip_prefix("highwater ready client=http://").expect(ready);
    let (client, operator) = rest.split_once(" operator=http://").expect(ready);
    (client.parse().unwrap(), operator.parse().unwrap())
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}
