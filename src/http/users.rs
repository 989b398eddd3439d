//! Users for operators: all of them page by page, and one with what it has. What people wrote is not among it.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    devices::name_of_class,
    explain::{account_of, erasure_of},
    listing::{self, lines},
    operator::{Operator, refused, refused_since},
};
use crate::{
    model::{
        Erasure, Form, UserId, Version,
        record::{Account, ItemValue, name_key},
    },
    store::view::{ReadFault, View},
    sync::kinds::CONVERSATIONS,
};

/// Conversations of a user that are counted; above it the answer says "at least". Source: each is a row that is read.
const CONVERSATIONS_COUNTED_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListUsers {
    /// Behind which user the list goes on.
    #[serde(default)]
    behind_user_id: Option<String>,
    /// Those alone whose names begin so, in the order of names; large and small letters are the same.
    #[serde(default)]
    name_prefix: Option<String>,
    /// Behind which name that list goes on.
    #[serde(default)]
    behind_name: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// Where a page of users begins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Behind {
    User(Option<UserId>),
    Name { prefix: String, after: Option<String> },
}

impl ListUsers {
    fn behind(&self) -> Option<Behind> {
        match (&self.name_prefix, &self.behind_name, &self.behind_user_id) {
            (Some(prefix), after, None) => {
                Some(Behind::Name { prefix: prefix.clone(), after: after.as_deref().map(name_key) })
            }
            (None, None, None) => Some(Behind::User(None)),
            (None, None, Some(user)) => Some(Behind::User(Some(UserId(user.parse().ok()?)))),
            _ => None,
        }
    }
}

/// `POST /v1/users/list`: users in the order of ids, or those whose names begin alike in the order of names.
pub(super) async fn list(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: ListUsers = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let (Some(behind), Some(max)) = (wanted.behind(), listing::limit(wanted.limit)) else {
        let what = "users are listed behind behind_user_id, or by name_prefix behind behind_name, 1 to 500 at a time";
        return refused_since(Refusal::InvalidField, what);
    };
    let read = move |view: &View| match behind {
        Behind::User(after) => by_id(view, after, max),
        Behind::Name { prefix, after } => by_name(view, &prefix, after, max),
    };
    match operator.services.readers.ask(read).await {
        Ok(users) => lines(users),
        Err(refusal) => refused(refusal),
    }
}

/// None at the end alone.
fn by_id(view: &View, mut after: Option<UserId>, max: usize) -> Result<Vec<Value>, ReadFault> {
    let mut told = Vec::new();
    while told.is_empty() {
        let users = view.listed_users(after, max)?;
        let Some(last) = users.last() else { break };
        after = Some(*last);
        for user in users {
            match view.account(user)? {
                Some(account) => told.push(outline(&account)),
                None => told.extend(view.erasure(user)?.map(|erasure| erased(&erasure))),
            }
        }
    }
    Ok(told)
}

/// The same by names. A name that is kept back of a user who was erased is passed over.
fn by_name(
    view: &View,
    prefix: &str,
    mut after: Option<String>,
    max: usize,
) -> Result<Vec<Value>, ReadFault> {
    let mut told = Vec::new();
    while told.is_empty() {
        let names = view.listed_names(prefix, after.as_deref(), max)?;
        let Some(last) = names.last() else { break };
        after = Some(last.clone());
        for name in names {
            let account = match view.user_of_name(&name)? {
                Some(user) => view.account(user)?,
                None => None,
            };
            told.extend(account.as_ref().map(outline));
        }
    }
    Ok(told)
}

fn outline(account: &Account) -> Value {
    json!({
        "user_id": account.user.to_string(),
        "name": account.name,
        "display_name": account.profile.display_name,
        "state": state(account),
        "created_ms": account.created.0,
        "devices": account.devices.len(),
        "bot": account.bot,
    })
}

fn state(account: &Account) -> &'static str {
    if account.suspended { "suspended" } else { "active" }
}

