//! Telling: after a batch is durable, the waiting requests get their answers and the workers their news.

use std::sync::Arc;

use highwater_wire::Refusal;

use super::intake::{Reply, Submission};
use crate::{
    actors::{
        cleaner::CleanerBell,
        directory::Directory,
        group::Groups,
        hand_backs::HandBacks,
        ports::{Ports, Post, WorkerId},
        profile_changes::ProfileNews,
        user::audience,
        waiters::Waiters,
        watchers::Watchers,
    },
    logic::{
        Answer,
        fan_out_job::group_of,
        operation::{ContactChange, ErasureRequest, ProfileRequest, Request},
    },
    model::{
        Broadcasts, ChannelEffect, Clock, ConversationId, DeviceEnd, DeviceId, Effect, GroupEffect, Record,
        UserId,
    },
    monitor::{Monitor, Op, Outcome, ids},
};

/// Gathers what each worker gets, so that a batch costs one message per worker.
pub(super) struct Telling {
    ports: Ports,
    directory: Directory,
    waiters: Waiters,
    groups: Groups,
    hand_backs: HandBacks,
    watchers: Watchers,
    cleaner: CleanerBell,
    profile_news: ProfileNews,
    by_worker: Vec<Vec<(UserId, Post)>>,
    /// Channels in which the batch posted something, each once.
    posted: Vec<ConversationId>,
}

/// Whom it tells.
pub struct TellingParts {
    /// The way back.
    pub ports: Ports,
    /// Who is where.
    pub directory: Directory,
    /// Who waits over HTTP.
    pub waiters: Waiters,
    /// Who tells the members of groups, and asks for the steps of their fan-outs.
    pub groups: Groups,
    /// Where hand-backs are remembered.
    pub hand_backs: HandBacks,
    /// Who is told hints of whom.
    pub watchers: Watchers,
    /// Who is woken when an erasure begins.
    pub cleaner: CleanerBell,
    /// Who tells changed profiles.
    pub profile_news: ProfileNews,
}

impl Telling {
    pub(super) fn new(parts: TellingParts) -> Telling {
        let TellingParts { ports, directory, waiters, groups, hand_backs, watchers, cleaner, profile_news } =
            parts;
        let by_worker = (0..ports.workers()).map(|_| Vec::new()).collect();
        Telling {
            ports,
            directory,
            waiters,
            groups,
            hand_backs,
            watchers,
            cleaner,
            profile_news,
            by_worker,
            posted: Vec::new(),
        }
    }

    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    fn post(&mut self, worker: WorkerId, user: UserId, post: Post) {
        self.by_worker[worker.0].push((user, post));
    }

    /// News for everybody whom the records concern and who is connected.
    pub(super) fn news(&mut self, records: &[Arc<Record>], monitor: &Monitor) {
        self.hand_backs.note(records);
        let (mut messages, mut tombstones) = (0, 0);
        for record in records {
            if let Some(group) = group_of(record) {
                count_pointers(record, monitor);
                if !self.groups.leave(group, record) {
                    monitor.add(ids::GROUP_RECORDS_TOLD_DIRECTLY, 1);
                    self.tell_all(record);
                }
            } else {
                self.tell_all(record);
            }
            for effect in &record.effects {
                match effect {
                    Effect::Message(_) => messages += 1,
                    Effect::ItemGone { .. } => tombstones += 1,
                    Effect::ProfileChanged(_) => {
                        monitor.add(ids::PROFILES_CHANGED, 1);
                        self.profile_news.came();
                    }
                    Effect::Channel(effect) => self.of_channel(effect, record, monitor),
                    Effect::DeviceEnded { user, device, .. } => {
                        self.put_out(*user, *device, record.end_of_devices(), monitor);
                    }
                    Effect::Erasure(erasure) if erasure.begun == record.version => {
                        self.cleaner.began(erasure.begun);
                    }
                    Effect::Device(device) if device.suspended => {
                        self.put_out(device.user, device.device, DeviceEnd::Suspended, monitor);
                    }
                    _ => {}
                }
            }
        }
        self.tell_posted(monitor);
        monitor.add(ids::MESSAGES_STORED, messages);
        monitor.add(ids::CLEANUP_TOMBSTONES, tombstones);
        if self.watchers.is_any() {
            for (watcher, reader) in self.watchers.concerned(records) {
                if let Some(worker) = self.directory.worker(watcher) {
                    self.post(worker, watcher, Post::TicksRose(reader));
                }
            }
        }
    }

    fn tell_all(&mut self, record: &Record) {
        for (user, items) in audience(record) {
            self.waiters.wake(user);
            if let Some(worker) = self.directory.worker(user) {
                self.post(worker, user, Post::News { items });
            }
        }
    }

