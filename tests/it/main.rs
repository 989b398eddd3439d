//! Highwater from outside: every test starts the real binary on a free port with a data directory of its own, and talks
//! to it as clients and operators do. Nothing here looks into the process; what is asserted was seen on the wire.
//!
//! | module | what it shows |
//! | --- | --- |
//! | [`chat`] | two people and their devices talk: everything reaches everyone once, in order, also late and after an absence |
//! | [`telling`] | what the server tells by itself: inline pushes, nudges, nudges only |
//! | [`encodings`] | JSON and binary clients side by side |
//! | [`bad_frames`] | what cannot be read or is too long gets its number and changes nothing |
//! | [`out_of_turn`] | what comes before hello, twice, or too often gets its number and changes nothing |
//! | [`bad_requests`] | requests with wrong contents get their number and change nothing |
//! | [`bad_snapshots`] | damaged, foreign and forged snapshots lead to a rebuild, and nothing is lost |
//! | [`bad_tokens`] | forged, cut and ended tokens open nothing |
//! | [`http_twin`] | the same requests over HTTP: same answers, statuses, sizes |
//! | [`registration`] | who may make an account; names, passwords, invites |
//! | [`counted_once`] | registrations and sign-ins count once, refusals too, whichever way they come |
//! | [`sign_in`] | signing in: uniform refusals, and an end to guessing |
//! | [`host_callback`] | users of a host app that is asked: who it knows is one user for good; what it refuses; answers that are none |
//! | [`host_ids`] | programs beside the server count under ids of their own, with a key for it; ids and points outlive a kill |
//! | [`host_tokens`] | users of a host app: made at first sight, the same ever after; what it did not sign; its keys |
//! | [`owned_groups`] | how many groups one user owns: bounded, over restarts and in a race |
//! | [`passwords`] | changing a password: what ends with it, an end to guessing, the operator's word |
//! | [`suspension`] | an account is suspended and resumed by an operator: out at once, and back as it was |
//! | [`alarms`] | what goes wrong is told once, to a webhook and the operator's port: refused sign-ins, a full disk |
//! | [`audit`] | what operators did and tried is written down first: tampering, kills, full disks |
//! | [`operators`] | operators with roles: who may what, route by route; over restarts, until they are taken back |
//! | [`looking`] | operators look at messages: hidden until an admin says why, and the reason is in the audit log first |
//! | [`looking_lists`] | operators look through users and groups: each once, in pages of any size, and one of them whole |
//! | [`settings`] | settings in force with their sources, and what is logged until the next start |
//! | [`alarm_mail`] | alarms by mail: written once to each, tried again, recognised when they come twice |
//! | [`export`] | everything of one user as an archive: whole or broken off, one at a time |
//! | [`api_keys`] | what the programs of an app may with a key: for whom, by which scopes, until it is revoked |
//! | [`bots`] | accounts of programs, and what an operator says as one of them |
//! | [`devices`] | listing and ending devices: tokens and connections die at once |
//! | [`independence`] | devices and contexts at different marks: what is kept, for whom, and what an expiry leaves |
//! | [`login_policy`] | one device of a class: who signs in ends the other or is refused, and the displaced one is fenced |
//! | [`hand_back_times`] | when devices handed a message back, to the minute |
//! | [`idempotence`] | the same id has the same place: twice at once, over connections, devices, crashes |
//! | [`bodies`] | messages that go by policy: when everybody has them, or when they are too old |
//! | [`channels`] | channels: made, followed, turned; who writes, and what a follower has |
//! | [`channel_heirs`] | channels whose owner was erased: to whom they go, and what has ended |
//! | [`operator_pages`] | what an operator's browser is served, and a group explained |
//! | [`points`] | what was counted outlives the process: stopped in order, killed, started again |
//! | [`posts`] | followers hear of a post without asking, and nobody else does; a poll ends with it |
//! | [`group_announcements`] | what is announced in a group: who may, who is told, and what who comes later finds |
//! | [`group_approvals`] | groups that want to be asked: who waits, who is let in, and who is told what of it |
//! | [`group_ends`] | an owner ends a group: everybody is told, nobody writes, and what was told stays readable |
//! | [`group_links`] | links into groups: told once, looked at by strangers, used in a race, and what wrong codes cost |
//! | [`group_mutes`] | all or one are muted in a group: who may write, and what everybody is told of it |
//! | [`group_repair`] | who left a group and came back finds the own memberships by seq, and nothing else |
//! | [`document_kinds`] | a kind that no client knows reaches an unchanged client |
//! | [`levels`] | devices of two levels side by side, an app that is updated in place, custom messages |
//! | [`lifecycle`] | ready line, health, stopping in order, coming back |
//! | [`start`] | what keeps a server from starting, said by name |
//! | [`reports`] | days and weeks: figures are what was done, one mail per period over restarts |
//! | [`request_ids`] | the log as JSON: requests have ids by which a line is found, and nothing of users is in it |
//! | [`restored`] | an older copy of the store is put back: every device drops what was lost, and nothing else |
//! | [`watermarks`] | how far others have come: asked, hinted, hidden, blocked; the members of a group |
//! | [`slow_device`] | a device that never reads costs its bound and nobody else anything |
//! | [`erasure`] | a user is erased: nobody is shown what the user wrote, and what others wrote stands |
//! | [`erased_before_told`] | a user was erased and others were not told yet: there is no such user to those who ask and act |
//! | [`full_disk`] | a full disk: writes are refused, reads go on, and space brings the writes back |
//!
//! Waiting is always for something seen, with a deadline (`support::DEADLINE`); there are no sleeps to let things happen.
#![allow(clippy::disallowed_methods, reason = "tests read the clock and wait")]
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod support;

mod alarm_group;
mod alarm_mail;
mod alarms;
mod api_keys;
mod ask_first;
mod audit;
mod bad_frames;
mod bad_requests;
mod bad_snapshots;
mod bad_tokens;
mod bodies;
mod bots;
mod broadcasts;
mod channel_heirs;
mod channels;
mod chat;
mod cleanup;
mod comparison;
mod contact_requests;
mod contacts;
mod counted_once;
mod devices;
mod document_kinds;
mod encodings;
mod erased_before_told;
mod erasure;
mod export;
mod full_disk;
mod group_announcements;
mod group_approvals;
mod group_ends;
mod group_levels;
mod group_links;
mod group_mutes;
mod group_repair;
mod groups;
mod hand_back_times;
mod host_callback;
mod host_ids;
mod host_tokens;
mod http_twin;
mod idempotence;
mod independence;
mod levels;
mod lifecycle;
mod login_policy;
mod long_poll;
mod looking;
mod looking_lists;
mod openapi;
mod operator_pages;
mod operators;
#[cfg(feature = "otlp")]
mod otlp;
mod out_of_turn;
mod owned_groups;
mod passwords;
mod points;
mod posts;
mod profiles;
mod registration;
mod reload;
mod reports;
mod request_ids;
mod restored;
mod retention;
mod settings;
mod sign_in;
mod slow_device;
mod slow_disk;
mod start;
mod strangers;
mod stuck;
mod suspension;
mod telling;
mod unread;
mod watermarks;
