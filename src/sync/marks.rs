//! Marks: how far a lineage has everything, by kind, and in which life of the store that was said.

use super::kinds::KINDS_MAX;
use crate::model::{
    Kind, KindSet, RunNumber, Version,
    record::Run,
    seeded::{self, SyncBug},
};

/// Which run a snapshot was issued in: its number, and the random id that tells forks of one backup apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunName {
    /// 1, 2, 3…
    pub number: RunNumber,
    /// Random.
    pub id: u32,
    /// Newest version before it: what it has of its parent.
    pub found: Version,
    /// Id of the run before it; 0 for the first. By it a store that lost this run knows where it forked off.
    pub parent: u32,
    /// The same of its parent.
    pub parent_found: Version,
    /// Id of the run before its parent; 0 where there is none.
    pub grandparent: u32,
}

/// How far the list of what stays valid was told: see `lost_future`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidList {
    /// Messages through this version stay; those above it are of a future that was lost.
    pub through: Version,
    /// Conversations were named whose item has a version at or below this one.
    pub after: Version,
}

/// No enumeration has begun: a cursor of no kind.
pub(super) const NO_CURSOR: (Kind, Version) = (Kind(0), Version(0));

/// What a snapshot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Level that it was rendered for.
    pub level: u8,
    /// Run in which it was issued.
    pub run: RunName,
    /// State kinds that are being told anew from the beginning.
    enumerating: KindSet,
    /// How far: everything of the kind that is told anew at present, through this version.
    cursor: (Kind, Version),
    /// What stays valid is being told; nothing else is told before that is complete.
    valid: Option<ValidList>,
    /// Items that were left out below the marks, since they had changed, are told at or below this version; 0 while none is
    /// left out. An older copy of the store that has it not may have such an item as it was, below a mark.
    owed_through: Version,
    by_kind: [Version; KINDS_MAX],
}

impl Marks {
    /// Nothing was given yet, except that messages begin at `messages_from`.
    #[must_use]
    pub fn fresh(level: u8, run: RunName, messages_from: Version) -> Marks {
        let mut marks = Marks {
            level,
            run,
            enumerating: KindSet::default(),
            cursor: NO_CURSOR,
            valid: None,
            owed_through: Version(0),
            by_kind: [Version(0); KINDS_MAX],
        };
        marks.raise(super::kinds::MESSAGES, messages_from);
        marks
    }

    /// Version of the newest entry of a kind that was given.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Version {
        self.by_kind[place(kind)]
    }

    /// Raises a mark; it never falls.
    pub fn raise(&mut self, kind: Kind, version: Version) {
        let mark = &mut self.by_kind[place(kind)];
        *mark = (*mark).max(version);
    }

    /// Kinds that are being told anew.
    #[must_use]
    pub fn enumerating(&self) -> KindSet {
        self.enumerating
    }

    /// Begins to tell these kinds anew. One that is being told anew already begins again.
    pub fn enumerate(&mut self, kinds: KindSet) {
        kinds.iter().for_each(|kind| self.enumerating.insert(kind));
        if self.cursor != NO_CURSOR && kinds.contains(self.cursor.0) {
            self.cursor = NO_CURSOR;
        }
    }

    /// The version above which items of a kind are due: of the enumeration, while there is one, else the mark.
    #[must_use]
    pub fn due_above(&self, kind: Kind) -> Version {
        match (self.enumerating.contains(kind), self.cursor) {
            (true, (current, version)) if current == kind => version,
            (true, _) => Version(0),
            (false, _) => self.of(kind),
        }
    }

    /// Items of a state kind were given through `last`; `all` of it, if nothing is left.
    pub fn given(&mut self, kind: Kind, last: Version, all: bool) {
        if !self.enumerating.contains(kind) || all {
            self.raise(kind, last);
        }
        if self.enumerating.contains(kind) {
            self.cursor = if all { NO_CURSOR } else { (kind, last) };
            if all {
                self.enumerating.remove(kind);
            }
        }
    }

    /// Items below the marks were left out, and are told at or below this version.
    pub fn owe_through(&mut self, version: Version) {
        self.owed_through = self.owed_through.max(version);
    }

    /// The state kinds in `told` were told to their end, and no item of them was left out.
    pub fn owe_nothing(&mut self, told: KindSet) {
        let is_told = |kind: &Kind| told.contains(*kind) || self.of(*kind) == Version(0);
        if KindSet::ALL.iter().filter(|kind| *kind != Kind::MESSAGES).all(|kind| is_told(&kind)) {
            self.owed_through = Version(0);
        }
    }

    /// See [`Marks::owe_through`]; 0 while no item is left out.
    #[must_use]
    pub fn owed_through(&self) -> Version {
        self.owed_through
    }

    /// Whether a kind is being told anew and its first items were told.
    #[must_use]
    pub fn has_begun(&self, kind: Kind) -> bool {
        self.enumerating.contains(kind) && self.cursor.0 == kind
    }

    /// What was told of a kind that nothing had been told of becomes the beginning of telling it anew.
    pub fn begin_at(&mut self, kind: Kind, last: Version) {
        self.enumerating.insert(kind);
        self.cursor = (kind, last);
    }

    /// Nothing is left to be told anew.
    pub fn end_enumeration(&mut self) {
        (self.enumerating, self.cursor) = (KindSet::default(), NO_CURSOR);
    }

    /// The list of what stays valid, while it is being told.
    #[must_use]
    pub fn valid(&self) -> Option<ValidList> {
        self.valid
    }

    /// Begins to tell from the beginning what stays valid, and with it every item anew: nothing above `through` does,
    /// nor above what a list that was not told to its end had said.
    pub fn tell_valid(&mut self, through: Version, kinds: KindSet) {
        let through = self.valid.map_or(through, |list| list.through.min(through));
        self.valid = Some(ValidList { through, after: Version(0) });
        (self.enumerating, self.cursor) = (kinds, NO_CURSOR);
    }

    /// Conversations through `after` were named; nothing, if those were all.
    pub fn valid_told(&mut self, after: Option<Version>) {
        self.valid = self.valid.zip(after).map(|(list, after)| ValidList { after, ..list });
    }

    /// All marks, by kind number from 1.
    #[must_use]
    pub fn all(&self) -> &[Version; KINDS_MAX] {
        &self.by_kind
    }

    /// Marks as read from a snapshot.
    #[must_use]
    pub(super) fn restored(
        level: u8,
        run: RunName,
        (enumerating, cursor): (KindSet, (Kind, Version)),
        valid: Option<ValidList>,
        owed_through: Version,
        by_kind: [Version; KINDS_MAX],
    ) -> Marks {
        Marks { level, run, enumerating, cursor, valid, owed_through, by_kind }
    }

    /// Where the enumeration stands, to be stored.
    #[must_use]
    pub(super) fn cursor(&self) -> (Kind, Version) {
        self.cursor
    }

    /// The newest version that it speaks of.
    pub(super) fn highest(&self) -> Version {
        self.by_kind.iter().copied().max().unwrap_or_default().max(self.cursor.1).max(self.owed_through)
    }
}

