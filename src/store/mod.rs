//! Storage: the commit log, the index behind it, and one repository per data type.

pub mod files;
pub mod files_disk;
pub mod files_faulty;
mod files_faulty_image;
mod files_faulty_plan;
pub mod log;
pub mod log_batch;
mod log_config;
#[cfg(test)]
mod log_crash_tests;
#[cfg(test)]
mod log_damage_tests;
pub mod log_fault;
#[cfg(test)]
mod log_format_tests;
#[cfg(test)]
mod log_history_tests;
mod log_scan;
pub mod log_segment;
mod log_start;
#[cfg(test)]
mod log_test_store;
pub mod watermark;
#[cfg(test)]
mod watermark_tests;
