//! Golden frames of clients: every request, full and minimal, and the edges of the frame itself.

use bytes::Bytes;
use highwater_wire::proto::{
    AcceptContact, AddMembers, AnswerJoinRequest, AskContact, AskWatermarks, BlockUser, ChangePassword,
    ClientFrame, Compare, CreateChannel, CreateGroup, CreateUser, Custom, DeleteContact, DescribeGroup,
    DeviceClass, DeviceInfo, DissolveGroup, EndDevice, EraseAccount, FindUser, Follow, GiveRole, Heads,
    Heartbeat, HeldEntry, HeldItem, Hello, JoinByLink, LeaveGroup, ListDevices, ListJoinRequests, ListLinks,
    ListMembers, LookAtLink, MakeLink, MarkRead, MuteGroup, MuteMember, NoteContact, Range, RefuseContact,
    Register, RemoveMember, RenameGroup, RevokeLink, Role, Send, SetAnnouncement, SetApproval,
    SetConversation, SetPrivacy, SetProfile, SetStrangers, SignIn, SignInWithToken, SignOut, Strangers, Sync,
    TurnGroup, UnblockUser, Unfollow, WithdrawContact, client_frame::Request, end_device::Which, send::To,
};

use super::{Frame, Named, message_id, snapshot};

/// All of them.
pub fn all() -> Vec<Named> {
    [edges(), connecting(), accounts(), contacts(), groups(), channels(), reading(), sending(), history()]
        .concat()
}

fn named(name: &'static str, request_id: u64, snapshot: Bytes, request: Option<Request>) -> Named {
    Named { name, frame: Frame::Client(ClientFrame { request_id, snapshot, request }) }
}

fn plain(name: &'static str, request: Request) -> Named {
    named(name, 7, Bytes::new(), Some(request))
}

fn edges() -> Vec<Named> {
    vec![
        named("client_empty", 0, Bytes::new(), None),
        named("client_no_request", 7, snapshot(), None),
        named("client_request_id_max", u64::MAX, Bytes::new(), Some(Request::Heartbeat(Heartbeat {}))),
    ]
}

fn connecting() -> Vec<Named> {
    let hello = Hello {
        token: "hw1.GpYkAQAAAAA.c2VjcmV0IG9mIHRoZSBkZXZpY2U".to_owned(),
        level: 1,
        kinds: vec![1, 2, 3, 4, 300],
        context: 15,
        nudge_only: true,
        locale: "de-CH".to_owned(),
        client: "stranger/1.0 \"quoted\"".to_owned(),
    };
    vec![
        named("client_hello", 1, snapshot(), Some(Request::Hello(hello))),
        plain(
            "client_hello_minimal",
            Request::Hello(Hello { token: "t".to_owned(), level: 1, ..Hello::default() }),
        ),
        plain("client_hello_empty", Request::Hello(Hello::default())),
        named("client_heartbeat", 8, snapshot(), Some(Request::Heartbeat(Heartbeat {}))),
        named("client_sync", 3, snapshot(), Some(Request::Sync(Sync { limit: 50, wait_ms: 25_000 }))),
        named("client_sync_first", 2, Bytes::new(), Some(Request::Sync(Sync::default()))),
        plain("client_sync_max", Request::Sync(Sync { limit: u32::MAX, wait_ms: u32::MAX })),
    ]
}

