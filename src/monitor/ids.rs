//! The ids of the framework: those of every operation and those of the server as a whole.
//!
//! Numbers are the contract with stored points and with rules: an id is never given another meaning, and a number
//! that went out of use is not used again. That none is used twice is checked when the program is compiled.

use super::histogram::{Histogram, LATENCY_BOUNDS_US};
use super::operations;
use super::registry::{self, Entry, Kind, LOST_ENTRY, Part, Unit};

macro_rules! server_ids {
    ($( $(#[doc = $doc:literal])* $constant:ident = $id:literal, $name:literal, $kind:ident, $unit:ident,
        $owner:literal, $family:literal $( { $($label:literal: $value:literal),+ } )? $( [$part:expr] )?; )*) => {
        $( $(#[doc = $doc])* pub const $constant: u32 = $id; )*

        /// The sentence above each id, by family: what `help` says of a family that has one id.
        pub(super) const SENTENCES: &[(&str, &str)] = &[$( ($family, concat!($($doc),*)), )*];

        const SERVER: &[Entry] = &[$( Entry {
            id: $id,
            name: $name,
            kind: Kind::$kind,
            unit: Unit::$unit,
            owner: $owner,
            family: $family,
            labels: &[$( $( ($label, $value) ),+ )?],
            part: part!($( $part )?),
        }, )*];
    };
}

macro_rules! part {
    () => {
        Part::Plain
    };
    ($part:expr) => {
        $part
    };
}

server_ids! {
    /// Open client sockets, signed in or not.
    CONNECTIONS_OPEN = 1000, "connections.open", Gauge, Count, "connection", "connections_open";
    /// Connections that did not take what was sent to them in time and are waited for.
    CONNECTIONS_LAGGING = 1001, "connections.lagging", Gauge, Count, "sweeper", "connections_lagging";
    /// User actors alive.
    USERS_ACTIVE = 1002, "users.active", Gauge, Count, "directory", "users_active";
    /// Connections opened.
    CONNECTIONS_OPENED = 1003, "connections.opened", Sum, Count, "connection", "connections_opened";
    /// Connections that the sweeper closed because they did not read or were silent.
    CONNECTIONS_SWEPT = 1004, "connections.swept", Sum, Count, "sweeper", "connections_swept";

    /// Messages made durable, each once.
    MESSAGES_STORED = 1010, "messages.stored", Sum, Count, "persistence", "messages_stored";
    /// Sends that were recognised as sent before and answered with the first outcome.
    SENDS_REPEATED = 1011, "messages.repeated", Sum, Count, "persistence", "sends_repeated";
    /// Pushes that were not sent because the connection was lagging or its bound was reached.
    PUSHES_DROPPED = 1012, "pushes.dropped", Sum, Count, "user", "pushes_dropped";

    /// Batches written to the commit log and synced.
    BATCHES = 1020, "batches.written", Sum, Count, "persistence", "batches_written";
    /// Bytes written to the commit log.
    LOG_BYTES = 1021, "log.bytes", Sum, Bytes, "persistence", "log_written";
    /// Bytes of decided changes that the in-memory tail holds.
    TAIL_BYTES = 1022, "tail.bytes", Gauge, Bytes, "persistence", "tail";
    /// Records by which the index is behind the commit log.
    INDEX_LAG_RECORDS = 1023, "index.lag_records", Gauge, Count, "persistence", "index_lag_records";
    /// Batches written to the index.
    INDEX_BATCHES = 1024, "index.batches", Sum, Count, "persistence", "index_batches";
    /// Operations that wait for the persistence actor.
    PERSISTENCE_QUEUE_DEPTH = 1025, "persistence.queue_depth", Gauge, Count, "persistence", "persistence_queue_depth";
    /// Pages that wait for a reader thread.
    READER_QUEUE_DEPTH = 1026, "reader.queue_depth", Gauge, Count, "reader", "reader_queue_depth";

    /// Passes of cleanup through all users.
    CLEANUP_PASSES = 1030, "cleanup.passes", Sum, Count, "cleaner", "cleanup_passes";
    /// Chunks of inboxes that cleanup removed from the index.
    CLEANUP_CHUNKS = 1031, "cleanup.chunks", Sum, Count, "cleaner", "cleanup_chunks";
    /// Gaps told: messages that a lineage lacked had been removed.
    GAPS_TOLD = 1032, "gaps.told", Sum, Count, "user", "gaps_told";

    /// Lineages that handed in the same snapshot so often that somebody has to look.
    LINEAGES_STUCK = 1033, "lineages.stuck", Sum, Count, "user", "lineages_stuck";
    /// Syncs that were refused because their client asked in a loop.
    SYNC_LOOPS = 1034, "syncs.looping", Sum, Count, "user", "sync_loops";

    /// Chains that start from nothing: a new device.
    REBUILDS_FIRST = 1040, "rebuilds.first", Sum, Count, "user", "rebuilds" { "cause": "first" };
    /// Rebuilds because the snapshot did not open.
    REBUILDS_FORGED = 1041, "rebuilds.forged", Sum, Count, "user", "rebuilds" { "cause": "forged" };
    /// Rebuilds because the snapshot was sealed for another store.
    REBUILDS_FOREIGN = 1042, "rebuilds.foreign", Sum, Count, "user", "rebuilds" { "cause": "foreign" };
    /// Rebuilds because the snapshot comes from a future that was lost.
    REBUILDS_FUTURE = 1043, "rebuilds.future", Sum, Count, "user", "rebuilds" { "cause": "future" };
    /// Rebuilds because a mark lies below what is still kept.
    REBUILDS_TOO_OLD = 1044, "rebuilds.too_old", Sum, Count, "user", "rebuilds" { "cause": "too_old" };
    /// Rebuilds because the client took up another level or other kinds.
    REBUILDS_LEVEL = 1045, "rebuilds.level", Sum, Count, "user", "rebuilds" { "cause": "level" };

    /// Rebuilds because the store has lost something since the snapshot was given.
    REBUILDS_LOSSY = 1046, "rebuilds.lossy", Sum, Count, "user", "rebuilds" { "cause": "lossy" };

    /// Snapshots that did not open: made up, cut short, or of another lineage.
    SNAPSHOTS_FORGED = 1050, "snapshots.forged", Sum, Count, "user", "snapshots_refused" { "cause": "forged" };
    /// Snapshots of another store.
    SNAPSHOTS_FOREIGN = 1051, "snapshots.foreign", Sum, Count, "user", "snapshots_refused" { "cause": "foreign" };
    /// Snapshots from a future that was lost.
    SNAPSHOTS_FUTURE = 1052, "snapshots.future", Sum, Count, "user", "snapshots_refused" { "cause": "future" };

    /// Requests refused because the server had more to do than it could.
    BUSY_REFUSALS = 1060, "refusals.busy", Sum, Count, "user", "busy_refusals";
    /// Passwords hashed, for registration and sign-in.
    PASSWORD_HASHES = 1061, "passwords.hashed", Sum, Count, "accounts", "password_hashes";
    /// Password hashes that run or wait now.
    PASSWORD_HASHES_WAITING = 1062, "passwords.waiting", Gauge, Count, "accounts", "password_hashes_waiting";

    /// Devices that gave way to a sign-in, by the login policy.
    DEVICES_REPLACED = 1063, "devices.replaced", Sum, Count, "persistence", "devices_replaced";
    /// Devices that were signed out: by themselves, another one, or an operator.
    DEVICES_ENDED = 1064, "devices.ended", Sum, Count, "persistence", "devices_ended";
    /// Lineages that came from a history that this store does not have, each once per start.
    LINEAGES_LOST_FUTURE = 1065, "lineages.lost_future", Sum, Count, "user", "lineages_lost_future";
    /// Lists of what stays valid after a loss that were told to their end.
    VALID_LISTS_TOLD = 1066, "valid_lists.told", Sum, Count, "user", "valid_lists_told";

    /// Chunks of receipts that were removed because their day lies outside the window of resends.
    CLEANUP_RECEIPTS = 1070, "cleanup.receipts", Sum, Count, "cleaner", "cleanup_receipt_chunks";

    /// Tombstones of items that were removed because they were past their retention.
    CLEANUP_TOMBSTONES = 1071, "cleanup.tombstones", Sum, Count, "persistence", "cleanup_tombstones";
    /// Chunks of messages that were removed because the policy keeps them no longer.
    CLEANUP_BODIES = 1072, "cleanup.bodies", Sum, Count, "cleaner", "cleanup_body_chunks";
    /// Inbox entries written to the index.
    INDEX_ENTRIES = 1075, "index.entries", Sum, Count, "persistence", "index_entries";
    /// Inbox entries left out of the index, since every live device of their user had them before.
    INDEX_ENTRIES_LEFT_OUT = 1076, "index.entries_left_out", Sum, Count, "persistence", "index_entries_left_out";

    /// Batches of up to 1 operation; this and the following are [`BATCH_OPERATIONS`].
    BATCH_OPERATIONS_1 = 1100, "batch.operations.le_1", Sum, Count, "persistence", "batch_operations" [Part::Band("1.0")];
    /// Batches of 2 operations.
    BATCH_OPERATIONS_2 = 1101, "batch.operations.le_2", Sum, Count, "persistence", "batch_operations" [Part::Band("2.0")];
    /// Batches of up to 4 operations.
    BATCH_OPERATIONS_4 = 1102, "batch.operations.le_4", Sum, Count, "persistence", "batch_operations" [Part::Band("4.0")];
    /// Batches of up to 8 operations.
    BATCH_OPERATIONS_8 = 1103, "batch.operations.le_8", Sum, Count, "persistence", "batch_operations" [Part::Band("8.0")];
    /// Batches of up to 16 operations.
    BATCH_OPERATIONS_16 = 1104, "batch.operations.le_16", Sum, Count, "persistence", "batch_operations" [Part::Band("16.0")];
    /// Batches of up to 32 operations.
    BATCH_OPERATIONS_32 = 1105, "batch.operations.le_32", Sum, Count, "persistence", "batch_operations" [Part::Band("32.0")];
    /// Batches of up to 64 operations.
    BATCH_OPERATIONS_64 = 1106, "batch.operations.le_64", Sum, Count, "persistence", "batch_operations" [Part::Band("64.0")];
    /// Batches of up to 128 operations.
    BATCH_OPERATIONS_128 = 1107, "batch.operations.le_128", Sum, Count, "persistence", "batch_operations" [Part::Band("128.0")];
    /// Batches of up to 256 operations.
    BATCH_OPERATIONS_256 = 1108, "batch.operations.le_256", Sum, Count, "persistence", "batch_operations" [Part::Band("256.0")];
    /// Batches of more operations.
    BATCH_OPERATIONS_ABOVE = 1109, "batch.operations.above", Sum, Count, "persistence", "batch_operations" [Part::Band("+Inf")];
    /// Operations in all batches.
    BATCH_OPERATIONS_SUM = 1110, "batch.operations.sum", Sum, Count, "persistence", "batch_operations" [Part::BandSum];
    /// Operations of the largest batch.
    BATCH_OPERATIONS_MAX = 1111, "batch.operations.max", Max, Count, "persistence", "batch_operations_max";

    /// Syncs of the commit log within 1 ms; this and the following are [`BATCH_SYNC`].
    BATCH_SYNC_1_MS = 1120, "batch.sync.le_1_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.001")];
    /// Syncs within 2 ms.
    BATCH_SYNC_2_MS = 1121, "batch.sync.le_2_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.002")];
    /// Syncs within 5 ms.
    BATCH_SYNC_5_MS = 1122, "batch.sync.le_5_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.005")];
    /// Syncs within 10 ms.
    BATCH_SYNC_10_MS = 1123, "batch.sync.le_10_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.01")];
    /// Syncs within 20 ms.
    BATCH_SYNC_20_MS = 1124, "batch.sync.le_20_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.02")];
    /// Syncs within 50 ms.
    BATCH_SYNC_50_MS = 1125, "batch.sync.le_50_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.05")];
    /// Syncs within 100 ms.
    BATCH_SYNC_100_MS = 1126, "batch.sync.le_100_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.1")];
    /// Syncs within 500 ms.
    BATCH_SYNC_500_MS = 1127, "batch.sync.le_500_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("0.5")];
    /// Syncs within 2 s.
    BATCH_SYNC_2000_MS = 1128, "batch.sync.le_2000_ms", Sum, Micros, "persistence", "batch_sync" [Part::Band("2.0")];
    /// Slower syncs.
    BATCH_SYNC_ABOVE = 1129, "batch.sync.above", Sum, Micros, "persistence", "batch_sync" [Part::Band("+Inf")];
    /// Time spent in all syncs.
    BATCH_SYNC_SUM = 1130, "batch.sync.sum", Sum, Micros, "persistence", "batch_sync" [Part::BandSum];
    /// Time of the slowest sync.
    BATCH_SYNC_MAX = 1131, "batch.sync.max", Max, Micros, "persistence", "batch_sync_max";

    /// Groups that have an actor: something of them was told or expanded within the last seconds.
    GROUPS_ACTIVE = 1200, "groups.active", Gauge, Count, "group", "groups_active";
    /// Groups of which entries wait to be expanded.
    GROUPS_WAITING = 1201, "groups.waiting", Gauge, Count, "group", "groups_waiting";
    /// Entries of all groups that wait to be expanded.
    GROUP_ENTRIES_WAITING = 1202, "groups.entries_waiting", Gauge, Count, "group", "group_entries_waiting";
    /// How long the oldest of these entries has waited.
    GROUP_OLDEST_WAITING = 1203, "groups.oldest_waiting", Gauge, Micros, "group", "group_oldest_waiting";
    /// Groups whose fan-out is parked: its steps fail again and again.
    GROUPS_PARKED = 1204, "groups.parked", Gauge, Count, "group", "groups_parked";
    /// Steps of fan-outs that were done.
    GROUP_STEPS = 1205, "groups.steps", Sum, Count, "group", "group_steps" {"outcome": "done"};
    /// Steps that were refused for want of room, or met a fault; they are asked for again.
    GROUP_STEPS_FAILED = 1206, "groups.steps_failed", Sum, Count, "group", "group_steps" {"outcome": "failed"};
    /// Pointers to entries of groups that were made in the operation that made the entry.
    GROUP_POINTERS_AT_ONCE = 1207, "groups.pointers_at_once", Sum, Count, "persistence", "group_pointers" {"by": "send"};
    /// Pointers to entries of groups that were made by later steps.
    GROUP_POINTERS_BY_STEPS = 1208, "groups.pointers_by_steps", Sum, Count, "persistence", "group_pointers" {"by": "step"};
    /// Actors of groups that took the place of one that panicked.
    GROUP_ACTORS_REPLACED = 1209, "groups.actors_replaced", Sum, Count, "group", "group_actors_replaced";
    /// Records of groups whose members persistence told itself, since the board of their actors was full.
    GROUP_RECORDS_TOLD_DIRECTLY = 1210, "groups.told_directly", Sum, Count, "persistence", "group_records_told_directly";

    /// Devices that were put out because an operator suspended their account.
    DEVICES_SUSPENDED = 1220, "devices.suspended", Sum, Count, "persistence", "devices_suspended";
    /// Exports of a user's data that were begun.
    EXPORTS = 1221, "exports.begun", Sum, Count, "http", "exports_begun";
    /// Exports that were not told to their end.
    EXPORTS_BROKEN_OFF = 1222, "exports.broken_off", Sum, Count, "http", "exports_broken_off";
    /// Tokens of the host app that were accepted.
    HOST_TOKENS_ACCEPTED = 1223, "host_tokens.accepted", Sum, Count, "accounts", "host_tokens_accepted";
    /// Tokens that could not be read: too long, malformed, of another type or algorithm.
    HOST_TOKENS_REFUSED_FORM = 1224, "host_tokens.refused_form", Sum, Count, "accounts", "host_tokens_refused" { "cause": "form" };
    /// Tokens that name a key which the host app does not publish.
    HOST_TOKENS_REFUSED_KEY = 1225, "host_tokens.refused_key", Sum, Count, "accounts", "host_tokens_refused" { "cause": "unknown_key" };
    /// Tokens that the host app did not sign.
    HOST_TOKENS_REFUSED_SIGNATURE = 1226, "host_tokens.refused_signature", Sum, Count, "accounts", "host_tokens_refused" { "cause": "signature" };
    /// Tokens that the host app signed and that are not for this server, this time or anybody.
    HOST_TOKENS_REFUSED_CLAIMS = 1227, "host_tokens.refused_claims", Sum, Count, "accounts", "host_tokens_refused" { "cause": "claims" };
    /// Times that the host app was asked for its keys.
    HOST_KEY_FETCHES = 1228, "host_keys.fetches", Sum, Count, "accounts", "host_key_fetches";
    /// Times that it did not give any that can be used; the old ones stay.
    HOST_KEY_FETCHES_FAILED = 1229, "host_keys.fetches_failed", Sum, Count, "accounts", "host_key_fetches_failed";
    /// Users that were blocked by another; one that was blocked before counts again.
    CONTACTS_BLOCKED = 1230, "contacts.blocked", Sum, Count, "persistence", "contact_changes" {"change": "blocked"};
    /// Blocks that ended, or were none.
    CONTACTS_UNBLOCKED = 1231, "contacts.unblocked", Sum, Count, "persistence", "contact_changes" {"change": "unblocked"};
    /// Contacts of whom a remark or labels were noted.
    CONTACTS_NOTED = 1232, "contacts.noted", Sum, Count, "persistence", "contact_changes" {"change": "noted"};
    /// Contacts that were deleted, or were none.
    CONTACTS_DELETED = 1233, "contacts.deleted", Sum, Count, "persistence", "contact_changes" {"change": "deleted"};
    /// Requests to be a contact.
    CONTACTS_ASKED = 1234, "contacts.asked", Sum, Count, "persistence", "contact_changes" {"change": "asked"};
    /// Requests that were accepted, those accepted before among them.
    CONTACTS_ACCEPTED = 1235, "contacts.accepted", Sum, Count, "persistence", "contact_changes" {"change": "accepted"};
    /// Requests that were refused, or were none.
    CONTACTS_REFUSED = 1236, "contacts.refused", Sum, Count, "persistence", "contact_changes" {"change": "refused"};
    /// Requests that were withdrawn, or were none.
    CONTACTS_WITHDRAWN = 1237, "contacts.withdrawn", Sum, Count, "persistence", "contact_changes" {"change": "withdrawn"};
    /// Stretches of channels that pages passed over, since there were too many newer posts.
    POSTS_PASSED_OVER = 1240, "posts.passed_over", Sum, Count, "user", "posts_passed_over";
    /// Entries of channels that were put on the number line: from there on their followers are told.
    CHANNEL_POSTS = 1241, "channels.posts", Sum, Count, "persistence", "channel_posts";
    /// Followers who are connected, or wait over HTTP, and were told that something was posted.
    FOLLOWERS_TOLD = 1242, "channels.followers_told", Sum, Count, "hub", "channel_followers_told";
    /// Envelopes by which the workers were told of posts: one per worker and batch.
    POST_ENVELOPES = 1243, "channels.envelopes", Sum, Count, "persistence", "channel_envelopes";
    /// Hints of how far others have come that were sent.
    WATERMARKS_TOLD = 1250, "watermarks.told", Sum, Count, "user", "watermarks" {"outcome": "told"};
    /// Hints that were put off because the connection took nothing.
    WATERMARKS_PUT_OFF = 1251, "watermarks.put_off", Sum, Count, "user", "watermarks" {"outcome": "put_off"};
    /// Requests that came with an API key which is good.
    API_KEY_REQUESTS = 1255, "api_keys.requests", Sum, Count, "accounts", "api_key_requests";
    /// Those of them that the key may not make: its scope, for whom, or never.
    API_KEY_REQUESTS_REFUSED = 1256, "api_keys.refused", Sum, Count, "accounts", "api_key_requests_refused";
    /// Requests with a key that is unknown, revoked or expired.
    API_KEYS_INVALID = 1257, "api_keys.invalid", Sum, Count, "accounts", "api_keys_invalid";
    /// Users whose erasure was decided.
    ERASURES_BEGUN = 1265, "erasures.begun", Sum, Count, "persistence", "erasures" {"stage": "begun"};
    /// Erasures of which the index has nothing left; one may be done again after a restart.
    ERASURES_DONE = 1266, "erasures.done", Sum, Count, "persistence", "erasures" {"stage": "done"};
    /// Conversations that were told of an erasure.
    ERASURES_TOLD = 1267, "erasures.told", Sum, Count, "persistence", "erasure_conversations_told";
    /// Items that others had of an erased user, changed.
    ERASURES_CONTACTS = 1268, "erasures.contacts", Sum, Count, "persistence", "erasure_contacts_changed";
    /// Chunks of the index that were written anew without what an erased user wrote.
    ERASURES_CHUNKS = 1269, "erasures.chunks", Sum, Count, "persistence", "erasure_chunks_rewritten";
    /// Changes of what a user shows others.
    PROFILES_CHANGED = 1270, "profiles.changed", Sum, Count, "persistence", "profiles_changed";
    /// Items that others have of a user, looked at anew to tell a change.
    PROFILES_TOLD = 1271, "profiles.told", Sum, Count, "persistence", "profiles_told";
    /// Changes that everybody was told; one may be told again after a restart.
    PROFILE_CHANGES_TOLD = 1272, "profiles.changes_told", Sum, Count, "profile_changes", "profile_changes_told";
    /// Tokens for which the host app vouched when it was asked.
    HOST_QUESTIONS_ACCEPTED = 1275, "host_questions.accepted", Sum, Count, "accounts", "host_questions" {"outcome": "accepted"};
    /// Tokens that it refused, or about which it cannot be asked.
    HOST_QUESTIONS_REFUSED = 1276, "host_questions.refused", Sum, Count, "accounts", "host_questions" {"outcome": "refused"};
    /// Questions to which there was no answer of use.
    HOST_QUESTIONS_FAILED = 1277, "host_questions.failed", Sum, Count, "accounts", "host_questions" {"outcome": "failed"};
    /// Questions that were not asked, since as many waited as may.
    HOST_QUESTIONS_BUSY = 1278, "host_questions.busy", Sum, Count, "accounts", "host_questions" {"outcome": "busy"};
    /// Time for which the host app was waited for, in all.
    HOST_QUESTIONS_TOOK_US = 1279, "host_questions.took_us", Sum, Micros, "accounts", "host_questions_took";
    /// Follows that were given to users who were there when an operator had everybody follow a channel.
    BROADCAST_FOLLOWS = 1280, "broadcasts.follows", Sum, Count, "persistence", "broadcast_follows";
    /// Minutes of points that were stored; one that two processes counted in is stored by each.
    POINT_MINUTES_STORED = 1285, "points.minutes_stored", Sum, Count, "points", "point_rows_stored";
    /// Attempts to store points that failed; the minutes are stored with the next one.
    POINT_FAULTS = 1286, "points.faults", Sum, Count, "points", "point_faults";
    /// Files of points that were cut where they ended in the middle of a row: what a crash tore, or damage.
    POINT_CHUNKS_CUT = 1287, "points.chunks_cut", Sum, Count, "points", "point_chunks_cut";
    /// Bytes that are free on the disk of the data directory.
    DISK_FREE = 1290, "disk.free", Gauge, Bytes, "disk", "disk_free";
    /// Bytes that this disk has in all.
    DISK_SIZE = 1291, "disk.size", Gauge, Bytes, "disk", "disk_size";
    /// Alarms that fire and can wait until somebody looks today.
    ALARMS_WARNING = 1292, "alarms.warning", Gauge, Count, "alarms", "alarms_firing" {"severity": "warning"};
    /// Alarms that fire and cannot wait.
    ALARMS_CRITICAL = 1293, "alarms.critical", Gauge, Count, "alarms", "alarms_firing" {"severity": "critical"};
    /// Tellings of alarms that the webhook has taken.
    ALARMS_DELIVERED = 1294, "alarms.delivered", Sum, Count, "alarms", "alarm_deliveries" {"channel": "webhook", "outcome": "delivered"};
    /// Tellings that it did not take, however often it was tried.
    ALARMS_UNDELIVERED = 1295, "alarms.undelivered", Sum, Count, "alarms", "alarm_deliveries" {"channel": "webhook", "outcome": "failed"};
    /// Tellings that were given up since too many waited for the webhook.
    ALARMS_DROPPED = 1296, "alarms.dropped", Sum, Count, "alarms", "alarm_deliveries" {"channel": "webhook", "outcome": "dropped"};
    /// The longest turn of persistence, also of one that has not ended: a sync that does not return is seen while it hangs.
    PERSISTENCE_TURN = 1297, "persistence.turn", Max, Micros, "persistence", "persistence_turn_max";
    /// Bytes that the index takes on the disk.
    INDEX_DISK_BYTES = 1298, "index.disk_bytes", Gauge, Bytes, "index", "index_disk";
    /// Bytes of keys and values in the index, as the last whole survey found them; 0 before.
    INDEX_LIVE_BYTES = 1299, "index.live_bytes", Gauge, Bytes, "index", "index_live";
    /// Values of host programs that were taken.
    HOST_VALUES_TAKEN = 1300, "host_ids.values_taken", Sum, Count, "host_ids", "host_values_taken";
    /// Reports of host programs of which nothing was taken, since one of their values could not be.
    HOST_REPORTS_REFUSED = 1301, "host_ids.reports_refused", Sum, Count, "host_ids", "host_reports_refused";
    /// Ids that host programs have registered.
    HOST_IDS_REGISTERED = 1302, "host_ids.registered", Gauge, Count, "host_ids", "host_ids_registered";
    /// Accounts that were made: registered, by an operator or an API key, or at the first word of the host app.
    ACCOUNTS_MADE = 1310, "accounts.made", Sum, Count, "accounts", "accounts_made";
    /// Records that were added to the audit log.
    AUDIT_RECORDS = 1315, "audit.records", Sum, Count, "audit", "audit_records";
    /// Attempts to write the audit log that failed.
    AUDIT_FAULTS = 1316, "audit.faults", Sum, Count, "audit", "audit_faults";
    /// Requests to the operator's port with a wrong token or none, also those that are not in the audit log.
    AUDIT_STRANGERS = 1317, "audit.strangers", Sum, Count, "audit", "audit_strangers";
    /// Tellings of alarms that were taken by the mail server, for all who are written to.
    ALARMS_MAILED = 1325, "alarms.mailed", Sum, Count, "alarms", "alarm_deliveries" {"channel": "mail", "outcome": "delivered"};
    /// Tellings that it did not take for all of them, however often it was tried.
    ALARMS_UNMAILED = 1326, "alarms.unmailed", Sum, Count, "alarms", "alarm_deliveries" {"channel": "mail", "outcome": "failed"};
    /// Tellings that were given up since too many waited for mail.
    ALARMS_MAIL_DROPPED = 1327, "alarms.mail_dropped", Sum, Count, "alarms", "alarm_deliveries" {"channel": "mail", "outcome": "dropped"};
    /// Tellings of alarms that are stored as a message in the group of operators.
    ALARMS_SAID = 1328, "alarms.said", Sum, Count, "alarms", "alarm_deliveries" {"channel": "group", "outcome": "delivered"};
    /// Tellings that could not be stored there, however often it was tried, and those given up since too many waited.
    ALARMS_UNSAID = 1329, "alarms.unsaid", Sum, Count, "alarms", "alarm_deliveries" {"channel": "group", "outcome": "failed"};
    /// Reports that the mail server has taken for all who are written to.
    REPORTS_SENT = 1330, "reports.sent", Sum, Count, "reports", "reports" {"outcome": "sent"};
    /// Tries to send a report that the mail server did not take for all; it is tried again.
    REPORTS_REFUSED = 1331, "reports.refused", Sum, Count, "reports", "reports" {"outcome": "refused"};
    /// Reports of which it is not known whether they came; they are not sent again.
    REPORTS_UNKNOWN = 1332, "reports.unknown", Sum, Count, "reports", "reports" {"outcome": "unknown"};
    /// Periods without a report: nobody was there when it was due, or it was not taken until the next one was.
    REPORTS_MISSED = 1333, "reports.missed", Sum, Count, "reports", "reports" {"outcome": "missed"};
    /// Alarms that began to fire and were told.
    ALARMS_FIRED = 1334, "alarms.fired", Sum, Count, "alarms", "alarms_fired";
    /// Pushes of metrics that the OpenTelemetry collector took.
    OTLP_DELIVERED = 1340, "otlp.delivered", Sum, Count, "otlp", "otlp_pushes" {"outcome": "delivered"};
    /// Pushes that it did not take; the next one says all that they said.
    OTLP_FAILED = 1341, "otlp.failed", Sum, Count, "otlp", "otlp_pushes" {"outcome": "failed"};
}

/// Operations per batch. Bounds: a batch holds at most 256 operations.
pub const BATCH_OPERATIONS: Histogram =
    Histogram { first: BATCH_OPERATIONS_1, bounds: &[1, 2, 4, 8, 16, 32, 64, 128, 256] };

/// Time of the one sync per batch of the commit log, in µs.
pub const BATCH_SYNC: Histogram = Histogram { first: BATCH_SYNC_1_MS, bounds: &LATENCY_BOUNDS_US };

const FRAMEWORK_COUNT: usize = 1 + operations::ENTRY_COUNT + SERVER.len();

/// The registry of the framework, in ascending order of id.
pub static FRAMEWORK: [Entry; FRAMEWORK_COUNT] = {
    let mut all = [LOST_ENTRY; FRAMEWORK_COUNT];
    let mut index = 0;
    while index < operations::ENTRY_COUNT {
        all[1 + index] = operations::ENTRIES[index];
        index += 1;
    }
    let mut index = 0;
    while index < SERVER.len() {
        all[1 + operations::ENTRY_COUNT + index] = SERVER[index];
        index += 1;
    }
    registry::assert_well_ordered(&all);
    all
};

#[cfg(test)]
mod tests;
