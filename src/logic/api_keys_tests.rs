//! API keys: what one may ask and for whom, judged again inside the commit; and the accounts that they make.

use std::collections::BTreeSet;

use highwater_wire::{
    Refusal,
    proto::{self, client_frame::Request as Asked},
};

use super::{
    Operation, Request,
    api_key_scopes::{Rule, admit, check as check_rule, rule},
    decide_samples::{NOW, Rows, TODAY, at, by, change_contact, new_device, send},
    decide_tests::check,
    operation::{
        ApiKeyChange, ChannelChange, ChannelRequest, ContactChange, EndDevices, MakeUser, NO_DEVICE,
        NewDevice, OnBehalf, Target, Voucher,
    },
};
use crate::model::{
    ApiKey, ApiKeyId, ApiKeys, ConversationId, TimeMs, UserId,
    api_key::{API_KEYS_MAX, ActsFor, Scope, Scopes},
};

const KEY: ApiKeyId = ApiKeyId(70);

fn key(id: u64, scopes: &[Scope], acts_for: ActsFor) -> ApiKey {
    ApiKey {
        id: ApiKeyId(id),
        name: format!("key {id}"),
        secret: [id as u8; 32],
        scopes: scopes.iter().fold(Scopes::default(), |scopes, scope| scopes.with(*scope)),
        acts_for,
        created: NOW,
        expires: None,
        used: None,
    }
}

fn rows(key: ApiKey) -> Rows {
    let mut rows = Rows::default().user(1, 1).user(2, 1);
    rows.api_keys = ApiKeys(vec![key]);
    rows
}

/// What the key asks for user 1 unless the request says otherwise.
fn asked(by: Voucher, request: Request) -> Request {
    Request::OnBehalf(OnBehalf { by, operation: Box::new(at(request)) })
}

fn to_bob(user: u64, id: u8) -> Request {
    send(by(user, NO_DEVICE.0), Target::User(UserId(2)), id, "hi")
}

fn make(by: Voucher, user: u64, name: &str, bot: bool) -> Request {
    Request::MakeUser(MakeUser { by, user: UserId(user), name: name.to_owned(), password: None, bot })
}

const SENT: &str = "sent 1: conversation 1-2 item 1/2 after 0 item 1/3 after 0 item 2/2 after 0 item 2/3 after 0 message 1<0,2<0";

#[test]
fn every_request_has_a_row() {
    let rows = table();
    for (request, expected) in &rows {
        assert_eq!(rule(request), *expected, "{request:?}");
    }
    let schema = include_str!("../../protocol/highwater.proto");
    let frame =
        schema.split("message ClientFrame {").nth(1).and_then(|rest| rest.split("oneof request {").nth(1));
    let listed = frame.and_then(|rest| rest.split('}').next()).expect("the frame has requests");
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let named = |request: &Asked| format!("{request:?}").split('(').next().unwrap_or_default().to_owned();
    let tried: BTreeSet<String> = rows.iter().map(|(request, _)| named(request)).collect();
    assert_eq!(listed.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), tried);
}

