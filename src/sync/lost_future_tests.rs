//! What may be kept by the run that a snapshot names, and the list of it in pages.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;

use super::{
    Kept, Kinds, Lifeline, Marks, Messages, PageLimits, RunName, Source, Valid,
    kinds::{CONVERSATIONS, KINDS_MAX},
    page::drain,
};
use crate::model::{
    ConversationId, Kind, KindSet, RunNumber, Seq, Version,
    record::{Item, ItemValue, Run},
};

fn run(number: u32, found: u64, lossy: bool) -> Run {
    Run {
        number: RunNumber(number),
        id: number * 7,
        first: Version(found + 10),
        found: Version(found),
        lossy,
    }
}

/// A run by its number and id, and what it found of its parent.
fn named(number: u32, id: u32, (parent, found): (u32, u64)) -> RunName {
    RunName { number: RunNumber(number), id, parent, found: Version(found), ..RunName::default() }
}

/// The same of one whose parent is not ours either.
fn grandchild(number: u32, (parent_found, grandparent): (u64, u32)) -> RunName {
    let (found, parent_found) = (Version(1000), Version(parent_found));
    RunName { number: RunNumber(number), id: 99, found, parent: 98, parent_found, grandparent }
}

/// Runs 1 to 4, of which the third began with a loss.
fn lifeline() -> Lifeline {
    Lifeline::new(vec![run(1, 0, false), run(2, 50, false), run(3, 90, true), run(4, 200, false)])
}

#[test]
fn what_may_be_kept_by_the_run_that_a_snapshot_names() {
    for (name, kept) in [
        (named(4, 28, (21, 200)), Kept::All),
        (named(3, 21, (14, 90)), Kept::Through(Version(200))),
        (named(2, 14, (7, 50)), Kept::Through(Version(90))),
        (named(1, 7, (0, 0)), Kept::Through(Version(50))),
        // Never ours: what both have of the parent's life.
        (named(5, 99, (28, 260)), Kept::Through(Version(260))),
        (named(4, 99, (21, 260)), Kept::Through(Version(200))),
        (named(4, 99, (21, 120)), Kept::Through(Version(120))),
        (named(3, 99, (14, 90)), Kept::Through(Version(90))),
        (named(2, 99, (7, 3)), Kept::Through(Version(3))),
        // Nor was its parent.
        (grandchild(6, (260, 28)), Kept::Through(Version(260))),
        (grandchild(5, (260, 21)), Kept::Through(Version(200))),
        (grandchild(4, (70, 14)), Kept::Through(Version(70))),
        // Nobody that is named is ours, or is under another number.
        (named(9, 99, (98, 260)), Kept::Through(Version(0))),
        (named(4, 99, (14, 90)), Kept::Through(Version(0))),
        (grandchild(5, (260, 28)), Kept::Through(Version(0))),
        (grandchild(1, (260, 7)), Kept::Through(Version(0))),
        (named(0, 0, (0, 0)), Kept::Through(Version(0))),
    ] {
        assert_eq!(lifeline().kept(name), kept, "{name:?}");
    }
}

#[test]
fn only_runs_before_a_loss_are_told_of_it() {
    let lost = |number: u32| {
        let marks = Marks::fresh(1, named(number, number * 7, (number * 7 - 7, 0)), Version(40));
        lifeline().lost_since(&marks)
    };
    assert_eq!([1, 2, 3, 4].map(lost), [Some(Version(50)), Some(Version(90)), None, None]);
}

/// A conversation that the user has left.
const LEFT: u64 = 5;

/// Conversations whose items have the versions 1, 2, 3…; conversation `n` has a message at each version that `n` divides.
/// While this page is read, the item of the last one changes.
struct Table(u64, Cell<bool>);

impl Table {
    fn of(conversations: u64) -> Table {
        Table(conversations, Cell::new(false))
    }
}

impl Source for Table {
    type Fault = ();

