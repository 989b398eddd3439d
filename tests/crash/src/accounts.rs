//! The accounts of a run, as `highwater admin provision` wrote them: one line for each device.

use std::{collections::BTreeSet, fs, io, path::Path};

use serde::{Deserialize, Serialize};

/// One device of one user, with its token.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Account {
    /// The user, a decimal number.
    pub user_id: String,
    /// The name to sign in with.
    pub name: String,
    /// The device, a decimal number.
    pub device_id: String,
    /// Its secret.
    pub token: String,
}

impl Account {
    /// The name of the device's lineage in the history.
    pub fn lineage(&self) -> String {
        format!("u{}d{}", self.user_id, self.device_id)
    }

    /// Every account of a file.
    ///
    /// # Errors
    /// When the file cannot be read or a line is not an account.
    pub fn read_all(path: &Path) -> io::Result<Vec<Account>> {
        let text = fs::read_to_string(path)?;
        text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
    }

    /// The distinct users, in order.
    ///
    /// # Errors
    /// When a user id is not a number.
    pub fn users(accounts: &[Account]) -> io::Result<Vec<u64>> {
        let ids = accounts.iter().map(|account| account.user_id.parse::<u64>().map_err(io::Error::other));
        Ok(ids.collect::<io::Result<BTreeSet<u64>>>()?.into_iter().collect())
    }
}
