//! A host app that is asked who a token of its own belongs to: what it is asked, signed, and what its answer means.
//!
//! The token is the app's, and means nothing here. That the question is ours is shown by a signature over the time and the
//! whole body, so that nobody else can have the app judge tokens, and so that an old question is worth nothing; that the
//! answer is the app's is shown by TLS.

use std::fmt::Write as _;

use ring::hmac;

use super::{
    host_keys::SECRET_BYTES,
    host_token::{SUBJECT_BYTES_MAX, Vouched, identity_of},
    strict_json::Members,
};
use crate::model::TimeMs;

/// Bytes of a token that the app is asked about. A longer one is refused, and nobody is asked. Source: RFC 6265, 6.1:
/// browsers keep cookies of 4,096 bytes.
pub const ASKED_TOKEN_BYTES_MAX: usize = 4096;

/// Bytes of an answer. A longer one is none. Source: a subject and a name have some hundred; the rest is for what an app
/// says of its users anyway.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// By what questions are signed; shows nothing of it.
#[derive(Debug, Clone)]
pub struct QuestionKey(hmac::Key);

/// What the app is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Seconds since 1970, as they are signed.
    pub timestamp: String,
    /// Of what version, and the signature in hexadecimal digits.
    pub signature: String,
    /// JSON, as it is signed.
    pub body: String,
}

/// Why nobody is vouched for: told to the operator, never to who sent the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum AnswerFault {
    /// There is no token, or one that is too long to be asked about.
    #[error("a token of no or more than {ASKED_TOKEN_BYTES_MAX} bytes")]
    Token,
    /// The app does not know it.
    #[error("the host app refused the token")]
    Refused,
    /// Neither yes nor no.
    #[error("the host app answered with status {0}")]
    Status(u16),
    /// More than is read.
    #[error("the answer has more than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// No JSON object, or one in which a name stands twice.
    #[error("the answer is no JSON object")]
    Form,
    /// Nobody is named, or not by a text that can be.
    #[error("the answer has no subject of 1 to {SUBJECT_BYTES_MAX} bytes")]
    Subject,
}

impl AnswerFault {
    /// Whether it is the token that is wrong, and not the app.
    #[must_use]
    pub fn is_of_token(self) -> bool {
        matches!(self, AnswerFault::Token | AnswerFault::Refused)
    }
}

impl QuestionKey {
    /// A shared secret, of [`SECRET_BYTES`].
    #[must_use]
    pub fn of_secret(secret: &[u8]) -> Option<QuestionKey> {
        let key = || QuestionKey(hmac::Key::new(hmac::HMAC_SHA256, secret));
        SECRET_BYTES.contains(&secret.len()).then(key)
    }
}

/// The question for a token.
///
/// # Errors
/// `Token`: it is not asked about.
pub fn question(token: &str, key: &QuestionKey, now: TimeMs) -> Result<Question, AnswerFault> {
    if !(1..=ASKED_TOKEN_BYTES_MAX).contains(&token.len()) {
        return Err(AnswerFault::Token);
    }
    Ok(signed(serde_json::json!({ "token": token }).to_string(), key, now))
}

/// A body with the time, both signed.
#[must_use]
pub fn signed(body: String, key: &QuestionKey, now: TimeMs) -> Question {
    let timestamp = now.0.div_euclid(1000).to_string();
    let tag = hmac::sign(&key.0, format!("{timestamp}.{body}").as_bytes());
    let mut signature = "v1=".to_owned();
    for byte in tag.as_ref() {
        let _ = write!(signature, "{byte:02x}");
    }
    Question { timestamp, signature, body }
}

