//! Sync as it was before snapshots: the client says everything that it has, and is told the difference.
//!
//! It needs no marks, no floor, no tombstones and no history, and is always right, at a price that grows with everything
//! that is held instead of with what is new. So it is the oracle of the other way (G10), and the measure of what
//! snapshots save; no client should live by it. Of channels it tells what a page tells; what is passed over it does not
//! name, since it says of no message that it is gone.

use std::collections::HashMap;

use super::{
    kinds::Kinds,
    page::{PageLimits, Source, cost_bytes},
};
use crate::model::{
    ConversationId, Kind, Seq, Version,
    record::{InboxMessage, Item},
};

/// Items and messages that are read at a time.
const READ_MAX: usize = 500;

/// A source that can say of one item whether it was left out for having changed since.
pub trait Whole: Source {
    /// Whether the newest value of an item lies above the bound of this read.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn changed_since(&self, kind: Kind, key: &str) -> Result<bool, Self::Fault>;

    /// The version by which a client holds an item: its own, or that of something newer that is told by it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version_as_told(&self, item: &Item) -> Result<Version, Self::Fault>;
}

/// Everything that a client has, with the version of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// Items of the state kinds.
    pub items: HashMap<(Kind, String), Version>,
    /// Messages.
    pub entries: HashMap<(ConversationId, Seq), Version>,
}

/// What makes a client's data those of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Items that the client lacks, or has with another version.
    pub items: Vec<Item>,
    /// Items that the client has and the server has not.
    pub deletes: Vec<(Kind, String)>,
    /// Messages of the inbox that the client lacks. Those that left the inbox are never deleted.
    pub entries: Vec<InboxMessage>,
    /// The limits were reached: there is more, to be asked for with what is held then.
    pub more: bool,
}

/// Compares what a client has with what a user has. An item that is not for this client, by `shows`, is to it as one that
/// is not there.
///
/// Reads everything that the user has, whatever the answer. A message that leaves the inbox meanwhile may be missing.
///
/// # Errors
/// When the source cannot be read.
pub fn compare<S: Whole>(
    held: Held,
    kinds: &Kinds,
    limits: PageLimits,
    shows: impl Fn(&Item) -> bool,
    source: &S,
) -> Result<Difference, S::Fault> {
    let mut difference = Difference::default();
    let mut room = PageLimits { entries: limits.entries.max(1), bytes: limits.bytes };
    let mut items = held.items;
    for kind in kinds.state() {
        compare_kind(&mut difference, &mut room, &mut items, kind, &shows, source)?;
    }
    for (kind, key) in items.into_keys().filter(|(kind, _)| kinds.state().any(|state| state == *kind)) {
        if !source.changed_since(kind, &key)? {
            difference.deletes.push((kind, key));
        }
    }
    difference.deletes.sort();
    if kinds.messages() && !difference.more {
        compare_messages(&mut difference, room, &held.entries, source)?;
    }
    Ok(difference)
}

/// Tells what is new of one kind, and takes what is not gone out of `held`.
fn compare_kind<S: Whole>(
    difference: &mut Difference,
    room: &mut PageLimits,
    held: &mut HashMap<(Kind, String), Version>,
    kind: Kind,
    shows: &impl Fn(&Item) -> bool,
    source: &S,
) -> Result<(), S::Fault> {
    let mut through = Version(0);
    loop {
        let read = source.items_above(kind, through, READ_MAX)?;
        let Some(last) = read.last() else {
            return Ok(());
        };
        through = last.version;
        for item in read.into_iter().filter(|item| item.value.is_some() && shows(item)) {
            let item = Item { version: source.version_as_told(&item)?, ..item };
            if held.remove(&(kind, item.key.clone())) == Some(item.version) {
                continue;
            }
            let cost_bytes = cost_bytes(&item);
            if room.entries == 0 || (room.bytes < cost_bytes && !difference.items.is_empty()) {
                difference.more = true;
                continue;
            }
            room.entries -= 1;
            room.bytes = room.bytes.saturating_sub(cost_bytes);
            difference.items.push(item);
        }
    }
}

