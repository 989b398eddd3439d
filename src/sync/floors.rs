//! The floors of the state kinds: whether a page may go on from its marks, or has to begin anew because tombstones above
//! them are gone.

use super::{
    kinds::{KINDS_MAX, Kinds},
    marks::Marks,
    page::Page,
};
use crate::model::{
    Version,
    seeded::{self, SyncBug},
};

/// Whether nothing that the page's chain lacks was removed, by floors that were read after the page was scanned; `before`
/// are the marks that it began with.
///
/// Where a kind is told from its beginning, nothing that was removed before can matter, so its mark is raised to the
/// floor: a later page sees by it whether the floor rose meanwhile. It is not raised above the bound, since what lies
/// there is still to be told.
pub(super) fn hold(
    before: Marks,
    page: &mut Page,
    kinds: &Kinds,
    floors: &[Version; KINDS_MAX],
    bound: Version,
) -> bool {
    let mut was_reached = page.reached.is_some();
    for kind in kinds.state() {
        let floor = floors[usize::from(kind.0) - 1];
        let (mark, begun) = (before.of(kind), before.has_begun(kind));
        let from_beginning = if before.enumerating().contains(kind) { !begun } else { mark == Version(0) };
        if !from_beginning {
            if mark < floor && !seeded::is(SyncBug::TombstonesForgotten) {
                return false;
            }
        } else if was_reached && floor > Version(0) {
            let is_cut = page.is_cut && page.reached == Some(kind);
            if is_cut && !page.marks.enumerating().contains(kind) {
                let last = page.marks.of(kind);
                page.marks.begin_at(kind, last);
            }
            page.marks.raise(kind, floor.min(bound));
        }
        was_reached &= page.reached != Some(kind);
    }
    true
}