fn accounts() -> Vec<Named> {
    let device = DeviceInfo { name: "Ada’s phone".to_owned(), device_class: DeviceClass::Phone.into() };
    let register = Register {
        name: "ada".to_owned(),
        password: "correct horse".to_owned(),
        invite: "9f2c-77aa".to_owned(),
        device: Some(device.clone()),
    };
    let sign_in = SignIn {
        name: "ada".to_owned(),
        password: "correct horse".to_owned(),
        device: Some(device),
        in_place_of: 0,
    };
    let with_token = SignInWithToken {
        token: "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl".to_owned(),
        device: Some(DeviceInfo {
            name: "Ada’s tablet".to_owned(),
            device_class: DeviceClass::Tablet.into(),
        }),
        in_place_of: 0xF0E0_D0C0_B0A0_9080,
    };
    let create_user =
        CreateUser { name: "Bob.B_2-x".to_owned(), password: "päss word".to_owned(), bot: true };
    let change_password = ChangePassword {
        old_password: "correct horse".to_owned(),
        new_password: "battery staple".to_owned(),
        end_other_devices: true,
    };
    let erase_account = EraseAccount { password: "correct horse".to_owned() };
    let set_profile = SetProfile {
        display_name: "Ada 🧀 Käse".to_owned(),
        avatar: "https://cdn.example/a/7?size=96".to_owned(),
        about: "tea \"at\" five\nand cheese".to_owned(),
    };
    let sign_in_again = SignIn { in_place_of: 0xF0E0_D0C0_B0A0_9080, ..sign_in.clone() };
    vec![
        plain("client_register", Request::Register(register)),
        plain("client_register_empty", Request::Register(Register::default())),
        plain("client_sign_in", Request::SignIn(sign_in)),
        plain("client_sign_in_again", Request::SignIn(sign_in_again)),
        plain(
            "client_sign_in_empty_device",
            Request::SignIn(SignIn { device: Some(DeviceInfo::default()), ..SignIn::default() }),
        ),
        plain("client_sign_in_with_token", Request::SignInWithToken(with_token)),
        plain("client_sign_in_with_token_empty", Request::SignInWithToken(SignInWithToken::default())),
        plain("client_sign_out", Request::SignOut(SignOut {})),
        plain("client_list_devices", Request::ListDevices(ListDevices {})),
        plain(
            "client_end_device",
            Request::EndDevice(EndDevice { which: Some(Which::DeviceId(0x0102_0304_0506_0708)) }),
        ),
        plain(
            "client_end_device_others",
            Request::EndDevice(EndDevice { which: Some(Which::AllOthers(true)) }),
        ),
        plain("client_end_device_id_zero", Request::EndDevice(EndDevice { which: Some(Which::DeviceId(0)) })),
        plain("client_end_device_empty", Request::EndDevice(EndDevice { which: None })),
        plain("client_change_password", Request::ChangePassword(change_password)),
        plain("client_change_password_empty", Request::ChangePassword(ChangePassword::default())),
        plain("client_create_user", Request::CreateUser(create_user)),
        plain("client_create_user_empty", Request::CreateUser(CreateUser::default())),
        plain("client_erase_account", Request::EraseAccount(erase_account)),
        plain("client_erase_account_empty", Request::EraseAccount(EraseAccount::default())),
        plain("client_set_profile", Request::SetProfile(set_profile)),
        plain("client_set_profile_empty", Request::SetProfile(SetProfile::default())),
        plain(
            "client_set_strangers",
            Request::SetStrangers(SetStrangers { strangers: Strangers::Ask.into() }),
        ),
        plain("client_set_strangers_empty", Request::SetStrangers(SetStrangers::default())),
        plain("client_find_user", Request::FindUser(FindUser { name: "Bob.B_2-x".to_owned() })),
    ]
}

