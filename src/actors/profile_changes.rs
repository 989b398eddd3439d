//! Changes of profiles: tells them to everybody who has something of the user, step by step, until nobody lacks them.
//!
//! A task beside the cleaner, without a memory of its own: which changes are not told yet stands in the index, and who
//! still lacks one is looked for. So a crash, a step that the committer had no room for, and a change that comes in the
//! middle of the telling of another are all one: what is found is asked for, and a pass that finds nothing ends it.
//!
//! **Wakes** when a change is durable, and once at the start. A change is looked at when the index has it: at once when the
//! server has little to do, and no later than the index follows. **A restart loses** how far a pass had come.

mod finding;

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

pub use self::finding::{Found, Telling, find};
use super::{
    persistence::intake::{Reply, Submission},
    user::UserServices,
};
use crate::{
    monitor::ids,
    store::view::{ReadFault, View},
};

/// How often a step is made while somebody is to be told, or the index does not have the newest change yet.
const STEP: Duration = Duration::from_millis(100);

/// Says that a profile was changed, to the task that waits for it.
#[derive(Clone, Default)]
pub struct ProfileNews(Arc<Notify>);

impl ProfileNews {
    /// A change is durable.
    pub fn came(&self) {
        self.0.notify_one();
    }
}

/// Tells changes for as long as the process lives.
pub async fn tell_changes(services: Arc<UserServices>) {
    // What the process before this one left is told, too.
    let (mut at, mut through) = (None, services.tail.durable());
    loop {
        match step(&services, at.take()).await {
            Some(next) => at = Some(next),
            None if services.tail.indexed() >= through => {
                services.profile_news.0.notified().await;
                through = services.tail.durable();
                continue;
            }
            None => {}
        }
        // A change that came meanwhile is found by the next pass.
        tokio::time::sleep(STEP).await;
    }
}

/// One step of a pass; nothing when there is nothing to tell, as far as the index knows.
async fn step(services: &Arc<UserServices>, at: Option<Telling>) -> Option<Telling> {
    let before = at.clone();
    let look = move |view: &View| find(view, at);
    let found = match look_at(services, look).await {
        Some(Ok(found)) => found,
        Some(Err(fault)) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(error, "the store could not be read for changed profiles; it is tried again");
            return before.or_else(|| Some(Telling::default()));
        }
        // The readers have more to do than they can: sends and pages come first.
        None => return before.or_else(|| Some(Telling::default())),
    };
    services.monitor.add(ids::PROFILE_CHANGES_TOLD, found.keys.len() as u64);
    services.intake.remove(found.keys);
    for request in found.requests {
        let submission = Submission::new(request, Reply::Nobody, &services.clock);
        if services.intake.submit(submission).is_err() {
            // It is found again by the next pass.
            break;
        }
    }
    found.next
}

/// What a reader finds; nothing when it cannot be asked now.
async fn look_at<T: Send + 'static>(
    services: &UserServices,
    look: impl FnOnce(&View) -> Result<T, ReadFault> + Send + 'static,
) -> Option<Result<T, ReadFault>> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    let job = move |view: &View| drop(reply.send(look(view)));
    services.readers.read(job).ok()?;
    answer.await.ok()
}
