//! The two HTTP ports: clients' and operator's.

mod accounts;
pub mod body;
pub mod development;
mod devices;
mod explain;
mod explain_group;
mod explain_message;
pub mod export;
mod groups;
pub mod headers;
pub mod health;
pub mod operator;
pub mod pages;
mod rendering;
pub mod requests;
pub mod server;
pub mod upgrade;