fn contacts() -> Vec<Named> {
    let user_id = 0xB0B0_B0B0_B0B0_B0BB;
    let labels = ["work", "Käse 🧀"].map(str::to_owned).to_vec();
    let note = NoteContact { user_id, remark: "Bobby \"the cook\"".to_owned(), labels };
    let ask = AskContact { user_id, greeting: "Bob, from the kitchen\n👋".to_owned() };
    vec![
        plain("client_block_user", Request::BlockUser(BlockUser { user_id })),
        plain("client_block_user_empty", Request::BlockUser(BlockUser::default())),
        plain("client_unblock_user", Request::UnblockUser(UnblockUser { user_id })),
        plain("client_unblock_user_empty", Request::UnblockUser(UnblockUser::default())),
        plain("client_note_contact", Request::NoteContact(note)),
        plain("client_note_contact_empty", Request::NoteContact(NoteContact::default())),
        plain("client_delete_contact", Request::DeleteContact(DeleteContact { user_id })),
        plain("client_delete_contact_empty", Request::DeleteContact(DeleteContact::default())),
        plain("client_ask_contact", Request::AskContact(ask)),
        plain("client_ask_contact_empty", Request::AskContact(AskContact::default())),
        plain("client_accept_contact", Request::AcceptContact(AcceptContact { user_id })),
        plain("client_accept_contact_empty", Request::AcceptContact(AcceptContact::default())),
        plain("client_refuse_contact", Request::RefuseContact(RefuseContact { user_id })),
        plain("client_refuse_contact_empty", Request::RefuseContact(RefuseContact::default())),
        plain("client_withdraw_contact", Request::WithdrawContact(WithdrawContact { user_id })),
        plain("client_withdraw_contact_empty", Request::WithdrawContact(WithdrawContact::default())),
    ]
}

fn channels() -> Vec<Named> {
    let conversation_id = 12_345_678_901_234_567_890;
    let create = CreateChannel { client_channel_id: message_id(), name: "Käse \"heute\"".to_owned() };
    vec![
        plain("client_create_channel", Request::CreateChannel(create)),
        plain("client_create_channel_empty", Request::CreateChannel(CreateChannel::default())),
        plain("client_follow", Request::Follow(Follow { conversation_id })),
        plain("client_follow_empty", Request::Follow(Follow::default())),
        plain("client_unfollow", Request::Unfollow(Unfollow { conversation_id })),
        plain("client_unfollow_empty", Request::Unfollow(Unfollow::default())),
        plain("client_turn_group", Request::TurnGroup(TurnGroup { conversation_id, channel: true })),
        plain("client_turn_group_back", Request::TurnGroup(TurnGroup { conversation_id, channel: false })),
        plain("client_turn_group_empty", Request::TurnGroup(TurnGroup::default())),
    ]
}

/// Of a link into the group of the other frames.
fn code() -> String {
    "q1SpjOsfCtJCoqOkpaanqKmqq6ytrq-w".to_owned()
}

