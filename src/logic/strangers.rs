//! The decisions on strangers: what a user says of them, and who has to ask before a message is taken.
//!
//! Groups are not concerned: who belongs to one hears all of its members.

use highwater_wire::Refusal;

use super::{
    contacts,
    decide::{Decided, Needs, authorise, put_item},
    operation::{Answer, Principal},
    state::{Need, State},
};
use crate::{
    model::{
        Effect, Standing, Strangers, UserId, Version,
        record::{Account, Item, ItemValue},
    },
    sync::{kinds::ACCOUNT, levels::STRANGERS_KEY},
};

/// What must be in memory to decide what a user says of strangers.
pub(super) fn needs(needs: &mut Needs<'_>, by: Principal) {
    needs.need(Need::Device(by.device));
    needs.need(Need::Account(by.user));
    needs.need(Need::Item(by.user, ACCOUNT, STRANGERS_KEY.to_owned()));
}

/// Decides it. What was said before changes nothing.
pub(super) fn decide(
    state: &mut State,
    by: Principal,
    strangers: Strangers,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, by)?;
    let account = state.accounts.get(&by.user).cloned().flatten().ok_or(Refusal::NoSuchUser)?;
    if account.strangers == Some(strangers) {
        return Ok(Decided::unchanged(Answer::Done));
    }
    let account = Account { strangers: Some(strangers), ..account };
    state.accounts.change(by.user, Some(account.clone()), version);
    let (key, value) = (STRANGERS_KEY.to_owned(), Some(ItemValue::Strangers(strangers)));
    let item = put_item(state, by.user, Item { kind: ACCOUNT, key, version, value });
    Ok(Decided::changed(version, vec![Effect::Account(account), item], Answer::Done))
}

/// What must be in memory to know whether somebody has to ask, besides the account of the one who is written to. That of the
/// sender says something only of who would have to ask: most sends do without it.
pub(super) fn ask_needs(needs: &mut Needs<'_>, peer: UserId, sender: UserId) {
    contacts::block_needs(needs, peer, sender);
    if is_kept_off(needs.state, peer, sender) {
        needs.need(Need::Account(sender));
    }
}

/// Whether the sender has to ask before the other one takes a message: asked inside the commit, behind the receipts and the
/// blocks. A program is no stranger: its operator answers for it, and who does not want it blocks it.
pub(super) fn must_ask(state: &State, peer: UserId, sender: UserId) -> bool {
    is_kept_off(state, peer, sender) && !account(state, sender).is_some_and(|account| account.bot)
}

/// Whether the sender is a stranger to somebody who wants to be asked, by the own word or by the operator's.
fn is_kept_off(state: &State, peer: UserId, sender: UserId) -> bool {
    let said = account(state, peer).and_then(|account| account.strangers).unwrap_or(state.policy.strangers);
    let knows = || contacts::held(state, peer, sender).is_some_and(|held| held.standing == Standing::Contact);
    said == Strangers::Ask && peer != sender && !knows()
}

fn account(state: &State, user: UserId) -> Option<&Account> {
    state.accounts.get(&user).and_then(Option::as_ref)
}
