//! `highwater admin alarms`: what fires, and what an operator says to it.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorFault, OperatorPort},
};

/// Longest silence, minutes.
const SILENCE_MINUTES_MAX: i64 = 24 * 60;

/// What is asked of the alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmsRequest {
    /// How they stand.
    List,
    /// One is seen.
    Acknowledge(String),
    /// One is silenced for so many minutes.
    Silence(String, i64),
}

/// The same as a command.
#[derive(Debug, Subcommand)]
pub(super) enum AlarmsNamed {
    /// How the alarms stand; or say that one is seen (ack NAME), or silence it (silence NAME --minutes N).
    Alarms {
        /// What to do with one; without it, all are listed.
        #[arg(value_name = "ACT", value_parser = ["ack", "silence"], requires = "name")]
        act: Option<String>,
        /// Name of the alarm.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// For how long it is silenced, minutes; 0 ends a silence.
        #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(i64).range(0..=SILENCE_MINUTES_MAX))]
        minutes: i64,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<AlarmsNamed> for (ServerFlags, AlarmsRequest) {
    fn from(AlarmsNamed::Alarms { act, name, minutes, server }: AlarmsNamed) -> (ServerFlags, AlarmsRequest) {
        let request = match (act.as_deref(), name) {
            (Some("ack"), Some(name)) => AlarmsRequest::Acknowledge(name),
            (Some(_), Some(name)) => AlarmsRequest::Silence(name, minutes),
            (None, _) | (_, None) => AlarmsRequest::List,
        };
        (server, request)
    }
}

/// Asks, and says what stands or was done.
pub(super) fn ask(port: &OperatorPort, request: &AlarmsRequest) -> Result<String, AdminFault> {
    match request {
        AlarmsRequest::List => Ok(listing(&port.get("/v1/alarms")?)?),
        AlarmsRequest::Acknowledge(name) => {
            port.post(&format!("/v1/alarms/{}/ack", in_path(name)?), &json!({}))?;
            Ok(format!("{name} is not told again until it is over"))
        }
        AlarmsRequest::Silence(name, minutes) => {
            port.post(&format!("/v1/alarms/{}/silence", in_path(name)?), &json!({ "minutes": minutes }))?;
            Ok(match minutes {
                0 => format!("{name} is silenced no more"),
                minutes => format!("{name} is silenced for {minutes} minutes"),
            })
        }
    }
}

/// The name of an alarm has nothing that would lead elsewhere.
fn in_path(name: &str) -> Result<&str, OperatorFault> {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { Ok(name) } else { Err(OperatorFault::Answer("no alarm has such a name".to_owned())) }
}

/// One line for each alarm, what fires first.
fn listing(answer: &Value) -> Result<String, OperatorFault> {
    let alarms = answer["alarms"].as_array();
    let alarms = alarms.ok_or_else(|| OperatorFault::Answer("it names no alarms".to_owned()))?;
    let (firing, others): (Vec<&Value>, Vec<&Value>) =
        alarms.iter().partition(|alarm| alarm["state"] == "firing");
    let lines: Vec<String> = firing.into_iter().chain(others).map(line).collect();
    Ok(lines.join("\n"))
}

fn line(alarm: &Value) -> String {
    let text = |key: &str| alarm[key].as_str().unwrap_or_default().to_owned();
    let mut line = format!("{:<13} {:<8} {}", text("state"), text("severity"), text("alarm"));
    match alarm["value"].as_i64() {
        Some(value) => line.push_str(&format!(": {value} {0}, bound {1} {0}", text("unit"), alarm["bound"])),
        None => line.push_str(&format!(": bound {} {}", alarm["bound"], text("unit"))),
    }
    if alarm["why"].is_string() {
        line.push_str(&format!(" ({})", text("why")));
    }
    if alarm["acknowledged"] == true {
        line.push_str(" (acknowledged)");
    }
    if alarm["silenced_until_ms"].is_i64() {
        line.push_str(" (silenced)");
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_fires_is_listed_first() {
        let alarm = |name: &str, state: &str, value: Value| {
            json!({ "alarm": name, "state": state, "severity": "warning", "value": value, "bound": 5, "unit": "%",
                    "why": null, "acknowledged": !value.is_null(), "silenced_until_ms": null })
        };
        let answer = json!({ "alarms": [alarm("quiet_one", "quiet", Value::Null), alarm("loud", "firing", json!(7))] });
        assert_eq!(
            listing(&answer).unwrap(),
            "firing        warning  loud: 7 %, bound 5 % (acknowledged)\nquiet         warning  quiet_one: bound 5 %"
        );
        assert!(listing(&json!({})).is_err());
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["", "a/b", "..", "a%2fb", "Ä", "a?b"] {
            assert!(in_path(name).is_err(), "{name}");
        }
        assert!(in_path("disk_low").is_ok());
    }
}
