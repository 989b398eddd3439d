//! By what operations are decided besides rows and time: what an operator has set.

use super::{
    DevicePolicy, GroupBounds, Retentions, Strangers,
    limits::{GROUPS_OWNED_MAX, LINEAGE_EXPIRY_MS},
};

/// See the module. It holds until it is set anew; one value, so that nothing of it is lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long lineages may be silent, milliseconds.
    pub lineage_expiry_ms: i64,
    /// By which devices sign in.
    pub devices: DevicePolicy,
    /// How long things are kept.
    pub retentions: Retentions,
    /// How large a group may be, and how much of it one operation reaches.
    pub group_bounds: GroupBounds,
    /// How many groups and channels one user may own.
    pub groups_owned_max: u32,
    /// With how many members a group is still to be one: with more it becomes a channel. 0 for however many.
    pub channel_above_members: usize,
    /// What is taken of strangers by who has not said so.
    pub strangers: Strangers,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            lineage_expiry_ms: LINEAGE_EXPIRY_MS,
            devices: DevicePolicy::default(),
            retentions: Retentions::default(),
            group_bounds: GroupBounds::default(),
            groups_owned_max: GROUPS_OWNED_MAX,
            channel_above_members: 0,
            strangers: Strangers::default(),
        }
    }
}