fn table() -> Vec<(Asked, Rule)> {
    use Rule::{ForUser, Free, Never, OfKey};
    use Scope::{Contacts, Groups, Read, Send};
    vec![
        (Asked::Heartbeat(proto::Heartbeat::default()), Free),
        (Asked::CreateUser(proto::CreateUser::default()), OfKey(Scope::Users)),
        (Asked::Send(proto::Send::default()), ForUser(Send)),
        (Asked::MarkRead(proto::MarkRead::default()), ForUser(Send)),
        (Asked::SetConversation(proto::SetConversation::default()), ForUser(Send)),
        (Asked::FindUser(proto::FindUser::default()), ForUser(Read)),
        (Asked::Heads(proto::Heads::default()), ForUser(Read)),
        (Asked::Range(proto::Range::default()), ForUser(Read)),
        (Asked::ListMembers(proto::ListMembers::default()), ForUser(Read)),
        (Asked::DescribeGroup(proto::DescribeGroup::default()), ForUser(Read)),
        (Asked::AskWatermarks(proto::AskWatermarks::default()), ForUser(Read)),
        (Asked::ListLinks(proto::ListLinks::default()), ForUser(Read)),
        (Asked::LookAtLink(proto::LookAtLink::default()), ForUser(Read)),
        (Asked::ListJoinRequests(proto::ListJoinRequests::default()), ForUser(Read)),
        (Asked::BlockUser(proto::BlockUser::default()), ForUser(Contacts)),
        (Asked::UnblockUser(proto::UnblockUser::default()), ForUser(Contacts)),
        (Asked::NoteContact(proto::NoteContact::default()), ForUser(Contacts)),
        (Asked::DeleteContact(proto::DeleteContact::default()), ForUser(Contacts)),
        (Asked::AskContact(proto::AskContact::default()), ForUser(Contacts)),
        (Asked::AcceptContact(proto::AcceptContact::default()), ForUser(Contacts)),
        (Asked::RefuseContact(proto::RefuseContact::default()), ForUser(Contacts)),
        (Asked::WithdrawContact(proto::WithdrawContact::default()), ForUser(Contacts)),
        (Asked::CreateGroup(proto::CreateGroup::default()), ForUser(Groups)),
        (Asked::AddMembers(proto::AddMembers::default()), ForUser(Groups)),
        (Asked::RemoveMember(proto::RemoveMember::default()), ForUser(Groups)),
        (Asked::LeaveGroup(proto::LeaveGroup::default()), ForUser(Groups)),
        (Asked::RenameGroup(proto::RenameGroup::default()), ForUser(Groups)),
        (Asked::GiveRole(proto::GiveRole::default()), ForUser(Groups)),
        (Asked::DissolveGroup(proto::DissolveGroup::default()), ForUser(Groups)),
        (Asked::MuteGroup(proto::MuteGroup::default()), ForUser(Groups)),
        (Asked::MuteMember(proto::MuteMember::default()), ForUser(Groups)),
        (Asked::SetAnnouncement(proto::SetAnnouncement::default()), ForUser(Groups)),
        (Asked::MakeLink(proto::MakeLink::default()), ForUser(Groups)),
        (Asked::RevokeLink(proto::RevokeLink::default()), ForUser(Groups)),
        (Asked::JoinByLink(proto::JoinByLink::default()), ForUser(Groups)),
        (Asked::SetApproval(proto::SetApproval::default()), ForUser(Groups)),
        (Asked::AnswerJoinRequest(proto::AnswerJoinRequest::default()), ForUser(Groups)),
        (Asked::CreateChannel(proto::CreateChannel::default()), ForUser(Groups)),
        (Asked::Follow(proto::Follow::default()), ForUser(Groups)),
        (Asked::Unfollow(proto::Unfollow::default()), ForUser(Groups)),
        (Asked::TurnGroup(proto::TurnGroup::default()), ForUser(Groups)),
        (Asked::SetProfile(proto::SetProfile::default()), ForUser(Scope::Profile)),
        (Asked::SetStrangers(proto::SetStrangers::default()), Never),
        (Asked::SetPrivacy(proto::SetPrivacy::default()), Never),
        (Asked::EraseAccount(proto::EraseAccount::default()), Never),
        (Asked::Hello(proto::Hello::default()), Never),
        (Asked::Sync(proto::Sync::default()), Never),
        (Asked::Compare(proto::Compare::default()), Never),
        (Asked::Register(proto::Register::default()), Never),
        (Asked::SignIn(proto::SignIn::default()), Never),
        (Asked::SignInWithToken(proto::SignInWithToken::default()), Never),
        (Asked::SignOut(proto::SignOut::default()), Never),
        (Asked::ListDevices(proto::ListDevices::default()), Never),
        (Asked::EndDevice(proto::EndDevice::default()), Never),
        (Asked::ChangePassword(proto::ChangePassword::default()), Never),
    ]
}

#[test]
fn a_scope_gives_what_it_says_and_nothing_else() {
    for held in Scope::ALL {
        let key = key(70, &[held], ActsFor::All);
        for wanted in Scope::ALL {
            let expected = if held == wanted { Ok(()) } else { Err(Refusal::ScopeMissing) };
            assert_eq!(check_rule(&key, Rule::ForUser(wanted)), expected, "{held:?} {wanted:?}");
            assert_eq!(check_rule(&key, Rule::OfKey(wanted)), expected, "{held:?} {wanted:?}");
        }
        assert_eq!(check_rule(&key, Rule::Free), Ok(()));
        assert_eq!(check_rule(&key, Rule::Never), Err(Refusal::Forbidden));
        assert_eq!(Scope::of_name(held.name()), Some(held));
    }
}

