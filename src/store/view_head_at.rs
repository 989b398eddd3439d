//! How far a conversation went at an earlier version: what a client of before may keep of it.

use super::{view::View, view_fault::ReadFault};
use crate::model::{ConversationId, Seq, Version};

impl View {
    /// Newest seq of a conversation whose message had a version at or below `through`; 0 when there is none that is known.
    /// Versions grow with the seqs of a conversation, so a few chunks tell; of what was let go its newest version does.
    ///
    /// # Errors
    /// When the index cannot be read, or a message is missing.
    pub fn head_at(&self, conversation: ConversationId, through: Version) -> Result<Seq, ReadFault> {
        let kept = self.kept_head_at(conversation, through)?;
        let row = self.conversation(conversation)?.filter(|row| row.let_go <= through);
        let gone = row.map_or(Seq(0), |row| Seq(row.oldest.0.saturating_sub(1)));
        Ok(kept.max(gone))
    }

    fn kept_head_at(&self, conversation: ConversationId, through: Version) -> Result<Seq, ReadFault> {
        let recent = self.pin.messages_from(conversation, Seq(1));
        let known = recent.partition_point(|delivery| delivery.version <= through);
        if let Some(last) = known.checked_sub(1) {
            return Ok(recent[last].message.seq);
        }
        let above = match recent.first() {
            Some(first) => first.message.seq,
            None => self.conversation_head(conversation)?.next(),
        };
        self.indexed_head_at(conversation, above, through)
    }

    /// The same among the messages of the index below a seq.
    fn indexed_head_at(
        &self,
        conversation: ConversationId,
        above: Seq,
        through: Version,
    ) -> Result<Seq, ReadFault> {
        // Everything through `low` is old enough, or gone; everything from `high` on is too new.
        let (mut low, mut high) = (0, above.0);
        // The end is looked at first: mostly little or nothing came since.
        let mut seq = Seq(high.saturating_sub(1));
        while low + 1 < high {
            let chunk = self.versioned_chunk(conversation, seq)?;
            let (Some((_, first)), Some((_, last))) = (chunk.first(), chunk.last()) else {
                // What is no longer kept cannot be compared, so nothing below is vouched for.
                return Ok(Seq(low));
            };
            if last.seq < seq {
                return Err(ReadFault::MissingMessage { conversation, seq });
            }
            match chunk.partition_point(|(version, _)| *version <= through) {
                0 => high = first.seq.0,
                known if known < chunk.len() && chunk[known].1.seq.0 < high => {
                    return Ok(chunk[known - 1].1.seq);
                }
                _ => low = last.seq.0.min(high - 1),
            }
            seq = Seq(low + (high - low).div_ceil(2));
        }
        Ok(Seq(low))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{model::UserId, store::record_samples::Samples};

    #[test]
    fn the_head_at_every_version_is_that_of_then_wherever_the_messages_are() {
        let mut store = Samples::new();
        let long = "x".repeat(3000);
        let (mut heads, mut head) = (vec![Seq(0)], Seq(0));
        for number in 0..40_u64 {
            // Others write in between, so that the versions of the conversation have holes.
            let ours = number % 3 != 1;
            if ours {
                head = head.next();
            }
            store.say(1, if ours { 2 } else { 3 }, if number % 4 == 0 { &long } else { "short" });
            heads.push(head);
            if number % 7 == 0 {
                store.index_all();
                store.tail.retire();
            }
            let view = store.view();
            let conversation =
                view.inbox_above(UserId(2), Version(0), 1, 99).unwrap()[0].message.conversation;
            for (through, head) in heads.iter().enumerate() {
                let found = view.head_at(conversation, Version(through as u64)).unwrap();
                assert_eq!(found, *head, "through {through} after {number}");
            }
            assert_eq!(view.head_at(ConversationId(99), Version(7)).unwrap(), Seq(0));
        }
    }
}
