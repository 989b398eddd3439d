//! Settings that mean something for each other.

#![allow(clippy::unwrap_used)]

use super::{
    tests::{TestFile, error_of, load, load_text, source_of},
    *,
};

#[test]
fn an_address_beyond_loopback_has_to_be_meant() {
    for (key, section) in [("client.listen", "client"), ("operator.listen", "operator")] {
        for listen in ["0.0.0.0:9000", "[::]:9000", "192.0.2.1:0", "[::ffff:192.0.2.1]:9000"] {
            let alone = format!("{key} = \"{listen}\"");
            let error = error_of(&alone);
            assert!(error.starts_with(&format!("line 1: {key} is ")), "{error}");
            assert!(error.ends_with(&format!("say {section}.public_without_tls = true")), "{error}");
            let meant = format!("{alone}\n{section}.public_without_tls = true");
            assert_eq!(load_text(&meant).unwrap().cautions().len(), 1);
            let dev = format!("{meant}\nserver.dev = true");
            assert!(error_of(&dev).contains("only loopback addresses"), "{dev}");
        }
        for listen in ["127.0.0.1:0", "127.8.8.8:9000", "[::1]:9000", "[::ffff:127.0.0.1]:9000"] {
            load_text(&format!("{key} = \"{listen}\"")).unwrap();
        }
    }
    let same = error_of("client.listen = \"127.0.0.1:8081\"");
    assert!(same.starts_with("line 1: client.listen is 127.0.0.1:8081, and so is the other"), "{same}");
}

#[test]
fn dev_opens_registration_unless_a_source_as_strong_says_otherwise() {
    let file = TestFile::new("registration.mode = \"closed\"");
    let dev = Flags { dev: true, ..Flags::default() };
    let (config, in_force) = load(Some(&file), &[], dev.clone()).unwrap();
    assert_eq!(config.registration.mode, RegistrationMode::Open);
    assert_eq!(source_of(&in_force, "registration.mode"), Source::Dev);
    let closed = Flags { registration: Some("closed".to_owned()), ..dev };
    assert_eq!(load(None, &[], closed).unwrap().0.registration.mode, RegistrationMode::Closed);
    let both = load_text("server.dev = true\nregistration.mode = \"invite\"").unwrap();
    assert_eq!(both.registration.mode, RegistrationMode::Invite);
    let off = [("HIGHWATER_SERVER_DEV", "false")];
    let file = TestFile::new("server.dev = true");
    assert_eq!(load(Some(&file), &off, Flags::default()).unwrap().0, Config::default());
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    assert!(error_of("storage.engine = \"memory\"").contains("which forgets"));
    let config = load_text("storage.engine = \"memory\"\nserver.dev = true").unwrap();
    assert!(config.cautions().iter().any(|caution| caution.contains("forgets")));
    let error = error_of("storage.tail_bytes_max = 8_388_608");
    assert!(error.starts_with("line 1: storage.tail_bytes_max does not fit"), "{error}");
    let error = error_of("[storage]\ntail_bytes_max = 16_777_216\nindex_after_bytes = 8_388_609");
    assert!(error.starts_with("line 3: storage.index_after_bytes does not fit"), "{error}");
}

#[test]
fn a_device_that_is_connected_does_not_expire() {
    let error = error_of("cleanup.lineage_expiry_s = 59");
    assert!(error.starts_with("line 1: cleanup.lineage_expiry_s does not fit"), "{error}");
    load_text("cleanup.lineage_expiry_s = 60").unwrap();
    let error = error_of("[client]\nheartbeat_ms = 2001\n[cleanup]\nlineage_expiry_s = 4");
    assert!(error.starts_with("line 4: cleanup.lineage_expiry_s does not fit"), "{error}");
    load_text("client.heartbeat_ms = 2000\ncleanup.lineage_expiry_s = 4").unwrap();
}

#[test]
fn a_host_app_is_believed_only_by_what_can_be_verified() {
    let with =
        |lines: &str| format!("[identity]\nissuer = \"https://a.example\"\naudience = \"chat\"\n{lines}");
    let url = "keys_url = \"https://a.example/keys\"";
    let secret = "secret_file = \"secret\"";
    load_text(&with(url)).unwrap();
    load_text(&with("keys_file = \"keys.json\"")).unwrap();
    load_text(&with(&format!("algorithms = [\"HS256\"]\n{secret}"))).unwrap();
    for (lines, expected) in [
        ("", "identity.issuer needs keys"),
        (secret, "identity.issuer needs keys"),
        (&format!("{url}\n{secret}"), "identity.secret_file is for \"HS256\" alone"),
        ("algorithms = [\"HS256\"]", "identity.algorithms has \"HS256\", which needs identity.secret_file"),
        (
            &format!("algorithms = [\"RS256\", \"HS256\"]\n{url}\n{secret}"),
            "identity.algorithms has \"HS256\" beside others",
        ),
        (
            &format!("algorithms = [\"HS256\"]\n{url}\n{secret}"),
            "identity.algorithms has \"HS256\", which is verified by no key",
        ),
        (&format!("{url}\nkeys_file = \"keys.json\""), "identity.keys_file stands beside identity.keys_url"),
    ] {
        let error = error_of(&with(lines));
        assert!(error.contains(expected), "{lines}: {error}");
    }
    let error = error_of(&format!("[identity]\nissuer = \"https://a.example\"\n{url}"));
    assert!(error.contains("identity.issuer needs identity.audience"), "{error}");
    for alone in [url, secret, "audience = \"chat\"", "keys_file = \"keys.json\""] {
        let error = error_of(&format!("[identity]\n{alone}"));
        assert!(error.contains("means nothing without identity.issuer"), "{alone}: {error}");
    }
}

