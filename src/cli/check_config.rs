//! `highwater check-config`: every setting in force with its source, or what is wrong with them or with a file that they
//! name.

use std::{error::Error, ffi::OsString, fmt::Write, process::ExitCode};

use super::Settings;
use crate::{
    app,
    config::{Config, Sources, sentence},
};

/// Prints the settings to stdout; or the error to stderr, with exit code 1.
#[must_use]
pub fn run(settings: Settings) -> ExitCode {
    match listing(settings, std::env::vars_os()) {
        Ok(text) => super::print_answer(&text),
        Err(error) => {
            eprintln!("{}", sentence(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// One line per setting, `key = value  # source`, then what an operator should know about them.
fn listing(
    settings: Settings,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<String, Box<dyn Error>> {
    let (config, in_force) = Config::load(Sources { file: settings.file, env, flags: settings.flags })?;
    app::check_files(&config)?;
    let shown: Vec<_> =
        in_force.iter().map(|(key, value, source)| (format!("{key} = {value}"), source)).collect();
    let width = shown.iter().map(|(setting, _)| setting.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (setting, source) in shown {
        writeln!(text, "{setting:width$}  # {source}").expect("a String takes all that is written");
    }
    for caution in config.cautions() {
        writeln!(text, "# caution: {caution}").expect("a String takes all that is written");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Flags;

    #[test]
    fn each_setting_is_listed_with_its_source() {
        let flags = Flags { dev: true, ..Flags::default() };
        let env = [("HIGHWATER_SERVER_READERS".into(), "4".into())];
        let text = listing(Settings { file: None, flags }, env).unwrap();
        let has = |setting: &str, source: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("{setting} = "))).unwrap();
            assert!(line.ends_with(&format!("  # {source}")), "{line}");
        };
        has("server.readers", "environment variable HIGHWATER_SERVER_READERS");
        has("server.dev", "flag --dev");
        has("registration.mode", "server.dev");
        has("storage.engine", "default");
        assert!(text.contains("server.readers = 4 "), "{text}");
        assert!(text.contains("# caution: development mode"), "{text}");
    }

    #[test]
    fn an_error_is_one_line_with_its_cause() {
        let settings = Settings { file: Some("/nonexistent/highwater.toml".into()), flags: Flags::default() };
        let error = listing(settings, []).unwrap_err();
        let text = sentence(error.as_ref());
        assert!(
            text.starts_with("configuration file /nonexistent/highwater.toml cannot be read: No such"),
            "{text}"
        );
    }
}
