//! Fan-outs that an earlier run, or a fuller board, left: found in the store.

use crate::{
    logic::fan_out_job::FanOutJob,
    model::{ConversationId, Position, Seq, TimeMs},
    store::view::{ReadFault, View},
};

/// One of them.
pub(super) struct Left {
    pub(super) group: ConversationId,
    pub(super) job: FanOutJob,
    pub(super) position: Position,
    /// How many of its audience have the entry at the position.
    pub(super) passed: usize,
}

impl Left {
    /// What a view shows of groups without a place, at most so many, and whether there are more. What cannot be dated
    /// counts from `now`.
    pub(super) fn all(
        view: &View,
        now: TimeMs,
        max: usize,
        has_place: impl Fn(ConversationId) -> bool,
    ) -> Result<(Vec<Left>, bool), ReadFault> {
        let mut found = Vec::new();
        for group in view.unfinished_groups()?.into_iter().filter(|group| !has_place(*group)) {
            if found.len() == max {
                return Ok((found, true));
            }
            // What cannot be read hides no fan-out: its steps meet the fault, and are parked for it.
            let unknown = Position { entry: Seq(1), after: None };
            let Some(position) = view.position(group).unwrap_or(Some(unknown)) else { continue };
            let head = view.conversation_head(group).unwrap_or(position.entry);
            let oldest = view.range(group, (position.entry, position.entry), 1, usize::MAX);
            let written = oldest.ok().and_then(|(entries, _)| Some(entries.first()?.sent_at));
            let job = FanOutJob::left(position, head, written.unwrap_or(now));
            let passed = passed(view, group, position).unwrap_or(0);
            found.push(Left { group, job, position, passed });
        }
        Ok((found, false))
    }
}

fn passed(view: &View, group: ConversationId, position: Position) -> Result<usize, ReadFault> {
    let members = view.members(group)?;
    let audience = members.values().filter(|member| member.has(position.entry));
    Ok(audience.filter(|member| position.has_passed(position.entry, member.user)).count())
}
