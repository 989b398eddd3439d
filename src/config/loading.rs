//! A configuration under way: each source is laid over the ones before.

use std::{fs, io, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    Config,
    bounds::FILE_BYTES_MAX,
    fault::ConfigError,
    given::Given,
    settings::{FLAG_ONLY, SETTINGS, index_of},
    sources::{InForce, Source},
    suggestion::unknown_key,
};

/// See the module.
pub(super) struct Loading {
    pub(super) config: Config,
    /// By position in [`SETTINGS`].
    pub(super) sources: Vec<Source>,
}

impl Loading {
    pub(super) fn new() -> Loading {
        Loading { config: Config::default(), sources: vec![Source::Default; SETTINGS.len()] }
    }

    pub(super) fn set(&mut self, index: usize, given: &Given, source: Source) -> Result<(), ConfigError> {
        let setting = &SETTINGS[index];
        let outcome = if setting.key == FLAG_ONLY && !matches!(source, Source::Flag(_)) {
            Err("can be given only as the flag --accept-loss, for one start".to_owned())
        } else {
            (setting.set)(&mut self.config, given)
        };
        match outcome {
            Ok(()) => self.sources[index] = source,
            Err(problem) => {
                return Err(ConfigError::Value { place: source, key: setting.key, problem });
            }
        }
        Ok(())
    }

    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text =
            read_text(path).map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
        let at = |span: std::ops::Range<usize>| Source::File {
            path: path.to_path_buf(),
            line: 1 + text.as_bytes()[..span.start.min(text.len())].iter().filter(|b| **b == b'\n').count(),
        };
        let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
            place: at(error.span().unwrap_or(0..0)),
            problem: error.message().to_owned(),
        })?;
        for (section, value) in table.get_ref() {
            let name: &str = section.get_ref();
            match (index_of(name), value.get_ref()) {
                (Some(index), _) => self.set(index, &Given::of(value.get_ref()), at(section.span()))?,
                (None, DeValue::Table(keys)) => {
                    let known =
                        SETTINGS.iter().any(|s| s.key.split_once('.').is_some_and(|(head, _)| head == name));
                    if !known {
                        return Err(unknown_key(at(section.span()), name, true));
                    }
                    for (key, value) in keys {
                        let full = format!("{name}.{}", key.get_ref());
                        let Some(index) = index_of(&full) else {
                            return Err(unknown_key(at(key.span()), &full, false));
                        };
                        self.set(index, &Given::of(value.get_ref()), at(key.span()))?;
                    }
                }
                (None, _) => return Err(unknown_key(at(section.span()), name, false)),
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(Config, Vec<InForce>), ConfigError> {
        self.open_registration_for_dev();
        for (key, problem) in self.contradictions() {
            if let Some(problem) = problem {
                let place = self.sources[index_of(key).expect("a contradiction names a setting")].clone();
                return Err(ConfigError::Value { place, key, problem });
            }
        }
        let in_force =
            SETTINGS.iter().zip(self.sources).map(|(s, source)| (s.key, (s.show)(&self.config), source));
        let in_force = in_force.collect();
        Ok((self.config, in_force))
    }

    pub(super) fn source_of(&self, key: &str) -> &Source {
        &self.sources[index_of(key).expect("asked for by the key of a setting")]
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let of_file = fs::metadata(path)?;
    if !of_file.is_file() {
        // A pipe that nobody writes to is waited for, and a device may have no end.
        return Err(io::Error::other("it is no file"));
    }
    if of_file.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}
