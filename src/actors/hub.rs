//! The hub: one per worker, it passes what is on the worker's board to the user actors of that worker.
//!
//! **Owns** the worker's table of user actors. **Receives** wakes, connections that want their user's actor, and the
//! word of user actors that are idle. **Emits** one message per user and wake. **Durable before replying:** nothing;
//! what is on a board is durable already. **Mailbox:** `MAILBOX_MAX`; a wake that does not fit is found by the
//! interval, a connection that does not fit is refused as busy. **Started** with its worker, **stopped** with it.
//! **A restart loses** the connections of the worker; clients reconnect and sync.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    accounts::Accounts,
    directory::Directory,
    following::read_follows,
    ports::{Board, Ports, Post, WorkerId},
    transport::WorkerLinks,
    user::{Posts, User, UserServices},
};
use crate::{
    model::{ConversationId, UserId},
    monitor::ids,
    sync::{Presence, Stay},
};

/// Messages that wait for a hub. Source: attaches of a reconnect storm; each is refused as busy beyond it.
const MAILBOX_MAX: usize = 4096;

/// How often the hub looks at the board without being woken, and at what it could not pass on.
const INTERVAL: Duration = Duration::from_millis(50);

/// Close code of RFC 6455's registry: the service restarts.
const SERVICE_RESTART: u16 = 1012;

/// Clients come back after a random part of this, so that they do not all come at once.
/// Source: 15,000 connections over 5 s are 3,000 handshakes a second, a third of what one worker takes.
const RECONNECT_SPREAD_MS: u32 = 5_000;

/// See the module.
pub struct Hub {
    worker: WorkerId,
    ports: Ports,
    directory: Directory,
    services: Arc<UserServices>,
    accounts: Arc<Accounts>,
    links: Rc<WorkerLinks>,
    users: FxHashMap<UserId, Resident>,
    /// What a user's full mailbox did not take, in order; passed on at the next look. Bounded like the boards.
    refused: Vec<(UserId, Vec<Post>)>,
    /// Users whose follows no reader took; asked again at the next interval. Bounded by the users of the worker.
    unread: Vec<(UserId, Stay)>,
}

/// A user actor of this worker.
struct Resident {
    actor: Addr<User>,
    /// Connections that were given its address so far: it may only stop if all of them attached.
    attaches: u64,
}

/// There is something on the board.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

/// The server stops: every connection of the worker is told to come again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain;

/// A signed-in connection wants its user's actor, to which it will attach itself.
#[derive(Message)]
#[rtype(result = "Result<Addr<User>, WorkerId>")]
pub struct Join {
    /// Whose.
    pub user: UserId,
}

/// A user actor has had no connection for some time.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Idle {
    pub(super) user: UserId,
    /// Connections that it was handed so far.
    pub(super) attaches: u64,
}

impl Hub {
    /// A hub that is not yet started.
    #[must_use]
    pub fn new(
        worker: WorkerId,
        ports: Ports,
        directory: Directory,
        services: Arc<UserServices>,
        accounts: Arc<Accounts>,
        links: Rc<WorkerLinks>,
    ) -> Hub {
        let (users, refused, unread) = (FxHashMap::default(), Vec::new(), Vec::new());
        Hub { worker, ports, directory, services, accounts, links, users, refused, unread }
    }

    fn look(&mut self) {
        for (user, posts) in std::mem::take(&mut self.refused) {
            self.pass(user, posts);
        }
        let mut board = self.ports.take(self.worker);
        let followers = self.followers_of(std::mem::take(&mut board.posted));
        board.news.push(followers);
        for (user, posts) in by_user(board) {
            self.pass(user, posts);
        }
    }

    /// Who is here and follows one of these channels. Those who wait over HTTP are woken.
    fn followers_of(&self, posted: Vec<Arc<[ConversationId]>>) -> Vec<(UserId, bool)> {
        let mut found = FxHashSet::default();
        if !posted.is_empty() {
            let mut followed = self.ports.followed(self.worker);
            for channel in posted.iter().flat_map(|channels| channels.iter()) {
                found.extend(followed.posted(*channel));
            }
        }
        self.services.monitor.add(ids::FOLLOWERS_TOLD, found.len() as u64);
        for user in &found {
            self.services.waiters.wake(*user);
        }
        found.into_iter().map(|user| (user, false)).collect()
    }

