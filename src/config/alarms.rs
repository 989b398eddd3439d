//! `[alarms]`: where alarms are told, and what is made of the rules. Which rules there are is not known here.

use std::{collections::BTreeMap, ops::RangeInclusive, path::PathBuf};

use super::given::{Given, quoted};
use crate::model::{ConversationId, limits::NAME_CHARS, record::is_name_letter};

/// Bounds of rules, in their units. Source: the largest is more than any disk has bytes.
const BOUNDS: RangeInclusive<u64> = 0..=1_000_000_000_000_000_000;
/// Rules that are changed. Source: some times more than there are.
const RULES_MAX: usize = 100;

/// `[alarms]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alarms {
    /// Where alarms are posted; empty: nowhere.
    pub webhook_url: String,
    /// A file with the secret by which they are signed; empty: none.
    pub webhook_secret_file: PathBuf,
    /// The conversation in which alarms are told; `None`: in none.
    pub group: Option<ConversationId>,
    /// Name of the bot that tells them there; empty: none.
    pub bot: String,
    /// What is made of rules, by name.
    pub rules: BTreeMap<String, AlarmRule>,
}

/// What is made of a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlarmRule {
    /// Another bound, in the unit of the rule.
    pub bound: Option<i64>,
    /// From which hour until before which it is judged, UTC.
    pub hours: Option<(u8, u8)>,
    /// It is not judged.
    pub off: bool,
}

impl Alarms {
    /// What is wrong between the settings: the setting to blame, and what is wrong.
    pub(super) fn contradiction(&self) -> (&'static str, Option<String>) {
        let (url, secret) = (!self.webhook_url.is_empty(), !self.webhook_secret_file.as_os_str().is_empty());
        let unsigned = "needs alarms.webhook_secret_file beside it, or whoever likes could tell alarms there";
        let alone = "means nothing without alarms.webhook_url, where alarms are told";
        match (url, secret, self.group.is_some(), !self.bot.is_empty()) {
            (true, false, ..) => ("alarms.webhook_url", Some(unsigned.to_owned())),
            (false, true, ..) => ("alarms.webhook_secret_file", Some(alone.to_owned())),
            (.., true, false) => {
                ("alarms.group", Some("needs alarms.bot beside it, who tells there".to_owned()))
            }
            (.., false, true) => ("alarms.bot", Some("means nothing without alarms.group".to_owned())),
            _ => ("alarms.webhook_url", None),
        }
    }
}

/// The number of a conversation, or none.
pub(super) fn group(text: String) -> Result<Option<ConversationId>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| plain && *number != 0);
    let problem = || format!("must be the id of a conversation in decimal, not {}", quoted(&text));
    number.map(|number| Some(ConversationId(number))).ok_or_else(problem)
}

/// The name of a user, or none.
pub(super) fn bot(text: String) -> Result<String, String> {
    let fits = NAME_CHARS.contains(&text.chars().count()) && text.chars().all(is_name_letter);
    if text.is_empty() || fits {
        Ok(text)
    } else {
        Err(format!("must be the name of a bot, not {}", quoted(&text)))
    }
}

pub(super) fn rules(given: &Given) -> Result<BTreeMap<String, AlarmRule>, String> {
    let Given::Table(tables) = given else {
        return Err("can be given only in the file, as [alarms.rules.NAME] tables".to_owned());
    };
    if tables.len() > RULES_MAX {
        return Err(format!("has more than {RULES_MAX} tables"));
    }
    tables.iter().map(|(name, given)| Ok((name.clone(), rule(name, given)?))).collect()
}

fn rule(name: &str, given: &Given) -> Result<AlarmRule, String> {
    let Given::Table(entries) = given else {
        return Err(format!("has {name} = {given}: it must be a table with bound, hours or off"));
    };
    let mut rule = AlarmRule::default();
    for (key, value) in entries {
        let wrong = |problem| format!("has {name}.{key} that {problem}");
        match key.as_str() {
            "bound" => rule.bound = Some(value.number(BOUNDS).map_err(wrong)?),
            "hours" => rule.hours = Some(value.string().and_then(|text| hours(&text)).map_err(wrong)?),
            "off" => rule.off = value.truth().map_err(wrong)?,
            _ => return Err(format!("has the unknown key {name}.{key}: a rule has bound, hours and off")),
        }
    }
    if rule.off && rule != (AlarmRule { off: true, ..AlarmRule::default() }) {
        return Err(format!("has {name}.off beside others, which then mean nothing"));
    }
    Ok(rule)
}

