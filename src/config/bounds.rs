//! What a number may be: the bounds of every setting that has some.

use std::ops::RangeInclusive;

use crate::model::limits;

/// Threads that serve clients; 0 stands for one per core. Source: 256 is above the cores of any machine meant.
pub const WORKERS: RangeInclusive<u64> = 0..=256;
/// Threads that read the index. Source: reads wait for the disk, and more than 64 do not make it faster.
pub const READERS: RangeInclusive<u64> = 1..=64;
/// Open client connections. Source: one Linux process has at most 1,048,576 open files by default.
pub const CONNECTIONS: RangeInclusive<u64> = 1..=1_000_000;
/// Milliseconds between heartbeats. Source: below 100 ms they are the load; NATs forget a silent flow after minutes.
pub const HEARTBEAT_MS: RangeInclusive<u64> = 100..=600_000;
/// Bytes queued for one connection: at least the largest frame, so that each answer fits.
pub const QUEUED_BYTES: RangeInclusive<u64> = limits::FRAME_BYTES_MAX as u64..=64 * MIB;
/// Bytes of the index cache. Source: the engine needs some pages of 4 KiB at once; 64 GiB is above any machine meant.
pub const INDEX_CACHE_BYTES: RangeInclusive<u64> = MIB..=64 * 1024 * MIB;
/// Bytes of the tail: at least two of the largest commits, so that one is gathered while the other waits.
pub const TAIL_BYTES: RangeInclusive<u64> = 2 * limits::BATCH_BYTES_MAX as u64..=64 * 1024 * MIB;
/// Bytes in the tail from which the index is written. Source: below 4 KiB a batch of the index is one message.
pub const INDEX_AFTER_BYTES: RangeInclusive<u64> = 4096..=32 * 1024 * MIB;
/// Bytes of a log segment: several of the largest commits fit, and reserving one does not take minutes.
pub const SEGMENT_BYTES: RangeInclusive<u64> = 4 * limits::BATCH_BYTES_MAX as u64..=4 * 1024 * MIB;
/// Milliseconds between passes of cleanup. Source: a pass looks at every user, so it is never without a pause; after a day
/// an inbox has what the log has.
pub const CLEANUP_PAUSE_MS: RangeInclusive<u64> = 100..=86_400_000;
/// Seconds that a lineage may be silent. Source: below a few seconds a device on a bad network is gone; ten years are for
/// ever.
pub const LINEAGE_EXPIRY_S: RangeInclusive<u64> = 1..=315_360_000;
/// Devices of one user. Source: their lineages have a limit of their own, which has room for so many.
pub const DEVICES: RangeInclusive<u64> = 1..=limits::DEVICES_PER_USER_MAX as u64;
/// Members of one group. Source: a group of one is made before others come; the ceiling is explained where it stands.
pub const GROUP_MEMBERS: RangeInclusive<u64> = 1..=limits::GROUP_MEMBERS_CEILING as u64;
/// Groups that one user owns. Source: 0 lets nobody make any; a bot of a large shop has one for each customer.
pub const GROUPS_OWNED: RangeInclusive<u64> = 0..=10_000_000;
/// Members above which a group becomes a channel. Source: as many as one may have; 0 is never.
pub const CHANNEL_ABOVE_MEMBERS: RangeInclusive<u64> = 0..=limits::GROUP_MEMBERS_CEILING as u64;
/// Pointers of one step of a fan-out. Source: the batch has room for so many and no more.
pub const STEP_POINTERS: RangeInclusive<u64> = 1..=limits::FAN_OUT_STEP_POINTERS_MAX as u64;
/// Seconds that something is kept by age. Source: below a few seconds it is gone before anybody could fetch it; ten years
/// are for ever.
pub const RETENTION_S: RangeInclusive<u64> = 1..=315_360_000;
/// Days that points are kept. Source: the page of curves shows one; ten years are for ever.
pub const POINT_DAYS: RangeInclusive<u64> = 1..=3650;
/// Hours of a day.
pub const HOURS: RangeInclusive<u64> = 0..=23;
/// Numbers of document kinds; the lower ones are the server's own.
pub const KIND_NUMBERS: RangeInclusive<u8> = 5..=8;
/// Length of a kind's name, bytes. Source: it is sent in every greeting.
pub const KIND_NAME_BYTES: RangeInclusive<usize> = 1..=32;
/// Size of a configuration file, bytes; a larger one is refused unread. Source: ours has a twentieth of it.
pub const FILE_BYTES_MAX: u64 = MIB;

pub(super) const MIB: u64 = 1024 * 1024;
