//! Values that have names: those that may stand in the file, and what they mean.

use super::{
    given::quoted,
    sections::{Engine, LogFormat},
};
use crate::model::{
    Strangers,
    device_policy::{ClassRule, WhenFull},
};

pub(super) const STRANGERS: &[(&str, Strangers)] =
    &[("write", Strangers::Write), ("request", Strangers::Ask)];
pub(super) const CLASS_RULES: &[(&str, ClassRule)] =
    &[("many", ClassRule::Many), ("replace", ClassRule::Replace), ("refuse", ClassRule::Refuse)];
pub(super) const WHEN_FULL: &[(&str, WhenFull)] =
    &[("end_oldest", WhenFull::EndOldest), ("refuse", WhenFull::Refuse)];
pub(super) const ENGINES: &[(&str, Engine)] = &[("sled", Engine::Sled), ("memory", Engine::Memory)];
pub(super) const LOG_FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

/// The name of a value, as it stands in the file.
pub(super) fn named<T: PartialEq + Copy>(names: &[(&str, T)], value: T) -> String {
    let (name, _) = names.iter().find(|(_, known)| *known == value).expect("every value has a name");
    quoted(name)
}
