//! Reads that begin from nothing, from a strange snapshot, or long ago.

use std::sync::Arc;

use bytes::Bytes;
use highwater::{
    actors::user::{PageRequest, answer, begin},
    model::{Version, limits::PAGE_BYTES_MAX, record::Item},
    store::view::UserView,
    sync::{Marks, PageLimits, page::drain},
};
use highwater_wire::proto;

use crate::{
    client::{Applied, Client},
    world::World,
};

impl World {
    /// A client hands in a snapshot that is not its own, or one of a run that never was, and is told everything anew.
    pub fn look_back(&mut self) {
        let Some(place) = self.any_live_client() else {
            return;
        };
        let (given, cause) = self.strange_snapshot(place);
        let (marks, rebuild) = self.begin_for(&self.clients[place], &given);
        assert_eq!(rebuild, Some(cause), "a strange snapshot is recognised");
        assert!(!marks.enumerating().is_empty());
        self.counts.saw(match cause {
            proto::rebuild::Cause::Future => "rebuild future",
            _ => "rebuild foreign",
        });
        let mut twin = self.clients[place].anew();
        self.read_all(&mut twin, 3, Some((given, cause)));
    }

    fn begin_for(&self, client: &Client, given: &[u8]) -> (Marks, Option<proto::rebuild::Cause>) {
        let (level, from) = (client.rendering.level, client.messages_from);
        let lifeline = &self.shell.running.as_ref().expect("it runs").lifeline;
        begin(&self.key, lifeline, client.chain(), given, level, &self.kinds, from)
    }

    fn strange_snapshot(&mut self, place: usize) -> (Bytes, proto::rebuild::Cause) {
        let chain = self.clients[place].chain();
        let mut run = self.running().lifeline.current();
        let mut marks = Marks::fresh(1, run, Version(1));
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
    pub fn read_all(
        &mut self,
        client: &mut Client,
        limit: u32,
        strange: Option<(Bytes, proto::rebuild::Cause)>,
    ) {
        let lifeline = Arc::clone(&self.running().lifeline);
        let mut strange = strange;
        let mut completed = strange.is_none();
        for _ in 0..10_000 {
            let (given, cause) = match strange.take() {
                Some((given, cause)) => (given, Some(cause)),
                None => (client.stored.snapshot.clone(), None),
            };
            let (marks, rebuild) = self.begin_for(client, &given);
            if cause.is_none() {
                self.note_rebuild(client.is_of_a_lost_future(self.restores), &given, rebuild);
            } else {
                assert_eq!(rebuild, cause, "a strange snapshot is recognised");
            }
            completed &= rebuild.is_none();
            let kinds = Arc::clone(&self.kinds);
            let chain = client.chain();
            let bytes_max = PAGE_BYTES_MAX;
            let rendering = client.rendering;
            let request =
                PageRequest { chain, given, marks, rebuild, rendering, kinds, entries_max: limit, bytes_max };
            let view = self.shell.view();
            let answered = answer(&view, &self.key, lifeline.current(), &request);
            let page = answered.unwrap_or_else(|fault| panic!("G1: {fault}")).page;
            completed &= page.rebuild.is_none() || cause.is_some();
            completed |= page.complete;
            self.note_too_old(&page);
            self.check_valid_list(client.user, &marks, &page, view.bound());
            if page.messages_gap {
                self.counts.saw("gap");
                completed = false;
            }
            let applied = client.take(&page, false, &self.oracle, (&self.key, &lifeline));
            client.stored.restores = self.restores;
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
            self.read_history(user, &view);
            let source = UserView { view: &view, user };
            let everything = PageLimits { entries: usize::MAX - 1, bytes: usize::MAX >> 1 };
            // Messages that were cleaned up since are no longer shown.
            let floor = view.lineages(user).unwrap_or_else(|fault| panic!("G1: {fault}")).floor;
            let marks = Marks::fresh(1, lifeline.current(), floor);
            let page =
                drain(marks, &self.kinds, everything, &source).unwrap_or_else(|fault| panic!("G1: {fault}"));
            let due = self.oracle.inbox_above(user, floor);
            let due: Vec<_> = due.iter().filter(|entry| entry.version <= bound).collect();
            assert_eq!(page.entries.len(), due.len(), "G5: an old view shows more or less than it did");
            assert!(page.entries.iter().zip(due).all(|(entry, due)| entry.message == due.message));
            // Newest values only; what was changed since is left out, whichever of tail and index has it by now.
            let mut told: Vec<_> = page.items.iter().collect();
            told.sort_by_key(|item| (item.kind, &item.key));
            // Tombstones that were removed since may be shown or not.
            let gone = |item: &Item| self.oracle.gone.contains(&(user, item.kind, item.key.clone()));
            told.retain(|item| !gone(item));
            let newest = self.oracle.items_of(user).filter(|item| item.version <= bound && !gone(item));
            let newest: Vec<_> = newest.collect();
            assert_eq!(told, newest, "G5: items of user {user} in an old view at bound {bound}");
        }
    }
}
