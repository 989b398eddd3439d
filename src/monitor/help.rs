//! What a family counts, in a sentence for who looks at it in Prometheus.
//!
//! A family of one id has the sentence that stands above the id in `ids`. A family of several, one for each label or
//! band, has its own here, since none of theirs speaks of all.

use std::borrow::Cow;

use super::ids;
use super::registry::Entry;

/// Families of several ids, and those that are not declared in `ids`.
const FAMILIES: &[(&str, &str)] = &[
    (
        "monitor_lost",
        "Reports that no counter took: to an unknown id, or of another kind. More than 0 is a bug.",
    ),
    ("operation_calls", "Calls of an operation that ended, whatever their outcome."),
    ("operation_errors", "Calls that did not end well, by class: bad_input, auth, refused, overload, fault."),
    ("operation_latency", "Time from the arrival of a request to its answer."),
    (
        "operation_latency_max",
        "Longest time from a request to its answer, of this minute and the one before.",
    ),
    ("operation_wait", "Time that calls spent waiting in queues, in all; it is part of their latency."),
    ("operation_wait_max", "Longest wait of a call in queues, of this minute and the one before."),
    ("batch_operations", "Operations per batch that was written to the commit log and synced."),
    ("batch_sync", "Time of the one sync of the commit log that a batch takes."),
    ("rebuilds", "Chains of snapshots that were begun anew, by cause: first is a new device."),
    ("snapshots_refused", "Snapshots that could not be continued, by cause."),
    ("group_steps", "Steps of fan-outs to the members of groups, by outcome; what failed is tried again."),
    (
        "group_pointers",
        "Pointers to entries of groups in inboxes, by what made them: the send itself, or a later step.",
    ),
    ("host_tokens_refused", "Tokens of the host app that were refused, by cause."),
    ("host_questions", "Times that the host app had to be asked about a token, by outcome."),
    ("contact_changes", "What users decided about their contacts, by change."),
    ("watermarks", "Hints of how far others have come, by outcome."),
    ("alarms_firing", "Alarms that fire now, by severity."),
    ("alarm_deliveries", "Tellings of alarms, by channel and outcome."),
    ("reports", "Reports of days and weeks by mail, by outcome."),
    ("otlp_pushes", "Pushes of metrics to an OpenTelemetry collector, by outcome."),
    ("erasures", "Erasures of users, by stage: begun, and done when the index has nothing left."),
];

/// What the family of an entry counts. Of one that has no sentence: who reports it, and under which name.
#[must_use]
pub fn of(entry: &Entry) -> Cow<'static, str> {
    let declared = FAMILIES.iter().chain(ids::SENTENCES).find(|(family, _)| *family == entry.family);
    match declared {
        Some((_, sentence)) => Cow::Borrowed(sentence.trim_start()),
        None => Cow::Owned(format!("What {} reports as {}.", entry.owner, entry.name)),
    }
}

#[cfg(test)]
mod tests;
