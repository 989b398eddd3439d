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
    /// A bound that the rule's measure can never pass, or always does.
    #[error("alarms.rules.{name}.bound is {}, which every minute would pass or none could; it may be {}", in_unit(*bound, unit), range(*least, *most, unit))]
    Bound {
        /// Which rule.
        name: &'static str,
        /// What was given.
        bound: i64,
        /// The smallest that means something.
        least: i64,
        /// The largest, if there is one.
        most: Option<i64>,
        /// Of all three.
        unit: &'static str,
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
        let (least, most) = bounds(&rule);
        if rule.bound < least || most.is_some_and(|most| rule.bound > most) {
            let Rule { name, bound, unit, .. } = rule;
            return Err(RuleFault::Bound { name, bound, least, most, unit });
        }
        made[place] = (!given.off).then_some(rule);
    }
    Ok(made.into_iter().flatten().collect())
}

/// The smallest and the largest bound by which a rule counts some minutes and not all: nothing counted is below 0, nothing
/// falls by more than all of it, and a share is never more than the whole.
fn bounds(rule: &Rule) -> (i64, Option<i64>) {
    match rule.condition {
        Condition::Above => (0, rule.measure.most().map(|most| most - 1)),
        Condition::Below => (1, rule.measure.most()),
        Condition::Fell { .. } => (0, Some(99)),
        Condition::Rose { .. } => (0, None),
        // The last minute that is looked back at has to have a point.
        Condition::Missing { within } => (0, Some(within - 2)),
    }
}

fn in_unit(value: i64, unit: &str) -> String {
    format!("{value} {unit}").trim_end().to_owned()
}

fn range(least: i64, most: Option<i64>, unit: &str) -> String {
    match most {
        Some(most) => format!("{least} to {}", in_unit(most, unit)),
        None => format!("{} or more", in_unit(least, unit)),
    }
}
