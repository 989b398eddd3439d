//! To whom a group goes, or a channel, when its owner leaves or is erased: to the admin who has been there for longest, else
//! to the member who has. In a channel only those are members who were so when it was a group: of who merely follows nobody
//! inherits, since whoever owns it writes to all.

use super::{
    decide::Needs,
    gone::is_gone,
    state::{GroupState, Need, State},
};
use crate::model::{Member, Role, Seq, UserId};

/// What must be in memory to say who inherits. Returns the one, as far as it is known.
pub(super) fn needs<'a>(needs: &mut Needs<'_>, held: &'a GroupState, owner: UserId) -> Option<&'a Member> {
    let mut in_order = in_order(held, owner).into_iter();
    in_order.find(|member| !needs.need(Need::Account(member.user)) || !is_gone(needs.state, member.user))
}

/// The row of who inherits from a member who goes, ranked so from this place on; nobody when that is not the owner, or nobody
/// else is there. Who was erased and has not left yet is passed over.
pub(super) fn heir_of(state: &State, held: &GroupState, leaver: &Member, ranked: Seq) -> Option<Member> {
    if leaver.role != Role::Owner {
        return None;
    }
    let heir = in_order(held, leaver.user).into_iter().find(|member| !is_gone(state, member.user))?;
    // An owner is never muted.
    Some(Member { role: Role::Owner, ranked, is_muted: false, ..heir.clone() })
}

fn in_order(held: &GroupState, owner: UserId) -> Vec<&Member> {
    let mut others: Vec<&Member> = held.present_members().filter(|member| member.user != owner).collect();
    others.sort_by_key(|member| (member.role, member.since(), member.user));
    others
}
