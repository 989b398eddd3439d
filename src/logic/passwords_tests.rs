//! Passwords: tables of who may set one, what ends with it, and what a proof is worth that was overtaken.

use super::{
    Request, State, decide,
    decide_samples::{Rows, at, by, new_device, send},
    decide_tests::check,
    operation::{ChangePassword, NewDevice, Target},
};
use crate::model::{Effect, UserId, Version};

/// User 1 with devices 11, 12 and 13 and the password "old", user 2 with device 21 and none.
fn start() -> Rows {
    let mut start = Rows::default().user(1, 3).user(2, 1);
    start.accounts.get_mut(&UserId(1)).expect("user 1 is there").password = Some("old".to_owned());
    start
}

fn change((user, device): (u64, u64), proven: &str, password: &str, end_other_devices: bool) -> Request {
    let (proven, password) = (proven.to_owned(), password.to_owned());
    Request::ChangePassword(ChangePassword { by: by(user, device), proven, password, end_other_devices })
}

fn set(user: u64, end_devices: bool) -> Request {
    Request::SetPassword { user: UserId(user), password: "set".to_owned(), end_devices }
}

fn sign_in(device: u64, proven: &str) -> Request {
    Request::AddDevice(NewDevice { proven: Some(proven.to_owned()), ..new_device(1, device) })
}

#[test]
fn a_change_ends_the_others_when_it_is_asked_for_and_only_then() {
    check(
        &start(),
        &[
            change((1, 11), "old", "new", false),
            send(by(1, 12), Target::User(UserId(1)), 1, "a"),
            change((1, 12), "new", "newer", true),
            send(by(1, 11), Target::User(UserId(1)), 1, "a"),
            change((1, 11), "newer", "mine", true),
            change((1, 12), "newer", "newest", true),
        ],
        &[
            "ended []: account 1 (3)",
            "sent 1: conversation 1-1 item 1/2 after 0 item 1/3 after 0 message 1<0",
            "ended [11, 13]: -device 11 -device 13 floor 0 [12/0:0] account 1 (1)",
            "refused invalid_token",
            "refused invalid_token",
            "ended []: account 1 (1)",
        ],
    );
}

#[test]
fn a_proof_that_was_overtaken_is_worth_nothing() {
    check(
        &start(),
        &[
            sign_in(14, "old"),
            change((1, 11), "old", "new", true),
            change((1, 11), "old", "other", false),
            sign_in(15, "old"),
            sign_in(15, "new"),
            set(1, false),
            sign_in(16, "new"),
            change((1, 11), "new", "other", false),
            change((2, 21), "", "mine", false),
        ],
        &[
            "device 14: account 1 (4) +device 14 floor 0 [11/0:0 12/0:0 13/0:0 14/0:0]",
            "ended [12, 13, 14]: -device 12 -device 13 -device 14 floor 0 [11/0:0] account 1 (1)",
            "refused wrong_credentials",
            "refused wrong_credentials",
            "device 15: account 1 (2) +device 15 floor 0 [11/0:0 15/0:0]",
            "ended []: account 1 (2)",
            "refused wrong_credentials",
            "refused wrong_credentials",
            "refused wrong_credentials",
        ],
    );
}

#[test]
fn an_operator_sets_any_password_and_leaves_no_device_unless_told() {
    check(
        &start(),
        &[set(9, true), set(2, false), set(1, true), sign_in(17, "set"), set(1, true)],
        &[
            "refused no_such_user",
            "ended []: account 2 (1)",
            "ended [11, 12, 13]: -device 11 -device 12 -device 13 floor 0 [] account 1 (0)",
            "device 17: account 1 (1) +device 17 floor 0 [17/0:0]",
            "ended [17]: -device 17 floor 0 [] account 1 (0)",
        ],
    );
}

#[test]
fn the_new_password_is_what_is_stored() {
    for (request, expected) in [(change((1, 11), "old", "new", true), "new"), (set(1, false), "set")] {
        let (mut state, operation) = (State::default(), at(request));
        start().warm(&mut state, &operation);
        let record = decide(&mut state, &operation, Version(101)).map(|decided| decided.record);
        let effects = record.ok().flatten().expect("it changes the account").effects;
        let stored = effects.iter().find_map(|effect| match effect {
            Effect::Account(account) => account.password.as_deref(),
            _ => None,
        });
        assert_eq!(stored, Some(expected));
    }
}
