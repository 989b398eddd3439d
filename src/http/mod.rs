//! The two HTTP ports: clients' and operator's.

mod accounts;
mod alarms;
mod api_keys;
pub mod body;
mod bots;
mod broadcasts;
pub mod development;
mod devices;
mod explain;
mod explain_group;
mod explain_message;
pub mod export;
mod groups;
pub mod headers;
pub mod health;
mod keyed_requests;
mod listing;
mod mail;
pub mod operator;
pub mod pages;
mod points;
mod rendering;
pub mod requests;
pub mod server;
pub mod upgrade;
