//! The sweeper: judges every connection of its worker from outside, once a second.
//!
//! A connection cannot judge itself: while its socket takes nothing, its actor's timers do not run. One pass over a
//! list also costs less than a timer per connection.
//!
//! **Owns** the worker's coarse clock. **Receives** nothing but its own tick.
//! **Emits** closes and drops of connections.
//! **Durable before replying:** nothing. **Mailbox:** unused; nobody holds its address.
//! **Started** once per worker with the client port; **stopped** with the worker's thread.
//! **A restart loses** nothing: all that it judges by is kept with the connections.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context};
use highwater_wire::refusal::close;

use super::transport::WorkerLinks;
use crate::model::limits::HELLO_TIMEOUT_MS;

/// Time between two looks at all connections; the resolution of the worker's clock.
const TICK: Duration = Duration::from_secs(1);

/// Monotonic milliseconds since any moment before the server's start. Handed down, so that tests can turn it.
pub type MonotonicMs = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How long a connection may be what, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Not authenticated since its opening.
    pub unauthenticated_ms: u64,
    /// Nothing heard from the client: two heartbeats and what a slow network adds.
    pub silent_ms: u64,
    /// Bytes waiting and none written.
    pub stalled_ms: u64,
    /// Closing and the peer has not ended its side.
    pub closing_ms: u64,
}

impl Patience {
    /// The patience for clients that heartbeat every `heartbeat_ms`.
    pub const fn with_heartbeat(heartbeat_ms: u64) -> Patience {
        Patience {
            // The worker's clock is up to a tick behind when a connection opens.
            unauthenticated_ms: HELLO_TIMEOUT_MS + TICK.as_millis() as u64,
            silent_ms: 2 * heartbeat_ms + 10_000,
            stalled_ms: 15_000,
            closing_ms: 5_000,
        }
    }
}

/// What a connection is judged by. Times are of the worker's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// When it was opened.
    pub opened_ms: u64,
    /// Whether the client has shown who it is.
    pub authenticated: bool,
    /// When the last bytes came from the client.
    pub heard_ms: u64,
    /// Since when bytes wait and none could be written.
    pub stalled_since_ms: Option<u64>,
    /// Since when it is closing.
    pub closing_since_ms: Option<u64>,
}

/// What is done with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Keep,
    /// An orderly close with this code.
    Close(u16),
    /// The socket is dropped at once; the code is for the log, the peer would not read it.
    Drop(u16),
}

/// RFC 6455, 7.4.1: the connection was closed without a close frame. For the log only, never on the wire.
const CLOSED_ABNORMALLY: u16 = 1006;

/// Judges one connection. The causes are looked at in the order in which they matter to the server.
pub fn judge(seen: &Observation, now_ms: u64, patience: &Patience) -> Verdict {
    let longer_than = |since_ms: u64, limit_ms: u64| now_ms.saturating_sub(since_ms) > limit_ms;
    if seen.stalled_since_ms.is_some_and(|since| longer_than(since, patience.stalled_ms)) {
        return Verdict::Drop(close::TOO_SLOW);
    }
    if let Some(since) = seen.closing_since_ms {
        return if longer_than(since, patience.closing_ms) {
            Verdict::Drop(CLOSED_ABNORMALLY)
        } else {
            Verdict::Keep
        };
    }
    if !seen.authenticated && longer_than(seen.opened_ms, patience.unauthenticated_ms) {
        return Verdict::Close(close::UNAUTHENTICATED);
    }
    if longer_than(seen.heard_ms, patience.silent_ms) {
        return Verdict::Close(close::SILENT);
    }
    Verdict::Keep
}

/// The actor. One per worker.
pub struct Sweeper {
    links: Rc<WorkerLinks>,
    clock: MonotonicMs,
    patience: Patience,
}

impl Sweeper {
    /// Starts the sweeper of this worker and sets the worker's clock.
    pub fn run(links: Rc<WorkerLinks>, clock: MonotonicMs, patience: Patience) {
        links.set_now_ms(clock());
        Sweeper { links, clock, patience }.start();
    }

    fn sweep(&mut self) {
        let now_ms = (self.clock)();
        self.links.set_now_ms(now_ms);
        for link in self.links.snapshot() {
            let verdict = judge(&link.outbox().observe(now_ms), now_ms, &self.patience);
            match verdict {
                Verdict::Keep => continue,
                Verdict::Close(code) => link.close(code, reason_of(code)),
                Verdict::Drop(_) => link.outbox().abort(),
            }
            tracing::debug!(connection = link.id().0, ?verdict, "a connection was ended by the sweeper");
        }
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(TICK, |sweeper, _| sweeper.sweep());
    }
}

fn reason_of(code: u16) -> &'static str {
    match code {
        close::UNAUTHENTICATED => "no valid hello came in time",
        _ => "nothing was heard for too long",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience::with_heartbeat(30_000);
    const NOW: u64 = 1_000_000;

    /// A connection that stands well at `NOW`.
    const GOOD: Observation = Observation {
        opened_ms: NOW - 500_000,
        authenticated: true,
        heard_ms: NOW - 1_000,
        stalled_since_ms: None,
        closing_since_ms: None,
    };

    #[test]
    fn verdicts() {
        let stranger = Observation { authenticated: false, opened_ms: NOW, ..GOOD };
        for (what, seen, expected) in [
            ("good", GOOD, Verdict::Keep),
            ("just opened", stranger, Verdict::Keep),
            (
                "a tick over 10 s unauthenticated",
                Observation { opened_ms: NOW - 11_000, ..stranger },
                Verdict::Keep,
            ),
            ("longer", Observation { opened_ms: NOW - 11_001, ..stranger }, Verdict::Close(4401)),
            ("70 s silent", Observation { heard_ms: NOW - 70_000, ..GOOD }, Verdict::Keep),
            ("longer", Observation { heard_ms: NOW - 70_001, ..GOOD }, Verdict::Close(4410)),
            ("15 s stalled", Observation { stalled_since_ms: Some(NOW - 15_000), ..GOOD }, Verdict::Keep),
            ("longer", Observation { stalled_since_ms: Some(NOW - 15_001), ..GOOD }, Verdict::Drop(4408)),
            ("5 s closing", Observation { closing_since_ms: Some(NOW - 5_000), ..GOOD }, Verdict::Keep),
            ("longer", Observation { closing_since_ms: Some(NOW - 5_001), ..GOOD }, Verdict::Drop(1006)),
            (
                "a closing one is not asked again",
                Observation { closing_since_ms: Some(NOW), heard_ms: 0, authenticated: false, ..GOOD },
                Verdict::Keep,
            ),
            (
                "a stalled one cannot take a close",
                Observation { stalled_since_ms: Some(NOW - 15_001), heard_ms: 0, ..GOOD },
                Verdict::Drop(4408),
            ),
            (
                "events after the last look",
                Observation { heard_ms: NOW + 5, stalled_since_ms: Some(NOW + 5), ..GOOD },
                Verdict::Keep,
            ),
        ] {
            assert_eq!(judge(&seen, NOW, &PATIENCE), expected, "{what}");
        }
    }
}
