//! `highwater explain …`: what a running server says about marks and snapshots, for people.

use std::fmt::Write;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Explain, ExplainRequest,
    operator_port::{OperatorFault, OperatorPort},
};

/// Asks, and prints the answer to stdout; or the error to stderr, with exit code 1.
#[must_use]
pub fn run(explain: &Explain) -> std::process::ExitCode {
    match answer(explain) {
        Ok(text) => super::print_answer(&text),
        Err(fault) => {
            eprintln!("{fault}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn answer(explain: &Explain) -> Result<String, OperatorFault> {
    let port = OperatorPort::find(&explain.data, explain.operator.as_deref())?;
    let (answer, text): (Value, fn(&Value) -> String) = match &explain.request {
        ExplainRequest::User { user } => {
            (port.ask("/v1/explain/user", &json!({ "user": user }))?, user_text as fn(&Value) -> String)
        }
        ExplainRequest::Message { conversation, seq } => {
            let body = json!({ "conversation_id": conversation.to_string(), "seq": seq });
            (port.ask("/v1/explain/message", &body)?, message_text)
        }
        ExplainRequest::Snapshot(of) => {
            let body = json!({
                "user": of.user,
                "device_id": of.device.to_string(),
                "context": of.context,
                "snapshot": of.snapshot,
            });
            (port.ask("/v1/explain/snapshot", &body)?, snapshot_text)
        }
    };
    let shown =
        if explain.json { serde_json::to_string_pretty(&answer).unwrap_or_default() } else { text(&answer) };
    Ok(shown.trim_end().to_owned())
}

fn user_text(user: &Value) -> String {
    if let Some(erased) = user.get("erased") {
        return erased_text(user, erased);
    }
    let mut text = String::new();
    let messages = &user["messages"];
    let _ = writeln!(text, "user {} ({})", word(&user["name"]), word(&user["user_id"]));
    let at_least = if messages["kept_is_at_least"] == true { "at least " } else { "" };
    let _ = writeln!(
        text,
        "messages: head {}, floor {}, kept {at_least}{} from {}",
        messages["head"],
        messages["floor"],
        messages["kept"],
        or_none(&messages["oldest_kept"]),
    );
    if user["suspended"] == true {
        let _ = writeln!(text, "suspended: no device is let in, until `highwater admin resume`");
    }
    let _ = writeln!(text, "{}", why_kept(user));
    for waiting in user["groups"]["waiting"].as_array().into_iter().flatten() {
        text.push_str(&fan_out_text(word(&waiting["conversation_id"]), &waiting["fan_out"]));
    }
    let floors: Vec<String> = user["tombstone_floors"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, floor)| **floor != 0)
        .map(|(kind, floor)| format!("{kind} {floor}"))
        .collect();
    if !floors.is_empty() {
        let _ = writeln!(text, "deletions are forgotten through {}", floors.join(", "));
    }
    if user["expiry_is_suspended"] == true {
        let _ = writeln!(
            text,
            "nothing expires: time was lost, and `highwater admin accept-time` has not been said"
        );
    }
    for lineage in user["lineages"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "{}", lineage_text(lineage));
    }
    text
}

fn erased_text(user: &Value, erased: &Value) -> String {
    let left = match erased["done"] == true {
        true => "nothing that the user wrote is left in the index".to_owned(),
        false => format!(
            "nobody is shown what the user wrote; it is being removed from the index, conversations are told through {}",
            word(&erased["told_through"])
        ),
    };
    format!("user {}\nerased by version {}: {left}\n", word(&user["user_id"]), erased["version"])
}

/// Why entries are still kept, in a sentence.
fn why_kept(user: &Value) -> String {
    let held = &user["messages"]["held_by"];
    let lineages = user["lineages"].as_array();
    if lineages.is_some_and(|lineages| lineages.iter().all(|lineage| lineage["live"] == false)) {
        return "kept although no device is live: for whoever comes back first".to_owned();
    }
    if held.is_null() {
        return "nothing is held back: every live lineage that declares messages has all of them".to_owned();
    }
    format!(
        "kept for device {} context {}: it has messages only through {}",
        word(&held["device_id"]),
        held["context"],
        held["acked"],
    )
}

fn lineage_text(lineage: &Value) -> String {
    let declares: Vec<&str> =
        lineage["declares"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let acked: Vec<String> = lineage["acked"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(kind, mark)| format!("{kind} {mark}"))
        .collect();
    format!(
        "  device {} {:?} context {}: acked {}; declares {}; heard of {}; messages handed back {}{}",
        word(&lineage["device_id"]),
        lineage["device_name"].as_str().unwrap_or("ended"),
        lineage["context"],
        acked.join(", "),
        declares.join(", "),
        time(&lineage["heard_ms"]),
        last_handed_back(&lineage["handed_back_ms"]),
        match (&lineage["live"], &lineage["behind"]) {
            (Value::Bool(false), _) => "; expired: it holds nothing back",
            (_, Value::Bool(true)) => "; behind",
            _ => "",
        },
    )
}

fn last_handed_back(at: &Value) -> String {
    if at.is_null() { "never".to_owned() } else { format!("last {}", minute(at)) }
}

fn message_text(message: &Value) -> String {
    let (seq, conversation) = (&message["seq"], word(&message["conversation_id"]));
    let mut text = format!("message {seq} of conversation {conversation}: {}\n", body_text(message));
    text.push_str(&fan_out_text(conversation, &message["fan_out"]));
    for member in message["went_to"].as_array().into_iter().flatten() {
        let place = match member["version"].as_u64() {
            Some(version) => format!("in the inbox as version {version}"),
            None if member["inbox"] == "waits" => "waits for the fan-out of its group".to_owned(),
            None if member["inbox"] == "removed" => "no longer in the inbox: cleaned up".to_owned(),
            None => "somewhere in an inbox that is too long to look through".to_owned(),
        };
        let _ = writeln!(text, "user {} ({}): {place}", word(&member["name"]), word(&member["user_id"]));
        for row in member["lineages"].as_array().into_iter().flatten() {
            let (device, state) = (word(&row["device_id"]), word(&row["state"]));
            let when = handed_back(&row["handed_back"]);
            let _ = writeln!(text, "  device {device} context {}: {state}{when}", row["context"]);
        }
    }
    if let Some(left_out) = message["left_out"].as_u64().filter(|left_out| *left_out > 0) {
        let _ = writeln!(text, "and {left_out} more members, not looked at");
    }
    let since = time(&message["hand_backs_known_since_ms"]);
    let _ = writeln!(text, "every hand-back since {since} is remembered to the minute");
    text
}

/// What waits of a group, and why; nothing when nothing does.
fn fan_out_text(group: &str, fan_out: &Value) -> String {
    if fan_out["unreadable"] == true {
        return format!("group {group}: how far it is expanded cannot be read\n");
    }
    if fan_out.is_null() {
        return String::new();
    }
    let through = match fan_out["after_user_id"].as_str() {
        Some(user) => format!("through member {user}"),
        None => "to nobody yet".to_owned(),
    };
    let parked = match &fan_out["parked"] {
        Value::Bool(true) => format!("; parked after {} faults", fan_out["faults"]),
        _ => String::new(),
    };
    format!(
        "group {group}: entry {} is expanded {through}; {} wait since {}{parked}\n",
        fan_out["entry"],
        fan_out["entries_waiting"],
        time(&fan_out["waiting_since_ms"]),
    )
}

/// What is known of what it says, and never that.
fn body_text(message: &Value) -> String {
    if message["body"] == "removed by policy" {
        let (bodies, oldest) = (word(&message["bodies"]), &message["oldest_seq"]);
        return format!("body removed by policy (now {bodies}); messages are kept from {oldest} on");
    }
    let (sender, at) = (word(&message["sender_id"]), time(&message["sent_at_ms"]));
    format!("{} bytes from user {sender} at {at}", message["bytes"])
}

/// When, as far as that is known.
fn handed_back(within: &Value) -> String {
    let (from, to) = (&within["from_ms"], &within["to_ms"]);
    if to.is_null() {
        return String::new();
    }
    if from.is_null() {
        return format!(", at {} or before", minute(to));
    }
    if from == to {
        format!(", at {}", minute(to))
    } else {
        format!(", between {} and {}", minute(from), minute(to))
    }
}

fn snapshot_text(snapshot: &Value) -> String {
    let mut text = format!("{}: {}\n", word(&snapshot["verdict"]), word(&snapshot["means"]));
    if snapshot["verdict"] == "good" {
        let run = if snapshot["run_is_current"] == true { "the current run" } else { "an earlier run" };
        let _ = writeln!(text, "level {}, given in run {} ({run})", snapshot["level"], snapshot["run"]);
        for (kind, mark) in snapshot["marks"].as_object().into_iter().flatten() {
            let _ = writeln!(text, "  {kind}: everything through {mark}");
        }
        for kind in snapshot["told_anew"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "  {} is being told anew", word(kind));
        }
    }
    text
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn or_none(value: &Value) -> String {
    if value.is_null() { "nothing".to_owned() } else { value.to_string() }
}

/// A time of the server as UTC.
pub(super) fn time(ms: &Value) -> String {
    let seconds = ms.as_i64().unwrap_or_default().div_euclid(1000);
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return format!("{seconds} s after 1970");
    };
    let (date, (hour, minute, second)) = (at.date(), at.to_hms());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// The same to the minute.
fn minute(ms: &Value) -> String {
    let text = time(ms);
    match text.strip_suffix(":00 UTC") {
        Some(minute) => format!("{minute} UTC"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(time(&json!(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(&json!(951_826_954_321_i64)), "2000-02-29 12:22:34 UTC");
        assert_eq!(time(&json!(-1)), "1969-12-31 23:59:59 UTC");
    }

    #[test]
    fn a_user_is_explained_in_sentences() {
        let mut user = json!({
            "user_id": "7", "name": "ann", "lineages": [{
                "device_id": "70", "device_name": "phone", "context": 0, "heard_ms": 0, "from": 0,
                "handed_back_ms": 60_000,
                "declares": ["account", "messages"], "acked": { "account": 1, "messages": 12 }, "behind": true,
            }],
            "messages": {
                "head": 30, "floor": 12, "oldest_kept": 9, "kept": 4, "kept_is_at_least": false,
                "held_by": { "device_id": "70", "context": 0, "acked": 12 },
            },
        });
        assert_eq!(
            user_text(&user),
            "user ann (7)\n\
             messages: head 30, floor 12, kept 4 from 9\n\
             kept for device 70 context 0: it has messages only through 12\n\
             \x20 device 70 \"phone\" context 0: acked account 1, messages 12; declares account, messages; \
             heard of 1970-01-01 00:00:00 UTC; messages handed back last 1970-01-01 00:01 UTC; behind\n"
        );
        user["lineages"][0]["handed_back_ms"] = Value::Null;
        assert!(user_text(&user).contains("; messages handed back never; behind"), "{}", user_text(&user));
        user["tombstone_floors"] = json!({ "account": 0, "contacts": 21 });
        assert!(user_text(&user).contains("deletions are forgotten through contacts 21\n"));
        assert!(!user_text(&user).contains("suspended"), "{}", user_text(&user));
        for (done, says) in [(false, "it is being removed"), (true, "nothing that the user wrote is left")] {
            let erased = json!({ "version": 7, "told_through": "5", "done": done });
            let said = user_text(&json!({ "user_id": "9", "erased": erased }));
            assert!(said.starts_with("user 9\nerased by version 7: ") && said.contains(says), "{said}");
        }
        user["suspended"] = Value::Bool(true);
        assert!(user_text(&user).contains("\nsuspended: no device is let in"), "{}", user_text(&user));
        user["messages"]["held_by"] = Value::Null;
        assert!(user_text(&user).contains("nothing is held back"));
    }

    #[test]
    fn of_a_body_that_is_gone_it_is_said_why() {
        let mut message = json!({
            "seq": 7, "conversation_id": "12", "body": "removed by policy", "bodies": "until_delivered",
            "oldest_seq": 9, "sender_id": null, "sent_at_ms": null, "bytes": null, "went_to": [],
            "hand_backs_known_since_ms": 0,
        });
        let gone = "message 7 of conversation 12: body removed by policy (now until_delivered); messages are kept from 9 on\n";
        assert!(message_text(&message).starts_with(gone), "{}", message_text(&message));
        message["body"] = json!("kept");
        (message["sender_id"], message["bytes"], message["sent_at_ms"]) = (json!("3"), json!(5), json!(0));
        let kept = "message 7 of conversation 12: 5 bytes from user 3 at 1970-01-01 00:00:00 UTC\n";
        assert!(message_text(&message).starts_with(kept), "{}", message_text(&message));
    }

    #[test]
    fn of_a_group_it_is_said_how_far_it_is_expanded_and_why_not_further() {
        let fan_out = json!({
            "entry": 5, "after_user_id": "9", "entries_waiting": 3, "waiting_since_ms": 0, "faults": 7, "parked": true,
        });
        assert_eq!(
            fan_out_text("12", &fan_out),
            "group 12: entry 5 is expanded through member 9; 3 wait since 1970-01-01 00:00:00 UTC; parked after 7 faults\n"
        );
        let message = json!({
            "seq": 5, "conversation_id": "12", "body": "kept", "fan_out": fan_out, "left_out": 120,
            "went_to": [{ "name": "ann", "user_id": "9", "inbox": "waits", "version": null, "lineages": [] }],
        });
        let text = message_text(&message);
        assert!(
            text.contains("user ann (9): waits for the fan-out of its group\nand 120 more members"),
            "{text}"
        );
        let user = json!({ "groups": { "waiting": [{ "conversation_id": "12", "fan_out": { "unreadable": true } }] } });
        assert!(user_text(&user).contains("group 12: how far it is expanded cannot be read\n"));
    }

    #[test]
    fn what_users_call_their_devices_forges_no_line() {
        let name = "red\n  device 1 \"\u{1b}[31m\u{7}";
        let line = lineage_text(&json!({ "device_id": "70", "device_name": name }));
        assert!(line.starts_with(r#"  device 70 "red\n  device 1 \"\u{1b}[31m\u{7}" context"#), "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }

    #[test]
    fn a_hand_back_has_a_minute_a_window_or_an_end() {
        let within = |from: Value, to: Value| handed_back(&json!({ "from_ms": from, "to_ms": to }));
        assert_eq!(within(json!(120_000), json!(120_000)), ", at 1970-01-01 00:02 UTC");
        assert_eq!(
            within(json!(120_000), json!(180_000)),
            ", between 1970-01-01 00:02 UTC and 1970-01-01 00:03 UTC"
        );
        assert_eq!(within(Value::Null, json!(180_000)), ", at 1970-01-01 00:03 UTC or before");
        assert_eq!(handed_back(&Value::Null), "");
    }
}
