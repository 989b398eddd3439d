//! The works of the table, each as it is defined for every run.

pub mod catch_up;
pub mod idle;
pub mod idle_sync;
pub mod one_to_one;
pub mod one_to_one_rows;
pub mod whole_sync;
