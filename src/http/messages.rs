//! Messages for operators: who sent what sort of thing when, without what it says; and what it says, for a reason that the
//! audit log had before. That the log is asked first is the guard's matter; who may is the table's.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::{
    Refusal,
    proto::{self, entry::Content as Told},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    listing::lines,
    operator::{Operator, refused, refused_since},
};
use crate::{
    actors::user::entries,
    logic::reveals::{REASON_BYTES_MAX, reason},
    model::{
        Content, ConversationId, Seq,
        limits::PAGE_BYTES_MAX,
        record::{Message, NOBODY},
    },
    store::view::{ReadFault, View},
    sync::{Locale, Rendering, levels::LEVEL_MAX},
};

/// Messages of one answer. A longer stretch is refused as `invalid_field`. Source: what one looks through at a time.
pub(super) const MESSAGES_MAX: u64 = 100;

/// Messages of an answer that names none: the newest.
const NEWEST: u64 = 50;

/// A field that is not known is refused, so that nobody takes what is hidden for what was asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    conversation_id: String,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    through_seq: Option<u64>,
}

/// `POST /v1/messages/get`: a message or a stretch of a conversation, never what anybody wrote.
pub(super) async fn get(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Get = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    match (wanted.conversation_id.parse().map(ConversationId), stretch(wanted.seq, wanted.through_seq)) {
        (Ok(conversation), Ok(stretch)) => told(&operator, conversation, stretch, Glass::Whole).await,
        _ => refused_since(Refusal::InvalidField, STRETCH),
    }
}

/// Which messages are shown is named in full, since the audit log has it from here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reveal {
    conversation_id: String,
    seq: u64,
    #[serde(default)]
    through_seq: Option<u64>,
    reason: String,
}

/// `POST /v1/messages/reveal`: the same with what was written.
pub(super) async fn reveal(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Reveal = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    // The guard wrote this very reason down; where there is none, nothing is shown.
    if reason(&wanted.reason).is_none() {
        let what = format!("the reason is not one line of at most {REASON_BYTES_MAX} bytes that can be seen");
        return refused_since(Refusal::InvalidField, what);
    }
    match (wanted.conversation_id.parse().map(ConversationId), stretch(Some(wanted.seq), wanted.through_seq))
    {
        (Ok(conversation), Ok(stretch)) => told(&operator, conversation, stretch, Glass::Broken).await,
        _ => refused_since(Refusal::InvalidField, STRETCH),
    }
}

/// Whether what was written stays behind the glass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glass {
    Whole,
    Broken,
}

/// What a stretch that is none is told.
const STRETCH: &str = "seq and through_seq are the first and the last place of at most 100 messages, and conversation_id has 64 bits";

/// From which place to which, both included; nothing: the newest.
type Stretch = Option<(Seq, Seq)>;

fn stretch(from: Option<u64>, through: Option<u64>) -> Result<Stretch, Refusal> {
    let (from, through) = match (from, through) {
        (None, None) => return Ok(None),
        (Some(from), through) => (from, through.unwrap_or(from)),
        (None, Some(_)) => return Err(Refusal::InvalidField),
    };
    let fits = from >= 1 && through >= from && through - from < MESSAGES_MAX;
    fits.then_some(Some((Seq(from), Seq(through)))).ok_or(Refusal::InvalidField)
}

async fn told(
    operator: &Operator,
    conversation: ConversationId,
    stretch: Stretch,
    glass: Glass,
) -> HttpResponse {
    let read = move |view: &View| messages(view, conversation, stretch, glass);
    match operator.services.readers.ask(read).await {
        Ok(Some(messages)) => lines(messages),
        Ok(None) => refused(Refusal::NoSuchConversation),
        Err(refusal) => refused(refusal),
    }
}

/// A document for each place of the stretch that has, or had, a message. As many as fit a page: the next answer goes on
/// behind the last of them.
fn messages(
    view: &View,
    conversation: ConversationId,
    stretch: Stretch,
    glass: Glass,
) -> Result<Option<Vec<Value>>, ReadFault> {
    if view.conversation(conversation)?.is_none() {
        return Ok(None);
    }
    let head = view.conversation_head(conversation)?;
    let newest = (Seq(head.0.saturating_sub(NEWEST - 1).max(1)), head);
    let (from, through) = stretch.unwrap_or(newest);
    let through = through.min(head);
    let (found, is_cut) = view.range(conversation, (from, through), MESSAGES_MAX as usize, PAGE_BYTES_MAX)?;
    let first = found.first().map_or(through.next(), |message| message.seq);
    debug_assert!(!is_cut || !found.is_empty(), "at least one message fits a page");
    let removed = (from.0..first.0).map(|seq| json!({ "seq": seq, "body": "removed by policy" }));
    let mut told: Vec<Value> = removed.collect();
    match glass {
        Glass::Whole => told.extend(found.iter().map(|message| outline(message, None))),
        Glass::Broken => {
            let rendering = Rendering { level: LEVEL_MAX, locale: Locale::English };
            let entries = entries(view, NOBODY, rendering, found.iter())?;
            let pairs = found.iter().zip(entries);
            told.extend(pairs.map(|(message, entry)| outline(message, entry.content)));
        }
    }
    Ok(Some(told))
}

