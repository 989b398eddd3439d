//! Alarms told beyond the log: one channel, one thread, one telling after the other, each tried again for some minutes, so
//! that nothing else ever waits for whoever is told.
//!
//! What a try does is the channel's: `alarm_webhook`, `alarm_mail` and `alarm_group`.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    time::Duration,
};

use crate::monitor::{Monitor, alarms::Telling, ids};

/// Minutes of which tellings wait for a channel. What comes beyond is not told there, and counted. Source: an hour in which
/// something is told every minute.
const WAITING_MAX: usize = 60;

/// How long is waited before a telling is tried again. Source: what is down for longer than two and a half minutes is told
/// of by the repetition.
pub const TRIED_AGAIN_AFTER: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25), Duration::from_secs(120)];

/// Where alarms are told, and by which ids it is counted how often that came to what.
#[derive(Debug, Clone, Copy)]
pub struct Channel {
    name: &'static str,
    delivered: u32,
    failed: u32,
    dropped: u32,
}

/// One signed request for what is told of a minute.
pub const WEBHOOK: Channel = Channel {
    name: "webhook",
    delivered: ids::ALARMS_DELIVERED,
    failed: ids::ALARMS_UNDELIVERED,
    dropped: ids::ALARMS_DROPPED,
};

/// One mail to each who is written to.
pub const MAIL: Channel = Channel {
    name: "mail",
    delivered: ids::ALARMS_MAILED,
    failed: ids::ALARMS_UNMAILED,
    dropped: ids::ALARMS_MAIL_DROPPED,
};

/// One message of a bot for what is told of a minute. What is given up is counted with what failed.
pub const GROUP: Channel = Channel {
    name: "group",
    delivered: ids::ALARMS_SAID,
    failed: ids::ALARMS_UNSAID,
    dropped: ids::ALARMS_UNSAID,
};

/// What is told of one minute on its way: called for each try, until it answers that all of it was taken; blocks.
pub type Delivery<'a> = Box<dyn FnMut() -> bool + 'a>;

/// Makes of what is told of one minute what is tried.
pub type Carrier = Box<dyn Fn(&[Telling]) -> Delivery<'_> + Send>;

/// See the module. The thread ends when this is dropped; what waits then is not told on its channel.
pub struct Courier {
    channel: Channel,
    waiting: SyncSender<Vec<Telling>>,
    monitor: Monitor,
    /// Dropped with this, which ends a wait of the thread.
    _end: Sender<()>,
}

/// What the thread works with.
struct Delivering {
    channel: Channel,
    carrier: Carrier,
    monitor: Monitor,
    again_after: Vec<Duration>,
    end: Receiver<()>,
}

impl Courier {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        channel_told: Channel,
        carrier: Carrier,
        again_after: &[Duration],
        monitor: Monitor,
    ) -> std::io::Result<Courier> {
        let (waiting, tellings) = sync_channel::<Vec<Telling>>(WAITING_MAX);
        let (alive, end) = channel();
        let (again_after, counting) = (again_after.to_vec(), monitor.clone());
        let delivering = Delivering { channel: channel_told, carrier, monitor: counting, again_after, end };
        std::thread::Builder::new()
            .name(format!("alarm-{}", channel_told.name))
            .spawn(move || tellings.iter().for_each(|tellings| delivering.deliver(&tellings)))?;
        Ok(Courier { channel: channel_told, waiting, monitor, _end: alive })
    }

    /// Leaves it to the thread.
    pub fn tell(&self, tellings: Vec<Telling>) {
        let (count, channel) = (tellings.len() as u64, self.channel.name);
        if self.waiting.try_send(tellings).is_err() {
            self.monitor.add(self.channel.dropped, count);
            tracing::warn!(count, channel, "alarms are not told on a channel: too many wait for it");
        }
    }
}

impl Delivering {
    fn deliver(&self, tellings: &[Telling]) {
        let mut is_taken = (self.carrier)(tellings);
        let (count, channel) = (tellings.len() as u64, self.channel.name);
        for again_after in self.again_after.iter().map(Some).chain([None]) {
            if is_taken() {
                self.monitor.add(self.channel.delivered, count);
                return;
            }
            let Some(again_after) = again_after else { break };
            if self.end.recv_timeout(*again_after) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
        self.monitor.add(self.channel.failed, count);
        tracing::error!(count, channel, "alarms were not told on a channel, however often it was tried");
    }
}
