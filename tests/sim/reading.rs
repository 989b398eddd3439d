//! Connections: they sync, are pushed to, lose frames, and look at the store through old and new views.

use std::sync::Arc;

use highwater::{
    actors::user::{PageRequest, answer, begin},
    logic::operation::Target,
    model::{ConversationId, LineageId, limits::PAGE_BYTES_MAX},
    store::view::View,
    sync::{Issued, News},
};

use highwater_wire::proto;

use crate::{
    client::Applied,
    session::{Frame, Reading, Session, Telling},
    world::World,
};

impl World {
    pub fn any_live_client(&mut self) -> Option<usize> {
        let live: Vec<usize> = (0..self.clients.len())
            .filter(|place| self.oracle.is_let_in(self.clients[*place].lineage.device))
            .collect();
        if live.is_empty() {
            return None;
        }
        let place = self.any(live.len());
        Some(live[place])
    }

    fn any_session(&mut self, wanted: impl Fn(&Session) -> bool) -> Option<LineageId> {
        let found: Vec<LineageId> = self
            .sessions
            .iter()
            .filter(|(_, session)| wanted(session))
            .map(|(lineage, _)| *lineage)
            .collect();
        if found.is_empty() {
            return None;
        }
        let place = self.any(found.len());
        Some(found[place])
    }

    pub fn client_of(&self, lineage: LineageId) -> usize {
        self.clients
            .iter()
            .position(|client| client.lineage == lineage)
            .expect("a session belongs to a client")
    }

    pub fn connect_one(&mut self) {
        let Some(place) = self.any_live_client() else {
            return;
        };
        self.connect(place);
    }

    /// A new connection: what was on its way on the old one is gone.
    pub fn connect(&mut self, place: usize) {
        self.counts.saw("connect");
        let client = &mut self.clients[place];
        client.must_sync = true;
        self.lost_frames.remove(&client.lineage);
        self.sessions.insert(client.lineage, Session::new());
    }

    pub fn sync_one(&mut self) {
        let Some(place) = self.any_live_client() else {
            return;
        };
        if !self.sessions.contains_key(&self.clients[place].lineage) {
            self.connect(place);
        }
        if self.clients[place].must_sync || self.random.one_in(4) {
            let limit = if self.random.one_in(2) { 0 } else { 1 + self.random.below(5) as u32 };
            self.sync(place, limit);
        }
    }

    /// A client asks for a page.
    pub fn sync(&mut self, place: usize, limit: u32) {
        let client = &self.clients[place];
        let given = client.stored.snapshot.clone();
        let (chain, from, lineage) = (client.chain(), client.messages_from, client.lineage);
        let rendering = client.rendering;
        let lifeline = Arc::clone(&self.running().lifeline);
        let bytes_max = if self.random.one_in(3) { 700 } else { PAGE_BYTES_MAX };
        let session = self.sessions.get_mut(&lineage).expect("it is connected");
        // A page that begins anew is taken whatever is stored, so here it counts that a client asks one thing at a time.
        let begins_anew = |frame: &Frame| matches!(frame, Frame::Page(page, _) if page.rebuild.is_some());
        if session.frames.iter().any(begins_anew) || !session.chain.sync_begins() {
            return;
        }
        let (marks, rebuild) = begin(&self.key, &lifeline, chain, &given, rendering.level, &self.kinds, from);
        let kinds = Arc::clone(&self.kinds);
        let entries_max = limit;
        let request = PageRequest {
            chain,
            given: given.clone(),
            marks,
            rebuild,
            rendering,
            kinds,
            entries_max,
            bytes_max,
        };
        session.reading = Some(Reading { request, view: None });
        let is_lost = self.clients[place].is_of_a_lost_future(self.restores);
        self.note_rebuild(is_lost, &given, rebuild);
        self.counts.saw("sync");
    }

