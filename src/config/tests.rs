//! Defaults, sources and their order, and the documented file.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    settings::{FLAG_ONLY, SETTINGS},
    *,
};

const DOCUMENTED: &str = include_str!("../../config/highwater.toml");

/// A configuration file, removed when dropped.
pub(super) struct TestFile(pub(super) PathBuf);

impl TestFile {
    pub(super) fn new(text: &str) -> TestFile {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("highwater-config-{}-{number}", std::process::id()));
        fs::write(&path, text).unwrap();
        TestFile(path)
    }

    pub(super) fn line(&self, line: usize) -> Source {
        Source::File { path: self.0.clone(), line }
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(super) fn load(
    file: Option<&TestFile>,
    env: &[(&str, &str)],
    flags: Flags,
) -> Result<(Config, Vec<InForce>), ConfigError> {
    let env = env.iter().map(|(name, value)| (name.into(), value.into()));
    Config::load(Sources { file: file.map(|file| file.0.clone()), env, flags })
}

pub(super) fn load_text(text: &str) -> Result<Config, ConfigError> {
    load(Some(&TestFile::new(text)), &[], Flags::default()).map(|(config, _)| config)
}

/// The error of a file, without its path.
pub(super) fn error_of(text: &str) -> String {
    let file = TestFile::new(text);
    let error = load(Some(&file), &[], Flags::default()).unwrap_err().to_string();
    let error = error.strip_prefix(&format!("{} ", file.0.display())).expect("the file is named first");
    error.to_owned()
}

pub(super) fn error_of_variable(name: &str, value: &str) -> String {
    load(None, &[(name, value)], Flags::default()).unwrap_err().to_string()
}

pub(super) fn source_of(in_force: &[InForce], key: &str) -> Source {
    in_force.iter().find(|(known, ..)| *known == key).unwrap().2.clone()
}

#[test]
fn nothing_set_is_the_defaults_and_they_are_within_their_bounds() {
    let (config, in_force) = load(None, &[], Flags::default()).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(in_force.len(), SETTINGS.len());
    assert!(in_force.iter().all(|(.., source)| *source == Source::Default));
    assert!(config.cautions().is_empty());
    for (setting, (key, value, _)) in SETTINGS.iter().zip(in_force) {
        let parsed: toml::Table = toml::from_str(&format!("{key} = {value}")).unwrap();
        assert!(!parsed.is_empty());
        if key != FLAG_ONLY {
            assert_eq!(load_text(&format!("{key} = {value}")).unwrap(), Config::default(), "{}", setting.key);
        }
    }
}

#[test]
fn the_documented_file_has_every_setting_with_its_default_and_no_other() {
    assert_eq!(load_text(DOCUMENTED).unwrap(), Config::default());

    // Switched on, each line has to be known, and to be the default.
    let switched_on: Vec<&str> = DOCUMENTED
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c != ' ')).unwrap_or(line)
        })
        .collect();
    let file = TestFile::new(&switched_on.join("\n"));
    let (config, in_force) = load(Some(&file), &[], Flags::default()).unwrap();
    let example = vec![DocumentKind { number: 5, name: "notes".to_owned() }];
    assert_eq!(config, Config { kinds: example, ..Config::default() });
    for (key, _, source) in in_force {
        if key == FLAG_ONLY {
            assert!(DOCUMENTED.contains("--accept-loss is a flag only"));
            continue;
        }
        let Source::File { line, .. } = source else { panic!("{key} is not in config/highwater.toml") };
        let before = DOCUMENTED.lines().nth(line - 2).unwrap();
        assert!(before.starts_with("# "), "{key} is not explained: {before}");
    }
}

#[test]
fn flags_beat_the_environment_and_that_beats_the_file() {
    let file =
        TestFile::new("[client]\nlisten = \"127.0.0.1:1\"\nheartbeat_ms = 1_000\n[log]\nlevel = \"warn\"\n");
    let env = [
        ("HIGHWATER_CLIENT_LISTEN", "127.0.0.1:2"),
        ("HIGHWATER_CLIENT_HEARTBEAT_MS", "2000"),
        ("HIGHWATER_CLIENT_ORIGINS", "https://a.example, http://b.example:8000"),
        ("HOME", "/nowhere"),
    ];
    let flags = Flags { listen: Some("127.0.0.1:3".to_owned()), ..Flags::default() };
    let (config, in_force) = load(Some(&file), &env, flags).unwrap();
    assert_eq!(config.client.listen.port(), 3);
    assert_eq!(config.client.heartbeat_ms, 2000);
    assert_eq!(config.client.origins, ["https://a.example", "http://b.example:8000"]);
    assert_eq!(config.log.level, "warn");
    assert_eq!(source_of(&in_force, "client.listen"), Source::Flag("--listen"));
    assert_eq!(
        source_of(&in_force, "client.heartbeat_ms"),
        Source::Variable("HIGHWATER_CLIENT_HEARTBEAT_MS".to_owned())
    );
    assert_eq!(source_of(&in_force, "log.level"), file.line(5));
    assert_eq!(source_of(&in_force, "log.format"), Source::Default);
}

#[test]
fn the_environment_names_the_file_unless_a_flag_does() {
    let (one, other) = (TestFile::new("server.workers = 1"), TestFile::new("server.workers = 2"));
    let env = [(FILE_VARIABLE, other.0.to_str().unwrap())];
    assert_eq!(load(None, &env, Flags::default()).unwrap().0.server.workers, 2);
    assert_eq!(load(Some(&one), &env, Flags::default()).unwrap().0.server.workers, 1);
    let missing = load(None, &[(FILE_VARIABLE, "/nonexistent/h.toml")], Flags::default()).unwrap_err();
    assert_eq!(missing.to_string(), "configuration file /nonexistent/h.toml cannot be read");
}

#[test]
fn every_flag_sets_its_setting() {
    let flags = Flags {
        data: Some("elsewhere".to_owned()),
        listen: Some("[::1]:0".to_owned()),
        admin_listen: Some("127.0.0.1:0".to_owned()),
        dev: true,
        registration: Some("invite".to_owned()),
        accept_loss: true,
        memory_engine: true,
    };
    let (config, in_force) = load(None, &[], flags).unwrap();
    assert_eq!(config.server, Server { data: "elsewhere".into(), dev: true, ..Server::default() });
    assert_eq!(config.client.listen.to_string(), "[::1]:0");
    assert_eq!(config.operator.listen.to_string(), "127.0.0.1:0");
    assert_eq!(config.registration.mode, RegistrationMode::Invite);
    assert!(config.storage.accept_loss && config.storage.engine == Engine::Memory);
    assert_eq!(in_force.iter().filter(|(.., source)| matches!(source, Source::Flag(_))).count(), 7);
    assert_eq!(config.cautions().len(), 3);
}
