//! Explaining a message: where it went, which lineages have handed it back, and when. Never what it says. Of one whose body
//! is gone it is said why.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    explain::ENTRIES_COUNTED_MAX,
    explain_group::{Audience, Members, audience, fan_out},
    operator::{Operator, refused},
};
use crate::{
    actors::{hand_backs::HandBacks, user::UserServices},
    logic::hand_back_times::Versions,
    model::{ConversationId, HeardSince, Lineage, Seq, TimeMs, UserId, Version},
    store::view::{ReadFault, Standing, View},
};

/// Of a lineage whose mark has passed a message.
const HAS_HANDED_BACK: &str = "has handed it back";

/// The same of one that is no longer in the inbox: its retention may have ended there, and then a gap was told for it.
const HAS_COME_PAST_IT: &str = "has come past it, with the message or with a gap";

#[derive(Deserialize)]
pub(super) struct ExplainMessage {
    seq: u64,
    #[serde(flatten)]
    members: Members,
}

/// `POST /v1/explain/message`: where a message went, and who has handed it back. Never what it says.
pub(super) async fn message(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: ExplainMessage = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let Ok((conversation, behind)) = wanted.members.ids() else {
        return refused(Refusal::NoSuchMessage);
    };
    let (seq, services) = (Seq(wanted.seq), Arc::clone(&operator.services));
    let explained = move |view: &View| explain_message(view, &services, (conversation, seq), behind);
    match operator.services.readers.ask(explained).await {
        Ok(Some(explained)) => HttpResponse::Ok().json(explained),
        Ok(None) => refused(Refusal::NoSuchMessage),
        Err(refusal) => refused(refusal),
    }
}

fn explain_message(
    view: &View,
    services: &UserServices,
    place: (ConversationId, Seq),
    behind: Option<UserId>,
) -> Result<Option<Value>, ReadFault> {
    let (conversation, seq) = place;
    let Some(row) = view.conversation(conversation)? else {
        return Ok(None);
    };
    let (found, _) = view.range(conversation, (seq, seq), 1, usize::MAX)?;
    let message = found.first();
    let sent_at = message.map(|message| message.sent_at);
    let oldest = view.oldest_message(conversation)?;
    if message.is_none() && !(Seq(1)..oldest).contains(&seq) {
        return Ok(None);
    }
    let Audience { members, left_out } = match row.is_group() {
        true => audience(view, place, behind)?,
        false => of_two(row.members),
    };
    let standing = |(user, has_come): &(UserId, bool)| match has_come {
        true => view.pointer_to(*user, place, ENTRIES_COUNTED_MAX).map(Some),
        false => Ok(None),
    };
    let standings = members.iter().map(standing).collect::<Result<Vec<_>, _>>()?;
    let by_one_operation = versions(&services.hand_backs, standings.iter().copied().flatten(), sent_at);
    let mut went_to = Vec::new();
    for ((user, _), standing) in members.into_iter().zip(standings) {
        let Some(standing) = standing else {
            went_to.push(waits(view, user)?);
            continue;
        };
        let versions = match row.is_group() {
            true => of_a_step(&services.hand_backs, standing, view.lineages(user)?.floor, sent_at),
            false => by_one_operation,
        };
        went_to.push(member(view, services, user, standing, (versions, sent_at))?);
    }
    let fan_out = if row.is_group() { fan_out(view, &services.groups, conversation)? } else { Value::Null };
    Ok(Some(json!({
        "conversation_id": conversation.to_string(),
        "seq": seq.0,
        "body": if message.is_some() { "kept" } else { "removed by policy" },
        "bodies": services.policy.now().retentions.bodies.to_string(),
        "oldest_seq": oldest.0,
        "sender_id": message.map(|message| message.sender.to_string()),
        "sent_at_ms": sent_at.map(|at| at.0),
        "bytes": message.map(|message| message.content.bytes()),
        "hand_backs_known_since_ms": known_since(&services.hand_backs),
        "fan_out": fan_out,
        "went_to": went_to,
        "left_out": left_out,
    })))
}

fn of_two(members: [UserId; 2]) -> Audience {
    let mut members: Vec<(UserId, bool)> = members.map(|user| (user, true)).to_vec();
    members.dedup();
    Audience { members, left_out: 0 }
}

/// A member to whom the fan-out has not come yet.
fn waits(view: &View, user: UserId) -> Result<Value, ReadFault> {
    Ok(json!({
        "user_id": user.to_string(),
        "name": view.account(user)?.map(|account| account.name),
        "inbox": "waits",
        "version": null,
        "lineages": [],
    }))
}

/// Where the message stands in the inbox of a member, and which lineages have it.
fn member(
    view: &View,
    services: &UserServices,
    user: UserId,
    standing: Standing,
    (versions, sent_at): (Option<Versions>, Option<TimeMs>),
) -> Result<Value, ReadFault> {
    let since = services.observed.heard_since();
    let lineages = view.lineages(user)?;
    let state = |row: &Lineage| state(row, standing, versions, lineages.floor, since);
    let (version, inbox) = match standing {
        Standing::At(version) => (Some(version), "kept"),
        Standing::Removed => (None, "removed"),
        Standing::NotLookedFar => (None, "not looked through"),
    };
    let rows: Vec<Value> = lineages
        .rows
        .iter()
        .map(|row| {
            let state = state(row);
            let times = &services.hand_backs;
            let sent_at = sent_at.filter(|_| [HAS_HANDED_BACK, HAS_COME_PAST_IT].contains(&state));
            let within = sent_at.map(|at| handed_back(times, row, versions, lineages.floor, at));
            json!({
                "device_id": row.id.device.to_string(),
                "context": row.id.context,
                "state": state,
                "handed_back": within,
            })
        })
        .collect();
    Ok(json!({
        "user_id": user.to_string(),
        "name": view.account(user)?.map(|account| account.name),
        "inbox": inbox,
        "version": version.map(|version| version.0),
        "lineages": rows,
    }))
}

