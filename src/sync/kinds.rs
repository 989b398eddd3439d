//! The registry of kinds: what is synchronised, in which order.

use crate::model::{Kind, KindSet};

/// The user's own account.
pub const ACCOUNT: Kind = Kind(highwater_wire::kind::ACCOUNT as u8);
/// The people the user knows.
pub const CONTACTS: Kind = Kind(highwater_wire::kind::CONTACTS as u8);
/// The user's conversations.
pub const CONVERSATIONS: Kind = Kind(highwater_wire::kind::CONVERSATIONS as u8);
/// The messages.
pub const MESSAGES: Kind = Kind::MESSAGES;
const _: () = assert!(MESSAGES.0 as u32 == highwater_wire::kind::MESSAGES);

pub use crate::model::limits::KINDS_MAX;

/// The kinds in force: of the server, or of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds {
    /// State kinds in draining order; messages follow them.
    state: Vec<(Kind, String)>,
    messages: bool,
}

impl Kinds {
    /// Every kind that the server knows: its own, and document kinds from the configuration.
    ///
    /// # Errors
    /// A sentence when a number is out of range or used twice.
    pub fn of_server(documents: &[(u8, String)]) -> Result<Kinds, String> {
        let mut state = vec![
            (ACCOUNT, "account".to_owned()),
            (CONTACTS, "contacts".to_owned()),
            (CONVERSATIONS, "conversations".to_owned()),
        ];
        for (number, name) in documents {
            let kind = Kind(*number);
            let known = kind == MESSAGES
                || state.iter().any(|(taken, taken_name)| *taken == kind || taken_name == name);
            if known || *number == 0 || usize::from(*number) > KINDS_MAX {
                return Err(format!(
                    "kind {number} ({name}) needs a free name and a free number from 5 to {KINDS_MAX}"
                ));
            }
            state.push((kind, name.clone()));
        }
        Ok(Kinds { state, messages: true })
    }

    /// Those of them that a client declares; an empty declaration means all. Unknown numbers are ignored.
    #[must_use]
    pub fn declared(&self, numbers: &[u32]) -> Kinds {
        if numbers.is_empty() {
            return self.clone();
        }
        let wants = |kind: Kind| numbers.contains(&u32::from(kind.0));
        Kinds {
            state: self.state.iter().filter(|(kind, _)| wants(*kind)).cloned().collect(),
            messages: wants(MESSAGES),
        }
    }

    /// State kinds in draining order.
    pub fn state(&self) -> impl Iterator<Item = Kind> + '_ {
        self.state.iter().map(|(kind, _)| *kind)
    }

    /// All of them, messages included.
    #[must_use]
    pub fn set(&self) -> KindSet {
        self.state().chain(self.messages.then_some(MESSAGES)).collect()
    }

    /// Whether messages are among them.
    #[must_use]
    pub fn messages(&self) -> bool {
        self.messages
    }

    /// Numbers and names in draining order.
    #[must_use]
    pub fn listed(&self) -> Vec<(Kind, String)> {
        let messages = self.messages.then(|| (MESSAGES, "messages".to_owned()));
        self.state.iter().cloned().chain(messages).collect()
    }

    /// Whether a kind holds documents that an operator or host app puts there.
    #[must_use]
    pub fn is_document_kind(&self, kind: Kind) -> bool {
        ![ACCOUNT, CONTACTS, CONVERSATIONS, MESSAGES].contains(&kind) && self.state().any(|held| held == kind)
    }
}
