//! How the cleaner hears that an erasure or a broadcast has begun, so that others need not wait for its pause.

use std::sync::{Arc, OnceLock};

use actix::{Addr, Message};

use super::Cleaner;
use crate::model::Version;

/// Wakes the cleaner. One that is not started yet looks at its start.
#[derive(Clone, Default)]
pub struct CleanerBell(Arc<OnceLock<Addr<Cleaner>>>);

/// An erasure or a broadcast is durable that began with this version.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Began(pub(super) Version);

impl CleanerBell {
    /// Says whom to wake. Called once.
    pub fn serve(&self, cleaner: Addr<Cleaner>) {
        assert!(self.0.set(cleaner).is_ok(), "one cleaner hears the bell");
    }

    /// Says that an erasure or a broadcast has begun. What does not reach the cleaner, its next pass finds.
    pub fn began(&self, begun: Version) {
        if let Some(cleaner) = self.0.get() {
            // A mailbox that is full has others of these in it.
            let _ = cleaner.try_send(Began(begun));
        }
    }
}