    /// Who follows what is changed at once where the user is, so that what is posted behind it finds it so.
    fn of_channel(&mut self, effect: &ChannelEffect, record: &Record, monitor: &Monitor) {
        let (user, channel, is_followed) = match effect {
            ChannelEffect::Posted(posted) => {
                monitor.add(ids::CHANNEL_POSTS, 1);
                self.posted.push(posted.channel);
                return;
            }
            ChannelEffect::Follow(follow) => (follow.user, follow.channel, follow.is_open()),
            ChannelEffect::FollowGone { user, channel } => (*user, *channel, false),
            ChannelEffect::Broadcasts(rows) => return self.of_broadcasts(rows, record, monitor),
            ChannelEffect::Row(_) | ChannelEffect::FollowCount { .. } => return,
        };
        let of_polls = self.ports.poll_worker(user);
        let of_actor = self.directory.worker(user).filter(|worker| *worker != of_polls);
        for worker in [Some(of_polls), of_actor].into_iter().flatten() {
            self.ports.followed(worker).changed(user, channel, is_followed, record.version);
        }
    }

    /// A channel that everybody is to follow has begun to be one, or some users were given the follow.
    fn of_broadcasts(&self, rows: &Broadcasts, record: &Record, monitor: &Monitor) {
        if rows.0.iter().any(|row| row.begun == record.version) {
            self.cleaner.began(record.version);
            return;
        }
        let is_follow = |effect: &&Effect| matches!(effect, Effect::Channel(ChannelEffect::Follow(_)));
        let given = record.effects.iter().filter(is_follow).count();
        monitor.add(ids::BROADCAST_FOLLOWS, given as u64);
    }

    /// One envelope per worker for everything that a batch posted, whoever follows.
    fn tell_posted(&mut self, monitor: &Monitor) {
        if self.posted.is_empty() {
            return;
        }
        self.posted.sort_unstable();
        self.posted.dedup();
        let posted: Arc<[ConversationId]> = self.posted.drain(..).collect();
        self.ports.tell_posted(&posted);
        monitor.add(ids::POST_ENVELOPES, self.ports.workers() as u64);
    }

    /// Ends what a device has open: its polls look again and find that it is out, its connections are closed.
    fn put_out(&mut self, user: UserId, device: DeviceId, why: DeviceEnd, monitor: &Monitor) {
        monitor.add(ended(why), 1);
        self.waiters.wake(user);
        if let Some(worker) = self.directory.worker(user) {
            self.post(worker, user, Post::Ended(device, why));
        }
    }

    /// Answers one operation, which waited until `started_us` to be decided.
    pub(super) fn answer(
        &mut self,
        submission: Submission,
        result: Result<Answer, Refusal>,
        started_us: u64,
        monitor: &Monitor,
        clock: &Clock,
    ) {
        let outcome = match &result {
            Ok(_) => Outcome::Ok,
            Err(refusal) => Outcome::from(*refusal),
        };
        let took_us = clock.monotonic_us().saturating_sub(submission.queued_us);
        let asked = match &submission.operation.request {
            Request::OnBehalf(on_behalf) => &on_behalf.operation.request,
            request => request,
        };
        if let (Ok(_), Request::ChangeContact(change)) = (&result, asked) {
            monitor.add(changed(&change.change), 1);
        }
        if result.is_ok() {
            count_erasing(asked, monitor);
            let is_told = matches!(asked, Request::Profile(ProfileRequest::Tell { .. }));
            monitor.add(ids::PROFILES_TOLD, u64::from(is_told));
        }
        if let Some(op) = op_of(asked) {
            let waited_us = started_us.saturating_sub(submission.queued_us);
            monitor.operation(op).finished(outcome, took_us, waited_us);
        }
        match submission.reply {
            Reply::User(name) => self.post(name.worker, name.user, Post::Answer(name, result)),
            Reply::Nobody => {}
            Reply::Group(group, number) => self.groups.answered(group, number, result.err()),
            // The task that asked may be gone with its client.
            Reply::Once(reply) => drop(reply.send(result)),
        }
    }

    /// Hands everything gathered to the workers.
    pub(super) fn flush(&mut self) {
        for (worker, posts) in self.by_worker.iter_mut().enumerate() {
            self.ports.post_all(WorkerId(worker), posts);
        }
    }
}

/// Pointers by which the entries of groups reached inboxes: at once, or by steps.
fn count_pointers(record: &Record, monitor: &Monitor) {
    for effect in &record.effects {
        match effect {
            Effect::Message(delivery) => {
                monitor.add(ids::GROUP_POINTERS_AT_ONCE, delivery.pointers.len() as u64)
            }
            Effect::Group(GroupEffect::Expanded(step)) => {
                monitor.add(ids::GROUP_POINTERS_BY_STEPS, step.pointers.len() as u64)
            }
            _ => {}
        }
    }
}

/// What is done of an erasure.
fn count_erasing(request: &Request, monitor: &Monitor) {
    let Request::Erase(request) = request else { return };
    let id = match request {
        ErasureRequest::Begin(_) => ids::ERASURES_BEGUN,
        ErasureRequest::Contact { .. } => ids::ERASURES_CONTACTS,
        ErasureRequest::Conversation { .. } => ids::ERASURES_TOLD,
    };
    monitor.add(id, 1);
}

