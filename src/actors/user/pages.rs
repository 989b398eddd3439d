//! Syncing: a page is read, rendered and sealed on a reader's thread, one at a time per connection.

use std::sync::Arc;

use bytes::Bytes;
use highwater_wire::{Encoding, Refusal, base_of, proto};

use super::{User, naming, page_limit::page_limit, requests::span_of};
use crate::{
    actors::{ports::Post, reader::PageRead, transport::ConnectionId},
    model::{
        Kind, KindSet, UserId, Version,
        limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX},
        record::Item,
    },
    monitor::{Monitor, Op, Outcome, ids},
    store::view::{ReadFault, UserView, View},
    sync::{
        Chain, Course, Followed, Issued, Kept, Kinds, LEVELS, Marks, Rendering, SnapshotKey,
        page::{PageLimits, drain},
        render,
        snapshot::Opened,
    },
};

/// A sync that can be answered wherever the store can be read.
pub struct PageRequest {
    /// Whose.
    pub chain: Chain,
    /// The snapshot that was handed in; empty for none.
    pub given: Bytes,
    /// What it says, or where a fresh or rebuilding chain begins.
    pub marks: Marks,
    /// Why the snapshot could not be continued.
    pub rebuild: Option<proto::rebuild::Cause>,
    /// For whom it is rendered.
    pub rendering: Rendering,
    /// Kinds declared.
    pub kinds: Arc<Kinds>,
    /// Items and entries that the client wants at most; 0 for the server's limit.
    pub entries_max: u32,
    /// Content of the page, bytes, before encoding.
    pub bytes_max: usize,
}

/// Bytes that JSON needs at most for one byte of text: a control character becomes six.
const JSON_EXPANSION_MAX: usize = 6;

/// Content that a page may have so that, encoded, it fits a connection's queue beside what waits there.
#[must_use]
pub fn page_bytes_max(encoding: Encoding, queued_bytes_max: usize) -> usize {
    let fitting = match encoding {
        Encoding::Binary => queued_bytes_max / 2,
        Encoding::Json => queued_bytes_max / JSON_EXPANSION_MAX,
    };
    fitting.min(PAGE_BYTES_MAX)
}

/// A page as it goes out, and where the chain stands after it.
pub struct Answered {
    /// The page.
    pub page: proto::Page,
    /// The client's snapshot after it.
    pub snapshot: Bytes,
    /// What that says.
    pub marks: Marks,
    /// The channels that it merged the inbox with.
    pub follows: Followed,
}

/// What a handed-in snapshot means for the page that answers it.
#[must_use]
pub fn begin(
    key: &SnapshotKey,
    lifeline: &crate::sync::Lifeline,
    chain: Chain,
    given: &[u8],
    level: u8,
    kinds: &Kinds,
    messages_from: Version,
) -> (Marks, Option<proto::rebuild::Cause>) {
    let fresh = Marks::fresh(level, lifeline.current(), messages_from);
    let anew = |kept| {
        let mut anew = fresh;
        anew.enumerate(kinds.set());
        if let Kept::Through(through) = kept {
            anew.tell_valid(through, kinds.set());
        }
        anew
    };
    match key.open(chain, given, lifeline) {
        Opened::Empty => (fresh, None),
        Opened::Marks(marks) => (marks, None),
        Opened::Lossy(mut marks, through) => {
            marks.tell_valid(through, kinds.set());
            (marks, Some(proto::rebuild::Cause::Lossy))
        }
        Opened::Foreign(kept) => (anew(kept), Some(proto::rebuild::Cause::Foreign)),
        Opened::Future(kept) => (anew(kept), Some(proto::rebuild::Cause::Future)),
    }
}

