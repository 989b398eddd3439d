//! Items that a page leaves out, since they changed and come later: when an older copy of the store is put back before they
//! came, nobody may go on as if they had.

#![allow(clippy::unwrap_used)]

use super::{
    kinds::{CONTACTS, KINDS_MAX, Kinds},
    marks::{Lifeline, Marks},
    page::{Messages, PageLimits, Source, drain},
};
use crate::model::{
    ConversationId, Kind, RunNumber, Seq, Version,
    record::{Item, Run},
};

/// Version `n` changed the contact `changes[n - 1]`.
const CHANGES: usize = 6;
const CONTACTS_MAX: usize = 3;

/// A store that is read through `bound` while it has everything through `head`.
struct Changes<'c> {
    changes: &'c [usize],
    bound: u64,
    head: u64,
}

impl Changes<'_> {
    /// The newest change of each contact, oldest first.
    fn newest(&self) -> Vec<(u64, usize)> {
        let changes = || (1..).zip(&self.changes[..self.head as usize]);
        let is_newest = |version: u64, contact: usize| {
            !changes().any(|(later, other)| later > version && *other == contact)
        };
        changes()
            .map(|(version, contact)| (version, *contact))
            .filter(|(version, contact)| is_newest(*version, *contact))
            .collect()
    }
}

impl Source for Changes<'_> {
    type Fault = ();

    fn items_above(&self, kind: Kind, mark: Version, max: usize) -> Result<Vec<Item>, ()> {
        let shown =
            self.newest().into_iter().filter(|(version, _)| (mark.0 + 1..=self.bound).contains(version));
        let item = |(version, contact): (u64, usize)| Item {
            kind,
            key: contact.to_string(),
            version: Version(version),
            value: None,
        };
        Ok(if kind == CONTACTS { shown.map(item).take(max).collect() } else { Vec::new() })
    }

    fn hidden_through(&self, kind: Kind) -> Result<Version, ()> {
        let newest = self.newest().last().map_or(0, |(version, _)| *version);
        Ok(Version(if kind == CONTACTS && newest > self.bound { newest } else { 0 }))
    }

    fn messages_above(&self, _: Version, _: PageLimits) -> Result<Messages, ()> {
        Ok(Messages::default())
    }

    fn floor(&self) -> Result<Version, ()> {
        Ok(Version(0))
    }

    fn head_at(&self, _: ConversationId, _: Version) -> Result<Seq, ()> {
        Ok(Seq(0))
    }

    fn kind_floors(&self) -> Result<[Version; KINDS_MAX], ()> {
        Ok([Version(0); KINDS_MAX])
    }

    fn bound(&self) -> Version {
        Version(self.bound)
    }
}

/// What a client has of each contact: the version that it was told, 0 for none.
type Held = [u64; CONTACTS_MAX];

fn page(marks: &mut Marks, held: &mut Held, store: &Changes<'_>, entries: usize) -> bool {
    let page = drain(*marks, &Kinds::of_server(&[]).unwrap(), PageLimits { entries, bytes: 100_000 }, store)
        .unwrap();
    for item in &page.items {
        held[item.key.parse::<usize>().unwrap()] = item.version.0;
    }
    *marks = page.marks;
    page.more
}

fn run(number: u32, found: u64) -> Run {
    Run {
        number: RunNumber(number),
        id: number,
        first: Version(found + 1),
        found: Version(found),
        lossy: false,
    }
}

/// A chain of two pages over a store that changes meanwhile, then a copy of the store as it was at `found`.
fn goes_on_rightly(
    changes: &[usize],
    reads: [(u64, u64); 2],
    entries: usize,
    found: u64,
) -> Result<bool, String> {
    let before = Lifeline::new(vec![run(1, 0)]);
    let mut marks = Marks::fresh(1, before.current(), Version(0));
    let mut held = Held::default();
    for (bound, head) in reads {
        page(&mut marks, &mut held, &Changes { changes, bound, head }, entries);
    }
    if !Lifeline::new(vec![run(1, 0), run(2, found)]).continues(&marks) {
        return Ok(false);
    }
    let copy = Changes { changes, bound: found, head: found };
    while page(&mut marks, &mut held, &copy, 100) {}
    let mut expected = Held::default();
    copy.newest().into_iter().for_each(|(version, contact)| expected[contact] = version);
    let of_the_copy = (held == expected).then_some(true);
    of_the_copy.ok_or_else(|| {
        format!("{changes:?} read {reads:?} by {entries}, put back {found}: {held:?}, not {expected:?}")
    })
}

#[test]
fn whatever_a_chain_was_told_it_goes_on_rightly_in_an_older_copy_or_begins_anew() {
    let (mut went_on, mut began_anew) = (0, 0);
    for number in 0..CONTACTS_MAX.pow(CHANGES as u32) {
        let changes: Vec<usize> =
            (0..CHANGES as u32).map(|place| number / CONTACTS_MAX.pow(place) % CONTACTS_MAX).collect();
        let heads = 1..=CHANGES as u64;
        for (first, second) in
            heads.clone().flat_map(|first| (first..=CHANGES as u64).map(move |second| (first, second)))
        {
            for (behind, entries, found) in [0, 1].into_iter().flat_map(|behind| {
                (1..=2).flat_map(move |entries| (0..=second).map(move |found| (behind, entries, found)))
            }) {
                let reads = [(first - behind, first), (second, second)];
                match goes_on_rightly(&changes, reads, entries, found).unwrap() {
                    true => went_on += 1,
                    false => began_anew += 1,
                }
            }
        }
    }
    assert!(went_on > 10_000 && began_anew > 10_000, "{went_on} went on, {began_anew} began anew");
}

#[test]
fn a_chain_that_was_told_everything_is_bound_to_its_marks_alone() {
    let changes = [0, 1, 0, 2];
    let (mut marks, mut held) =
        (Marks::fresh(1, Lifeline::new(vec![run(1, 0)]).current(), Version(0)), Held::default());
    assert!(page(&mut marks, &mut held, &Changes { changes: &changes, bound: 4, head: 4 }, 1));
    assert_eq!((marks.of(CONTACTS), marks.owed_through()), (Version(2), Version(4)));
    // A read against an older bound leaves the last contact to the next one.
    assert!(!page(&mut marks, &mut held, &Changes { changes: &changes, bound: 3, head: 4 }, 9));
    assert_eq!((marks.of(CONTACTS), marks.owed_through()), (Version(3), Version(4)));
    assert!(!page(&mut marks, &mut held, &Changes { changes: &changes, bound: 4, head: 4 }, 9));
    assert_eq!((marks.of(CONTACTS), marks.owed_through()), (Version(4), Version(0)));
}
