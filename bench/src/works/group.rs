//! W3: a group of which everybody is online and one sends. What a delivery costs, and how long after the acknowledgement
//! the last member has it.

use std::{io, path::Path, time::Duration};

use crate::{
    baselines::echo,
    frames::TEXT_BYTES,
    lane::Latencies,
    pace::IN_FLIGHT,
    report::{Report, Setting, Verdict, grouped, median, say},
    server::{Place, Store},
    works::{
        one_to_one::latency_verdict,
        quantiles,
        stage::{Audience, Form, Measured, Stage},
    },
};

/// Server CPU seconds for a million deliveries in the larger group.
const REACH_S: f64 = 1.5;

/// Members of the group that has to reach it, and of a small one beside it. Source: the definition of the work.
const MEMBERS: [usize; 2] = [500, 10];

/// Part of the measured rate at which latencies are measured.
const OPEN_PART: f64 = 0.2;

/// How long the echo is measured, before and after the latencies.
const ECHO: Duration = Duration::from_secs(2);

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Size {
    members: Vec<usize>,
    /// Deliveries that are counted on each server.
    deliveries: u64,
    rounds: usize,
    /// Whether the tail is filled before.
    fills: bool,
    /// How long latencies are measured, if they are.
    latencies: Option<Duration>,
}

impl Size {
    /// Of a figure.
    #[must_use]
    pub fn full(rounds: u8) -> Size {
        Size {
            members: MEMBERS.to_vec(),
            deliveries: 2_000_000,
            rounds: usize::from(rounds),
            fills: true,
            latencies: Some(Duration::from_secs(10)),
        }
    }

    /// To see that it works.
    #[must_use]
    pub fn short() -> Size {
        Size { members: vec![120], deliveries: 20_000, rounds: 1, fills: false, latencies: None }
    }
}

/// Measures and adds the rows.
///
/// # Errors
/// When anything that was sent did not arrive.
pub fn run(place: &Place, size: &Size, out: &Path, report: &mut Report) -> io::Result<()> {
    for members in &size.members {
        of_members(place, *members, size, out, report)?;
    }
    Ok(())
}

fn of_members(place: &Place, members: usize, size: &Size, out: &Path, report: &mut Report) -> io::Result<()> {
    let (form, name) = (Form::Group(Audience::present(members)), format!("W3 group of {members}"));
    let messages = size.deliveries.div_ceil(form.readers());
    let (mut measured, mut last) = (Vec::new(), None);
    for round in 1..=size.rounds {
        if let Some(stage) = last.take() {
            Stage::strike(stage)?;
        }
        let stage = Stage::set(place, form, Store::Delivered)?;
        let one = stage.measure(messages, size.fills)?;
        say(&format!("{name}, round {round}: {:.2} s per 1M deliveries", cpu_s(&one, form)));
        measured.push(one);
        last = Some(stage);
    }
    let setting = Setting {
        engine: "sled",
        stage: "stored",
        payload: format!("{TEXT_BYTES} B"),
        in_flight: format!("{IN_FLIGHT} × 1"),
        cores: place.cores.short(),
    };
    let rate = figures(&name, form, &measured, &setting, report);
    let Some(stage) = last else { return Ok(()) };
    if let Some(duration) = size.latencies {
        latencies(place, &stage, &name, rate * OPEN_PART, duration, &setting, report)?;
    }
    if report.missed(&name) && size.fills {
        let file = out.join(format!("w3-{members}-profile.txt"));
        stage.profile(&file)?;
        report.note(format!("{name}: where the server's time goes is in {}", file.display()));
    }
    stage.strike()
}

/// Adds what deliveries cost. Returns messages per second.
fn figures(name: &str, form: Form, measured: &[Measured], setting: &Setting, report: &mut Report) -> f64 {
    let cpu = median(measured.iter().map(|one| cpu_s(one, form)).collect());
    let rate = median(measured.iter().map(Measured::per_second).collect());
    let (reach, verdict) = if form == Form::Group(Audience::present(MEMBERS[0])) {
        (format!("≤ {REACH_S} s"), Verdict::at_most(cpu, REACH_S))
    } else {
        (String::new(), Verdict::Information)
    };
    let work = format!("{name}, server CPU per 1M deliveries");
    report.row(work, format!("{cpu:.2} s"), reach, verdict, setting);
    let deliveries = rate * form.readers() as f64;
    let figure = format!("{}/s, of {}/s messages", grouped(deliveries), grouped(rate));
    report.row(format!("{name}, deliveries"), figure, "", Verdict::Information, setting);
    for (round, one) in measured.iter().enumerate() {
        report.note(format!(
            "{name} round {}: {} messages, {:.2} CPU s per 1M deliveries; {:.0} messages per commit; {} nudges, {} \
             syncs, {} discarded pages, {} busy; caught up {:.1} s after the last; load {:.2}.",
            round + 1,
            grouped(one.messages as f64),
            cpu_s(one, form),
            one.messages as f64 / one.batches.max(1) as f64,
            grouped(one.counts.nudges as f64),
            grouped(one.counts.syncs_asked as f64),
            grouped(one.counts.discarded_pages as f64),
            grouped(one.counts.refused as f64),
            one.caught_up_s - one.wall_s,
            one.load_cpu_s * 1e6 / (one.messages * form.readers()) as f64,
        ));
    }
    rate
}

/// Server CPU seconds per million deliveries.
fn cpu_s(measured: &Measured, form: Form) -> f64 {
    measured.cpu_s_per_million() / form.readers() as f64
}

fn latencies(
    place: &Place,
    stage: &Stage,
    name: &str,
    per_second: f64,
    duration: Duration,
    setting: &Setting,
    report: &mut Report,
) -> io::Result<()> {
    let before = echo::measure(&place.cores, ECHO)?;
    let measured: Latencies = stage.latencies(per_second, duration)?;
    let echo = before.worse(echo::measure(&place.cores, ECHO)?);
    let setting = Setting { in_flight: format!("open, {}/s", grouped(per_second)), ..setting.clone() };
    let (acknowledged, last) = (&measured.acknowledged, measured.to_the_last());
    report.row(
        format!("{name}, acknowledgement beside the last member, p50 / p99"),
        format!("{} beside {}", quantiles(acknowledged), quantiles(&last)),
        "",
        latency_verdict(echo, last.value_at_quantile(0.99)),
        &setting,
    );
    Ok(())
}
