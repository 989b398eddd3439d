//! Alarms: rules as data, judged by a pure function of (rule, series, minute).
//!
//! `rule` is what a rule says, `shipped` are those that every server has, and `overrides` is what an operator makes of
//! them. `series` is where points come from, `past` what is remembered of them for longer, `judging` what a rule says of a minute, `state` what becomes of an alarm from
//! one minute to the next, and `standing` all alarms of a server. `letter` is what is told as a mail, `message` as a message.
//! Nothing here reads a clock or tells anybody: who ends the
//! minute hands the time in and performs what comes out. The same points judged again give the same alarms.

pub mod firing_html;
pub mod judging;
pub mod letter;
pub mod message;
pub mod overrides;
pub mod past;
pub mod rule;
pub mod series;
pub mod shipped;
pub mod standing;
pub mod state;

pub use firing_html::firing_html;
pub use judging::{Verdict, Why, evaluate};
pub use letter::{Letter, letter};
pub use message::{AlarmMessage, message};
pub use overrides::{Override, RuleFault, overridden};
pub use past::Past;
pub use rule::{Baseline, Condition, Hours, Measure, Rule, Severity};
pub use series::Series;
pub use shipped::SHIPPED;
pub use standing::{Alarms, NoAlarm, Telling};
pub use state::{SILENCE_MINUTES_MAX, State, Told};

#[cfg(test)]
mod shipped_tests;
#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;
