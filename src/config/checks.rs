//! Whether a text can be what its setting needs; the errors continue a sentence that begins with the setting's key.

use std::{net::SocketAddr, path::PathBuf};

use super::given::quoted;
use crate::model::{Bodies, limits::BODIES_DAYS_MAX};

const LOG_LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn data_directory(text: String) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must name a directory".to_owned()) } else { Ok(text.into()) }
}

pub(super) fn address(text: String) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("must be an address and a port, such as 127.0.0.1:8080, not {}", quoted(&text)))
}

/// Origins are compared byte for byte with what a browser sends, so they have to be written as it does.
pub(super) fn origins(list: Vec<String>) -> Result<Vec<String>, String> {
    let exact = |origin: &String| {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        host.is_some_and(|host| {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
            !host.is_empty() && host.bytes().all(allowed)
        })
    };
    match list.iter().find(|origin| !exact(origin)) {
        Some(wrong) => Err(format!(
            "must list origins as browsers send them, such as https://chat.example (no path, no *), not {}",
            quoted(wrong)
        )),
        None => Ok(list),
    }
}

pub(super) fn bodies(text: String) -> Result<Bodies, String> {
    Bodies::named(&text).ok_or_else(|| {
        let named = "must be \"forever\", \"until_delivered\" or \"days:N\" with N from 1 to";
        format!("{named} {BODIES_DAYS_MAX}, not {}", quoted(&text))
    })
}

/// A filter of the log: a level, or pairs of a part of the server and a level.
///
/// # Errors
/// What is wrong with it, for people.
pub fn log_level(text: String) -> Result<String, String> {
    let right = |directive: &str| {
        let (target, level) = directive.split_once('=').unwrap_or(("all", directive));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b':';
        !target.is_empty() && target.bytes().all(plain) && LOG_LEVELS.contains(&level)
    };
    if text.split(',').all(right) {
        return Ok(text);
    }
    Err(format!(
        "must be {}, or target=level pairs with commas, not {}",
        LOG_LEVELS.join(", "),
        quoted(&text)
    ))
}