/// "8-20": from the first hour until before the last; "22-6" lies around midnight.
fn hours(text: &str) -> Result<(u8, u8), String> {
    let parsed =
        text.split_once('-').and_then(|(from, until)| Some((from.parse().ok()?, until.parse().ok()?)));
    let fits = |(from, until): &(u8, u8)| *from <= 23 && (1..=24).contains(until) && from != until;
    parsed.filter(fits).ok_or_else(|| {
        format!("must be hours of the day in UTC as \"8-20\" or \"22-6\", not {}", quoted(text))
    })
}

/// As it would stand in the file.
pub(super) fn shown(rules: &BTreeMap<String, AlarmRule>) -> String {
    if rules.is_empty() {
        return "{}".to_owned();
    }
    let one = |(name, rule): (&String, &AlarmRule)| {
        let parts: Vec<String> = [
            rule.bound.map(|bound| format!("bound = {bound}")),
            rule.hours.map(|(from, until)| format!("hours = \"{from}-{until}\"")),
            rule.off.then(|| "off = true".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        format!("{name} = {{ {} }}", parts.join(", "))
    };
    format!("{{ {} }}", rules.iter().map(one).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{error_of, load_text},
        *,
    };

    #[test]
    fn rules_are_changed_by_tables() {
        let text = "[alarms.rules.disk_low]\nbound = 20\nhours = \"8-20\"\n[alarms.rules.commits_slow]\noff = true\n";
        let rules = load_text(text).map(|config| config.alarms.rules).unwrap_or_default();
        let disk_low = AlarmRule { bound: Some(20), hours: Some((8, 20)), off: false };
        assert_eq!(rules.get("disk_low"), Some(&disk_low));
        assert_eq!(rules.get("commits_slow"), Some(&AlarmRule { off: true, ..AlarmRule::default() }));
        let again = load_text(&format!("[alarms]\nrules = {}\n", shown(&rules)));
        assert_eq!(
            again.ok().map(|config| config.alarms.rules),
            Some(rules),
            "as it is shown it can be given"
        );
    }

    #[test]
    fn a_group_and_its_bot_are_given_together() {
        let text = "[alarms]\ngroup = \"18446744073709551615\"\nbot = \"Night-Watch\"\n";
        let alarms = load_text(text).map(|config| config.alarms).unwrap_or_default();
        assert_eq!((alarms.group, alarms.bot.as_str()), (Some(ConversationId(u64::MAX)), "Night-Watch"));
        let none = load_text("[alarms]\ngroup = \"\"\nbot = \"\"\n").map(|config| config.alarms);
        assert_eq!(none.ok(), Some(Alarms::default()));
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        for (text, expected) in [
            ("[alarms.rules]\ndisk_low = 5\n", "a table with bound, hours or off"),
            ("[alarms.rules.disk_low]\nbuond = 5\n", "unknown key disk_low.buond"),
            ("[alarms.rules.disk_low]\nbound = -1\n", "disk_low.bound that must be a whole number"),
            ("[alarms.rules.disk_low]\nbound = 5\noff = true\n", "disk_low.off beside others"),
            ("[alarms.rules.disk_low]\nhours = \"8-8\"\n", "must be hours of the day"),
            ("[alarms.rules.disk_low]\nhours = \"0-25\"\n", "must be hours of the day"),
            ("[alarms.rules.disk_low]\nhours = \"morning\"\n", "must be hours of the day"),
            ("[alarms]\nrules = []\n", "[alarms.rules.NAME] tables"),
            ("[alarms]\nwebhook_url = \"http://example.org\"\n", "https://HOST/"),
            ("[alarms]\nwebhook_url = \"https://example.org/a\"\n", "needs alarms.webhook_secret_file"),
            ("[alarms]\nwebhook_secret_file = \"s\"\n", "means nothing without alarms.webhook_url"),
            ("[alarms]\ngroup = \"42\"\n", "alarms.group needs alarms.bot"),
            ("[alarms]\nbot = \"watch\"\n", "alarms.bot means nothing without alarms.group"),
            ("[alarms]\ngroup = \"0\"\nbot = \"watch\"\n", "must be the id of a conversation"),
            ("[alarms]\ngroup = \"+42\"\nbot = \"watch\"\n", "must be the id of a conversation"),
            ("[alarms]\ngroup = \"tea\"\nbot = \"watch\"\n", "must be the id of a conversation"),
            ("[alarms]\ngroup = 42\nbot = \"watch\"\n", "must be a string in quotes"),
            (
                "[alarms]\ngroup = \"18446744073709551616\"\nbot = \"watch\"\n",
                "must be the id of a conversation",
            ),
            ("[alarms]\ngroup = \"42\"\nbot = \"the watch\"\n", "must be the name of a bot"),
        ] {
            let error = error_of(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
