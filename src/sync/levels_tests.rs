//! The table of levels, and a table of our own whose rows change items too: what is told anew when a level changes.

#![allow(clippy::unwrap_used)]

use highwater_wire::proto;
use proto::entry::Content;

use super::{
    Kinds, Marks, RunName,
    kinds::{ACCOUNT, CONTACTS, CONVERSATIONS, KINDS_MAX, MESSAGES},
    levels::{Downgrade, LEVEL_MAX, LEVEL_MIN, LEVELS, Levels, Rendering, Row},
    locale::Locale,
    page::{Messages, PageLimits, Source, drain},
};
use crate::model::{ConversationId, Kind, KindSet, Seq, Version, record::Item};

/// Level 4 brings groups, which older levels know as contacts; level 3 a content that level 2 shows as custom.
const LATER: Levels = Levels::of(LATER_ROWS);

const LATER_ROWS: &[Row] = &[
    Row { feature: "groups", least_level: 4, downgrade: Downgrade::Item(CONTACTS, without_value) },
    Row { feature: "shouts", least_level: 3, downgrade: Downgrade::Content(shout_as_custom) },
    LEVELS.rows()[0],
];

fn without_value(item: proto::Item, _: Locale) -> proto::Item {
    proto::Item { value: String::new(), ..item }
}

fn shout_as_custom(content: Content, _: Locale) -> Content {
    match content {
        Content::Text(text) if text == text.to_uppercase() => custom(&text),
        content => content,
    }
}

