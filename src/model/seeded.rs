//! Bugs of the sync engine, built in on purpose: the seeded histories must find each of them, or prove nothing.
//!
//! One at a time, by name, and on the thread that asked for it. Ordinary builds know none: `is` is always false there.

macro_rules! sync_bugs {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal; )*) => {
        /// A bug of the sync engine.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum SyncBug { $( $(#[$doc])* $variant, )* }

        impl SyncBug {
            /// Every one.
            pub const ALL: &[SyncBug] = &[$( SyncBug::$variant, )*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( SyncBug::$variant => $name, )* }
            }
        }
    };
}

sync_bugs! {
    /// The floor is raised one too high.
    CleanupOffByOne = "cleanup off by one";
    /// The floor does not wait for the lineage that is behind all others.
    MinimumWithoutOffline = "minimum without the offline lineage";
    /// The newest entry is shown before the one below it.
    VisibleBeforeLower = "a version visible before a lower one";
    /// What was pushed counts as handed back.
    MarksRaisedByPush = "marks raised by a push";
    /// Entries are removed that lie above the stored floor.
    FloorAfterDeletion = "floor raised after deletion";
    /// After a dropped push, the next one goes on above what was dropped.
    PushCoversDropped = "a push whose snapshot covers a dropped entry";
    /// News that come while a page is read are forgotten.
    DroppedWithoutNudge = "news below the mark dropped without a nudge";
    /// A read does not hold the tail while it looks into the index.
    IndexBeforePin = "the index read before the tail is pinned";
    /// A snapshot of any run is continued.
    RunCheckLeftOut = "a run check left out";
    /// After a run that began with a loss, clients of before are not told what stays valid.
    ValidLeftOut = "a lossy run not told";
    /// Nobody is there to whom an entry would be told, so it is not kept.
    LeftOutWithoutLineage = "an entry left out of the index for a user with no live lineage";
    /// Who missed a deletion whose tombstone is gone goes on as if nothing had happened.
    TombstonesForgotten = "a mark below the floor of its kind continued";
    /// What was removed is not asked about when a resend is judged.
    WindowByTheClockAlone = "the window of resends judged by the clock alone";
    /// Who is a member when an entry of a group is expanded gets it, not who was one at its place.
    MembersAtExpansion = "members looked up when an entry is expanded";
    /// Pointers are durable before the position that covers them.
    PositionAfterPointers = "the position moved in a later batch than its pointers";
    /// A sender's own devices need not wait for the entries ahead of the message.
    SenderAheadOfQueue = "the sender's own pointer ahead of the queue";
    /// The entry of a leave says enough: the leaver's conversation need not end.
    LeaverItemLeft = "the conversation of a leaver left standing";
    /// Who comes back begins anew, although something of the earlier membership waits.
    RejoinForgets = "a rejoin that forgets the membership before it";
    /// A message to a group is recognised by its pointer in the sender's inbox, which it does not have yet.
    WaitingSendForgotten = "a resend of a message that waits taken as new";
    /// Groups that waited before the index took them over are not gone on with.
    UnfinishedOfTailAlone = "a start that goes on only with what it replayed";
}

#[cfg(feature = "seeded-bugs")]
mod active {
    use std::cell::Cell;

    use super::SyncBug;

    thread_local! {
        static ACTIVE: Cell<Option<SyncBug>> = const { Cell::new(None) };
    }

    /// Makes this thread behave by a bug, or by none.
    pub fn set(bug: Option<SyncBug>) {
        ACTIVE.set(bug);
    }

    /// Whether this thread behaves by a bug.
    #[must_use]
    pub fn is(bug: SyncBug) -> bool {
        ACTIVE.get() == Some(bug)
    }
}

#[cfg(feature = "seeded-bugs")]
pub use active::{is, set};

/// Whether this thread behaves by a bug.
#[cfg(not(feature = "seeded-bugs"))]
#[must_use]
pub const fn is(_: SyncBug) -> bool {
    false
}
