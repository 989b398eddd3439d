//! Names and values that are refused, with their place and what would be right.

#![allow(clippy::unwrap_used)]

use super::{
    tests::{TestFile, error_of, error_of_variable, load},
    *,
};

#[test]
fn unknown_names_are_refused_with_their_place_and_the_nearest() {
    let of_file = [
        (
            "\n[client]\nlisten_on = 1",
            "line 3: unknown setting client.listen_on; did you mean client.listen?",
        ),
        ("[client]\nworkers = 1", "line 2: unknown setting client.workers; did you mean server.workers?"),
        ("[cliemt]\nlisten = 1", "line 1: unknown setting cliemt; did you mean client?"),
        ("readers = 1", "line 1: unknown setting readers; did you mean server.readers?"),
        ("[server]\nxyzzy_plugh_frotz = 1", "line 2: unknown setting server.xyzzy_plugh_frotz"),
        ("[[kinds]]\nnumber = 5\nname = \"a\"\nnick = 1", "line 1: kinds has the unknown key nick"),
    ];
    for (text, expected) in of_file {
        let error = error_of(text);
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(error.contains("did you mean"), expected.contains("did you mean"), "{error}");
    }
    assert_eq!(
        error_of_variable("HIGHWATER_CLIENT_LISTN", "x"),
        "environment variable HIGHWATER_CLIENT_LISTN: unknown setting HIGHWATER_CLIENT_LISTN; did you mean \
         HIGHWATER_CLIENT_LISTEN?"
    );
    let bug = load(None, &[(SEEDED_BUG_VARIABLE, "x")], Flags::default());
    assert_eq!(bug.is_ok(), cfg!(feature = "seeded-bugs"));
}

#[test]
fn wrong_values_are_refused_with_key_and_place() {
    let cases = [
        ("client.listen", "\"localhost\"", "must be an address and a port"),
        ("client.listen", "8080", "must be a string in quotes, not 8080"),
        ("client.origins", "[\"https://a.example/\"]", "must list origins as browsers send them"),
        ("client.origins", "[\"*\"]", "must list origins"),
        ("client.origins", "[\"null\"]", "must list origins"),
        ("client.origins", "\"https://a.example\"", "must be a list of strings"),
        ("client.connections_max", "0", "must be a whole number from 1 to 1000000, not 0"),
        ("client.connections_max", "1.5", "must be a whole number"),
        ("client.heartbeat_ms", "99", "must be a whole number from 100"),
        ("client.queued_bytes_max", "65535", "must be a whole number from 65536"),
        ("server.workers", "-1", "must be a whole number from 0 to 256, not -1"),
        ("server.readers", "\"2\"", "must be a whole number"),
        ("server.data", "\"\"", "must name a directory"),
        ("server.dev", "\"true\"", "must be true or false"),
        ("registration.mode", "\"Open\"", "must be \"closed\" or \"invite\" or \"open\", not \"Open\""),
        ("identity.algorithms", "[\"none\"]", "must list some of \"RS256\", \"ES256\", \"EdDSA\", \"HS256\""),
        ("identity.algorithms", "[\"rs256\"]", "must list some of"),
        ("identity.algorithms", "[]", "must not be empty"),
        ("identity.algorithms", "[\"ES256\", \"ES256\"]", "has \"ES256\" twice"),
        ("identity.issuer", "\"a b\"", "must be a name of at most 255 bytes without spaces"),
        ("identity.keys_url", "\"http://a.example/\"", "must be https://HOST/"),
        ("identity.name_claim", "\"\"", "must name a claim"),
        ("identity.lifetime_max_s", "59", "must be a whole number from 60 to 31536000, not 59"),
        ("devices.phone", "\"one\"", "must be \"many\" or \"replace\" or \"refuse\", not \"one\""),
        ("devices.devices_max", "33", "must be a whole number from 1 to 32, not 33"),
        ("storage.engine", "\"rocks\"", "must be \"sled\" or \"memory\""),
        ("storage.segment_bytes", "99999999999999999999", "must be a whole number from 16777216"),
        ("storage.accept_loss", "true", "can be given only as the flag --accept-loss"),
        ("storage.accept_loss", "false", "can be given only as the flag --accept-loss"),
        ("log.level", "\"loud\"", "must be off, error"),
        ("log.level", "\"info,highwater::store=\"", "must be off, error"),
        ("log.format", "1979-05-27", "must be \"text\" or \"json\""),
        ("kinds", "[{ number = 4, name = \"a\" }]", "has a number that must be a whole number from 5 to 8"),
        ("kinds", "[{ number = 5 }]", "has an entry without number or without name"),
        ("kinds", "[{ number = 5, name = \"messages\" }]", "has the name \"messages\""),
        ("kinds", "[{ number = 5, name = \"A b\" }]", "has the name \"A b\""),
        (
            "kinds",
            "[{ number = 5, name = \"a\" }, { number = 5, name = \"b\" }]",
            "has the number 5 or the name \"b\" twice",
        ),
    ];
    for (key, value, expected) in cases {
        let error = error_of(&format!("# a comment\n{key} = {value}"));
        assert!(error.starts_with(&format!("line 2: {key} {expected}")), "{key} = {value}: {error}");
    }
    assert_eq!(
        error_of_variable("HIGHWATER_SERVER_READERS", "many"),
        "environment variable HIGHWATER_SERVER_READERS: server.readers must be a whole number from 1 to 64, not \
         \"many\""
    );
    assert!(error_of_variable("HIGHWATER_KINDS", "5=a").contains("only in the file"));
    assert!(error_of_variable("HIGHWATER_STORAGE_ACCEPT_LOSS", "true").contains("--accept-loss"));
    let flags = Flags { registration: Some("ajar".to_owned()), ..Flags::default() };
    let error = load(None, &[], flags).unwrap_err().to_string();
    assert!(error.starts_with("flag --registration: registration.mode must be"), "{error}");
}

#[test]
fn what_is_no_toml_is_refused_with_its_line() {
    assert!(error_of("[client]\nlisten = \n").starts_with("line 2: "));
    assert!(error_of("[log]\nlevel = \"info\"\nlevel = \"warn\"\n").starts_with("line 3: "));
    let large = TestFile::new(&"#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1));
    let error = load(Some(&large), &[], Flags::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
}
