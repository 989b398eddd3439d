//! What each level of the protocol has, and how it is shown to a device of a level that lacks it.
//!
//! Storage knows no levels: everything is kept as the newest level has it, and comes through this table on its way out,
//! in pages, pushes, ranges and over HTTP. A row is one thing that older levels lack; its least level never changes once
//! it is released. Newest things stand first, so that what one row makes of its thing may be the matter of a row below.

use highwater_wire::{LEVEL, proto};
use proto::entry::Content;

use super::{
    kinds::{ACCOUNT, CONTACTS, CONVERSATIONS, Kinds, MESSAGES},
    locale::{Locale, Phrase},
    marks::Marks,
    notices::{named, sentence},
};
use crate::model::{Kind, KindSet};

/// The lowest level that is served.
pub const LEVEL_MIN: u8 = 1;

/// The highest level that is served.
pub const LEVEL_MAX: u8 = LEVEL as u8;

/// For whom something is rendered: two devices of one rendering are told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rendering {
    /// The level in force.
    pub level: u8,
    /// The language of texts that the server makes.
    pub locale: Locale,
}

impl Rendering {
    /// Of a device that speaks up to `level`; nothing when it speaks none, since levels count from 1.
    #[must_use]
    pub fn new(level: u32, locale: Locale) -> Option<Rendering> {
        let level = level.min(LEVEL) as u8;
        (level >= LEVEL_MIN).then_some(Rendering { level, locale })
    }
}

/// What an older level is told in place of something.
#[derive(Clone, Copy)]
pub enum Downgrade {
    /// Of a message's content. What is not the row's matter is handed back as it is.
    Content(fn(Content, Locale) -> Content),
    /// Of an item of a state kind, likewise.
    Item(Kind, fn(proto::Item, Locale) -> proto::Item),
    /// Of an entry as a whole, likewise. The name is that of the one who speaks, if it is not known to the user from the
    /// conversation itself: that of two.
    Entry(fn(proto::Entry, Option<&str>, Locale) -> proto::Entry),
    /// Of an item of the first kind, which becomes items of both.
    Items([Kind; 2], fn(proto::Item, Locale) -> Vec<proto::Item>),
    /// Nothing at all of the items of a kind that are the row's matter.
    NoItem(Kind, fn(&proto::Item) -> bool),
}

/// One thing that older levels lack.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its name, as in the protocol text.
    pub feature: &'static str,
    /// The lowest level that has it.
    pub least_level: u8,
    /// What the levels below are told.
    pub downgrade: Downgrade,
}

/// What older levels lack, newest first.
#[derive(Clone, Copy)]
pub struct Levels {
    rows: &'static [Row],
}

/// The table.
pub const LEVELS: Levels = Levels {
    rows: &[
        Row { feature: "custom", least_level: 2, downgrade: Downgrade::Content(custom_as_text) },
        Row { feature: "erased", least_level: 2, downgrade: Downgrade::Content(erased_as_text) },
        Row {
            feature: "unread",
            least_level: COUNTS_LEVEL,
            downgrade: Downgrade::NoItem(CONVERSATIONS, is_own),
        },
        Row { feature: "ticks", least_level: TICKS_LEVEL, downgrade: Downgrade::NoItem(ACCOUNT, is_privacy) },
        Row { feature: "strangers", least_level: 2, downgrade: Downgrade::NoItem(ACCOUNT, is_of_strangers) },
        Row { feature: "notices", least_level: 2, downgrade: Downgrade::Entry(as_of_contact) },
        Row {
            feature: "groups",
            least_level: 2,
            downgrade: Downgrade::Items([CONVERSATIONS, CONTACTS], group_as_contact),
        },
        Row { feature: "profiles", least_level: 2, downgrade: Downgrade::Item(ACCOUNT, without_profile) },
        Row { feature: "notes", least_level: 2, downgrade: Downgrade::Item(CONTACTS, name_alone) },
    ],
};

/// The lowest level that is told how entries count, and what the user has read.
const COUNTS_LEVEL: u8 = 2;

/// The lowest level that is told, unasked, how far others have come.
const TICKS_LEVEL: u8 = 2;

/// Key of the item of kind account that says who the user is.
pub const OWN_KEY: &str = "me";

/// Key of the item of kind account that says what the user tells others.
pub const PRIVACY_KEY: &str = "privacy";

