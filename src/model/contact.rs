//! What one user has of another: an item of kind contacts, and what is counted of all of them.

use super::{
    ids::{Day, TimeMs, UserId},
    profile::Profile,
};

/// What one user, the owner, has of another. It is the owner's alone: the other's item of the owner is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The other one.
    pub user: UserId,
    /// By what name; empty when the owner may not know it.
    pub name: String,
    /// The other one's display name as it was told last; empty: the name. It is told while neither blocks the other.
    pub display_name: String,
    /// The other one's avatar, likewise.
    pub avatar: String,
    /// What the other one is to the owner.
    pub standing: Standing,
    /// The owner takes nothing from the other one.
    pub is_blocked: bool,
    /// What the owner calls the other one; empty for none.
    pub remark: String,
    /// Under which labels the owner keeps the other one, in the owner's order.
    pub labels: Vec<String>,
    /// What the one who asks said, while a request waits.
    pub greeting: String,
    /// When it was asked, by observed time; 0 when nothing waits.
    pub asked_at: TimeMs,
}

/// What a user is to the owner of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Somebody whom the owner knows.
    Contact,
    /// Nobody in particular; the item is there for the block alone.
    Stranger,
    /// The owner asked the other one to be a contact.
    Asked,
    /// The other one asked the owner.
    AskedBy,
    /// Nobody any more: the account was erased. The item is there for the conversation that is left.
    Erased,
}

impl Contact {
    /// A stranger of whom nothing is noted.
    #[must_use]
    pub fn stranger(user: UserId, name: String) -> Contact {
        Contact {
            user,
            name,
            display_name: String::new(),
            avatar: String::new(),
            standing: Standing::Stranger,
            is_blocked: false,
            remark: String::new(),
            labels: Vec::new(),
            greeting: String::new(),
            asked_at: TimeMs(0),
        }
    }

    /// What is left of one whose account was erased: no name, and nothing of what was noted.
    #[must_use]
    pub fn erased(user: UserId) -> Contact {
        Contact { standing: Standing::Erased, ..Contact::stranger(user, String::new()) }
    }

    /// A contact of whom nothing is noted.
    #[must_use]
    pub fn plain(user: UserId, name: String) -> Contact {
        Contact { standing: Standing::Contact, ..Contact::stranger(user, name) }
    }

    /// The same with another standing, and nothing that waits.
    #[must_use]
    pub fn settled(self, standing: Standing) -> Contact {
        Contact { standing, greeting: String::new(), asked_at: TimeMs(0), ..self }
    }

    /// The same with what the other one shows by now.
    #[must_use]
    pub fn showing(self, profile: &Profile) -> Contact {
        let (display_name, avatar) = (profile.display_name.clone(), profile.avatar.clone());
        Contact { display_name, avatar, ..self }
    }

    /// Whether it has what the other one shows by now.
    #[must_use]
    pub fn shows(&self, profile: &Profile) -> bool {
        self.display_name == profile.display_name && self.avatar == profile.avatar
    }

    /// Whether the other one shows more than the name.
    #[must_use]
    pub fn has_profile(&self) -> bool {
        !(self.display_name.is_empty() && self.avatar.is_empty())
    }

    /// Whether there is a name and nothing else to it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.standing == Standing::Contact
            && !self.has_profile()
            && !self.is_blocked
            && self.remark.is_empty()
            && self.labels.is_empty()
    }

    /// Whether the item says anything: a stranger of whom nothing is noted has none.
    #[must_use]
    pub fn is_worth_an_item(&self) -> bool {
        self.standing != Standing::Stranger || self.is_blocked
    }
}

/// What is counted of a user's contacts, so that a bound needs no look at all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactTally {
    /// Whose.
    pub user: UserId,
    /// How many the user blocks.
    pub blocked: u32,
    /// The day of the newest request that the user made, by observed time.
    pub asked_on: Day,
    /// How many the user made on that day.
    pub asked: u32,
    /// Who asked the user and was not answered, oldest first, and when; some may have expired.
    pub waiting: Vec<(UserId, TimeMs)>,
}

impl ContactTally {
    /// Of a user who has done nothing that is counted.
    #[must_use]
    pub fn none(user: UserId) -> ContactTally {
        ContactTally { user, blocked: 0, asked_on: Day(0), asked: 0, waiting: Vec::new() }
    }

    /// One less is blocked.
    #[must_use]
    pub fn unblocked(self) -> ContactTally {
        ContactTally { blocked: self.blocked.saturating_sub(1), ..self }
    }
}
