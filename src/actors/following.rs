//! What the users of a worker follow: read when they come, and looked out for from then on. The table itself is
//! `sync::FollowedHere`, one per worker, kept beside its board.

use std::sync::Arc;

use highwater_wire::Refusal;

use super::{
    ports::{Post, WorkerId},
    user::UserServices,
};
use crate::{
    model::UserId,
    sync::{Presence, Stay},
};

/// Has a reader find what a user follows, who is registered already. What was posted meanwhile is told when it is found.
///
/// # Errors
/// When no reader takes it: it is to be asked again.
pub(super) fn read_follows(
    services: &Arc<UserServices>,
    worker: WorkerId,
    user: UserId,
    stay: Stay,
) -> Result<(), Refusal> {
    let job = Arc::clone(services);
    services.readers.read(move |view| match view.followed(user) {
        Ok(follows) => {
            let was_posted = job.ports.followed(worker).was_read(user, stay, follows);
            if was_posted {
                job.ports.post(worker, user, Post::News { items: false });
            }
        }
        Err(fault) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(
                error,
                user = user.0,
                "what a user follows was not read; heartbeats find what is posted"
            );
        }
    })
}

/// A request over HTTP that waits: while it lives, its user is woken by what is posted in followed channels.
pub struct PollPresence {
    services: Arc<UserServices>,
    user: UserId,
}

impl PollPresence {
    /// Begins to look out for what a user follows. Begun before the store is looked at, nothing falls between.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn begin(services: &Arc<UserServices>, user: UserId) -> Result<PollPresence, Refusal> {
        let worker = services.ports.poll_worker(user);
        let stay = services.ports.followed(worker).come(user, Presence::Poll);
        let presence = PollPresence { services: Arc::clone(services), user };
        if let Some(stay) = stay {
            let follows = services.readers.ask(move |view| view.followed(user)).await?;
            // Those of the user who came earlier may have looked already.
            let was_posted = services.ports.followed(worker).was_read(user, stay, follows);
            if was_posted {
                services.waiters.wake(user);
            }
        }
        Ok(presence)
    }
}

impl Drop for PollPresence {
    fn drop(&mut self) {
        let worker = self.services.ports.poll_worker(self.user);
        self.services.ports.followed(worker).go(self.user, Presence::Poll);
    }
}
