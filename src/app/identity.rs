//! The host app that is believed: its rules, and the files by which it is.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    actors::{
        host_app::HostApp,
        host_callback::{HostCallback, ask},
        host_tokens::{HostTokens, KeySource, fetch},
    },
    config::Identity,
    logic::{
        host_callback::QuestionKey,
        host_keys::{HostKeys, KEY_SET_BYTES_MAX, KeySetFault, SECRET_BYTES},
        host_token::TokenRules,
    },
    model::Clock,
    monitor::Monitor,
};

/// Rights of group and others: a secret has none of them.
const FOREIGN_RIGHTS: u32 = 0o077;

/// Why the host app cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// A file.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others can read the secret.
    #[error("{} has mode {mode:03o}, so others than its owner can read it: run `chmod 600 {}`", path.display(), path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The secret is too short or too long.
    #[error("{} must hold a secret of {} to {} bytes", path.display(), SECRET_BYTES.start(), SECRET_BYTES.end())]
    Secret {
        /// Which.
        path: PathBuf,
    },
    /// The keys.
    #[error("the keys in {} cannot be used", path.display())]
    Keys {
        /// Which.
        path: PathBuf,
        /// Why.
        source: KeySetFault,
    },
}

/// Who vouches for users; `None` when nobody does.
pub(super) fn host_app(
    identity: &Identity,
    clock: &Clock,
    monitor: &Monitor,
) -> Result<Option<HostApp>, IdentityFault> {
    if !identity.is_on() {
        return Ok(None);
    }
    let (clock, monitor) = (clock.clone(), monitor.clone());
    if identity.is_asked() {
        let (key, ask) = (question_key(identity)?, ask(identity.callback_url.clone()));
        let callback = HostCallback::new(identity.issuer.clone(), key, ask, clock, monitor);
        return Ok(Some(HostApp::IsAsked(Arc::new(callback))));
    }
    let rules = TokenRules {
        issuer: identity.issuer.clone(),
        audience: identity.audience.clone(),
        algorithms: identity.algorithms.clone(),
        leeway_s: i64::from(identity.leeway_s),
        lifetime_max_s: i64::from(identity.lifetime_max_s),
        name_claim: identity.name_claim.clone(),
    };
    let keys = key_source(identity)?;
    Ok(Some(HostApp::Signs(Arc::new(HostTokens::new(rules, keys, clock, monitor)))))
}

/// Opens the files by which the host app is believed, and asks nobody.
pub(super) fn check_files(identity: &Identity) -> Result<(), IdentityFault> {
    match identity.is_on() {
        false => Ok(()),
        true if identity.is_asked() => question_key(identity).map(drop),
        true => key_source(identity).map(drop),
    }
}

fn question_key(identity: &Identity) -> Result<QuestionKey, IdentityFault> {
    secret(&identity.callback_secret_file, QuestionKey::of_secret)
}

fn key_source(identity: &Identity) -> Result<KeySource, IdentityFault> {
    if !identity.keys_url.is_empty() {
        let seconds = |seconds| Duration::from_secs(u64::from(seconds));
        let (floor, refresh) = (seconds(identity.keys_floor_s), seconds(identity.keys_refresh_s));
        return Ok(KeySource::published(fetch(identity.keys_url.clone()), floor, refresh));
    }
    if !identity.secret_file.as_os_str().is_empty() {
        return secret(&identity.secret_file, HostKeys::of_secret).map(KeySource::fixed);
    }
    let path = &identity.keys_file;
    let (bytes, _) = read(path, KEY_SET_BYTES_MAX)?;
    let keys = HostKeys::of_set(&bytes);
    keys.map(KeySource::fixed).map_err(|source| IdentityFault::Keys { path: path.clone(), source })
}

/// What is made of the secret in a file, which is its owner's alone.
pub(super) fn secret<Key>(
    path: &Path,
    made_of: impl FnOnce(&[u8]) -> Option<Key>,
) -> Result<Key, IdentityFault> {
    let (bytes, mode) = read(path, SECRET_BYTES.end() + 2)?;
    if mode & FOREIGN_RIGHTS != 0 {
        return Err(IdentityFault::Mode { path: path.to_path_buf(), mode: mode & 0o777 });
    }
    // The end of line that editors write is no part of it.
    let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
    made_of(secret).ok_or_else(|| IdentityFault::Secret { path: path.to_path_buf() })
}

/// A file up to one byte more than it may have, and its mode: that of what is read, not of a name.
pub(super) fn read(path: &Path, bytes_max: usize) -> Result<(Vec<u8>, u32), IdentityFault> {
    let fault = |source| IdentityFault::Unreadable { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(fault)?;
    let mode = file.metadata().map_err(fault)?.permissions().mode();
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(fault)?;
    Ok((bytes, mode))
}
