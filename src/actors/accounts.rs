//! Accounts from outside: registering, signing in, proving a token. Used by WebSocket, HTTP and operator alike.

mod api_keys;
mod attempts;
mod bots;
mod counting;
mod erasure;
mod host_sign_in;
mod making;
mod operators;
mod password_change;
mod provisioning;

pub use api_keys::{API_KEY_PREFIX, KeyUses, NewApiKey};

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use highwater_wire::{Refusal, proto};
use parking_lot::{Mutex, RwLock};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use attempts::Attempts;
use making::Entitled;

use super::{
    host_app::HostApp,
    passwords::{Passwords, is_acceptable},
    persistence::intake::{Reply, Submission},
    user::UserServices,
};
use crate::{
    logic::{
        self, Answer, Principal,
        operation::{OpenLineage, Request},
    },
    model::{
        ApiKeyId, KindSet, Lineage, LineageId, Random, RegistrationMode, TimeMs,
        limits::NAME_CHARS,
        record::{Account, Device, Invite, SecretHash, is_name_letter, name_key},
    },
    monitor::Op,
};

/// See the module.
pub struct Accounts {
    services: Arc<UserServices>,
    registration: RwLock<RegistrationMode>,
    passwords: Passwords,
    host_app: Option<HostApp>,
    random: Random,
    attempts: Attempts,
    key_uses: Mutex<BTreeMap<ApiKeyId, KeyUses>>,
}

/// The hash under which a secret is stored.
#[must_use]
pub fn secret_hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether a name follows the rules.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    NAME_CHARS.contains(&name.chars().count()) && name.chars().all(is_name_letter)
}

impl Accounts {
    /// Accounts with these rules.
    #[must_use]
    pub fn new(
        services: Arc<UserServices>,
        registration: RegistrationMode,
        passwords: Passwords,
        host_app: Option<HostApp>,
        random: Random,
    ) -> Accounts {
        Accounts {
            services,
            registration: RwLock::new(registration),
            passwords,
            host_app,
            random,
            attempts: Attempts::default(),
            key_uses: Mutex::default(),
        }
    }

    /// Who may make an account now.
    #[must_use]
    pub fn registration(&self) -> RegistrationMode {
        *self.registration.read()
    }

    /// Who may make an account from now on.
    pub fn set_registration(&self, mode: RegistrationMode) {
        *self.registration.write() = mode;
    }

    /// The device of a token.
    ///
    /// # Errors
    /// `InvalidToken`, `AccountSuspended`, or that the store cannot be read now.
    pub async fn authenticate(&self, token: &str) -> Result<Device, Refusal> {
        let hash = secret_hash(token);
        let device = self.services.readers.ask(move |view| view.device_of_token(&hash)).await?;
        device.ok_or(Refusal::InvalidToken).and_then(unless_suspended)
    }

    /// The device of a token, and the lineage of one of its contexts, if it was opened before.
    ///
    /// # Errors
    /// As `authenticate`.
    pub async fn identify(&self, token: &str, context: u8) -> Result<(Device, Option<Lineage>), Refusal> {
        let hash = secret_hash(token);
        let found = self.services.readers.ask(move |view| {
            let Some(device) = view.device_of_token(&hash)? else {
                return Ok(None);
            };
            let id = LineageId { device: device.device, context };
            let lineage = view.lineages(device.user)?.get(id).copied();
            Ok(Some((device, lineage)))
        });
        let (device, lineage) = found.await?.ok_or(Refusal::InvalidToken)?;
        Ok((unless_suspended(device)?, lineage))
    }

    /// The device of a token, and the lineage of one of its contexts: opened, if it is new or says something new. A
    /// known one goes on as it is stored when nothing can be written now.
    ///
    /// # Errors
    /// As `authenticate`, or that nothing can be written now.
    pub async fn admit(
        &self,
        token: &str,
        context: u8,
        kinds: KindSet,
    ) -> Result<(Device, Lineage), Refusal> {
        // A kind that the server gets later is declared by who declares all that there are.
        let kinds = kinds.or(KindSet::ALL.without(self.services.kinds.set()));
        let step_ms = logic::lineages::heard_step_ms(self.services.policy.now().lineage_expiry_ms);
        let (device, lineage) = self.identify(token, context).await?;
        if let Some(lineage) = lineage
            && !logic::lineages::is_news(&lineage, kinds, self.services.observed.at(), step_ms)
        {
            return Ok((device, lineage));
        }
        let by = Principal { user: device.user, device: device.device };
        match (self.decide(Request::OpenLineage(OpenLineage { by, context, kinds })).await, lineage) {
            (Ok(Answer::LineageOpened(lineage)), _) => Ok((device, lineage)),
            (Err(Refusal::StorageFull | Refusal::Busy | Refusal::UnknownOutcome), Some(lineage)) => {
                Ok((device, lineage))
            }
            (Err(refusal), _) => Err(refusal),
            (Ok(_), _) => Err(Refusal::Internal),
        }
    }