fn groups() -> Vec<Named> {
    let conversation_id = 12_345_678_901_234_567_890;
    let user_id = 0xB0B0_B0B0_B0B0_B0BB;
    let create = CreateGroup {
        client_group_id: message_id(),
        name: "Tea \"at\" five 🫖".to_owned(),
        user_ids: vec![user_id, 1, u64::MAX],
    };
    let add = AddMembers { conversation_id, user_ids: vec![user_id, 1] };
    let give = |role: Role| Request::GiveRole(GiveRole { conversation_id, user_id, role: role.into() });
    let rename = RenameGroup { conversation_id, name: "Käse".to_owned() };
    vec![
        plain("client_create_group", Request::CreateGroup(create)),
        plain("client_create_group_empty", Request::CreateGroup(CreateGroup::default())),
        plain("client_add_members", Request::AddMembers(add)),
        plain("client_add_members_empty", Request::AddMembers(AddMembers::default())),
        plain("client_remove_member", Request::RemoveMember(RemoveMember { conversation_id, user_id })),
        plain("client_remove_member_empty", Request::RemoveMember(RemoveMember::default())),
        plain("client_leave_group", Request::LeaveGroup(LeaveGroup { conversation_id })),
        plain("client_leave_group_empty", Request::LeaveGroup(LeaveGroup::default())),
        plain("client_dissolve_group", Request::DissolveGroup(DissolveGroup { conversation_id })),
        plain("client_dissolve_group_empty", Request::DissolveGroup(DissolveGroup::default())),
        plain("client_mute_group", Request::MuteGroup(MuteGroup { conversation_id, muted: true })),
        plain("client_mute_group_empty", Request::MuteGroup(MuteGroup::default())),
        plain(
            "client_mute_member",
            Request::MuteMember(MuteMember { conversation_id, user_id, muted: true }),
        ),
        plain("client_mute_member_empty", Request::MuteMember(MuteMember::default())),
        plain("client_describe_group", Request::DescribeGroup(DescribeGroup { conversation_id })),
        plain("client_describe_group_empty", Request::DescribeGroup(DescribeGroup::default())),
        plain(
            "client_set_announcement",
            Request::SetAnnouncement(SetAnnouncement {
                conversation_id,
                text: "Tea at \"five\" 🫖\nBring Käse.".to_owned(),
            }),
        ),
        plain("client_set_announcement_empty", Request::SetAnnouncement(SetAnnouncement::default())),
        plain(
            "client_make_link",
            Request::MakeLink(MakeLink {
                conversation_id,
                link_id: message_id(),
                valid_s: 86_400,
                uses_max: 5,
            }),
        ),
        plain("client_make_link_empty", Request::MakeLink(MakeLink::default())),
        plain("client_list_links", Request::ListLinks(ListLinks { conversation_id })),
        plain("client_list_links_empty", Request::ListLinks(ListLinks::default())),
        plain(
            "client_revoke_link",
            Request::RevokeLink(RevokeLink { conversation_id, link_id: message_id() }),
        ),
        plain("client_revoke_link_empty", Request::RevokeLink(RevokeLink::default())),
        plain("client_look_at_link", Request::LookAtLink(LookAtLink { code: code() })),
        plain("client_look_at_link_empty", Request::LookAtLink(LookAtLink::default())),
        plain(
            "client_join_by_link",
            Request::JoinByLink(JoinByLink { code: code(), greeting: String::new() }),
        ),
        plain(
            "client_join_by_link_greeting",
            Request::JoinByLink(JoinByLink { code: code(), greeting: "It is \"Böb\" 🫖".to_owned() }),
        ),
        plain("client_set_approval", Request::SetApproval(SetApproval { conversation_id, approval: true })),
        plain("client_set_approval_empty", Request::SetApproval(SetApproval::default())),
        plain("client_list_join_requests", Request::ListJoinRequests(ListJoinRequests { conversation_id })),
        plain("client_list_join_requests_empty", Request::ListJoinRequests(ListJoinRequests::default())),
        plain(
            "client_answer_join_request",
            Request::AnswerJoinRequest(AnswerJoinRequest { conversation_id, user_id, accepted: true }),
        ),
        plain("client_answer_join_request_empty", Request::AnswerJoinRequest(AnswerJoinRequest::default())),
        plain("client_join_by_link_empty", Request::JoinByLink(JoinByLink::default())),
        plain("client_rename_group", Request::RenameGroup(rename)),
        plain("client_rename_group_empty", Request::RenameGroup(RenameGroup::default())),
        plain("client_give_role", give(Role::Owner)),
        plain("client_give_role_member", give(Role::Member)),
        plain("client_give_role_empty", Request::GiveRole(GiveRole::default())),
        plain(
            "client_list_members",
            Request::ListMembers(ListMembers { conversation_id, after: 0, limit: 0 }),
        ),
        plain(
            "client_list_members_further",
            Request::ListMembers(ListMembers { conversation_id, after: user_id, limit: 50 }),
        ),
        plain("client_list_members_empty", Request::ListMembers(ListMembers::default())),
    ]
}

