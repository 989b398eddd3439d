//! Named operators: all of them in one row, which is small and read by every request of one.

use super::{
    field::{Input, Malformed, put_bytes, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{NamedOperator, OperatorRole, Operators};

const VIEWER: u8 = 0;
const MODERATOR: u8 = 1;
const ADMIN: u8 = 2;

/// Key of the row.
#[must_use]
pub fn key() -> Vec<u8> {
    Key::of(keys::OPERATORS).done()
}

/// Writes the row.
pub fn encode(out: &mut Vec<u8>, operators: &Operators) {
    put_number(out, operators.0.len() as u64);
    for operator in &operators.0 {
        put_bytes(out, operator.name.as_bytes());
        out.push(match operator.role {
            OperatorRole::Viewer => VIEWER,
            OperatorRole::Moderator => MODERATOR,
            OperatorRole::Admin => ADMIN,
        });
        out.extend_from_slice(&operator.token);
        put_time(out, operator.created);
    }
}

/// Reads the row.
///
/// # Errors
/// When the bytes are not operators.
pub fn decode(input: &mut Input<'_>) -> Result<Operators, Malformed> {
    let count = input.number()?;
    (0..count).map(|_| decode_one(input)).collect::<Result<_, _>>().map(Operators)
}

fn decode_one(input: &mut Input<'_>) -> Result<NamedOperator, Malformed> {
    Ok(NamedOperator {
        name: input.text("name of an operator")?,
        role: match input.byte("role of an operator")? {
            VIEWER => OperatorRole::Viewer,
            MODERATOR => OperatorRole::Moderator,
            ADMIN => OperatorRole::Admin,
            tag => return Err(Malformed::Unknown { what: "role of an operator", tag: u64::from(tag) }),
        },
        token: input.array("token of an operator")?,
        created: input.time()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{
            TimeMs,
            operator::{OPERATOR_NAME_BYTES_MAX, OPERATORS_MAX},
        },
        store::engine::MAX_VALUE_BYTES,
    };

    #[test]
    fn as_many_operators_as_there_may_be_fit_one_row() {
        let longest = NamedOperator {
            name: "x".repeat(OPERATOR_NAME_BYTES_MAX),
            role: OperatorRole::Admin,
            token: [u8::MAX; 32],
            created: TimeMs(i64::MAX),
        };
        let operators = Operators(vec![longest; OPERATORS_MAX]);
        let mut row = Vec::new();
        encode(&mut row, &operators);
        assert!(row.len() <= MAX_VALUE_BYTES, "{} bytes", row.len());
        assert_eq!(decode(&mut Input::new(&row)).ok(), Some(operators));
    }
}