fn erased(erasure: &Erasure) -> Value {
    json!({ "user_id": erasure.user.to_string(), "state": "erased", "erased_ms": erasure.at.0 })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetUser {
    /// Name, or id in decimal.
    user: String,
}

/// `POST /v1/users/get`: one user with devices, and what is counted of the rest.
pub(super) async fn get(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: GetUser = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let services = Arc::clone(&operator.services);
    let read = move |view: &View| match account_of(view, &wanted.user)? {
        Some(account) => whole(view, &account).map(Some),
        None => Ok(erasure_of(view, &wanted.user)?.map(|erasure| erased(&erasure))),
    };
    match services.readers.ask(read).await {
        Ok(Some(user)) => HttpResponse::Ok().json(user),
        Ok(None) => refused(Refusal::NoSuchUser),
        Err(refusal) => refused(refusal),
    }
}

fn whole(view: &View, account: &Account) -> Result<Value, ReadFault> {
    let user = account.user;
    let mut told = outline(account);
    told["avatar"] = json!(account.profile.avatar);
    told["about"] = json!(account.profile.about);
    told["has_password"] = json!(account.password.is_some());
    told["made_by_key"] = json!(account.made_by.map(|key| key.to_string()));
    told["devices"] = devices(view, account)?;
    told["conversations"] = conversations(view, user)?;
    told["groups_owned"] = json!(view.owned(user)?);
    told["blocked"] = json!(view.contact_tally(user)?.blocked);
    Ok(told)
}

/// Live devices, oldest first; when each was heard of, by any of its contexts.
fn devices(view: &View, account: &Account) -> Result<Value, ReadFault> {
    let lineages = view.lineages(account.user)?;
    let mut told = Vec::new();
    for id in &account.devices {
        let Some(device) = view.device(*id)? else { continue };
        let heard = lineages.rows.iter().filter(|row| row.id.device == *id).map(|row| row.heard.0).max();
        told.push(json!({
            "device_id": id.to_string(),
            "name": device.name,
            "class": name_of_class(device.class),
            "created_ms": device.created.0,
            "heard_ms": heard,
        }));
    }
    Ok(Value::Array(told))
}

/// How many conversations of each sort the user has now.
fn conversations(view: &View, user: UserId) -> Result<Value, ReadFault> {
    let items = view.items_above(user, CONVERSATIONS, Version(0), CONVERSATIONS_COUNTED_MAX)?;
    let (mut of_two, mut groups, mut channels) = (0, 0, 0);
    for item in &items {
        match &item.value {
            Some(ItemValue::Group { form: Form::Group, .. }) => groups += 1,
            Some(ItemValue::Group { form: Form::Channel, .. }) => channels += 1,
            Some(_) => of_two += 1,
            None => {}
        }
    }
    let is_at_least = items.len() == CONVERSATIONS_COUNTED_MAX;
    Ok(json!({ "two": of_two, "groups": groups, "channels": channels, "is_at_least": is_at_least }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_behind_what_it_is_ordered_by() {
        let list = |prefix: Option<&str>, name: Option<&str>, user: Option<&str>| {
            let [name_prefix, behind_name, behind_user_id] =
                [prefix, name, user].map(|text| text.map(str::to_owned));
            ListUsers { behind_user_id, name_prefix, behind_name, limit: None }.behind()
        };
        let by_name = |prefix: &str, after: Option<&str>| {
            Some(Behind::Name { prefix: prefix.to_owned(), after: after.map(str::to_owned) })
        };
        for (prefix, name, user, expected) in [
            (None, None, None, Some(Behind::User(None))),
            (None, None, Some("7"), Some(Behind::User(Some(UserId(7))))),
            (None, None, Some("ann"), None),
            (None, Some("ann"), None, None),
            (Some("An"), None, None, by_name("An", None)),
            (Some(""), Some("Straße"), None, by_name("", Some("strasse"))),
            (Some("an"), None, Some("7"), None),
            (Some("an"), Some("ann"), Some("7"), None),
        ] {
            assert_eq!(list(prefix, name, user), expected, "{prefix:?} {name:?} {user:?}");
        }
    }
}
