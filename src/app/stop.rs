//! Signals. Stopping: what is in flight is answered, clients are told to come again, nothing is cut off. And a hangup, by
//! which the settings are read again.

use std::{sync::Arc, time::Duration};

use actix_web::rt::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep},
};

use crate::{
    actors::{persistence::intake::Intake, ports::Ports, unanswered::Unanswered},
    http::{settings::ServerSettings, upgrade::Door},
};

/// How long requests in flight may take to be answered. Source: of the 10 s that a stop may take.
const DECIDE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long connections may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

const LOOK: Duration = Duration::from_millis(10);

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen for them.
    pub(super) fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn received(mut self) {
        let (terminate, interrupt) = (self.terminate.recv(), self.interrupt.recv());
        futures_util::future::select(Box::pin(terminate), Box::pin(interrupt)).await;
        // A second signal ends the process at once: everything told is on disk, so nothing is lost by it.
        actix_web::rt::spawn(async move {
            let (terminate, interrupt) = (self.terminate.recv(), self.interrupt.recv());
            futures_util::future::select(Box::pin(terminate), Box::pin(interrupt)).await;
            std::process::exit(super::EXIT_FAULT);
        });
    }
}

/// SIGHUP.
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Begins to listen for it.
    pub(super) fn new() -> std::io::Result<Hangups> {
        Ok(Hangups(signal(SignalKind::hangup())?))
    }

    /// Has the settings read again with each; what is wrong with them is said in the log.
    pub(super) async fn reload(mut self, settings: Arc<ServerSettings>) {
        while self.0.recv().await.is_some() {
            if let Err(why) = settings.reload().await {
                tracing::error!(why, "the settings stay as they are: those read again cannot be taken");
            }
        }
    }
}

/// Takes nothing new, lets everything in flight be answered, then closes every connection.
pub(super) async fn drain(intake: &Arc<Intake>, unanswered: &Unanswered, ports: &Ports, door: &Arc<Door>) {
    intake.close();
    let end = Instant::now() + DECIDE_TIMEOUT;
    // Twice with a moment between: a request may be on its way from its connection to those who count it.
    for _ in 0..2 {
        wait_until(end, || intake.depth() == 0 && unanswered.count() == 0).await;
        sleep(LOOK).await;
    }
    ports.drain();
    wait_until(Instant::now() + CLOSE_TIMEOUT, || door.connections() == 0).await;
}

async fn wait_until(end: Instant, done: impl Fn() -> bool) {
    while !done() && Instant::now() < end {
        sleep(LOOK).await;
    }
}
