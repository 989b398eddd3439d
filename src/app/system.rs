//! What comes from the system: time, randomness, threads, descriptors.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::StartFault;
use crate::{
    config::Config,
    model::{Clock, Random},
};

/// Descriptors that are not client sockets: log, index, listeners, threads. Source: about 60 in use, with room.
const DESCRIPTORS_RESERVED: u64 = 512;

/// The system's clock and its monotonic clock.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where time is read; everywhere else it is handed down"
)]
pub(super) fn clock() -> Clock {
    let started = Instant::now();
    let wall_ms = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    let monotonic_us = move || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Clock::new(wall_ms, monotonic_us)
}

/// The same clock with minutes of another length, if there is one: for tests of what happens by the minute.
pub(super) fn minute_clock(clock: &Clock, minute_ms: Option<u32>) -> Clock {
    let Some(minute_ms) = minute_ms else {
        return clock.clone();
    };
    let (wall, monotonic, begun_ms) = (clock.clone(), clock.clone(), clock.now().0);
    let wall_ms = move || {
        let passed_ms = wall.now().0.saturating_sub(begun_ms);
        begun_ms.saturating_add(passed_ms.saturating_mul(60_000) / i64::from(minute_ms))
    };
    Clock::new(wall_ms, move || monotonic.monotonic_us())
}

/// The system's generator, fit for secrets.
pub(super) fn random() -> Random {
    Random::new(|bytes| rand::Rng::fill_bytes(&mut rand::rng(), bytes))
}

/// Cores of the machine.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Threads that serve clients.
pub(super) fn worker_count(config: &Config) -> usize {
    match config.server.workers {
        0 => cores(),
        workers => workers,
    }
}

/// Fewest connections that a server is started for.
const CONNECTIONS_LEAST: usize = 16;

/// Connections that are single requests, at least. Source: of the descriptors that are reserved.
const REQUESTS_LEAST: usize = 256;

/// How many sockets of clients there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// WebSockets.
    pub(super) connections_max: usize,
    /// Connections of single HTTP requests, beside them.
    pub(super) requests_max: usize,
}

/// As many connections as configured, but never so many that descriptors run out.
///
/// # Errors
/// When hardly any could be served: the limit of open files.
pub(super) fn room(config: &Config) -> Result<Room, StartFault> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let descriptors = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let room = descriptors.map_or(usize::MAX, |descriptors| {
        usize::try_from(descriptors.saturating_sub(DESCRIPTORS_RESERVED)).unwrap_or(usize::MAX)
    });
    if room < config.client.connections_max {
        tracing::warn!(room, "the limit of open files allows fewer connections than configured");
    }
    if room < CONNECTIONS_LEAST {
        let limit = descriptors.unwrap_or(u64::MAX);
        let least = DESCRIPTORS_RESERVED + CONNECTIONS_LEAST as u64;
        return Err(StartFault::Descriptors { limit, least });
    }
    let connections_max = config.client.connections_max.min(room);
    // Single requests have what WebSockets leave.
    let requests_max = (room - connections_max).max(REQUESTS_LEAST);
    Ok(Room { connections_max, requests_max })
}
