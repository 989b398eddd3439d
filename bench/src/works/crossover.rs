//! Groups and channels of the same sizes beside each other: from where on is it cheaper to read by merge than to write into
//! every inbox.

use std::{fs, io, path::Path, time::Duration};

use crate::{
    crossover_picture::{self, Line},
    frames::TEXT_BYTES,
    report::{Report, Setting, Verdict, grouped, say},
    server::{Place, Store},
    works::{
        quantiles,
        stage::{Audience, Cost, Form, Stage},
    },
};

/// Users of the one conversation. Source: from a family to the largest group that the server can be set to hold.
const USERS: [usize; 6] = [10, 30, 100, 300, 1_000, 3_000];

/// One of so many is there: all of them, and a tenth. Source: choice; of a large conversation few look at the same time.
const ONE_THERE_OF: [usize; 2] = [1, 10];

/// Deliveries per second, so that each message reaches everybody before the next, whatever the size: a fraction of what
/// the server can. Source: choice.
const DELIVERIES_PER_SECOND: f64 = 4_000.0;

/// Messages per second at most.
const PER_SECOND_MAX: f64 = 200.0;

/// What is sent before it counts.
const WARM: Duration = Duration::from_secs(1);

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Size {
    users: Vec<usize>,
    one_there_of: Vec<usize>,
    duration: Duration,
}

impl Size {
    /// Of a figure.
    #[must_use]
    pub fn full() -> Size {
        Size { users: USERS.to_vec(), one_there_of: ONE_THERE_OF.to_vec(), duration: Duration::from_secs(8) }
    }

    /// To see that it works.
    #[must_use]
    pub fn short() -> Size {
        Size { users: vec![10, 40], one_there_of: vec![10], duration: Duration::from_secs(1) }
    }
}

/// Measures, adds a row for each size, and draws the picture.
///
/// # Errors
/// When anything that was sent did not arrive, or the picture cannot be written.
pub fn run(place: &Place, size: &Size, out: &Path, report: &mut Report) -> io::Result<()> {
    let mut lines = Vec::new();
    for one_there_of in &size.one_there_of {
        let there =
            if *one_there_of == 1 { "all there".to_owned() } else { format!("1 of {one_there_of} there") };
        let (mut written, mut merged) = (Vec::new(), Vec::new());
        for users in &size.users {
            let audience = Audience { users: *users, online: (users / one_there_of).max(2) };
            let group = cost(place, Form::Group(audience), size.duration)?;
            let channel = cost(place, Form::Channel(audience), size.duration)?;
            row(place, audience, &there, &group, &channel, report);
            written.push((*users as f64, cpu_us(&group)));
            merged.push((*users as f64, cpu_us(&channel)));
        }
        lines.push(Line { name: format!("group, {there}"), points: written });
        lines.push(Line { name: format!("channel, {there}"), points: merged });
    }
    let file = out.join("crossover.svg");
    fs::write(&file, crossover_picture::draw(&lines))?;
    report.note(format!("The picture is in {}.", file.display()));
    Ok(())
}

fn cost(place: &Place, form: Form, duration: Duration) -> io::Result<Cost> {
    let stage = Stage::set(place, form, Store::Delivered)?;
    let per_second = (DELIVERIES_PER_SECOND / form.readers() as f64).clamp(1.0, PER_SECOND_MAX);
    stage.cost(per_second, WARM)?;
    let cost = stage.cost(per_second, duration)?;
    stage.strike()?;
    say(&format!("{form:?}: {:.0} µs of CPU for a message", cpu_us(&cost)));
    Ok(cost)
}

fn row(place: &Place, audience: Audience, there: &str, group: &Cost, channel: &Cost, report: &mut Report) {
    let told = |cost: &Cost| {
        let last = cost.latencies.to_the_last();
        let written = cost.written_bytes as f64 / cost.messages as f64;
        format!("{} µs, {} B written, last {}", grouped(cpu_us(cost)), grouped(written), quantiles(&last))
    };
    report.row(
        format!("crossover at {} users, {there}: CPU of a message", grouped(audience.users as f64)),
        format!(
            "group {}; channel {}; channel / group {:.2}",
            told(group),
            told(channel),
            cpu_us(channel) / cpu_us(group)
        ),
        "",
        Verdict::Information,
        &Setting {
            engine: "sled",
            stage: "stored",
            payload: format!("{TEXT_BYTES} B"),
            in_flight: "open".to_owned(),
            cores: place.cores.short(),
        },
    );
}

fn cpu_us(cost: &Cost) -> f64 {
    cost.cpu_s * 1e6 / cost.messages as f64
}
