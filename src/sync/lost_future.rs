//! After a restored backup, or a loss that was accepted: what of a client's messages is still of this history.
//!
//! Numbers above what a run found were given before, perhaps, and are given again. So a client of before is told, for each
//! conversation, up to which seq it may keep what it stores. The list comes before anything else of the new history.

use super::{
    kinds::CONVERSATIONS,
    marks::{Lifeline, Marks, RunName},
    page::{Page, PageLimits, Source},
};
use crate::model::{
    ConversationId, RunNumber, Seq, Version,
    seeded::{self, SyncBug},
};

/// What a client may keep of the messages that it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Everything: it was given by the run that serves, or by one before it of which nothing is missing.
    All,
    /// What has a version at or below this one.
    Through(Version),
}

/// Up to which seq a client may keep a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid {
    /// Which.
    pub conversation: ConversationId,
    /// Newest seq that is still the same message.
    pub seq: Seq,
}

impl Lifeline {
    /// What a client may keep whose snapshot names this run, whatever else it says.
    ///
    /// * A run of ours: what the run after it found. What came beside the chain may lie above its marks.
    /// * A run that we never had, with a parent or grandparent that we know: what both histories have of that one's life,
    ///   which is what the run after it found, there and here.
    /// * A run of which we know nothing: nothing.
    #[must_use]
    pub fn kept(&self, run: RunName) -> Kept {
        if let Some(place) = self.place(run.number, run.id) {
            return match self.found_after(place) {
                None => Kept::All,
                Some(found) => Kept::Through(found),
            };
        }
        let ancestors = [(1, run.parent, run.found), (2, run.grandparent, run.parent_found)];
        let in_common = ancestors.into_iter().find_map(|(generations, id, found_there)| {
            let number = run.number.0.checked_sub(generations)?;
            let place = self.place(RunNumber(number), id)?;
            Some(self.found_after(place).map_or(found_there, |found_here| found_here.min(found_there)))
        });
        Kept::Through(in_common.unwrap_or_default())
    }

    /// What is left of a snapshot that can be continued: nothing of it is lost, but something may be lost that its client
    /// got beside the chain, because a run after it began with a loss.
    #[must_use]
    pub fn lost_since(&self, marks: &Marks) -> Option<Version> {
        let place = self.place(marks.run.number, marks.run.id)?;
        if seeded::is(SyncBug::ValidLeftOut) || !self.runs()[place + 1..].iter().any(|run| run.lossy) {
            return None;
        }
        self.found_after(place)
    }

    fn place(&self, number: RunNumber, id: u32) -> Option<usize> {
        self.runs().iter().position(|run| run.number == number && run.id == id)
    }

    fn found_after(&self, place: usize) -> Option<Version> {
        self.runs()[place + 1..].iter().map(|run| run.found).min()
    }
}

/// Tells the next part of the list, if one is being told. False when the page has no room for anything after it.
///
/// # Errors
/// When the source cannot be read.
pub(super) fn tell_valid<S: Source>(
    page: &mut Page,
    room: &mut PageLimits,
    source: &S,
) -> Result<bool, S::Fault> {
    let Some(list) = page.marks.valid() else {
        return Ok(true);
    };
    // Below the first version there is nothing, so nobody has to be named.
    let items = match list.through {
        Version(0) => Vec::new(),
        _ => source.items_above(CONVERSATIONS, list.after, room.entries + 1)?,
    };
    // A conversation whose item changed since the bound is named by the next page: left out, it would be dropped.
    let is_cut = items.len() > room.entries
        || (list.through > Version(0) && source.hidden_through(CONVERSATIONS)? > Version(0));
    let mut last = list.after;
    for item in items.iter().take(room.entries) {
        last = item.version;
        let Some(conversation) = item.conversation() else {
            continue;
        };
        let seq = source.head_at(conversation, list.through)?;
        if seq > Seq(0) {
            page.valid.push(Valid { conversation, seq });
        }
    }
    room.entries -= items.len().min(room.entries);
    page.marks.valid_told(is_cut.then_some(last));
    page.valid_complete = !is_cut;
    page.more = is_cut || room.entries == 0;
    Ok(!page.more)
}
