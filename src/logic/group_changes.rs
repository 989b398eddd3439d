//! What an operation makes of the rows of a group, and the entry that says so: decided elsewhere, done here.

use super::{
    channels::owner_of,
    fan_out::{Entry, write_entry},
    owned_groups,
    state::State,
    turns,
};
use crate::model::{
    ClientMessageId, Content, ConversationId, Day, Effect, Group, GroupEffect, Member, Notice, Role, Seq,
    TimeMs, UserId, Version, record::Message,
};

/// What an operation makes of the rows of a group, and the entry that says so.
pub(super) struct Changed {
    pub(super) row: Option<Group>,
    pub(super) members: Vec<Member>,
    pub(super) forgotten: Vec<UserId>,
    pub(super) notice: Notice,
}

impl Changed {
    pub(super) fn members(members: Vec<Member>, notice: Notice) -> Changed {
        Changed { row: None, members, forgotten: Vec::new(), notice }
    }

    pub(super) fn row(row: Group, notice: Notice) -> Changed {
        Changed { row: Some(row), ..Changed::members(Vec::new(), notice) }
    }
}

/// The rows take their values, in memory and in the record.
pub(super) fn apply(
    state: &mut State,
    effects: &mut Vec<Effect>,
    group: ConversationId,
    changed: &Changed,
    version: Version,
) {
    let before = owner(state, group);
    state.groups.change_with(&group, version, |held| {
        let held = held.as_mut().expect("a group that changes is there");
        held.row = changed.row.clone().unwrap_or_else(|| held.row.clone());
        for user in &changed.forgotten {
            held.members.remove(user);
        }
        for member in &changed.members {
            held.members.insert(member.user, member.clone());
        }
    });
    effects.extend(changed.row.clone().map(GroupEffect::Row).map(Effect::Group));
    effects.extend(
        changed.forgotten.iter().map(|user| Effect::Group(GroupEffect::MemberGone { group, user: *user })),
    );
    effects.extend(changed.members.iter().cloned().map(GroupEffect::Member).map(Effect::Group));
    if !changed.members.is_empty() {
        owned_groups::note(state, effects, (before, owner(state, group)), version);
        turns::note_growth(state, group);
    }
}

fn owner(state: &State, group: ConversationId) -> Option<UserId> {
    state.groups.get(&group).and_then(Option::as_ref).and_then(owner_of)
}

pub(super) fn write_notice(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (at, group, by, seq): (TimeMs, ConversationId, UserId, Seq),
    notice: Notice,
    version: Version,
) {
    let content = Content::Notice(notice.into());
    let id = ClientMessageId([0; 16]);
    let held = state.conversations.get(&group).copied().flatten();
    let count = held.expect("a group that changes has a log").counted.count;
    let message =
        Message { conversation: group, seq, sender: by, sent_at: at, id, content, count, read: Seq(0) };
    write_entry(state, effects, Entry { message, day: Day(0), fingerprint: 0 }, version);
}

pub(super) fn closed(member: &Member, seq: Seq) -> Member {
    let mut intervals = member.intervals.clone();
    let last = intervals.last_mut().expect("a member has a membership");
    last.leave = Some(seq);
    Member { role: Role::Member, intervals, ..member.clone() }
}