/// Answers a sync: a pure function of the request and the store at the view's bound.
///
/// # Errors
/// When the store cannot be read.
pub fn answer(
    view: &View,
    key: &SnapshotKey,
    current: crate::sync::RunName,
    request: &PageRequest,
) -> Result<Answered, ReadFault> {
    let entries = page_limit(request.entries_max, PAGE_ENTRIES_MAX);
    let limits = PageLimits { entries, bytes: request.bytes_max };
    let source = UserView { view, user: request.chain.user };
    let mut due = request.marks;
    let level_changed = LEVELS.change(&mut due, request.rendering.level, &request.kinds);
    let page = drain(due, &request.kinds, limits, &source)?;
    let mut marks = page.marks;
    let rebuild = request.rebuild.or(page.too_old.then_some(proto::rebuild::Cause::TooOld));
    // Whoever syncs in this run has a snapshot of it before anything else that this run tells: so a store that is put back
    // later, and does not know this run, sees it by the snapshot.
    marks.run = current;
    // A change of level is new in itself: the next snapshot has the new one, so that it is said once.
    let unchanged = marks == request.marks && rebuild.is_none() && !request.given.is_empty();
    let snapshot =
        if unchanged { request.given.clone() } else { Bytes::from(key.seal(request.chain, &marks)) };
    let base = if rebuild.is_some() { &[] } else { base_of(&request.given) };
    let messages = page.entries.iter().map(|inbox| &inbox.message);
    let renamed = view.renamed_by(request.chain.user, &page)?;
    let follows = Followed { follows: page.follows, through: view.bound() };
    let page = proto::Page {
        base: Bytes::copy_from_slice(base),
        snapshot: if unchanged { Bytes::new() } else { snapshot.clone() },
        more: page.more,
        items: items(request, &page.items, &renamed),
        entries: naming::entries(view, request.chain.user, request.rendering, messages)?,
        rebuild: rebuild.map(|cause| proto::Rebuild { cause: cause.into() }),
        gaps: page.passed.iter().map(render::gap).collect(),
        hand_back: false,
        complete: page.complete,
        messages_gap: page.gap,
        level_changed: level_changed.map(level_change),
        valid: page.valid.iter().map(render::valid).collect(),
        valid_complete: page.valid_complete,
    };
    Ok(Answered { page, snapshot, marks, follows })
}

/// Items as they are told. What one is told by besides is left out where its kind is not declared.
fn items(request: &PageRequest, items: &[Item], renamed: &[Item]) -> Vec<proto::Item> {
    let declared = request.kinds.set();
    let is_declared =
        |item: &proto::Item| u8::try_from(item.kind).is_ok_and(|kind| declared.contains(Kind(kind)));
    items
        .iter()
        .chain(renamed)
        .flat_map(|item| render::items(request.rendering, item))
        .filter(is_declared)
        .collect()
}

fn level_change(kinds: KindSet) -> proto::LevelChange {
    proto::LevelChange { kinds: kinds.iter().map(|kind| u32::from(kind.0)).collect() }
}

/// Counts what a page tells besides news: a gap, posts that it passes over, a change of level, the end of a list of what stays valid, and that the
/// client was away for too long.
pub fn count_told(monitor: &Monitor, page: &proto::Page) {
    let too_old = page.rebuild.is_some_and(|rebuild| rebuild.cause() == proto::rebuild::Cause::TooOld);
    monitor.add(ids::REBUILDS_TOO_OLD, u64::from(too_old));
    monitor.add(ids::GAPS_TOLD, u64::from(page.messages_gap));
    monitor.add(ids::POSTS_PASSED_OVER, page.gaps.len() as u64);
    monitor.add(ids::REBUILDS_LEVEL, u64::from(page.level_changed.is_some()));
    monitor.add(ids::VALID_LISTS_TOLD, u64::from(page.valid_complete));
}

impl User {
    /// Begins to answer a sync.
    pub(super) fn sync(
        &mut self,
        connection: ConnectionId,
        request_id: u64,
        sync: &proto::Sync,
        given: Bytes,
        received_us: u64,
    ) {
        let (user, worker, services) = (self.user, self.worker, Arc::clone(&self.services));
        let Some(entries_max) = self.entries_max(connection, request_id, sync.limit, &given) else {
            return;
        };
        let Some(session) = self.session(connection) else {
            return;
        };
        if !session.chain.sync_begins() {
            session.refuse(request_id, Refusal::TooManyInFlight);
            return;
        }
        let chain = Chain { user, lineage: session.lineage.id };
        let (key, lifeline, from) = (&services.key, &services.lifeline, session.lineage.from);
        let (marks, rebuild) =
            begin(key, lifeline, chain, &given, session.rendering.level, &session.kinds, from);
        services.lost_futures.note(&services.monitor, rebuild, chain);
        let (kinds, rendering) = (Arc::clone(&session.kinds), session.rendering);
        let bytes_max = page_bytes_max(session.link.encoding(), services.queued_bytes_max);
        let request = PageRequest { chain, given, marks, rebuild, rendering, kinds, entries_max, bytes_max };
        let encoding = session.link.encoding();
        let job = Arc::clone(&services);
        let queued_us = services.clock.monotonic_us();
        let read = services.readers.read(move |view| {
            let started_us = job.clock.monotonic_us();
            let answered = answer(view, &job.key, job.lifeline.current(), &request);
            if let Ok(answered) = &answered {
                count_told(&job.monitor, &answered.page);
            }
            let read = to_read(answered, encoding, (connection, request_id), user);
            let outcome = if matches!(read, PageRead::Failed { .. }) { Outcome::Fault } else { Outcome::Ok };
            let now_us = job.clock.monotonic_us();
            let waited = started_us.saturating_sub(queued_us);
            job.monitor.operation(Op::PageRead).finished(outcome, now_us.saturating_sub(started_us), waited);
            job.monitor.operation(Op::Sync).finished(outcome, now_us.saturating_sub(received_us), waited);
            job.ports.post(worker, user, Post::Read(connection, read));
        });
        if let Err(refusal) = read
            && let Some(session) = self.session(connection)
        {
            session.chain.page_failed();
            session.refuse(request_id, refusal);
        }
    }

