//! `highwater-torture run`: kills the server and cuts its power while clients talk, and judges what they saw.
//!
//! The last line on stdout is the verdict. The exit code is 0 for a clean run, 1 for one that is not, 2 for one that
//! could not be judged. A server that refuses to start after a blow is judged: every message that it acknowledged
//! counts as lost, for nobody can serve it any more.
//!
//! `highwater-torture prove` shows that this finds the bugs that a server was built with on purpose.

mod prove;

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use highwater_torture::{
    campaign::{self, Options, Outcome, Power},
    client::{self, ClientArguments},
    fan_out,
};
use prove::ProveArguments;

const NOT_CLEAN: u8 = 1;
const NOT_JUDGED: u8 = 2;
/// Time that a run may take beside its duration before it is ended as hanging.
const OVERTIME: Duration = Duration::from_secs(420);

#[derive(Parser)]
#[command(about = "Kills the Highwater server and cuts its power while clients talk; judges what they saw.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Task>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Subcommand)]
enum Task {
    /// Tortures the server (the default).
    Run(RunArguments),
    /// Kills the server in the middle of the fan-out of a message to a big group.
    FanOut(FanOutArguments),
    /// Proves that seeded bugs are found.
    Prove(ProveArguments),
    /// A client process, started by `run`.
    #[command(hide = true)]
    Client(ClientArguments),
    /// Becomes another program that ends when its parent does.
    #[command(hide = true)]
    Guard {
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

#[derive(Args, Clone)]
struct RunArguments {
    /// How long kills or cuts go on, seconds.
    #[arg(long, default_value_t = 60)]
    duration_s: u64,
    /// Blows, times, recipients and what a cut leaves are drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server.
    #[arg(long, default_value = "target/debug/highwater")]
    server: PathBuf,
    /// Cut the power as well, by recorded writes and rebuilt images.
    #[arg(long)]
    powercut: bool,
    /// No kills and no cuts: plain talk, which also a server with a seeded bug must pass.
    #[arg(long, conflicts_with_all = ["powercut", "powercut_ext4"])]
    no_blows: bool,
    /// Messages and nothing else: no blocks, no devices that end.
    #[arg(long)]
    only_messages: bool,
    /// Before that, cut the power so often on a loop-mounted ext4; needs root.
    #[arg(long, default_value_t = 0)]
    powercut_ext4: u32,
    /// Accounts.
    #[arg(long, default_value_t = 20)]
    users: usize,
    /// Devices of each.
    #[arg(long, default_value_t = 3)]
    devices: usize,
    /// Sends a second of all devices together, about.
    #[arg(long, default_value_t = 400)]
    rate: u64,
    /// Unanswered sends that a device keeps at most.
    #[arg(long, default_value_t = 6)]
    window: usize,
    /// Name of a bug that the server was built with.
    #[arg(long)]
    seeded_bug: Option<String>,
    /// Directory of the run, to be created; without it a fresh one in the system's directory for such.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Keep the directory also of a clean run, with the disk of before each cut.
    #[arg(long)]
    keep: bool,
}

#[derive(Args, Clone)]
struct FanOutArguments {
    /// The server.
    #[arg(long, default_value = "target/debug/highwater")]
    server: PathBuf,
    /// Members of the group.
    #[arg(long, default_value_t = 10_000)]
    members: usize,
    /// Kills that must fall in the middle.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// When they fall is drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Task::Client(arguments)) => client::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Task::Guard { command }) => guard(&command),
        Some(Task::FanOut(arguments)) => fan_out_kills(&arguments),
        Some(Task::Prove(arguments)) => prove::run(&arguments),
        Some(Task::Run(arguments)) => run(&arguments),
        None => run(&cli.run),
    };
    done.unwrap_or_else(|error| {
        eprintln!("highwater-torture: {error}");
        ExitCode::from(NOT_JUDGED)
    })
}

fn guard(command: &[std::ffi::OsString]) -> io::Result<ExitCode> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let (program, arguments) = command.split_first().expect("at least a program is required");
    Err(Command::new(program).args(arguments).exec())
}

