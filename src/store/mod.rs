//! Storage: the commit log, the index behind it, and one repository per data type.

pub mod files;
pub mod files_disk;
pub mod files_faulty;
mod files_faulty_image;
mod files_faulty_plan;
pub mod log;
pub mod log_batch;
pub mod log_fault;
mod log_scan;
pub mod log_segment;
pub mod watermark;
