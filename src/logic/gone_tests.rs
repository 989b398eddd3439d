//! Users who were erased, between that and the steps by which others lose what they have of them: judged at the commit.

use super::{
    Answer, Decided, Request, State, decide,
    decide_samples::{Rows, at, by, change_contact},
    group_doors_tests::{GROUP, change, check, join, link, remove},
    operation::{ContactChange, DoorChange, Erase, ErasedBy, ErasureRequest, GroupChange},
};
use crate::model::{
    Contact, ContactTally, ConversationId, Effect, Role, Standing, UserId, Version,
    record::{Item, ItemValue},
};
use highwater_wire::Refusal;

fn erase(user: u64) -> Request {
    let by = ErasedBy::Operator;
    Request::Erase(ErasureRequest::Begin(Erase { user: UserId(user), by, frees_name: false }))
}

fn contact(standing: Standing, is_blocked: bool) -> Contact {
    Contact { is_blocked, remark: "boss".to_owned(), ..Contact::plain(UserId(1), "u1".to_owned()) }
        .settled(standing)
}

/// What becomes of what user 2 has of user 1, who is erased, by a change; and how many user 2 blocks then.
fn after(held: Contact, what: ContactChange) -> Result<(Option<Contact>, u32), Refusal> {
    let rows = Rows::default().user(1, 1).user(2, 1).contact(2, held.clone());
    let mut state = State::default();
    let requests = [erase(1), change_contact(by(2, 21), 1, what)];
    let mut decided = None;
    for (request, version) in requests.into_iter().zip(101..) {
        rows.warm(&mut state, &at(request.clone()));
        decided = Some(decide(&mut state, &at(request), Version(version))?);
    }
    let Some(Decided { record, answer: Answer::Done }) = decided else { panic!("{decided:?}") };
    let (mut item, mut tally) = (Some(held.clone()), u32::from(held.is_blocked));
    for effect in record.into_iter().flat_map(|record| record.effects) {
        match effect {
            Effect::Item { user: UserId(2), item: Item { value, .. }, .. } => {
                item = value.map(|value| match value {
                    ItemValue::Contact(contact) => *contact,
                    other => panic!("{other:?}"),
                });
            }
            Effect::ContactTally(ContactTally { user: UserId(2), blocked, .. }) => tally = blocked,
            other => panic!("{other:?}"),
        }
    }
    Ok((item, tally))
}

#[test]
fn nobody_gets_a_name_anew_and_nothing_that_waits_is_granted() {
    use ContactChange::{Accept, Ask, Block, Delete, Refuse, Unblock};
    let note = ContactChange::Note { remark: "friend".to_owned(), labels: Vec::new() };
    let blocked = Contact { is_blocked: true, ..Contact::erased(UserId(1)) };
    let erased = || Some(Contact::erased(UserId(1)));
    let cases = [
        (Standing::Contact, false, note, Err(Refusal::NoSuchContact)),
        (Standing::Contact, false, Accept, Err(Refusal::NoSuchRequest)),
        (Standing::AskedBy, false, Accept, Err(Refusal::NoSuchRequest)),
        (Standing::AskedBy, false, Refuse, Ok((None, 0))),
        (Standing::Stranger, true, Ask { greeting: String::new() }, Err(Refusal::UnblockFirst)),
        (Standing::Asked, false, Ask { greeting: String::new() }, Err(Refusal::NoSuchUser)),
        (Standing::Contact, false, Block, Ok((Some(blocked), 1))),
        (Standing::Contact, true, Unblock, Ok((erased(), 0))),
        (Standing::Stranger, true, Unblock, Ok((None, 0))),
        (Standing::Contact, true, Delete, Ok((None, 0))),
        (Standing::Contact, false, Delete, Ok((None, 0))),
    ];
    for (standing, is_blocked, what, expected) in cases {
        let found = after(contact(standing, is_blocked), what.clone());
        assert_eq!(found, expected, "{what:?} of {standing:?}, blocked {is_blocked}");
    }
}

const GONE_2: &str = "done: -device 21 floor 0 [] -account 2 erasure 2 told 0";
const GONE_3: &str = "done: -device 31 floor 0 [] -account 3 erasure 3 told 0";

#[test]
fn a_link_holds_no_longer_than_its_maker() {
    check(
        &[link(2, 9, 2), join(4, 9), erase(2), join(5, 9)],
        &[
            "link: door [9:0/2]",
            "joined: Member 4 [3-] door [9:1/2] message ",
            GONE_2,
            "refused no_such_link",
        ],
    );
}

#[test]
fn what_was_asked_is_forgotten_without_a_word() {
    let wanted = change(1, GroupChange::Door(DoorChange::SetApproval(true)));
    let after = ConversationId(0);
    let told = ErasureRequest::Conversation { user: UserId(4), after, conversation: GROUP };
    check(
        &[wanted, link(2, 9, 2), join(4, 9), join(5, 9), erase(4), Request::Erase(told)],
        &[
            "done: door [] message ",
            "link: door [9:0/2]",
            "asked: door [9:1/2] 4 Waiting message ",
            "asked: door [9:2/2] 4 Waiting 5 Waiting message ",
            "done: -device 41 floor 0 [] -account 4 erasure 4 told 0",
            &format!("done: door [9:2/2] 5 Waiting erasure 4 told {GROUP}"),
        ],
    );
}

#[test]
fn a_member_who_is_erased_is_no_member_to_those_who_name_him() {
    let user = UserId(3);
    let door = |what| change(1, GroupChange::Door(what));
    check(
        &[
            erase(3),
            change(1, GroupChange::Add(vec![user])),
            change(1, GroupChange::GiveRole(user, Role::Owner)),
            change(1, GroupChange::Mute(user, true)),
            door(DoorChange::Answer(user, true)),
            remove(1, 3),
        ],
        &[
            GONE_3,
            "refused no_such_user",
            "refused no_such_user",
            "refused no_such_user",
            "refused no_such_request",
            "done: nothing",
        ],
    );
}

#[test]
fn an_owner_who_leaves_is_not_followed_by_who_is_erased() {
    check(
        &[erase(2), change(1, GroupChange::Leave)],
        &[GONE_2, "done: Member 1 [1-3] Owner 3 [1-] message "],
    );
}
