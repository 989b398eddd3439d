//! The user actor: one per connected user, it holds the user's connections and the marks of each.
//!
//! **Owns** the sessions of one user: link, lineage, newest snapshot given. **Receives** its connections' requests,
//! posts from the hub (answers, pages, news), and connections that come and go. **Emits** frames to links, operations
//! to the intake, jobs to the readers. **Durable before replying:** it tells only what the committer told as durable,
//! or what a view or the tail shows. **Mailbox:** `MAILBOX_MAX`; a request that does not fit is refused as busy by the
//! connection, posts that do not fit wait in the hub. **Started** by the hub for the first connection, **stopped** by
//! it some time after the last. **A restart loses** nothing that a snapshot does not bring back.

mod accounts_asked;
#[cfg(test)]
mod channel_transcripts_tests;
mod comparison;
mod contacts;
mod group_requests;
#[cfg(test)]
mod group_transcripts_tests;
mod handing_back;
mod hints;
mod history;
mod links;
mod lost_futures;
mod members;
mod naming;
mod page_limit;
mod pages;
mod posts;
mod push;
mod push_frame;
mod readings;
mod requests;
mod services;
mod session;
mod ticks;
#[cfg(test)]
mod transcripts_tests;

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};
use highwater_wire::{Encoding, close, proto};

pub use accounts_asked::{change_of_profile, change_of_strangers, device_list, shown, user_by_name};
pub use comparison::difference;
use contacts::change_of_contact;
use group_requests::{change_of_channel, change_of_group};
pub use handing_back::{hand_back, is_news};
pub use hints::TicksRead;
pub use history::{heads, range};
pub use links::{change_of_door, made_link};
pub use lost_futures::LostFutures;
pub use members::{about_group, group_info, is_about_group};
pub use naming::entries;
pub use pages::{Answered, PageRequest, answer, begin, count_told, page_bytes_max};
pub use push::{audience, audience_of_all};
pub use readings::reading_of;
pub use requests::{answer_body, change, message};
pub use services::UserServices;
pub use session::{Session, retry_after_ms};
pub use ticks::{TicksAnswer, ticks};

use super::{
    accounts::Accounts,
    hub::{Hub, Idle},
    ports::{Post, WorkerId},
    transport::{ConnectionId, Link},
};
use crate::{
    logic::Principal,
    model::{
        DeviceEnd, DeviceId, Lineage, LineageId, Strangers, UserId,
        limits::{CONNECTIONS_PER_USER_MAX, LINEAGES_PER_USER_MAX},
    },
    sync::{Kinds, Progress, Rendering},
};

/// Messages that wait for a user's actor. Source: every connection's requests in flight, for a handful of devices.
const MAILBOX_MAX: usize = 512;

/// How long a user without connections keeps its actor. Source: a phone that changes networks is back within a minute.
const LINGER: Duration = Duration::from_secs(120);

/// Close code of RFC 6455's registry: the service restarts, come again.
const SERVICE_RESTART: u16 = 1012;

/// How often a lagging connection is looked at.
const LAGGING_LOOK: Duration = Duration::from_millis(500);

/// A signed-in connection for its user's actor.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Attach {
    /// The way to the connection.
    pub link: Link,
    /// Who it is.
    pub principal: Principal,
    /// Which chain of snapshots it continues, as stored.
    pub lineage: Lineage,
    /// Level in force, and language.
    pub rendering: Rendering,
    /// Kinds declared.
    pub kinds: Arc<Kinds>,
    /// No pushes, only nudges.
    pub nudge_only: bool,
    /// Number of the request that said hello.
    pub hello_id: u64,
    /// When it came in, on the monotonic clock.
    pub received_us: u64,
}

/// A request of a connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Frame {
    /// Which connection.
    pub connection: ConnectionId,
    /// The request.
    pub frame: proto::ClientFrame,
    /// When it came in, on the monotonic clock.
    pub received_us: u64,
}

