//! One entry of a conversation as a line shows it: a message with its token, a message that was erased, or a notice of a group.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::written::{Decimal, Hex128};

/// An entry of a page or dump.
#[derive(Debug)]
pub(crate) struct WrittenEntry {
    pub(crate) conversation: u64,
    pub(crate) seq: u64,
    pub(crate) sender: u64,
    pub(crate) what: What,
}

/// What stands there.
#[derive(Debug)]
pub(crate) enum What {
    Message {
        token: u128,
        id: Option<u128>,
    },
    /// A message of somebody who was erased: its place and sender are all that is left.
    Erased,
    Notice {
        kind: NoticeKind,
        users: Vec<u64>,
        name: String,
    },
}

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeKind {
    /// The sender made it, and the users belong to it with the sender.
    Created,
    /// The sender added the users.
    Joined,
    /// The sender left.
    Left,
    /// The sender removed the users, who are one.
    Removed,
    Renamed,
    RoleGiven,
    /// The account of the sender was erased; in a group it is the sender's leave too.
    AccountErased,
    /// A message that was erased, of which nobody knows which one it was: only its place counts.
    #[serde(skip)]
    ErasedMessage,
    /// Anything else that a group may say of itself: it moves nobody.
    Other,
}

impl WrittenEntry {
    /// What tells this entry from all others. A notice has no token, so it gets one from all that it says and from its
    /// place: the same notice is the same number for everybody, and two notices at one place are two.
    pub(crate) fn token(&self) -> u128 {
        match &self.what {
            What::Message { token, .. } => *token,
            What::Notice { kind, users, name } => self.token_of((*kind, users, name)),
            What::Erased => self.token_of((NoticeKind::ErasedMessage, &[], "")),
        }
    }

    fn token_of(&self, says: (NoticeKind, &[u64], &str)) -> u128 {
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, self.conversation, self.seq, self.sender, says).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }
}

#[derive(Deserialize)]
struct Raw {
    conversation: Decimal,
    seq: u64,
    sender: Decimal,
    token: Option<Hex128>,
    id: Option<Hex128>,
    notice: Option<NoticeKind>,
    #[serde(default)]
    erased: bool,
    #[serde(default)]
    users: Vec<Decimal>,
    #[serde(default)]
    name: String,
}

impl<'de> Deserialize<'de> for WrittenEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        let what = match (raw.token, raw.notice) {
            (Some(token), None) => What::Message { token: token.0, id: raw.id.map(|id| id.0) },
            (None, Some(kind)) => {
                let users = raw.users.into_iter().map(|user| user.0).collect();
                What::Notice { kind, users, name: raw.name }
            }
            (None, None) if raw.erased => What::Erased,
            (None, None) => return Err(D::Error::missing_field("token")),
            (Some(_), Some(_)) => {
                return Err(D::Error::custom("an entry is a message or a notice, not both"));
            }
        };
        Ok(Self { conversation: raw.conversation.0, seq: raw.seq, sender: raw.sender.0, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WrittenEntry, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_notice_is_itself_for_everybody_and_nothing_else() {
        let joined = r#"{"conversation":"7","seq":3,"sender":"1","notice":"joined","users":["4","5"]}"#;
        let token = read(joined).unwrap().token();
        assert_eq!(read(joined).unwrap().token(), token);
        for (from, to) in [("\"7\"", "\"8\""), (":3", ":4"), ("joined", "removed"), ("\"5\"", "\"6\"")] {
            assert_ne!(read(&joined.replace(from, to)).unwrap().token(), token, "{to}");
        }
    }

    #[test]
    fn an_entry_is_a_message_or_a_notice() {
        let place = r#""conversation":"7","seq":3,"sender":"1""#;
        assert!(read(&format!("{{{place}}}")).unwrap_err().to_string().contains("token"));
        let both = format!(r#"{{{place},"notice":"left","token":"{:032x}"}}"#, 5);
        assert!(read(&both).unwrap_err().to_string().contains("not both"));
        assert!(read(&format!(r#"{{{place},"notice":"jioned"}}"#)).is_err());
    }
}
