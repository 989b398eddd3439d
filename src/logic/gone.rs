//! Users whose account is gone, as others find them: as if they had never been there, from the operation that erased them.
//! What others still have of them goes in steps: see `erasure`. Until then it is judged as the steps will leave it.

use super::state::State;
use crate::model::{Contact, Standing, UserId};

/// Whether there is no account, or none any more. Asked of one that was warmed.
pub(super) fn is_gone(state: &State, user: UserId) -> bool {
    matches!(state.accounts.get(&user), Some(None))
}

/// What somebody has of a user: of one who is gone, what is left of it.
pub(super) fn settled(state: &State, contact: Contact) -> Contact {
    if is_gone(state, contact.user) { left_of(&contact) } else { contact }
}

/// What is left of a contact whose account is gone: no name, and nothing that was noted or waits.
pub(super) fn left_of(contact: &Contact) -> Contact {
    match contact.standing {
        Standing::Contact | Standing::Erased => Contact::erased(contact.user),
        // There is no conversation that an item would be for.
        Standing::Stranger | Standing::Asked | Standing::AskedBy => {
            Contact::stranger(contact.user, String::new())
        }
    }
}
