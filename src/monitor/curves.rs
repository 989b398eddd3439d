//! The plain page of curves on the operator's port: one self-contained document without a script.

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use sha2::{Digest, Sha256};

use super::chart::{Chart, Line, Scale, escape};
use super::histogram::{BAND_COUNT, LATENCY_BOUNDS_US};
use super::ids;
use super::minutes::{Minute, Minutes};
use super::operations::Op;
use super::outcome::Outcome;
use super::window::Window;
use crate::model::TimeMs;

/// Seconds after which the page loads itself again.
const REFRESH_S: u32 = 15;
/// A send is good if it took no longer than this.
const GOOD_LATENCY_US: u64 = 10_000;

const STYLE: &str = include_str!("curves.css");

/// The policy to serve the page with: nothing may load or run, and of styles only the page's own.
#[must_use]
pub fn content_security_policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let style = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    });
    &POLICY
}

/// The page. `server_name` is shown as the title, escaped; `firing` is HTML and stands above the curves.
#[must_use]
pub fn page(minutes: &Minutes, server_name: &str, firing: &str, window: Window, now: TimeMs) -> String {
    let range = window.minutes(now);
    let title = escape(server_name);
    let mut out = String::with_capacity(256 * 1024);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    push(&mut out, format_args!("<meta http-equiv=\"refresh\" content=\"{REFRESH_S}\">\n"));
    push(&mut out, format_args!("<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"));
    push(&mut out, format_args!("<header><h1>{title}</h1>{}</header>\n{firing}<main>\n", navigation(window)));
    for chart in charts(minutes, range.clone()) {
        chart.write(&mut out, range.clone());
    }
    push(
        &mut out,
        format_args!(
            "</main>\n<footer><p>Times are UTC. A gap in a line is a minute without a point.</p></footer>\n"
        ),
    );
    out.push_str("</body>\n</html>\n");
    out
}

fn navigation(shown: Window) -> String {
    let mut out = String::from("<nav>");
    for (window, text) in [(Window::Hour, "Last hour"), (Window::Day, "Last 24 hours")] {
        let current = if window == shown { " aria-current=\"page\"" } else { "" };
        push(&mut out, format_args!("<a href=\"?window={}\"{current}>{text}</a>", window.name()));
    }
    out.push_str("</nav>");
    out
}

/// What the page shows, in its order.
fn charts(minutes: &Minutes, range: std::ops::Range<i64>) -> Vec<Chart> {
    let points = Points { minutes, range };
    vec![
        points.chart("Messages stored per minute", Scale::Count, |at| at.value(ids::MESSAGES_STORED)),
        points.chart("Open connections", Scale::Count, |at| at.value(ids::CONNECTIONS_OPEN)),
        points.chart("Sends answered within 10 ms", Scale::Percent, send_share_good),
        points.chart("Sync of a batch, mean", Scale::Micros, batch_sync_mean),
        Chart {
            title: "Errors per minute by class",
            scale: Scale::Count,
            lines: Outcome::ERRORS
                .iter()
                .map(|(outcome, name)| points.line(name, |at| errors_of_class(at, *outcome)))
                .collect(),
        },
        points.chart("Tail in memory", Scale::Bytes, |at| at.value(ids::TAIL_BYTES)),
        points.chart("Records the index is behind", Scale::Count, |at| at.value(ids::INDEX_LAG_RECORDS)),
    ]
}

/// Points from which lines are computed.
struct Points<'a> {
    minutes: &'a Minutes,
    range: std::ops::Range<i64>,
}

/// One minute of them.
struct At<'a> {
    minutes: &'a Minutes,
    minute: Minute,
}

impl Points<'_> {
    fn chart(&self, title: &'static str, scale: Scale, value: impl Fn(&At) -> Option<f64>) -> Chart {
        Chart { title, scale, lines: vec![self.line("", value)] }
    }

    fn line(&self, label: &'static str, value: impl Fn(&At) -> Option<f64>) -> Line {
        let at = |minute| At { minutes: self.minutes, minute: Minute(minute) };
        Line { label, points: self.range.clone().map(|minute| value(&at(minute))).collect() }
    }
}

impl At<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a curve shows four digits")]
    fn value(&self, id: u32) -> Option<f64> {
        self.minutes.point(id, self.minute).map(|value| value as f64)
    }

    fn sum(&self, ids: impl Iterator<Item = u32>) -> Option<f64> {
        ids.map(|id| self.value(id)).sum()
    }

    /// A quotient; without a value in a minute in which there was nothing to divide by.
    fn ratio(&self, above: Option<f64>, below: Option<f64>) -> Option<f64> {
        let below = below.filter(|below| *below > 0.0)?;
        Some(above? / below)
    }
}

fn send_share_good(at: &At) -> Option<f64> {
    const GOOD_BANDS: usize = {
        let mut bands = 0;
        while LATENCY_BOUNDS_US[bands] < GOOD_LATENCY_US {
            bands += 1;
        }
        assert!(LATENCY_BOUNDS_US[bands] == GOOD_LATENCY_US, "the good latency is the bound of a band");
        bands + 1
    };
    const { assert!(GOOD_BANDS < BAND_COUNT) };
    let bands = Op::Send.latency().bands();
    let share = at.ratio(at.sum(bands.clone().take(GOOD_BANDS)), at.sum(bands))?;
    Some(share * 100.0)
}

fn batch_sync_mean(at: &At) -> Option<f64> {
    at.ratio(at.value(ids::BATCH_SYNC.sum()), at.sum(ids::BATCH_SYNC.bands()))
}

fn errors_of_class(at: &At, outcome: Outcome) -> Option<f64> {
    at.sum(Op::ALL.iter().filter_map(|op| op.errors(outcome)))
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string never fails");
}

#[cfg(test)]
mod tests;
