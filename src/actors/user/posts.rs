//! What was posted in followed channels, beside the word of the hub: a heartbeat of who follows any is answered by a nudge
//! if it lacks something, whatever became of the nudges before.

use std::sync::Arc;

use super::{Session, User};
use crate::{
    actors::{ports::Post, transport::ConnectionId},
    model::Version,
};

impl User {
    /// Has a reader find the newest that the user is to be told, if the connection's client follows channels. When no reader
    /// takes it, the next heartbeat asks again.
    pub(super) fn look_for_posts(&mut self, connection: ConnectionId) {
        let (user, worker, job) = (self.user, self.worker, Arc::clone(&self.services));
        let wants_look = |session: &&mut Session| session.chain.waits_for_posts() && !session.looks_for_posts;
        let Some(session) = self.session(connection).filter(wants_look) else {
            return;
        };
        session.looks_for_posts = true;
        let asked = self.services.readers.read(move |view| match view.messages_head(user) {
            Ok(head) => job.ports.post(worker, user, Post::Head(connection, head)),
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(
                    error,
                    connection = connection.0,
                    user = user.0,
                    "the newest of a user could not be read"
                );
                job.ports.post(worker, user, Post::Head(connection, Version(0)));
            }
        });
        if asked.is_err() {
            self.head_was_read(connection, Version(0));
        }
    }

    /// The newest was found; 0 when it could not be looked for.
    pub(super) fn head_was_read(&mut self, connection: ConnectionId, head: Version) {
        let Some(session) = self.session(connection) else {
            return;
        };
        session.looks_for_posts = false;
        if session.chain.lacks(head) {
            self.tell_news_to(connection, false);
        }
    }

    /// Whether the user follows what the newest page of a session says. If the user has begun to follow something since, a
    /// post may stand between; if the user has left something, a post may be for others. That is known from the tail until it
    /// was told, and then from what was told. Asked after the news were read: what is newer is not among them. The tail is asked
    /// first: what it has let go of by then was told before.
    pub(super) fn follows_as_told(&self, session: &Session) -> bool {
        let in_tail = self.services.tail.follows_changed(self.user);
        let told = self.services.ports.followed(self.worker).changed_at(self.user);
        session.chain.knows_follows(in_tail.max(told))
    }
}
