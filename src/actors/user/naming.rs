//! The names of those whom entries speak of, read where entries are rendered: the renderer itself reads nothing.

use std::collections::BTreeSet;

use highwater_wire::proto;

use crate::{
    model::{UserId, record::Message},
    store::view::{ReadFault, View},
    sync::{Locale, Names, Rendering, locale::Phrase, render},
};

/// The names of users, as the server knows them now. Each is one row; of whom there is none, there is no name.
///
/// # Errors
/// When the store cannot be read.
pub fn names(view: &View, users: impl IntoIterator<Item = UserId>) -> Result<Names, ReadFault> {
    let mut names = Names::default();
    for user in users.into_iter().collect::<BTreeSet<UserId>>() {
        if let Some(account) = view.account(user)? {
            names.add(user, account.name);
        }
    }
    Ok(names)
}

/// The same with a word for those who were erased, in the language of a device.
fn names_in(
    view: &View,
    locale: Locale,
    users: impl IntoIterator<Item = UserId>,
) -> Result<Names, ReadFault> {
    let users: BTreeSet<UserId> = users.into_iter().collect();
    let mut names = names(view, users.iter().copied())?;
    for user in users {
        if names.of(user).is_empty() && view.erasure(user)?.is_some() {
            names.add(user, locale.says(Phrase::DeletedAccount).to_owned());
        }
    }
    Ok(names)
}

/// A user as others are told of one whose name was looked up.
pub(super) fn named(names: &Names, user: UserId) -> proto::User {
    proto::User { user_id: user.0, name: names.of(user).to_owned(), ..proto::User::default() }
}

/// Messages as a device of `user` is told them. Reads as many names as these messages speak of: of a page as many as its
/// bytes have room for, see `Notice::bytes`.
///
/// # Errors
/// When the store cannot be read.
pub fn entries<'a>(
    view: &View,
    user: UserId,
    rendering: Rendering,
    messages: impl Iterator<Item = &'a Message> + Clone,
) -> Result<Vec<proto::Entry>, ReadFault> {
    let people = messages.clone().flat_map(|message| render::people(user, rendering, message));
    let names = names_in(view, rendering.locale, people)?;
    Ok(messages.map(|message| render::entry_naming(user, rendering, message, &names)).collect())
}