/// Key of the item of kind account that says what the user takes of strangers.
pub const STRANGERS_KEY: &str = "strangers";

fn is_of_strangers(item: &proto::Item) -> bool {
    item.key == STRANGERS_KEY
}

fn is_privacy(item: &proto::Item) -> bool {
    item.key == PRIVACY_KEY
}

/// Whether an item of kind conversations says what the user has read, in place of what the conversation is.
fn is_own(item: &proto::Item) -> bool {
    item.key.ends_with("/own")
}

fn custom_as_text(content: Content, locale: Locale) -> Content {
    match content {
        Content::Custom(custom) if custom.fallback.is_empty() => {
            Content::Text(locale.says(Phrase::NotShownHere).to_owned())
        }
        Content::Custom(custom) => Content::Text(custom.fallback),
        content => content,
    }
}

fn erased_as_text(content: Content, locale: Locale) -> Content {
    match content {
        Content::Erased(erased) if erased.account => {
            Content::Text(locale.says(Phrase::AccountDeleted).to_owned())
        }
        Content::Erased(_) => Content::Text(locale.says(Phrase::DeletedMessage).to_owned()),
        content => content,
    }
}

/// A group is a contact, and what its members say is said by that contact: it begins with the name of the one who speaks.
/// What became of the group is a sentence of that contact.
fn as_of_contact(entry: proto::Entry, speaker: Option<&str>, locale: Locale) -> proto::Entry {
    let contact = entry.conversation_id;
    match (entry.content, speaker) {
        (Some(Content::Notice(notice)), _) => {
            let text = Content::Text(sentence(&notice, locale));
            proto::Entry { sender_id: contact, content: Some(text), ..entry }
        }
        (Some(Content::Text(text)), Some(speaker)) => {
            let text = Content::Text(format!("{}: {text}", named(speaker, locale)));
            proto::Entry { sender_id: contact, content: Some(text), ..entry }
        }
        (content, _) => proto::Entry { content, ..entry },
    }
}

/// A group is a contact with the number of its conversation, and the conversation is one with that contact. What is gone
/// is gone as both: a conversation of two has no such contact.
fn group_as_contact(item: proto::Item, _: Locale) -> Vec<proto::Item> {
    let kind = u32::from(CONTACTS.0);
    if item.deleted {
        let contact = proto::Item { kind, ..item.clone() };
        return vec![contact, item];
    }
    let mut conversation = serde_json::from_str::<proto::ConversationItem>(&item.value).unwrap_or_default();
    let Some(group) = conversation.group.take() else {
        return vec![item];
    };
    conversation.peer_id = conversation.conversation_id;
    let contact = proto::ContactItem {
        user_id: conversation.conversation_id,
        name: group.name,
        ..proto::ContactItem::default()
    };
    let value = |document: Result<String, _>| document.expect("names have nothing that JSON cannot hold");
    let contact = proto::Item { kind, value: value(serde_json::to_string(&contact)), ..item.clone() };
    vec![contact, proto::Item { value: value(serde_json::to_string(&conversation)), ..item }]
}

/// The user is the name alone; others are told by the row of contacts.
fn without_profile(item: proto::Item, _: Locale) -> proto::Item {
    if item.deleted || item.key != OWN_KEY {
        return item;
    }
    let own = serde_json::from_str::<proto::AccountItem>(&item.value).unwrap_or_default();
    let alone = proto::AccountItem { user_id: own.user_id, name: own.name, ..proto::AccountItem::default() };
    let value = serde_json::to_string(&alone).expect("names have nothing that JSON cannot hold");
    proto::Item { value, ..item }
}

/// A contact is its name alone; whoever is no contact is not there, but for one who was erased: the conversation with that
/// one stays.
fn name_alone(item: proto::Item, locale: Locale) -> proto::Item {
    if item.deleted {
        return item;
    }
    let contact = serde_json::from_str::<proto::ContactItem>(&item.value).unwrap_or_default();
    let name = match contact.standing() {
        proto::Standing::Contact => contact.name,
        proto::Standing::Erased => locale.says(Phrase::DeletedAccount).to_owned(),
        _ => return proto::Item { deleted: true, value: String::new(), ..item },
    };
    let alone = proto::ContactItem { user_id: contact.user_id, name, ..proto::ContactItem::default() };
    let value = serde_json::to_string(&alone).expect("names have nothing that JSON cannot hold");
    proto::Item { value, ..item }
}

