//! The works of the table, each as it is defined for every run.

pub mod catch_up;
pub mod group;
pub mod idle;
pub mod idle_sync;
pub mod one_to_one;
pub mod stage;
pub mod whole_sync;