/// For whom the app vouches. `body` counts only of an answer of status 200, and has at most one byte more than may be.
///
/// # Errors
/// The first thing that is wrong with the answer.
pub fn judge_answer(status: u16, body: &[u8], issuer: &str) -> Result<Vouched, AnswerFault> {
    match status {
        200 => {}
        401 | 403 => return Err(AnswerFault::Refused),
        other => return Err(AnswerFault::Status(other)),
    }
    if body.len() > ANSWER_BYTES_MAX {
        return Err(AnswerFault::TooLong);
    }
    let answer = Members::read(body).ok_or(AnswerFault::Form)?;
    let subject = answer.text("subject").filter(|subject| (1..=SUBJECT_BYTES_MAX).contains(&subject.len()));
    let subject = subject.ok_or(AnswerFault::Subject)?;
    let name = answer.text("name").filter(|name| !name.is_empty());
    Ok(Vouched { identity: identity_of(issuer, subject), called: name.unwrap_or(subject).to_owned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://app.example";
    const SECRET: [u8; 32] = [b's'; 32];

    fn vouched(subject: &str, called: &str) -> Result<Vouched, AnswerFault> {
        Ok(Vouched { identity: identity_of(ISSUER, subject), called: called.to_owned() })
    }

    #[test]
    fn an_answer_is_a_yes_a_no_or_none() {
        let long = format!(r#"{{"subject":"u-1","pad":"{}"}}"#, "x".repeat(ANSWER_BYTES_MAX));
        let wide = format!(r#"{{"subject":"{}"}}"#, "x".repeat(SUBJECT_BYTES_MAX + 1));
        let widest = "x".repeat(SUBJECT_BYTES_MAX);
        let right = r#"{"subject":"u-1","name":"Ann Lee"}"#;
        for (status, body, expected) in [
            (200, right, vouched("u-1", "Ann Lee")),
            (200, r#"{"subject":"u-1"}"#, vouched("u-1", "u-1")),
            (200, r#"{"subject":"u-1","name":""}"#, vouched("u-1", "u-1")),
            (200, r#"{"subject":"u-1","name":7,"more":[{}]}"#, vouched("u-1", "u-1")),
            (200, &format!(r#"{{"subject":"{widest}"}}"#), vouched(&widest, &widest)),
            (401, right, Err(AnswerFault::Refused)),
            (403, "", Err(AnswerFault::Refused)),
            (201, right, Err(AnswerFault::Status(201))),
            (204, "", Err(AnswerFault::Status(204))),
            (302, right, Err(AnswerFault::Status(302))),
            (404, right, Err(AnswerFault::Status(404))),
            (429, right, Err(AnswerFault::Status(429))),
            (500, right, Err(AnswerFault::Status(500))),
            (200, "", Err(AnswerFault::Form)),
            (200, "u-1", Err(AnswerFault::Form)),
            (200, r#"["u-1"]"#, Err(AnswerFault::Form)),
            (200, r#"{"subject":"u-1","subject":"u-2"}"#, Err(AnswerFault::Form)),
            (200, r#"{"subject":"u-1"} {}"#, Err(AnswerFault::Form)),
            (200, "{}", Err(AnswerFault::Subject)),
            (200, r#"{"sub":"u-1"}"#, Err(AnswerFault::Subject)),
            (200, r#"{"subject":""}"#, Err(AnswerFault::Subject)),
            (200, r#"{"subject":7}"#, Err(AnswerFault::Subject)),
            (200, r#"{"subject":null}"#, Err(AnswerFault::Subject)),
            (200, &wide, Err(AnswerFault::Subject)),
            (200, &long, Err(AnswerFault::TooLong)),
        ] {
            assert_eq!(judge_answer(status, body.as_bytes(), ISSUER), expected, "{status} {body:.60}");
        }
        assert_eq!(judge_answer(200, b"{\"subject\":\"\xff\"}", ISSUER), Err(AnswerFault::Form), "not UTF-8");
    }

    #[test]
    fn a_user_is_the_same_by_a_signed_token_and_by_an_answer() {
        let answered = judge_answer(200, br#"{"subject":"u-1"}"#, ISSUER).unwrap();
        assert_eq!(answered.identity, identity_of(ISSUER, "u-1"));
        let other = judge_answer(200, br#"{"subject":"u-1"}"#, "https://other.example").unwrap();
        assert_ne!(answered.identity, other.identity);
    }

    #[test]
    fn only_the_token_is_to_blame_for_a_no() {
        for (fault, of_token) in [
            (AnswerFault::Token, true),
            (AnswerFault::Refused, true),
            (AnswerFault::Status(500), false),
            (AnswerFault::TooLong, false),
            (AnswerFault::Form, false),
            (AnswerFault::Subject, false),
        ] {
            assert_eq!(fault.is_of_token(), of_token, "{fault}");
        }
    }

    #[test]
    fn a_question_is_signed_with_its_time_and_all_of_its_body() {
        let key = QuestionKey::of_secret(&SECRET).unwrap();
        let asked = question("a\"b\u{1}", &key, TimeMs(1_700_000_000_999)).unwrap();
        assert_eq!(asked.body, r#"{"token":"a\"b\u0001"}"#);
        assert_eq!(asked.timestamp, "1700000000");
        // Source: Python's hmac over the same bytes.
        assert_eq!(asked.signature, "v1=934a38aede2db9e81b0f502414474d7863c6ad40f02d11fb12510a440f268352");
        for (token, secret, now) in [
            ("a\"c\u{1}", SECRET, 1_700_000_000_999),
            ("a\"b\u{1}", [b't'; 32], 1_700_000_000_999),
            ("a\"b\u{1}", SECRET, 1_700_000_001_000),
        ] {
            let key = QuestionKey::of_secret(&secret).unwrap();
            assert_ne!(question(token, &key, TimeMs(now)).unwrap().signature, asked.signature);
        }
        assert!(!format!("{key:?}").contains("ss"), "the secret is not shown");
    }

    #[test]
    fn what_is_too_long_or_nothing_is_not_asked_about() {
        let key = QuestionKey::of_secret(&SECRET).unwrap();
        for (length, is_asked) in
            [(0, false), (1, true), (ASKED_TOKEN_BYTES_MAX, true), (ASKED_TOKEN_BYTES_MAX + 1, false)]
        {
            let asked = question(&"x".repeat(length), &key, TimeMs(0));
            assert_eq!(asked.is_ok(), is_asked, "{length}");
        }
        for (length, is_secret) in [(31, false), (32, true), (1024, true), (1025, false)] {
            assert_eq!(QuestionKey::of_secret(&vec![b's'; length]).is_some(), is_secret, "{length}");
        }
    }
}
