//! The configuration file against the code that reads it.

use std::{ffi::OsString, fs};

use highwater::config::{Config, Flags, Sources};

pub(crate) const RULE: &str = "config/highwater.toml has every setting, and the server knows each of them";

/// Settings of the file that the server does not know, and settings of the server that the file does not explain.
pub(crate) fn findings(text: &str) -> Vec<String> {
    let directory =
        std::env::temp_dir().join(format!("highwater-tidy-{}-{}", std::process::id(), text.len()));
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("highwater.toml");
    fs::write(&file, switched_on(text)).unwrap();
    let sources =
        Sources { file: Some(file), env: Vec::<(OsString, OsString)>::new(), flags: Flags::default() };
    let loaded = Config::load(sources);
    fs::remove_dir_all(&directory).unwrap();
    match loaded {
        // The file itself is named in the message, so only what is wrong is told.
        Err(error) => vec![
            error.to_string().rsplit_once(": ").map_or_else(|| error.to_string(), |(_, why)| why.to_owned()),
        ],
        Ok((_, in_force)) => {
            let keys = explained(text);
            let unexplained = in_force
                .iter()
                .map(|(key, ..)| *key)
                .filter(|key| is_of_file(key) && !keys.contains(&(*key).to_owned()));
            unexplained.map(|key| format!("{key} is not explained")).collect()
        }
    }
}

/// One start may accept a loss; a file that says so for every start would be a trap.
fn is_of_file(key: &str) -> bool {
    key != "storage.accept_loss"
}

/// The file with everything that is switched off switched on.
fn switched_on(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", setting(line).unwrap_or(line))).collect()
}

/// A line that begins with # and has no space after it is a setting that is switched off.
fn setting(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with([' ', '#']))
}

/// Every key of the file with its section.
fn explained(text: &str) -> Vec<String> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in switched_on(text).lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']).to_owned();
            keys.push(section.clone());
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.push(format!("{section}.{key}"));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_found_even_switched_off() {
        let found = findings("[server]\n#colour = \"blue\"\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("colour"), "{found:?}");
    }

    #[test]
    fn an_unexplained_setting_is_found() {
        let found = findings("[server]\n# Where.\n#data = \"data\"\n");
        assert!(found.contains(&"client.listen is not explained".to_owned()), "{found:?}");
        assert!(!found.contains(&"server.data is not explained".to_owned()), "{found:?}");
    }
}