    fn items_above(&self, kind: Kind, mark: Version, max: usize) -> Result<Vec<Item>, ()> {
        let item = |number: u64| Item {
            kind,
            key: number.to_string(),
            version: Version(number),
            value: (number != LEFT).then_some(ItemValue::Conversation {
                conversation: ConversationId(number),
                peer: crate::model::UserId(1),
            }),
        };
        let all = if kind == CONVERSATIONS { self.0 - u64::from(self.1.get()) } else { 0 };
        Ok((mark.0 + 1..=all).take(max).map(item).collect())
    }

    fn messages_above(&self, _: Version, _: PageLimits) -> Result<Messages, ()> {
        Ok(Messages::default())
    }

    fn floor(&self) -> Result<Version, ()> {
        Ok(Version(0))
    }

    fn hidden_through(&self, _: Kind) -> Result<Version, ()> {
        // The next page is read against a later bound.
        Ok(if self.1.take() { Version(2000) } else { Version(0) })
    }

    fn head_at(&self, conversation: ConversationId, through: Version) -> Result<Seq, ()> {
        Ok(Seq(through.0 / conversation.0))
    }

    fn kind_floors(&self) -> Result<[Version; KINDS_MAX], ()> {
        Ok([Version(0); KINDS_MAX])
    }

    fn bound(&self) -> Version {
        Version(1000)
    }
}

#[test]
fn the_list_comes_before_everything_else_and_pages_cut_anywhere_give_the_same() {
    let expected: Vec<_> =
        (1..=7).map(|number| Valid { conversation: ConversationId(number), seq: Seq(7 / number) }).collect();
    let kinds = Kinds::of_server(&[]).unwrap();
    for entries in 1..30 {
        let mut marks = Marks::fresh(1, named(1, 7, (0, 0)), Version(0));
        marks.tell_valid(Version(7), kinds.set());
        let (mut told, mut completed, mut items) = (Vec::new(), 0, 0);
        for _ in 0..100 {
            let page = drain(marks, &kinds, PageLimits { entries, bytes: 100_000 }, &Table::of(20)).unwrap();
            assert!(page.valid_complete || completed == 1 || page.items.is_empty(), "before everything else");
            completed += usize::from(page.valid_complete);
            items += page.items.len();
            told.extend(page.valid);
            marks = page.marks;
            if !page.more {
                break;
            }
        }
        assert_eq!((told, completed, items), (expected.clone(), 1, 20), "{entries} a page");
        assert!(marks.valid().is_none() && marks.enumerating().is_empty());
    }
}

#[test]
fn what_changes_while_the_list_is_read_is_named_by_the_next_page() {
    let kinds = Kinds::of_server(&[]).unwrap();
    for entries in 1..30 {
        let mut marks = Marks::fresh(1, named(1, 7, (0, 0)), Version(0));
        marks.tell_valid(Version(7), kinds.set());
        let (table, mut told, mut completed) = (Table(7, Cell::new(true)), Vec::new(), 0);
        for _ in 0..100 {
            let page = drain(marks, &kinds, PageLimits { entries, bytes: 100_000 }, &table).unwrap();
            completed += usize::from(page.valid_complete);
            told.extend(page.valid.iter().map(|valid| valid.conversation.0));
            marks = page.marks;
            if !page.more {
                break;
            }
        }
        assert_eq!((told, completed), ((1..=7).collect(), 1), "{entries} a page");
    }
}

#[test]
fn where_nothing_may_stay_nobody_is_named_and_nothing_is_read() {
    let mut marks = Marks::fresh(1, named(1, 7, (0, 0)), Version(0));
    marks.tell_valid(Version(0), KindSet::default());
    let limits = PageLimits { entries: 5, bytes: 1000 };
    let page = drain(marks, &Kinds::of_server(&[]).unwrap().declared(&[4]), limits, &Table::of(9)).unwrap();
    assert!(page.valid_complete && page.valid.is_empty() && !page.more);
}

#[test]
fn a_list_that_was_not_told_to_its_end_still_counts_when_another_begins() {
    let mut marks = Marks::fresh(1, named(1, 7, (0, 0)), Version(0));
    marks.tell_valid(Version(30), KindSet::default());
    marks.valid_told(Some(Version(4)));
    marks.tell_valid(Version(60), KindSet::default());
    assert_eq!(marks.valid().map(|list| (list.through, list.after)), Some((Version(30), Version(0))));
}
