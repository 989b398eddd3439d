//! The client process: hosts some of the devices, each with a file store, and writes down what they do and see.
//!
//! Commands come as lines on stdin, answers go as lines to stdout; the end of stdin ends the process. It may be killed
//! at any moment: a later life takes up the same stores.

mod asking;
mod blocks;
mod channels;
mod device;
mod groups;
mod host;
mod probe;
mod recorder;
mod window;

use std::{
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
};

use tokio::sync::mpsc;

use channels::TURNER;
use host::Host;

pub(crate) use recorder::entry_fields;

/// So many users keep groups and channels: the first ones of the list.
pub(crate) const KEEPING_USERS: usize = TURNER + 1;

/// Commands that wait to be obeyed; the driver waits when there are more.
const COMMANDS_MAX: usize = 16;

/// What the driver tells a client process at its start.
#[derive(Debug, Clone, clap::Args)]
pub struct ClientArguments {
    /// `http://HOST:PORT` of the server.
    #[arg(long)]
    pub base_url: String,
    /// The file of `highwater admin provision`.
    #[arg(long)]
    pub accounts: PathBuf,
    /// Number of this process: it hosts every device whose position in the file leaves this remainder.
    #[arg(long)]
    pub process: usize,
    /// How many processes there are.
    #[arg(long)]
    pub processes: usize,
    /// Directory of the stores.
    #[arg(long)]
    pub stores: PathBuf,
    /// The history file of this life, to be created.
    #[arg(long)]
    pub history: PathBuf,
    /// A file of 16 bytes, kept up to date: sends on their way, and what was told, each little-endian.
    #[arg(long)]
    pub gauge: PathBuf,
    /// The stores exist: an earlier life of this process was killed.
    #[arg(long)]
    pub again: bool,
    /// Messages and nothing else: no blocks.
    #[arg(long)]
    pub only_messages: bool,
    /// Unanswered sends that a device keeps.
    #[arg(long)]
    pub window: usize,
    /// Mean time between two sends of one device, milliseconds.
    #[arg(long)]
    pub interval_ms: u64,
    /// Seed of recipients and lengths.
    #[arg(long)]
    pub seed: u64,
}

impl ClientArguments {
    /// The arguments as a process is given them.
    pub fn to_command_line(&self) -> Vec<OsString> {
        let mut line: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: &OsStr| line.extend([name.into(), value.into()]);
        add("--base-url", self.base_url.as_ref());
        add("--accounts", self.accounts.as_ref());
        add("--process", self.process.to_string().as_ref());
        add("--processes", self.processes.to_string().as_ref());
        add("--stores", self.stores.as_ref());
        add("--history", self.history.as_ref());
        add("--gauge", self.gauge.as_ref());
        add("--window", self.window.to_string().as_ref());
        add("--interval-ms", self.interval_ms.to_string().as_ref());
        add("--seed", self.seed.to_string().as_ref());
        if self.again {
            line.push("--again".into());
        }
        if self.only_messages {
            line.push("--only-messages".into());
        }
        line
    }
}

/// Runs a client process until the driver has no more for it.
///
/// # Errors
/// When a file cannot be opened or a client cannot be started.
pub fn run(arguments: &ClientArguments) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(arguments))
}

async fn serve(arguments: &ClientArguments) -> io::Result<()> {
    let mut host = Host::start(arguments)?;
    host.obey().await?;
    // What the devices still have open ends with the process, as it would if the process were killed.
    Ok(())
}

/// The lines of stdin. The thread that reads them ends with the process.
fn commands() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn say(line: String) {
    use std::io::Write;
    // A driver that went away ends this process anyway.
    let _ = writeln!(io::stdout(), "{line}");
}