impl Row {
    /// What an item becomes by this row.
    fn items(&self, item: proto::Item, locale: Locale) -> Vec<proto::Item> {
        let is_of = |kind: Kind| u32::from(kind.0) == item.kind;
        match self.downgrade {
            Downgrade::Item(kind, downgrade) if is_of(kind) => vec![downgrade(item, locale)],
            Downgrade::Items([kind, _], downgrade) if is_of(kind) => downgrade(item, locale),
            Downgrade::NoItem(kind, is_lacking) if is_of(kind) && is_lacking(&item) => Vec::new(),
            _ => vec![item],
        }
    }
}

impl Levels {
    /// A table of these rows.
    #[must_use]
    pub const fn of(rows: &'static [Row]) -> Levels {
        Levels { rows }
    }

    /// The rows, newest first.
    #[must_use]
    pub const fn rows(&self) -> &'static [Row] {
        self.rows
    }

    fn lacking(&self, level: u8) -> impl Iterator<Item = &'static Row> {
        self.rows.iter().filter(move |row| row.least_level > level)
    }

    /// An entry as a device is told it. The speaker's name is given where the conversation is not one of two.
    #[must_use]
    pub fn entry(&self, rendering: Rendering, entry: proto::Entry, speaker: Option<&str>) -> proto::Entry {
        self.lacking(rendering.level).fold(entry, |entry, row| match row.downgrade {
            Downgrade::Content(downgrade) => {
                let content = entry.content.map(|content| downgrade(content, rendering.locale));
                proto::Entry { content, ..entry }
            }
            Downgrade::Entry(downgrade) => downgrade(entry, speaker, rendering.locale),
            Downgrade::Item(..) | Downgrade::Items(..) | Downgrade::NoItem(..) => entry,
        })
    }

    /// Whether a device of a level is told who speaks by a name in front of the text.
    #[must_use]
    pub fn names_speakers(&self, level: u8) -> bool {
        self.lacking(level).any(|row| matches!(row.downgrade, Downgrade::Entry(_)))
    }

    /// An item as a device is told it: by one, by several, or not at all.
    #[must_use]
    pub fn items(&self, rendering: Rendering, item: proto::Item) -> Vec<proto::Item> {
        let mut items = vec![item];
        for row in self.lacking(rendering.level) {
            items = items.into_iter().flat_map(|item| row.items(item, rendering.locale)).collect();
        }
        items
    }

    /// Of what an item is told by, that of its own kind, if the level has it at all.
    #[must_use]
    pub fn item(&self, rendering: Rendering, item: proto::Item) -> Option<proto::Item> {
        let kind = item.kind;
        self.items(rendering, item).into_iter().find(|told| told.kind == kind)
    }

    /// Whether entries and heads say how they count.
    #[must_use]
    pub fn tells_counts(&self, rendering: Rendering) -> bool {
        rendering.level >= COUNTS_LEVEL
    }

    /// Whether hints come of how far others have come.
    #[must_use]
    pub fn has_ticks(&self, rendering: Rendering) -> bool {
        rendering.level >= TICKS_LEVEL
    }

    /// Kinds whose items or messages are not told the same at two levels.
    #[must_use]
    pub fn differing(&self, one: u8, other: u8) -> KindSet {
        let (low, high) = (one.min(other), one.max(other));
        let between = self.lacking(low).filter(|row| row.least_level <= high);
        between
            .flat_map(|row| match row.downgrade {
                Downgrade::Content(_) | Downgrade::Entry(_) => [MESSAGES; 2],
                Downgrade::Item(kind, _) | Downgrade::NoItem(kind, _) => [kind; 2],
                Downgrade::Items(kinds, _) => kinds,
            })
            .collect()
    }

    /// A chain goes on at `level`. When its snapshot was rendered for another one, the state kinds that differ are told
    /// anew, the marks of messages stay, and the answer is every declared kind that differs.
    pub fn change(&self, marks: &mut Marks, level: u8, kinds: &Kinds) -> Option<KindSet> {
        if marks.level == level {
            return None;
        }
        let differing = self.differing(marks.level, level).and(kinds.set());
        marks.enumerate(differing.and(kinds.state().collect()));
        marks.level = level;
        Some(differing)
    }
}