fn place(kind: Kind) -> usize {
    assert!((1..=KINDS_MAX).contains(&usize::from(kind.0)), "kinds are numbered from 1 to {KINDS_MAX}");
    usize::from(kind.0) - 1
}

/// The runs of the store, oldest first: by them, and by nothing else, a snapshot from a lost future is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifeline {
    runs: Vec<Run>,
}

impl Lifeline {
    /// From every run record of the store; the last is the run that serves.
    #[must_use]
    pub fn new(mut runs: Vec<Run>) -> Lifeline {
        runs.sort_by_key(|run| run.number);
        assert!(!runs.is_empty(), "a store that serves has begun a run");
        Lifeline { runs }
    }

    /// The run that serves.
    #[must_use]
    pub fn current(&self) -> RunName {
        let run = self.runs[self.runs.len() - 1];
        let before = |count| self.runs.iter().rev().nth(count);
        let (parent, grandparent) = (before(1), before(2));
        RunName {
            number: run.number,
            id: run.id,
            found: run.found,
            parent: parent.map_or(0, |run| run.id),
            parent_found: parent.map_or(Version(0), |run| run.found),
            grandparent: grandparent.map_or(0, |run| run.id),
        }
    }

    /// Every run.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether the marks speak of a history that this store has: its run is known, and nothing lies above what the
    /// runs after it found.
    #[must_use]
    pub fn continues(&self, marks: &Marks) -> bool {
        if seeded::is(SyncBug::RunCheckLeftOut) {
            return true;
        }
        let Some(place) =
            self.runs.iter().position(|run| run.number == marks.run.number && run.id == marks.run.id)
        else {
            return false;
        };
        let found = self.runs[place + 1..].iter().map(|run| run.found).min();
        found.is_none_or(|found| marks.highest() <= found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::kinds::{CONTACTS, MESSAGES};

    fn run(number: u32, found: u64) -> Run {
        Run {
            number: RunNumber(number),
            id: number * 7,
            first: Version(found + 10),
            found: Version(found),
            lossy: false,
        }
    }

    fn marks(number: u32, mark: u64) -> Marks {
        let run = RunName { number: RunNumber(number), id: number * 7, ..RunName::default() };
        Marks::fresh(1, run, Version(mark))
    }

    #[test]
    fn a_snapshot_continues_up_to_what_every_later_run_found() {
        let lifeline = Lifeline::new(vec![run(1, 0), run(2, 50), run(3, 40)]);
        for (number, mark, continues) in
            [(1, 40, true), (1, 41, false), (2, 41, false), (3, 9000, true), (4, 1, false)]
        {
            assert_eq!(lifeline.continues(&marks(number, mark)), continues, "run {number} mark {mark}");
        }
    }

    #[test]
    fn a_fork_of_the_same_number_is_another_run() {
        let lifeline = Lifeline::new(vec![run(1, 0)]);
        let mut forked = marks(1, 5);
        forked.run.id += 1;
        assert!(!lifeline.continues(&forked));
    }

    #[test]
    fn an_enumeration_goes_from_the_beginning_to_the_mark_and_leaves_the_mark_meanwhile() {
        let mut marks = marks(1, 7);
        marks.raise(CONTACTS, Version(40));
        marks.enumerate([CONTACTS].into_iter().collect());
        assert_eq!(marks.due_above(CONTACTS), Version(0));
        marks.given(CONTACTS, Version(30), false);
        assert_eq!((marks.due_above(CONTACTS), marks.of(CONTACTS)), (Version(30), Version(40)));
        marks.given(CONTACTS, Version(45), true);
        assert_eq!((marks.due_above(CONTACTS), marks.of(CONTACTS)), (Version(45), Version(45)));
        assert!(marks.enumerating().is_empty());
    }

    #[test]
    fn marks_never_fall() {
        let mut marks = marks(1, 7);
        marks.raise(MESSAGES, Version(3));
        assert_eq!(marks.of(MESSAGES), Version(7));
    }
}
