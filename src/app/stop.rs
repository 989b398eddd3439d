//! Stopping: what is in flight is answered, clients are told to come again, nothing is cut off.

use std::{sync::Arc, time::Duration};

use actix_web::rt::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep},
};

use crate::{
    actors::{persistence::intake::Intake, ports::Ports},
    http::upgrade::Door,
};

/// How long requests in flight may take to be decided. Source: of the 10 s that a stop may take.
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
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
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

/// Takes nothing new, lets everything in flight be answered, then closes every connection.
pub(super) async fn drain(intake: &Arc<Intake>, ports: &Ports, door: &Arc<Door>) {
    intake.close();
    wait_until(DECIDE_TIMEOUT, || intake.depth() == 0).await;
    ports.drain();
    wait_until(CLOSE_TIMEOUT, || door.connections() == 0).await;
}

async fn wait_until(timeout: Duration, done: impl Fn() -> bool) {
    let end = Instant::now() + timeout;
    while !done() && Instant::now() < end {
        sleep(LOOK).await;
    }
}
