//! Explaining groups: who belongs to one, for whom an entry is, how far it is expanded, and which groups of a user wait.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::{Operator, refused};
use crate::{
    actors::group::Groups,
    model::{ConversationId, Form, Member, Role, Seq, UserId, Version, record::ItemValue},
    store::view::{ReadFault, View},
    sync::kinds::CONVERSATIONS,
};

/// Members of whom it is told where an entry of a group is; how many more there are is said. Source: their inboxes are
/// looked through one by one, and a reader has other things to do.
const MEMBERS_MAX: usize = 50;

/// Conversations of a user that are looked at for what waits; the newest are left out above it, and it is said.
const CONVERSATIONS_MAX: usize = 500;

/// Which conversation, and of a large group from where on: the fields of two requests.
#[derive(Deserialize)]
pub(super) struct Members {
    conversation_id: String,
    /// Behind which user the list goes on.
    #[serde(default)]
    behind_user_id: Option<String>,
}

impl Members {
    /// The ids that stand there: digits, as the schema of the body has it.
    ///
    /// # Errors
    /// `NoSuchConversation` of a number that no conversation can have. Behind such a user there is nobody.
    pub(super) fn ids(&self) -> Result<(ConversationId, Option<UserId>), Refusal> {
        let conversation = self.conversation_id.parse().map_err(|_| Refusal::NoSuchConversation)?;
        let behind = self.behind_user_id.as_deref().map(|user| user.parse().unwrap_or(u64::MAX));
        Ok((ConversationId(conversation), behind.map(UserId)))
    }
}

/// `POST /v1/explain/group`: what a conversation is called, who belongs to it, how far its entries have come.
pub(super) async fn group(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Members = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let (group, behind) = match wanted.ids() {
        Ok(ids) => ids,
        Err(refusal) => return refused(refusal),
    };
    let groups = operator.services.groups.clone();
    match operator.services.readers.ask(move |view| explain_group(view, &groups, group, behind)).await {
        Ok(Some(explained)) => HttpResponse::Ok().json(explained),
        Ok(None) => refused(Refusal::NoSuchConversation),
        Err(refusal) => refused(refusal),
    }
}

fn explain_group(
    view: &View,
    groups: &Groups,
    conversation: ConversationId,
    behind: Option<UserId>,
) -> Result<Option<Value>, ReadFault> {
    let Some(row) = view.conversation(conversation)? else {
        return Ok(None);
    };
    let (group, channel) = (view.group(conversation)?, view.channel(conversation)?);
    let all = match row.is_group() {
        true => present(view.members(conversation)?.into_values()),
        false => of_two(row.members),
    };
    let kind = match &channel {
        _ if !row.is_group() => "two",
        Some(channel) if channel.form() == Form::Channel => "channel",
        _ => "group",
    };
    let listed: Vec<&Belonging> =
        all.iter().filter(|member| behind.is_none_or(|id| member.user > id)).collect();
    let mut members = Vec::new();
    for member in listed.iter().take(MEMBERS_MAX) {
        members.push(member.told(view.account(member.user)?.map(|account| account.name)));
    }
    Ok(Some(json!({
        "conversation_id": conversation.to_string(),
        "kind": kind,
        "name": group.as_ref().map(|group| group.name.as_str()),
        "created_ms": row.created.0,
        "owner_id": owner_of(&all),
        "head": view.conversation_head(conversation)?.0,
        "oldest_seq": view.oldest_message(conversation)?.0,
        "everyone_muted": group.is_some_and(|group| group.is_muted),
        "followers": channel.filter(|_| kind == "channel").map(|channel| channel.followers),
        "member_count": all.len(),
        "members": members,
        "left_out": listed.len().saturating_sub(MEMBERS_MAX),
        "fan_out": fan_out(view, groups, conversation)?,
    })))
}

/// Who belongs to a conversation now; of one of two there are no roles and no joins.
pub(super) struct Belonging {
    pub(super) user: UserId,
    role: Option<Role>,
    is_muted: bool,
    since: Option<Seq>,
}

impl Belonging {
    pub(super) fn told(&self, name: Option<String>) -> Value {
        json!({
            "user_id": self.user.to_string(),
            "name": name,
            "role": self.role.map(role_name),
            "muted": self.is_muted,
            "since_seq": self.since.map(|seq| seq.0),
        })
    }
}

pub(super) fn owner_of(all: &[Belonging]) -> Option<String> {
    all.iter().find(|member| member.role == Some(Role::Owner)).map(|member| member.user.to_string())
}

pub(super) fn present(members: impl Iterator<Item = Member>) -> Vec<Belonging> {
    let present = members.filter(|member| member.since().is_some());
    let belonging = |member: Member| Belonging {
        user: member.user,
        role: Some(member.role),
        is_muted: member.is_muted,
        since: member.since(),
    };
    present.map(belonging).collect()
}

/// A note to oneself is a conversation with one of them.
fn of_two(members: [UserId; 2]) -> Vec<Belonging> {
    let mut users = members.to_vec();
    users.sort_unstable();
    users.dedup();
    users.into_iter().map(|user| Belonging { user, role: None, is_muted: false, since: None }).collect()
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

/// For whom an entry of a group is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Audience {
    /// The first of them, in the order of ids, and whether the entry has come to their inbox.
    pub(super) members: Vec<(UserId, bool)>,
    /// How many more it is for.
    pub(super) left_out: usize,
}

