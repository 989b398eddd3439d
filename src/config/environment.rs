//! What the environment says.

use std::{ffi::OsString, path::PathBuf};

use super::{
    fault::ConfigError,
    settings::SETTINGS,
    sources::{FILE_VARIABLE, SEEDED_BUG_VARIABLE, Source},
    suggestion::nearest,
};

const VARIABLE_PREFIX: &str = "HIGHWATER_";

/// What the environment says: the configuration file, and settings by their position in [`SETTINGS`].
#[derive(Default)]
pub(super) struct Environment {
    pub(super) file: Option<PathBuf>,
    pub(super) settings: Vec<(usize, String, Source)>,
}

pub(super) fn read_environment(
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Environment, ConfigError> {
    let mut environment = Environment::default();
    for (name, value) in env {
        let Some(name) = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX)) else {
            continue;
        };
        let place = Source::Variable(name.to_owned());
        if name == FILE_VARIABLE {
            environment.file = Some(value.into());
        } else if let Some(index) = SETTINGS.iter().position(|setting| variable_of(setting.key) == name) {
            let text = value.into_string().map_err(|_| ConfigError::Value {
                place: place.clone(),
                key: SETTINGS[index].key,
                problem: "must be UTF-8".to_owned(),
            })?;
            environment.settings.push((index, text, place));
        } else if !(cfg!(feature = "seeded-bugs") && name == SEEDED_BUG_VARIABLE) {
            let known =
                SETTINGS.iter().map(|setting| variable_of(setting.key)).chain([FILE_VARIABLE.to_owned()]);
            let nearest = nearest(name, known);
            return Err(ConfigError::Unknown { place, name: name.to_owned(), nearest });
        }
    }
    Ok(environment)
}

fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.to_uppercase().replace('.', "_"))
}
