//! The rows of W2: several servers one after the other, with and without a store, and what they say together.

use std::{io, path::Path, time::Duration};

use crate::{
    baselines::echo::{self, Echo},
    frames::TEXT_BYTES,
    lane::Latencies,
    report::{Report, Setting, Verdict, grouped, median, say},
    server::{Place, Store},
    works::stage::{Form, Measured, Stage, in_flight},
};

/// What the CPU of the delivered store may be of that of the null store.
const NULL_STORE_RATIO: f64 = 1.7;

/// Part of the measured rate at which latencies are measured.
const OPEN_PART: f64 = 0.2;

/// How long the echo is measured, before and after the latencies.
const ECHO: Duration = Duration::from_secs(2);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Messages that are counted on each server.
    pub messages: u64,
    /// Servers with a store, each followed by one without.
    pub rounds: usize,
    /// Whether the tail is filled before.
    pub fills: bool,
    /// How long latencies are measured, if they are.
    pub latencies: Option<Duration>,
    /// At so many messages per second; `None`: a fifth of the measured rate.
    pub latency_rate: Option<f64>,
}

/// Measures one form and adds its rows.
///
/// # Errors
/// When anything that was sent did not arrive.
pub fn run(place: &Place, form: Form, size: Size, out: &Path, report: &mut Report) -> io::Result<()> {
    let (name, cpu_reach, rate_reach) = match form {
        Form::Few => ("W2a", 5.0, Some(250_000.0)),
        Form::Many => ("W2b", 12.0, None),
        Form::Group(_) | Form::Channel(_) => unreachable!("messages to many are works of their own"),
    };
    let setting = Setting {
        engine: "sled",
        stage: "stored",
        payload: format!("{TEXT_BYTES} B"),
        in_flight: in_flight(),
        cores: place.cores.short(),
    };
    let knows_null = place.knows_null_store() && size.rounds > 0 && size.fills;
    let Rounds { stored, null, last } = measure_rounds(place, form, size, knows_null, name)?;
    let cpu = median(stored.iter().map(Measured::cpu_s_per_million).collect());
    let rate = median(stored.iter().map(Measured::per_second).collect());
    let cpu_row = format!("{name} one-to-one, server CPU per 1M messages");
    report.row(
        cpu_row,
        format!("{cpu:.2} s"),
        format!("≤ {cpu_reach:.0} s"),
        Verdict::at_most(cpu, cpu_reach),
        &setting,
    );
    let rate_verdict = rate_reach.map_or(Verdict::Information, |reach| Verdict::at_least(rate, reach));
    let rate_text = rate_reach.map_or(String::new(), |reach| format!("≥ {}/s", grouped(reach)));
    report.row(
        format!("{name} one-to-one, rate"),
        format!("{}/s", grouped(rate)),
        rate_text,
        rate_verdict,
        &setting,
    );
    null_row(name, cpu, &null, knows_null, size.fills, &setting, report);
    describe(name, &stored, report);
    let missed = report.missed(name) && size.fills;
    if size.latencies.is_none() && !missed {
        return last.map_or(Ok(()), Stage::strike);
    }
    let stage = match last {
        Some(stage) => stage,
        None => Stage::set(place, form, Store::Delivered)?,
    };
    if let Some(duration) = size.latencies {
        latency_rows(
            place,
            &stage,
            name,
            size.latency_rate.unwrap_or(rate * OPEN_PART),
            duration,
            &setting,
            report,
        )?;
    }
    if missed {
        let file = out.join(format!("{}-profile.txt", name.to_lowercase()));
        stage.profile(&file)?;
        report.note(format!("{name}: where the server's time goes is in {}", file.display()));
    }
    stage.strike()
}

/// Servers with a store and, in turn with them, servers without.
struct Rounds {
    stored: Vec<Measured>,
    null: Vec<Measured>,
    /// The last server with a store, still standing when none without followed it.
    last: Option<Stage>,
}

fn measure_rounds(place: &Place, form: Form, size: Size, knows_null: bool, name: &str) -> io::Result<Rounds> {
    let (mut stored, mut null, mut last) = (Vec::new(), Vec::new(), None);
    for round in 1..=size.rounds {
        if let Some(stage) = last.take() {
            Stage::strike(stage)?;
        }
        let stage = Stage::set(place, form, Store::Delivered)?;
        stored.push(told(stage.measure(size.messages, size.fills)?, name, round));
        if knows_null {
            stage.strike()?;
            let stage = Stage::set(place, form, Store::Null)?;
            null.push(told(
                stage.measure(size.messages, size.fills)?,
                &format!("{name} without a store"),
                round,
            ));
            stage.strike()?;
        } else {
            last = Some(stage);
        }
    }
    Ok(Rounds { stored, null, last })
}

