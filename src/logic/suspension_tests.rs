//! Suspension: what a suspended account may not, what others and operators may, and what is back when it is resumed.

use super::{
    Request,
    decide_samples::{Rows, by, new_device, send},
    decide_tests::check,
    operation::{ChangePassword, EndDevices, NewDevice, OpenLineage, Target},
};
use crate::model::{DeviceId, KindSet, UserId};

/// User 1 with devices 11 and 12 and the password "old", user 2 with device 21.
fn start() -> Rows {
    let mut start = Rows::default().user(1, 2).user(2, 1);
    start.accounts.get_mut(&UserId(1)).expect("user 1 is there").password = Some("old".to_owned());
    start
}

fn suspend(user: u64, suspended: bool) -> Request {
    Request::Suspend { user: UserId(user), suspended }
}

fn sign_in(device: u64, proven: &str) -> Request {
    Request::AddDevice(NewDevice { proven: Some(proven.to_owned()), ..new_device(1, device) })
}

fn hello(device: u64) -> Request {
    Request::OpenLineage(OpenLineage { by: by(1, device), context: 1, kinds: KindSet::ALL })
}

#[test]
fn a_suspended_account_may_nothing_and_is_back_as_it_was() {
    let change = ChangePassword {
        by: by(1, 11),
        proven: "old".to_owned(),
        password: "new".to_owned(),
        end_other_devices: true,
    };
    check(
        &start(),
        &[
            suspend(1, true),
            send(by(1, 11), Target::User(UserId(2)), 1, "a"),
            hello(12),
            Request::EndDevices { by: by(1, 12), which: EndDevices::One(DeviceId(11)) },
            Request::ChangePassword(change),
            sign_in(13, "old"),
            suspend(1, true),
            suspend(1, false),
            suspend(1, false),
            hello(12),
            sign_in(13, "old"),
            suspend(9, true),
        ],
        &[
            "done: device 11 suspended device 12 suspended account 1 suspended (2)",
            "refused account_suspended",
            "refused account_suspended",
            "refused account_suspended",
            "refused account_suspended",
            "refused account_suspended",
            "done: nothing",
            "done: +device 11 +device 12 account 1 (2)",
            "done: nothing",
            "lineage 12/1 from 0: floor 0 [11/0:0 12/0:0 12/1:0]",
            "device 13: account 1 (3) +device 13 floor 0 [11/0:0 12/0:0 12/1:0 13/0:0]",
            "refused no_such_user",
        ],
    );
}

#[test]
fn others_write_to_a_suspended_user_and_strangers_learn_nothing() {
    check(
        &start(),
        &[
            suspend(1, true),
            send(by(2, 21), Target::Name("u1".to_owned()), 1, "a"),
            send(by(2, 12), Target::User(UserId(1)), 2, "b"),
            sign_in(13, "wrong"),
        ],
        &[
            "done: device 11 suspended device 12 suspended account 1 suspended (2)",
            "sent 1: conversation 1-2 item 2/2 after 0 item 2/3 after 0 item 1/2 after 0 item 1/3 after 0 message 2<0,1<0",
            "refused invalid_token",
            "refused wrong_credentials",
        ],
    );
}

#[test]
fn an_operator_ends_devices_and_sets_passwords_of_a_suspended_account_which_stays_so() {
    let set = Request::SetPassword { user: UserId(1), password: "set".to_owned(), end_devices: false };
    check(
        &start(),
        &[
            suspend(1, true),
            Request::EndDevice { user: UserId(1), device: DeviceId(11) },
            set,
            sign_in(13, "set"),
            suspend(1, false),
            sign_in(13, "set"),
        ],
        &[
            "done: device 11 suspended device 12 suspended account 1 suspended (2)",
            "ended [11]: -device 11 floor 0 [12/0:0] account 1 suspended (1)",
            "ended []: account 1 suspended (1)",
            "refused account_suspended",
            "done: +device 12 account 1 (1)",
            "device 13: account 1 (2) +device 13 floor 0 [12/0:0 13/0:0]",
        ],
    );
}
