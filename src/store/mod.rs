//! Storage: the commit log, the index behind it, and one repository per data type.

pub mod engine;
pub mod engine_faulty;
pub mod engine_memory;
pub mod packing;
pub mod varint;
