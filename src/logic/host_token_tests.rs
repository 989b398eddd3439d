//! Tokens against the attacks on them: each row spoils one thing of a token that is right.

#![allow(clippy::unwrap_used)]

#[path = "../../tests/it/support/signing.rs"]
pub(super) mod signing;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use self::signing::{Signer, key_set};
use super::{
    host_keys::HostKeys,
    host_token::{TOKEN_BYTES_MAX, TokenFault, TokenRules, claimed_subject, identity_of, judge},
};
use crate::model::{HostAlgorithm, TimeMs};

const NOW_S: i64 = 1_800_000_000;
const NOW: TimeMs = TimeMs(NOW_S * 1000 + 999);

fn rules() -> TokenRules {
    TokenRules {
        issuer: "https://app.example".to_owned(),
        audience: "highwater".to_owned(),
        algorithms: vec![HostAlgorithm::Rs256, HostAlgorithm::Es256, HostAlgorithm::EdDsa],
        leeway_s: 30,
        lifetime_max_s: 3600,
        name_claim: "preferred_username".to_owned(),
    }
}

fn claims() -> Value {
    json!({ "iss": "https://app.example", "aud": "highwater", "sub": "u-1", "exp": NOW_S + 600, "iat": NOW_S })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn keys(signers: &[&Signer]) -> HostKeys {
    HostKeys::of_set(key_set(signers).as_bytes()).unwrap()
}

#[test]
fn what_is_right_vouches_for_its_subject_by_every_algorithm() {
    let signers = [Signer::rsa("r"), Signer::p256("p"), Signer::ed25519("e")];
    let keys = keys(&signers.each_ref());
    for signer in &signers {
        let vouched = judge(&signer.token(&claims()), &rules(), &keys, NOW).unwrap();
        assert_eq!(vouched.identity, identity_of("https://app.example", "u-1"), "{}", signer.algorithm());
        assert_eq!(vouched.called, "u-1");
        let named = signer.token(&with("preferred_username", json!("Ann Lee")));
        assert_eq!(judge(&named, &rules(), &keys, NOW).unwrap().called, "Ann Lee");
        let mut others = rules();
        others.algorithms.retain(|algorithm| algorithm.name() != signer.algorithm());
        let refused = judge(&signer.token(&claims()), &others, &keys, NOW);
        assert_eq!(refused, Err(TokenFault::Algorithm), "the key is there, the algorithm not allowed");
    }
    let secret = [7; 32];
    let by_secret = TokenRules { algorithms: vec![HostAlgorithm::Hs256], ..rules() };
    let keys = HostKeys::of_secret(&secret).unwrap();
    assert!(judge(&Signer::secret(&secret).token(&claims()), &by_secret, &keys, NOW).is_ok());
    let wrong = judge(&Signer::secret(&[8; 32]).token(&claims()), &by_secret, &keys, NOW);
    assert_eq!(wrong, Err(TokenFault::Signature));
}

#[test]
fn claims_that_are_wrong_are_refused_though_they_are_signed() {
    use TokenFault::{Audience, Expired, Form, Issuer, Lifetime, NotYetValid, Subject, Time};
    let signer = Signer::ed25519("e");
    let keys = keys(&[&signer]);
    let rows: Vec<(Value, Result<(), TokenFault>)> = vec![
        (claims(), Ok(())),
        (with("aud", json!(["other", "highwater"])), Ok(())),
        (with("nbf", json!(NOW_S + 30)), Ok(())),
        (with("exp", json!(NOW_S - 29)), Ok(())),
        (without("iat"), Ok(())),
        (with("iss", json!("https://evil.example")), Err(Issuer)),
        (with("iss", json!("https://app.example/")), Err(Issuer)),
        (with("iss", json!(["https://app.example"])), Err(Issuer)),
        (without("iss"), Err(Issuer)),
        (with("aud", json!("other")), Err(Audience)),
        (with("aud", json!(["other"])), Err(Audience)),
        (with("aud", json!([])), Err(Audience)),
        (with("aud", json!([["highwater"]])), Err(Audience)),
        (without("aud"), Err(Audience)),
        (without("sub"), Err(Subject)),
        (with("sub", json!("")), Err(Subject)),
        (with("sub", json!(17)), Err(Subject)),
        (with("sub", json!("x".repeat(256))), Err(Subject)),
        (without("exp"), Err(Time)),
        (with("exp", json!((NOW_S + 600).to_string())), Err(Time)),
        (with("exp", json!(NOW_S as f64 + 600.0)), Err(Time)),
        (with("exp", json!(1e300)), Err(Time)),
        (with("exp", json!(u64::MAX)), Err(Time)),
        (with("exp", json!(i64::MAX)), Err(Time)),
        (with("exp", json!(-1)), Err(Time)),
        (with("exp", json!(null)), Err(Time)),
        (with("exp", json!(true)), Err(Time)),
        (with("exp", json!((NOW_S + 600) * 1000)), Err(Time)),
        (with("exp", json!(NOW_S - 30)), Err(Expired)),
        (with("exp", json!(0)), Err(Expired)),
        (with("nbf", json!(NOW_S + 31)), Err(NotYetValid)),
        (with("nbf", json!("soon")), Err(Time)),
        (with("iat", json!(NOW_S + 31)), Err(NotYetValid)),
        (with("iat", json!(0.5)), Err(Time)),
        (with("exp", json!(NOW_S + 3631)), Err(Lifetime)),
        (with("exp", json!(NOW_S + 3630)), Ok(())),
        (with("iat", json!(NOW_S - 3500)), Err(Lifetime)),
    ];
    for (claims, expected) in rows {
        let judged = judge(&signer.token(&claims), &rules(), &keys, NOW).map(drop);
        assert_eq!(judged, expected, "{claims}");
    }
    // A name that stands twice, with the right value first and last.
    let text = claims().to_string();
    let doubled = text.replace(r#""sub":"u-1""#, r#""sub":"u-2","sub":"u-1""#);
    for claims in [doubled.as_str(), &format!("[{text}]"), "", "null", &format!("{text}x")] {
        let header = r#"{"alg":"EdDSA","kid":"e"}"#;
        let judged = judge(&signer.token_of(header, claims), &rules(), &keys, NOW);
        assert_eq!(judged, Err(Form), "{claims}");
    }
}

#[test]
fn headers_choose_neither_the_key_nor_the_way_of_judging() {
    use TokenFault::{Algorithm, Critical, Form, Signature, Type, UnknownKey};
    let signer = Signer::ed25519("e");
    let (other, rsa) = (Signer::ed25519("f"), Signer::rsa("r"));
    let keys = keys(&[&signer, &other, &rsa]);
    let own = signer.public()["x"].clone();
    for (header, expected) in [
        (json!({ "alg": "EdDSA", "kid": "e" }), Ok(())),
        (json!({ "alg": "EdDSA", "kid": "e", "typ": "at+JWT" }), Ok(())),
        (json!({ "alg": "EdDSA", "kid": "e", "b64": false, "jku": "https://evil.example" }), Ok(())),
        (json!({ "alg": "EdDSA", "kid": "f" }), Err(Signature)),
        (json!({ "alg": "EdDSA", "kid": "g" }), Err(UnknownKey)),
        (json!({ "alg": "EdDSA", "kid": "r" }), Err(UnknownKey)),
        (json!({ "alg": "EdDSA", "kid": "../../e" }), Err(UnknownKey)),
        (json!({ "alg": "EdDSA", "kid": ["e"] }), Err(Form)),
        // Two keys of this algorithm: which one is not guessed.
        (json!({ "alg": "EdDSA" }), Err(UnknownKey)),
        (json!({ "alg": "EdDSA", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": own } }), Err(UnknownKey)),
        (json!({ "alg": "none", "kid": "e" }), Err(Algorithm)),
        (json!({ "alg": "None", "kid": "e" }), Err(Algorithm)),
        (json!({ "alg": "eddsa", "kid": "e" }), Err(Algorithm)),
        (json!({ "alg": "HS256", "kid": "e" }), Err(Algorithm)),
        (json!({ "alg": "RS512", "kid": "r" }), Err(Algorithm)),
        (json!({ "alg": ["EdDSA"], "kid": "e" }), Err(Algorithm)),
        (json!({ "kid": "e" }), Err(Algorithm)),
        (json!({ "alg": "RS256", "kid": "r" }), Err(Signature)),
        (json!({ "alg": "EdDSA", "kid": "e", "crit": ["exp"] }), Err(Critical)),
        (json!({ "alg": "EdDSA", "kid": "e", "crit": [] }), Err(Critical)),
        (json!({ "alg": "EdDSA", "kid": "e", "typ": "logout+jwt" }), Err(Type)),
        (json!({ "alg": "EdDSA", "kid": "e", "typ": 1 }), Err(Type)),
    ] {
        let token = signer.token_of(&header.to_string(), &claims().to_string());
        assert_eq!(judge(&token, &rules(), &keys, NOW).map(drop), expected, "{header}");
    }
    let doubled = r#"{"alg":"none","alg":"EdDSA","kid":"e"}"#;
    let token = signer.token_of(doubled, &claims().to_string());
    assert_eq!(judge(&token, &rules(), &keys, NOW), Err(Form));
}

#[test]
fn the_public_key_is_no_secret() {
    let rsa = Signer::rsa("r");
    let keys = keys(&[&rsa]);
    let public = rsa.public();
    let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    // The forms in which others have taken it for one.
    for secret in [modulus.clone(), public["n"].as_str().unwrap().into(), public.to_string().into_bytes()] {
        let forged = Signer::secret(&secret).token_of(r#"{"alg":"HS256","kid":"r"}"#, &claims().to_string());
        assert_eq!(judge(&forged, &rules(), &keys, NOW), Err(TokenFault::Algorithm));
        // Even where the list would allow it there is no key that verifies so.
        let lax = TokenRules { algorithms: vec![HostAlgorithm::Hs256, HostAlgorithm::Rs256], ..rules() };
        assert_eq!(judge(&forged, &lax, &keys, NOW), Err(TokenFault::UnknownKey));
    }
}

#[test]
fn what_is_no_signed_token_is_refused_by_its_form() {
    let signer = Signer::ed25519("e");
    let keys = keys(&[&signer]);
    let token = signer.token(&claims());
    let [header, body, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    for (spoilt, expected) in [
        (String::new(), TokenFault::Form),
        ("..".to_owned(), TokenFault::Form),
        (format!("{header}.{body}"), TokenFault::Form),
        (format!("{header}.{body}."), TokenFault::Signature),
        (format!("{token}."), TokenFault::Form),
        (format!("{token}="), TokenFault::Form),
        (format!(" {token}"), TokenFault::Form),
        (format!("{header}.{body}.{signature}{signature}"), TokenFault::Signature),
        (format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode("{}")), TokenFault::Signature),
        ("a".repeat(TOKEN_BYTES_MAX + 1), TokenFault::TooLong),
        ("a".repeat(1024 * 1024), TokenFault::TooLong),
        (".".repeat(TOKEN_BYTES_MAX), TokenFault::Form),
    ] {
        assert_eq!(judge(&spoilt, &rules(), &keys, NOW), Err(expected), "{:.60}", spoilt);
    }
    // Every byte counts: a token that differs anywhere is not the same.
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(judge(&changed, &rules(), &keys, NOW).is_err(), "byte {place} does not matter");
    }
}

#[test]
fn identities_are_apart_for_each_pair_of_issuer_and_subject() {
    assert_ne!(identity_of("a", "bc"), identity_of("ab", "c"));
    assert_ne!(identity_of("a", "b"), identity_of("b", "a"));
    assert_ne!(identity_of("a", "B"), identity_of("a", "b"));
}

#[test]
fn whom_a_token_claims_to_be_for_is_read_before_it_is_judged() {
    let token = Signer::ed25519("e").token(&claims());
    assert_eq!(claimed_subject(&token), "u-1");
    let long = Signer::ed25519("e").token(&with("sub", json!("x".repeat(256))));
    for token in ["", "a.b.c", "a", &long, &"a".repeat(TOKEN_BYTES_MAX + 1)] {
        assert_eq!(claimed_subject(token), "", "{token:.40}");
    }
}
