//! Password hashing, fenced: Argon2id off the workers, a few at a time, a bounded line before them.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use highwater_wire::Refusal;
use tokio::sync::Semaphore;

use crate::{
    model::{Random, limits::PASSWORD_BYTES, record::name_key},
    monitor::{Monitor, ids},
};

/// Memory of one hash, KiB; passes; lanes. Source: OWASP password storage cheat sheet, Argon2id minimum.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Requests that wait for a hash. More are refused as busy. Source: at 30 ms each the last waits 2 s on one core.
const WAITING_MAX: usize = 64;

/// How long a request waits for its turn before it is refused as busy.
const WAIT: Duration = Duration::from_secs(2);

/// Passwords that everybody tries first; a longer list belongs to the operator.
const COMMON: [&str; 24] = [
    "password",
    "password1",
    "password12",
    "password123",
    "passw0rd",
    "12345678",
    "123456789",
    "1234567890",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "iloveyou",
    "11111111",
    "00000000",
    "88888888",
    "66666666",
    "abc12345",
    "abcd1234",
    "1q2w3e4r",
    "1qaz2wsx",
    "letmein1",
    "welcome1",
    "admin123",
    "changeme",
];

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    random: Random,
    monitor: Monitor,
    /// The hash of no password, so that an unknown name takes as long as a known one.
    decoy: Arc<str>,
}

/// Whether a new password may be used for an account of this name.
#[must_use]
pub fn is_acceptable(password: &str, name: &str) -> bool {
    let folded = password.to_lowercase();
    PASSWORD_BYTES.contains(&password.len()) && folded != name_key(name) && !COMMON.contains(&folded.as_str())
}

impl Passwords {
    /// A fence that lets `at_once` hashes run.
    #[must_use]
    pub fn new(at_once: usize, random: Random, monitor: Monitor) -> Passwords {
        let decoy = hash(&random.bytes::<16>(), &random.bytes::<16>()).unwrap_or_default();
        Passwords {
            running: Arc::new(Semaphore::new(at_once.max(1))),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            random,
            monitor,
            decoy: decoy.into(),
        }
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// `Busy` when too many wait.
    pub async fn hash(&self, password: String) -> Result<String, Refusal> {
        let salt = self.random.bytes::<16>();
        self.fenced(move || hash(password.as_bytes(), &salt)).await?.ok_or(Refusal::Internal)
    }

    /// Whether a password is that of a PHC string. Takes as long when there is none.
    ///
    /// # Errors
    /// `Busy` when too many wait.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Refusal> {
        let decoy = Arc::clone(&self.decoy);
        self.fenced(move || {
            let known = stored.is_some();
            let phc = stored.as_deref().unwrap_or(&decoy);
            let matches = PasswordHash::new(phc)
                .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
            known && matches
        })
        .await
    }

    async fn fenced<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let _place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        self.monitor.add(ids::PASSWORD_HASHES_WAITING, 1);
        let turn = tokio::time::timeout(WAIT, Arc::clone(&self.running).acquire_owned()).await;
        let done = match turn {
            Ok(Ok(turn)) => {
                let work = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    work()
                });
                work.await.map_err(|_| Refusal::Internal)
            }
            _ => Err(Refusal::Busy),
        };
        self.monitor.subtract(ids::PASSWORD_HASHES_WAITING, 1);
        self.monitor.add(ids::PASSWORD_HASHES, 1);
        done
    }
}

fn hash(password: &[u8], salt: &[u8]) -> Option<String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: Result<argon2::password_hash::phc::PasswordHash, _> =
        argon2.hash_password_with_salt(password, salt);
    hash.ok().map(|hash| hash.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_and_common_passwords_are_not_acceptable() {
        for (password, name, acceptable) in [
            ("correct horse", "ann", true),
            ("short", "ann", false),
            ("Password123", "ann", false),
            ("Annabella1", "annabella1", false),
            (&"x".repeat(129), "ann", false),
        ] {
            assert_eq!(is_acceptable(password, name), acceptable, "{password}");
        }
    }

    #[test]
    fn a_hash_is_argon2id_with_its_salt() {
        let phc = hash(b"correct horse", &[7; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let parsed = PasswordHash::new(&phc).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"wrong horse", &parsed).is_err());
    }
}