fn reading() -> Vec<Named> {
    let conversation_id = 12_345_678_901_234_567_890;
    let muted = SetConversation { conversation_id, muted_until_ms: 1_795_262_400_123, pinned: true };
    let for_good = SetConversation { conversation_id, muted_until_ms: i64::MAX, pinned: false };
    vec![
        plain("client_mark_read", Request::MarkRead(MarkRead { conversation_id, seq: 129 })),
        plain("client_mark_read_max", Request::MarkRead(MarkRead { conversation_id, seq: u64::MAX })),
        plain("client_mark_read_empty", Request::MarkRead(MarkRead::default())),
        plain("client_set_conversation", Request::SetConversation(muted)),
        plain("client_set_conversation_for_good", Request::SetConversation(for_good)),
        plain("client_set_conversation_empty", Request::SetConversation(SetConversation::default())),
        plain(
            "client_ask_watermarks",
            Request::AskWatermarks(AskWatermarks { conversation_id, ..no_marks() }),
        ),
        plain(
            "client_ask_watermarks_of_group",
            Request::AskWatermarks(AskWatermarks { conversation_id, seq: 129, after: u64::MAX, limit: 50 }),
        ),
        plain("client_ask_watermarks_empty", Request::AskWatermarks(no_marks())),
        plain("client_set_privacy", Request::SetPrivacy(SetPrivacy { hides_read: true })),
        plain("client_set_privacy_empty", Request::SetPrivacy(SetPrivacy::default())),
    ]
}

fn no_marks() -> AskWatermarks {
    AskWatermarks::default()
}

fn history() -> Vec<Named> {
    let range =
        |conversation_id, from_seq, to_seq| Request::Range(Range { conversation_id, from_seq, to_seq });
    vec![
        plain("client_heads", Request::Heads(Heads { after: 0, limit: 0 })),
        plain("client_heads_further", Request::Heads(Heads { after: 281_474_976_710_655, limit: 50 })),
        plain("client_range", range(12_345_678_901_234_567_890, 3, 17)),
        plain("client_range_max", range(u64::MAX, u64::MAX, u64::MAX)),
        plain("client_range_empty", Request::Range(Range::default())),
        plain("client_compare", Request::Compare(compare())),
        plain("client_compare_empty", Request::Compare(Compare::default())),
    ]
}

/// Two items and two entries that are held.
fn compare() -> Compare {
    let item = |kind, key: &str, version| HeldItem { kind, key: key.to_owned(), version };
    let entry = |seq, version| HeldEntry { conversation_id: 12_345_678_901_234_567_890, seq, version };
    Compare {
        items: vec![item(1, "me", 4), item(2, "77", 281_474_976_710_655)],
        entries: vec![entry(1, 9), entry(2, 11)],
        limit: 50,
    }
}

fn sending() -> Vec<Named> {
    let send = |to, text: &str, shown_seq| Send {
        client_message_id: message_id(),
        day: 20_778,
        to: Some(to),
        text: text.to_owned(),
        shown_seq,
        custom: None,
    };
    let custom = |schema: &str, json: &str, fallback: &str| {
        let (schema, json, fallback) = (schema.to_owned(), json.to_owned(), fallback.to_owned());
        let custom = Some(Custom { schema, json, fallback });
        Request::Send(Send { custom, ..send(To::UserName("bob".to_owned()), "", 0) })
    };
    vec![
        plain("client_send_to_name", Request::Send(send(To::UserName("bob".to_owned()), "Hello Bob", 0))),
        plain("client_send_to_user", Request::Send(send(To::UserId(0x8000_0000_0000_0001), "by id", 0))),
        named(
            "client_send_to_conversation",
            9,
            snapshot(),
            Some(Request::Send(send(
                To::ConversationId(12_345_678_901_234_567_890),
                "Grüße 👋\n\t\u{0}<&>\u{2028}",
                41,
            ))),
        ),
        plain(
            "client_send_max",
            Request::Send(Send { day: u32::MAX, ..send(To::UserId(u64::MAX), "m", u64::MAX) }),
        ),
        plain("client_send_custom", custom("poll/1", "{\"question\":\"Tea?\"}", "Tea?")),
        plain("client_send_custom_without_fallback", custom("place", "[47.37,8.54]", "")),
        plain("client_send_custom_empty", custom("", "", "")),
        plain("client_send_empty", Request::Send(Send::default())),
    ]
}
