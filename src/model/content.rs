//! What a message says, as it is kept: once, and the same for every device. How a device sees it is its level's matter.

use std::sync::Arc;

use bytes::Bytes;

use super::group::Notice;

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// UTF-8, 1 to `limits::TEXT_BYTES_MAX` bytes.
    Text(Bytes),
    /// A document whose meaning the applications agree on.
    Custom(Arc<Custom>),
    /// What became of a group. Made by the committer alone; no client sends one.
    Notice(Arc<Notice>),
    /// What was written is no more: its sender was erased. The entry keeps its place, its time and how it counts.
    Erased,
    /// The sender was erased, and with the sender everything that the sender wrote here. Made by the committer alone.
    AccountErased,
}

/// A message whose meaning is not the server's. All three are UTF-8; in all at most `limits::CUSTOM_BYTES_MAX` bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Custom {
    /// What the document is; not empty, at most `limits::SCHEMA_BYTES_MAX` bytes.
    pub schema: Bytes,
    /// A JSON document as it was sent; at most `limits::CUSTOM_JSON_BYTES_MAX` bytes.
    pub json: Bytes,
    /// What is shown by who does not know the schema; may be empty.
    pub fallback: Bytes,
}

impl Content {
    /// Whether an entry with it is counted as unread by those who did not write it.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Content::Text(_) | Content::Custom(_) | Content::Erased => true,
            Content::Notice(_) | Content::AccountErased => false,
        }
    }

    /// Whether a client sent an entry with it, so that it has an id of that client.
    #[must_use]
    pub fn is_of_client(&self) -> bool {
        match self {
            Content::Text(_) | Content::Custom(_) | Content::Erased => true,
            Content::Notice(_) | Content::AccountErased => false,
        }
    }

    /// What is left of it when its sender is erased: of what the sender wrote, an announcement too, nothing; of what became of
    /// a group all.
    #[must_use]
    pub fn erased(self) -> Content {
        match self {
            Content::Text(_) | Content::Custom(_) | Content::Erased => Content::Erased,
            Content::Notice(notice) if matches!(*notice, Notice::Announced(_)) => {
                Content::Notice(Notice::Announced(String::new()).into())
            }
            Content::Notice(_) | Content::AccountErased => self,
        }
    }

    /// Length of everything in it, bytes: what it counts in a page.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Content::Text(text) => text.len(),
            Content::Custom(custom) => custom.schema.len() + custom.json.len() + custom.fallback.len(),
            Content::Notice(notice) => notice.bytes(),
            Content::Erased | Content::AccountErased => 0,
        }
    }
}

impl From<&str> for Content {
    /// A text.
    fn from(text: &str) -> Content {
        Content::Text(Bytes::copy_from_slice(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_it_counts() {
        let [schema, json, fallback] = [3, 50, 700].map(|bytes| Bytes::from(vec![b'x'; bytes]));
        assert_eq!(Content::Custom(Arc::new(Custom { schema, json, fallback })).bytes(), 753);
        assert_eq!(Content::from("grüße").bytes(), 7);
    }
}
