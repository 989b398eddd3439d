//! What a report tells: the figures, and of which ids each is made.

use crate::{
    model::PointRow,
    monitor::{Op, Outcome, ids},
};

/// How a figure is made of points.
#[derive(Debug, Clone, Copy)]
pub enum Made {
    /// What these gained, less what those gained.
    Sum {
        /// Added.
        of: fn() -> Vec<u32>,
        /// Taken off.
        less: fn() -> Vec<u32>,
    },
    /// The highest that this gauge was at the end of a stretch.
    Highest(u32),
}

/// A figure.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// What programs call it.
    pub name: &'static str,
    /// The same for people.
    pub says: &'static str,
    /// How it is made.
    pub made: Made,
}

const fn sum(name: &'static str, says: &'static str, of: fn() -> Vec<u32>) -> Figure {
    Figure { name, says, made: Made::Sum { of, less: Vec::new } }
}

/// The figures, in their order.
pub static FIGURES: [Figure; 10] = [
    sum("messages_stored", "messages stored", || vec![ids::MESSAGES_STORED]),
    Figure {
        name: "deliveries",
        says: "pages of changes given to devices, pushed or asked for",
        made: Made::Sum { of: || vec![Op::Push.calls(), Op::Sync.calls()], less: || all_errors(Op::Sync) },
    },
    sum("sign_ups", "accounts made", || vec![ids::ACCOUNTS_MADE]),
    Figure {
        name: "sign_ins",
        says: "sign-ins",
        made: Made::Sum { of: || vec![Op::SignIn.calls()], less: || all_errors(Op::SignIn) },
    },
    sum("sign_ins_refused", "sign-ins with wrong credentials", || {
        Op::SignIn.errors(Outcome::Auth).into_iter().collect()
    }),
    sum("connections_opened", "connections opened", || vec![ids::CONNECTIONS_OPENED]),
    Figure {
        name: "peak_online",
        says: "most connections at a time",
        made: Made::Highest(ids::CONNECTIONS_OPEN),
    },
    sum("refusals", "requests refused", || {
        [Outcome::BadInput, Outcome::Auth, Outcome::Refused, Outcome::Overload]
            .into_iter()
            .flat_map(errors)
            .collect()
    }),
    sum("faults", "requests that ended in a fault", || errors(Outcome::Fault).collect()),
    sum("alarms_fired", "alarms that began to fire", || vec![ids::ALARMS_FIRED]),
];

/// A request over HTTP is counted by what it asks for, so what is counted of HTTP is left out.
fn errors(outcome: Outcome) -> impl Iterator<Item = u32> {
    Op::ALL.iter().filter(|op| **op != Op::Http).filter_map(move |op| op.errors(outcome))
}

fn all_errors(op: Op) -> Vec<u32> {
    Outcome::ERRORS.iter().filter_map(|(outcome, _)| op.errors(*outcome)).collect()
}

/// A figure that adds itself up, row by row.
#[derive(Debug, Clone)]
pub struct Adding {
    of: Vec<u32>,
    less: Vec<u32>,
    is_highest: bool,
    /// `None` before the first row that knows one of its ids.
    value: Option<i64>,
}

impl Adding {
    /// Of nothing yet.
    #[must_use]
    pub fn new(figure: &Figure) -> Adding {
        let (of, less, is_highest) = match figure.made {
            Made::Sum { of, less } => (of(), less(), false),
            Made::Highest(id) => (vec![id], Vec::new(), true),
        };
        Adding { of, less, is_highest, value: None }
    }

    /// Adds a row; one that knows none of the ids changes nothing.
    pub fn add(&mut self, row: &PointRow) {
        let known = |ids: &[u32]| -> Option<i64> {
            let values = ids.iter().filter_map(|id| row.value(*id));
            values.reduce(i64::wrapping_add)
        };
        let Some(value) = known(&self.of) else {
            return;
        };
        let value = value.wrapping_sub(known(&self.less).unwrap_or_default());
        self.value = Some(match self.value {
            None => value,
            Some(before) if self.is_highest => before.max(value),
            Some(before) => before.wrapping_add(value),
        });
    }

    /// What it came to.
    #[must_use]
    pub fn value(&self) -> Option<i64> {
        self.value
    }
}