fn told(measured: Measured, name: &str, round: usize) -> Measured {
    say(&format!(
        "{name}, round {round}: {:.2} s per 1M, {}/s",
        measured.cpu_s_per_million(),
        grouped(measured.per_second())
    ));
    measured
}

fn null_row(
    name: &str,
    cpu: f64,
    null: &[Measured],
    knows_null: bool,
    fills: bool,
    setting: &Setting,
    report: &mut Report,
) {
    let work = format!("{name} one-to-one, CPU against the null store");
    let reach = format!("≤ {NULL_STORE_RATIO} ×");
    if !knows_null {
        let why = if fills { "not measured: no null store" } else { "not measured: short" };
        report.row(work, "–", reach, Verdict::No(why.to_owned()), setting);
        return;
    }
    let base = median(null.iter().map(Measured::cpu_s_per_million).collect());
    let rate = median(null.iter().map(Measured::per_second).collect());
    let figure = format!("{:.2} × ({base:.2} s per 1M, {}/s without a store)", cpu / base, grouped(rate));
    report.row(work, figure, reach, Verdict::at_most(cpu / base, NULL_STORE_RATIO), setting);
}

/// What stands behind the medians.
fn describe(name: &str, stored: &[Measured], report: &mut Report) {
    for (round, one) in stored.iter().enumerate() {
        let threads: Vec<String> = one
            .by_thread
            .iter()
            .filter(|(_, cpu_s)| **cpu_s >= 0.02 * one.cpu_s)
            .map(|(thread, cpu_s)| format!("{thread} {:.2}", cpu_s * 1e6 / one.messages as f64))
            .collect();
        let counts = &one.counts;
        report.note(format!(
            "{name} round {}: {} messages, {:.2} CPU s per 1M, {}/s; caught up {:.1} s after the last; {} versions \
             behind at the start; tail up to {:.0} MB; {:.0} messages per commit; {} pushed or \
             paged entries, {} nudges, {} syncs, {} discarded pages, {} busy; CPU s per 1M by thread: {}; load {:.2}.",
            round + 1,
            grouped(one.messages as f64),
            one.cpu_s_per_million(),
            grouped(one.per_second()),
            one.caught_up_s - one.wall_s,
            grouped(one.debt as f64),
            one.tail_bytes_max as f64 / 1e6,
            one.messages as f64 / one.batches.max(1) as f64,
            grouped((counts.delivered + counts.own_entries) as f64),
            grouped(counts.nudges as f64),
            grouped(counts.syncs_asked as f64),
            grouped(counts.discarded_pages as f64),
            grouped(counts.refused as f64),
            threads.join(", "),
            one.load_cpu_s * 1e6 / one.messages as f64,
        ));
    }
}

fn latency_rows(
    place: &Place,
    stage: &Stage,
    name: &str,
    per_second: f64,
    duration: Duration,
    setting: &Setting,
    report: &mut Report,
) -> io::Result<()> {
    let before = echo::measure(&place.cores, ECHO)?;
    let measured = stage.latencies(per_second, duration)?;
    let echo = before.worse(echo::measure(&place.cores, ECHO)?);
    let setting = Setting { in_flight: format!("open, {}/s", grouped(per_second)), ..setting.clone() };
    report.row(
        format!("{name} bare echo in the same run, p50 / p99 / p99.9"),
        format!(
            "{} / {} / {} µs",
            grouped(echo.p50_us as f64),
            grouped(echo.p99_us as f64),
            grouped(echo.p999_us as f64)
        ),
        format!("p99 ≤ {} µs for latencies to count", grouped(echo::P99_US_MAX as f64)),
        if echo.is_quiet() { Verdict::Met } else { Verdict::No("too noisy".to_owned()) },
        &setting,
    );
    let Latencies { acknowledged, delivered, .. } = measured;
    for (what, histogram) in [("acknowledgement", acknowledged), ("delivery", delivered)] {
        let at = |quantile| histogram.value_at_quantile(quantile);
        report.row(
            format!("{name} latency of {what}, p50 / p99 / p99.9"),
            format!(
                "{} / {} / {} µs",
                grouped(at(0.5) as f64),
                grouped(at(0.99) as f64),
                grouped(at(0.999) as f64)
            ),
            "",
            latency_verdict(echo, at(0.99)),
            &setting,
        );
    }
    Ok(())
}

pub(super) fn latency_verdict(echo: Echo, p99_us: u64) -> Verdict {
    if echo.is_quiet() {
        return Verdict::Information;
    }
    Verdict::No(format!("too noisy: p99 is {:.1} × the echo's", p99_us as f64 / echo.p99_us.max(1) as f64))
}
