//! `highwater admin provision`: which accounts are made, and where their tokens go.

use std::path::PathBuf;

use clap::Args;

/// Accounts to make.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Provision {
    /// Number of accounts.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub users: u32,
    /// Devices of each.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::model::limits::DEVICES_PER_USER_MAX as u32)))]
    pub devices: u32,
    /// File for the tokens: one JSON object per line and device, readable by you alone. It is there when all are made.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What the names begin with; a number follows.
    #[arg(long, value_name = "TEXT", default_value = "u")]
    pub prefix: String,
    /// Number in the first name.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub first: u32,
    /// Class of the devices, to which the login policy applies: unspecified, phone, desktop, tablet or web.
    #[arg(long, value_name = "CLASS", default_value = "unspecified",
          value_parser = ["unspecified", "phone", "desktop", "tablet", "web"])]
    pub class: String,
}
