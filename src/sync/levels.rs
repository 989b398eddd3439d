//! What each level of the protocol has, and how it is shown to a device of a level that lacks it.
//!
//! Storage knows no levels: everything is kept as the newest level has it, and comes through this table on its way out,
//! in pages, pushes, ranges and over HTTP. A row is one thing that older levels lack; its least level never changes once
//! it is released. Newest things stand first, so that what one row makes of its thing may be the matter of a row below.

use highwater_wire::{LEVEL, proto};
use proto::entry::Content;

use super::{
    kinds::{CONTACTS, CONVERSATIONS, Kinds, MESSAGES},
    locale::{Locale, Phrase},
    marks::Marks,
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
        Row { feature: "notes", least_level: 2, downgrade: Downgrade::Item(CONTACTS, name_alone) },
        Row {
            feature: "unread",
            least_level: COUNTS_LEVEL,
            downgrade: Downgrade::NoItem(CONVERSATIONS, is_own),
        },
    ],
};

/// The lowest level that is told how entries count, and what the user has read.
const COUNTS_LEVEL: u8 = 2;

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

/// A contact is its name alone; whoever is no contact is not there.
fn name_alone(item: proto::Item, _: Locale) -> proto::Item {
    if item.deleted {
        return item;
    }
    let contact = serde_json::from_str::<proto::ContactItem>(&item.value).unwrap_or_default();
    if contact.standing() != proto::Standing::Contact {
        return proto::Item { deleted: true, value: String::new(), ..item };
    }
    let alone =
        proto::ContactItem { user_id: contact.user_id, name: contact.name, ..proto::ContactItem::default() };
    let value = serde_json::to_string(&alone).expect("names have nothing that JSON cannot hold");
    proto::Item { value, ..item }
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

    /// A message's content as a device is told it.
    #[must_use]
    pub fn content(&self, rendering: Rendering, content: Content) -> Content {
        self.lacking(rendering.level).fold(content, |content, row| match row.downgrade {
            Downgrade::Content(downgrade) => downgrade(content, rendering.locale),
            Downgrade::Item(..) | Downgrade::NoItem(..) => content,
        })
    }

    /// Whether a device is told nothing of an item.
    #[must_use]
    pub fn leaves_out(&self, rendering: Rendering, item: &proto::Item) -> bool {
        self.lacking(rendering.level).any(|row| match row.downgrade {
            Downgrade::NoItem(kind, is_lacking) => u32::from(kind.0) == item.kind && is_lacking(item),
            Downgrade::Item(..) | Downgrade::Content(_) => false,
        })
    }

    /// Whether entries and heads say how they count.
    #[must_use]
    pub fn tells_counts(&self, rendering: Rendering) -> bool {
        rendering.level >= COUNTS_LEVEL
    }

    /// An item as a device is told it.
    #[must_use]
    pub fn item(&self, rendering: Rendering, item: proto::Item) -> proto::Item {
        self.lacking(rendering.level).fold(item, |item, row| match row.downgrade {
            Downgrade::Item(kind, downgrade) if u32::from(kind.0) == item.kind => {
                downgrade(item, rendering.locale)
            }
            Downgrade::Item(..) | Downgrade::NoItem(..) | Downgrade::Content(_) => item,
        })
    }

    /// Kinds whose items or messages are not told the same at two levels.
    #[must_use]
    pub fn differing(&self, one: u8, other: u8) -> KindSet {
        let (low, high) = (one.min(other), one.max(other));
        let between = self.lacking(low).filter(|row| row.least_level <= high);
        between
            .map(|row| match row.downgrade {
                Downgrade::Content(_) => MESSAGES,
                Downgrade::Item(kind, _) | Downgrade::NoItem(kind, _) => kind,
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
