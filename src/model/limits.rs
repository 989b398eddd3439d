//! The bounds. Each has its unit in its name and a sentence on what happens when it is reached.
//! Those an operator may change are in `config`; their defaults are here.

/// Text of a message, bytes. Longer: refused as `text_too_long`.
/// Source: product decision (security baseline: text 4 KiB).
pub const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Name of the schema of a custom message, bytes. Longer: refused as `invalid_custom`. Source: choice; a name and a
/// version, and it is stored with every such message.
pub const SCHEMA_BYTES_MAX: usize = 64;

/// Users whom one user may block. One more: refused as `too_many_blocked`. Source: choice; far above what people do, and
/// what one user can make the server keep by it stays below a megabyte.
pub const BLOCKED_MAX: u32 = 5_000;

/// What a user calls a contact, characters. Longer: refused as `invalid_field`. Source: choice; twice the longest name.
pub const REMARK_CHARS_MAX: usize = 64;

/// Labels of one contact. More: refused as `invalid_field`. Source: choice.
pub const LABELS_MAX: usize = 16;

/// A label, characters, at least one. Longer: refused as `invalid_field`. Source: choice; as the longest name.
pub const LABEL_CHARS_MAX: usize = 32;

/// What is said with a request to be a contact, characters. Longer: refused as `invalid_field`. Source: choice; a sentence
/// or two.
pub const GREETING_CHARS_MAX: usize = 200;

/// Requests of one user on one day. One more: refused as `too_many_requests`. Source: choice; more than people make, and
/// too few to be a nuisance.
pub const REQUESTS_PER_DAY_MAX: u32 = 20;

/// Requests that wait for one user. One more: refused as `too_many_requests`, until one was answered or has expired.
/// Source: choice; a list that somebody may still read, and 1.5 KB in the row of counts.
pub const REQUESTS_WAITING_MAX: usize = 100;

/// How long a request can be accepted, milliseconds of observed time. Source: choice; as long as an inbox is kept.
pub const REQUEST_EXPIRY_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Display name of a user, characters. Longer: refused as `invalid_profile`. Source: choice; twice the longest user name.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;

/// Avatar of a user, bytes. Longer: refused as `invalid_profile`. Source: choice; an address or a token, never a picture:
/// it is stored with everybody who has the user as a contact.
pub const AVATAR_BYTES_MAX: usize = 256;

/// What a user says of himself, characters. Longer: refused as `invalid_profile`. Source: choice; a few sentences.
pub const ABOUT_CHARS_MAX: usize = 280;

/// Changes of a profile that one user may make at once. One more: refused as `too_many_changes`, until
/// [`PROFILE_CHANGE_EVERY_MS`] have passed. Source: choice; who tries a few names has some more.
pub const PROFILE_CHANGES_AT_ONCE: i64 = 5;

/// In which time one change of a profile becomes possible again, milliseconds. Source: a change is told to some 5,000
/// contacts, at [`PROFILE_TOLD_PER_STEP`] in each tenth of a second two seconds of work; so nobody is most of it.
pub const PROFILE_CHANGE_EVERY_MS: i64 = 10_000;

/// Contacts that one step looks at to tell a changed profile. More wait for the next step. Source: two reads of 5 µs each,
/// and an operation of some 300 bytes for each that is told.
pub const PROFILE_TOLD_PER_STEP: usize = 256;

/// JSON document of a custom message, bytes. Longer: refused as `custom_too_long`. Source: product decision (as the text).
pub const CUSTOM_JSON_BYTES_MAX: usize = 4 * 1024;

/// All of a custom message, bytes: schema, document and fallback. More: refused as `custom_too_long`.
/// Source: a message fits a chunk of the index, 8 KiB, together with its other fields.
pub const CUSTOM_BYTES_MAX: usize = 7 * 1024;

/// The longest content that a message may have, bytes.
pub const CONTENT_BYTES_MAX: usize = CUSTOM_BYTES_MAX;
const _: () = assert!(CONTENT_BYTES_MAX >= TEXT_BYTES_MAX && CONTENT_BYTES_MAX >= CUSTOM_JSON_BYTES_MAX);