#[test]
fn a_host_app_is_believed_in_one_way() {
    let with = |lines: &str| format!("[identity]\nissuer = \"https://a.example\"\n{lines}");
    let (url, secret) = ("callback_url = \"https://a.example/who\"", "callback_secret_file = \"secret\"");
    let both = format!("{url}\n{secret}");
    load_text(&with(&both)).unwrap();
    let asking = |line: &str| with(&format!("{both}\n{line}"));
    for (text, expected) in [
        (with(url), "identity.callback_url needs identity.callback_secret_file"),
        (with(secret), "identity.callback_secret_file means nothing without identity.callback_url"),
        (format!("[identity]\n{both}"), "identity.callback_url means nothing without identity.issuer"),
        (asking("audience = \"chat\""), "identity.audience is for signed tokens"),
        (asking("keys_url = \"https://a.example/keys\""), "identity.keys_url is for signed tokens"),
        (asking("keys_file = \"keys.json\""), "identity.keys_file is for signed tokens"),
        (asking("secret_file = \"other\""), "identity.secret_file is for signed tokens"),
        (asking("algorithms = [\"HS256\"]"), "identity.algorithms is for signed tokens"),
        (with("callback_url = \"http://a.example/who\""), "identity.callback_url must be https://HOST/"),
    ] {
        let error = error_of(&text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn keys_come_over_tls_or_from_this_machine() {
    let wrong = |url: &str| {
        let config = format!("[identity]\nissuer = \"a\"\naudience = \"b\"\nkeys_url = \"{url}\"");
        load_text(&config).is_err()
    };
    for url in [
        "https://a.example/keys?x=1",
        "https://a.example",
        "http://127.0.0.1:8000/keys",
        "http://localhost/keys",
        "http://[::1]:9/",
    ] {
        assert!(!wrong(url), "{url}");
    }
    for url in [
        "http://a.example/keys",
        "http://127.0.0.1.a.example/keys",
        "http://127.0.0.1@a.example/keys",
        "http://localhost:x/",
        "http://127.0.0.2/",
        "https://",
        "https:///keys",
        "https://me@a.example/",
        "https://a.example/a b",
        "HTTPS://a.example",
        "file:///etc/keys",
        "keys.json",
    ] {
        assert!(wrong(url), "{url}");
    }
}

#[test]
fn metrics_are_pushed_by_a_server_that_was_built_for_it() {
    let pushed = load_text("[otlp]\nendpoint = \"http://127.0.0.1:4318/\"");
    if cfg!(feature = "otlp") {
        assert_eq!(pushed.unwrap().otlp.endpoint, "http://127.0.0.1:4318");
    } else {
        assert!(pushed.unwrap_err().to_string().contains("--features otlp"));
    }
    for (text, expected) in [
        ("endpoint = \"http://a.example\"", "otlp.endpoint must be https://HOST/"),
        ("endpoint = \"https://a.example/v1/metrics\"", "otlp.endpoint must be the collector's base URL"),
        ("instance = \"one\"", "otlp.instance means nothing without otlp.endpoint"),
        ("instance = \"one two\"", "otlp.instance must be at most 40"),
        ("headers_file = \"h\"", "otlp.headers_file means nothing without otlp.endpoint"),
        ("interval_s = 1", "otlp.interval_s"),
    ] {
        let error = error_of(&format!("[otlp]\n{text}"));
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn messages_are_not_kept_for_less_long_than_inboxes() {
    let error = error_of("messages.bodies = \"days:29\"");
    assert!(error.starts_with("line 1: messages.bodies does not fit"), "{error}");
    assert!(error.contains("cleanup.inbox_retention_s (2592000)"), "{error}");
    let error = error_of("messages.bodies = \"days:30\"\ncleanup.inbox_retention_s = 2_592_001");
    assert!(
        error
            .contains("\"days:30\", 2592000 s) must not be shorter than cleanup.inbox_retention_s (2592001)"),
        "{error}"
    );
    for fits in ["days:30", "days:3650", "forever", "until_delivered"] {
        let config = load_text(&format!("messages.bodies = \"{fits}\"")).unwrap();
        assert_eq!(config.policy().retentions.bodies.to_string(), fits);
    }
    load_text("messages.bodies = \"days:1\"\ncleanup.inbox_retention_s = 86_400").unwrap();
    let error = error_of("messages.bodies = \"never\"");
    assert!(error.contains("must be \"forever\", \"until_delivered\" or \"days:N\""), "{error}");
}
