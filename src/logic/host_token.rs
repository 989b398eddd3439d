//! What a host app says of a user, judged: a signed token in, who it is out.
//!
//! Everything that is not looked at could be wrong, so: the algorithm is one of a list and the key's own, the keys are
//! ours and never the token's, and issuer, audience, subject, beginning and end have to be there and right. Source: RFC
//! 7515, 7519, and what RFC 8725 learnt from the attacks on them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    host_keys::{HostKeys, Verdict},
    strict_json::Members,
};
use crate::model::{HostAlgorithm, TimeMs, record::HostIdentityKey};

/// Bytes of a token. A longer one is refused unread. Source: those in use have 500 to 3,000; web servers take headers of
/// 8 KiB, so host apps keep below it.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Bytes of a subject. Source: OpenID Connect Core, 2: no longer than 255 characters of ASCII.
pub(super) const SUBJECT_BYTES_MAX: usize = 255;

/// The last second that a time may name, 9999-12-31. Beyond it a number is a mistake of unit, or an attempt to overflow.
const SECOND_MAX: i64 = 253_402_300_799;

/// Types that a token may say it is of; one of another type is for something else. Source: RFC 8725, 3.11.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// What a token has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// Who says it; compared exactly.
    pub issuer: String,
    /// For whom it is said; compared exactly.
    pub audience: String,
    /// By what it may be signed.
    pub algorithms: Vec<HostAlgorithm>,
    /// By how much clocks may differ, seconds.
    pub leeway_s: i64,
    /// How long it may be good, seconds.
    pub lifetime_max_s: i64,
    /// The claim that has the user's name.
    pub name_claim: String,
}

/// A user for whom a host app vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Who it is to the host app, for good.
    pub identity: HostIdentityKey,
    /// By what the account is to be called; no valid name yet.
    pub called: String,
}

/// Why a token is not accepted: told to the operator, never to who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum TokenFault {
    /// Longer than the limit.
    #[error("longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not three parts of base64url, with objects in which no name stands twice.
    #[error("not a signed token")]
    Form,
    /// Its type says that it is for something else.
    #[error("of a type for something else")]
    Type,
    /// Its header demands something that is not known here.
    #[error("a critical header that is not known")]
    Critical,
    /// Not signed, or not by an algorithm of the list.
    #[error("an algorithm that is not on the list")]
    Algorithm,
    /// No key of this name and algorithm.
    #[error("an unknown key")]
    UnknownKey,
    /// No key signed it.
    #[error("a wrong signature")]
    Signature,
    /// Somebody else says it.
    #[error("another issuer")]
    Issuer,
    /// It is said to somebody else.
    #[error("another audience")]
    Audience,
    /// Nobody is named, or not by a text that can be.
    #[error("no subject")]
    Subject,
    /// A time is missing, or not a whole number of seconds within ten thousand years.
    #[error("a time that is missing or no number of seconds")]
    Time,
    /// It was good once.
    #[error("expired")]
    Expired,
    /// It will be good, or was made in the future.
    #[error("not yet valid")]
    NotYetValid,
    /// It would be good for too long.
    #[error("good for longer than is accepted")]
    Lifetime,
}

impl TokenFault {
    /// Whether the host app signed it: then nobody is guessing.
    #[must_use]
    pub fn is_of_host(self) -> bool {
        self >= TokenFault::Issuer
    }
}

/// Who a token is for, if it is right at this time.
///
/// # Errors
/// The first thing that is wrong with it. Claims are looked at only after the signature.
pub fn judge(token: &str, rules: &TokenRules, keys: &HostKeys, now: TimeMs) -> Result<Vouched, TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::TooLong);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenFault::Form);
    };
    let message = &token.as_bytes()[..header.len() + 1 + claims.len()];
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenFault::Form)?;
    let (algorithm, key_id) = judge_header(&members(header)?, rules)?;
    match keys.verify(algorithm, key_id.as_deref(), message, &signature) {
        Verdict::Signed => {}
        Verdict::Unsigned => return Err(TokenFault::Signature),
        Verdict::UnknownKey => return Err(TokenFault::UnknownKey),
    }
    judge_claims(&members(claims)?, rules, now.0.div_euclid(1000))
}