/// A frame from a client, bytes. Longer: refused at its header, the connection is closed with 1009.
/// Source: product decision (security baseline: frame 64 KiB).
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Requests that one connection may have unanswered. More: `too_many_in_flight`.
pub const IN_FLIGHT_PER_CONNECTION_MAX: u32 = 64;

/// Bytes waiting to be written to one connection. Over it the connection is lagging: it gets nothing more until it
/// has drained, and then catches up from its marks. Source: Centrifugo and our own research use 256 KiB to 1 MiB.
pub const QUEUED_BYTES_PER_CONNECTION_MAX: usize = 256 * 1024;

/// Operations in one commit. More wait for the next batch.
pub const BATCH_OPERATIONS_MAX: usize = 256;

/// Payload of one commit in the log, bytes. An operation that would exceed it waits for the next batch.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Operations waiting for the persistence actor. More: refused as `busy`.
pub const INTAKE_OPERATIONS_MAX: usize = 8 * 1024;

/// Entries and items in one page. More: the page says `more`.
pub const PAGE_ENTRIES_MAX: usize = 500;

/// Content of one page, bytes, before encoding; at least one entry is always told. More: the page says `more`.
pub const PAGE_BYTES_MAX: usize = 128 * 1024;

/// Entries in an inline push. More: a nudge instead, so that a page tells them.
pub const PUSH_ENTRIES_MAX: usize = 64;

/// Live devices of one user. One more ends the oldest.
pub const DEVICES_PER_USER_MAX: usize = 32;

/// Lineages of one user: an app and a few extensions on each device. One more is taken in place of the one that was not
/// heard of for longest, for which nothing is kept any more.
pub const LINEAGES_PER_USER_MAX: usize = 64;

/// Highest context of a device. More: refused as `invalid_field`. Source: an app and a few extensions; a limit so that
/// lineages stay few.
pub const CONTEXT_MAX: u8 = 15;

/// Highest number of a kind. Source: a snapshot of eight kinds has 77 bytes, still small.
pub const KINDS_MAX: usize = 8;

/// Connections of one user at a time. One more closes the oldest as replaced.
pub const CONNECTIONS_PER_USER_MAX: usize = 64;

/// Days before today in which a resend is recognised. Older: refused as `day_outside_window`.
/// Source: sync rule 14.
pub const DEDUP_DAYS: u32 = 7;

/// Days for which receipts are kept: a day longer than they are asked for, so that a clock that is set back a little
/// refuses no resend. Then they are removed, and a send of such a day is refused for good.
pub const RECEIPTS_KEPT_DAYS: u32 = DEDUP_DAYS + 1;

/// How long an entry is kept in an inbox for a live lineage that lacks it, milliseconds. Then it is removed, and the
/// lineage is told a gap. Source: sync rule 14.
pub const INBOX_RETENTION_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// How long it is kept that an item was deleted, milliseconds. Who comes later is told the items anew.
/// Source: sync rule 14.
pub const TOMBSTONE_RETENTION_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Days that the bodies of messages can be kept for, at most. Source: ten years are for ever.
pub const BODIES_DAYS_MAX: u16 = 3650;

/// How long a lineage may be silent before nothing is kept for it any more, milliseconds. Source: sync rule 14.
pub const LINEAGE_EXPIRY_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Shortest and longest user name, characters.
pub const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=32;

/// Shortest and longest password, bytes. Source: OWASP ASVS 5.0 6.2.1 and 6.2.9 (at least 8, at least 64 allowed).
pub const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=128;

/// Name of a device, bytes; longer ones are cut.
pub const DEVICE_NAME_BYTES_MAX: usize = 64;

/// How long a connection may live without having said hello, milliseconds. Then it is closed with 4401.
pub const HELLO_TIMEOUT_MS: u64 = 10_000;

/// How often a silent client should send a heartbeat, milliseconds.
pub const HEARTBEAT_MS: u32 = 30_000;