fn compare_messages<S: Source>(
    difference: &mut Difference,
    room: PageLimits,
    held: &HashMap<(ConversationId, Seq), Version>,
    source: &S,
) -> Result<(), S::Fault> {
    let mut through = source.floor()?;
    let mut bytes = 0;
    loop {
        let read = source.messages_above(through, PageLimits { entries: READ_MAX, ..room });
        // Looked at after the scan, as in a page: what lies below may have been removed under it.
        let floor = source.floor()?;
        if floor > through {
            through = floor;
            continue;
        }
        let read = read?.entries;
        let Some(last) = read.last() else {
            return Ok(());
        };
        through = last.version;
        for entry in read {
            if held.get(&(entry.message.conversation, entry.message.seq)) == Some(&entry.version) {
                continue;
            }
            bytes += entry.message.content.bytes();
            let is_full = difference.entries.len() >= room.entries || bytes > room.bytes;
            if is_full && !(difference.entries.is_empty() && difference.items.is_empty()) {
                difference.more = true;
                return Ok(());
            }
            difference.entries.push(entry);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::{
        model::{
            ClientMessageId, Contact, TimeMs, UserId,
            record::{ItemValue, Message},
        },
        sync::{
            Messages,
            kinds::{CONTACTS, KINDS_MAX},
        },
    };

    /// The floor after a cleanup.
    const CLEANED: Version = Version(30);

    /// Key of an item that no read of the table shows, although it is there.
    const CHANGED_SINCE: &str = "77";

    #[derive(Default)]
    struct Table {
        contacts: Vec<Item>,
        inbox: Vec<InboxMessage>,
        floor: u64,
        /// How often the floor was looked at before cleanup removed everything below 30.
        cleaned_after: Option<Cell<u32>>,
    }

    impl Source for Table {
        type Fault = ();

        fn items_above(&self, kind: Kind, mark: Version, max: usize) -> Result<Vec<Item>, ()> {
            let above = self.contacts.iter().filter(|item| kind == CONTACTS && item.version > mark);
            Ok(above.take(max).cloned().collect())
        }

        fn messages_above(&self, mark: Version, limits: PageLimits) -> Result<Messages, ()> {
            let cleaned = self.cleaned_after.as_ref().is_some_and(|left| left.get() == 0);
            // What a read of an inbox under cleanup is: a pointer names one that is gone.
            if cleaned && mark < CLEANED {
                return Err(());
            }
            let above = self.inbox.iter().filter(|entry| entry.version > mark).take(limits.entries);
            Ok(above.cloned().collect::<Vec<_>>().into())
        }

        fn hidden_through(&self, _: Kind) -> Result<Version, ()> {
            Ok(Version(0))
        }

        fn floor(&self) -> Result<Version, ()> {
            let Some(left) = &self.cleaned_after else {
                return Ok(Version(self.floor));
            };
            let before = left.replace(left.get().saturating_sub(1));
            Ok(if before == 0 { CLEANED } else { Version(self.floor) })
        }

        fn head_at(&self, _: ConversationId, _: Version) -> Result<Seq, Self::Fault> {
            unreachable!("nothing was lost")
        }

        fn kind_floors(&self) -> Result<[Version; KINDS_MAX], ()> {
            Ok([Version(0); KINDS_MAX])
        }

        fn bound(&self) -> Version {
            Version(1000)
        }
    }

    impl Whole for Table {
        fn changed_since(&self, _kind: Kind, key: &str) -> Result<bool, ()> {
            Ok(key == CHANGED_SINCE)
        }

        fn version_as_told(&self, item: &Item) -> Result<Version, ()> {
            Ok(item.version)
        }
    }

    fn contact(key: u64, version: u64, is_there: bool) -> Item {
        let value =
            is_there.then(|| ItemValue::Contact(Box::new(Contact::plain(UserId(key), key.to_string()))));
        Item { kind: CONTACTS, key: key.to_string(), version: Version(version), value }
    }

    fn entry(version: u64) -> InboxMessage {
        let message = Message {
            conversation: ConversationId(1),
            seq: Seq(version),
            sender: UserId(1),
            sent_at: TimeMs(0),
            id: ClientMessageId([0; 16]),
            content: "0123456789".into(),
            count: 0,
            read: Seq(0),
        };
        InboxMessage { version: Version(version), message }
    }

    fn kinds() -> Kinds {
        Kinds::of_server(&[]).unwrap()
    }

    fn everything(_: &Item) -> bool {
        true
    }

    const WIDE: PageLimits = PageLimits { entries: 1000, bytes: 100_000 };

    #[test]
    fn what_is_held_as_it_is_costs_nothing_and_what_is_gone_is_deleted() {
        let table = Table {
            contacts: vec![contact(1, 10, true), contact(2, 11, true), contact(3, 12, false)],
            inbox: vec![entry(20), entry(21)],
            ..Table::default()
        };
        let mut held = Held::default();
        for (key, version) in [("1", 10), ("2", 7), ("3", 8), ("4", 9), (CHANGED_SINCE, 3)] {
            held.items.insert((CONTACTS, key.to_owned()), Version(version));
        }
        held.items.insert((Kind(7), "of a kind that is not here".to_owned()), Version(1));
        held.entries.insert((ConversationId(1), Seq(20)), Version(20));
        held.entries.insert((ConversationId(9), Seq(1)), Version(3));
        let told = compare(held, &kinds(), WIDE, everything, &table).unwrap();
        assert_eq!(told.items, [contact(2, 11, true)]);
        assert_eq!(told.deletes, ["3", "4"].map(|key| (CONTACTS, key.to_owned())));
        assert_eq!((told.entries, told.more), (vec![entry(21)], false));
    }

    #[test]
    fn asking_until_there_is_no_more_brings_everything_whatever_the_limits() {
        let table = Table {
            contacts: (1..=9).map(|key| contact(key, key, true)).collect(),
            inbox: (10..40).map(entry).collect(),
            floor: 12,
            ..Table::default()
        };
        for entries in [0, 1, 2, 7, 100] {
            for bytes in [0, 25, 130, 10_000] {
                let mut held = Held::default();
                for round in 0.. {
                    assert!(round < 100, "every answer brings something");
                    let limits = PageLimits { entries, bytes };
                    let told = compare(held.clone(), &kinds(), limits, everything, &table).unwrap();
                    assert!(told.items.len() + told.entries.len() <= entries.max(1));
                    let items = told.items.iter().map(|item| ((item.kind, item.key.clone()), item.version));
                    held.items.extend(items);
                    let entries = told
                        .entries
                        .iter()
                        .map(|entry| ((entry.message.conversation, entry.message.seq), entry.version));
                    held.entries.extend(entries);
                    if !told.more {
                        break;
                    }
                }
                assert_eq!((held.items.len(), held.entries.len()), (9, 27), "{entries} {bytes}");
            }
        }
    }

    #[test]
    fn a_cleanup_meanwhile_only_raises_where_the_messages_begin() {
        let inbox = || (10..40).map(entry).collect();
        let table = Table { inbox: inbox(), cleaned_after: Some(Cell::new(1)), ..Table::default() };
        let told = compare(Held::default(), &kinds(), WIDE, everything, &table).unwrap();
        assert_eq!(told.entries, (31..40).map(entry).collect::<Vec<_>>());
    }
}
