//! Connections: they sync, are pushed to, lose frames, and look at the store through old and new views. And the work
//! that goes on behind: the index, housekeeping, a full disk.

use std::sync::Arc;

use bytes::Bytes;
use highwater::{
    actors::{
        persistence::commit::Health,
        user::{PageRequest, answer, begin},
    },
    model::{DeviceId, Version, limits::PAGE_BYTES_MAX},
    store::{
        engine_faulty::{CallFault, FaultPlan},
        view::{UserView, View},
    },
    sync::{PageLimits, Source, page::drain},
};
use highwater_wire::proto;

use crate::{
    client::{Applied, Client},
    faults,
    session::{Frame, Pushing, Reading, Session, Telling},
    world::World,
};

impl World {
    fn any_live_client(&mut self) -> Option<usize> {
        let live: Vec<usize> = (0..self.clients.len())
            .filter(|place| self.oracle.is_live(self.clients[*place].device))
            .collect();
        if live.is_empty() {
            return None;
        }
        let place = self.any(live.len());
        Some(live[place])
    }

    fn any_session(&mut self, wanted: impl Fn(&Session) -> bool) -> Option<DeviceId> {
        let found: Vec<DeviceId> =
            self.sessions.iter().filter(|(_, session)| wanted(session)).map(|(device, _)| *device).collect();
        if found.is_empty() {
            return None;
        }
        let place = self.any(found.len());
        Some(found[place])
    }

    pub fn client_of(&self, device: DeviceId) -> usize {
        self.clients.iter().position(|client| client.device == device).expect("a session belongs to a client")
    }

    pub fn connect_one(&mut self) {
        let Some(place) = self.any_live_client() else { return };
        self.connect(place);
    }

    /// A new connection: what was on its way on the old one is gone.
    pub fn connect(&mut self, place: usize) {
        self.counts.saw("connect");
        let client = &mut self.clients[place];
        client.must_sync = true;
        self.lost_frames.remove(&client.device);
        self.sessions.insert(client.device, Session::new());
    }

