//! Named operators, against tables.

use super::{Request, decide_samples::Rows, decide_tests::check, operation::OperatorChange};
use crate::model::{
    NamedOperator, OperatorRole, Operators, TimeMs,
    operator::{OPERATOR_NAME_BYTES_MAX, OPERATORS_MAX, is_operator_name},
};

fn operator(name: &str, token: u8) -> NamedOperator {
    let role = OperatorRole::Viewer;
    NamedOperator { name: name.to_owned(), role, token: [token; 32], created: TimeMs(5) }
}

fn make(name: &str) -> Request {
    Request::Operator(OperatorChange::Make(operator(name, 1)))
}

fn revoke(name: &str) -> Request {
    Request::Operator(OperatorChange::Revoke(name.to_owned()))
}

#[test]
fn a_name_is_one_operators_until_it_is_taken_back() {
    check(
        &Rows::default(),
        &[make("ruth"), make("ruth"), make("bo"), revoke("ruth"), revoke("ruth"), make("ruth")],
        &[
            "done: operators ruth",
            "refused operator_name_taken",
            "done: operators ruth,bo",
            "done: operators bo",
            "done: nothing",
            "done: operators bo,ruth",
        ],
    );
}

#[test]
fn there_are_so_many_and_no_more() {
    let operators = Operators((0..OPERATORS_MAX - 1).map(|n| operator(&format!("o{n}"), 1)).collect());
    let rows = Rows { operators, ..Rows::default() };
    let all: Vec<String> = (0..OPERATORS_MAX - 1).map(|n| format!("o{n}")).collect();
    let (last, others) = (format!("done: operators {},last", all.join(",")), all[1..].join(","));
    check(
        &rows,
        &[make("last"), make("more"), revoke("o0"), make("more")],
        &[
            &last,
            "refused too_many_operators",
            &format!("done: operators {others},last"),
            &format!("done: operators {others},last,more"),
        ],
    );
}

#[test]
fn names_are_plain_words_and_not_that_of_the_one_with_the_disk() {
    for name in ["a", "night.shift", "ruth-2", "x_y", &"a".repeat(OPERATOR_NAME_BYTES_MAX)] {
        assert!(is_operator_name(name), "{name}");
    }
    for name in [
        "",
        "root",
        "Ruth",
        "a b",
        "a/b",
        "ä",
        "a\n",
        "-x",
        "..",
        ".a",
        "_a",
        &"a".repeat(OPERATOR_NAME_BYTES_MAX + 1),
    ] {
        assert!(!is_operator_name(name), "{name}");
    }
}
