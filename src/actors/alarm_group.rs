//! Alarms told to a group of operators: one message of a bot for what is told of a minute. It is told when it is stored, as
//! any message is.
//!
//! The thread that tells asks a task of the runtime and waits for it, but not for ever: a disk that hangs holds no other
//! channel up, and the same message is sent again.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    time::Duration,
};

use highwater_wire::Refusal;
use tokio::sync::mpsc::{Receiver, channel};

use super::{accounts::Accounts, courier::Carrier};
use crate::{
    model::{
        ConversationId, Day,
        record::{Account, Conversation},
    },
    monitor::alarms::{AlarmMessage, message},
};

/// How long a message is waited for until it counts as one of which nothing was heard. Source: twice what
/// `commits_stuck` needs to fire, which is then told by other channels.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Messages that wait while another is on its way; what comes beyond is refused as busy, and tried again. Source: there is
/// one thread that asks, and what waits is what it gave up waiting for.
const WAITING_MAX: usize = 1;

/// Says a message in the group, and answers when it is stored; blocks.
pub type Say = Arc<dyn Fn(&AlarmMessage) -> Result<(), Refusal> + Send + Sync>;

/// A message, and who waits for what becomes of it.
type Asked = (AlarmMessage, SyncSender<Result<(), Refusal>>);

/// Tells a group, in which `say` speaks. `today` is the day that a new message names.
#[must_use]
pub fn alarm_group(say: Say, today: impl Fn() -> Day + Send + 'static) -> Carrier {
    Box::new(move |tellings| {
        // Once for all tries, so that they are one message.
        let (say, message) = (Arc::clone(&say), message(tellings, today()));
        Box::new(move || is_said(&say, &message))
    })
}

fn is_said(say: &Say, message: &AlarmMessage) -> bool {
    match say(message) {
        // By its id the same alarms were told there before, whatever was measured then.
        Ok(()) | Err(Refusal::IdConflict) => true,
        Err(refusal) => {
            tracing::warn!(refusal = refusal.name(), "the group of operators was not told of alarms");
            false
        }
    }
}

/// A bot in a group: what speaks as it, and the task that must run for that. It ends when nobody speaks any more.
pub fn bot_in_group(
    accounts: Arc<Accounts>,
    bot: String,
    group: ConversationId,
) -> (Say, impl Future<Output = ()>) {
    let (ask, asked) = channel::<Asked>(WAITING_MAX);
    let say = move |message: &AlarmMessage| {
        let (reply, answer) = sync_channel(1);
        ask.try_send((message.clone(), reply)).map_err(|_| Refusal::Busy)?;
        answer.recv_timeout(ANSWERED_WITHIN).unwrap_or(Err(Refusal::UnknownOutcome))
    };
    (Arc::new(say), speak(accounts, bot, group, asked))
}

async fn speak(accounts: Arc<Accounts>, bot: String, group: ConversationId, mut asked: Receiver<Asked>) {
    match accounts.bot_and_group(&bot, group).await {
        Ok((account, row, belongs)) => {
            if let Some(hindrance) = hindrance(account.as_ref(), row.as_ref(), belongs) {
                tracing::warn!(
                    bot,
                    group = group.0,
                    "alarms cannot be told to the group of operators: {hindrance}"
                );
            }
        }
        Err(refusal) => {
            tracing::warn!(refusal = refusal.name(), "the group of operators could not be looked at");
        }
    }
    while let Some((message, reply)) = asked.recv().await {
        // Who asked may have given up waiting; it is sent again, and recognised.
        let _ = reply.send(accounts.say_as_bot(&bot, group, message).await);
    }
}

/// Why a bot cannot speak in a conversation, if that can be seen now.
fn hindrance(bot: Option<&Account>, group: Option<&Conversation>, belongs: bool) -> Option<&'static str> {
    match (bot, group) {
        (None, _) => Some("nobody has the name of alarms.bot"),
        (Some(bot), _) if !bot.bot => Some("alarms.bot is no bot"),
        (Some(bot), _) if bot.suspended => Some("alarms.bot is suspended"),
        (_, None) => Some("there is no conversation alarms.group"),
        _ if !belongs => Some("alarms.bot does not belong to alarms.group"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