    pub fn sync_one(&mut self) {
        let Some(place) = self.any_live_client() else { return };
        if !self.sessions.contains_key(&self.clients[place].device) {
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
        let (chain, from, device) = (client.chain(), client.messages_from, client.device);
        let lifeline = Arc::clone(&self.running().lifeline);
        let bytes_max = if self.random.one_in(3) { 700 } else { PAGE_BYTES_MAX };
        let session = self.sessions.get_mut(&device).expect("it is connected");
        if matches!(session.pushing, Pushing::Syncing { .. }) {
            return;
        }
        let (marks, rebuild) = begin(&self.key, &lifeline, chain, &given, 1, from);
        assert_eq!(rebuild, None, "G5: a snapshot that was given is not continued");
        let kinds = Arc::clone(&self.kinds);
        let request = PageRequest { chain, given, marks, rebuild, kinds, entries_max: limit, bytes_max };
        session.pushing = Pushing::Syncing { news: false };
        session.reading = Some(Reading { request, view: None });
        self.counts.saw("sync");
    }

    /// A reader pins the store for a page, or answers it.
    pub fn read_on(&mut self) {
        let Some(device) = self.any_session(|session| session.reading.is_some()) else { return };
        let view = self.shell.view();
        let late = self.random.one_in(2);
        let session = self.sessions.get_mut(&device).expect("it was just found");
        let mut reading = session.reading.take().expect("it was just found");
        if reading.view.is_none() && late {
            reading.view = Some(view);
            session.reading = Some(reading);
            return;
        }
        let was_late = reading.view.is_some();
        let view = reading.view.unwrap_or(view);
        self.page(device, &reading.request, &view, was_late);
    }

    fn page(&mut self, device: DeviceId, request: &PageRequest, view: &View, was_late: bool) {
        let running = self.shell.running.as_ref().expect("it runs");
        let current = running.lifeline.current();
        if was_late {
            self.counts.saw("page read late");
            if running.committer.tail().indexed() >= view.bound() {
                self.counts.saw("page read after more was indexed");
            }
        }
        let answered = answer(view, &self.key, current, request).unwrap_or_else(|fault| panic!("G1: {fault}"));
        self.counts.saw("page");
        if answered.page.more {
            self.counts.saw("page cut");
        }
        if answered.page.snapshot.is_empty() {
            self.counts.saw("nothing new");
        }
        let session = self.sessions.get_mut(&device).expect("it is connected");
        let news = session.pushing == Pushing::Syncing { news: true };
        session.pushing = if answered.page.more { Pushing::Closed } else { Pushing::Open };
        session.issued = Some((answered.snapshot, answered.marks));
        if news && !answered.page.more {
            session.note(true);
        }
        session.frames.push_back(Frame::Page(answered.page, view.bound()));
        self.probe_sometimes();
    }

    /// One frame reaches its client, or does not.
    pub fn deliver_one(&mut self) {
        let Some(device) = self.any_session(|session| !session.frames.is_empty()) else { return };
        let (lost, crash) = (self.random.one_in(5), self.random.one_in(25));
        self.deliver(device, lost, crash);
    }

    /// The next frame of a session.
    pub fn deliver(&mut self, device: DeviceId, lost: bool, crash: bool) {
        let Some(frame) = self.sessions.get_mut(&device).and_then(|session| session.frames.pop_front()) else { return };
        let lifeline = Arc::clone(&self.running().lifeline);
        let place = self.client_of(device);
        let seals = (&self.key, &*lifeline);
        let client = &mut self.clients[place];
        let (page, bound) = match frame {
            Frame::Nudge => {
                client.must_sync = true;
                return;
            }
            Frame::Push(_) if lost => {
                self.counts.saw("push lost");
                self.lost_frames.insert(device);
                return;
            }
            Frame::Push(page) => (page, None),
            Frame::Page(page, bound) => (page, Some(bound)),
        };
        let applied = client.take(&page, crash, &self.oracle, seals);
        if crash {
            self.counts.saw("client crash");
            self.sessions.remove(&device);
            return;
        }
        if applied == Applied::Discarded {
            self.counts.saw("base does not fit");
        } else if let Some(bound) = bound.filter(|_| !page.more) {
            client.check_complete(bound, &self.oracle);
        }
    }

    /// News reach sessions; connections that lag drain.
    pub fn tell_news(&mut self) {
        let devices: Vec<DeviceId> = self.sessions.keys().copied().collect();
        for device in devices {
            let dropped = self.random.one_in(8);
            if !self.random.one_in(3) {
                self.tell_news_to(device, dropped);
            }
        }
    }

    pub fn tell_news_to(&mut self, device: DeviceId, dropped: bool) {
        let (user, chain) = {
            let client = &self.clients[self.client_of(device)];
            (client.user, client.chain())
        };
        let running = self.shell.running.as_ref().expect("it runs");
        let seals = (&self.key, &*running.lifeline);
        let session = self.sessions.get_mut(&device).expect("it is connected");
        if session.pushing == Pushing::Lagging {
            session.pushing = Pushing::Closed;
            session.nudge();
        }
        let Some(items) = session.news.take() else { return };
        match session.telling(items, user, chain, running.committer.tail(), seals) {
            Telling::Nothing => {}
            Telling::Nudge(why) => {
                session.nudge();
                self.counts.saw(why);
            }
            Telling::Push(..) if dropped => {
                session.pushing = Pushing::Lagging;
                self.counts.saw("push dropped");
            }
            Telling::Push(page, issued) => {
                session.issued = Some(issued);
                session.frames.push_back(Frame::Push(page));
                self.counts.saw("push");
                self.probe_sometimes();
            }
        }
    }

    /// A client hands in a snapshot that is not its own, or one of a run that never was, and is told everything anew.
    pub fn look_back(&mut self) {
        let Some(place) = self.any_live_client() else { return };
        let lifeline = Arc::clone(&self.running().lifeline);
        let (given, cause) = self.strange_snapshot(place);
        let client = &self.clients[place];
        let (marks, rebuild) = begin(&self.key, &lifeline, client.chain(), &given, 1, client.messages_from);
        assert_eq!(rebuild, Some(cause), "a strange snapshot is recognised");
        assert!(marks.rebuilding);
        self.counts.saw(match cause {
            proto::rebuild::Cause::Future => "rebuild future",
            _ => "rebuild foreign",
        });
        let mut twin = Client::new(client.user, client.device, client.messages_from);
        self.read_all(&mut twin, 3, Some((given, cause)));
    }

    fn strange_snapshot(&mut self, place: usize) -> (Bytes, proto::rebuild::Cause) {
        let chain = self.clients[place].chain();
        let mut run = self.running().lifeline.current();
        let mut marks = highwater::sync::Marks::fresh(1, run, Version(1));
        if self.random.one_in(2) {
            let mut other = chain;
            other.lineage.context = 9;
            return (Bytes::from(self.key.seal(other, &marks)), proto::rebuild::Cause::Foreign);
        }
        run.id = run.id.wrapping_add(1);
        marks.run = run;
        (Bytes::from(self.key.seal(chain, &marks)), proto::rebuild::Cause::Future)
    }

    /// A client reads pages until nothing is left, from nothing or from a snapshot that begins a rebuild.
    pub fn read_all(&mut self, client: &mut Client, limit: u32, strange: Option<(Bytes, proto::rebuild::Cause)>) {
        let lifeline = Arc::clone(&self.running().lifeline);
        let mut strange = strange;
        let mut completed = strange.is_none();
        for _ in 0..10_000 {
            let (given, cause) = match strange.take() {
                Some((given, cause)) => (given, Some(cause)),
                None => (client.stored.snapshot.clone(), None),
            };
            let (marks, rebuild) = begin(&self.key, &lifeline, client.chain(), &given, 1, client.messages_from);
            assert_eq!(rebuild, cause, "G5: a snapshot that was given is not continued");
            let kinds = Arc::clone(&self.kinds);
            let chain = client.chain();
            let bytes_max = PAGE_BYTES_MAX;
            let request = PageRequest { chain, given, marks, rebuild, kinds, entries_max: limit, bytes_max };
            let view = self.shell.view();
            let answered = answer(&view, &self.key, lifeline.current(), &request);
            let page = answered.unwrap_or_else(|fault| panic!("G1: {fault}")).page;
            completed |= page.complete;
            let applied = client.take(&page, false, &self.oracle, (&self.key, &lifeline));
            assert_eq!(applied, Applied::Stored, "a page continues what was handed in");
            if !page.more {
                assert!(completed, "a rebuild says when it is complete");
                client.check_complete(view.bound(), &self.oracle);
                return;
            }
        }
        panic!("a client syncs without end");
    }

    /// Keeps a read open over many steps, and compares what it shows with what was true when it began.
    pub fn look_at_an_old_view(&mut self) {
        let Some((view, bound)) = self.long_view.take() else {
            let view = self.shell.view();
            let bound = view.bound();
            self.long_view = Some((view, bound));
            return;
        };
        self.counts.saw("long view");
        let lifeline = Arc::clone(&self.running().lifeline);
        for (user, _) in self.users.clone() {
            let source = UserView { view: &view, user };
            let everything = PageLimits { entries: usize::MAX - 1, bytes: usize::MAX >> 1 };
            let marks = highwater::sync::Marks::fresh(1, lifeline.current(), Version(0));
            let page = drain(marks, &self.kinds, everything, &source).unwrap_or_else(|fault| panic!("G1: {fault}"));
            let due = self.oracle.inbox_above(user, Version(0));
            let due: Vec<_> = due.iter().filter(|entry| entry.version <= bound).collect();
            assert_eq!(page.entries.len(), due.len(), "G5: an old view shows more or less than it did");
            assert!(page.entries.iter().zip(due).all(|(entry, due)| entry.message == due.message));
            for item in page.items {
                assert!(item.version <= bound, "G5: an item above the bound");
            }
            let newest = self.oracle.items_of(user).filter(|item| item.version <= bound);
            for item in newest {
                let found = source.items_above(item.kind, Version(0), usize::MAX - 1).expect("the store can be read");
                assert!(found.contains(item), "G5: an old view lacks item {}", item.key);
            }
        }
    }

    /// The index is brought some batches further, sometimes with trouble.
    pub fn index_further(&mut self) {
        if self.running().index_is_broken {
            self.shell.engine.set_plan(FaultPlan::default());
            self.shell.engine.reopen();
            self.running().index_is_broken = false;
        }
        self.plan_index_trouble();
        let the_end = self.random.one_in(40).then(|| faults::the_end(&mut self.random, 3));
        let (fired, files) = (self.shell.disk.fired(), self.files());
        if let Some(the_end) = the_end {
            self.shell.disk.add_rule(the_end.rule());
        }
        for _ in 0..1 + self.random.below(12) {
            if !self.index_batch() {
                break;
            }
        }
        self.shell.disk.clear_rules();
        if self.shell.disk.fired() > fired {
            self.counts.saw("crash in housekeeping");
            let power_cut = self.random.one_in(2);
            self.crash(power_cut);
        } else if self.running().index_is_broken && self.random.one_in(8) {
            self.crash(false);
        } else if self.files() < files {
            self.counts.saw("segments deleted");
        }
    }

    fn plan_index_trouble(&mut self) {
        if !self.random.one_in(8) {
            return;
        }
        let (applies, syncs) = self.shell.engine.calls();
        let call = 1 + self.random.below(4);
        let worked = self.random.one_in(2);
        let kind = |fault: CallFault| if worked { fault.done_all_the_same() } else { fault };
        let plan = if self.random.one_in(2) {
            FaultPlan { apply: Some(kind(CallFault::once(applies + call))), sync: None }
        } else {
            FaultPlan { apply: None, sync: Some(kind(CallFault::once(syncs + 1))) }
        };
        self.shell.engine.set_plan(plan);
    }

    /// A client says what it has: when that is not what was given to it, it is nudged.
    pub fn heartbeat(&mut self, device: DeviceId) {
        let place = self.client_of(device);
        let session = self.sessions.get_mut(&device).expect("it is connected");
        let given = &self.clients[place].stored.snapshot;
        let behind = session.issued.as_ref().is_none_or(|(issued, _)| issued != given);
        if behind && session.pushing == Pushing::Open && session.frames.is_empty() && !given.is_empty() {
            session.nudge();
            self.counts.saw("heartbeat nudge");
        }
    }

    pub fn send_heartbeat(&mut self) {
        if let Some(device) = self.any_session(|session| session.pushing == Pushing::Open) {
            self.heartbeat(device);
        }
    }

    /// One batch; false when there is nothing more to do, or the index is broken.
    pub fn index_batch(&mut self) -> bool {
        let evicts = self.shell.bounds.rows_max == 0;
        let before = self.running().committer.tail().indexed();
        let running = self.running();
        let outcome = running.committer.index_step();
        let indexed = running.committer.tail().indexed();
        match outcome {
            Err(fault) => {
                running.index_is_broken = true;
                let at_sync = faults::chain(&fault).iter().any(|cause| cause.contains("sync"));
                self.counts.saw(if at_sync { "index sync fails" } else { "index apply fails" });
                false
            }
            Ok(more) => {
                if indexed > before {
                    running.step_batches = 0;
                    self.shell.synced_reach = indexed;
                    self.counts.saw("index step done");
                    if evicts {
                        self.counts.saw("rows evicted");
                    }
                } else if more {
                    running.step_batches += 1;
                    self.counts.saw("index batch");
                }
                more
            }
        }
    }

    /// Housekeeping, and a look whether a full disk has space again.
    pub fn keep_house(&mut self) {
        let the_end = self.random.one_in(20).then(|| faults::the_end(&mut self.random, 5));
        let fired = self.shell.disk.fired();
        if let Some(the_end) = the_end {
            self.shell.disk.add_rule(the_end.rule());
        }
        let was_full = self.running().committer.health() == Health::Full;
        let recovered = self.running().committer.recover();
        self.running().committer.housekeeping();
        self.shell.disk.clear_rules();
        let Some(records) = recovered.ok().filter(|_| self.shell.disk.fired() == fired) else {
            self.counts.saw("crash in housekeeping");
            let power_cut = self.random.one_in(2);
            self.crash(power_cut);
            return;
        };
        self.published(&records);
        if was_full && self.running().committer.health() == Health::Writable {
            self.counts.saw("recovered");
        }
    }
}