    /// A user's actor was started: from here on what the user follows is looked out for.
    fn comes(&mut self, user: UserId) {
        let stay = self.ports.followed(self.worker).come(user, Presence::Actor);
        if let Some(stay) = stay {
            self.read_follows(user, stay);
        }
    }

    fn read_follows(&mut self, user: UserId, stay: Stay) {
        if read_follows(&self.services, self.worker, user, stay).is_err() {
            self.unread.push((user, stay));
        }
    }

    fn read_follows_again(&mut self) {
        for (user, stay) in std::mem::take(&mut self.unread) {
            self.read_follows(user, stay);
        }
    }

    fn pass(&mut self, user: UserId, posts: Vec<Post>) {
        // A user without an actor here has no connection here: there is nobody to tell.
        let Some(resident) = self.users.get(&user) else {
            return;
        };
        match resident.actor.try_send(Posts(posts)) {
            Ok(()) => {}
            Err(actix::dev::SendError::Full(Posts(posts))) => self.refused.push((user, posts)),
            Err(actix::dev::SendError::Closed(_)) => {
                // The actor panicked: its connections notice by their own sends and reconnect.
                self.users.remove(&user);
                self.ports.followed(self.worker).go(user, Presence::Actor);
                self.directory.remove(user, self.worker);
            }
        }
    }
}

/// Gathers what each user gets, in order; news merge.
fn by_user(board: Board) -> FxHashMap<UserId, Vec<Post>> {
    let mut gathered: FxHashMap<UserId, Vec<Post>> = FxHashMap::default();
    let of_many = board.news.into_iter().flatten().map(|(user, items)| (user, Post::News { items }));
    for (user, post) in board.posts.into_iter().chain(of_many) {
        let waiting = gathered.entry(user).or_default();
        match (&post, waiting.iter_mut().find(|waiting| matches!(waiting, Post::News { .. }))) {
            (Post::News { items }, Some(Post::News { items: merged })) => *merged |= items,
            _ => waiting.push(post),
        }
    }
    gathered
}

impl Actor for Hub {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MAX);
        self.ports.followed(self.worker).actors_gone();
        ctx.run_interval(INTERVAL, |hub, _| {
            hub.read_follows_again();
            hub.look();
        });
    }
}

impl Handler<Wake> for Hub {
    type Result = ();

    fn handle(&mut self, _: Wake, _: &mut Self::Context) {
        self.look();
    }
}

impl Handler<Join> for Hub {
    type Result = actix::MessageResult<Join>;

    fn handle(&mut self, join: Join, ctx: &mut Self::Context) -> Self::Result {
        let user = join.user;
        let owner = self.directory.worker_or(user, self.worker);
        if owner != self.worker {
            return actix::MessageResult(Err(owner));
        }
        let alive = self.users.get(&user).is_some_and(|resident| resident.actor.connected());
        if !alive {
            let (services, accounts) = (Arc::clone(&self.services), Arc::clone(&self.accounts));
            let actor = User::new(user, self.worker, services, accounts, ctx.address()).start();
            self.users.insert(user, Resident { actor, attaches: 0 });
            self.comes(user);
            self.services.monitor.set(ids::USERS_ACTIVE, self.directory.len() as u64);
        }
        let resident = self.users.get_mut(&user).expect("the user's actor was started just now");
        resident.attaches += 1;
        actix::MessageResult(Ok(resident.actor.clone()))
    }
}

impl Handler<Idle> for Hub {
    type Result = ();

    fn handle(&mut self, idle: Idle, _: &mut Self::Context) {
        // A connection that was handed over after the user spoke keeps it alive.
        let knows_all = self.users.get(&idle.user).is_some_and(|resident| resident.attaches == idle.attaches);
        if knows_all && let Some(resident) = self.users.remove(&idle.user) {
            self.ports.followed(self.worker).go(idle.user, Presence::Actor);
            self.directory.remove(idle.user, self.worker);
            self.services.monitor.set(ids::USERS_ACTIVE, self.directory.len() as u64);
            #[allow(clippy::disallowed_methods, reason = "a stop signal, sent once")]
            resident.actor.do_send(super::user::Stop);
        }
    }
}

impl Handler<Drain> for Hub {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        self.look();
        self.links.close_all(SERVICE_RESTART, &format!("retry_after_ms={RECONNECT_SPREAD_MS}"));
    }
}