#[test]
fn a_key_acts_for_those_it_names_and_made_and_learns_nothing_of_others() {
    let mut rows = rows(key(70, &[Scope::Send], ActsFor::Made)).user(3, 1).user(4, 1);
    rows.accounts.get_mut(&UserId(2)).expect("user 2 is there").made_by = Some(KEY);
    rows.accounts.get_mut(&UserId(4)).expect("user 4 is there").suspended = true;
    let named = ActsFor::Users(vec![UserId(1), UserId(4)]);
    let refused = Err(Refusal::NotForThisUser);
    for (acts_for, expected) in [
        (ActsFor::Made, [refused, Ok(UserId(2)), refused, refused, refused]),
        (named, [Ok(UserId(1)), Ok(UserId(2)), refused, Err(Refusal::AccountSuspended), refused]),
        (
            ActsFor::All,
            [
                Ok(UserId(1)),
                Ok(UserId(2)),
                Ok(UserId(3)),
                Err(Refusal::AccountSuspended),
                Err(Refusal::NoSuchUser),
            ],
        ),
    ] {
        let key = key(70, &[Scope::Send], acts_for);
        let admitted = [1, 2, 3, 4, 9].map(|user| admit(&key, rows.accounts.get(&UserId(user))));
        assert_eq!(admitted, expected, "{:?}", key.acts_for);
    }
}

#[test]
fn what_a_key_asks_is_decided_as_if_its_user_had_asked_and_a_resend_is_the_same() {
    let key_asks = |request| asked(Voucher::ApiKey(KEY), request);
    check(
        &rows(key(70, &[Scope::Send], ActsFor::Users(vec![UserId(1)]))),
        &[
            key_asks(to_bob(1, 1)),
            key_asks(to_bob(1, 1)),
            send(by(1, 11), Target::User(UserId(2)), 1, "hi"),
            key_asks(send(by(2, 0), Target::User(UserId(1)), 2, "forged")),
            key_asks(change_contact(by(1, 0), 2, ContactChange::Block)),
            key_asks(Request::EndDevices { by: by(1, 0), which: EndDevices::AllOthers }),
            Request::ApiKey(ApiKeyChange::Revoke(KEY)),
            key_asks(to_bob(1, 1)),
            // Without somebody who answers for it there is no such principal.
            to_bob(1, 1),
        ],
        &[
            SENT,
            "sent 1: nothing",
            "sent 1: nothing",
            "refused not_for_this_user",
            "refused scope_missing",
            "refused forbidden",
            "done: 0 keys",
            "refused invalid_api_key",
            "refused invalid_token",
        ],
    );
}

#[test]
fn what_a_key_may_ask_of_groups_it_may_ask_of_channels() {
    let follow = |user| {
        let (by, channel) = (by(user, NO_DEVICE.0), ConversationId(9));
        Request::Channel(ChannelRequest { by, channel, change: ChannelChange::Follow })
    };
    for (scope, expected) in
        [(Scope::Groups, "refused no_such_conversation"), (Scope::Send, "refused scope_missing")]
    {
        let start = rows(key(70, &[scope], ActsFor::Users(vec![UserId(1)])));
        check(&start, &[asked(Voucher::ApiKey(KEY), follow(1))], &[expected]);
    }
}

#[test]
fn a_key_is_dead_at_its_end_and_for_the_suspended() {
    let mut expired = key(70, &[Scope::Send, Scope::Users], ActsFor::All);
    expired.expires = Some(NOW);
    check(
        &rows(expired.clone()),
        &[asked(Voucher::ApiKey(KEY), to_bob(1, 1)), make(Voucher::ApiKey(KEY), 5, "cy", false)],
        &["refused invalid_api_key", "refused invalid_api_key"],
    );
    expired.expires = Some(TimeMs(NOW.0 + 1));
    check(
        &rows(expired),
        &[
            asked(Voucher::ApiKey(KEY), to_bob(1, 1)),
            Request::Suspend { user: UserId(1), suspended: true },
            asked(Voucher::ApiKey(KEY), to_bob(1, 1)),
        ],
        &[SENT, "done: device 11 suspended account 1 suspended (1)", "refused account_suspended"],
    );
}

