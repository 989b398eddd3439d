//! `[identity]`: which host app vouches for its users, and by what it is believed.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

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
    /// Who signs, or is asked; empty: nobody.
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
    /// Where the app is asked about tokens of its own; empty: nowhere.
    pub callback_url: String,
    /// A file with the secret by which those questions are signed; empty: none.
    pub callback_secret_file: PathBuf,
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
            callback_url: String::new(),
            callback_secret_file: PathBuf::new(),
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

    /// Whether the host app is asked about tokens of its own; else it signs them.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.callback_url.is_empty()
    }

    /// What is wrong between settings that are right by themselves: the first setting to blame, and what is wrong.
    pub(super) fn contradiction(&self) -> (&'static str, Option<String>) {
        let mut rules = self.without_issuer().into_iter().chain(self.when_asked()).chain(self.when_signing());
        let first = rules.find(|(_, wrong, _)| *wrong);
        first.map_or(("identity.issuer", None), |(key, _, problem)| (key, Some(problem.to_owned())))
    }

    fn without_issuer(&self) -> [Rule; 5] {
        let nobody = "means nothing without identity.issuer, which says who vouches";
        let given = [
            ("identity.audience", !self.audience.is_empty()),
            ("identity.keys_url", !self.keys_url.is_empty()),
            ("identity.keys_file", is_given(&self.keys_file)),
            ("identity.secret_file", is_given(&self.secret_file)),
            ("identity.callback_url", self.is_asked()),
        ];
        given.map(|(key, given)| (key, given && !self.is_on(), nobody))
    }

    fn when_asked(&self) -> [Rule; 7] {
        let (asked, signs) = (self.is_asked(), is_given(&self.callback_secret_file));
        let one_way =
            "is for signed tokens and stands beside identity.callback_url: a host app is believed in one way";
        let alone = "means nothing without identity.callback_url, where the host app is asked";
        let unsigned =
            "needs identity.callback_secret_file beside it, or the host app would answer whoever asks";
        let by_secret = self.algorithms.contains(&HostAlgorithm::Hs256);
        [
            ("identity.callback_secret_file", signs && !asked, alone),
            ("identity.callback_url", asked && !signs, unsigned),
            ("identity.audience", asked && !self.audience.is_empty(), one_way),
            ("identity.keys_url", asked && !self.keys_url.is_empty(), one_way),
            ("identity.keys_file", asked && is_given(&self.keys_file), one_way),
            ("identity.secret_file", asked && is_given(&self.secret_file), one_way),
            ("identity.algorithms", asked && by_secret, one_way),
        ]
    }

    fn when_signing(&self) -> [Rule; 7] {
        let (on, by_secret) =
            (self.is_on() && !self.is_asked(), self.algorithms.contains(&HostAlgorithm::Hs256));
        let (by_url, by_file) = (!self.keys_url.is_empty(), is_given(&self.keys_file));
        let has_secret = is_given(&self.secret_file);
        [
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
                "needs keys to verify by: identity.keys_url or identity.keys_file; or identity.callback_url to ask",
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
        ]
    }
}

/// The setting to blame, whether it is wrong, and what is wrong with it.
type Rule = (&'static str, bool, &'static str);

fn is_given(path: &Path) -> bool {
    !path.as_os_str().is_empty()
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

/// A URL over TLS, or on this machine: keys and answers that somebody on the way could change are worth nothing.
pub(super) fn private_url(text: String) -> Result<String, String> {
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
