//! The answer to a sync: what lies above the marks, in order, up to the limits, and the marks that say so.

use super::{
    floors,
    kinds::{CONVERSATIONS, KINDS_MAX, Kinds, MESSAGES},
    lost_future::{self, Valid},
    marks::Marks,
};
use crate::model::{
    ConversationId, Follow, Kind, Seq, Version,
    record::{InboxMessage, Item, ItemValue},
};

/// Bounds of one page. At least one entry is told whatever they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// Items and entries together.
    pub entries: usize,
    /// Their content, bytes.
    pub bytes: usize,
}

/// Where a page comes from: one read of the store against one bound.
pub trait Source {
    /// What goes wrong when reading.
    type Fault;

    /// Items of a kind above `mark`, in version order, newest values only, at most `items_max`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn items_above(&self, kind: Kind, mark: Version, items_max: usize) -> Result<Vec<Item>, Self::Fault>;

    /// Version of the newest item of a kind that is left out since its newest value lies above the bound, 0 for none; asked
    /// after its items were read.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn hidden_through(&self, kind: Kind) -> Result<Version, Self::Fault>;

    /// Messages of the inbox and posts of followed channels above `mark`, in version order, at most `limits.entries`;
    /// `limits.bytes` may cut earlier but never before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn messages_above(&self, mark: Version, limits: PageLimits) -> Result<Messages, Self::Fault>;

    /// The floor of the inbox, as it is now: entries at or below it may be missing from what was read before.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn floor(&self) -> Result<Version, Self::Fault>;

    /// Newest seq of a conversation that the user may have and whose message has a version at or below `through`; 0 when
    /// there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn head_at(&self, conversation: ConversationId, through: Version) -> Result<Seq, Self::Fault>;

    /// The floors of the state kinds by kind from 1, as they are now: tombstones at or below may be missing.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn kind_floors(&self) -> Result<[Version; KINDS_MAX], Self::Fault>;

    /// The bound of the read: nothing above it is shown.
    fn bound(&self) -> Version;
}

/// Posts of a channel that a lineage is not given, since there are too many newer ones. They can be read as history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// In whose log they stand.
    pub conversation: ConversationId,
    /// The oldest.
    pub from: Seq,
    /// The newest.
    pub to: Seq,
}

/// What a source has of messages above a mark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Messages {
    /// In version order.
    pub entries: Vec<InboxMessage>,
    /// Everything above the mark that is passed over, also what lies above the last entry. Newer posts of each of these
    /// channels are among the entries, or come behind the last.
    pub passed: Vec<Passed>,
    /// What the user follows, or did: besides the inbox, that is where messages came from.
    pub follows: Vec<Follow>,
}

impl From<Vec<InboxMessage>> for Messages {
    /// Nothing is passed over.
    fn from(entries: Vec<InboxMessage>) -> Messages {
        Messages { entries, passed: Vec::new(), follows: Vec::new() }
    }
}

/// A page before it is rendered and sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Changes of the state kinds, in draining order.
    pub items: Vec<Item>,
    /// Messages.
    pub entries: Vec<InboxMessage>,
    /// Posts that this chain is not given. What was named by an earlier page may be named again.
    pub passed: Vec<Passed>,
    /// See [`Messages::follows`]; known where messages were read to their end.
    pub follows: Vec<Follow>,
    /// Marks after this page: of the last entry given, kind by kind, never of the bound.
    pub marks: Marks,
    /// Something is left.
    pub more: bool,
    /// Messages above the mark were removed before they were given: the chain goes on above them, and conversations
    /// are told anew.
    pub gap: bool,
    /// With this page everything that was being told anew has been told.
    pub complete: bool,
    /// Up to where the client may keep these conversations; to be applied before everything else.
    pub valid: Vec<Valid>,
    /// With this page every conversation of which something may be kept was named.
    pub valid_complete: bool,
    /// Tombstones above a mark were removed before they were given: every state kind is told anew from here.
    pub too_old: bool,
    /// The last state kind that was looked at, and whether items of it are left.
    pub(super) reached: Option<Kind>,
    pub(super) is_cut: bool,
}

/// Bytes that an item is taken to cost in a page, without what is noted of it. Source: contacts and conversations render to
/// 60–120.
const ITEM_BYTES: usize = 128;

