//! Torture of the Highwater server: kills, power cuts and what clients saw of them.
//!
//! The power cut is simulated: `shim/powercut.c` records every change of the server's files, [`disk`] follows which of
//! them are durable, [`images`] rebuilds the disk as it may be after the cut.

pub mod content;
pub mod disk;
pub mod images;
pub mod settle;
pub mod shim;
pub mod trace;
