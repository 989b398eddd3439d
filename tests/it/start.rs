//! What keeps a server from starting: each reason names the thing and says what would be right, and nothing is touched.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use crate::support::{
    Home,
    server::{NotStarted, not_started},
};

/// Nothing on stdout, one plain reason on stderr that holds all of `words`.
#[track_caller]
fn assert_says(refused: &NotStarted, words: &[&str]) {
    assert_eq!(refused.stdout, "", "stdout is for the ready line");
    for word in words {
        assert!(refused.stderr.contains(word), "{word:?} is not in: {}", refused.stderr);
    }
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn settings_that_cannot_be_are_named_with_their_place() {
    for (config, words) in [
        ("[server]\nworkrs = 2\n", &["highwater.toml line 2", "server.workrs", "workers"][..]),
        ("[sever]\n", &["line 1", "sever"]),
        ("[server]\nworkers = 257\n", &["line 2", "server.workers", "0 to 256", "257"]),
        ("[server]\nworkers = \"two\"\n", &["server.workers", "whole number"]),
        ("[client]\nlisten = \"everywhere\"\n", &["client.listen", "everywhere"]),
        ("[registration]\nmode = \"ajar\"\n", &["registration.mode", "closed", "invite", "open", "ajar"]),
        ("[storage]\nsegment_bytes = 1\n", &["storage.segment_bytes"]),
        ("[storage]\naccept_loss = true\n", &["--accept-loss"]),
        ("[storage]\nengine = \"memory\"\n", &["storage.engine", "--memory-engine"]),
        ("[[kinds]]\nnumber = 4\nname = \"notes\"\n", &["kinds", "5 to 8"]),
        ("[[kinds]]\nnumber = 5\nname = \"messages\"\n", &["kinds", "messages"]),
        ("[server\n", &["line 1"]),
    ] {
        let home = Home::new(config, &[]);
        assert_says(&home.start_refused(), words);
        assert!(!home.data().exists(), "nothing was made: {config}");
    }
}

#[test]
fn unknown_flags_variables_and_files_are_refused() {
    let home = Home::new("", &["--prot", "1"]);
    assert_says(&home.start_refused(), &["--prot"]);
    let home = Home::new("", &[]);
    let mut command = home.command();
    command.env("HIGHWATER_SERVER_WORKRS", "2");
    assert_says(&not_started(command), &["HIGHWATER_SERVER_WORKRS"]);
    let mut command = Home::bare_command();
    command.args(["serve", "--config", "/nowhere/highwater.toml"]);
    assert_says(&not_started(command), &["/nowhere/highwater.toml"]);
}

#[test]
fn check_config_says_what_is_in_force_and_what_is_wrong() {
    let mut command = Home::bare_command();
    let output = command.args(["check-config", "--listen", "127.0.0.1:7"]).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("127.0.0.1:7") && printed.contains("--listen") && printed.contains("workers"),
        "{printed}"
    );
    let mut command = Home::bare_command();
    let output = command.args(["check-config", "--listen", "everywhere"]).output().unwrap();
    assert!(!output.status.success());
}

/// A server on these addresses, which must not come to serve.
fn refused_on(flags: &[&str], listen: &str, admin: &str) -> NotStarted {
    let home = Home::new("", &[]);
    let mut command = Home::bare_command();
    command.arg("serve").arg("--data").arg(home.data());
    command.args(["--listen", listen, "--admin-listen", admin]).args(flags);
    let refused = not_started(command);
    assert!(!home.data().join("log").exists(), "no store was made");
    refused
}

#[test]
fn a_public_address_needs_to_be_meant() {
    for (listen, admin, setting) in [
        ("0.0.0.0:0", "127.0.0.1:0", "client.listen"),
        ("[::]:0", "127.0.0.1:0", "client.listen"),
        ("127.0.0.1:0", "0.0.0.0:0", "operator.listen"),
        ("[::ffff:0.0.0.0]:0", "127.0.0.1:0", "client.listen"),
        ("192.0.2.1:0", "127.0.0.1:0", "client.listen"),
    ] {
        assert_says(&refused_on(&[], listen, admin), &[setting, "public_without_tls"]);
        assert_says(&refused_on(&["--dev"], listen, admin), &[setting, "dev"]);
    }
}