    /// Makes an account with its first device.
    ///
    /// # Errors
    /// As the protocol says.
    pub async fn register(&self, register: proto::Register) -> Result<proto::SignedIn, Refusal> {
        self.counted(Op::Register, self.hash_and_make(register)).await
    }

    async fn hash_and_make(&self, register: proto::Register) -> Result<proto::SignedIn, Refusal> {
        let invite = match self.registration() {
            RegistrationMode::Closed => return Err(Refusal::RegistrationClosed),
            RegistrationMode::Invite => Some(secret_hash(register.invite.trim())),
            RegistrationMode::Open => None,
        };
        if !is_valid_name(&register.name) {
            return Err(Refusal::InvalidName);
        }
        if !is_acceptable(&register.password, &register.name) {
            return Err(Refusal::WeakPassword);
        }
        self.refuse_hopeless(&register.name, invite).await?;
        let password = self.passwords.hash(register.password).await?;
        let by = Entitled { password: Some(password), invite, host_identity: None };
        self.make_account(register.name, by, register.device.unwrap_or_default()).await
    }

    /// Refuses before the hash is computed what the committer would refuse after it.
    async fn refuse_hopeless(&self, name: &str, invite: Option<SecretHash>) -> Result<(), Refusal> {
        let key = name_key(name);
        let now = self.services.clock.now();
        let refused = self.services.readers.ask(move |view| {
            if let Some(invite) = invite
                && view.invite(&invite)?.is_none_or(|invite| invite.expires <= now)
            {
                return Ok(Err(Refusal::InvalidInvite));
            }
            Ok(if view.user_of_name(&key)?.is_some() { Err(Refusal::NameTaken) } else { Ok(()) })
        });
        refused.await?
    }

    /// Makes a further device for whoever knows the password.
    ///
    /// # Errors
    /// As the protocol says; name and password are never told apart.
    pub async fn sign_in(
        &self,
        sign_in: proto::SignIn,
        peer: Option<IpAddr>,
    ) -> Result<proto::SignedIn, Refusal> {
        self.counted(Op::SignIn, self.prove_and_add(sign_in, peer)).await
    }

    async fn prove_and_add(
        &self,
        sign_in: proto::SignIn,
        peer: Option<IpAddr>,
    ) -> Result<proto::SignedIn, Refusal> {
        let key = name_key(&sign_in.name);
        let now = self.services.clock.now();
        let attempt = self.attempts.begin(key.clone(), peer, now)?;
        let proven = self.prove(&key, sign_in.password).await;
        attempt.end(matches!(proven, Err(Refusal::WrongCredentials)));
        let account = proven?;
        let info = sign_in.device.unwrap_or_default();
        self.add_device(account.user, info, sign_in.in_place_of, account.password).await
    }

    /// The account of a name, if the password is its.
    async fn prove(&self, key: &str, password: String) -> Result<Account, Refusal> {
        let name = key.to_owned();
        let account = self.services.readers.ask(move |view| match view.user_of_name(&name)? {
            Some(user) => view.account(user),
            None => Ok(None),
        });
        let account = account.await?;
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let proven = self.passwords.verify(password, stored).await?;
        account.filter(|_| proven).ok_or(Refusal::WrongCredentials)
    }

    /// Makes an invite; its code is told once.
    ///
    /// # Errors
    /// When nothing can be written now.
    pub async fn invite(&self, valid_ms: i64) -> Result<String, Refusal> {
        let code = self.secret("hwi_");
        let expires = TimeMs(self.services.clock.now().0.saturating_add(valid_ms));
        let invite = Invite { hash: secret_hash(&code), expires };
        self.decide(Request::Invite(invite)).await?;
        Ok(code)
    }

    /// Submits an operation and waits until it is durable.
    ///
    /// # Errors
    /// The committer's refusal.
    pub async fn decide(&self, request: Request) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        let submission = Submission::new(request, Reply::Once(reply), &self.services.clock);
        self.services.intake.submit(submission).map_err(|(_, refusal)| refusal)?;
        answer.await.unwrap_or(Err(Refusal::UnknownOutcome))
    }

    fn secret(&self, prefix: &str) -> String {
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(self.random.bytes::<32>()))
    }
}

/// A device that may ask. The committer judges again what changes something.
fn unless_suspended(device: Device) -> Result<Device, Refusal> {
    if device.suspended { Err(Refusal::AccountSuspended) } else { Ok(device) }
}
