//! `highwater admin config` and `highwater admin log-level`: what a running server runs with.

use std::fmt::Write;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorFault, OperatorPort},
};

/// What is asked about settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsRequest {
    /// Those in force.
    Show,
    /// Log at this level until the next start.
    LogLevel(String),
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum SettingsNamed {
    /// Print every setting that the running server has in force, with its source.
    Config {
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Log at another level until the next start.
    LogLevel {
        /// error, warn, info, debug or trace, or pairs like highwater::actors=debug with commas between.
        #[arg(value_name = "LEVEL")]
        level: String,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<SettingsNamed> for (ServerFlags, SettingsRequest) {
    fn from(named: SettingsNamed) -> (ServerFlags, SettingsRequest) {
        match named {
            SettingsNamed::Config { server } => (server, SettingsRequest::Show),
            SettingsNamed::LogLevel { level, server } => (server, SettingsRequest::LogLevel(level)),
        }
    }
}

/// Asks, and says what is so or was done.
pub(super) fn ask(port: &OperatorPort, request: &SettingsRequest) -> Result<String, AdminFault> {
    match request {
        SettingsRequest::Show => Ok(listing(&port.get("/v1/config")?)?),
        SettingsRequest::LogLevel(level) => {
            port.put("/v1/log-level", &json!({ "level": level }))?;
            Ok(format!("the server logs at {level} until its next start"))
        }
    }
}

/// As `check-config` prints them.
fn listing(answer: &Value) -> Result<String, OperatorFault> {
    let settings = answer["settings"].as_array();
    let settings = settings.ok_or_else(|| OperatorFault::Answer("it names no settings".to_owned()))?;
    let text = |setting: &Value, key: &str| setting[key].as_str().unwrap_or_default().to_owned();
    let shown: Vec<(String, String)> = settings
        .iter()
        .map(|one| (format!("{} = {}", text(one, "key"), text(one, "value")), text(one, "source")))
        .collect();
    let width = shown.iter().map(|(setting, _)| setting.chars().count()).max().unwrap_or_default();
    let mut lines = String::new();
    for (setting, source) in shown {
        let _ = writeln!(lines, "{setting:width$}  # {source}");
    }
    let _ = write!(lines, "# the log is at {} now", answer["log_level_now"].as_str().unwrap_or_default());
    Ok(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_stand_in_lines_with_their_sources() {
        let answer = json!({ "log_level_now": "debug", "settings": [
            { "key": "server.data", "value": "\"d\"", "source": "--data" },
            { "key": "log.level", "value": "\"info\"", "source": "default" },
        ] });
        assert_eq!(
            listing(&answer).unwrap(),
            "server.data = \"d\"   # --data\nlog.level = \"info\"  # default\n# the log is at debug now"
        );
        assert!(listing(&json!({})).is_err());
    }
}
