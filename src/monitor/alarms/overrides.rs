//! What an operator makes of the rules that are shipped.

use super::rule::{Condition, Hours, Rule};

/// What the configuration says of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Override {
    /// Another bound, in the unit of the rule.
    pub bound: Option<i64>,
    /// The hours in which it is judged.
    pub hours: Option<Hours>,
    /// It is not judged at all.
    pub off: bool,
}

/// An override that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// No rule has this name.
    #[error("alarms.rules names {name}, which is no rule; there are {}", known.join(", "))]
    Unknown {
        /// As it was given.
        name: String,
        /// The rules that there are.
        known: Vec<&'static str>,
    },
    /// A share that nothing reaches.
    #[error("alarms.rules.{name}.bound is {bound} %, which can never be passed")]
    Never {
        /// Which rule.
        name: &'static str,
        /// What was given.
        bound: i64,
    },
}

/// The rules with what an operator made of them; those that are off are left out.
///
/// # Errors
/// The first override that means nothing.
pub fn overridden<'a>(
    rules: &[Rule],
    overrides: impl IntoIterator<Item = (&'a str, Override)>,
) -> Result<Vec<Rule>, RuleFault> {
    let mut made: Vec<Option<Rule>> = rules.iter().copied().map(Some).collect();
    for (name, given) in overrides {
        let Some(place) = rules.iter().position(|rule| rule.name == name) else {
            let known = rules.iter().map(|rule| rule.name).collect();
            return Err(RuleFault::Unknown { name: name.to_owned(), known });
        };
        let rule = Rule {
            bound: given.bound.unwrap_or(rules[place].bound),
            hours: given.hours.or(rules[place].hours),
            ..rules[place]
        };
        if is_never(&rule) {
            return Err(RuleFault::Never { name: rule.name, bound: rule.bound });
        }
        made[place] = (!given.off).then_some(rule);
    }
    Ok(made.into_iter().flatten().collect())
}

/// Nothing falls by more than all of it, nothing counted is below 0.
fn is_never(rule: &Rule) -> bool {
    match rule.condition {
        Condition::Fell { .. } => rule.bound >= 100,
        Condition::Below => rule.bound <= 0,
        Condition::Above | Condition::Rose { .. } | Condition::Missing { .. } => false,
    }
}