/// Present members of one group; an operator may change it. One more: refused as `group_full`.
/// Source: WeChat's groups have 500.
pub const GROUP_MEMBERS_MAX: usize = 500;

/// The most members that an operator may allow. Source: the members of a group that is written to are in memory, about a
/// megabyte of so many; and a group of so many is killed in the middle of its fan-out by `make fan-out-kills`.
pub const GROUP_MEMBERS_CEILING: usize = 10_000;

/// Users whom one operation adds to a group. More: refused as `invalid_field`; they are added in parts.
/// Source: an entry of the log names them, and fits a chunk of the index.
pub const GROUP_USERS_PER_OPERATION_MAX: usize = 100;

/// Former members of one group who are remembered. Over it, who left longest ago is forgotten when another one is added,
/// and cannot read any more what he was given; while nobody can be forgotten yet the add is refused as `busy`.
pub const FORMER_MEMBERS_MAX: usize = 500;

/// Memberships of one user in one group that are remembered. Over it the oldest is forgotten; while its entries are not
/// expanded yet the add is refused as `busy`. Source: choice; so often nobody comes and goes by mistake, and such a row
/// has less than a kilobyte.
pub const INTERVALS_PER_MEMBER_MAX: usize = 64;

/// Name of a group, bytes. Longer, empty, or with control characters: refused as `invalid_group_name`.
pub const GROUP_NAME_BYTES_MAX: usize = 128;

/// Announcement of a group, bytes. Longer: refused as `invalid_announcement`.
/// Source: choice; a page of rules. It is in memory with the group, and in every record that changes the group's row.
pub const ANNOUNCEMENT_BYTES_MAX: usize = 4_096;

/// Links of one group, also such as are used up or too old and not forgotten yet: they are when another one is made. One
/// more that could be used: refused as `too_many_links`. Source: choice; their rows are in memory with the group.
pub const LINKS_PER_GROUP_MAX: usize = 20;

/// For how long a link holds when nothing is said, and at most, seconds. Longer: refused as `invalid_field`.
/// Source: WeChat's code of a group holds for seven days; nobody remembers what was handed on a year ago.
pub const LINK_VALID_S: u32 = 7 * 24 * 60 * 60;
/// See [`LINK_VALID_S`].
pub const LINK_VALID_S_MAX: u32 = 365 * 24 * 60 * 60;

/// Users whom one link lets in, also when nothing is said. More: refused as `invalid_field`. Source: no group takes more.
pub const LINK_USES_MAX: u32 = GROUP_MEMBERS_CEILING as u32;

/// Requests to come into one group that are kept, those that were refused or taken back until they expire too; of these
/// the oldest makes room. While all of them wait one more is refused as `too_many_requests`. Source: choice; they are told
/// in one list, and are in memory with the group.
pub const JOIN_REQUESTS_MAX: usize = 50;

/// After this time a request to come into a group does not wait any more, milliseconds.
/// Source: as with requests to be a contact.
pub const JOIN_REQUEST_EXPIRY_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Members in one answer to a request for them. More: told by the next one. Source: as many as one operation adds.
pub const MEMBERS_PAGE_MAX: usize = GROUP_USERS_PER_OPERATION_MAX;

/// What somebody costs who is named where a notice is told: id and name, bytes. So a page that has room for its notices reads
/// a bounded number of names. Source: the longest name, of four bytes a character, and what frames it.
pub const NAMED_USER_BYTES_MAX: usize = *NAME_CHARS.end() * 4 + 16;

/// What the item of a group or a channel costs in a page without its name, bytes. Source: two items of 128 bytes, for a level
/// without groups.
pub const CONVERSATION_ITEM_BYTES: usize = 2 * 128;

/// What the longest entry costs in a page, bytes: a message, or a notice with the names of everybody whom it concerns.
pub const ENTRY_BYTES_MAX: usize = {
    let notice_bytes = (GROUP_USERS_PER_OPERATION_MAX + 1) * NAMED_USER_BYTES_MAX + GROUP_NAME_BYTES_MAX;
    if notice_bytes > CONTENT_BYTES_MAX { notice_bytes } else { CONTENT_BYTES_MAX }
};
const _: () = assert!(ENTRY_BYTES_MAX < PAGE_BYTES_MAX);

