//! What a device of each level receives of a group: Bob is invited, reads, answers, and is removed.

#![allow(clippy::unwrap_used)]

use super::transcripts_tests::{ANN, BEGIN_MS, BOB, Story, WRITE, compare, custom, write};
use crate::{
    actors::user::answer_body,
    logic::{
        Answer, Principal, Request,
        content::of_send,
        id_of_new,
        operation::{GroupChange, GroupRequest, Send, Target},
    },
    model::{ClientMessageId, ConversationId, DeviceId, Role, Seq, TimeMs, UserId},
    sync::{Locale, Rendering},
};
use bytes::Bytes;
use highwater_wire::proto;
use proto::server_frame::Body;

const CY: Principal = Principal { user: UserId(0x0C00_0000_0000_0C0C), device: DeviceId(9) };

/// Groups are of level 2, a draft; what level 1 is told of them may change until that is complete.
const DRAFTS: [(u32, &str); 2] = [(1, "draft/groups/1"), (2, "draft/groups/2")];

fn group() -> ConversationId {
    id_of_new(ANN.user, [1; 16])
}

impl Story {
    fn change(&mut self, by: Principal, change: GroupChange) {
        self.operate(Request::Group(GroupRequest { by, group: group(), change }));
    }

    fn say(&mut self, by: Principal, to: Target, text: &str, custom: Option<proto::Custom>) -> Answer {
        let id = ClientMessageId([self.last.0 as u8; 16]);
        let content = of_send(text.to_owned(), custom).unwrap();
        let day = TimeMs(BEGIN_MS).day();
        self.operate(Request::Send(Send { by, to, id, day, content, shown: Seq(0) }))
    }
}

/// The frames that Bob's device receives at a level, by name and in order.
fn frames(level: u32) -> Vec<(&'static str, proto::ServerFrame)> {
    let rendering = |locale| Rendering::new(level, locale).unwrap();
    let own = rendering(Locale::English);
    let mut story = Story::new();
    for (who, name) in [(ANN, "ann"), (BOB, "bob"), (CY, "cy")] {
        story.register(who, name);
    }
    let greeted = story.page(&Bytes::new(), own);
    let members = vec![BOB.user];
    story.change(ANN, GroupChange::Create { name: "Tea".to_owned(), members });
    story.say(ANN, Target::Conversation(group()), "Hello all", None);
    story.change(ANN, GroupChange::Add(vec![CY.user]));
    story.say(CY, Target::Conversation(group()), "", custom("Tea? yes / no"));
    let invited = story.page(&greeted.snapshot, own);
    // To level 1 the group is a contact, and that is whom it writes to.
    let to = if level == 1 { Target::User(UserId(group().0)) } else { Target::Conversation(group()) };
    let sent = story.say(BOB, to, "Hello \u{1F44B}", None);
    let (push, pushed) = story.push(&invited, own);
    story.say(ANN, Target::Conversation(group()), "Good", None);
    story.change(ANN, GroupChange::Rename("Coffee".to_owned()));
    story.change(ANN, GroupChange::GiveRole(BOB.user, Role::Admin));
    let changed = story.page(&pushed.snapshot, own);
    let in_chinese = story.page(&Bytes::new(), rendering(Locale::Chinese));
    let at_level_one = story.page(&Bytes::new(), Rendering::new(1, Locale::English).unwrap());
    let updated = story.page(&at_level_one.snapshot, own);
    story.change(ANN, GroupChange::Remove(BOB.user));
    story.say(ANN, Target::Conversation(group()), "Bob is gone", None);
    let removed = story.page(&changed.snapshot, own);
    let mut frames = vec![
        ("01_page_with_a_group", 3, Body::Page(invited.page)),
        ("02_sent", 4, answer_body(sent)),
        ("03_push", 0, Body::Push(push)),
        ("04_page_after_changes", 5, Body::Page(changed.page)),
        ("05_page_after_removal", 6, Body::Page(removed.page)),
        ("06_everything_in_chinese", 2, Body::Page(in_chinese.page)),
    ];
    if level > 1 {
        frames.push(("07_page_after_an_update", 3, Body::Page(updated.page)));
    }
    let frame = |(name, request_id, body)| (name, proto::ServerFrame { request_id, body: Some(body) });
    frames.into_iter().map(frame).collect()
}

#[test]
fn of_a_group_each_level_is_told_what_its_transcript_says() {
    for (level, below) in DRAFTS {
        if std::env::var_os(WRITE).is_some() {
            write(frames(level), below);
        }
        compare(frames(level), below);
    }
}

/// Level 1 was frozen before there were groups: everything that it is told of one has a form that it knew.
#[test]
fn level_one_is_told_contacts_conversations_of_two_and_texts() {
    for (name, frame) in frames(1) {
        let Some(Body::Page(page) | Body::Push(page)) = frame.body else { continue };
        for item in page.items.iter().filter(|item| !item.deleted) {
            let document: serde_json::Value = serde_json::from_str(&item.value).unwrap();
            let names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
            let known: &[&str] =
                if item.kind == 3 { &["conversationId", "peerId"] } else { &["name", "userId"] };
            assert_eq!(names, known, "{name}");
        }
        for entry in &page.entries {
            assert!(matches!(entry.content, Some(proto::entry::Content::Text(_))), "{name}: {entry:?}");
            assert!([group().0, BOB.user.0].contains(&entry.sender_id), "{name}: {entry:?}");
        }
    }
}