    /// A reader pins the store for a page, or answers it.
    pub fn read_on(&mut self) {
        let Some(lineage) = self.any_session(|session| session.reading.is_some()) else {
            return;
        };
        let view = self.shell.view();
        let late = self.random.one_in(2);
        let session = self.sessions.get_mut(&lineage).expect("it was just found");
        let mut reading = session.reading.take().expect("it was just found");
        if reading.view.is_none() && late {
            let (user, is_after_a_loss) =
                (reading.request.chain.user, reading.request.marks.valid().is_some());
            reading.view = Some(view);
            session.reading = Some(reading);
            if is_after_a_loss && self.random.one_in(2) {
                self.counts.saw("renamed while a valid list is read");
                self.rename_a_group_of(user);
            }
            return;
        }
        let was_late = reading.view.is_some();
        let view = reading.view.unwrap_or(view);
        self.page(lineage, &reading.request, &view, was_late);
    }

    fn page(&mut self, lineage: LineageId, request: &PageRequest, view: &View, was_late: bool) {
        let running = self.shell.running.as_ref().expect("it runs");
        let current = running.lifeline.current();
        if was_late {
            self.counts.saw("page read late");
            if running.committer.tail().indexed() >= view.bound() {
                self.counts.saw("page read after more was indexed");
            }
        }
        let answered =
            answer(view, &self.key, current, request).unwrap_or_else(|fault| panic!("G1: {fault}"));
        self.counts.saw("page");
        self.note_too_old(&answered.page);
        self.note_group_page(&answered.page);
        self.check_valid_list(request.chain.user, &request.marks, &answered.page, view.bound());
        if answered.page.more {
            self.counts.saw("page cut");
        }
        if answered.page.snapshot.is_empty() {
            self.counts.saw("nothing new");
        }
        let session = self.sessions.get_mut(&lineage).expect("it is connected");
        let issued = Issued { snapshot: answered.snapshot, marks: answered.marks };
        let news = session.chain.page_given(issued, answered.page.more);
        session.chain.page_was_merged(answered.follows);
        if news {
            session.note(true);
        }
        session.frames.push_back(Frame::Page(answered.page, view.bound()));
        self.probe_sometimes();
    }

    /// One frame reaches its client, or does not.
    pub fn deliver_one(&mut self) {
        let Some(lineage) = self.any_session(|session| !session.frames.is_empty()) else {
            return;
        };
        let (lost, crash) = (self.random.one_in(5), self.random.one_in(25));
        self.deliver(lineage, lost, crash);
    }

    /// The next frame of a session.
    pub fn deliver(&mut self, lineage: LineageId, lost: bool, crash: bool) {
        let Some(frame) = self.sessions.get_mut(&lineage).and_then(|session| session.frames.pop_front())
        else {
            return;
        };
        let lifeline = Arc::clone(&self.running().lifeline);
        let place = self.client_of(lineage);
        let seals = (&self.key, &*lifeline);
        let client = &mut self.clients[place];
        let (page, bound) = match frame {
            Frame::Nudge => {
                client.must_sync = true;
                return;
            }
            Frame::Push(_) if lost => {
                self.counts.saw("push lost");
                self.lost_frames.insert(lineage);
                return;
            }
            Frame::Push(page) => (page, None),
            Frame::Page(page, bound) => (page, Some(bound)),
        };
        let applied = client.take(&page, crash, &self.oracle, seals);
        if applied == Applied::Stored {
            client.stored.restores = self.restores;
        }
        if crash {
            self.counts.saw("client crash");
            self.sessions.remove(&lineage);
            return;
        }
        if applied == Applied::Discarded {
            self.counts.saw("base does not fit");
            return;
        }
        self.count_levels(&page);
        let groups = &self.oracle.groups;
        if page.valid.iter().any(|valid| groups.contains_key(&ConversationId(valid.conversation_id))) {
            self.counts.saw("valid told of a group");
        }
        if !page.valid.is_empty() || page.valid_complete {
            self.counts.saw(if page.valid_complete { "valid told" } else { "valid told in parts" });
        }
        if let Some(bound) = bound {
            self.sessions.get_mut(&lineage).expect("it was just delivered").has_given_a_page = true;
            if !page.more {
                self.clients[place].check_complete(bound, &self.oracle);
                if self.random.one_in(10) {
                    self.counts.saw("repair");
                    self.repair(place);
                }
            }
        }
    }