#[test]
fn an_operator_speaks_as_a_bot_alone() {
    let mut start = rows(key(70, &[Scope::Send], ActsFor::All));
    let operator = |request| asked(Voucher::Operator, request);
    check(
        &start,
        &[operator(to_bob(1, 1)), operator(to_bob(9, 1))],
        &["refused forbidden", "refused no_such_user"],
    );
    start.accounts.get_mut(&UserId(1)).expect("user 1 is there").bot = true;
    let password = "battery staple".to_owned();
    check(
        &start,
        &[
            operator(to_bob(1, 1)),
            Request::SetPassword { user: UserId(1), password, end_devices: false },
            Request::Suspend { user: UserId(1), suspended: true },
            operator(to_bob(1, 1)),
        ],
        &[
            SENT,
            "refused bot_has_no_password",
            "done: device 11 suspended account 1 suspended (1)",
            "refused account_suspended",
        ],
    );
}

#[test]
fn an_account_is_made_once_by_its_maker_and_its_first_device_gets_what_came_before() {
    let (maker, other) = (Voucher::ApiKey(KEY), Voucher::ApiKey(ApiKeyId(71)));
    let mut start = rows(key(70, &[Scope::Users, Scope::Send], ActsFor::Made));
    start.api_keys.0.push(key(71, &[Scope::Users], ActsFor::Made));
    start.api_keys.0.push(key(72, &[Scope::Send], ActsFor::All));
    check(
        &start,
        &[
            make(maker, 5, "Cy", false),
            make(maker, 6, "cY", false),
            make(maker, 6, "Cy", true),
            make(other, 6, "Cy", false),
            make(Voucher::Operator, 6, "Cy", true),
            make(maker, 6, "u1", false),
            make(maker, 1, "dan", false),
            make(Voucher::ApiKey(ApiKeyId(72)), 6, "dan", false),
            asked(maker, send(by(5, 0), Target::User(UserId(5)), 1, "note")),
            Request::AddDevice(NewDevice { ..new_device(5, 51) }),
        ],
        &[
            "user 5: account 5 (0) item 5/1 after 0",
            "user 5: nothing",
            "refused name_taken",
            "refused name_taken",
            "refused name_taken",
            "refused name_taken",
            "refused busy",
            "refused scope_missing",
            "sent 1: conversation 5-5 item 5/2 after 0 item 5/3 after 0 message 5<0",
            "device 51: account 5 (1) +device 51 floor 0 [51/0:0]",
        ],
    );
    check(
        &start,
        &[make(maker, 5, "tea", true), make(Voucher::Operator, 6, "tea", true), make(maker, 6, "tea", false)],
        &["user 5: account 5 (0) item 5/1 after 0", "user 5: nothing", "refused name_taken"],
    );
}

#[test]
fn keys_are_bounded_and_a_use_is_stored_once_an_hour() {
    let used = |hours: i64| Operation {
        at: TimeMs(NOW.0 + hours * 60 * 60 * 1000),
        request: Request::ApiKey(ApiKeyChange::Used(KEY)),
    };
    let mut keys = key(70, &[Scope::Read], ActsFor::Made);
    for (stored, hours, is_news) in
        [(None, 0, true), (Some(0), 0, false), (Some(0), 1, true), (Some(2), 1, false)]
    {
        keys.used = stored.map(|hours: i64| TimeMs(NOW.0 + hours * 60 * 60 * 1000));
        assert_eq!(keys.use_is_news(used(hours).at), is_news, "{stored:?} {hours}");
    }
    let made = |id| Request::ApiKey(ApiKeyChange::Make(key(id, &[Scope::Read], ActsFor::Made)));
    let mut start = rows(keys);
    check(
        &start,
        &[
            made(70),
            made(71),
            Request::ApiKey(ApiKeyChange::Used(ApiKeyId(71))),
            Request::ApiKey(ApiKeyChange::Used(ApiKeyId(71))),
            Request::ApiKey(ApiKeyChange::Used(ApiKeyId(9))),
            Request::ApiKey(ApiKeyChange::Revoke(ApiKeyId(9))),
        ],
        &[
            "refused name_taken",
            "done: 2 keys",
            "done: 2 keys",
            "done: nothing",
            "done: nothing",
            "done: nothing",
        ],
    );
    start.api_keys.0 = (0..API_KEYS_MAX as u64).map(|id| key(id, &[Scope::Read], ActsFor::Made)).collect();
    check(&start, &[made(70)], &["refused too_many_api_keys"]);
    assert_eq!(TODAY, NOW.day());
}
