//! How many groups and channels each user owns: what records say equals a recount of the memberships that they tell.

use std::collections::{BTreeMap, BTreeSet};

use highwater::model::{ConversationId, Effect, GroupEffect, Member, Owned, Record, Role, UserId};

/// What records have told of owners.
#[derive(Default, Clone)]
pub struct OwnedGroups {
    counted: BTreeMap<UserId, u32>,
    owners: BTreeSet<(UserId, ConversationId)>,
}

impl OwnedGroups {
    /// Judges a record whole: the count moves in the same one as the ownership.
    pub fn judge(&mut self, record: &Record) {
        let mut touched = BTreeSet::new();
        for effect in &record.effects {
            match effect {
                Effect::Owned(Owned { user, groups }) => {
                    self.counted.insert(*user, *groups);
                    touched.insert(*user);
                }
                Effect::Group(GroupEffect::Member(member)) => {
                    self.take(member);
                    touched.insert(member.user);
                }
                _ => {}
            }
        }
        for user in touched {
            let recount = self.owners.iter().filter(|(owner, _)| *owner == user).count();
            let counted = self.counted.get(&user).copied().unwrap_or(0);
            assert_eq!(counted as usize, recount, "groups of {user} at version {}", record.version);
        }
    }

    fn take(&mut self, member: &Member) {
        let place = (member.user, member.group);
        if member.role == Role::Owner && member.since().is_some() {
            self.owners.insert(place);
        } else {
            self.owners.remove(&place);
        }
    }
}
