//! Storage: the commit log, the index behind it, and one repository per data type.

pub mod engine;
#[cfg(test)]
mod engine_conformance;
pub mod engine_faulty;
pub mod engine_memory;
pub mod engine_sled;
pub mod packing;
pub mod store_lock;
pub mod varint;
