//! `highwater admin config`, `reload` and `log-level`: what a running server runs with.

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
    /// Read them again.
    Reload,
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
    /// Have the running server read its settings again, as at its start, and take those that it can take.
    Reload {
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
            SettingsNamed::Reload { server } => (server, SettingsRequest::Reload),
            SettingsNamed::LogLevel { level, server } => (server, SettingsRequest::LogLevel(level)),
        }
    }
}

/// Asks, and says what is so or was done.
pub(super) fn ask(port: &OperatorPort, request: &SettingsRequest) -> Result<String, AdminFault> {
    match request {
        SettingsRequest::Show => Ok(listing(&port.get("/v1/config")?)?),
        SettingsRequest::Reload => Ok(reloaded(&port.ask("/v1/reload", &json!({}))?)),
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

/// What was taken, and what waits.
fn reloaded(answer: &Value) -> String {
    let lines = [("taken", "is in force now"), ("waiting", "waits for the next start")].map(|(key, says)| {
        let keys = answer[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        keys.map(|key| format!("{key} {says}\n")).collect::<String>()
    });
    let lines = lines.concat();
    if lines.is_empty() { "no setting has another value".to_owned() } else { lines.trim_end().to_owned() }
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

    #[test]
    fn a_reload_says_of_each_setting_when_it_counts() {
        let answer = json!({ "taken": ["log.level"], "waiting": ["server.data", "kinds"] });
        assert_eq!(
            reloaded(&answer),
            "log.level is in force now\nserver.data waits for the next start\nkinds waits for the next start"
        );
        assert_eq!(reloaded(&json!({ "taken": [], "waiting": [] })), "no setting has another value");
    }
}