    /// A snapshot that was given is continued, unless an older copy of the store was put back since.
    pub fn note_rebuild(&mut self, is_lost: bool, given: &[u8], cause: Option<proto::rebuild::Cause>) {
        let Some(cause) = cause else {
            return;
        };
        assert!(is_lost, "G5: a snapshot that was given is not continued: {cause:?}");
        let lifeline = Arc::clone(&self.running().lifeline);
        let run = given[22..26].try_into().map(u32::from_be_bytes).unwrap();
        self.counts.saw(match cause {
            proto::rebuild::Cause::Lossy => "rebuild lossy",
            proto::rebuild::Cause::Future if lifeline.runs().iter().any(|known| known.id == run) => {
                "rebuild lost marks"
            }
            proto::rebuild::Cause::Future => "rebuild foreign run",
            _ => "rebuild signed in again",
        });
    }

    /// News reach sessions; connections that lag drain.
    pub fn tell_news(&mut self) {
        let lineages: Vec<LineageId> = self.sessions.keys().copied().collect();
        for lineage in lineages {
            let dropped = self.random.one_in(3);
            if !self.random.one_in(3) {
                self.tell_news_to(lineage, dropped);
            }
        }
    }

    /// Somebody writes a few messages to one who is connected and has everything, or posts them to a channel that this one
    /// follows: each is pushed, unless it gets lost.
    pub fn chatter(&mut self) {
        let is_open = |session: &Session| matches!(session.chain.news(false, true), News::PushAbove(_));
        let (Some(lineage), Some(writer)) = (self.any_session(is_open), self.any_live_client()) else {
            return;
        };
        let (writer, reader) = (self.clients[writer].principal(), self.clients[self.client_of(lineage)].user);
        let channel = self.channel_of(reader);
        // What is followed is in the tail no more: from then on posts are pushed.
        while channel.is_some() && self.index_batch() {}
        for _ in 0..4 {
            match channel.filter(|_| self.random.one_in(2)) {
                Some((owner, channel)) => self.send_to(owner, Target::Conversation(channel)),
                None => self.send_to(writer, Target::User(reader)),
            }
            self.work_off();
            let dropped = self.random.one_in(2);
            if self.sessions.contains_key(&lineage) {
                self.tell_news_to(lineage, dropped);
            }
        }
        self.counts.saw("chatter");
    }

    pub fn tell_news_to(&mut self, lineage: LineageId, dropped: bool) {
        let (asker, chain) = {
            let client = &self.clients[self.client_of(lineage)];
            ((client.user, client.rendering), client.chain())
        };
        let running = self.shell.running.as_ref().expect("it runs");
        let seals = (&self.key, &*running.lifeline);
        let session = self.sessions.get_mut(&lineage).expect("it is connected");
        if session.chain.is_lagging() {
            session.chain.drained();
            session.nudge();
            self.counts.saw("lagging, drained");
        }
        let Some(items) = session.news.take() else { return };
        match session.telling(items, asker, chain, running.committer.tail(), seals) {
            Telling::Nothing => {}
            Telling::Nudge(why) => {
                session.nudge();
                self.counts.saw(why);
            }
            Telling::Push(_, lost) if dropped => {
                session.chain.dropped(Some(&lost));
                self.counts.saw("push dropped");
            }
            Telling::Push(page, issued) => {
                session.chain.pushed(issued);
                let is_post = |entry: &proto::Entry| {
                    self.oracle.channels.contains_key(&ConversationId(entry.conversation_id))
                };
                if page.entries.iter().any(is_post) {
                    self.counts.saw("push of posts");
                }
                session.frames.push_back(Frame::Push(page));
                self.counts.saw("push");
                self.probe_sometimes();
            }
        }
    }

    /// A client says what it has: when that is not what was given to it, it is nudged.
    pub fn heartbeat(&mut self, lineage: LineageId) {
        let place = self.client_of(lineage);
        let session = self.sessions.get_mut(&lineage).expect("it is connected");
        let given = &self.clients[place].stored.snapshot;
        if session.chain.shows_a_loss(given) && session.frames.is_empty() {
            session.nudge();
            self.counts.saw("heartbeat nudge");
        }
    }

    pub fn send_heartbeat(&mut self) {
        if let Some(lineage) = self.any_session(|session| session.chain.issued().is_some()) {
            self.heartbeat(lineage);
        }
    }
}
