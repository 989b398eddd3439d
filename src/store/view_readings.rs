//! What users have read, as a view sees it: the newest row, and what own entries behind it say.

use std::collections::HashMap;

use super::{readings, view::View, view_fault::ReadFault};
use crate::model::{
    ConversationId, Reading, Seq, Time, UserId,
    limits::{ENTRY_BYTES_MAX, READING_BEHIND_MAX},
    record::Message,
};

/// Bytes of the entries behind a row that are looked through, at most: all of them, whatever they say.
const BEHIND_BYTES_MAX: usize = READING_BEHIND_MAX as usize * ENTRY_BYTES_MAX;

/// What is unread of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What the user has read.
    pub reading: Reading,
    /// The newest entry that is for the user.
    pub end: Seq,
    /// How many entries count through it.
    pub count: u64,
}

impl Unread {
    /// How many that are.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.reading.unread(self.end, self.count)
    }
}

impl View {
    /// The head of a conversation, and how many of its entries count through it.
    ///
    /// # Errors
    /// When the index cannot be read, or a message is missing.
    pub fn conversation_count(&self, conversation: ConversationId) -> Result<(Seq, u64), ReadFault> {
        if let Some(counted) = self.pin.counted(conversation) {
            return Ok(counted);
        }
        match self.pin.conversation_head(conversation) {
            Some(head) => Ok((head, self.count_through(conversation, head)?)),
            None => {
                let newest = self.message_chunk(conversation, Seq(u64::MAX))?.pop();
                Ok(newest.map_or((Seq(0), 0), |newest| (newest.seq, newest.count)))
            }
        }
    }

    /// What is unread of a conversation for one of its members or followers: of a group and of a channel, within the last
    /// time in which it was the user's.
    ///
    /// # Errors
    /// When the index cannot be read, or a message is missing.
    pub fn unread(&self, user: UserId, conversation: ConversationId) -> Result<Unread, ReadFault> {
        let (head, count) = self.conversation_count(conversation)?;
        let last = match self.conversation(conversation)?.is_some_and(|row| row.is_group()) {
            true => self.times(conversation, user, head)?.pop(),
            false => None,
        };
        self.unread_within((user, conversation), (head, count), last)
    }

    /// The same of a log with this head, and this count at it, within a time. What stands before the time is not unread.
    ///
    /// # Errors
    /// When the index cannot be read, or a message is missing.
    pub fn unread_within(
        &self,
        (user, conversation): (UserId, ConversationId),
        (mut end, mut count): (Seq, u64),
        time: Option<Time>,
    ) -> Result<Unread, ReadFault> {
        let mut reading = self.reading(user, conversation)?;
        if let Some(time) = time {
            let before = time.before();
            if before > reading.read {
                reading.raise(before, self.count_through(conversation, before)?);
            }
            if time.last < end {
                (end, count) = (time.last, self.count_through(conversation, time.last)?);
            }
        }
        Ok(Unread { reading, end, count })
    }

    /// How many entries of a conversation count through a place at or below its head.
    ///
    /// # Errors
    /// When the index cannot be read, or the entry there is missing: it may have been removed.
    pub fn count_through(&self, conversation: ConversationId, seq: Seq) -> Result<u64, ReadFault> {
        if seq == Seq(0) {
            return Ok(0);
        }
        match self.pin.logged(conversation, seq) {
            Some(delivery) => Ok(delivery.message.count),
            None => Ok(self.message(&mut HashMap::new(), conversation, seq)?.count),
        }
    }

    /// What a user has read of a conversation. The row may be newer than the bound: it is for decisions, and for telling
    /// what is true now.
    ///
    /// # Errors
    /// When the index cannot be read, or a message is missing.
    pub fn reading(&self, user: UserId, conversation: ConversationId) -> Result<Reading, ReadFault> {
        loop {
            let row = self.reading_row(user, conversation)?;
            let (from, to) = (row.as_of.next(), Seq(row.as_of.0.saturating_add(READING_BEHIND_MAX)));
            let (entries, is_cut) =
                self.range(conversation, (from, to), READING_BEHIND_MAX as usize, BEHIND_BYTES_MAX)?;
            assert!(!is_cut, "as many entries as are behind a row fit");
            // What the policy removes is in the row before: see `retire_bodies`.
            let is_whole = entries.first().is_none_or(|first| first.seq == from)
                && (!entries.is_empty() || self.oldest_message(conversation)? <= from);
            if is_whole || self.reading_row(user, conversation)?.as_of == row.as_of {
                return self.with_own(row, &entries);
            }
        }
    }

    fn reading_row(&self, user: UserId, conversation: ConversationId) -> Result<Reading, ReadFault> {
        if let Some(row) = self.pin.reading(user, conversation) {
            return Ok(row);
        }
        let row = self.row(&readings::key(user, conversation), readings::decode)?;
        Ok(row.unwrap_or_else(|| Reading::none(user, conversation)))
    }

    /// A row with what own entries behind it changed. It stays a row of where it was.
    fn with_own(&self, mut reading: Reading, entries: &[Message]) -> Result<Reading, ReadFault> {
        let (user, conversation) = (reading.user, reading.conversation);
        for entry in entries.iter().filter(|entry| entry.sender == user && entry.content.counts()) {
            let known = |seq| entries.iter().find(|entry| entry.seq == seq).map(|entry| entry.count);
            reading.wrote_before(entry.seq, entry.read, |read| match known(read) {
                Some(count) => Ok(count),
                None => self.count_through(conversation, read),
            })?;
        }
        Ok(reading)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{
            ClientMessageId, Content, Delivery, Effect, Notice, TimeMs, Version,
            limits::GROUP_USERS_PER_OPERATION_MAX,
        },
        store::record_samples::{DAY, Samples},
    };

    #[test]
    fn all_entries_behind_a_row_are_looked_through_however_long_they_are() {
        let (ann, group) = (UserId(1), ConversationId(0x6e0));
        let everybody = (2..).map(UserId).take(GROUP_USERS_PER_OPERATION_MAX).collect::<Vec<_>>();
        let mut store = Samples::new();
        for seq in 1..=READING_BEHIND_MAX {
            // Notices that say as much as one may; then a message of hers.
            let is_last = seq == READING_BEHIND_MAX;
            let content =
                if is_last { "hi".into() } else { Content::Notice(Notice::Joined(everybody.clone()).into()) };
            let message = Message {
                conversation: group,
                seq: Seq(seq),
                sender: ann,
                sent_at: TimeMs(5),
                id: ClientMessageId([seq as u8; 16]),
                content,
                count: u64::from(is_last),
                read: if is_last { Seq(seq) } else { Seq(0) },
            };
            let delivery =
                Delivery { version: Version(seq), message, day: DAY, fingerprint: 7, pointers: Vec::new() };
            store.publish(vec![Effect::Message(Arc::new(delivery))]);
        }
        let read = |store: &Samples| store.view().reading(ann, group).unwrap().read;
        assert_eq!(read(&store), Seq(READING_BEHIND_MAX));
        store.index_all();
        assert_eq!(read(&store), Seq(READING_BEHIND_MAX), "from the index");
    }
}
