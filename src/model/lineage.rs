//! Lineages as they are stored: how far each chain of snapshots is known to have everything, and what may be removed.

use super::{
    Kind, KindSet, LineageId, TimeMs, UserId, Version,
    limits::{KINDS_MAX, LINEAGES_PER_USER_MAX},
    seeded::{self, SyncBug},
};

/// By which lineages are judged to be live: those heard of after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardSince(pub TimeMs);

/// One chain of snapshots, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// Which.
    pub id: LineageId,
    /// Where messages begin when it has no snapshot.
    pub from: Version,
    /// Kinds that it declared last.
    pub kinds: KindSet,
    /// Newest marks that it handed back, by kind from 1: through here it has everything.
    pub acked: [Version; KINDS_MAX],
    /// When it was last heard of.
    pub heard: TimeMs,
    /// When its mark of messages rose last; never after `heard`. Nothing before it did.
    pub handed: Option<TimeMs>,
}

/// All lineages of one user, and the floor under the inbox that follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineages {
    /// Whose.
    pub user: UserId,
    /// Inbox entries at or below it may have been removed. It never falls.
    pub floor: Version,
    /// The same for state kinds, by kind from 1: tombstones at or below it may have been removed. It never falls.
    pub tombstones: [Version; KINDS_MAX],
    /// At most `limits::LINEAGES_PER_USER_MAX`.
    pub rows: Vec<Lineage>,
}

impl Lineage {
    /// A chain that has nothing yet, and needs messages above `from`.
    #[must_use]
    pub fn new(id: LineageId, from: Version, kinds: KindSet, heard: TimeMs) -> Lineage {
        let mut acked = [Version(0); KINDS_MAX];
        acked[usize::from(Kind::MESSAGES.0) - 1] = from;
        Lineage { id, from, kinds, acked, heard, handed: None }
    }

    /// Through where it has all messages.
    #[must_use]
    pub fn acked_messages(&self) -> Version {
        self.acked[usize::from(Kind::MESSAGES.0) - 1]
    }

    /// Whether it declares messages, so that what it lacks of the inbox is kept for it while it is live.
    #[must_use]
    pub fn holds_messages(&self) -> bool {
        self.kinds.contains(Kind::MESSAGES)
    }

    /// Whether some of these marks are newer than what it is known to have.
    #[must_use]
    pub fn lacks(&self, marks: &[Version; KINDS_MAX]) -> bool {
        marks.iter().zip(&self.acked).any(|(mark, acked)| mark > acked)
    }

    /// Takes marks that it handed back. None falls.
    pub fn raise(&mut self, marks: &[Version; KINDS_MAX]) {
        self.acked.iter_mut().zip(marks).for_each(|(acked, mark)| *acked = (*acked).max(*mark));
    }

    /// Takes marks that it handed back at a moment in which it was heard of.
    pub fn hand_back(&mut self, marks: &[Version; KINDS_MAX], at: TimeMs) {
        let before = self.acked_messages();
        self.raise(marks);
        self.heard = self.heard.max(at);
        if self.acked_messages() > before {
            self.handed = Some(self.heard);
        }
    }

    /// Whether it was heard of last so long ago that being heard of is news.
    #[must_use]
    pub fn hearing_is_news(&self, at: TimeMs, step_ms: i64) -> bool {
        at.0 - self.heard.0 >= step_ms
    }

    /// Whether it was heard of lately. One that was not is expired: nothing is kept for it, and should it come back, it
    /// is served as far as it goes.
    #[must_use]
    pub fn is_live(&self, since: HeardSince) -> bool {
        self.heard > since.0
    }
}

impl Lineages {
    /// Those of a user who has none.
    #[must_use]
    pub fn none(user: UserId) -> Lineages {
        Lineages { user, floor: Version(0), tombstones: [Version(0); KINDS_MAX], rows: Vec::new() }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: LineageId) -> Option<&Lineage> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, id: LineageId) -> Option<&mut Lineage> {
        self.rows.iter_mut().find(|row| row.id == id)
    }

    /// Adds one. When there are too many, the one that was not heard of for longest goes: what it lacks is no longer
    /// kept for it.
    pub fn add(&mut self, lineage: Lineage) {
        if self.rows.len() >= LINEAGES_PER_USER_MAX {
            let oldest =
                self.rows.iter().enumerate().min_by_key(|(_, row)| row.heard).map(|(place, _)| place);
            oldest.map(|place| self.rows.remove(place));
        }
        self.rows.push(lineage);
    }

    /// Raises the floor to what every live lineage that declares messages has. Without such a lineage nothing changes.
    pub fn raise_floor(&mut self, since: HeardSince) {
        if let Some(least) = self.least_acked(since).filter(|_| !seeded::is(SyncBug::FloorAfterDeletion)) {
            self.floor = self.floor.max(least);
        }
    }

    /// Through where entries may be removed: what a floor that is stored allows, and no more.
    #[must_use]
    pub fn removable_through(&self) -> Version {
        if seeded::is(SyncBug::FloorAfterDeletion) {
            return self.least_acked(HeardSince(TimeMs(i64::MIN))).unwrap_or(self.floor);
        }
        self.floor
    }

    fn least_acked(&self, since: HeardSince) -> Option<Version> {
        let holding = self.rows.iter().filter(|row| row.holds_messages() && row.is_live(since));
        let holding = holding.map(Lineage::acked_messages);
        if seeded::is(SyncBug::MinimumWithoutOffline) {
            return holding.max();
        }
        let beyond = u64::from(seeded::is(SyncBug::CleanupOffByOne));
        holding.min().map(|least| Version(least.0 + beyond))
    }

    /// Through where entries need not be written to the index: the floor, which is stored. Whoever comes back below it is
    /// told a gap. It never falls, whichever lineages end or come back: a step of the index that was cut off and is done again
    /// must not write what it left out before, or its chunks would begin before those that are there already.
    #[must_use]
    pub fn left_out_through(&self, since: HeardSince) -> Version {
        if seeded::is(SyncBug::LeftOutWithoutLineage) && self.least_acked(since).is_none() {
            return Version::MAX;
        }
        self.floor
    }

    /// The live lineage for which most is kept, if any is behind `head`.
    #[must_use]
    pub fn holding_back(&self, head: Version, since: HeardSince) -> Option<&Lineage> {
        let holding = self.rows.iter().filter(|row| row.holds_messages() && row.is_live(since));
        holding.filter(|row| row.acked_messages() < head).min_by_key(|row| row.acked_messages())
    }

    /// Whether the floor would rise if it were decided now.
    #[must_use]
    pub fn floor_is_due(&self, since: HeardSince) -> bool {
        self.least_acked(since).is_some_and(|least| least > self.floor)
    }
}
