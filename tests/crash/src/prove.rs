//! `highwater-torture prove`: a server that was built with bugs on purpose talks well while nothing happens to it, and
//! each bug is found by the blows that it is afraid of.
//!
//! Every run is one of `highwater-torture run` in a process of its own, so what is proved is the exit code that users
//! of the torture see. Two bugs are tried at the same time: they share nothing but the machine.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
};

use clap::Args;

use crate::NOT_CLEAN;
use highwater_torture::campaign::REFUSED;

/// How long plain talk lasts, seconds: enough for thousands of messages.
const TALK_S: u64 = 4;
/// The counts of a verdict that show a bug of the server. Source: README.md of the checker.
const OFFENCES: [&str; 10] = [
    "lost",
    "duplicated",
    "reordered",
    "invented",
    "leaked",
    "partial",
    "unseen",
    "skipped",
    "rewound",
    "inconsistent",
];

/// Bugs that are tried at the same time. Source: more of them, on two cores, and plain talk is too slow to count.
const AT_A_TIME: usize = 2;

/// A bug, and what finds it.
struct Bug {
    name: &'static str,
    by: &'static [&'static str],
    /// How long blows fall, seconds.
    duration_s: u64,
    /// The bug must have been found after these. A short run may miss the moment that a bug needs.
    seeds: [u64; 4],
}

/// Source of durations and seeds: measured with the debug build on four busy cores. The first two bugs were found with
/// each of the seeds 1 to 5, forgotten posts and erasures with each that was tried; the last one needs a cut soon after a kill, for which 3, 4 and 5 come to it early.
const BUGS: [Bug; 6] = [
    Bug { name: "acknowledge-before-write", by: &[], duration_s: 8, seeds: [2, 3, 4, 1] },
    Bug { name: "acknowledge-before-sync", by: &["--powercut"], duration_s: 8, seeds: [3, 2, 4, 5] },
    Bug { name: "forget-fan-outs", by: &[], duration_s: 8, seeds: [1, 2, 3, 4] },
    Bug { name: "forget-posts", by: &[], duration_s: 8, seeds: [1, 2, 3, 4] },
    Bug { name: "forget-erasures", by: &[], duration_s: 8, seeds: [1, 2, 3, 4] },
    Bug { name: "serve-unsynced-tail", by: &["--powercut"], duration_s: 12, seeds: [4, 3, 5, 1] },
];

#[derive(Args, Clone)]
pub(crate) struct ProveArguments {
    /// The server, built with the feature `seeded-bugs`.
    #[arg(long, value_name = "PATH")]
    server_with_bugs: PathBuf,
}

/// What one run came to.
struct Run {
    code: Option<i32>,
    /// The figures of offences that are not 0, as `name=N`, and how much was acknowledged.
    figures: String,
    /// Whether something was lost, doubled, moved or made up. A run also fails when too little happened in it, or when
    /// a client hangs: neither proves anything.
    offends: bool,
    output: String,
}

/// Tries all bugs and prints a line for each.
///
/// # Errors
/// When a run cannot be started.
pub(crate) fn run(arguments: &ProveArguments) -> io::Result<ExitCode> {
    let dir = std::env::temp_dir().join(format!("highwater-torture-prove-{}", std::process::id()));
    fs::create_dir(&dir)?;
    let mut all = true;
    for bugs in BUGS.chunks(AT_A_TIME) {
        for proof in prove_beside(arguments, bugs, &dir) {
            let (is_proved, line) = proof?;
            writeln!(io::stdout(), "{line}")?;
            all &= is_proved;
        }
    }
    if all {
        fs::remove_dir_all(&dir)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(io::stdout(), "kept: {}", dir.display())?;
    Ok(ExitCode::from(NOT_CLEAN))
}

/// Tries some bugs at the same time.
fn prove_beside(arguments: &ProveArguments, bugs: &[Bug], dir: &Path) -> Vec<io::Result<(bool, String)>> {
    thread::scope(|scope| {
        let proofs: Vec<_> = bugs.iter().map(|bug| scope.spawn(move || prove(arguments, bug, dir))).collect();
        proofs.into_iter().map(|proof| proof.join().expect("a proof does not panic")).collect()
    })
}

/// Whether the bug is proved, and the line that says so.
fn prove(arguments: &ProveArguments, bug: &Bug, dir: &Path) -> io::Result<(bool, String)> {
    let name = bug.name;
    let talk = torture(arguments, bug, dir, 0, TALK_S, &["--no-blows"])?;
    if talk.code != Some(0) {
        let text = format!("not a fair bug: {name} fails plain talk\n{}", talk.output);
        return Ok((false, text));
    }
    let mut misses = String::new();
    for seed in bug.seeds {
        let run = torture(arguments, bug, dir, seed, bug.duration_s, bug.by)?;
        let Run { code, figures, .. } = run;
        if code == Some(i32::from(NOT_CLEAN)) && run.offends {
            let talked = talk.figures;
            return Ok((
                true,
                format!("caught {name}: exit 1, {figures} seed={seed} (plain talk: exit 0, {talked})"),
            ));
        }
        if code.is_none_or(|code| code > i32::from(NOT_CLEAN)) {
            return Ok((false, format!("not judged: {name} with seed {seed}\n{}", run.output)));
        }
        misses = run.output;
    }
    Ok((false, format!("not caught: {name} with seeds {:?}\n{misses}", bug.seeds)))
}

fn torture(
    arguments: &ProveArguments,
    bug: &Bug,
    dir: &Path,
    seed: u64,
    duration_s: u64,
    by: &[&str],
) -> io::Result<Run> {
    let this = std::env::current_exe()?;
    let mut command = Command::new(&this);
    // Ends with this process, however that ends.
    command.arg("guard").arg("--").arg(&this).arg("run");
    command.arg("--server").arg(&arguments.server_with_bugs);
    command.arg("--data").arg(dir.join(format!("{}-{seed}", bug.name)));
    command.args(["--seeded-bug", bug.name, "--seed", &seed.to_string()]);
    command.args(["--duration-s", &duration_s.to_string()]).args(by);
    let output = command.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let verdict = text.lines().rev().take(2).flat_map(|line| line.split(' '));
    let counts: Vec<(&str, u64)> = verdict
        .filter_map(|part| part.split_once('='))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .filter(|(name, count)| *name == "acknowledged" || (OFFENCES.contains(name) && *count > 0))
        .collect();
    let figures: Vec<String> = counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
    let refused = if text.contains(REFUSED) { " (it refuses to start on its storage)" } else { "" };
    Ok(Run {
        code: output.status.code(),
        figures: figures.join(" ") + refused,
        offends: counts.iter().any(|(name, _)| OFFENCES.contains(name)),
        output: format!("{text}{}", String::from_utf8_lossy(&output.stderr)),
    })
}