/// What is told of a message; with `content`, what it says too.
fn outline(message: &Message, content: Option<Told>) -> Value {
    let is_erased = matches!(message.content, Content::Erased | Content::AccountErased);
    let content = content.filter(|_| !is_erased);
    let body = match (&content, is_erased) {
        (_, true) => "erased",
        (None, _) => "hidden",
        (Some(_), _) => "shown",
    };
    let mut told = json!({
        "seq": message.seq.0,
        "sender_id": message.sender.to_string(),
        "sent_at_ms": message.sent_at.0,
        "kind": kind(&message.content),
        "bytes": message.content.bytes(),
        "body": body,
    });
    if let Some(content) = content {
        told["content"] = whole(content);
    }
    told
}

fn kind(content: &Content) -> &'static str {
    match content {
        Content::Text(_) | Content::Erased => "text",
        Content::Custom(_) => "custom",
        Content::Notice(_) => "notice",
        Content::AccountErased => "account_erased",
    }
}

fn whole(content: Told) -> Value {
    match content {
        Told::Text(text) => json!({ "text": text }),
        Told::Custom(proto::Custom { schema, json, fallback }) => {
            json!({ "custom": { "schema": schema, "json": json, "fallback": fallback } })
        }
        Told::Notice(notice) => json!({ "notice": notice }),
        // Said as such in the place of a content.
        Told::Erased(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::model::{ClientMessageId, Custom, Notice, TimeMs, UserId};

    #[test]
    fn a_stretch_is_named_in_full_or_not_at_all() {
        let seqs = |from, through| Ok(Some((Seq(from), Seq(through))));
        for (from, through, expected) in [
            (None, None, Ok(None)),
            (Some(7), None, seqs(7, 7)),
            (Some(7), Some(7), seqs(7, 7)),
            (Some(1), Some(100), seqs(1, 100)),
            (Some(1), Some(101), Err(Refusal::InvalidField)),
            (Some(8), Some(7), Err(Refusal::InvalidField)),
            (Some(0), None, Err(Refusal::InvalidField)),
            (None, Some(7), Err(Refusal::InvalidField)),
            (Some(u64::MAX), None, seqs(u64::MAX, u64::MAX)),
            (Some(1), Some(u64::MAX), Err(Refusal::InvalidField)),
        ] {
            assert_eq!(stretch(from, through), expected, "{from:?} {through:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_was_written_unless_the_glass_is_broken() {
        let custom = Custom { schema: "s.poll".into(), json: "{\"q\":1}".into(), fallback: "a poll".into() };
        let announced = Notice::Announced("tea at five".to_owned());
        let notice = proto::Notice { text: "tea at five".to_owned(), ..proto::Notice::default() };
        let custom_told = proto::Custom {
            schema: "s.poll".to_owned(),
            json: "{\"q\":1}".to_owned(),
            fallback: "a poll".to_owned(),
        };
        let table = [
            (Content::from("tea\n\"x\""), Told::Text("tea\n\"x\"".to_owned()), "text", "shown"),
            (Content::Custom(Arc::new(custom)), Told::Custom(custom_told), "custom", "shown"),
            (Content::Notice(Arc::new(announced)), Told::Notice(notice), "notice", "shown"),
            (Content::Erased, Told::Erased(proto::Erased { account: false }), "text", "erased"),
            (
                Content::AccountErased,
                Told::Erased(proto::Erased { account: true }),
                "account_erased",
                "erased",
            ),
        ];
        for (content, entry, kind, broken) in table {
            let message = Message {
                conversation: ConversationId(5),
                seq: Seq(3),
                sender: UserId(9),
                sent_at: TimeMs(11),
                id: ClientMessageId([1; 16]),
                content,
                count: 1,
                read: Seq(0),
            };
            let hidden = outline(&message, None);
            let keys: Vec<&String> = hidden.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["body", "bytes", "kind", "sender_id", "sent_at_ms", "seq"]);
            let as_whole = if broken == "erased" { "erased" } else { "hidden" };
            assert_eq!((hidden["kind"].as_str(), hidden["body"].as_str()), (Some(kind), Some(as_whole)));
            let shown = outline(&message, Some(entry));
            assert_eq!(
                (shown["body"].as_str(), shown.get("content").is_some()),
                (Some(broken), broken == "shown")
            );
        }
    }
}