    /// How many entries the page may have, 0 for the server's limit; nothing when the sync was refused, because its client
    /// asks in a loop.
    fn entries_max(
        &mut self,
        connection: ConnectionId,
        request_id: u64,
        wanted: u32,
        given: &Bytes,
    ) -> Option<u32> {
        let now_ms = self.services.clock.monotonic_us() / 1000;
        let lineage = self.session(connection)?.lineage.id;
        match self.progress(lineage).begin(given, now_ms) {
            Course::Answer => Some(wanted),
            Course::AnswerOne { alarm } => {
                if alarm {
                    self.services.monitor.add(ids::LINEAGES_STUCK, 1);
                    let (user, device) = (self.user.0, lineage.device.0);
                    let _of_this_request = span_of(connection, request_id).entered();
                    tracing::warn!(user, device, "a client hands in the same snapshot again and again");
                }
                Some(1)
            }
            Course::StayAway(wait_ms) => {
                self.services.monitor.add(ids::SYNC_LOOPS, 1);
                let wait_ms = u32::try_from(wait_ms).unwrap_or(u32::MAX);
                self.session(connection)?.refuse_for(request_id, Refusal::SyncTooOften, wait_ms);
                None
            }
        }
    }

    /// A page or another answer was read.
    pub(super) fn page_was_read(&mut self, connection: ConnectionId, read: PageRead) {
        let Some(session) = self.session(connection) else {
            return;
        };
        match read {
            PageRead::Frame(frame) => session.answer_encoded(frame),
            PageRead::Ticks(conversation, read) => self.ticks_were_read(connection, conversation, read),
            PageRead::Failed { request_id, page } => {
                session.refuse(request_id, Refusal::Internal);
                if page {
                    session.chain.page_failed();
                }
            }
            PageRead::Page { frame, snapshot, marks, more, follows } => {
                let lineage = session.lineage.id;
                let now_ms = self.services.clock.monotonic_us() / 1000;
                self.progress(lineage).answered(&snapshot, now_ms);
                let Some(session) = self.session(connection) else {
                    return;
                };
                let news = session.chain.page_given(Issued { snapshot, marks }, more);
                session.chain.page_was_merged(follows);
                session.answer_encoded(frame);
                if news {
                    // State kinds may be among what came meanwhile, so it is fetched.
                    self.tell_news_to(connection, true);
                }
            }
        }
    }
}

fn to_read(
    answered: Result<Answered, ReadFault>,
    encoding: Encoding,
    (connection, request_id): (ConnectionId, u64),
    user: UserId,
) -> PageRead {
    match answered {
        Ok(answered) => {
            let Answered { page, snapshot, marks, follows } = answered;
            let more = page.more;
            let body = Some(proto::server_frame::Body::Page(page));
            let frame = super::encode(encoding, &proto::ServerFrame { request_id, body });
            PageRead::Page { frame, snapshot, marks, more, follows }
        }
        Err(fault) => {
            let error = &fault as &dyn std::error::Error;
            let _of_this_request = span_of(connection, request_id).entered();
            tracing::error!(error, user = user.0, "a page could not be read");
            PageRead::Failed { request_id, page: true }
        }
    }
}
