//! Erasures: who may begin one, what is gone with it, and what each step changes, once and in its turn.

use super::{
    Request, State,
    decide_samples::{Rows, by, change_contact, new_device, register, send},
    decide_tests::{check, check_from},
    operation::{
        ContactChange, Erase, ErasedBy, ErasureRequest, GroupChange, GroupRequest, NewDevice, Register,
        Target,
    },
};
use crate::model::{Contact, ConversationId, DeviceId, GroupBounds, Standing, UserId};

const GROUP: ConversationId = ConversationId(0x6e0);

/// User 1 with devices 11 and 12 and the password "old", user 2 with device 21, user 3 with device 31.
fn start() -> Rows {
    let mut start = Rows::default().user(1, 2).user(2, 1).user(3, 1);
    start.accounts.get_mut(&UserId(1)).expect("user 1 is there").password = Some("old".to_owned());
    start
}

fn erase(frees_name: bool) -> Request {
    Request::Erase(ErasureRequest::Begin(Erase { user: UserId(1), by: ErasedBy::Operator, frees_name }))
}

fn erase_own(device: u64, proven: &str) -> Request {
    let by = ErasedBy::User { device: DeviceId(device), proven: proven.to_owned() };
    Request::Erase(ErasureRequest::Begin(Erase { user: UserId(1), by, frees_name: false }))
}

fn register_as(name: &str, host_identity: Option<[u8; 32]>) -> Request {
    let Request::Register(register) = register(9, name, None) else { unreachable!("it registers") };
    Request::Register(Register { host_identity, ..register })
}

fn of_contact(owner: u64) -> Request {
    Request::Erase(ErasureRequest::Contact { user: UserId(1), owner: UserId(owner) })
}

fn of_conversation(after: ConversationId, conversation: ConversationId) -> Request {
    Request::Erase(ErasureRequest::Conversation { user: UserId(1), after, conversation })
}

fn between(one: u64, other: u64) -> ConversationId {
    ConversationId::direct(UserId(one), UserId(other), 0)
}

#[test]
fn an_account_ends_with_its_devices_and_for_good() {
    check(
        &start(),
        &[
            erase_own(11, "guessed"),
            erase_own(21, "old"),
            erase_own(12, "old"),
            erase_own(12, "old"),
            erase(false),
            send(by(1, 11), Target::User(UserId(2)), 1, "a"),
            send(by(2, 21), Target::User(UserId(1)), 1, "a"),
            send(by(2, 21), Target::Name("u1".to_owned()), 1, "a"),
            Request::AddDevice(NewDevice { proven: Some("old".to_owned()), ..new_device(1, 13) }),
            // The name leads to nobody, and is given to nobody.
            register_as("U1", None),
        ],
        &[
            "refused wrong_credentials",
            "refused invalid_token",
            "done: -device 11 -device 12 floor 0 [] -account 1 erasure 1 told 0",
            "refused invalid_token",
            "refused no_such_user",
            "refused invalid_token",
            "refused no_such_user",
            "refused no_such_user",
            "refused no_such_user",
            "refused name_taken",
        ],
    );
}

#[test]
fn an_operator_may_give_the_name_up() {
    check(
        &start(),
        &[erase(true), register_as("U1", None)],
        &[
            "done: -device 11 -device 12 floor 0 [] -account 1 and u1 erasure 1 told 0",
            "device 91: account 9 (1) +device 91 floor 0 [91/0:0] item 9/1 after 0",
        ],
    );
}

#[test]
fn who_was_known_to_a_host_app_comes_again_as_somebody_new() {
    let mut start = start();
    start.host_identities.insert([7; 32], UserId(1));
    let again = || register_as("u9", Some([7; 32]));
    check(
        &start,
        &[again(), erase(false), again()],
        &[
            "refused busy",
            "done: -device 11 -device 12 floor 0 [] -account 1 erasure 1 told 0",
            "device 91: host user 9 account 9 (1) +device 91 floor 0 [91/0:0] item 9/1 after 0",
        ],
    );
}

#[test]
fn what_others_have_of_the_user_says_nobody_any_more_and_once() {
    let name = || "u1".to_owned();
    let noted = Contact { remark: "boss".to_owned(), is_blocked: true, ..Contact::plain(UserId(1), name()) };
    let asked = Contact { standing: Standing::AskedBy, ..Contact::stranger(UserId(1), name()) };
    let start = start().contact(2, noted).contact(3, asked);
    check(
        &start,
        &[
            of_contact(2),
            erase(false),
            of_contact(2),
            of_contact(2),
            of_contact(3),
            of_contact(3),
            change_contact(by(3, 31), 1, ContactChange::Accept),
            change_contact(by(2, 21), 1, ContactChange::Delete),
        ],
        &[
            // Of one who is there nothing is taken.
            "done: nothing",
            "done: -device 11 -device 12 floor 0 [] -account 1 erasure 1 told 0",
            "done: item 2/2 after 50 2 blocks 0",
            "done: nothing",
            "done: item 3/2 after 50",
            "done: nothing",
            "refused no_such_request",
            "done: item 2/2 after 103",
        ],
    );
}

#[test]
fn conversations_are_told_once_each_in_their_order_and_take_nothing_more() {
    let (first, second) = (between(1, 2).min(between(1, 3)), between(1, 2).max(between(1, 3)));
    let peer = |conversation| if conversation == between(1, 2) { 2 } else { 3 };
    let start = start().conversation(between(1, 2), [1, 2], 4).conversation(between(1, 3), [1, 3], 4);
    let (one, other) = (peer(first), peer(second));
    check(
        &start,
        &[
            of_conversation(ConversationId(0), first),
            erase(false),
            // The one before it is lacking: nothing is passed over.
            of_conversation(first, second),
            of_conversation(ConversationId(0), first),
            of_conversation(ConversationId(0), first),
            of_conversation(first, second),
            send(by(one, 10 * one + 1), Target::Conversation(first), 1, "a"),
        ],
        &[
            "done: nothing",
            "done: -device 11 -device 12 floor 0 [] -account 1 erasure 1 told 0",
            "done: nothing",
            &format!("done: message 1<0,{one}<0 erasure 1 told {first}"),
            "done: nothing",
            &format!("done: message 1<104,{other}<0 erasure 1 told {second}"),
            "refused no_such_user",
        ],
    );
}

#[test]
fn the_user_leaves_a_group_which_goes_to_the_next() {
    let members = vec![UserId(2), UserId(3)];
    let create = GroupChange::Create { name: "g".to_owned(), members };
    let request = |change| Request::Group(GroupRequest { by: by(1, 11), group: GROUP, change });
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 9, step_pointers_max: 9 };
    check_from(
        state,
        &start(),
        &[
            request(create),
            erase(false),
            of_conversation(ConversationId(0), GROUP),
            of_conversation(ConversationId(0), GROUP),
            send(by(3, 31), Target::Conversation(GROUP), 1, "a"),
        ],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] Member 3 [1-] item 1/3 after 0 item 2/3 after 0 item 3/3 after 0 message 1<0,2<0,3<0",
            "done: -device 11 -device 12 floor 0 [] -account 1 erasure 1 told 0",
            &format!(
                "done: Member 1 [1-2] Owner 2 [1-] item 1/3 after 101 item 2/3 after 101 message 1<101,2<101,3<101 erasure 1 told {GROUP}"
            ),
            "done: nothing",
            "sent 3: message 2<103,3<103",
        ],
    );
}
