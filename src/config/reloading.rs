//! Settings read again while the server runs: what of them is taken now, and what waits for the next start.

use super::{
    Alarms, Config, ConfigError, Groups, Log,
    loading::Loading,
    settings::SETTINGS,
    sources::{InForce, Source},
};

/// Settings that are taken while the server runs. The others are woven into what was started: ports, files, threads, what
/// clients were told when they came, what is kept for how long.
const TAKEN_LIVE: &[&str] = &[
    "registration.mode",
    "accounts.strangers",
    "devices.phone",
    "devices.desktop",
    "devices.tablet",
    "devices.web",
    "devices.unspecified",
    "devices.devices_max",
    "devices.when_full",
    "groups.members_max",
    "groups.owned_max",
    "groups.channel_above_members",
    "alarms.rules",
    "log.level",
    "log.requests",
];

/// What becomes of settings that were read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// What is in force then.
    pub config: Config,
    /// The same, each with its source.
    pub in_force: Vec<InForce>,
    /// Settings that have another value now.
    pub taken: Vec<&'static str>,
    /// Settings that will have another value after the next start.
    pub waiting: Vec<&'static str>,
}

impl Config {
    /// Puts what was read again beside what is in force. Nothing is taken where what would come out contradicts itself.
    ///
    /// # Errors
    /// [`ConfigError::Value`]: what is taken now does not go with what waits for the next start.
    pub fn reloaded(
        &self,
        in_force: &[InForce],
        (read, read_in_force): (Config, Vec<InForce>),
    ) -> Result<Reloaded, ConfigError> {
        let mut sources: Vec<Source> = in_force.iter().map(|(_, _, source)| source.clone()).collect();
        let (mut taken, mut waiting) = (Vec::new(), Vec::new());
        for (index, setting) in SETTINGS.iter().enumerate() {
            let (_, value, source) = &read_in_force[index];
            let is_same = *value == in_force[index].1;
            let is_live = TAKEN_LIVE.contains(&setting.key);
            if is_same || is_live {
                sources[index] = source.clone();
            }
            if !is_same {
                let changed = if is_live { &mut taken } else { &mut waiting };
                changed.push(setting.key);
            }
        }
        let (config, in_force) = Loading { config: self.with_live_of(read), sources }.finish()?;
        Ok(Reloaded { config, in_force, taken, waiting })
    }

    fn with_live_of(&self, read: Config) -> Config {
        Config {
            registration: read.registration,
            accounts: read.accounts,
            devices: read.devices,
            groups: Groups { step_pointers: self.groups.step_pointers, ..read.groups },
            alarms: Alarms { rules: read.alarms.rules, ..self.alarms.clone() },
            log: Log { format: self.log.format, ..read.log },
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ffi::OsString;

    use super::*;
    use crate::config::{Flags, Sources, given::Given};

    fn load(variables: &[(&str, &str)]) -> (Config, Vec<InForce>) {
        let env = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Config::load(Sources { file: None, env, flags: Flags::default() }).unwrap()
    }

    /// Another value for each setting.
    fn others() -> Vec<Given> {
        const TEXTS: &[&str] = &[
            "open",
            "request",
            "refuse",
            "replace",
            "true",
            "false",
            "json",
            "debug",
            "memory",
            "until_delivered",
            "7",
            "77",
            "7777",
            "77777",
            "777777",
            "77777777",
            "777777777",
            "/elsewhere",
            "127.0.0.1:9",
            "https://a.example",
        ];
        let off = Given::Table(vec![("off".to_owned(), Given::Truth(true))]);
        let rules = Given::Table(vec![("disk_low".to_owned(), off)]);
        TEXTS.iter().map(|text| Given::Text((*text).to_owned())).chain([rules]).collect()
    }

    #[test]
    fn what_is_taken_live_is_what_the_list_says_and_nothing_else() {
        let (config, in_force) = load(&[]);
        let mut changed = 0;
        for (index, setting) in SETTINGS.iter().enumerate() {
            let mut other = config.clone();
            let is_other = others().iter().any(|given| {
                (setting.set)(&mut other, given).is_ok() && (setting.show)(&other) != in_force[index].1
            });
            if !is_other {
                assert!(!TAKEN_LIVE.contains(&setting.key), "{}: give it another value", setting.key);
                continue;
            }
            changed += 1;
            let shown = (setting.show)(&config.with_live_of(other.clone()));
            let expected = if TAKEN_LIVE.contains(&setting.key) {
                (setting.show)(&other)
            } else {
                in_force[index].1.clone()
            };
            assert_eq!(shown, expected, "{}", setting.key);
        }
        assert!(changed > 40, "{changed}");
        for key in TAKEN_LIVE {
            assert!(SETTINGS.iter().any(|setting| setting.key == *key), "{key} is no setting");
        }
    }

    #[test]
    fn what_changed_is_named_by_when_it_counts() {
        let (config, in_force) = load(&[("HIGHWATER_LOG_LEVEL", "warn"), ("HIGHWATER_SERVER_READERS", "3")]);
        let read = load(&[
            ("HIGHWATER_LOG_LEVEL", "debug"),
            ("HIGHWATER_SERVER_READERS", "4"),
            ("HIGHWATER_LOG_REQUESTS", "false"),
        ]);
        let reloaded = config.reloaded(&in_force, read.clone()).unwrap();
        assert_eq!((reloaded.taken, reloaded.waiting), (vec!["log.level"], vec!["server.readers"]));
        assert_eq!((reloaded.config.log.level.as_str(), reloaded.config.server.readers), ("debug", 3));
        let of = |key: &str| reloaded.in_force.iter().find(|(name, ..)| *name == key).unwrap();
        assert_eq!(of("server.readers").1, "3");
        assert_eq!(
            of("log.requests").2,
            Source::Variable("HIGHWATER_LOG_REQUESTS".to_owned()),
            "a new source"
        );
        let again = reloaded.config.reloaded(&reloaded.in_force, read).unwrap();
        assert_eq!((again.taken, again.waiting), (vec![], vec!["server.readers"]));
    }
}
