//! Groups and channels for operators: all of them page by page, and one with its members, its settings and the ways into
//! it. What is announced in one is what people wrote, and stays hidden.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    explain_group::{Belonging, owner_of, present},
    listing::{self, lines},
    operator::{Operator, refused},
};
use crate::{
    model::{Channel, ConversationId, Door, Form, Group, TimeMs, UserId},
    store::view::{ReadFault, View},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListGroups {
    /// Behind which group the list goes on.
    #[serde(default)]
    behind_conversation_id: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// `POST /v1/groups/list`: groups and channels in the order of ids.
pub(super) async fn list(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: ListGroups = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let behind = wanted.behind_conversation_id.map(|id| id.parse().map(ConversationId)).transpose();
    let (Ok(behind), Some(max)) = (behind, listing::limit(wanted.limit)) else {
        return refused(Refusal::InvalidField);
    };
    match operator.services.readers.ask(move |view| page(view, behind, max)).await {
        Ok(groups) => lines(groups),
        Err(refusal) => refused(refusal),
    }
}

/// None at the end alone.
fn page(view: &View, mut after: Option<ConversationId>, max: usize) -> Result<Vec<Value>, ReadFault> {
    let mut told = Vec::new();
    while told.is_empty() {
        let groups = view.listed_groups(after, max)?;
        let Some(last) = groups.last() else { break };
        after = Some(*last);
        for id in groups {
            // Of one that is being made, the tail may have members before it has the row.
            let Some(group) = view.group(id)? else { continue };
            told.push(outline(&group, view.channel(id)?.as_ref()));
        }
    }
    Ok(told)
}

fn outline(group: &Group, channel: Option<&Channel>) -> Value {
    let channel = channel.filter(|channel| channel.form() == Form::Channel);
    json!({
        "conversation_id": group.group.to_string(),
        "kind": if channel.is_some() { "channel" } else { "group" },
        "name": group.name,
        "created_ms": group.created.0,
        "founder_id": group.founder.to_string(),
        "followers": channel.map(|channel| channel.followers),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetGroup {
    conversation_id: String,
    /// Behind which user the members go on.
    #[serde(default)]
    behind_user_id: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// `POST /v1/groups/get`: one with its members, its settings and the ways into it.
pub(super) async fn get(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: GetGroup = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let behind = wanted.behind_user_id.map(|user| user.parse().map(UserId)).transpose();
    let (Ok(id), Ok(behind), Some(max)) =
        (wanted.conversation_id.parse().map(ConversationId), behind, listing::limit(wanted.limit))
    else {
        return refused(Refusal::InvalidField);
    };
    let now = operator.services.observed.at();
    match operator.services.readers.ask(move |view| whole(view, id, now, behind, max)).await {
        Ok(Some(group)) => HttpResponse::Ok().json(group),
        Ok(None) => refused(Refusal::NoSuchConversation),
        Err(refusal) => refused(refusal),
    }
}

fn whole(
    view: &View,
    id: ConversationId,
    now: TimeMs,
    behind: Option<UserId>,
    max: usize,
) -> Result<Option<Value>, ReadFault> {
    let Some(group) = view.group(id)? else { return Ok(None) };
    let all = present(view.members(id)?.into_values());
    let listed: Vec<&Belonging> =
        all.iter().filter(|member| behind.is_none_or(|behind| member.user > behind)).collect();
    let mut members = Vec::new();
    for member in listed.iter().take(max) {
        members.push(member.told(view.account(member.user)?.map(|account| account.name)));
    }
    let mut told = outline(&group, view.channel(id)?.as_ref());
    told["everybody_follows"] = json!(view.broadcasts()?.get(id).is_some());
    told["everyone_muted"] = json!(group.is_muted);
    told["announcement"] = announcement(&group);
    told["door"] = door(&view.door(id)?, now);
    told["owner_id"] = json!(owner_of(&all));
    told["member_count"] = json!(all.len());
    told["members"] = json!(members);
    told["left_out"] = json!(listed.len().saturating_sub(max));
    Ok(Some(told))
}

fn announcement(group: &Group) -> Value {
    match &group.announcement {
        Some(said) => json!({
            "by_id": said.by.to_string(), "at_ms": said.at.0, "bytes": said.text.len(), "text": "hidden",
        }),
        None => Value::Null,
    }
}

/// The ways in: links without what opens them, and how many wait at the door.
fn door(door: &Door, now: TimeMs) -> Value {
    let link = |link: &crate::model::Link| {
        json!({
            "by_id": link.by.to_string(),
            "until_ms": link.until.0,
            "uses_max": link.uses_max,
            "used": link.used,
            "open": link.is_open(now),
        })
    };
    json!({
        "approval": door.approval,
        "links": door.links.iter().map(link).collect::<Vec<_>>(),
        "asking": door.asking.iter().filter(|asking| asking.waits(now)).count(),
    })
}
