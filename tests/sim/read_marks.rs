//! What users of the histories say that they have read, and what is unread by a recount of everything that was published.

use std::sync::Arc;

use highwater::{
    logic::{
        Request,
        operation::{ReadingChange, ReadingRequest},
    },
    model::{ConversationId, Delivery, Interval, Reading, Seq, TimeMs, UserId, Version, record::Message},
    store::view::View,
    sync::{Locale, Rendering},
};
use highwater_wire::proto;

use crate::{operations::Ticket, oracle::Oracle, world::World};

/// Of heads: a level that is told everything.
pub const NEWEST: Rendering = Rendering { level: 2, locale: Locale::English };

impl Oracle {
    /// A message moves its sender's mark up, or leaves it; to itself when nothing of others lies between.
    /// A notice leaves all marks where they are.
    pub fn take_mark(&mut self, message: &Message) {
        let (user, conversation) = (message.sender, message.conversation);
        let counts = message.content.counts();
        let counted = self.counted(conversation, message.seq) + u64::from(counts);
        assert_eq!(message.count, counted, "the count of {conversation} at {}", message.seq);
        if !counts {
            return assert_eq!(message.read, Seq(0), "a notice has no read mark");
        }
        let before = self.read_mark(user, conversation);
        assert!(before <= message.read && message.read <= message.seq, "G11: a read mark of {user} fell");
        if self.of_others(user, conversation, before).next().is_none() {
            assert_eq!(message.read, message.seq, "nothing lies between what {user} read and wrote");
        }
        self.read.insert((user, conversation), message.read);
    }

    /// A row says what is true, and may raise the mark.
    pub fn take_reading(&mut self, reading: &Reading) {
        let (user, conversation) = (reading.user, reading.conversation);
        let before = self.read_mark(user, conversation);
        assert!(reading.read >= before, "G11: a read mark of {user} fell");
        // A row that goes with a message is published before it.
        let head = self.logs.get(&conversation).map_or(0, |log| log.len() as u64);
        let counted = self.counted(conversation, reading.read) + u64::from(reading.read.0 > head);
        assert_eq!(reading.read_count, counted, "the count of a read mark");
        let own = self.above(conversation, reading.read).filter(|entry| entry.message.sender == user);
        let own: Vec<Seq> =
            own.map(|entry| entry.message.seq).take_while(|seq| *seq <= reading.as_of).collect();
        assert!(reading.own.starts_with(&own), "own entries of {user} in {conversation}");
        self.read.insert((user, conversation), reading.read);
    }

    /// What is unread, counted anew; of a group, within the last membership.
    pub fn unread(&self, user: UserId, conversation: ConversationId) -> u64 {
        let end =
            self.last_membership(user, conversation).and_then(|last| last.leave).unwrap_or(Seq(u64::MAX));
        let above = self.of_others(user, conversation, self.read_mark(user, conversation));
        above.filter(|entry| entry.message.seq <= end).count() as u64
    }

    /// Who joins has read everything before the join.
    fn read_mark(&self, user: UserId, conversation: ConversationId) -> Seq {
        let read = self.read.get(&(user, conversation)).copied().unwrap_or_default();
        self.last_membership(user, conversation).map_or(read, |last| read.max(Seq(last.join.0 - 1)))
    }

    fn last_membership(&self, user: UserId, conversation: ConversationId) -> Option<Interval> {
        if let Some(channel) = self.channels.get(&conversation) {
            return channel.intervals_at(user, self.last).pop();
        }
        self.groups.get(&conversation)?.intervals_at(user, self.last).pop()
    }

    fn counted(&self, conversation: ConversationId, through: Seq) -> u64 {
        let log = self.logs.get(&conversation).into_iter().flatten();
        let counted = log.filter(|entry| entry.message.seq <= through && entry.message.content.counts());
        counted.count() as u64
    }

    fn above(&self, conversation: ConversationId, mark: Seq) -> impl Iterator<Item = &Arc<Delivery>> {
        let log = self.logs.get(&conversation).into_iter().flatten();
        log.filter(move |entry| entry.message.seq > mark && entry.message.content.counts())
    }

    fn of_others(
        &self,
        user: UserId,
        conversation: ConversationId,
        mark: Seq,
    ) -> impl Iterator<Item = &Arc<Delivery>> {
        self.above(conversation, mark).filter(move |entry| entry.message.sender != user)
    }
}

impl World {
    /// What a device shows of the conversation that it writes to: nothing that it knows of, or anything.
    pub fn shown(&mut self) -> Seq {
        let shows = self.random.one_in(3);
        Seq(if shows { self.random.below(40) } else { 0 })
    }

    /// A user reads something, or mutes or pins it.
    pub fn mark_one(&mut self) {
        let Some(client) = self.any_live_client() else {
            return;
        };
        let by = self.clients[client].principal();
        let known: Vec<ConversationId> = self.oracle.logs.keys().copied().collect();
        if known.is_empty() {
            return;
        }
        let conversation = known[self.any(known.len())];
        let is_member = self.oracle.is_in(by.user, conversation);
        let (event, change) = match self.random.below(8) {
            _ if !is_member => ("read of others", ReadingChange::Read(Seq(1))),
            0 => {
                let muted_until = TimeMs(self.random.below(3) as i64);
                ("muted or pinned", ReadingChange::Keep { muted_until, pinned: self.random.one_in(2) })
            }
            _ => ("read", ReadingChange::Read(Seq(self.random.below(40)))),
        };
        self.counts.saw(event);
        self.submit(Request::Reading(ReadingRequest { by, conversation, change }), Ticket::Other);
    }

    /// A head says what is unread now: the recount.
    pub fn check_unread(&mut self, user: UserId, view: &View, head: &proto::Head) {
        // Of an older moment it may say what was read since.
        if view.bound() != self.oracle.last || self.oracle.last == Version(0) {
            return;
        }
        let conversation = ConversationId(head.conversation_id);
        let due = self.oracle.unread(user, conversation);
        assert_eq!(head.unread, due, "G11: unread of {user} in {conversation}");
        let told = head.count - head.read_count - head.own_seqs.len() as u64;
        assert_eq!(told, due, "what makes up the number of unread of {user} in {conversation}");
        self.counts.saw(if due == 0 { "nothing unread" } else { "unread" });
        if due > 0 && self.oracle.is_group(conversation) {
            self.counts.saw("unread in a group");
        }
        if !head.own_seqs.is_empty() {
            self.counts.saw("own above the read mark");
        }
    }
}
