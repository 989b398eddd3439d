//! How single fields are written in log records and index values: the alphabet of every stored format.
//!
//! Ids are 8 bytes, big-endian, as in keys; numbers that are usually small are varints; strings carry their length.

use bytes::Bytes;

use super::varint::{self, VarintError};
use crate::model::{ConversationId, DeviceId, Seq, TimeMs, UserId, Version};

/// Why stored bytes are not what they should be. Checksums have passed by then, so this is a bug or a newer format.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// The value ends in the middle of a field.
    #[error("stored value ends in the middle of {0}")]
    Truncated(&'static str),
    /// A number is not a varint.
    #[error("stored number is not a varint")]
    Varint(#[source] VarintError),
    /// A format or tag that this version does not know.
    #[error("stored {what} has tag {tag}, which this version does not know")]
    Unknown {
        /// What was read.
        what: &'static str,
        /// The tag found.
        tag: u64,
    },
    /// Text that is not UTF-8.
    #[error("stored text is not UTF-8")]
    Text,
    /// Bytes are left after the last field.
    #[error("stored {0} is longer than its fields")]
    Trailing(&'static str),
    /// A packed value that is not one.
    #[error("stored chunk cannot be unpacked")]
    Packing(#[source] super::packing::PackingError),
}

impl From<VarintError> for Malformed {
    fn from(error: VarintError) -> Self {
        Malformed::Varint(error)
    }
}

/// Writes a varint.
pub fn put_number(out: &mut Vec<u8>, value: u64) {
    varint::put_u64(out, value);
}

/// Writes 8 bytes, big-endian.
pub fn put_fixed64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes a moment.
pub fn put_time(out: &mut Vec<u8>, time: TimeMs) {
    varint::put_i64(out, time.0);
}

/// Writes bytes with their length.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put_u64(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a text that may be absent.
pub fn put_optional_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(0),
        Some(text) => {
            out.push(1);
            put_bytes(out, text.as_bytes());
        }
    }
}

/// Stored bytes on the way to be read; every `take` moves on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Begins at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Input { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// # Errors
    /// When something is left.
    pub fn end(&self, what: &'static str) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing(what)) }
    }

    /// # Errors
    /// When fewer bytes are left.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated(what))?;
        self.rest = rest;
        Ok(*head)
    }

    /// # Errors
    /// When nothing is left.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// # Errors
    /// When there is no varint.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        Ok(varint::take_u64(&mut self.rest)?)
    }

    /// # Errors
    /// When fewer than 8 bytes are left.
    pub fn fixed64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// # Errors
    /// When there is no varint.
    pub fn time(&mut self) -> Result<TimeMs, Malformed> {
        Ok(TimeMs(varint::take_i64(&mut self.rest)?))
    }

    /// # Errors
    /// When fewer bytes are left than the length says.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed::Truncated(what))?;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated(what))?;
        self.rest = rest;
        Ok(head)
    }

    /// # Errors
    /// When it is not UTF-8, or cut.
    pub fn text(&mut self, what: &'static str) -> Result<String, Malformed> {
        let bytes = self.bytes(what)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::Text)
    }

    /// # Errors
    /// When the tag is neither 0 nor 1, or the text is cut.
    pub fn optional_text(&mut self, what: &'static str) -> Result<Option<String>, Malformed> {
        match self.byte(what)? {
            0 => Ok(None),
            1 => self.text(what).map(Some),
            tag => Err(Malformed::Unknown { what, tag: u64::from(tag) }),
        }
    }

    /// # Errors
    /// When fewer bytes are left than the length says.
    pub fn shared_bytes(&mut self, what: &'static str) -> Result<Bytes, Malformed> {
        self.bytes(what).map(Bytes::copy_from_slice)
    }

    /// # Errors
    /// When fewer than 8 bytes are left.
    pub fn user(&mut self) -> Result<UserId, Malformed> {
        self.fixed64("user id").map(UserId)
    }

    /// # Errors
    /// When fewer than 8 bytes are left.
    pub fn device(&mut self) -> Result<DeviceId, Malformed> {
        self.fixed64("device id").map(DeviceId)
    }

    /// # Errors
    /// When fewer than 8 bytes are left.
    pub fn conversation(&mut self) -> Result<ConversationId, Malformed> {
        self.fixed64("conversation id").map(ConversationId)
    }

    /// # Errors
    /// When there is no varint.
    pub fn version(&mut self) -> Result<Version, Malformed> {
        self.number().map(Version)
    }

    /// # Errors
    /// When there is no varint.
    pub fn seq(&mut self) -> Result<Seq, Malformed> {
        self.number().map(Seq)
    }
}
