//! A group as the committer holds it: its rows together.

use std::collections::BTreeMap;

use crate::model::{Channel, Door, Form, Group, Member, Position, Seq, UserId};

/// A group as the committer needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// Its row.
    pub row: Group,
    /// Everybody who is or was a member and is remembered.
    pub members: BTreeMap<UserId, Member>,
    /// How far its log is expanded; nothing when all of it is.
    pub position: Option<Position>,
    /// Its row as a channel, if it is one or was one.
    pub channel: Option<Channel>,
    /// The ways into it.
    pub door: Door,
}

impl GroupState {
    /// The row of a user who is a member now.
    #[must_use]
    pub fn present(&self, user: UserId) -> Option<&Member> {
        self.members.get(&user).filter(|member| member.since().is_some())
    }

    /// Everybody who is a member now, in the order of ids.
    pub fn present_members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.since().is_some())
    }

    /// How many that are.
    #[must_use]
    pub fn present_count(&self) -> usize {
        self.present_members().count()
    }

    /// What the next entry is expanded as.
    #[must_use]
    pub fn form(&self) -> Form {
        self.channel.as_ref().map_or(Form::Group, Channel::form)
    }

    /// What the entry at this place is expanded as.
    #[must_use]
    pub fn form_at(&self, seq: Seq) -> Form {
        self.channel.as_ref().map_or(Form::Group, |channel| channel.form_at(seq))
    }

    /// Whether everybody has the entry at this place whom it concerns.
    #[must_use]
    pub fn is_expanded(&self, seq: Seq) -> bool {
        self.position.is_none_or(|position| seq < position.entry)
    }
}
