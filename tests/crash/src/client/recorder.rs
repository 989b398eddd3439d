//! Writes what a client hears into the history, as it hears it.

use std::sync::Arc;

use highwater_sdk::{
    ClientMessageId, Event, Observer, PageCause, StopReason,
    wire::{
        base_of,
        proto::{Entry, Gap, Notice, Page, Sent, entry::Content, notice::What},
    },
};
use serde_json::{Value, json};

use super::{
    channels::KnownChannels,
    window::{Gauge, Window},
};
use crate::history::History;

/// Hex digits of a token: the beginning of every text.
const TOKEN_DIGITS: usize = 32;

/// The observer of one device.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) lineage: String,
    pub(super) user: String,
    pub(super) history: Arc<History>,
    pub(super) window: Arc<Window>,
    pub(super) gauge: Arc<Gauge>,
    pub(super) channels: KnownChannels,
}

impl Observer for Recorder {
    fn event(&mut self, event: &Event) {
        match event {
            // A page without a snapshot brings nothing: what is stored stands.
            Event::Applied { page, .. } if page.snapshot.is_empty() && page.entries.is_empty() => {}
            Event::Applied { cause, page, .. } => self.applied(*cause, page),
            Event::Discarded { cause, page, reason } => {
                let (cause, reason) = (format!("{cause:?}").to_lowercase(), format!("{reason:?}"));
                let snapshot = hex(base_of(&page.snapshot));
                let fields = json!({ "cause": cause, "reason": reason, "base": hex(&page.base), "snapshot": snapshot });
                self.write("info", "discard", fields);
            }
            Event::SendTransmitted { id, .. } => self.window.transmitted(*id, &self.gauge),
            Event::SendAnswered { id, result: Ok(sent) } | Event::SendSeen { id, sent } => {
                self.acknowledged(*id, sent);
            }
            Event::SendAnswered { id, result: Err(refused) } if refused.retry => {
                self.window.returned(*id, &self.gauge);
            }
            Event::SendAnswered { id, result: Err(refused) } => {
                self.write("fail", "send", json!({ "id": id.to_string(), "code": refused.code }));
                self.window.answered(*id, &self.gauge);
            }
            Event::Disconnected { .. } => self.window.disconnected(&self.gauge),
            // Whether somebody ended the device is for the driver to say.
            Event::Stopped { reason: StopReason::TokenInvalid } => {
                self.window.close(&self.gauge);
                super::say(format!("note stopped {}", self.lineage));
            }
            Event::Stopped { reason } if *reason != StopReason::Closed => {
                super::say(format!("fault {} stopped: {reason:?}", self.lineage));
            }
            // Posts that a page passed over: what was named is read by seq.
            Event::Repaired { conversation_id, .. } if self.channels.read().contains(conversation_id) => {}
            // Told by no page: a client that hands back what its store holds is never told another gap.
            Event::Repaired { conversation_id, entries } => {
                super::say(format!("note repaired {} {entries} of {conversation_id}", self.lineage));
            }
            Event::Connected { .. }
            | Event::CaughtUp { .. }
            | Event::RepairEnded
            | Event::Watermark { .. }
            | Event::TokenInvalid
            | Event::DeviceReplaced
            | Event::Stopped { .. } => {}
        }
    }
}

impl Recorder {
    fn acknowledged(&self, id: ClientMessageId, sent: &Sent) {
        let (conversation, seq) = (sent.conversation_id.to_string(), sent.seq);
        self.write("ok", "send", json!({ "id": id.to_string(), "conversation": conversation, "seq": seq }));
        self.window.answered(id, &self.gauge);
        self.gauge.add_told(1);
    }

    fn applied(&self, cause: PageCause, page: &Page) {
        self.write("ok", "apply", applied(cause, page));
        self.gauge.add_told(page.entries.len());
    }

    /// Writes one line of this device.
    pub(super) fn write(&self, kind: &str, op: &str, fields: Value) {
        write(&self.history, &self.lineage, &self.user, kind, op, fields);
    }
}

/// The fields of a line about a page that was stored.
pub(super) fn applied(cause: PageCause, page: &Page) -> Value {
    let cause = match cause {
        PageCause::Sync => "sync",
        PageCause::Push => "push",
    };
    json!({
        "cause": cause,
        "base": hex(&page.base),
        "snapshot": hex(base_of(&page.snapshot)),
        "rebuild": page.rebuild.is_some(),
        "gap": !page.gaps.is_empty(),
        "more": page.more,
        "gaps": page.gaps.iter().map(gap_fields).collect::<Vec<Value>>(),
        "entries": page.entries.iter().map(entry_fields).collect::<Vec<Value>>(),
    })
}

fn gap_fields(gap: &Gap) -> Value {
    json!({ "conversation": gap.conversation_id.to_string(), "from": gap.from_seq, "to": gap.to_seq })
}

/// Writes one line of a device.
pub(super) fn write(history: &History, lineage: &str, user: &str, kind: &str, op: &str, mut fields: Value) {
    fields["client"] = lineage.into();
    fields["user"] = user.into();
    fields["kind"] = kind.into();
    fields["op"] = op.into();
    history.write(fields);
}

/// An entry as the history shows it. A text that does not begin with a token gets token 0, which nobody sent.
pub(crate) fn entry_fields(entry: &Entry) -> Value {
    let mut fields = json!({
        "conversation": entry.conversation_id.to_string(),
        "seq": entry.seq,
        "sender": entry.sender_id.to_string(),
    });
    let text = match &entry.content {
        Some(Content::Text(text)) => text.as_str(),
        Some(Content::Notice(notice)) => {
            notice_fields(notice, &mut fields);
            return fields;
        }
        Some(Content::Erased(erased)) if erased.account => {
            fields["notice"] = "account_erased".into();
            return fields;
        }
        Some(Content::Erased(_)) => {
            fields["erased"] = true.into();
            return fields;
        }
        Some(Content::Custom(_)) | None => "",
    };
    let token = text.get(..TOKEN_DIGITS).filter(|token| u128::from_str_radix(token, 16).is_ok());
    fields["token"] = token.unwrap_or("00000000000000000000000000000000").into();
    if let Some(id) = ClientMessageId::from_bytes(&entry.client_message_id) {
        fields["id"] = id.to_string().into();
    }
    fields
}

/// What a notice says that is the same whenever it is told.
fn notice_fields(notice: &Notice, fields: &mut Value) {
    let (word, has_name) = match notice.what() {
        What::Created => ("created", true),
        What::Joined => ("joined", false),
        What::Left => ("left", false),
        What::Removed => ("removed", false),
        What::Renamed => ("renamed", true),
        What::RoleGiven => ("role_given", false),
        // The torture neither dissolves nor mutes.
        What::Dissolved
        | What::AllMuted
        | What::AllUnmuted
        | What::Muted
        | What::Unmuted
        | What::Turned
        | What::Announced
        | What::JoinedByLink
        | What::Asked
        | What::Admitted
        | What::ApprovalOn
        | What::ApprovalOff
        | What::Unspecified => ("other", false),
    };
    fields["notice"] = word.into();
    fields["users"] =
        notice.users.iter().map(|user| user.user_id.to_string()).collect::<Vec<String>>().into();
    if has_name {
        fields["name"] = notice.name.clone().into();
    }
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