/// Bytes of a seq in a list of them, in JSON: as the longest one in quotes that are escaped, and a comma.
const SEQ_BYTES: usize = 20 + 2 * 2 + 1;

impl Page {
    fn empty(marks: Marks) -> Page {
        Page {
            items: Vec::new(),
            entries: Vec::new(),
            passed: Vec::new(),
            follows: Vec::new(),
            marks,
            more: false,
            gap: false,
            complete: false,
            valid: Vec::new(),
            valid_complete: false,
            too_old: false,
            reached: None,
            is_cut: false,
        }
    }
}

/// Drains the declared kinds in order above the marks, until a limit is reached.
///
/// # Errors
/// When the source cannot be read; the client then keeps its snapshot and asks again.
pub fn drain<S: Source>(
    marks: Marks,
    kinds: &Kinds,
    limits: PageLimits,
    source: &S,
) -> Result<Page, S::Fault> {
    let mut page = Page::empty(marks);
    let mut room = drain_items(&mut page, kinds, limits, source)?;
    // Looked at after the scan: cleanup raises the floors first, and removes then.
    if !floors::hold(marks, &mut page, kinds, &source.kind_floors()?, source.bound()) {
        let anew = told_anew(marks, kinds);
        page = Page { too_old: true, ..Page::empty(anew) };
        room = drain_items(&mut page, kinds, limits, source)?;
        let held = floors::hold(anew, &mut page, kinds, &source.kind_floors()?, source.bound());
        assert!(held, "what begins anew is not too old");
    }
    let Some(room) = room else {
        return Ok(page);
    };
    // Kinds that are no longer declared are not waited for.
    page.complete |= !page.marks.enumerating().is_empty();
    page.marks.end_enumeration();
    if kinds.messages() {
        drain_messages(&mut page, kinds, room, source)?;
    }
    Ok(page)
}

/// Every state kind is told from its beginning, and the list of what stays valid, if it is being told.
fn told_anew(mut marks: Marks, kinds: &Kinds) -> Marks {
    match marks.valid() {
        Some(list) => marks.tell_valid(list.through, kinds.set()),
        None => marks.enumerate(kinds.state().collect()),
    }
    marks
}

/// Drains the state kinds. Returns the room that is left for messages, if everything fitted.
fn drain_items<S: Source>(
    page: &mut Page,
    kinds: &Kinds,
    limits: PageLimits,
    source: &S,
) -> Result<Option<PageLimits>, S::Fault> {
    let was_enumerating = !page.marks.enumerating().is_empty();
    let mut room = PageLimits { entries: limits.entries.max(1), bytes: limits.bytes };
    if !lost_future::tell_valid(page, &mut room, source)? {
        return Ok(None);
    }
    let mut is_hiding = false;
    for kind in kinds.state() {
        // One more than fits tells whether something is left.
        let due_above = page.marks.due_above(kind);
        let mut items = source.items_above(kind, due_above, room.entries + 1)?;
        let fitting = fitting(&items, room);
        page.more |= items.len() > fitting;
        items.truncate(fitting);
        let last = items.last().map_or(due_above, |item| item.version);
        page.marks.given(kind, last, !page.more);
        let hidden_through = source.hidden_through(kind)?;
        is_hiding |= hidden_through > Version(0);
        if !items.is_empty() && (page.more || is_hiding) {
            page.marks.owe_through(hidden_through.max(source.bound()));
        }
        page.reached = Some(kind);
        room.entries -= items.len();
        room.bytes = room.bytes.saturating_sub(items.iter().map(cost_bytes).sum());
        page.items.append(&mut items);
        page.complete = was_enumerating && page.marks.enumerating().is_empty();
        if page.more || room.entries == 0 {
            page.is_cut = page.more;
            page.more = true;
            return Ok(None);
        }
    }
    if !is_hiding {
        page.marks.owe_nothing(kinds.set());
    }
    Ok(Some(room))
}

/// How many of the items fit, at least one.
fn fitting(items: &[Item], room: PageLimits) -> usize {
    let costs = items.iter().scan(0, |bytes, item| {
        *bytes += cost_bytes(item);
        Some(*bytes)
    });
    costs.take(room.entries).take_while(|bytes| *bytes <= room.bytes).count().max(1).min(items.len())
}

