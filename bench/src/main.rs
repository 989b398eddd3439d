//! The load tool: starts the real server, puts it under the loads of the table, prints the table.
//!
//! What is measured, and how, is told in `docs/performance.md`.

mod accounts;
mod baselines;
mod blocking;
mod client;
mod crossover_picture;
mod fields;
mod fleet;
mod frames;
mod gathering;
mod instructions;
mod lane;
mod machine;
mod pace;
mod process_figures;
mod profile;
mod report;
mod server;
mod tally;
mod websocket;
mod works;

use std::{
    fs, io,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, ValueEnum};

use crate::{
    baselines::{echo, raw_append},
    machine::Cores,
    report::{Report, Setting, Verdict, grouped, say},
    server::Place,
    works::{
        catch_up, channel, counting, crossover, group, idle, idle_sync, one_to_one, stage::Form, whole_sync,
    },
};

/// Records per sync of the raw baseline. Source: one alone, the server's largest batch, and far beyond.
const RAW_BATCHES: [usize; 3] = [1, 256, 4096];

/// Measure a Highwater server on this machine.
#[derive(Debug, Parser)]
#[command(name = "highwater-bench", version)]
struct Options {
    /// What to measure; without any, everything.
    works: Vec<Work>,
    /// The server.
    #[arg(long, value_name = "PATH", default_value = "target/release/highwater")]
    server: PathBuf,
    /// Where data directories are made and removed, on a file system that keeps what is synced.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    directory: PathBuf,
    /// Where the table and profiles are written.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Messages that W2 counts on each server; at least 200,000 for a figure.
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(200_000..))]
    messages: u64,
    /// Servers with a store in W2, each followed by one without; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Messages per second at which W2 measures latencies; without it, a fifth of the rate that it measured.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    latency_rate: Option<u32>,
    /// Connections of W1.
    #[arg(long, value_name = "N", default_value_t = 15_000, value_parser = clap::value_parser!(u32).range(100..=60_000))]
    connections: u32,
    /// Small sizes, to see within half a minute that everything works; the figures are no results.
    #[arg(long)]
    short: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Idle connections.
    W1,
    /// One-to-one, 500 pairs.
    W2a,
    /// One-to-one, 10,000 pairs of 15,000 connected of 20,000 users.
    W2b,
    /// A group with one sender.
    W3,
    /// What waits for a device that was away, after a restart.
    W4,
    /// A sync with nothing new.
    W9,
    /// A channel, whose posts are read by merge.
    W10,
    /// Groups and channels of the same sizes beside each other.
    Crossover,
    /// Bytes of a sync without snapshots against one with them.
    WholeSync,
    /// W2 with counting against W2 without, by instructions and by CPU; only when it is named.
    Counting,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("bench: failed: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let begun = Instant::now();
    server::must_exist(&options.server)?;
    fs::create_dir_all(&options.directory)?;
    fs::create_dir_all(&options.out)?;
    let file_system = machine::file_system(&options.directory)?;
    let (mut report, cores) =
        (Report { is_short: options.short, ..Report::default() }, Cores::of_this_machine());
    report.note(format!("Machine: {}.", machine::description()));
    report.note(format!("Cores: {}.", cores.sentence()));
    report.note(format!("Data on {file_system}."));
    let place = Place {
        binary: options.server.clone(),
        under: Vec::new(),
        counts: true,
        directory: options.directory.clone(),
        cores,
    };
    place.cores.take_for_load()?;
    baselines(options, &place, &mut report)?;
    for work in chosen(options) {
        measure(work, options, &place, &mut report)?;
    }
    report.note(format!("The run took {:.0} s.", begun.elapsed().as_secs_f64()));
    print(&report);
    fs::write(options.out.join("table.md"), report.markdown())
}