/// What is known of a lineage and a message that stands so in the inbox of its user.
fn state(
    row: &Lineage,
    standing: Standing,
    versions: Option<Versions>,
    floor: Version,
    since: HeardSince,
) -> &'static str {
    // Of a message of which nothing else is known, the floor has passed its version.
    let least = versions.map_or(Version(1), |versions| versions.least);
    let greatest = versions.map_or(floor, |versions| versions.greatest);
    match standing {
        _ if !row.holds_messages() => "does not declare messages",
        Standing::At(version) if row.from >= version => "began after it",
        Standing::At(version) if row.acked_messages() >= version => HAS_HANDED_BACK,
        Standing::At(_) if row.is_live(since) => "has not handed it back",
        Standing::At(_) => "has expired without it",
        Standing::Removed if row.from >= greatest => "began after it",
        Standing::Removed if row.acked_messages() < floor.min(greatest) => {
            "may have expired without it: it is no longer known"
        }
        Standing::Removed if row.from < least => HAS_COME_PAST_IT,
        Standing::Removed => "has come past it, or began after it",
        Standing::NotLookedFar => "not known: too much is kept for this user to look through all of it",
    }
}

/// Between which versions a message was made visible. One operation made all of its pointers, so one that is kept for any
/// member says it for all; else it is among the messages of its minute; else all that is known is that `floor` has passed
/// it.
fn versions(
    hand_backs: &HandBacks,
    standings: impl Iterator<Item = Standing>,
    sent_at: Option<TimeMs>,
) -> Option<Versions> {
    let exact = |standing| match standing {
        Standing::At(version) => Some(Versions { least: version, greatest: version }),
        Standing::Removed | Standing::NotLookedFar => None,
    };
    let kept = standings.into_iter().find_map(exact);
    kept.or_else(|| hand_backs.look(|times| sent_at.and_then(|at| times.sent_within(at))))
}

/// The same of an entry of a group: each of its pointers has the version of the operation or step that made it, so what is
/// known of one says nothing of another. None is below the entry's own.
fn of_a_step(
    hand_backs: &HandBacks,
    standing: Standing,
    floor: Version,
    sent_at: Option<TimeMs>,
) -> Option<Versions> {
    if let Standing::At(version) = standing {
        return Some(Versions { least: version, greatest: version });
    }
    let sent = hand_backs.look(|times| sent_at.and_then(|at| times.sent_within(at)))?;
    Some(Versions { least: sent.least, greatest: floor.max(sent.least) })
}

/// The minutes between which a lineage handed a message back that it is known to have handed back.
fn handed_back(
    hand_backs: &HandBacks,
    row: &Lineage,
    versions: Option<Versions>,
    floor: Version,
    sent_at: TimeMs,
) -> Value {
    // Removed from every inbox, so the floor has passed it.
    let versions = versions.unwrap_or(Versions { least: Version(1), greatest: floor });
    match hand_backs.look(|times| times.handed_back(row, versions, sent_at)) {
        None => Value::Null,
        Some(within) => json!({
            "from_ms": within.from.map(|minute| minute.begin().0),
            "to_ms": within.to.begin().0,
        }),
    }
}

/// From when on every hand-back is remembered.
fn known_since(hand_backs: &HandBacks) -> i64 {
    hand_backs.look(|times| times.known_since()).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientMessageId, Content, Day, Delivery, Effect, Record, record::Message};

    #[test]
    fn a_pointer_of_a_step_has_a_version_of_its_own_and_says_nothing_of_others() {
        let (start, sent_at) = (TimeMs(60_000_000), TimeMs(60_200_000));
        let hand_backs = HandBacks::since(start, start, Version(0), &[]);
        let message = Message {
            conversation: ConversationId(5),
            seq: Seq(1),
            sender: UserId(1),
            sent_at,
            id: ClientMessageId([1; 16]),
            content: Content::from("a"),
            count: 1,
            read: Seq(1),
        };
        let version = Version(100);
        let delivery = Delivery { version, message, day: Day(0), fingerprint: 0, pointers: Vec::new() };
        hand_backs.note(&[Arc::new(Record { version, effects: vec![Effect::Message(delivery.into())] })]);
        let known = |standing, floor| {
            of_a_step(&hand_backs, standing, Version(floor), Some(sent_at))
                .map(|versions| (versions.least.0, versions.greatest.0))
        };
        assert_eq!(known(Standing::At(Version(140)), 20), Some((140, 140)));
        assert_eq!(
            known(Standing::Removed, 200),
            Some((100, 200)),
            "a step was above the entry, and below the floor"
        );
        assert_eq!(known(Standing::Removed, 20), Some((100, 100)));
        let unknown = of_a_step(&hand_backs, Standing::Removed, Version(200), Some(start));
        assert_eq!(unknown, None, "of the minute of the start not everything is known");
    }
}
