//! Conversations read by seq, at any bound: each without a hole, and of a group exactly what lies within the own
//! memberships, expanded or not, also for who has left.

use std::collections::BTreeSet;

use highwater::{
    actors::user::{heads, range},
    model::{ConversationId, Interval, Seq, UserId, Version, limits::PAGE_BYTES_MAX, record::Message},
    store::view::View,
};
use highwater_wire::{
    Refusal,
    proto::{self, server_frame::Body},
};

use crate::{levels::any_rendering, oracle::Oracle, read_marks::NEWEST, world::World};

impl Oracle {
    /// Whether a user is in a conversation now, as far as the log says it.
    pub fn is_in(&self, user: UserId, conversation: ConversationId) -> bool {
        if let Some(channel) = self.channels.get(&conversation) {
            return channel.is_followed_by(user);
        }
        match self.groups.get(&conversation) {
            Some(group) => group.is_member(user),
            None => self.conversations[&conversation].members.contains(&user),
        }
    }

    /// The places of a conversation that were for a user at a version.
    fn open_to(&self, user: UserId, conversation: ConversationId, bound: Version) -> Vec<Interval> {
        if let Some(channel) = self.channels.get(&conversation) {
            return channel.intervals_at(user, bound);
        }
        match self.groups.get(&conversation) {
            Some(group) => group.intervals_at(user, bound),
            None if self.is_in(user, conversation) => vec![Interval { join: Seq(1), leave: None }],
            None => Vec::new(),
        }
    }

    /// What a user could read of a conversation at a version, less what is gone by now.
    pub fn readable(
        &self,
        user: UserId,
        conversation: ConversationId,
        bound: Version,
    ) -> impl Iterator<Item = &Message> {
        let open = self.open_to(user, conversation, bound);
        let oldest = self.conversations[&conversation].oldest;
        let seen = self.logs[&conversation].iter().take_while(move |delivery| delivery.version <= bound);
        let messages = seen.map(|delivery| &delivery.message).filter(move |message| message.seq >= oldest);
        messages.filter(move |message| open.iter().any(|interval| interval.contains(message.seq)))
    }
}

impl World {
    /// Somebody reads all conversations by seq.
    pub fn read_some_history(&mut self) {
        let user = self.any(self.users.len());
        let (user, view) = (self.users[user].0, self.shell.view());
        self.read_history(user, &view);
        self.check_export(user, &view);
        self.check_operators(&view);
    }

    /// Everybody does.
    pub fn everybody_reads_history(&mut self) {
        let view = self.shell.view();
        for (user, _) in self.users.clone() {
            self.read_history(user, &view);
            self.check_export(user, &view);
        }
        self.check_operators(&view);
    }

    /// What a user reads by seq is what was true when the read began, less what is gone.
    pub fn read_history(&mut self, user: UserId, view: &View) {
        let mut wanted = proto::Heads { after: 0, limit: self.random.below(4) as u32 };
        let mut listed = BTreeSet::new();
        loop {
            let answered = heads(view, (user, NEWEST), &wanted).unwrap_or_else(|fault| panic!("G1: {fault}"));
            let Ok(Body::Heads(list)) = answered else { panic!("no heads: {answered:?}") };
            for head in &list.heads {
                self.check_head(user, view, head);
                self.check_unread(user, view, head);
                self.read_conversation(user, view, ConversationId(head.conversation_id), head.seq + 3);
                listed.insert(ConversationId(head.conversation_id));
            }
            if list.next == 0 {
                break;
            }
            wanted.after = list.next;
        }
        // The others are in no list: those that were left, those whose join is not expanded, and those of others.
        let groups = self.oracle.groups.keys().chain(self.oracle.channels.keys());
        let groups: Vec<ConversationId> = groups.copied().collect();
        for group in groups.into_iter().filter(|group| !listed.contains(group)) {
            self.read_conversation(user, view, group, u64::MAX);
        }
    }

    fn check_head(&self, user: UserId, view: &View, head: &proto::Head) {
        let conversation = ConversationId(head.conversation_id);
        let open = self.oracle.open_to(user, conversation, view.bound());
        let log = self.oracle.logs[&conversation].iter();
        let seen = log.take_while(|delivery| delivery.version <= view.bound()).count() as u64;
        let newest = open.iter().rfind(|interval| interval.join.0 <= seen).or(open.last());
        let (Some(first), Some(last)) = (open.first(), newest) else {
            panic!("G7: {user} is told how far {conversation} goes")
        };
        let seq = last.leave.map_or(seen, |leave| leave.0);
        let oldest = self.oracle.conversations[&conversation].oldest.0.min(seq).max(first.join.0);
        assert_eq!((head.oldest_seq, head.seq), (oldest, seq), "G2: head of {conversation} for {user}");
    }

    fn read_conversation(&mut self, user: UserId, view: &View, conversation: ConversationId, to_seq: u64) {
        let bytes_max = if self.random.one_in(2) { 60 } else { PAGE_BYTES_MAX };
        let rendering = any_rendering(&mut self.random);
        let mut read: Vec<proto::Entry> = Vec::new();
        let mut wanted = proto::Range { conversation_id: conversation.0, from_seq: 1, to_seq };
        loop {
            let answered = range(view, user, rendering, &wanted, bytes_max)
                .unwrap_or_else(|fault| panic!("G1: {fault}"));
            let Ok(Body::Entries(list)) = answered else {
                let open = self.oracle.open_to(user, conversation, view.bound());
                // A time in which nothing was said is forgotten as soon as it is over.
                let is_nothing = self.oracle.readable(user, conversation, view.bound()).next().is_none();
                let is_known = !self.oracle.channels.contains_key(&conversation) || !is_nothing;
                let refused = Err(Refusal::NoSuchConversation);
                assert!(answered == refused && (open.is_empty() || !is_known), "G7: {conversation}");
                return self.counts.saw("group history of others refused");
            };
            read.extend(list.entries);
            if !list.more {
                break;
            }
            wanted.from_seq = read.last().expect("what is cut has something").seq + 1;
        }
        let open = self.oracle.open_to(user, conversation, view.bound());
        assert!(!open.is_empty(), "G9: {user} reads in {conversation}");
        let due = self.oracle.readable(user, conversation, view.bound());
        let due: Vec<_> = due.map(|message| self.oracle.entry(user, rendering, message)).collect();
        assert_eq!(read, due, "G2, G7: conversation {conversation} for {user}");
        self.count_history(user, conversation, &open, &read);
    }

    fn count_history(
        &mut self,
        user: UserId,
        conversation: ConversationId,
        open: &[Interval],
        read: &[proto::Entry],
    ) {
        let is_gone = self.oracle.conversations[&conversation].oldest > Seq(1);
        self.counts.saw(if is_gone { "history read without what is gone" } else { "history read" });
        let Some(group) = self.oracle.groups.get(&conversation) else { return };
        self.counts.saw("group history read");
        if open.last().is_some_and(|last| last.leave.is_some()) {
            self.counts.saw("group history read by who left");
        }
        if read.iter().any(|entry| !group.was_given(user, Seq(entry.seq))) {
            self.counts.saw("group history read ahead of its expansion");
        }
    }
}
