//! What owner or admins want every member of a group to know. It is an entry, so that all agree on what was said before it,
//! and it stands in the row of the group, so that who comes later knows it too.

use highwater_wire::Refusal;

use super::{
    fan_out::check_queue,
    group_changes::Changed,
    groups::check_rank,
    state::{GroupState, State},
    visible_text,
};
use crate::model::{Announcement, Group, Notice, Role, TimeMs, UserId, limits::ANNOUNCEMENT_BYTES_MAX};

/// Puts a text in place of the one before, or none. The text that is there already makes no entry.
pub(super) fn announce(
    state: &State,
    held: &GroupState,
    (at, by): (TimeMs, UserId),
    text: &str,
) -> Result<Option<Changed>, Refusal> {
    check_rank(held, by, Role::Member)?;
    check_text(text)?;
    let before = held.row.announcement.as_ref().map_or("", |announcement| announcement.text.as_str());
    if text == before {
        return Ok(None);
    }
    check_queue(state, held)?;
    let announcement = (!text.is_empty()).then(|| Announcement { text: text.to_owned(), by, at });
    let row = Group { announcement, ..held.row.clone() };
    Ok(Some(Changed::row(row, Notice::Announced(text.to_owned()))))
}

fn check_text(text: &str) -> Result<(), Refusal> {
    let is_right = text.len() <= ANNOUNCEMENT_BYTES_MAX && visible_text::is_lines(text);
    if is_right { Ok(()) } else { Err(Refusal::InvalidAnnouncement) }
}
