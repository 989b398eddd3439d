//! Ids that host programs count under: an app beside the server has its figures where the server's are.

use std::ops::RangeInclusive;

use super::points::{PointKind, PointUnit};

/// Ids of host programs. The server's own lie below; above are those of tests.
pub const HOST_IDS: RangeInclusive<u32> = 10_000..=59_999;

/// Ids of host programs that there may be at once. More are refused. Source: an id takes up to 12.4 KB for its last day,
/// so these take 3.2 MB at most; with the server's own a row of points stays below the 1,000 values that its file is made for.
pub const HOST_IDS_MAX: usize = 256;

/// Length of a name, bytes. A longer one is refused. Source: it is shown in tables, and is part of a name in Prometheus.
pub const HOST_ID_NAME_BYTES_MAX: usize = 64;

/// One of them. What it counts never changes: for something else another one is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostId {
    /// In [`HOST_IDS`].
    pub id: u32,
    /// Words of small letters, digits and underscores, joined by dots.
    pub name: String,
    /// How reports combine.
    pub kind: PointKind,
    /// What is counted.
    pub unit: PointUnit,
}

/// What a host program reports of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostReport {
    /// A sum has grown by so much, or a gauge has moved.
    Add(i64),
    /// A gauge stands there, or a maximum was so high.
    Set(i64),
}
