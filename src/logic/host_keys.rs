//! The keys by which a host app signs: a set of public keys as it publishes them, or one secret.
//!
//! A key is good for one algorithm, which is its own and never the token's to choose: what is signed by HMAC with a
//! public key as the secret finds no key here.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    },
};
use serde::Deserialize;

use super::strict_json::Members;
use crate::model::HostAlgorithm;

/// Bytes of a set of keys. A longer one is refused unread. Source: 64 keys of RSA with 4,096 bits and a chain of
/// certificates each have about 200,000.
pub const KEY_SET_BYTES_MAX: usize = 256 * 1024;

/// Keys in a set. One more, and the set is refused. Source: a host app rotates two or three.
const KEYS_MAX: usize = 64;

/// Bits of an RSA key: shorter ones are worth nothing, longer ones cost too much. Source: RFC 7518, 3.3; the upper end
/// is what the library takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Bytes of a shared secret. Source: RFC 7518, 3.2: at least as long as the hash; the upper end is far above any.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 32..=1024;

/// The keys that are good now.
#[derive(Debug, Default)]
pub struct HostKeys {
    keys: Vec<HostKey>,
}

#[derive(Debug)]
struct HostKey {
    id: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    /// Shows nothing of it.
    Secret(hmac::Key),
}

/// Why a set of keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// More than it may have.
    #[error("the set of keys has more than {KEY_SET_BYTES_MAX} bytes or {KEYS_MAX} keys")]
    TooLarge,
    /// Not a JSON Web Key Set.
    #[error("this is not a JSON Web Key Set (RFC 7517)")]
    Malformed,
    /// A key in it is not public.
    #[error("the set has a private key, which is known to others now: replace it and publish the public one")]
    Private,
    /// Nothing in it is of use here.
    #[error("the set has no RSA key of 2048 to 8192 bits, no key on P-256 and none of Ed25519 to verify by")]
    Unusable,
}

/// Which keys a token may have been signed by.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// One of them signed it.
    Signed,
    /// There are such keys, and none of them signed it.
    Unsigned,
    /// There is no such key.
    UnknownKey,
}

impl HostKeys {
    /// Reads a JSON Web Key Set. Keys that are for something else, or of a sort that is not known here, are passed over.
    ///
    /// # Errors
    /// When it is no set, has a private key, or no key of use.
    pub fn of_set(bytes: &[u8]) -> Result<HostKeys, KeySetFault> {
        #[derive(Deserialize)]
        struct KeySet {
            keys: Vec<Members>,
        }
        if bytes.len() > KEY_SET_BYTES_MAX {
            return Err(KeySetFault::TooLarge);
        }
        let set: KeySet = serde_json::from_slice(bytes).map_err(|_| KeySetFault::Malformed)?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeySetFault::TooLarge);
        }
        if set.keys.iter().any(|key| key.get("d").is_some()) {
            return Err(KeySetFault::Private);
        }
        let keys: Vec<HostKey> = set.keys.iter().filter_map(HostKey::of_member).collect();
        if keys.is_empty() { Err(KeySetFault::Unusable) } else { Ok(HostKeys { keys }) }
    }

    /// A shared secret, of [`SECRET_BYTES`].
    #[must_use]
    pub fn of_secret(secret: &[u8]) -> Option<HostKeys> {
        let material = || Material::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret));
        SECRET_BYTES
            .contains(&secret.len())
            .then(|| HostKeys { keys: vec![HostKey { id: None, material: material() }] })
    }

    /// Whether one of the keys that a header names signed a message.
    ///
    /// A token that names no key is tried against the only one of its algorithm, and against none if there are more.
    pub(super) fn verify(
        &self,
        algorithm: HostAlgorithm,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Verdict {
        let of_algorithm = || self.keys.iter().filter(|key| key.algorithm() == algorithm);
        let only = of_algorithm().count() == 1;
        // A secret has no name, whatever the token calls it.
        let is_named = |key: &&HostKey| match (&key.id, id) {
            (Some(own), Some(named)) => own == named,
            (None, _) | (_, None) => only,
        };
        let mut verdict = Verdict::UnknownKey;
        for key in of_algorithm().filter(is_named) {
            if key.verifies(message, signature) {
                return Verdict::Signed;
            }
            verdict = Verdict::Unsigned;
        }
        verdict
    }
}

impl HostKey {
    fn of_member(member: &Members) -> Option<HostKey> {
        if member.get("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let may_verify = |operations: &serde_json::Value| {
            operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
        };
        if member.get("key_ops").is_some_and(|operations| !may_verify(operations)) {
            return None;
        }
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(member.text(name)?).ok();
        let material = match (member.text("kty")?, member.text("crv")) {
            ("RSA", _) => Material::of_rsa(bytes("n")?, bytes("e")?)?,
            ("EC", Some("P-256")) => Material::of_point(&bytes("x")?, &bytes("y")?)?,
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x").filter(|key| key.len() == 32)?),
            _ => return None,
        };
        let key = HostKey { id: member.text("kid").map(str::to_owned), material };
        let named = member.get("alg");
        named.is_none_or(|algorithm| algorithm == key.algorithm().name()).then_some(key)
    }

    fn algorithm(&self) -> HostAlgorithm {
        match self.material {
            Material::Rsa { .. } => HostAlgorithm::Rs256,
            Material::P256(_) => HostAlgorithm::Es256,
            Material::Ed25519(_) => HostAlgorithm::EdDsa,
            Material::Secret(_) => HostAlgorithm::Hs256,
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
            Material::Secret(secret) => hmac::verify(secret, message, signature).is_ok(),
        }
    }
}

impl Material {
    fn of_rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Option<Material> {
        // Some write a sign byte, which the library refuses.
        let plain = |bytes: Vec<u8>| -> Vec<u8> { bytes.into_iter().skip_while(|byte| *byte == 0).collect() };
        let (modulus, exponent) = (plain(modulus), plain(exponent));
        let bits = (modulus.len() * 8).checked_sub(modulus.first()?.leading_zeros() as usize)?;
        RSA_BITS.contains(&bits).then_some(Material::Rsa { modulus, exponent })
    }

    fn of_point(x: &[u8], y: &[u8]) -> Option<Material> {
        const UNCOMPRESSED: u8 = 4;
        (x.len() == 32 && y.len() == 32).then(|| Material::P256([&[UNCOMPRESSED], x, y].concat()))
    }
}
