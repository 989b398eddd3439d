//! What belongs to a message to be sent: its id, its target, its content, its result.

use crate::error::Refused;
use highwater_wire::proto::{Custom, Sent, send::To};

/// 16 random bytes that name one message of one sender; kept when it is sent again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientMessageId(pub [u8; 16]);

/// How a send ended: where the message stands, or why it was refused.
pub type SendResult = Result<Sent, Refused>;

impl ClientMessageId {
    /// A new id from the operating system's randomness.
    pub fn random() -> Self {
        ClientMessageId(rand::random())
    }

    /// Reads an id; none unless there are 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(ClientMessageId)
    }
}

impl std::fmt::Display for ClientMessageId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for ClientMessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A conversation of the sender.
    Conversation(u64),
    /// A user by number.
    User(u64),
    /// A user by name.
    UserName(String),
}

impl Target {
    /// The target as the field of a send.
    pub fn to_wire(&self) -> To {
        match self {
            Target::Conversation(id) => To::ConversationId(*id),
            Target::User(id) => To::UserId(*id),
            Target::UserName(name) => To::UserName(name.clone()),
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// A document whose meaning the applications agree on: a schema's name, JSON, and a text for who does not know it.
    Custom(Custom),
}

impl Content {
    /// Length of everything in it, bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Content::Text(text) => text.len(),
            Content::Custom(custom) => custom.schema.len() + custom.json.len() + custom.fallback.len(),
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Content {
        Content::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Content {
        Content::Text(text)
    }
}

impl From<&String> for Content {
    fn from(text: &String) -> Content {
        Content::Text(text.clone())
    }
}

impl From<Custom> for Content {
    fn from(custom: Custom) -> Content {
        Content::Custom(custom)
    }
}
