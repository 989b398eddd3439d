//! The accounts of a run, as `highwater admin provision` wrote them: one line for each device.

use std::{fs, io, path::Path};

use serde::Deserialize;

/// A user with its one device.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user_id: u64,
    /// The secret of its device.
    pub token: String,
}

#[derive(Deserialize)]
struct Line {
    user_id: String,
    token: String,
}

/// Every account of a file.
///
/// # Errors
/// When the file cannot be read or a line is not an account.
pub fn read_all(path: &Path) -> io::Result<Vec<Account>> {
    fs::read_to_string(path)?
        .lines()
        .map(|line| {
            let line: Line = serde_json::from_str(line)?;
            let user_id = line.user_id.parse().map_err(io::Error::other)?;
            Ok(Account { user_id, token: line.token })
        })
        .collect()
}
