//! Torture of the Highwater server: kills, power cuts, and what clients saw of them.
//!
//! [`campaign`] is one run, top-down: it starts the [`server`] and the [`clients`] (each process runs [`client`]), draws
//! blows from the [`plan`], writes the [`history`], and has it judged by the checker.
//!
//! A power cut is simulated: `shim/powercut.c` records every change of the server's files into a [`trace`], [`disk`]
//! follows which of them are durable, [`settle`] compares with the real directory after each death, and [`images`]
//! rebuilds the disk as it may be after the cut. [`recording`] puts these together. [`ext4`] is the same on a real
//! file system, where the machine allows it.

pub mod accounts;
mod blows;
pub mod campaign;
pub mod client;
pub mod clients;
pub mod content;
pub mod counters;
pub mod disk;
mod endings;
mod erasures;
pub mod ext4;
pub mod fan_out;
pub mod history;
pub mod images;
pub mod members;
mod operator;
pub mod plan;
mod read_out;
pub mod recording;
pub mod server;
pub mod settle;
pub mod shim;
pub mod trace;
