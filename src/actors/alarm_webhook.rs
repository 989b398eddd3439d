//! Alarms told to a webhook: one signed request for what is told of a minute, tried again for some minutes, one after the
//! other on a thread of its own, so that nothing else ever waits for it.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    time::Duration,
};

use super::host_callback::Ask;
use crate::{
    logic::host_callback::{QuestionKey, signed},
    model::Clock,
    monitor::{Monitor, alarms::Telling, ids},
};

/// Minutes of which tellings wait. What comes beyond is in the log alone, and counted. Source: an hour in which something
/// is told every minute.
const WAITING_MAX: usize = 60;

/// How long is waited before a telling is tried again. Source: what is down for longer than two and a half minutes is told
/// of by the repetition.
pub const TRIED_AGAIN_AFTER: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25), Duration::from_secs(120)];

/// See the module. The thread ends when this is dropped; what waits then is in the log alone.
pub struct AlarmWebhook {
    waiting: SyncSender<Vec<Telling>>,
    monitor: Monitor,
    /// Dropped with this, which ends a wait of the thread.
    _end: Sender<()>,
}

/// What the thread works with.
struct Delivering {
    ask: Ask,
    key: QuestionKey,
    clock: Clock,
    monitor: Monitor,
    again_after: Vec<Duration>,
    end: Receiver<()>,
}

impl AlarmWebhook {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        ask: Ask,
        key: QuestionKey,
        again_after: &[Duration],
        clock: Clock,
        monitor: Monitor,
    ) -> std::io::Result<AlarmWebhook> {
        let (waiting, tellings) = sync_channel::<Vec<Telling>>(WAITING_MAX);
        let (alive, end) = channel();
        let again_after = again_after.to_vec();
        let delivering = Delivering { ask, key, clock, monitor: monitor.clone(), again_after, end };
        std::thread::Builder::new()
            .name("alarm-webhook".to_owned())
            .spawn(move || tellings.iter().for_each(|tellings| delivering.deliver(&tellings)))?;
        Ok(AlarmWebhook { waiting, monitor, _end: alive })
    }

    /// Leaves it to the thread.
    pub fn tell(&self, tellings: Vec<Telling>) {
        let count = tellings.len() as u64;
        if self.waiting.try_send(tellings).is_err() {
            self.monitor.add(ids::ALARMS_DROPPED, count);
            tracing::warn!(count, "alarms are not told to the webhook: too many wait for it");
        }
    }
}

impl Delivering {
    fn deliver(&self, tellings: &[Telling]) {
        let body = serde_json::json!({ "alarms": tellings }).to_string();
        let count = tellings.len() as u64;
        for again_after in self.again_after.iter().map(Some).chain([None]) {
            if self.is_taken(&body) {
                self.monitor.add(ids::ALARMS_DELIVERED, count);
                return;
            }
            let Some(again_after) = again_after else { break };
            if self.end.recv_timeout(*again_after) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
        self.monitor.add(ids::ALARMS_UNDELIVERED, count);
        tracing::error!(count, "alarms were not told to the webhook, however often it was tried");
    }

    /// Whether the webhook has taken it: any status of success. The time in the signature is that of the try.
    fn is_taken(&self, body: &str) -> bool {
        match (self.ask)(&signed(body.to_owned(), &self.key, self.clock.now())) {
            Ok((status, _)) if (200..300).contains(&status) => true,
            Ok((status, _)) => {
                tracing::warn!(status, "the webhook for alarms did not take them");
                false
            }
            Err(fault) => {
                tracing::warn!(
                    error = &fault as &dyn std::error::Error,
                    "the webhook for alarms was not reached"
                );
                false
            }
        }
    }
}