/// Bytes that an item is taken to cost in a page. What is noted of a contact is written in JSON, where a character takes
/// up to twice its bytes.
pub(super) fn cost_bytes(item: &Item) -> usize {
    let contact = match &item.value {
        Some(ItemValue::Contact(contact)) => contact,
        // To a level without groups it is two items, each with the name.
        Some(ItemValue::Group { name, .. }) => return 2 * (ITEM_BYTES + name.len()),
        Some(ItemValue::Reading(reading)) => return 3 * ITEM_BYTES + reading.own.len() * SEQ_BYTES,
        _ => return ITEM_BYTES,
    };
    let labels: usize = contact.labels.iter().map(|label| 2 * label.len() + 3).sum();
    ITEM_BYTES + 2 * (contact.remark.len() + contact.greeting.len()) + labels
}

fn drain_messages<S: Source>(
    page: &mut Page,
    kinds: &Kinds,
    room: PageLimits,
    source: &S,
) -> Result<(), S::Fault> {
    let mark = page.marks.of(MESSAGES);
    let scanned = source.messages_above(mark, PageLimits { entries: room.entries + 1, ..room });
    // Looked at after the scan: cleanup raises the floor first, and removes then.
    let floor = source.floor()?;
    if mark < floor {
        page.gap = true;
        page.more = true;
        page.marks.raise(MESSAGES, floor);
        page.marks.enumerate(kinds.set().and([CONVERSATIONS].into_iter().collect()));
        return Ok(());
    }
    let Messages { mut entries, passed, follows } = scanned?;
    // A source that stopped at the bytes cannot say whether something is left; one more look at the next page can.
    let bytes: usize = entries.iter().map(|entry| entry.message.content.bytes()).sum();
    page.more = entries.len() > room.entries || bytes + crate::model::limits::ENTRY_BYTES_MAX > room.bytes;
    entries.truncate(room.entries);
    if let Some(last) = entries.last() {
        page.marks.raise(MESSAGES, last.version);
    } else {
        page.more = false;
    }
    // What is passed over is named before the mark can rise above it.
    (page.entries, page.passed, page.follows) = (entries, passed, follows);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        model::{
            ClientMessageId, Content, ConversationId, Notice, Reading, Seq, TimeMs, UserId,
            limits::{ENTRY_BYTES_MAX, OWN_UNREAD_MAX},
            record::Message,
        },
        sync::{Locale, Rendering, kinds::CONTACTS, marks::RunName, render::item as item_of},
    };

    #[derive(Default)]
    struct Table {
        contacts: Vec<Item>,
        inbox: Vec<InboxMessage>,
        floor: u64,
        contacts_floor: std::cell::Cell<u64>,
    }

    impl Source for Table {
        type Fault = ();

        fn items_above(&self, kind: Kind, mark: Version, max: usize) -> Result<Vec<Item>, ()> {
            let above = self.contacts.iter().filter(|item| kind == CONTACTS && item.version > mark);
            Ok(above.take(max).cloned().collect())
        }

        fn messages_above(&self, mark: Version, limits: PageLimits) -> Result<Messages, ()> {
            let mut bytes = 0;
            let mut found = Vec::new();
            for entry in self.inbox.iter().filter(|entry| entry.version > mark).take(limits.entries) {
                bytes += entry.message.content.bytes();
                if bytes > limits.bytes && !found.is_empty() {
                    break;
                }
                found.push(entry.clone());
            }
            Ok(found.into())
        }

        fn hidden_through(&self, _: Kind) -> Result<Version, ()> {
            Ok(Version(0))
        }

        fn floor(&self) -> Result<Version, ()> {
            Ok(Version(self.floor))
        }

        fn head_at(&self, _: ConversationId, _: Version) -> Result<Seq, ()> {
            unreachable!("nothing was lost")
        }

        fn kind_floors(&self) -> Result<[Version; KINDS_MAX], ()> {
            let mut floors = [Version(0); KINDS_MAX];
            floors[usize::from(CONTACTS.0) - 1] = Version(self.contacts_floor.get());
            Ok(floors)
        }

        fn bound(&self) -> Version {
            Version(1000)
        }
    }

    fn contact(version: u64) -> Item {
        Item { kind: CONTACTS, key: version.to_string(), version: Version(version), value: None }
    }

    fn entry(version: u64, bytes: usize) -> InboxMessage {
        let message = Message {
            conversation: ConversationId(1),
            seq: Seq(version),
            sender: UserId(1),
            sent_at: TimeMs(0),
            id: ClientMessageId([0; 16]),
            content: "x".repeat(bytes).as_str().into(),
            count: 0,
            read: Seq(0),
        };
        InboxMessage { version: Version(version), message }
    }

    fn fresh() -> Marks {
        Marks::fresh(1, RunName::default(), Version(0))
    }

    fn all_kinds() -> Kinds {
        Kinds::of_server(&[]).unwrap()
    }

    #[test]
    fn nothing_new_leaves_the_marks_as_they_are() {
        let table = Table::default();
        let page = drain(fresh(), &all_kinds(), PageLimits { entries: 10, bytes: 1000 }, &table).unwrap();
        assert_eq!((page.marks, page.more), (fresh(), false));
    }

    #[test]
    fn pages_cut_anywhere_give_the_same_union() {
        let table = Table {
            contacts: (1..=7).map(contact).collect(),
            inbox: (3..40).map(|version| entry(version, usize::try_from(version).unwrap() * 40)).collect(),
            ..Table::default()
        };
        for entries in 1..50 {
            for bytes in [0, 300, 5000, 100_000] {
                let mut marks = fresh();
                let (mut items, mut seen, mut pages) = (Vec::new(), Vec::new(), 0);
                loop {
                    let page = drain(marks, &all_kinds(), PageLimits { entries, bytes }, &table).unwrap();
                    assert!(page.items.len() + page.entries.len() <= entries.max(1));
                    items.extend(page.items);
                    seen.extend(page.entries);
                    marks = page.marks;
                    pages += 1;
                    assert!(pages < 100, "every page makes progress");
                    if !page.more {
                        break;
                    }
                }
                assert_eq!(items, table.contacts);
                assert_eq!(seen, table.inbox);
            }
        }
    }

    #[test]
    fn a_notice_that_does_not_fit_any_more_is_told_by_the_next_page() {
        let users = (1..=crate::model::limits::GROUP_USERS_PER_OPERATION_MAX as u64).map(UserId).collect();
        let mut long = entry(2, 1);
        long.message.content = Content::Notice(Notice::Joined(users).into());
        let bytes = long.message.content.bytes();
        assert!(bytes > crate::model::limits::CONTENT_BYTES_MAX && bytes <= ENTRY_BYTES_MAX);
        let table = Table { inbox: vec![entry(1, 1), long, entry(3, 1)], ..Table::default() };
        for room in [1, bytes - 1, bytes, 2 * bytes] {
            let (mut marks, mut seen) = (fresh(), Vec::new());
            loop {
                let page =
                    drain(marks, &all_kinds(), PageLimits { entries: 9, bytes: room }, &table).unwrap();
                marks = page.marks;
                seen.extend(page.entries);
                if !page.more {
                    break;
                }
            }
            assert_eq!(seen, table.inbox, "{room} bytes");
        }
    }

    #[test]
    fn an_enumeration_is_complete_when_its_kinds_are_drained() {
        let table =
            Table { contacts: (1..=3).map(contact).collect(), inbox: vec![entry(9, 10)], ..Table::default() };
        let mut marks = fresh();
        marks.raise(CONTACTS, Version(3));
        marks.enumerate(all_kinds().set());
        let first = drain(marks, &all_kinds(), PageLimits { entries: 2, bytes: 1000 }, &table).unwrap();
        assert!(!first.complete && first.more);
        assert_eq!(first.marks.of(CONTACTS), Version(3), "a mark never falls");
        let second =
            drain(first.marks, &all_kinds(), PageLimits { entries: 2, bytes: 1000 }, &table).unwrap();
        assert!(second.complete && second.marks.enumerating().is_empty());
        assert_eq!([first.items, second.items].concat(), table.contacts);
    }

    #[test]
    fn below_the_floor_a_gap_is_said_and_the_chain_goes_on_above_it() {
        let table = Table { contacts: Vec::new(), inbox: vec![entry(9, 10)], floor: 8, ..Table::default() };
        let limits = PageLimits { entries: 10, bytes: 1000 };
        let first = drain(fresh(), &all_kinds(), limits, &table).unwrap();
        assert!(first.gap && first.more && first.entries.is_empty());
        assert_eq!(first.marks.of(MESSAGES), Version(8));
        assert!(first.marks.enumerating().contains(CONVERSATIONS));
        let second = drain(first.marks, &all_kinds(), limits, &table).unwrap();
        assert!(!second.gap && second.complete);
        assert_eq!(second.entries, table.inbox);
        let at_floor = Marks::fresh(1, RunName::default(), Version(8));
        assert!(
            !drain(at_floor, &all_kinds(), limits, &table).unwrap().gap,
            "who stands at the floor lacks nothing"
        );
    }

    /// Syncs to the end from some marks; how often all was begun anew, what was told, and the marks at the end.
    fn to_the_end(mut marks: Marks, table: &Table, entries: usize) -> (usize, Vec<Item>, Marks) {
        let (mut anew, mut told) = (0, Vec::new());
        for _ in 0..100 {
            let page = drain(marks, &all_kinds(), PageLimits { entries, bytes: 10_000 }, table).unwrap();
            if page.too_old {
                (anew, told) = (anew + 1, Vec::new());
            }
            told.extend(page.items);
            marks = page.marks;
            if !page.more {
                return (anew, told, marks);
            }
        }
        panic!("a sync without end");
    }

    #[test]
    fn below_the_floor_of_a_kind_everything_is_told_anew_once() {
        let table = Table { contacts: [1, 2, 3, 60].map(contact).to_vec(), ..Table::default() };
        table.contacts_floor.set(50);
        for entries in 1..6 {
            for (mark, expected) in [(0, 0), (3, 1), (49, 1), (50, 0), (60, 0)] {
                let mut marks = fresh();
                marks.raise(CONTACTS, Version(mark));
                let (anew, told, after) = to_the_end(marks, &table, entries);
                assert_eq!(anew, expected, "mark {mark}, {entries} entries a page");
                let due = table.contacts.iter().filter(|item| anew == 1 || item.version > Version(mark));
                assert!(told.iter().eq(due), "mark {mark}, {entries} entries a page: {told:?}");
                assert!(after.of(CONTACTS) >= Version(50), "who has everything is not told anew again");
                assert_eq!(to_the_end(after, &table, entries).0, 0);
            }
        }
    }

    #[test]
    fn a_floor_that_is_raised_while_a_kind_is_told_begins_it_again() {
        let table = Table { contacts: [1, 2, 3, 60].map(contact).to_vec(), ..Table::default() };
        for first in [0, 20] {
            table.contacts_floor.set(first);
            let limits = PageLimits { entries: 2, bytes: 10_000 };
            let page = drain(fresh(), &all_kinds(), limits, &table).unwrap();
            assert!(!page.too_old && page.more, "floor {first}: a new chain is told what there is");
            // What was told as live in the first page is deleted, and its tombstone is gone.
            table.contacts_floor.set(50);
            let (anew, told, _) = to_the_end(page.marks, &table, 2);
            assert_eq!((anew, told.len()), (1, 4), "floor {first}");
        }
    }

    #[test]
    fn a_floor_above_the_bound_hides_nothing_that_follows() {
        let table = Table { contacts: [1, 2].map(contact).to_vec(), ..Table::default() };
        table.contacts_floor.set(2000);
        let page = drain(fresh(), &all_kinds(), PageLimits { entries: 10, bytes: 1000 }, &table).unwrap();
        assert_eq!(page.marks.of(CONTACTS), Version(1000), "what lies above the bound is still to come");
    }

    #[test]
    fn what_was_read_costs_no_less_than_it_takes() {
        let (user, conversation) = (UserId(1), ConversationId(u64::MAX));
        let reading = Reading {
            as_of: Seq(u64::MAX),
            read: Seq(u64::MAX),
            read_count: u64::MAX,
            own: vec![Seq(u64::MAX); OWN_UNREAD_MAX],
            muted_until: TimeMs(i64::MAX),
            pinned: true,
            ..Reading::none(user, conversation)
        };
        let value = Some(ItemValue::Reading(Box::new(reading)));
        let key = format!("{conversation}/own");
        let item = Item { kind: CONVERSATIONS, key, version: Version(1), value };
        let rendering = Rendering { level: 2, locale: Locale::English };
        let told = highwater_wire::Encoding::Json.encode(&item_of(rendering, &item).unwrap());
        assert!(told.len() <= cost_bytes(&item), "{} bytes, taken for {}", told.len(), cost_bytes(&item));
    }
}
