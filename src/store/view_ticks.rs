//! What was delivered to the devices of a user, as a view sees it: the versions that they handed back, as a place of one
//! conversation. Nothing is kept for it: it is asked for seldom, and found in a few chunks.

use super::{view::View, view_fault::ReadFault};
use crate::{
    model::{
        ConversationId, Lineage, Seq, UserId, Version,
        limits::TICK_POINTERS_MAX,
        record::{Conversation, ItemValue},
    },
    sync::{kinds::ACCOUNT, levels::PRIVACY_KEY},
};

impl View {
    /// Whether the read marks of a user are told to nobody.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn hides_read(&self, user: UserId) -> Result<bool, ReadFault> {
        let item = self.item(user, ACCOUNT, PRIVACY_KEY)?.and_then(|item| item.value);
        Ok(matches!(item, Some(ItemValue::Privacy { hides_read: true })))
    }

    /// The newest entry of a conversation that a device of a user has handed back; 0 when there is none that is known.
    ///
    /// A lineage has handed back what lies above where its messages began and at or below its mark. What it was only told
    /// to be too old is passed by its mark like everything else.
    ///
    /// # Errors
    /// When the index cannot be read, or a message or pointer is missing.
    pub fn delivered(&self, user: UserId, conversation: &Conversation) -> Result<Seq, ReadFault> {
        let lineages = self.lineages(user)?;
        let given = |row: &&Lineage| row.holds_messages() && row.acked_messages() > row.from;
        let mut rows: Vec<&Lineage> = lineages.rows.iter().filter(given).collect();
        // The first one that was given anything of this conversation was given the newest.
        rows.sort_by_key(|row| std::cmp::Reverse(row.acked_messages()));
        let id = conversation.conversation;
        for row in rows {
            let mut newest = self.head_at(id, row.acked_messages())?;
            if conversation.is_group() {
                newest = newest.min(self.come_through(user, id, row.acked_messages())?);
            }
            if newest > Seq(0) && (row.from == Version(0) || newest > self.head_at(id, row.from)?) {
                return Ok(newest);
            }
        }
        Ok(Seq(0))
    }

    /// Through where everything of a group that is for a user stands in the user's inbox at or below a mark; 0 when that is
    /// not known: entries above the mark were removed, or too many lie above it.
    ///
    /// A pointer of a step is newer than its entry, so the version of the entry does not say whether it was given.
    fn come_through(&self, user: UserId, group: ConversationId, mark: Version) -> Result<Seq, ReadFault> {
        let is_known = || Ok::<_, ReadFault>(self.lineages(user)?.floor <= mark);
        let above = match self.pointers_above(user, mark, TICK_POINTERS_MAX) {
            // What lies above the mark may be removed while it is read.
            Err(ReadFault::BrokenInbox { .. }) if !is_known()? => return Ok(Seq(0)),
            above => above?,
        };
        if !is_known()? {
            return Ok(Seq(0));
        }
        let is_cut = above.len() == TICK_POINTERS_MAX;
        let next = above.into_iter().find(|pointer| pointer.conversation == group);
        Ok(match (next, self.position(group)?) {
            (Some(next), _) => Seq(next.seq.0.saturating_sub(1)),
            (None, _) if is_cut => Seq(0),
            (None, Some(position)) if position.has_passed(position.entry, user) => position.entry,
            (None, Some(position)) => Seq(position.entry.0.saturating_sub(1)),
            (None, None) => Seq(u64::MAX),
        })
    }
}