/// Groups whose members the committer holds in memory before a sweep; more are read again when they are needed.
/// Source: about 100 bytes a member, so 100 MB when all of them are full.
pub const GROUPS_HELD_MAX: usize = 2_000;

/// Groups and channels that one user owns unless configured. One more: refused as `too_many_groups`; what is inherited is not
/// refused. Source: 500 are as many as Telegram lets one belong to at all; a backend that makes a group for each of its
/// customers sets more.
pub const GROUPS_OWNED_MAX: u32 = 500;

/// Channels of which one user has something: those that are followed, and those that were until a while ago. One more:
/// refused as `too_many_follows`, but for one that everybody follows. Source: a sync looks at each; what a user follows is read with one range of 20 KB.
pub const FOLLOWS_PER_USER_MAX: u32 = 500;

/// Times in which one user followed one channel that are remembered. Over it a follow is refused as `too_many_follows`,
/// until the oldest is past the retention of inboxes. Times between which nothing was said are one. Source: choice; who
/// comes and goes more often is not reading.
pub const FOLLOW_INTERVALS_MAX: usize = 8;

/// Posts of one channel that a lineage is given when it comes back. What is older is named as a gap, and can be read.
/// Source: choice; a screen or two, above what a push holds, and it bounds what a sync reads of a channel.
pub const CHANNEL_POSTS_MAX: usize = 100;
const _: () = assert!(CHANNEL_POSTS_MAX > PUSH_ENTRIES_MAX, "a push never passes over anything");

/// Turns of one conversation between group and channel that may wait to be expanded. One more: refused as `busy`.
/// Source: choice; nobody turns so often.
pub const TURNS_WAITING_MAX: usize = 8;

/// Pointers that one step of a fan-out makes. An entry for more than these is expanded in several steps, and not by the
/// operation that makes it. Source: half of the operations of a batch, so that a step takes no longer than they do.
pub const FAN_OUT_STEP_POINTERS_MAX: usize = 256;

/// Pointers that sends to groups make at once in one batch. What comes then is left to later steps: so other steps and
/// other operations have their part of every batch. Source: half of what 16 steps make.
pub const BATCH_GROUP_POINTERS_MAX: usize = 8 * FAN_OUT_STEP_POINTERS_MAX;

/// Entries of one group that wait to be expanded; they wait in its log. More: a send is refused as `busy`, and so is
/// every other change that can be asked for again. Leaves and removals are always taken.
pub const FAN_OUT_ENTRIES_MAX: u64 = 10_000;

/// Own entries above a user's read mark that are remembered one by one. One more: the mark rises to it, as if everything
/// before it were read. Source: choice; who writes so often in a conversation has seen what stands there.
pub const OWN_UNREAD_MAX: usize = 64;

/// How far behind the newest own entry the row of what a user has read may be, entries of the conversation. A send further
/// on writes the row with it. Source: what is between is looked through when the row is read, 64 entries are a chunk or
/// two; and a row of 40 bytes for 64 entries is less than a byte each.
pub const READING_BEHIND_MAX: u64 = 64;

/// Members of a group that are looked at for one answer to what others have received and read. More: told by the next one.
/// Source: each costs a few reads of the index, about 0.2 ms together, and a reader should be free again within 10 ms.
pub const TICKS_PAGE_MAX: usize = 50;

/// Pointers of an inbox above what a device handed back that are looked through for the next one to a group. When there are
/// more, what was delivered is not known. Source: choice; who is so far behind has not handed back anything lately.
pub const TICK_POINTERS_MAX: usize = 512;

/// Conversations of two that one connection is told hints of. One more: the one that was asked for longest ago falls out.
/// Source: choice; a client shows one or two at a time, and asks when it opens one.
pub const WATCHED_PER_CONNECTION_MAX: usize = 16;
