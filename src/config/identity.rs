//! `[identity]`: which host app vouches for its users, and by what it is believed.

use std::{ops::RangeInclusive, path::PathBuf};

use super::given::quoted;
use crate::model::HostAlgorithm;

/// Seconds after which keys are fetched again. Source: below a minute it is a load; after a day a key that was stolen was
/// good for a day.
pub const KEYS_REFRESH_S: RangeInclusive<u64> = 60..=86_400;
/// Seconds between fetches for unknown keys. Source: an hour without signing in is what a rotation may cost at worst.
pub const KEYS_FLOOR_S: RangeInclusive<u64> = 1..=3600;
/// Seconds by which clocks may differ. Source: RFC 7519, 4.1.4: no more than a few minutes.
pub const LEEWAY_S: RangeInclusive<u64> = 0..=300;
/// Seconds for which a token may be good. Source: a minute is what a slow network needs; a year is for ever.
pub const LIFETIME_S: RangeInclusive<u64> = 60..=31_536_000;
/// Bytes of an issuer, an audience or a claim's name. Source: they are URLs and names.
const NAME_BYTES_MAX: usize = 255;

/// `[identity]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who signs; empty: nobody does.
    pub issuer: String,
    /// For whom it is signed.
    pub audience: String,
    /// By what it may be signed.
    pub algorithms: Vec<HostAlgorithm>,
    /// Where keys are published; empty: nowhere.
    pub keys_url: String,
    /// A file with keys; empty: none.
    pub keys_file: PathBuf,
    /// A file with the secret of `HS256`; empty: none.
    pub secret_file: PathBuf,
    /// How old published keys may become, seconds.
    pub keys_refresh_s: u32,
    /// Time between two fetches for unknown keys, seconds.
    pub keys_floor_s: u32,
    /// By how much clocks may differ, seconds.
    pub leeway_s: u32,
    /// For how long a token may be good, seconds.
    pub lifetime_max_s: u32,
    /// The claim that has the user's name.
    pub name_claim: String,
}

impl Default for Identity {
    fn default() -> Identity {
        Identity {
            issuer: String::new(),
            audience: String::new(),
            algorithms: vec![HostAlgorithm::Rs256, HostAlgorithm::Es256, HostAlgorithm::EdDsa],
            keys_url: String::new(),
            keys_file: PathBuf::new(),
            secret_file: PathBuf::new(),
            keys_refresh_s: 3600,
            keys_floor_s: 30,
            leeway_s: 30,
            lifetime_max_s: 86_400,
            name_claim: "preferred_username".to_owned(),
        }
    }
}

impl Identity {
    /// Whether a host app is believed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What is wrong between settings that are right by themselves: the first setting to blame, and what is wrong.
    pub(super) fn contradiction(&self) -> (&'static str, Option<String>) {
        let (on, by_secret) = (self.is_on(), self.algorithms.contains(&HostAlgorithm::Hs256));
        let is_given = |path: &PathBuf| !path.as_os_str().is_empty();
        let (by_url, by_file) = (!self.keys_url.is_empty(), is_given(&self.keys_file));
        let has_secret = is_given(&self.secret_file);
        let nobody = "means nothing without identity.issuer, which says who signs";
        let rules = [
            ("identity.audience", !on && !self.audience.is_empty(), nobody),
            ("identity.keys_url", !on && by_url, nobody),
            ("identity.keys_file", !on && by_file, nobody),
            ("identity.secret_file", !on && has_secret, nobody),
            (
                "identity.issuer",
                on && self.audience.is_empty(),
                "needs identity.audience beside it, or tokens for other servers would be good here",
            ),
            (
                "identity.algorithms",
                by_secret && self.algorithms.len() > 1,
                "has \"HS256\" beside others: it stands alone, so that no public key can be taken for the secret",
            ),
            (
                "identity.algorithms",
                on && by_secret && !has_secret,
                "has \"HS256\", which needs identity.secret_file",
            ),
            (
                "identity.issuer",
                on && !by_secret && !by_url && !by_file,
                "needs keys to verify by: identity.keys_url or identity.keys_file",
            ),
            ("identity.keys_file", by_url && by_file, "stands beside identity.keys_url: give one of them"),
            (
                "identity.secret_file",
                has_secret && !by_secret,
                "is for \"HS256\" alone, which identity.algorithms does not have",
            ),
            (
                "identity.algorithms",
                by_secret && (by_url || by_file),
                "has \"HS256\", which is verified by no key of identity.keys_url or identity.keys_file",
            ),
        ];
        let first = rules.into_iter().find(|(_, wrong, _)| *wrong);
        first.map_or(("identity.issuer", None), |(key, _, problem)| (key, Some(problem.to_owned())))
    }
}

pub(super) fn issuer(text: String) -> Result<String, String> {
    let plain = text.chars().all(|letter| !letter.is_control() && !letter.is_whitespace());
    if plain && text.len() <= NAME_BYTES_MAX {
        return Ok(text);
    }
    Err(format!("must be a name of at most {NAME_BYTES_MAX} bytes without spaces, not {}", quoted(&text)))
}

pub(super) fn name_claim(text: String) -> Result<String, String> {
    if text.is_empty() { Err("must name a claim".to_owned()) } else { issuer(text) }
}

pub(super) fn file(text: String) -> Result<PathBuf, String> {
    Ok(text.into())
}

pub(super) fn algorithms(list: Vec<String>) -> Result<Vec<HostAlgorithm>, String> {
    let mut algorithms = Vec::with_capacity(list.len());
    for name in &list {
        match HostAlgorithm::named(name) {
            Some(algorithm) if !algorithms.contains(&algorithm) => algorithms.push(algorithm),
            Some(_) => return Err(format!("has {} twice", quoted(name))),
            None => {
                let known: Vec<String> = HostAlgorithm::NAMES.iter().map(|(name, _)| quoted(name)).collect();
                return Err(format!("must list some of {}, not {}", known.join(", "), quoted(name)));
            }
        }
    }
    if algorithms.is_empty() { Err("must not be empty".to_owned()) } else { Ok(algorithms) }
}

/// A URL over TLS, or on this machine: keys that somebody on the way could change are worth nothing.
pub(super) fn key_url(text: String) -> Result<String, String> {
    if text.is_empty() || is_private(&text) {
        return Ok(text);
    }
    Err(format!(
        "must be https://HOST/..., or http://127.0.0.1:PORT/... on this machine, not {}",
        quoted(&text)
    ))
}

fn is_private(url: &str) -> bool {
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    let authority = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    if let Some(rest) = url.strip_prefix("https://") {
        let authority = authority(rest);
        return plain && !authority.is_empty() && !authority.contains('@');
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = authority(rest);
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let here = ["127.0.0.1", "[::1]", "localhost"].into_iter();
    plain
        && here
            .filter_map(|host| authority.strip_prefix(host))
            .any(|behind| behind.is_empty() || is_port(behind))
}
