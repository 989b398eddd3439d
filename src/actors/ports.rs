//! The way back to the workers: one bounded-by-its-causes board per worker, and one wake at a time to its hub.
//!
//! Everything on a board was caused by a request that was admitted, a page that was asked for, or a notice that is
//! merged per user, so the boards need no bound of their own and nothing on them is ever dropped.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix::Addr;
use highwater_wire::Refusal;
use parking_lot::{Mutex, MutexGuard, RwLock};

use super::{
    hub::{Drain, Hub, Join, Wake},
    persistence::intake::RequestName,
    reader::PageRead,
    transport::ConnectionId,
    user::User,
};
use crate::{
    logic::Answer,
    model::{ConversationId, DeviceEnd, DeviceId, UserId, Version},
    sync::FollowedHere,
};

/// Number of a worker of the client port, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerId(pub usize);

/// Something for a user's actor.
#[derive(Debug)]
pub enum Post {
    /// An operation was decided and, where it changed something, is durable.
    Answer(RequestName, Result<Answer, Refusal>),
    /// A page was read, or something else that a reader was asked for.
    Read(ConnectionId, PageRead),
    /// The newest that the user is to be told, as a heartbeat had it looked up.
    Head(ConnectionId, Version),
    /// Something durable is new for the user.
    News {
        /// A state kind is among it: it is fetched, not pushed.
        items: bool,
    },
    /// Somebody may have come further with a conversation of which a connection of the user is told hints.
    TicksRose(UserId),
    /// A device is no more, or may not be here.
    Ended(DeviceId, DeviceEnd),
}

/// What is on a board.
#[derive(Default)]
pub(super) struct Board {
    /// For one user each.
    pub(super) posts: Vec<(UserId, Post)>,
    /// For many users: who has news, and whether a state kind is among them.
    pub(super) news: Vec<Vec<(UserId, bool)>>,
    /// Channels in which something was posted: the same list for every worker. Whom it concerns the hub knows.
    pub(super) posted: Vec<Arc<[ConversationId]>>,
}

/// One worker's board and hub.
struct Port {
    board: Mutex<Board>,
    awake: AtomicBool,
    hub: RwLock<Option<Addr<Hub>>>,
    followed: Mutex<FollowedHere>,
}

/// The boards of all workers.
#[derive(Clone)]
pub struct Ports {
    ports: Arc<[Port]>,
}

impl Ports {
    /// Boards for a number of workers.
    #[must_use]
    pub fn new(workers: usize) -> Ports {
        let port = || Port {
            board: Mutex::default(),
            awake: AtomicBool::new(false),
            hub: RwLock::default(),
            followed: Mutex::default(),
        };
        Ports { ports: (0..workers).map(|_| port()).collect() }
    }

    /// Number of workers.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.ports.len()
    }

    /// Says which hub serves a worker, at its start or when its worker was started anew.
    pub fn serve(&self, worker: WorkerId, hub: Addr<Hub>) {
        *self.ports[worker.0].hub.write() = Some(hub);
        self.wake(worker);
    }

    /// Asks the hub of a worker, at the edges: never per message.
    pub async fn ask(&self, worker: WorkerId, join: Join) -> Option<Result<Addr<User>, WorkerId>> {
        let asked = self.ports[worker.0].hub.read().as_ref().map(|hub| hub.send(join));
        asked?.await.ok()
    }

    /// Tells every hub that the server stops.
    pub fn drain(&self) {
        for port in self.ports.iter() {
            if let Some(hub) = &*port.hub.read() {
                #[allow(clippy::disallowed_methods, reason = "a signal of the life cycle, sent once")]
                hub.do_send(Drain);
            }
        }
    }

    /// What is on the board of a worker and was not taken by its hub yet. Envelopes for many count as one.
    #[must_use]
    pub fn board_depth(&self, worker: WorkerId) -> usize {
        let board = self.ports[worker.0].board.lock();
        board.posts.len() + board.news.len() + board.posted.len()
    }

    /// Leaves something for one user.
    pub fn post(&self, worker: WorkerId, user: UserId, post: Post) {
        self.ports[worker.0].board.lock().posts.push((user, post));
        self.wake(worker);
    }

    /// Leaves many things at once, in order.
    pub fn post_all(&self, worker: WorkerId, posts: &mut Vec<(UserId, Post)>) {
        if posts.is_empty() {
            return;
        }
        self.ports[worker.0].board.lock().posts.append(posts);
        self.wake(worker);
    }

    /// Leaves the news of many users in one envelope.
    pub fn tell(&self, worker: WorkerId, members: Vec<(UserId, bool)>) {
        if members.is_empty() {
            return;
        }
        self.ports[worker.0].board.lock().news.push(members);
        self.wake(worker);
    }

    /// Leaves at every worker in which channels something was posted. Whoever follows is told by the hubs, so it costs the
    /// same for any number of followers.
    pub fn tell_posted(&self, posted: &Arc<[ConversationId]>) {
        for worker in 0..self.ports.len() {
            self.ports[worker].board.lock().posted.push(Arc::clone(posted));
            self.wake(WorkerId(worker));
        }
    }

    /// Who is at a worker and follows what. Held for as long as it takes to look.
    pub fn followed(&self, worker: WorkerId) -> MutexGuard<'_, FollowedHere> {
        self.ports[worker.0].followed.lock()
    }

    /// At which worker requests of a user over HTTP wait, whichever took them in.
    #[must_use]
    pub fn poll_worker(&self, user: UserId) -> WorkerId {
        WorkerId((user.0 % self.ports.len() as u64) as usize)
    }

    /// Everything on a worker's board.
    pub(super) fn take(&self, worker: WorkerId) -> Board {
        let port = &self.ports[worker.0];
        // Cleared before looking, so that what comes after the look sends a wake.
        port.awake.store(false, Ordering::Release);
        std::mem::take(&mut *port.board.lock())
    }

    fn wake(&self, worker: WorkerId) {
        let port = &self.ports[worker.0];
        if let Some(hub) = &*port.hub.read()
            && !port.awake.swap(true, Ordering::AcqRel)
            && hub.try_send(Wake).is_err()
        {
            // The hub's mailbox is full of other messages: its own interval finds the board.
            port.awake.store(false, Ordering::Release);
        }
    }
}