/// Whom a token claims to be for, before anything of it was judged: by this failures are counted.
#[must_use]
pub fn claimed_subject(token: &str) -> String {
    let claims = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX);
    let claims = claims.and_then(|claims| members(claims).ok());
    let subject = claims.as_ref().and_then(|claims| claims.text("sub"));
    subject.filter(|subject| subject.len() <= SUBJECT_BYTES_MAX).unwrap_or_default().to_owned()
}

/// Who a user is to a host app: no two pairs of issuer and subject have the same.
#[must_use]
pub fn identity_of(issuer: &str, subject: &str) -> HostIdentityKey {
    let mut hash = Sha256::new();
    for part in [issuer, subject] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn members(part: &str) -> Result<Members, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Form)?;
    Members::read(&bytes).ok_or(TokenFault::Form)
}

fn judge_header(header: &Members, rules: &TokenRules) -> Result<(HostAlgorithm, Option<String>), TokenFault> {
    // What is critical has to be understood, and nothing of it is: RFC 7515, 4.1.11.
    if header.get("crit").is_some() {
        return Err(TokenFault::Critical);
    }
    let is_known = |named: &Value| {
        named.as_str().is_some_and(|named| TYPES.iter().any(|known| known.eq_ignore_ascii_case(named)))
    };
    if header.get("typ").is_some_and(|named| !is_known(named)) {
        return Err(TokenFault::Type);
    }
    let algorithm = header.text("alg").and_then(HostAlgorithm::named);
    let algorithm =
        algorithm.filter(|named| rules.algorithms.contains(named)).ok_or(TokenFault::Algorithm)?;
    match header.get("kid") {
        None => Ok((algorithm, None)),
        Some(Value::String(id)) => Ok((algorithm, Some(id.clone()))),
        Some(_) => Err(TokenFault::Form),
    }
}

fn judge_claims(claims: &Members, rules: &TokenRules, now_s: i64) -> Result<Vouched, TokenFault> {
    if claims.text("iss") != Some(&rules.issuer) {
        return Err(TokenFault::Issuer);
    }
    let is_audience = match claims.get("aud") {
        Some(Value::String(audience)) => *audience == rules.audience,
        Some(Value::Array(all)) => all.iter().any(|audience| *audience == *rules.audience),
        _ => false,
    };
    if !is_audience {
        return Err(TokenFault::Audience);
    }
    let subject = claims.text("sub").filter(|subject| (1..=SUBJECT_BYTES_MAX).contains(&subject.len()));
    let subject = subject.ok_or(TokenFault::Subject)?;
    judge_times(claims, rules, now_s)?;
    let name = claims.text(&rules.name_claim).filter(|name| !name.is_empty());
    Ok(Vouched { identity: identity_of(&rules.issuer, subject), called: name.unwrap_or(subject).to_owned() })
}

fn judge_times(claims: &Members, rules: &TokenRules, now_s: i64) -> Result<(), TokenFault> {
    let end = second(claims, "exp")?.ok_or(TokenFault::Time)?;
    let (begin, made) = (second(claims, "nbf")?, second(claims, "iat")?);
    if end + rules.leeway_s <= now_s {
        return Err(TokenFault::Expired);
    }
    if [begin, made].into_iter().flatten().any(|from| from - rules.leeway_s > now_s) {
        return Err(TokenFault::NotYetValid);
    }
    if end - made.unwrap_or(now_s) > rules.lifetime_max_s + rules.leeway_s {
        return Err(TokenFault::Lifetime);
    }
    Ok(())
}

/// A time in whole seconds. RFC 7519 allows fractions; who needs a fraction of a second does not sign people in.
fn second(claims: &Members, name: &str) -> Result<Option<i64>, TokenFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let second = value.as_i64().filter(|second| (0..=SECOND_MAX).contains(second));
            second.map(Some).ok_or(TokenFault::Time)
        }
    }
}