fn run(arguments: &RunArguments) -> io::Result<ExitCode> {
    if arguments.users < 2 || arguments.devices == 0 {
        return Err(io::Error::other("at least two users with a device each are needed"));
    }
    let dir = directory(arguments)?;
    watch(Duration::from_secs(arguments.duration_s * 2) + OVERTIME);
    let mut clean = true;
    if arguments.powercut_ext4 > 0 {
        clean = ext4(arguments, &dir)?;
    }
    let power = if arguments.powercut { Power::Recorded } else { Power::Stays };
    let name = match (arguments.no_blows, arguments.powercut) {
        (true, _) => "talk",
        (false, true) => "powercut",
        (false, false) => "kill",
    };
    clean &= one(arguments, &dir, name, power)?;
    if clean && !arguments.keep {
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) })
}

fn fan_out_kills(arguments: &FanOutArguments) -> io::Result<ExitCode> {
    let FanOutArguments { server, members, rounds, seed } = arguments;
    let dir = std::env::temp_dir().join(format!("highwater-fan-out-{seed}-{}", std::process::id()));
    watch(OVERTIME * 2);
    let options = fan_out::Options {
        binary: server.clone(),
        dir: dir.clone(),
        members: *members,
        rounds: *rounds,
        seed: *seed,
    };
    // What cannot be said stops nothing: the exit code is what counts.
    let wrong = fan_out::run(&options, &mut |line| drop(say(&line)));
    let wrong = wrong.inspect_err(|_| drop(say(&format!("kept: {}", dir.display()))))?;
    if wrong > 0 {
        say(&format!(
            "{wrong} members lack a message, or have it twice or elsewhere; kept: {}",
            dir.display()
        ))?;
        return Ok(ExitCode::from(NOT_CLEAN));
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(ExitCode::SUCCESS)
}

fn ext4(arguments: &RunArguments, dir: &Path) -> io::Result<bool> {
    match campaign::ext4_possible(dir) {
        Ok(()) => one(arguments, dir, "ext4", Power::Ext4 { cuts: arguments.powercut_ext4 }),
        Err(error) => {
            say(&format!("skipped: ext4 forced shutdown ({error})"))?;
            Ok(true)
        }
    }
}

/// One campaign with its lines on stdout; the verdict is the last of them.
fn one(arguments: &RunArguments, dir: &Path, name: &str, power: Power) -> io::Result<bool> {
    let options = Options {
        binary: arguments.server.clone(),
        dir: dir.join(name),
        duration: Duration::from_secs(arguments.duration_s),
        blows: !arguments.no_blows,
        only_messages: arguments.only_messages,
        seed: arguments.seed,
        users: arguments.users,
        devices: arguments.devices,
        rate_per_s: arguments.rate,
        window: arguments.window,
        seeded_bug: arguments.seeded_bug.clone(),
        power,
        keep: arguments.keep,
    };
    let judged = campaign::run(&options);
    let outcome = match judged {
        Ok(outcome) => outcome,
        Err(error) => {
            say_replay(dir)?;
            return Err(error);
        }
    };
    let Outcome { verdict, faults, counters } = &outcome;
    let clean = verdict.is_clean() && faults.is_empty();
    verdict.write_report(&mut io::stderr().lock())?;
    for fault in faults {
        say(&format!("fault: {fault}"))?;
    }
    if !clean {
        say_replay(dir)?;
    }
    say(&format!("{name} {}", verdict.tried.line()))?;
    say(&format!("{name} {} {}", counters.line(), verdict.further_line()))?;
    say(&verdict.line(arguments.seed))?;
    Ok(clean)
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// How to run the same again, and where this run lies.
fn say_replay(dir: &Path) -> io::Result<()> {
    let mut command: Vec<String> = std::env::args().collect();
    if let Some(position) = command.iter().position(|argument| argument == "--data") {
        command.drain(position..position + 2);
    }
    if !command.iter().any(|argument| argument == "--keep") {
        command.push("--keep".to_owned());
    }
    say(&format!("kept: {}", dir.display()))?;
    say(&format!("replay: {}", command.join(" ")))
}

/// The directory of the run.
fn directory(arguments: &RunArguments) -> io::Result<PathBuf> {
    if let Some(dir) = &arguments.data {
        std::fs::create_dir(dir)?;
        return dir.canonicalize();
    }
    let base = std::env::temp_dir();
    let dir = base.join(format!("highwater-torture-{}-{}", arguments.seed, std::process::id()));
    std::fs::create_dir(&dir)?;
    Ok(dir)
}

/// Ends a run that hangs. Server and clients end with this process.
fn watch(limit: Duration) {
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("highwater-torture: the run hangs: not done within {limit:?}");
        std::process::exit(i32::from(NOT_JUDGED));
    });
}