#[test]
fn a_public_address_that_is_meant_serves_but_never_in_development_mode() {
    let config =
        "[client]\nlisten = \"0.0.0.0:0\"\npublic_without_tls = true\n[operator]\nlisten = \"127.0.0.1:0\"\n";
    let home = Home::new(config, &[]);
    let file = home.data().with_file_name("highwater.toml");
    let command = |flags: &[&str]| {
        let mut command = Home::bare_command();
        command.arg("serve").arg("--data").arg(home.data()).arg("--config").arg(&file).args(flags);
        command
    };
    assert_says(&not_started(command(&["--dev"])), &["client.listen", "dev"]);
    let server = home.start_command(command(&[]));
    assert!(
        server.ready_line().starts_with("highwater ready client=http://0.0.0.0:"),
        "{}",
        server.ready_line()
    );
    assert!(server.log().contains("without TLS"), "it is said at every start: {}", server.log());
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_says(&refused_on(&[], &address, "127.0.0.1:0"), &[&address]);
    assert_says(&refused_on(&[], "127.0.0.1:0", &address), &[&address]);
}

#[test]
fn the_first_start_makes_secrets_for_its_owner_alone() {
    let home = Home::new("", &[]);
    let server = home.start();
    for name in ["snapshot.key", "operator.token", "setup.token"] {
        assert_eq!(mode(&home.data().join("secrets").join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&home.data().join("secrets")), 0o700);
    assert_eq!(mode(home.data()), 0o700);
    let token = server.operator_token();
    assert!(token.starts_with("hwo_") && token.len() == 47);
    assert!(!server.log().contains(&token), "no secret is logged");
    assert!(server.stop().status.success());
    let server = home.start();
    assert_eq!(server.operator_token(), token, "and keeps them");
}

#[test]
fn secrets_that_others_can_read_are_refused_by_name() {
    let home = Home::new("", &[]);
    assert!(home.start().stop().status.success());
    let secrets = home.data().join("secrets");
    for (path, wrong, right) in [
        (secrets.join("snapshot.key"), 0o644, 0o600),
        (secrets.join("operator.token"), 0o640, 0o600),
        (secrets.clone(), 0o755, 0o700),
    ] {
        std::fs::set_permissions(&path, Permissions::from_mode(wrong)).unwrap();
        let name = path.display().to_string();
        assert_says(&home.start_refused(), &[&name, &format!("{wrong:03o}"), &format!("chmod {right:o}")]);
        std::fs::set_permissions(&path, Permissions::from_mode(right)).unwrap();
    }
    home.start();
}

#[test]
fn a_secret_that_is_missing_or_damaged_is_named_and_not_made_anew() {
    let home = Home::new("", &[]);
    assert!(home.start().stop().status.success());
    let key = home.data().join("secrets/snapshot.key");
    let right = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert_says(&home.start_refused(), &["snapshot.key", "missing"]);
    assert!(!key.exists());
    std::fs::write(&key, b"1 not-a-key\n").unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let refused = home.start_refused();
    assert_says(&refused, &["snapshot.key", "restore it from a backup"]);
    assert!(!refused.stderr.contains("not-a-key"), "what it holds is not shown");
    std::fs::write(&key, right).unwrap();
    home.start();
}

#[test]
fn a_data_directory_that_is_none_is_named() {
    let home = Home::new("", &[]);
    std::fs::write(home.data(), b"").unwrap();
    assert_says(&home.start_refused(), &[&home.data().display().to_string()]);
}

#[test]
fn a_store_whose_log_is_gone_is_refused() {
    let home = Home::dev();
    assert!(home.start().stop().status.success());
    let log = home.data().join("log");
    for file in std::fs::read_dir(&log).unwrap() {
        let path = file.unwrap().path();
        if !path.to_string_lossy().contains("watermark") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let refused = home.start_refused();
    println!("{}", refused.stderr);
    assert_says(&refused, &["the store cannot be opened"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_store_is_refused() {
    let (ours, theirs) = (Home::dev(), Home::dev());
    for home in [&ours, &theirs] {
        let server = home.start();
        let [_, _] = server.people(1).await;
        server.stop();
    }
    let kept = ours.data().join("index.kept");
    std::fs::rename(ours.data().join("index"), &kept).unwrap();
    std::fs::rename(theirs.data().join("index"), ours.data().join("index")).unwrap();
    assert_says(&ours.start_refused(), &["the index belongs to another store"]);
    std::fs::remove_dir_all(ours.data().join("index")).unwrap();
    std::fs::rename(kept, ours.data().join("index")).unwrap();
    ours.start().stop();
}
