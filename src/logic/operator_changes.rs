//! The decisions on named operators.

use highwater_wire::Refusal;

use super::{decide::Decided, operation::Answer, state::State};
use crate::model::{Effect, NamedOperator, Version, operator::OPERATORS_MAX};

/// What becomes of a named operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorChange {
    /// One is made.
    Make(NamedOperator),
    /// One is taken back, by name: the token is dead with this operation.
    Revoke(String),
}

/// Decides it. A revocation may come twice; a token is told once, so of two operators of one name the second is refused.
pub(super) fn decide(
    state: &mut State,
    change: &OperatorChange,
    version: Version,
) -> Result<Decided, Refusal> {
    let mut operators = state.operators.get(&()).cloned().unwrap_or_default();
    match change {
        OperatorChange::Make(operator) => {
            if operators.named(&operator.name).is_some() {
                return Err(Refusal::OperatorNameTaken);
            }
            if operators.0.len() >= OPERATORS_MAX {
                return Err(Refusal::TooManyOperators);
            }
            operators.0.push(operator.clone());
        }
        OperatorChange::Revoke(name) => {
            if operators.named(name).is_none() {
                return Ok(Decided::unchanged(Answer::Done));
            }
            operators.0.retain(|operator| operator.name != *name);
        }
    }
    state.operators.change((), operators.clone(), version);
    Ok(Decided::changed(version, vec![Effect::Operators(operators)], Answer::Done))
}