fn chosen(options: &Options) -> Vec<Work> {
    match (options.works.as_slice(), options.short) {
        ([], true) => {
            vec![Work::W9, Work::WholeSync, Work::W4, Work::W3, Work::W10, Work::W2a, Work::W1]
        }
        ([], false) => vec![
            Work::W1,
            Work::W2a,
            Work::W2b,
            Work::W3,
            Work::W4,
            Work::W9,
            Work::W10,
            Work::WholeSync,
            Work::Crossover,
        ],
        (works, _) => works.to_vec(),
    }
}

fn measure(work: Work, options: &Options, place: &Place, report: &mut Report) -> io::Result<()> {
    say(&format!("{work:?} begins"));
    let form = match work {
        Work::W1 if options.short => return idle::run(place, idle::Size::short(), report),
        Work::W1 => {
            let pairs = options.connections as usize / 2;
            return idle::run(place, idle::Size::full(pairs * 2), report);
        }
        Work::W3 => {
            let size = if options.short { group::Size::short() } else { group::Size::full(options.rounds) };
            return group::run(place, &size, &options.out, report);
        }
        Work::W4 => {
            let (conversations, messages, devices) = if options.short { (10, 50, 2) } else { (100, 100, 20) };
            return catch_up::run(place, catch_up::Size { conversations, messages, devices }, report);
        }
        Work::W10 => {
            let size =
                if options.short { channel::Size::short() } else { channel::Size::full(options.rounds) };
            return channel::run(place, &size, &options.out, report);
        }
        Work::Crossover => {
            let size = if options.short { crossover::Size::short() } else { crossover::Size::full() };
            return crossover::run(place, &size, &options.out, report);
        }
        Work::W9 => return idle_sync::run(place, report),
        Work::Counting => {
            let size = if options.short {
                counting::Size::short()
            } else {
                counting::Size::full(options.rounds, options.messages)
            };
            return counting::run(place, &size, report);
        }
        Work::WholeSync => {
            let conversations: &[usize] = if options.short { &[2] } else { &[1, 10, 100, 200, 400] };
            return whole_sync::run(place, conversations, report);
        }
        Work::W2a => Form::Few,
        Work::W2b => Form::Many,
    };
    let size = if options.short {
        one_to_one::Size { messages: 20_000, rounds: 1, fills: false, latencies: None, latency_rate: None }
    } else {
        one_to_one::Size {
            messages: options.messages,
            rounds: usize::from(options.rounds),
            fills: true,
            latencies: Some(Duration::from_secs(10)),
            latency_rate: options.latency_rate.map(f64::from),
        }
    };
    one_to_one::run(place, form, size, &options.out, report)
}

/// What the machine does without a server.
fn baselines(options: &Options, place: &Place, report: &mut Report) -> io::Result<()> {
    let duration = if options.short { Duration::from_millis(200) } else { Duration::from_secs(2) };
    let setting = Setting { cores: place.cores.short(), ..Setting::default() };
    let echo = echo::measure(&place.cores, duration)?;
    report.row(
        "baseline: bare WebSocket echo, p50 / p99 / p99.9",
        format!(
            "{} / {} / {} µs",
            grouped(echo.p50_us as f64),
            grouped(echo.p99_us as f64),
            grouped(echo.p999_us as f64)
        ),
        "",
        Verdict::Information,
        &Setting { payload: "200 B".to_owned(), in_flight: "1".to_owned(), ..setting.clone() },
    );
    for batch in RAW_BATCHES {
        place.cores.take_for_server()?;
        let raw = raw_append::measure(&options.directory, batch, duration);
        place.cores.take_for_load()?;
        let raw = raw?;
        report.row(
            format!("baseline: append {batch} × {} B and fdatasync", raw_append::RECORD_BYTES),
            format!(
                "{} records/s; one sync p50 {}, p99 {} µs",
                grouped(raw.records_per_s),
                grouped(raw.p50_us as f64),
                grouped(raw.p99_us as f64)
            ),
            "",
            Verdict::Information,
            &Setting { stage: "synced", in_flight: raw.batch.to_string(), ..setting.clone() },
        );
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the table is what the command is for")]
fn print(report: &Report) {
    println!("{}", report.markdown());
}
