//! What a device of each level receives of a channel: Bob follows, reads, is made an admin, posts, and does not follow any more.

#![allow(clippy::unwrap_used)]

use super::transcripts_tests::{ANN, BEGIN_MS, BOB, Story, WRITE, compare, custom, write};
use crate::{
    actors::user::answer_body,
    logic::{
        Answer, Principal, Request,
        content::of_send,
        id_of_new,
        operation::{ChannelChange, ChannelRequest, GroupChange, GroupRequest, Send, Target},
    },
    model::{ClientMessageId, ConversationId, Form, Role, Seq, TimeMs, UserId},
    sync::{Locale, Rendering},
};
use bytes::Bytes;
use highwater_wire::proto;
use proto::server_frame::Body;

/// Channels are of level 2, a draft, as groups are.
const DRAFTS: [(u32, &str); 2] = [(1, "draft/channels/1"), (2, "draft/channels/2")];

fn channel() -> ConversationId {
    id_of_new(ANN.user, [2; 16])
}

fn ask(story: &mut Story, by: Principal, change: ChannelChange) {
    story.operate(Request::Channel(ChannelRequest { by, channel: channel(), change }));
}

fn change(story: &mut Story, change: GroupChange) {
    story.operate(Request::Group(GroupRequest { by: ANN, group: channel(), change }));
}

fn say(story: &mut Story, by: Principal, to: Target, text: &str, custom: Option<proto::Custom>) -> Answer {
    let id = ClientMessageId([story.last.0 as u8; 16]);
    let content = of_send(text.to_owned(), custom).unwrap();
    let day = TimeMs(BEGIN_MS).day();
    story.operate(Request::Send(Send { by, to, id, day, content, shown: Seq(0) }))
}

/// The frames that Bob's device receives at a level, by name and in order.
fn frames(level: u32) -> Vec<(&'static str, proto::ServerFrame)> {
    let rendering = |locale| Rendering::new(level, locale).unwrap();
    let own = rendering(Locale::English);
    let mut story = Story::new();
    for (who, name) in [(ANN, "ann"), (BOB, "bob")] {
        story.register(who, name);
    }
    let greeted = story.page(&Bytes::new(), own);
    let news = || Target::Conversation(channel());
    ask(&mut story, ANN, ChannelChange::Create("News".to_owned()));
    say(&mut story, ANN, news(), "Before", None);
    ask(&mut story, BOB, ChannelChange::Follow);
    say(&mut story, ANN, news(), "Hello all", None);
    say(&mut story, ANN, news(), "", custom("Tea? yes / no"));
    let followed = story.page(&greeted.snapshot, own);
    change(&mut story, GroupChange::GiveRole(BOB.user, Role::Admin));
    change(&mut story, GroupChange::Rename("Old news".to_owned()));
    let admin = story.page(&followed.snapshot, own);
    // To level 1 the channel is a contact, and that is whom it writes to.
    let to = if level == 1 { Target::User(UserId(channel().0)) } else { news() };
    let sent = say(&mut story, BOB, to, "Hello \u{1F44B}", None);
    let posted = story.page(&admin.snapshot, own);
    ask(&mut story, ANN, ChannelChange::Turn(Form::Group));
    say(&mut story, ANN, news(), "To members", None);
    ask(&mut story, ANN, ChannelChange::Turn(Form::Channel));
    let turned = story.page(&posted.snapshot, own);
    let in_chinese = story.page(&Bytes::new(), rendering(Locale::Chinese));
    ask(&mut story, BOB, ChannelChange::Unfollow);
    say(&mut story, ANN, news(), "Bob is gone", None);
    let left = story.page(&turned.snapshot, own);
    let frames = vec![
        ("01_page_with_a_channel", 3, Body::Page(followed.page)),
        ("02_page_with_a_role", 4, Body::Page(admin.page)),
        ("03_sent", 5, answer_body(sent)),
        ("04_page_with_the_own_post", 6, Body::Page(posted.page)),
        ("05_page_after_two_turns", 7, Body::Page(turned.page)),
        ("06_page_after_the_unfollow", 8, Body::Page(left.page)),
        ("07_everything_in_chinese", 2, Body::Page(in_chinese.page)),
    ];
    let frame = |(name, request_id, body)| (name, proto::ServerFrame { request_id, body: Some(body) });
    frames.into_iter().map(frame).collect()
}

#[test]
fn of_a_channel_each_level_is_told_what_its_transcript_says() {
    for (level, below) in DRAFTS {
        if std::env::var_os(WRITE).is_some() {
            write(frames(level), below);
        }
        compare(frames(level), below);
    }
}

/// Level 1 was frozen before there were channels: everything that it is told of one has a form that it knew.
#[test]
fn level_one_is_told_of_a_channel_contacts_conversations_of_two_and_texts() {
    for (name, frame) in frames(1) {
        let Some(Body::Page(page) | Body::Push(page)) = frame.body else { continue };
        for item in page.items.iter().filter(|item| !item.deleted) {
            let document: serde_json::Value = serde_json::from_str(&item.value).unwrap();
            let names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
            let known: &[&str] =
                if item.kind == 3 { &["conversationId", "peerId"] } else { &["name", "userId"] };
            assert_eq!(names, known, "{name}");
        }
        assert!(page.more || !page.items.is_empty() || !page.entries.is_empty(), "{name}");
        for entry in &page.entries {
            assert!(matches!(entry.content, Some(proto::entry::Content::Text(_))), "{name}: {entry:?}");
            assert!([channel().0, BOB.user.0].contains(&entry.sender_id), "{name}: {entry:?}");
        }
    }
}