fn custom(fallback: &str) -> Content {
    let (schema, json) = ("poll/1".to_owned(), "{\"secret\":7}".to_owned());
    Content::Custom(proto::Custom { schema, json, fallback: fallback.to_owned() })
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

/// A content as a device is told it, in a conversation of two.
fn content_at(levels: &Levels, rendering: Rendering, content: Content) -> Content {
    let entry = proto::Entry { content: Some(content), ..proto::Entry::default() };
    levels.entry(rendering, entry, None).content.unwrap()
}

fn at(level: u32, locale: Locale) -> Rendering {
    Rendering::new(level, locale).unwrap()
}

fn set(kinds: &[Kind]) -> KindSet {
    kinds.iter().copied().collect()
}

#[test]
fn the_level_in_force_is_the_lower_one() {
    let levels =
        [0, 1, 2, 3, 4, u32::MAX].map(|level| Rendering::new(level, Locale::English).map(|it| it.level));
    assert_eq!(levels, [None, Some(1), Some(2), Some(3), Some(3), Some(3)]);
    assert_eq!((LEVEL_MIN, LEVEL_MAX), (1, 3));
}

#[test]
fn rows_stand_newest_first_and_every_level_of_a_row_is_served() {
    let least: Vec<u8> = LEVELS.rows().iter().map(|row| row.least_level).collect();
    assert!(least.is_sorted_by(|newer, older| newer >= older), "{least:?}");
    assert!(least.iter().all(|level| *level > LEVEL_MIN && *level <= LEVEL_MAX), "{least:?}");
}

#[test]
fn a_custom_message_is_its_fallback_at_level_one_and_whole_above() {
    let (english, chinese) = (Locale::English, Locale::Chinese);
    assert_eq!(content_at(&LEVELS, at(1, english), custom("Tea?")), text("Tea?"));
    for level in [2, 3] {
        assert_eq!(content_at(&LEVELS, at(level, chinese), custom("Tea?")), custom("Tea?"));
        assert_eq!(content_at(&LEVELS, at(level, chinese), custom("")), custom(""));
    }
    for level in [1, 2, 3] {
        assert_eq!(content_at(&LEVELS, at(level, chinese), text("hi")), text("hi"));
    }
}

#[test]
fn without_a_fallback_a_sentence_is_said_that_tells_nothing() {
    let said = Locale::ALL.map(|locale| content_at(&LEVELS, at(1, locale), custom("")));
    for sentence in &said {
        let Content::Text(sentence) = sentence else { panic!("{sentence:?}") };
        assert!(!sentence.is_empty());
        assert!(!["poll", "secret", "7"].iter().any(|word| sentence.contains(word)), "{sentence}");
    }
    assert_ne!(said[0], said[1]);
}

#[test]
fn what_was_erased_is_a_sentence_at_level_one() {
    let erased = |account| Content::Erased(proto::Erased { account });
    let mut said = Vec::new();
    for (account, locale) in
        [(false, Locale::English), (false, Locale::Chinese), (true, Locale::English), (true, Locale::Chinese)]
    {
        assert_eq!(content_at(&LEVELS, at(2, locale), erased(account)), erased(account));
        let Content::Text(sentence) = content_at(&LEVELS, at(1, locale), erased(account)) else {
            panic!("level 1 has texts alone")
        };
        assert!(!sentence.is_empty() && !said.contains(&sentence), "{sentence}");
        said.push(sentence);
    }
}

#[test]
fn a_contact_that_was_erased_keeps_its_place_at_level_one() {
    let standing = proto::Standing::Erased.into();
    let contact = proto::ContactItem { user_id: 7, standing, ..proto::ContactItem::default() };
    let value = serde_json::to_string(&contact).unwrap();
    let item = proto::Item { kind: CONTACTS.0.into(), value, ..proto::Item::default() };
    let told = LEVELS.item(at(1, Locale::English), item.clone()).unwrap();
    assert!(!told.deleted);
    let told: proto::ContactItem = serde_json::from_str(&told.value).unwrap();
    assert_eq!(
        told,
        proto::ContactItem { user_id: 7, name: "deleted account".to_owned(), ..Default::default() }
    );
    assert_eq!(LEVELS.item(at(2, Locale::English), item.clone()), Some(item));
}

#[test]
fn what_one_row_makes_is_the_matter_of_the_rows_below() {
    let shown = [4, 3, 2, 1]
        .map(|level| content_at(&LATER, Rendering { level, locale: Locale::English }, text("TEA?")));
    assert_eq!(shown, [text("TEA?"), text("TEA?"), custom("TEA?"), text("TEA?")]);
}

#[test]
fn an_item_is_changed_by_the_rows_of_its_kind() {
    let item =
        |kind: Kind| proto::Item { kind: kind.0.into(), value: "{}".to_owned(), ..proto::Item::default() };
    for (level, kind, value) in [(3, CONTACTS, ""), (4, CONTACTS, "{}"), (3, ACCOUNT, "{}")] {
        let shown = LATER.item(Rendering { level, locale: Locale::English }, item(kind));
        let shown = shown.expect("it is told");
        assert_eq!(shown.value, value, "level {level}, kind {kind:?}");
    }
}

#[test]
fn at_level_one_a_contact_is_its_name_and_whoever_is_none_is_not_there() {
    let item = |value: &str| proto::Item {
        kind: CONTACTS.0.into(),
        key: "7".to_owned(),
        deleted: value.is_empty(),
        value: value.to_owned(),
    };
    let plain = r#"{"userId":"7","name":"b\"o\nb"}"#;
    let noted = r#"{"userId":"7","name":"b\"o\nb","blocked":true,"remark":"r","labels":["l"]}"#;
    let stranger = r#"{"userId":"7","name":"bob","standing":"STANDING_STRANGER","blocked":true}"#;
    for (kept, shown) in [(plain, plain), (noted, plain), (stranger, ""), ("", "")] {
        assert_eq!(LEVELS.item(at(1, Locale::English), item(kept)), Some(item(shown)), "{kept}");
        assert_eq!(LEVELS.item(at(2, Locale::English), item(kept)), Some(item(kept)), "{kept}");
    }
}

const GROUP: u64 = 77;

#[test]
fn at_level_one_a_group_is_a_contact_and_a_conversation_with_it() {
    let item = |kind: Kind, value: &str| proto::Item {
        kind: kind.0.into(),
        key: GROUP.to_string(),
        deleted: value.is_empty(),
        value: value.to_owned(),
    };
    let group = r#"{"conversationId":"77","group":{"name":"T\"ea","role":"ROLE_ADMIN","sinceSeq":"3"}}"#;
    let pair = r#"{"conversationId":"77","peerId":"5"}"#;
    let contact = item(CONTACTS, r#"{"userId":"77","name":"T\"ea"}"#);
    let with_it = item(CONVERSATIONS, r#"{"conversationId":"77","peerId":"77"}"#);
    for (kept, shown) in [
        (group, vec![contact, with_it]),
        (pair, vec![item(CONVERSATIONS, pair)]),
        // Who left has neither.
        ("", vec![item(CONTACTS, ""), item(CONVERSATIONS, "")]),
    ] {
        let kept = item(CONVERSATIONS, kept);
        assert_eq!(LEVELS.items(at(1, Locale::English), kept.clone()), shown);
        assert_eq!(LEVELS.items(at(2, Locale::English), kept.clone()), std::slice::from_ref(&kept));
        assert_eq!(LEVELS.item(at(1, Locale::English), kept).as_ref(), shown.last());
    }
}

#[test]
fn at_level_one_the_contact_says_who_speaks_and_what_became_of_the_group() {
    let notice = proto::Notice {
        what: proto::notice::What::Left.into(),
        by: "Ann".to_owned(),
        ..proto::Notice::default()
    };
    let notice = Content::Notice(notice);
    let entry = |sender_id, content| proto::Entry {
        conversation_id: GROUP,
        seq: 4,
        sender_id,
        sent_at_ms: 9,
        client_message_id: vec![1; 16].into(),
        content: Some(content),
        uncounted: 0,
        read_seq: 0,
    };
    let english = at(1, Locale::English);
    for (told, speaker, sender, shown) in [
        (text("hi"), Some("Ann"), GROUP, text("Ann: hi")),
        (text("hi"), Some(""), GROUP, text("somebody: hi")),
        (custom("Tea?"), Some("Ann"), GROUP, text("Ann: Tea?")),
        (text("hi"), None, 5, text("hi")),
        (notice.clone(), Some("Ann"), GROUP, text("Ann left")),
        (notice.clone(), None, GROUP, text("Ann left")),
    ] {
        let kept = entry(5, told);
        assert_eq!(LEVELS.entry(english, kept.clone(), speaker), entry(sender, shown));
        assert_eq!(LEVELS.entry(at(2, Locale::Chinese), kept.clone(), speaker), kept);
    }
    let in_chinese = LEVELS.entry(at(1, Locale::Chinese), entry(5, notice), None);
    assert_eq!(in_chinese.content, Some(text("Ann退出了群聊")));
}

#[test]
fn kinds_that_differ_are_those_of_the_rows_between_up_and_down() {
    for (one, other, kinds) in [
        (1, 1, set(&[])),
        (1, 2, set(&[MESSAGES])),
        (2, 3, set(&[MESSAGES])),
        (3, 4, set(&[CONTACTS])),
        (1, 4, set(&[CONTACTS, MESSAGES])),
    ] {
        assert_eq!(LATER.differing(one, other), kinds, "{one} and {other}");
        assert_eq!(LATER.differing(other, one), kinds, "{other} and {one}");
    }
    assert_eq!(LEVELS.differing(1, 2), set(&[ACCOUNT, CONTACTS, CONVERSATIONS, MESSAGES]));
    assert_eq!(LEVELS.differing(2, 3), set(&[]), "level 3 has nothing yet that level 2 lacks");
}

#[derive(Default)]
struct Contacts(Vec<Item>);

impl Source for Contacts {
    type Fault = ();

    fn items_above(&self, kind: Kind, mark: Version, max: usize) -> Result<Vec<Item>, ()> {
        let above = self.0.iter().filter(|item| item.kind == kind && item.version > mark);
        Ok(above.take(max).cloned().collect())
    }

    fn messages_above(&self, _: Version, _: PageLimits) -> Result<Messages, ()> {
        Ok(Messages::default())
    }

    fn hidden_through(&self, _: Kind) -> Result<Version, ()> {
        Ok(Version(0))
    }

    fn floor(&self) -> Result<Version, ()> {
        Ok(Version(0))
    }

    fn head_at(&self, _: ConversationId, _: Version) -> Result<Seq, ()> {
        unreachable!("nothing was lost")
    }

    fn kind_floors(&self) -> Result<[Version; KINDS_MAX], ()> {
        Ok([Version(0); KINDS_MAX])
    }

    fn bound(&self) -> Version {
        Version(1000)
    }
}

/// A chain at level 3 that has everything.
fn settled() -> Marks {
    let mut marks = Marks::fresh(3, RunName::default(), Version(40));
    marks.raise(ACCOUNT, Version(2));
    marks.raise(CONTACTS, Version(9));
    marks
}

#[test]
fn kinds_that_differ_are_told_anew_and_the_marks_of_messages_stay() {
    let item =
        |kind, version: u64| Item { kind, key: version.to_string(), version: Version(version), value: None };
    let source = Contacts(vec![item(ACCOUNT, 2), item(CONTACTS, 5), item(CONTACTS, 7), item(CONTACTS, 9)]);
    let kinds = Kinds::of_server(&[]).unwrap();
    for (level, told_anew) in [(4, true), (1, false), (2, false)] {
        let mut marks = settled();
        let changed = LATER.change(&mut marks, level, &kinds).unwrap();
        assert_eq!(changed, LATER.differing(3, level));
        assert_eq!(marks.level, level);
        assert_eq!(LATER.change(&mut marks, level, &kinds), None, "it is said once");
        let mut told = Vec::new();
        let mut completed = 0;
        loop {
            let page = drain(marks, &kinds, PageLimits { entries: 2, bytes: 10_000 }, &source).unwrap();
            told.extend(page.items.iter().map(|item| item.version.0));
            completed += usize::from(page.complete);
            marks = page.marks;
            if !page.more {
                break;
            }
        }
        let expected: &[u64] = if told_anew { &[5, 7, 9] } else { &[] };
        assert_eq!((told.as_slice(), completed), (expected, usize::from(told_anew)), "level {level}");
        let mut expected = settled();
        expected.level = level;
        assert_eq!(marks, expected, "no mark moved");
    }
}

#[test]
fn a_change_in_the_middle_of_telling_anew_begins_the_kinds_that_differ_again() {
    let kinds = Kinds::of_server(&[]).unwrap();
    let mut marks = settled();
    marks.enumerate(set(&[ACCOUNT, CONTACTS, CONVERSATIONS]));
    marks.given(ACCOUNT, Version(2), true);
    marks.given(CONTACTS, Version(7), false);
    LATER.change(&mut marks, 4, &kinds);
    assert_eq!(marks.due_above(CONTACTS), Version(0), "what was told was told for another level");
    assert_eq!(
        marks.enumerating(),
        set(&[CONTACTS, CONVERSATIONS]),
        "what was told and does not differ stands"
    );
}

#[test]
fn only_declared_kinds_are_told_anew() {
    let all = Kinds::of_server(&[]).unwrap();
    let kinds = all.declared(&[u32::from(ACCOUNT.0), u32::from(MESSAGES.0)]);
    let mut marks = settled();
    marks.level = 1;
    assert_eq!(LATER.change(&mut marks, 4, &kinds), Some(set(&[MESSAGES])));
    assert!(marks.enumerating().is_empty());
}
