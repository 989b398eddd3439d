//! Messages that go by policy: one policy for each history. What is gone was let go by it, and every member had it or it was
//! too old.

use highwater::{
    logic::Request,
    model::{Bodies, Delivery, HeardSince, Seq, TimeMs, Version, record::Conversation},
    store::{files_faulty::SeededRandom, view::View},
};

use crate::{
    operations::Ticket,
    oracle::Oracle,
    world::{LINEAGE_EXPIRY_MS, World},
};

/// A policy; three days are a little more than entries of inboxes are kept for.
pub fn any_policy(random: &mut SeededRandom) -> Bodies {
    match random.below(4) {
        0 => Bodies::Forever,
        1 => Bodies::Days(3),
        _ => Bodies::UntilDelivered,
    }
}

impl Oracle {
    /// A conversation begins, or its oldest messages go.
    pub fn take_conversation(&mut self, row: &Conversation) {
        let before = self.conversations.insert(row.conversation, *row);
        let Some(before) = before else {
            assert_eq!(row.oldest, Seq(1), "G7: a conversation begins with something gone");
            return;
        };
        let (oldest, let_go) = (row.oldest, row.let_go);
        assert_eq!(Conversation { oldest, let_go, ..before }, *row, "only the oldest message changes");
        assert!(before.oldest < row.oldest, "G6: messages of {} came back", row.conversation);
        let log = &self.logs[&row.conversation];
        let place = |seq: Seq| usize::try_from(seq.0).unwrap() - 1;
        assert_eq!(
            row.let_go,
            log[place(row.oldest) - 1].version,
            "G12: the newest that is gone has another version"
        );
        assert!(place(row.oldest) < log.len(), "G4: the newest message of {} is gone", row.conversation);
        for delivery in &log[place(before.oldest)..place(row.oldest)] {
            self.check_let_go(delivery);
        }
    }

    /// Nothing is removed that the policy keeps, or that somebody lacks for whom it is kept.
    fn check_let_go(&self, delivery: &Delivery) {
        let version = delivery.version;
        match self.bodies {
            Bodies::Forever => panic!("G6: message {version} is let go, and all are kept"),
            Bodies::UntilDelivered => {}
            policy @ Bodies::Days(_) => {
                let is_past = self.is_past(version, policy.retention_ms().unwrap());
                assert!(is_past, "G6: message {version} is let go early");
            }
        }
        let since = HeardSince(TimeMs(self.now.0 - LINEAGE_EXPIRY_MS));
        for (member, _) in &delivery.pointers {
            let lineages = &self.lineages[member];
            let floor = lineages.floor;
            assert!(version <= floor, "G6: message {version} is let go, the floor of {member} is {floor}");
            let holding = lineages.rows.iter().filter(|row| row.holds_messages() && row.is_live(since));
            for row in holding.filter(|row| !self.expired.contains(&row.id)) {
                assert!(
                    row.acked_messages() >= version || self.is_retired(version),
                    "G6: message {version} is let go, and {:?} lacks it",
                    row.id
                );
            }
        }
    }
}

impl World {
    /// What the cleaner does about messages: some of the oldest of every conversation.
    pub fn clean_bodies(&mut self, chunks_max: usize) {
        if self.running().index_is_broken {
            return;
        }
        let view = self.shell.view();
        let due = self.bodies_due(&view);
        let rows = view.conversations_after(None, usize::MAX).unwrap_or_else(|fault| panic!("G6: {fault}"));
        for row in rows {
            // As the index itself has it: what it removes is never ahead of what it says.
            let keys = view.removable_messages(row.conversation, row.oldest, chunks_max).unwrap();
            self.remove(&keys, "message chunks removed");
            let floor = |member| view.lineages(member).unwrap_or_else(|fault| panic!("G6: {fault}")).floor;
            let due_through = row.members.map(floor).into_iter().fold(due, Version::min);
            // On the way more is asked for now and then than may go: the committer judges.
            let is_greedy = chunks_max < usize::MAX && self.random.one_in(4);
            let through = if is_greedy { Version::MAX } else { due_through };
            let oldest = view.oldest_message(row.conversation).unwrap();
            let (prefix, _) = view.older_messages(row.conversation, oldest, through, chunks_max).unwrap();
            if let Some(prefix) = prefix {
                let (member, conversation) = (row.members[0], row.conversation);
                let (oldest, through) = (prefix.next, prefix.through);
                let request = Request::RetireBodies { member, conversation, oldest, through };
                self.submit(request, Ticket::Other);
            }
        }
    }

    fn bodies_due(&mut self, view: &View) -> Version {
        let (policy, time) = (self.oracle.bodies, self.running().committer.time());
        match policy.retention_ms() {
            Some(ms) if !time.is_suspended() => view.horizon().past(TimeMs(time.at().0 - ms)),
            None if policy == Bodies::UntilDelivered => Version::MAX,
            _ => Version(0),
        }
    }

    /// At the end everything that can go is gone, and nothing else.
    pub fn clean_all_bodies(&mut self) {
        for _ in 0..3 {
            self.clean_bodies(usize::MAX);
            self.work_off();
            while self.index_batch() {}
        }
        let view = self.shell.view();
        for row in self.oracle.conversations.values() {
            let left = view.removable_messages(row.conversation, row.oldest, usize::MAX).unwrap();
            assert_eq!(left, Vec::<Vec<u8>>::new(), "cleanup left messages");
            if self.oracle.bodies == Bodies::UntilDelivered && !row.is_group() {
                let floors = row.members.map(|member| self.oracle.lineages[&member].floor);
                let had = floors.into_iter().fold(Version::MAX, Version::min);
                let (left, _) = view.older_messages(row.conversation, row.oldest, had, usize::MAX).unwrap();
                assert_eq!(left, None, "what everybody has is still there");
            }
        }
    }

    /// Counts what a record lets go.
    pub fn note_let_go(&mut self, row: &Conversation) {
        if row.oldest > Seq(1) {
            self.counts.saw(match self.oracle.bodies {
                Bodies::Days(_) => "messages let go by age",
                _ => "messages let go when delivered",
            });
        }
    }
}