/// A connection is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Detach {
    /// Which.
    pub connection: ConnectionId,
}

/// Posts of one look at the board.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Posts(pub Vec<Post>);

/// The hub has let go of this actor.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

/// See the module.
pub struct User {
    user: UserId,
    worker: WorkerId,
    services: Arc<UserServices>,
    accounts: Arc<Accounts>,
    hub: Addr<Hub>,
    sessions: Vec<Session>,
    attaches: u64,
    /// Of lineages that have synced lately; at most as many as a user may have.
    progress: Vec<(LineageId, Progress)>,
    /// A look at lagging connections is planned.
    watching_lagging: bool,
    /// Marks that were handed back are about to be stored.
    storing_handed: bool,
    /// When the next look for hints is planned, milliseconds of the monotonic clock.
    hints_at_ms: Option<u64>,
}

impl User {
    /// A user's actor that is not yet started.
    pub(super) fn new(
        user: UserId,
        worker: WorkerId,
        services: Arc<UserServices>,
        accounts: Arc<Accounts>,
        hub: Addr<Hub>,
    ) -> User {
        User {
            user,
            worker,
            services,
            accounts,
            hub,
            sessions: Vec::new(),
            attaches: 0,
            progress: Vec::new(),
            watching_lagging: false,
            storing_handed: false,
            hints_at_ms: None,
        }
    }

    fn session(&mut self, connection: ConnectionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.link.id() == connection)
    }

    /// What is remembered of a lineage's syncs, also over its connections.
    fn progress(&mut self, lineage: LineageId) -> &mut Progress {
        let place = self.progress.iter().position(|(known, _)| *known == lineage).unwrap_or_else(|| {
            if self.progress.len() == LINEAGES_PER_USER_MAX {
                self.progress.remove(0);
            }
            self.progress.push((lineage, Progress::default()));
            self.progress.len() - 1
        });
        &mut self.progress[place].1
    }

    /// A lineage has one push chain, on its newest connection.
    fn make_room(&mut self, lineage: LineageId) {
        let oldest = self.sessions.len() >= CONNECTIONS_PER_USER_MAX;
        let mut place = 0;
        self.sessions.retain(|session| {
            let replaced = session.lineage.id == lineage || (oldest && place == 0);
            place += 1;
            if replaced {
                session.link.close(close::REPLACED, "a newer connection took its place");
            }
            !replaced
        });
    }

    fn plan_lagging_look(&mut self, ctx: &mut Context<User>) {
        if self.watching_lagging || !self.sessions.iter().any(|session| session.chain.is_lagging()) {
            return;
        }
        self.watching_lagging = true;
        ctx.run_later(LAGGING_LOOK, |user, ctx| {
            user.watching_lagging = false;
            for session in &mut user.sessions {
                session.nudge_if_drained();
            }
            user.plan_lagging_look(ctx);
        });
    }

    fn plan_stop(&self, ctx: &mut Context<User>) {
        let attaches = self.attaches;
        ctx.run_later(LINGER, move |user, _| {
            if user.sessions.is_empty() && user.attaches == attaches {
                // The hub decides, since it hands connections over; if its mailbox is full, the next detach asks again.
                let _ = user.hub.try_send(Idle { user: user.user, attaches });
            }
        });
    }
}

/// An actor that stopped in order has no session left. After a panic nobody answers for them: their clients come again.
impl Drop for User {
    fn drop(&mut self) {
        for session in &self.sessions {
            session.link.close(SERVICE_RESTART, "reconnect");
        }
    }
}

impl Actor for User {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MAX);
    }
}

impl Handler<Attach> for User {
    type Result = ();

    fn handle(&mut self, attach: Attach, _: &mut Self::Context) {
        self.attaches += 1;
        self.make_room(attach.lineage.id);
        let hello = (attach.hello_id, attach.received_us);
        let session = Session::new(attach, self.services.unanswered.share());
        session.send(&self.greeting(&session, hello.0));
        let taken = self.services.clock.monotonic_us().saturating_sub(hello.1);
        let hello = self.services.monitor.operation(crate::monitor::Op::Hello);
        hello.finished(crate::monitor::Outcome::Ok, taken, 0);
        self.sessions.push(session);
    }
}

