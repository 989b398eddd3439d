//! The decision on what a user tells others: an item of the user's own, told to the user's devices and to nobody else.

use highwater_wire::Refusal;

use super::{
    Principal,
    decide::{Decided, Needs, authorise, put_item},
    operation::Answer,
    state::{Need, State},
};
use crate::{
    model::{
        Version,
        record::{Item, ItemValue},
    },
    sync::{kinds::ACCOUNT, levels::PRIVACY_KEY},
};

/// What must be in memory to decide it.
pub(super) fn needs(needs: &mut Needs<'_>, by: Principal) {
    needs.need(Need::Device(by.device));
    needs.need(Need::Item(by.user, ACCOUNT, PRIVACY_KEY.to_owned()));
}

/// Decides it. It stands in place of what was said before, also when that was the same.
pub(super) fn decide(
    state: &mut State,
    by: Principal,
    hides_read: bool,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, by)?;
    let value = Some(ItemValue::Privacy { hides_read });
    let item = Item { kind: ACCOUNT, key: PRIVACY_KEY.to_owned(), version, value };
    let effect = put_item(state, by.user, item);
    Ok(Decided::changed(version, vec![effect], Answer::Done))
}
