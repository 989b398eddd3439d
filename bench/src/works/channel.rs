//! W10: a channel that many follow, of whom some are there. What a post costs must not depend on the others.

use std::{io, path::Path, time::Duration};

use crate::{
    baselines::echo,
    frames::TEXT_BYTES,
    pace::IN_FLIGHT,
    report::{Report, Setting, Verdict, grouped, median, say},
    server::{Place, Store},
    works::{
        one_to_one::latency_verdict,
        quantiles,
        stage::{Audience, Cost, Form, Stage},
    },
};

/// How much dearer a post may be with all followers than with none but those who are there. Source: choice, what two runs
/// differ by; the definition of the work wants it independent of them.
const REACH_RATIO: f64 = 1.1;

/// Followers, and those of them who are there. Source: the definition of the work.
const AUDIENCE: Audience = Audience { users: 100_000, online: 5_000 };

/// Posts per second, at which each reaches everybody before the next. Source: choice.
const PER_SECOND: f64 = 4.0;

/// Posts that are counted as fast as they go.
const FAST_DELIVERIES: u64 = 2_000_000;

/// How long the echo is measured, before and after.
const ECHO: Duration = Duration::from_secs(2);

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Size {
    audience: Audience,
    per_second: f64,
    duration: Duration,
    fast_deliveries: u64,
    rounds: usize,
}

impl Size {
    /// Of a figure.
    #[must_use]
    pub fn full(rounds: u8) -> Size {
        Size {
            audience: AUDIENCE,
            per_second: PER_SECOND,
            duration: Duration::from_secs(15),
            fast_deliveries: FAST_DELIVERIES,
            rounds: usize::from(rounds),
        }
    }

    /// To see that it works.
    #[must_use]
    pub fn short() -> Size {
        Size {
            audience: Audience { users: 300, online: 40 },
            per_second: 20.0,
            duration: Duration::from_secs(1),
            fast_deliveries: 4_000,
            rounds: 1,
        }
    }
}

/// Measures and adds the rows.
///
/// # Errors
/// When anything that was posted did not arrive.
pub fn run(place: &Place, size: &Size, out: &Path, report: &mut Report) -> io::Result<()> {
    let audience = size.audience;
    let name = format!("W10 channel of {}", grouped(audience.users as f64));
    let setting = Setting {
        engine: "sled",
        stage: "stored",
        payload: format!("{TEXT_BYTES} B"),
        in_flight: format!("open, {}/s", size.per_second),
        cores: place.cores.short(),
    };
    let there_alone = Stage::set(place, Form::Channel(Audience::present(audience.online)), Store::Delivered)?;
    let all = Stage::set(place, Form::Channel(audience), Store::Delivered)?;
    let echo = echo::measure(&place.cores, ECHO)?;
    // In turns, so that what else the machine does is shared.
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 1..=size.rounds {
        without.push(there_alone.cost(size.per_second, size.duration)?);
        with.push(all.cost(size.per_second, size.duration)?);
        let (without, with) = (cpu_ms(&without[round - 1]), cpu_ms(&with[round - 1]));
        say(&format!(
            "{name}, round {round}: {with:.2} ms of CPU for a post, {without:.2} without who is away"
        ));
    }
    let echo = echo.worse(echo::measure(&place.cores, ECHO)?);
    costs(&name, audience, &without, &with, &setting, report);
    let (acknowledged, last) =
        (&with[size.rounds - 1].latencies.acknowledged, with[size.rounds - 1].latencies.to_the_last());
    report.row(
        format!("{name}, acknowledgement beside the last who is there, p50 / p99"),
        format!("{} beside {}", quantiles(acknowledged), quantiles(&last)),
        "",
        latency_verdict(echo, last.value_at_quantile(0.99)),
        &setting,
    );
    there_alone.strike()?;
    let posts = size.fast_deliveries.div_ceil(audience.online as u64 - 1);
    let fast = all.measure(posts, false)?;
    let figure = format!(
        "{}/s, of {:.0}/s posts",
        grouped(fast.per_second() * (audience.online - 1) as f64),
        fast.per_second()
    );
    let setting = Setting { in_flight: format!("{IN_FLIGHT} × 1"), ..setting };
    report.row(format!("{name}, deliveries"), figure, "", Verdict::Information, &setting);
    if report.missed(&name) && size.rounds > 1 {
        let file = out.join("w10-profile.txt");
        all.profile(&file)?;
        report.note(format!("{name}: where the server's time goes is in {}", file.display()));
    }
    all.strike()
}

/// Adds what a post costs, with those who are away and without them.
fn costs(
    name: &str,
    audience: Audience,
    without: &[Cost],
    with: &[Cost],
    setting: &Setting,
    report: &mut Report,
) {
    let all = |costs: &[Cost], of: fn(&Cost) -> f64| median(costs.iter().map(of).collect());
    let (alone, cost) = (all(without, cpu_ms), all(with, cpu_ms));
    let ratio = cost / alone;
    report.row(
        format!(
            "{name}, server CPU of a post, against {} who are all there",
            grouped(audience.online as f64)
        ),
        format!("{ratio:.2} × ({cost:.2} ms against {alone:.2} ms)"),
        format!("≤ {REACH_RATIO} ×"),
        Verdict::at_most(ratio, REACH_RATIO),
        setting,
    );
    let per_million = cost * 1_000.0 / (audience.online - 1) as f64;
    let figure = format!("{per_million:.2} s");
    report.row(format!("{name}, server CPU per 1M deliveries"), figure, "", Verdict::Information, setting);
    let (bytes_alone, bytes) = (all(without, written), all(with, written));
    report.note(format!(
        "{name}: a post had {} B written to the disk, {} B without who is away.",
        grouped(bytes),
        grouped(bytes_alone)
    ));
}

fn cpu_ms(cost: &Cost) -> f64 {
    cost.cpu_s * 1_000.0 / cost.messages as f64
}

fn written(cost: &Cost) -> f64 {
    cost.written_bytes as f64 / cost.messages as f64
}