/// For whom an entry of a group is, and how far it is expanded; those behind a user, if one is named.
pub(super) fn audience(
    view: &View,
    (group, seq): (ConversationId, Seq),
    behind: Option<UserId>,
) -> Result<Audience, ReadFault> {
    // Before the members: who is behind it in this read has the entry, whatever is expanded meanwhile.
    let position = view.position(group)?;
    let members = view.members(group)?;
    let all = members.values().filter(|member| member.has(seq)).map(|member| member.user);
    let all: Vec<UserId> = all.filter(|user| behind.is_none_or(|behind| *user > behind)).collect();
    let has = |user: UserId| position.is_none_or(|position| position.has_passed(seq, user));
    let told = all.iter().take(MEMBERS_MAX).map(|user| (*user, has(*user))).collect();
    Ok(Audience { members: told, left_out: all.len().saturating_sub(MEMBERS_MAX) })
}

/// How far the fan-out of a group is.
pub(super) fn fan_out(view: &View, groups: &Groups, group: ConversationId) -> Result<Value, ReadFault> {
    let Some(position) = view.position(group)? else { return Ok(Value::Null) };
    let head = view.conversation_head(group)?;
    let (oldest, _) = view.range(group, (position.entry, position.entry), 1, usize::MAX)?;
    let driven = groups.waiting(group);
    Ok(json!({
        "entry": position.entry.0,
        "after_user_id": position.after.map(|user| user.to_string()),
        "entries_waiting": position.waiting(head),
        "waiting_since_ms": oldest.first().map(|entry| entry.sent_at.0),
        "faults": driven.map_or(0, |driven| driven.faults),
        "parked": driven.is_some_and(|driven| driven.is_parked),
    }))
}

/// The groups of a user of which something waits, which may be for this user.
pub(super) fn waiting_groups(view: &View, groups: &Groups, user: UserId) -> Result<Value, ReadFault> {
    let items = view.items_above(user, CONVERSATIONS, Version(0), CONVERSATIONS_MAX)?;
    let mut found = Vec::new();
    for item in &items {
        let Some(ItemValue::Group { group, .. }) = item.value else { continue };
        // A group that cannot be read is just what somebody looks for.
        let fan_out = match fan_out(view, groups, group) {
            Ok(Value::Null) => continue,
            Ok(fan_out) => fan_out,
            Err(_) => json!({ "unreadable": true }),
        };
        found.push(json!({ "conversation_id": group.to_string(), "fan_out": fan_out }));
    }
    Ok(json!({ "waiting": found, "looked_at_all": items.len() < CONVERSATIONS_MAX }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{Effect, GroupEffect, Interval, Member, Position, Record, Role},
        store::{engine::Engine, engine_memory::MemoryEngine, tail::Tail},
    };

    const GROUP: ConversationId = ConversationId(0x6e0);

    fn view(members: u64, position: Option<Position>) -> View {
        let (tail, engine): (_, Arc<dyn Engine>) =
            (Arc::new(Tail::new(Version(0))), Arc::new(MemoryEngine::new()));
        let member = |user| {
            // The first has left before the entry that is asked for.
            let leave = (user == 1).then_some(Seq(4));
            let intervals = vec![Interval { join: Seq(1), leave }];
            Effect::Group(GroupEffect::Member(Member {
                group: GROUP,
                user: UserId(user),
                role: Role::Member,
                ranked: Seq(1),
                intervals,
                is_muted: false,
                is_removed: false,
            }))
        };
        let mut effects: Vec<Effect> = (1..=members).map(member).collect();
        effects.push(Effect::Group(GroupEffect::FanOut { group: GROUP, position }));
        tail.publish(vec![(Arc::new(Record { version: Version(1), effects }), 1)]);
        View::new(&tail, &engine)
    }

    #[test]
    fn an_entry_is_for_the_members_of_its_place_and_has_come_to_those_before_the_position() {
        let at = |entry, after: u64| {
            Some(Position { entry: Seq(entry), after: (after > 0).then_some(UserId(after)) })
        };
        let table = [
            (None, [true, true, true]),
            (at(6, 0), [true, true, true]),
            (at(5, 0), [false, false, false]),
            (at(5, 3), [true, true, false]),
            (at(4, 3), [false, false, false]),
        ];
        for (position, has) in table {
            let expected: Vec<(UserId, bool)> = (2..=4).map(UserId).zip(has).collect();
            let audience = audience(&view(4, position), (GROUP, Seq(5)), None).unwrap();
            assert_eq!((audience.members, audience.left_out), (expected, 0), "{position:?}");
        }
    }

    #[test]
    fn of_a_large_group_the_first_are_told_and_how_many_more_there_are() {
        let view = view(171, None);
        let first = audience(&view, (GROUP, Seq(5)), None).unwrap();
        assert_eq!((first.members.len(), first.left_out), (50, 120));
        let last = audience(&view, (GROUP, Seq(5)), Some(UserId(151))).unwrap();
        assert_eq!((last.members.len(), last.left_out, last.members[0].0), (20, 0, UserId(152)));
    }
}
