//! `highwater admin report`: what a day or a week came to.

use std::{fmt::Write, fs, path::PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use serde_json::Value;

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorFault, OperatorPort},
};
use crate::{
    model::reports::{Period, PeriodKind},
    monitor::reports::text::shown,
};

/// Bytes of a page. Source: four pictures of some 20 KB, in base64, and as much again for the figures.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Which report is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("period").required(true).args(["day", "week"]))]
pub struct ReportRequest {
    /// A day of UTC, such as 2026-11-21.
    #[arg(long, value_name = "DATE", value_parser = |text: &str| named(PeriodKind::Day, text))]
    pub day: Option<String>,
    /// A week by ISO 8601, such as 2026-W47.
    #[arg(long, value_name = "WEEK", value_parser = |text: &str| named(PeriodKind::Week, text))]
    pub week: Option<String>,
    /// Write the report with its pictures to this file, as a page, instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// The command.
#[derive(Debug, Subcommand)]
pub(super) enum ReportNamed {
    /// What was counted in a day or a week, beside the one before it.
    Report {
        #[command(flatten)]
        request: ReportRequest,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<ReportNamed> for (ServerFlags, ReportRequest) {
    fn from(ReportNamed::Report { request, server }: ReportNamed) -> (ServerFlags, ReportRequest) {
        (server, request)
    }
}

fn named(kind: PeriodKind, text: &str) -> Result<String, String> {
    let period = Period::parse(kind, text).map(|period| period.to_string());
    period.ok_or_else(|| format!("there is no such {}", kind.name()))
}

/// Asks, and prints the figures or writes the page.
pub(super) fn ask(port: &OperatorPort, request: &ReportRequest) -> Result<String, AdminFault> {
    let (kind, name) = match (&request.day, &request.week) {
        (Some(day), _) => ("day", day),
        (None, Some(week)) => ("week", week),
        (None, None) => return Err(OperatorFault::Answer("no day and no week".to_owned()).into()),
    };
    let path = format!("/v1/reports?{kind}={name}");
    let Some(file) = &request.html else {
        return Ok(listing(&port.get(&path)?)?);
    };
    let page = port.get_text(&format!("{path}&format=html"), PAGE_BYTES_MAX)?;
    fs::write(file, page).map_err(|source| AdminFault::Out { path: file.clone(), source })?;
    Ok(format!("{name} is in {}", file.display()))
}

/// A line for each figure.
fn listing(answer: &Value) -> Result<String, OperatorFault> {
    let figures = answer["figures"].as_array();
    let figures = figures.ok_or_else(|| OperatorFault::Answer("it names no figures".to_owned()))?;
    let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let (period, before) = (text(answer, "period"), text(answer, "before"));
    let is_running = if answer["ended"] == false { ", not over yet" } else { "" };
    let mut out = format!("{period} (UTC{is_running}), beside {before}\n");
    for figure in figures {
        let (value, earlier) = (shown(figure["value"].as_i64()), shown(figure["before"].as_i64()));
        let compared = match (figure["percent"].as_f64(), text(figure, "compared").as_str()) {
            (Some(percent), _) => format!("{percent:+.1} %"),
            (None, name) => name.replace('_', " "),
        };
        let _ = writeln!(out, "{}: {value} (before: {earlier}; {compared})", text(figure, "says"));
    }
    let missing = |key: &str| answer[key].as_i64().unwrap_or_default();
    let _ = write!(
        out,
        "minutes without points: {}, before: {}",
        missing("minutes_missing"),
        missing("minutes_missing_before")
    );
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_stand_in_lines() {
        let figure = |value: Value, before: Value, compared: &str, percent: Value| {
            json!({ "name": "n", "says": "messages", "value": value, "before": before, "compared": compared,
                    "percent": percent })
        };
        let answer = json!({
            "period": "2026-11-21", "before": "2026-11-20", "ended": false, "minutes_missing": 3,
            "minutes_missing_before": 0,
            "figures": [
                figure(json!(1200), json!(1000), "changed", json!(20.0)),
                figure(json!(5), Value::Null, "no_points", Value::Null),
            ],
        });
        assert_eq!(
            listing(&answer).unwrap(),
            "2026-11-21 (UTC, not over yet), beside 2026-11-20\n\
             messages: 1\u{202f}200 (before: 1\u{202f}000; +20.0 %)\n\
             messages: 5 (before: \u{2013}; no points)\n\
             minutes without points: 3, before: 0"
        );
        assert!(listing(&json!({})).is_err());
    }

    #[test]
    fn a_period_that_is_none_is_asked_of_nobody() {
        assert!(named(PeriodKind::Day, "2026-02-30").is_err());
        assert!(named(PeriodKind::Week, "2026-W47&format=html").is_err());
        assert_eq!(named(PeriodKind::Week, "2026-W47").unwrap(), "2026-W47");
    }
}
