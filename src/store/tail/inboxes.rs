//! What may be pushed: the newest entries of an inbox, if the tail alone shows them without a hole.

use super::{InboxEntry, Tail, from_the_end::partition_from_the_end};
use crate::model::{UserId, Version, record::InboxMessage};

impl Tail {
    /// Messages of a user's inbox above `mark`, if the tail alone shows that none is missing between: the first one's
    /// previous pointer is not above the mark, and what each points to is here too. Stops at `entries_max`, saying so by
    /// the second value.
    ///
    /// Needs no pin: what it returns holds itself.
    #[must_use]
    pub fn inbox_above(
        &self,
        user: UserId,
        mark: Version,
        bound: Version,
        entries_max: usize,
    ) -> Option<(Vec<InboxMessage>, bool)> {
        let shard = self.shard(user.0).read();
        let Some(inbox) = shard.inboxes.get(&user) else {
            return (shard.inbox_ends.end(&user) <= mark).then(|| (Vec::new(), false));
        };
        let first = partition_from_the_end(inbox, |entry| entry.version <= mark);
        let unbroken = inbox.get(first).is_none_or(|entry| entry.previous <= mark);
        if !unbroken {
            return None;
        }
        let visible = inbox.range(first..).take_while(|entry| entry.version <= bound);
        let mut taken =
            visible.take(entries_max + 1).map(|entry| self.entry(entry)).collect::<Option<Vec<_>>>()?;
        let more = taken.len() > entries_max;
        taken.truncate(entries_max);
        Some((taken, more))
    }

    fn entry(&self, entry: &InboxEntry) -> Option<InboxMessage> {
        let message = self.shown(entry.delivery.as_ref()?.message.clone());
        Some(InboxMessage { version: entry.version, message })
    }
}
