//! Pure deciders: what the committer runs for each operation. No clock, no randomness, no disk, no actors.

pub mod accounts;
mod answer;
pub mod api_key_scopes;
pub mod api_keys;
#[cfg(test)]
mod api_keys_tests;
#[cfg(test)]
mod bodies_tests;
pub mod broadcasts;
#[cfg(test)]
mod broadcasts_tests;
#[cfg(test)]
mod channel_people_tests;
mod channels;
#[cfg(test)]
mod channels_tests;
mod contact_changes;
mod contact_requests;
#[cfg(test)]
mod contact_requests_tests;
pub mod contacts;
#[cfg(test)]
mod contacts_tests;
pub mod content;
pub mod decide;
#[cfg(test)]
mod decide_property_tests;
#[cfg(test)]
mod decide_samples;
#[cfg(test)]
mod decide_tests;
mod erasure;
#[cfg(test)]
mod erasure_tests;
mod fan_out;
pub mod fan_out_job;
#[cfg(test)]
mod fan_out_job_tests;
mod follow_rows;
mod followers;
mod gone;
#[cfg(test)]
mod gone_tests;
mod group_announcements;
#[cfg(test)]
mod group_announcements_tests;
mod group_approvals;
#[cfg(test)]
mod group_approvals_tests;
mod group_changes;
pub mod group_doors;
#[cfg(test)]
mod group_doors_tests;
#[cfg(test)]
mod group_ends_tests;
mod group_ids;
mod group_mutes;
#[cfg(test)]
mod group_mutes_tests;
mod group_needs;
#[cfg(test)]
mod group_people_tests;
mod group_state;
mod groups;
#[cfg(test)]
mod groups_tests;
pub mod hand_back_times;
#[cfg(test)]
mod hand_back_times_tests;
mod heirs;
#[cfg(test)]
mod heirs_tests;
pub mod host_callback;
pub mod host_ids;
pub mod host_keys;
#[cfg(test)]
mod host_keys_tests;
pub mod host_names;
pub mod host_token;
#[cfg(test)]
mod host_token_tests;
pub mod lineages;
#[cfg(test)]
mod lineages_tests;
mod need;
pub mod observed_time;
pub mod on_behalf;
pub mod operation;
mod operator_changes;
#[cfg(test)]
mod operator_changes_tests;
pub mod operators;
#[cfg(test)]
mod operators_tests;
mod owned_groups;
#[cfg(test)]
mod owned_groups_tests;
mod passwords;
#[cfg(test)]
mod passwords_tests;
pub mod pinned;
pub mod poll_wait;
mod privacy;
pub mod profiles;
#[cfg(test)]
mod profiles_tests;
pub mod reading;
pub mod report_schedule;
#[cfg(test)]
mod report_schedule_tests;
mod retention;
#[cfg(test)]
mod retention_tests;
pub mod reveals;
#[cfg(test)]
mod seeded_random;
pub mod send;
mod sign_ins;
#[cfg(test)]
mod sign_ins_tests;
pub mod state;
mod strangers;
#[cfg(test)]
mod strangers_tests;
mod strict_json;
mod suspension;
#[cfg(test)]
mod suspension_tests;
pub mod tick_hints;
#[cfg(test)]
mod tick_hints_tests;
mod turns;
mod visible_text;

pub use decide::{Decided, decide, lacking};
pub use group_ids::id_of_new;
pub use observed_time::ObservedTime;
pub use operation::{Answer, Operation, Principal, Request};
pub use state::{ConversationState, GroupState, Need, ROWS_MAX, State, Warm};
