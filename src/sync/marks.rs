//! Marks: how far a lineage has everything, by kind, and in which life of the store that was said.

use super::kinds::KINDS_MAX;
use crate::model::{Kind, RunNumber, Version, record::Run};

/// Which run a snapshot was issued in: its number, and the random id that tells forks of one backup apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunName {
    /// 1, 2, 3…
    pub number: RunNumber,
    /// Random.
    pub id: u32,
}

/// What a snapshot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Level that it was rendered for.
    pub level: u8,
    /// Run in which it was issued.
    pub run: RunName,
    /// A rebuild is in progress: state kinds are being told anew from the beginning.
    pub rebuilding: bool,
    by_kind: [Version; KINDS_MAX],
}

impl Marks {
    /// Nothing was given yet, except that messages begin at `messages_from`.
    #[must_use]
    pub fn fresh(level: u8, run: RunName, messages_from: Version) -> Marks {
        let mut marks = Marks { level, run, rebuilding: false, by_kind: [Version(0); KINDS_MAX] };
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
        rebuilding: bool,
        by_kind: [Version; KINDS_MAX],
    ) -> Marks {
        Marks { level, run, rebuilding, by_kind }
    }

    fn highest(&self) -> Version {
        self.by_kind.iter().copied().max().unwrap_or_default()
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
        RunName { number: run.number, id: run.id }
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
    use crate::sync::kinds::MESSAGES;

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
        Marks::fresh(1, RunName { number: RunNumber(number), id: number * 7 }, Version(mark))
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
    fn marks_never_fall() {
        let mut marks = marks(1, 7);
        marks.raise(MESSAGES, Version(3));
        assert_eq!(marks.of(MESSAGES), Version(7));
    }
}
