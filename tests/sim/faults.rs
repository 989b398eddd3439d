//! What goes wrong on the disk, and when.

use highwater::store::files_faulty::{Action, Call, CutPolicy, Rule, SeededRandom, Target, When};

/// One trouble ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble(Rule);

impl Trouble {
    pub fn rule(self) -> Rule {
        self.0
    }

    /// Whether nothing works any more once it has happened.
    pub fn is_the_end(self) -> bool {
        self.0.action == Action::Stop
    }
}

/// Any policy.
pub fn policy(random: &mut SeededRandom) -> CutPolicy {
    CutPolicy::ALL[random.below(CutPolicy::ALL.len() as u64) as usize]
}

/// Trouble for a commit: a write or sync that fails before or after its work, or stops halfway; no space; the end.
pub fn of_commit(random: &mut SeededRandom) -> Trouble {
    let target = match random.below(3) {
        0 => Target::Only(Call::Write),
        1 => Target::Only(Call::Sync),
        _ => Target::Changing,
    };
    let action = match random.below(8) {
        0 | 1 => Action::Fail,
        2 | 3 => Action::FailAfter,
        4 => Action::Short(random.below(200) as usize),
        5 => Action::Full,
        _ => Action::Stop,
    };
    let call = 1 + random.below(2);
    let when = if random.one_in(8) { When::From(call) } else { When::Nth(call) };
    Trouble(Rule { target, when, action })
}

/// Trouble while opening.
pub fn of_open(random: &mut SeededRandom) -> Trouble {
    let action = match random.below(4) {
        0 => Action::Fail,
        1 => Action::FailAfter,
        _ => Action::Stop,
    };
    Trouble(Rule { target: Target::Changing, when: When::Nth(1 + random.below(14)), action })
}

/// The end, somewhere in the next calls.
pub fn the_end(random: &mut SeededRandom, calls: u64) -> Trouble {
    Trouble(Rule { target: Target::Changing, when: When::Nth(1 + random.below(calls)), action: Action::Stop })
}

/// An error with everything that caused it.
pub fn chain(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}
