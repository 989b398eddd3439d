//! What was posted in followed channels, beside the word of the hub: a heartbeat of who follows any is answered by a nudge
//! if it lacks something, whatever became of the nudges before.

use std::sync::Arc;

use super::User;
use crate::{
    actors::{ports::Post, transport::ConnectionId},
    model::Version,
};

impl User {
    /// Has a reader find the newest that the user is to be told, if the connection's client follows channels. When no reader
    /// takes it, the next heartbeat asks again.
    pub(super) fn look_for_posts(&mut self, connection: ConnectionId) {
        let (user, worker, job) = (self.user, self.worker, Arc::clone(&self.services));
        if !self.session(connection).is_some_and(|session| session.chain.waits_for_posts()) {
            return;
        }
        let _ = self.services.readers.read(move |view| match view.messages_head(user) {
            Ok(head) => job.ports.post(worker, user, Post::Head(connection, head)),
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(error, user = user.0, "the newest of a user could not be read");
            }
        });
    }

    /// The newest was found.
    pub(super) fn head_was_read(&mut self, connection: ConnectionId, head: Version) {
        if self.session(connection).is_some_and(|session| session.chain.lacks(head)) {
            self.tell_news_to(connection, false);
        }
    }

    /// Whether a push may be made of the inbox alone. Not when the user has begun to follow something since the newest page:
    /// a post may stand between. That is known from the tail until it was told, and then from what was told. Asked after
    /// the inbox was read: what is newer is not in it.
    pub(super) fn inbox_is_all(&self) -> bool {
        let told = self.services.ports.followed(self.worker).has_changed(self.user);
        !told && !self.services.tail.has_follows(self.user)
    }
}
