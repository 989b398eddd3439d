//! Ids of HTTP requests: by them a line of the log is found again, in the log of a proxy or of an app, and here.
//!
//! One that comes with a request is taken if it is harmless to write down; who brings none is given one.

use std::fmt;

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::model::Random;

/// The header, as proxies and apps write it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken, bytes: a UUID has 36, ids of traces 32. A longer one is as none.
const BYTES_MAX: usize = 64;

/// Names requests that bring no id of their own: at random and at one length, so that an id says nothing of how many
/// requests there are, nor of what was asked.
pub struct RequestIds(Random);

/// The id of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    text: String,
    /// It came with the request.
    pub is_given: bool,
}

impl RequestIds {
    /// Ids from a source of chance.
    #[must_use]
    pub fn new(random: Random) -> RequestIds {
        RequestIds(random)
    }

    /// The id that a request brings, or a new one.
    pub fn of(&self, headers: &HeaderMap) -> RequestId {
        match given(headers) {
            Some(text) => RequestId { text: text.to_owned(), is_given: true },
            None => RequestId { text: format!("{:016x}", self.0.id()), is_given: false },
        }
    }
}

/// The id that a request brings, if it is letters, digits, hyphens and dots: it cannot break a line of the log, and none
/// of our tokens and keys can stand in it, since each has an underscore behind its kind.
#[must_use]
pub fn given(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    ((1..=BYTES_MAX).contains(&text.len()) && text.bytes().all(is_harmless)).then_some(text)
}

impl RequestId {
    /// The value of the header.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.text).expect("ids are letters, digits, hyphens and dots")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::actors::accounts::API_KEY_PREFIX;

    fn with(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        headers
    }

    #[test]
    fn what_is_harmless_is_taken_and_nothing_else() {
        for good in ["7", "0af7651916cd43dd8448eb211c80319c", "7f9c1a52-5f0c-4f6e-9a3e-0f5d8f6f6c11", "a.b-C"]
        {
            assert_eq!(given(&with(good)), Some(good));
        }
        assert_eq!(given(&with(&"a".repeat(BYTES_MAX))).unwrap().len(), BYTES_MAX);
        let secret = format!("{API_KEY_PREFIX}abc");
        for bad in
            ["", "a b", "a\tb", "é", "a,b", "a\"b", "a}b", "hwd_abc", &secret, &"a".repeat(BYTES_MAX + 1)]
        {
            assert_eq!(given(&with(bad)), None, "{bad}");
        }
        assert_eq!(given(&HeaderMap::new()), None);
    }

    #[test]
    fn who_brings_none_is_given_one_that_no_other_has() {
        let drawn = std::sync::atomic::AtomicU8::new(0);
        let count = move |bytes: &mut [u8]| {
            bytes.fill(0);
            bytes[7] = drawn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 9;
        };
        let ids = RequestIds::new(Random::new(count));
        let made: Vec<RequestId> = [&HeaderMap::new(), &with("a b"), &with("mine"), &HeaderMap::new()]
            .map(|headers| ids.of(headers))
            .into();
        let texts: Vec<String> = made.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["0000000000000009", "000000000000000a", "mine", "000000000000000b"]);
        assert!(made.iter().all(|id| given(&with(&id.to_string())).is_some()), "what we make we would take");
        assert_eq!(made.iter().map(|id| id.is_given).collect::<Vec<_>>(), [false, false, true, false]);
    }
}