/// What counts the end of a device.
fn ended(why: DeviceEnd) -> u32 {
    match why {
        DeviceEnd::Replaced => ids::DEVICES_REPLACED,
        DeviceEnd::SignedOut => ids::DEVICES_ENDED,
        DeviceEnd::Suspended => ids::DEVICES_SUSPENDED,
    }
}

/// What counts a change of a contact.
fn changed(change: &ContactChange) -> u32 {
    match change {
        ContactChange::Block => ids::CONTACTS_BLOCKED,
        ContactChange::Unblock => ids::CONTACTS_UNBLOCKED,
        ContactChange::Note { .. } => ids::CONTACTS_NOTED,
        ContactChange::Delete => ids::CONTACTS_DELETED,
        ContactChange::Ask { .. } => ids::CONTACTS_ASKED,
        ContactChange::Accept => ids::CONTACTS_ACCEPTED,
        ContactChange::Refuse => ids::CONTACTS_REFUSED,
        ContactChange::Withdraw => ids::CONTACTS_WITHDRAWN,
    }
}

fn op_of(request: &Request) -> Option<Op> {
    match request {
        Request::Send(_) => Some(Op::Send),
        Request::MakeUser(_) => Some(Op::Register),
        Request::EndDevices { .. } | Request::EndDevice { .. } => Some(Op::EndDevice),
        Request::HandBack { .. } => Some(Op::HandBack),
        // Counted where the password is proven.
        Request::Register(_)
        | Request::AddDevice(_)
        | Request::ChangePassword(_)
        | Request::SetPassword { .. }
        | Request::Suspend { .. }
        | Request::Erase(_)
        | Request::ChangeContact(_)
        | Request::OpenLineage(_)
        | Request::Expire(_)
        | Request::RetireInbox { .. }
        | Request::RetireTombstones { .. }
        | Request::RemoveTombstones { .. }
        | Request::RetireBodies { .. }
        | Request::StoreTime
        | Request::AcceptTime
        | Request::Invite(_)
        | Request::ApiKey(_)
        | Request::Operator(_)
        // What it asks is counted.
        | Request::OnBehalf(_)
        | Request::PutDocument { .. }
        | Request::Reading(_)
        | Request::SetPrivacy { .. }
        | Request::Profile(_)
        | Request::SetStrangers { .. }
        | Request::Group(_)
        | Request::Channel(_)
        | Request::Turn(..)
        | Request::Broadcast(_)
        | Request::ForgetFollow { .. }
        | Request::Expand(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actors::group::{ActiveBounds, GroupsParts},
        logic::hand_back_times::{HandedBackWithin, Minute, Versions},
        model::{DeviceId, Kind, KindSet, Lineage, LineageId, Lineages, TimeMs, Version, limits::KINDS_MAX},
        store::tail::Tail,
    };

    #[test]
    fn what_is_told_is_remembered_of_hand_backs() {
        let (first, second) = (TimeMs(60_000_000), TimeMs(61_000_000));
        let hand_backs = HandBacks::since(first, first, Version(0), &[]);
        let (ports, directory, waiters) = (Ports::new(1), Directory::default(), Waiters::bounded(1));
        let groups = Groups::new(GroupsParts {
            intake: Arc::default(),
            ports: ports.clone(),
            directory: directory.clone(),
            waiters: waiters.clone(),
            tail: Arc::new(Tail::new(Version(0))),
            clock: Clock::new(|| 0, || 0),
            monitor: Monitor::new(),
            bounds: ActiveBounds::default(),
        });
        let hand_backs_told = hand_backs.clone();
        let parts = TellingParts {
            ports,
            directory,
            waiters,
            groups,
            hand_backs: hand_backs_told,
            watchers: Watchers::default(),
            cleaner: CleanerBell::default(),
            profile_news: ProfileNews::default(),
        };
        let mut telling = Telling::new(parts);
        let id = LineageId { device: DeviceId(11), context: 0 };
        let mut row = Lineage::new(id, Version(0), KindSet::ALL, first);
        for (at, mark) in [(first, 50), (second, 60)] {
            let mut marks = [Version(0); KINDS_MAX];
            marks[usize::from(Kind::MESSAGES.0) - 1] = Version(mark);
            row.hand_back(&marks, at);
            let lineages = Lineages { rows: vec![row], ..Lineages::none(UserId(1)) };
            let record = Record { version: Version(mark + 1), effects: vec![Effect::Lineages(lineages)] };
            telling.news(&[Arc::new(record)], &Monitor::new());
        }
        let versions = Versions { least: Version(40), greatest: Version(40) };
        let minute = Minute::of(first);
        assert_eq!(
            hand_backs.look(|times| times.handed_back(&row, versions, first)),
            Some(HandedBackWithin { from: Some(minute), to: minute })
        );
    }
}
