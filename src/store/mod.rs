//! Storage: the commit log, the index behind it, and one repository per data type.
//!
//! Reading order: a decided operation becomes bytes (`field`, the repositories, `log_record`), stands in the log
//! (`files*`, `log*`, `watermark`), is readable in the `tail`, goes to the index (`index_writer`, `packing`,
//! `engine*`), and is read through a `view`.

pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod audit_chain;
#[cfg(test)]
mod audit_tests;
pub mod audit_verify;
pub mod broadcasts;
pub mod channels;
#[cfg(test)]
mod channels_tests;
pub mod contacts;
pub mod conversations;
pub mod devices;
pub mod engine;
mod engine_batch;
#[cfg(test)]
mod engine_conformance;
mod engine_fault;
pub mod engine_faulty;
pub mod engine_memory;
mod engine_seal;
pub mod engine_sled;
mod engine_sled_directory;
#[cfg(test)]
mod engine_sled_tests;
pub mod engine_slot;
pub mod erasures;
pub mod field;
pub mod files;
pub mod files_disk;
pub mod files_faulty;
mod files_faulty_image;
mod files_faulty_plan;
pub mod files_null;
#[cfg(feature = "seeded-bugs")]
pub mod files_seeded;
pub mod group_doors;
pub mod groups;
#[cfg(test)]
mod groups_tests;
pub mod horizon;
pub mod host_identities;
pub mod host_ids;
pub mod inboxes;
pub mod index_survey;
pub mod index_writer;
#[cfg(test)]
mod index_writer_tests;
pub mod invites;
pub mod items;
pub mod keys;
pub mod lineages;
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
pub mod log_record;
mod log_scan;
pub mod log_segment;
mod log_start;
#[cfg(test)]
mod log_test_store;
pub mod messages;
pub mod operators;
pub mod packing;
pub mod points;
mod points_chunk;
#[cfg(test)]
mod points_chunk_tests;
mod points_retention;
mod points_roll_up;
#[cfg(test)]
mod points_tests;
pub mod profiles;
#[cfg(test)]
mod profiles_tests;
pub mod readings;
pub mod receipts;
#[cfg(test)]
mod record_golden_tests;
#[cfg(test)]
mod record_samples;
pub mod report_notes;
pub mod runs;
pub mod secrets;
pub mod store_lock;
pub mod tail;
#[cfg(test)]
mod tail_tests;
pub mod tombstones;
pub mod varint;
pub mod view;
mod view_bodies;
#[cfg(test)]
mod view_bodies_tests;
mod view_channels;
mod view_cleanup;
mod view_contacts;
mod view_erasures;
#[cfg(test)]
mod view_erasures_tests;
mod view_fault;
mod view_groups;
mod view_head_at;
mod view_inbox;
mod view_items;
mod view_listing;
mod view_messages;
mod view_posts;
mod view_profiles;
pub mod view_readings;
mod view_retention;
mod view_scan;
#[cfg(test)]
mod view_tests;
mod view_ticks;
pub mod watermark;
#[cfg(test)]
mod watermark_tests;
