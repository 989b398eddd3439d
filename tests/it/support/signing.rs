//! What a host app's backend does: keys, and tokens signed by them. Tests of the core use the same.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest, hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};

/// A private key for tests and for nothing else; the library makes no RSA keys.
const RSA_KEY: &str = include_str!("rsa_key_for_tests.base64");

/// A key by which tokens are signed, and its name.
pub struct Signer {
    pub id: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Vec<u8>),
}

impl Signer {
    /// The only RSA key that there is.
    pub fn rsa(id: &str) -> Signer {
        let der = base64::engine::general_purpose::STANDARD.decode(RSA_KEY.replace('\n', "")).unwrap();
        Signer { id: id.to_owned(), key: Key::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap())) }
    }

    pub fn p256(id: &str) -> Signer {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).unwrap();
        Signer { id: id.to_owned(), key: Key::P256(key) }
    }

    /// The same key for the same name.
    pub fn ed25519(id: &str) -> Signer {
        let seed = digest::digest(&digest::SHA256, id.as_bytes());
        let key = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap();
        Signer { id: id.to_owned(), key: Key::Ed25519(key) }
    }

    pub fn secret(secret: &[u8]) -> Signer {
        Signer { id: "secret".to_owned(), key: Key::Secret(secret.to_vec()) }
    }

    pub fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
            Key::Ed25519(_) => "EdDSA",
            Key::Secret(_) => "HS256",
        }
    }

    /// What the host app publishes of it.
    pub fn public(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match &self.key {
            Key::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
            Key::P256(key) => {
                let point = key.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })
            }
            Key::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref()) })
            }
            Key::Secret(secret) => json!({ "kty": "oct", "k": text(secret) }),
        };
        key["kid"] = json!(self.id);
        key
    }

    /// A token with the header that a right app writes.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": self.id });
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// A token of any header and claims, signed all the same.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Key::P256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Key::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
        }
    }
}

/// A set of keys as it is published.
pub fn key_set(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.public()).collect();
    json!({ "keys": keys }).to_string()
}
