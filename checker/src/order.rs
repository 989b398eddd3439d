//! Real time: what was acknowledged before another message was first sent stands before it, whoever sent them.

use crate::findings::{Bucket, Findings};
use crate::history::{At, History};
use crate::positions::Positions;
use crate::sends::Sends;
use crate::sightings::Sightings;

/// One message of one conversation with its times.
#[derive(Debug, Clone, Copy)]
struct Timed {
    conversation: u32,
    seq: u64,
    token: u32,
    invoked: (u64, At),
    /// The end of time while unknown.
    acknowledged: u64,
}

/// Sweeps each conversation in order of first sends, keeping the highest seq acknowledged so far. Reports a
/// message below it (reordered). Messages without one sure place are reported elsewhere and left out here.
pub(crate) fn judge(
    history: &History,
    sends: &Sends,
    sightings: &Sightings,
    positions: &Positions,
    findings: &mut Findings,
) {
    let placed = sends.all().filter_map(|(token, message)| {
        let place = positions.sure_place(token)?;
        sightings.pairs.agree(message, place.conversation).then_some(Timed {
            conversation: place.conversation,
            seq: place.seq,
            token,
            invoked: message.invoked,
            acknowledged: message.acknowledged.map_or(u64::MAX, |(t, _)| t),
        })
    });
    let mut by_invoke: Vec<Timed> = placed.collect();
    by_invoke.sort_unstable_by_key(|timed| (timed.conversation, timed.invoked));
    let mut by_ack = by_invoke.clone();
    by_ack.sort_unstable_by_key(|timed| (timed.conversation, timed.acknowledged));
    let sent = by_invoke.chunk_by(|a, b| a.conversation == b.conversation);
    let answered = by_ack.chunk_by(|a, b| a.conversation == b.conversation);
    for (sent, answered) in sent.zip(answered) {
        sweep(history, sent, answered, findings);
    }
}

fn sweep(history: &History, sent: &[Timed], answered: &[Timed], findings: &mut Findings) {
    let mut answered = answered.iter().peekable();
    let mut highest: Option<&Timed> = None;
    for later in sent {
        while let Some(earlier) = answered.next_if(|earlier| earlier.acknowledged < later.invoked.0) {
            if highest.is_none_or(|highest| highest.seq < earlier.seq) {
                highest = Some(earlier);
            }
        }
        let Some(earlier) = highest.filter(|highest| highest.seq > later.seq) else {
            continue;
        };
        findings.report(Bucket::Reordered, later.invoked.1, || {
            let place = history.place(later.conversation, later.seq);
            let (later, earlier_token) = (history.token(later.token), history.token(earlier.token));
            format!(
                "{later} stands at {place}, and was first sent after {earlier_token} was acknowledged at seq {}",
                earlier.seq
            )
        });
    }
}
