//! The floors: which part of the server may name which.

use crate::{
    code::{self, Token},
    sources::Source,
};

pub(crate) const RULE: &str = "a module imports only from floors below its own (ARCHITECTURE.md, Floors)";

/// Lowest first. Equal floors do not see each other.
const FLOORS: [(&str, u8); 11] = [
    ("model", 0),
    ("config", 1),
    ("sync", 1),
    ("logic", 2),
    ("store", 2),
    ("monitor", 2),
    ("actors", 3),
    ("http", 4),
    ("app", 5),
    ("cli", 6),
    ("main", 7),
];

/// What a floor does not see although it lies below: the command line speaks to a running server through its port.
const UNSEEN: [(&str, &[&str], &str); 1] = [(
    "cli",
    &["actors", "http", "logic", "sync"],
    "the command line reaches a running server through the operator's port",
)];

/// Crates that a floor does without, and why.
const ABSENT: [(&str, &[&str], &str); 4] = [
    (
        "model",
        &["highwater_wire", "serde", "serde_json", "prost", "tokio", "actix", "actix_web", "tracing"],
        "plain types know no wire, no disk and no runtime",
    ),
    ("sync", RUNTIME, "pure: no runtime, no disk, no log, no clock"),
    ("logic", RUNTIME, "pure: no runtime, no disk, no log, no clock"),
    (
        "store",
        &["actix", "actix_rt", "actix_web", "tokio"],
        "the store blocks; who calls it decides on which thread",
    ),
];

const RUNTIME: &[&str] = &["actix", "actix_rt", "actix_web", "tokio", "tracing", "parking_lot"];

/// What a file imports against the floors.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    let module = module_of(&source.path);
    let own = module.first().cloned().unwrap_or_else(|| "main".to_owned());
    let code = source.code();
    let tokens = code::tokens(&code);
    let mut found = Vec::new();
    for (line, path) in paths(&tokens) {
        let Some(named) = resolve(&module, &path) else {
            continue;
        };
        if let Some(why) = forbidden(&own, &named) {
            found.push(format!("{}:{line}: {own} names {named}: {why}", source.path));
        }
    }
    for (floor, crates, why) in ABSENT {
        let words = tokens.iter().filter(|_| floor == own).filter_map(|(line, token)| match token {
            Token::Word(word) if crates.contains(word) => Some((line, word)),
            _ => None,
        });
        found.extend(words.map(|(line, word)| format!("{}:{line}: {own} names {word}: {why}", source.path)));
    }
    found
}

fn forbidden(own: &str, named: &str) -> Option<&'static str> {
    if own == named || own == "lib" {
        return None;
    }
    let (from, to) = (floor(own)?, floor(named)?);
    if to >= from {
        return Some("it is not below");
    }
    UNSEEN.iter().find(|(floor, unseen, _)| *floor == own && unseen.contains(&named)).map(|(.., why)| *why)
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(floor, _)| *floor == name).map(|(_, number)| *number)
}

/// `src/store/log.rs` is `[store, log]`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod")) {
        parts.pop();
    }
    parts
}

/// The part of the server that a path from `crate` or `super` leads to.
fn resolve(module: &[String], path: &[&str]) -> Option<String> {
    if path.first() == Some(&"crate") {
        return path.get(1).map(|&name| name.to_owned());
    }
    let ups = path.iter().take_while(|part| **part == "super").count();
    let base = &module[..module.len().checked_sub(ups)?];
    base.first().cloned().or_else(|| path.get(ups).map(|&name| name.to_owned()))
}

/// Every path that begins with `crate` or `super`, groups taken apart.
fn paths<'a>(tokens: &[(usize, Token<'a>)]) -> Vec<(usize, Vec<&'a str>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = matches!(tokens[at].1, Token::Word("crate" | "super"))
            && tokens.get(at + 1).is_some_and(|(_, next)| *next == Token::PathSeparator);
        at = if begins { tree(tokens, at, &[], &mut found) } else { at + 1 };
    }
    found
}

/// Reads one path or group from `at`; returns where it ends.
fn tree<'a>(
    tokens: &[(usize, Token<'a>)],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut Vec<(usize, Vec<&'a str>)>,
) -> usize {
    let mut path = prefix.to_vec();
    while let Some((line, token)) = tokens.get(at) {
        match token {
            Token::Word(word) => path.push(word),
            Token::Other('{') => return group(tokens, at + 1, &path, found),
            _ => {
                found.push((*line, path));
                return at;
            }
        }
        at += 1;
        if tokens.get(at).is_none_or(|(_, next)| *next != Token::PathSeparator) {
            found.push((*line, path));
            return at;
        }
        at += 1;
    }
    at
}

fn group<'a>(
    tokens: &[(usize, Token<'a>)],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut Vec<(usize, Vec<&'a str>)>,
) -> usize {
    while let Some((_, token)) = tokens.get(at) {
        at = match token {
            Token::Other('}') => return at + 1,
            Token::Word("as") => at + 2,
            Token::Word(_) | Token::Other('{') => tree(tokens, at, prefix, found),
            _ => at + 1,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> Vec<String> {
        findings(&Source::of(path, text))
    }

    #[test]
    fn up_and_sideways_are_found_in_every_spelling() {
        for text in [
            "use crate::http::pages;",
            "use crate::{model::UserId, actors::{hub, http as x}, http::pages};",
            "fn f() { crate::http::pages::configure() }",
            "use super::super::http;",
            "pub(crate) use crate::http;",
        ] {
            assert_eq!(broken("src/actors/hub.rs", text).len(), 1, "{text}");
        }
        assert_eq!(broken("src/store/log.rs", "use crate::logic::State;").len(), 1);
        assert_eq!(broken("src/sync/page.rs", "use crate::config::Config;").len(), 1);
        assert_eq!(broken("src/app.rs", "use crate::cli;").len(), 1);
        assert_eq!(broken("src/app/store.rs", "use super::super::cli;").len(), 1);
    }

    #[test]
    fn down_and_home_are_allowed() {
        for (path, text) in [
            (
                "src/actors/hub.rs",
                "use super::{directory::Directory, ports}; use crate::{model::UserId, logic};",
            ),
            ("src/actors/user/mod.rs", "use super::super::hub; use crate::actors::ports;"),
            ("src/app.rs", "use crate::{actors, http}; mod stop; use self::stop::Signals;"),
            ("src/model/ids.rs", "// use crate::http;\nconst A: &str = \"crate::http\";"),
            (
                "src/logic/send.rs",
                "use highwater_wire::Refusal;\n#[cfg(test)]\nmod tests { use crate::store; }",
            ),
        ] {
            assert_eq!(broken(path, text), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn what_a_floor_does_without_is_found() {
        assert_eq!(broken("src/model/ids.rs", "use serde::Serialize;").len(), 1);
        assert_eq!(broken("src/model/ids.rs", "use highwater_wire::Refusal;").len(), 1);
        assert_eq!(broken("src/logic/send.rs", "fn f() { tracing::info!(); }").len(), 1);
        assert_eq!(broken("src/cli/admin.rs", "use crate::actors::accounts;").len(), 1);
    }
}
