//! Sets of keys as host apps publish them, right and wrong.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{
    host_keys::{HostKeys, KEY_SET_BYTES_MAX, KeySetFault, Verdict},
    host_token_tests::signing::Signer,
};
use crate::model::HostAlgorithm;

fn read(keys: &[Value]) -> Result<HostKeys, KeySetFault> {
    HostKeys::of_set(json!({ "keys": keys }).to_string().as_bytes())
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

/// Whether a set has the key of `e`.
fn has_key(keys: &HostKeys, id: Option<&str>) -> bool {
    keys.verify(HostAlgorithm::EdDsa, id, b"m", b"s") == Verdict::Unsigned
}

#[test]
fn keys_for_something_else_are_passed_over() {
    let (other, key) = (Signer::rsa("r").public(), Signer::ed25519("e").public());
    for (key, usable) in [
        (key.clone(), true),
        (with(key.clone(), "use", json!("sig")), true),
        (with(key.clone(), "use", json!("enc")), false),
        (with(key.clone(), "use", json!(1)), false),
        (with(key.clone(), "key_ops", json!(["verify"])), true),
        (with(key.clone(), "key_ops", json!(["encrypt"])), false),
        (with(key.clone(), "alg", json!("EdDSA")), true),
        (with(key.clone(), "alg", json!("ES256")), false),
        (with(key.clone(), "kty", json!("oct")), false),
        (with(key.clone(), "crv", json!("X25519")), false),
        (with(key.clone(), "x", json!("AAAA")), false),
        (with(key.clone(), "x", json!("!")), false),
        (with(key.clone(), "something", json!({ "new": [1] })), true),
    ] {
        let keys = read(&[other.clone(), key.clone()]).unwrap();
        assert_eq!(has_key(&keys, Some("e")), usable, "{key}");
    }
}

#[test]
fn a_token_that_names_no_key_finds_the_only_one() {
    let [one, other] = ["e", "f"].map(|id| Signer::ed25519(id).public());
    assert!(has_key(&read(std::slice::from_ref(&one)).unwrap(), None));
    assert!(!has_key(&read(&[one.clone(), other]).unwrap(), None));
    let mut nameless = one;
    nameless.as_object_mut().unwrap().remove("kid");
    assert!(has_key(&read(&[nameless]).unwrap(), Some("any")));
}

#[test]
fn what_is_no_set_of_public_keys_is_refused() {
    let key = Signer::ed25519("e").public();
    assert_eq!(read(&[]).unwrap_err(), KeySetFault::Unusable);
    assert_eq!(read(&[json!({ "kty": "oct", "k": "AAAA" })]).unwrap_err(), KeySetFault::Unusable);
    assert_eq!(read(&[with(key.clone(), "d", json!("AAAA"))]).unwrap_err(), KeySetFault::Private);
    assert_eq!(read(&vec![key.clone(); 65]).unwrap_err(), KeySetFault::TooLarge);
    assert!(read(&vec![key.clone(); 64]).is_ok());
    let small = Signer::rsa("r").public()["n"].as_str().unwrap()[..100].to_owned();
    let weak = with(Signer::rsa("r").public(), "n", json!(small));
    assert_eq!(read(&[weak]).unwrap_err(), KeySetFault::Unusable, "an RSA key of 600 bits");
    let doubled = json!({ "keys": [key] }).to_string().replace(r#""kid":"e""#, r#""kid":"f","kid":"e""#);
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, "<html>", &doubled] {
        assert_eq!(HostKeys::of_set(text.as_bytes()).unwrap_err(), KeySetFault::Malformed, "{text}");
    }
    let long = vec![b' '; KEY_SET_BYTES_MAX + 1];
    assert_eq!(HostKeys::of_set(&long).unwrap_err(), KeySetFault::TooLarge);
}

#[test]
fn secrets_have_at_least_the_length_of_the_hash_and_are_not_shown() {
    assert!(HostKeys::of_secret(&[1; 31]).is_none());
    assert!(HostKeys::of_secret(&[1; 1025]).is_none());
    let keys = HostKeys::of_secret(&[b'q'; 32]).unwrap();
    assert!(!format!("{keys:?}").contains("113"), "{keys:?}");
    assert_eq!(keys.verify(HostAlgorithm::Hs256, Some("any"), b"m", b"s"), Verdict::Unsigned);
    assert_eq!(keys.verify(HostAlgorithm::Rs256, None, b"m", b"s"), Verdict::UnknownKey);
}