impl Handler<Detach> for User {
    type Result = ();

    fn handle(&mut self, detach: Detach, ctx: &mut Self::Context) {
        self.store_handed_back();
        self.sessions.retain(|session| session.link.id() != detach.connection);
        if self.sessions.is_empty() {
            self.plan_stop(ctx);
        }
    }
}

impl Handler<Frame> for User {
    type Result = ();

    fn handle(&mut self, frame: Frame, ctx: &mut Self::Context) {
        self.request(frame);
        self.plan_storing_handed(ctx);
        self.plan_lagging_look(ctx);
    }
}

impl Handler<Posts> for User {
    type Result = ();

    fn handle(&mut self, posts: Posts, ctx: &mut Self::Context) {
        let mut news = None;
        for post in posts.0 {
            match post {
                Post::Answer(name, result) => self.answer(name, result),
                Post::Read(connection, read) => self.page_was_read(connection, read),
                Post::Head(connection, head) => self.head_was_read(connection, head),
                Post::News { items } => news = Some(items || news.unwrap_or(false)),
                Post::TicksRose(reader) => self.ticks_rose(reader),
                Post::Ended(device, why) => self.end(device, why),
            }
        }
        if let Some(items) = news {
            self.tell_news(items);
        }
        self.look_for_hints(ctx);
        self.plan_lagging_look(ctx);
    }
}

impl Handler<Stop> for User {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl User {
    fn end(&mut self, device: DeviceId, why: DeviceEnd) {
        let reason = match why {
            DeviceEnd::SignedOut => close::DEVICE_ENDED,
            DeviceEnd::Replaced => close::DEVICE_REPLACED,
            DeviceEnd::Suspended => close::ACCOUNT_SUSPENDED,
        };
        self.sessions.retain(|session| {
            let ended = session.lineage.id.device == device;
            if ended {
                session.link.close(close::UNAUTHENTICATED, reason);
            }
            !ended
        });
    }

    fn greeting(&self, session: &Session, hello_id: u64) -> proto::ServerFrame {
        use crate::model::limits;
        let (now, policy) = (self.services.clock.now(), self.services.policy.now());
        let kinds = session.kinds.listed();
        let kind =
            |(kind, name): (crate::model::Kind, String)| proto::Kind { number: u32::from(kind.0), name };
        let greeting = proto::Greeting {
            user_id: self.user.0,
            device_id: session.lineage.id.device.0,
            level: u32::from(session.rendering.level),
            kinds: kinds.into_iter().map(kind).collect(),
            capabilities: capabilities(policy.strangers),
            day: self.services.today().0,
            time_ms: now.0,
            heartbeat_ms: self.services.heartbeat_ms,
            text_bytes_max: limits::TEXT_BYTES_MAX as u32,
            frame_bytes_max: limits::FRAME_BYTES_MAX as u32,
            in_flight_max: limits::IN_FLIGHT_PER_CONNECTION_MAX,
            dedup_days: limits::DEDUP_DAYS,
            bodies: policy.retentions.bodies.to_string(),
        };
        proto::ServerFrame { request_id: hello_id, body: Some(proto::server_frame::Body::Greeting(greeting)) }
    }
}

/// What clients may find here, and what is so where a user has not said otherwise.
fn capabilities(strangers: Strangers) -> Vec<String> {
    let asks = (strangers == Strangers::Ask).then_some("strangers_ask");
    ["push", "http", "long_poll"].into_iter().chain(asks).map(str::to_owned).collect()
}

/// Encodes a frame as a connection has it.
pub(super) fn encode(encoding: Encoding, frame: &proto::ServerFrame) -> bytes::Bytes {
    bytes::Bytes::from(encoding.encode(frame))
}
