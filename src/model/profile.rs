//! What a user shows of himself besides the name by which he is found.

use super::{
    ids::TimeMs,
    limits::{PROFILE_CHANGE_EVERY_MS, PROFILE_CHANGES_AT_ONCE},
};

/// See the module. Every account has one; a new one says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// By which name others know the user; empty: the user name. Not unique.
    pub display_name: String,
    /// What the host app shows a picture by; opaque, and never fetched here. Empty for none.
    pub avatar: String,
    /// What the user says of himself; empty for nothing.
    pub about: String,
    /// When as many changes as were made would have been made if each had waited its time; see [`Profile::pace`].
    pub paced: TimeMs,
}

impl Profile {
    /// When so many changes were made, after one more at this moment; nothing when that is too many.
    ///
    /// A clock that is set back keeps nobody waiting for longer than all changes that are allowed at once take.
    #[must_use]
    pub fn pace(&self, at: TimeMs) -> Option<TimeMs> {
        let ahead_max_ms = PROFILE_CHANGE_EVERY_MS * PROFILE_CHANGES_AT_ONCE;
        let ahead_ms = self.paced.0.saturating_sub(at.0);
        // Further ahead it never was: the clock was set back.
        let ahead_ms = if ahead_ms > ahead_max_ms { 0 } else { ahead_ms.max(0) };
        let after_ms = ahead_ms + PROFILE_CHANGE_EVERY_MS;
        (after_ms <= ahead_max_ms).then_some(TimeMs(at.0.saturating_add(after_ms)))
    }

    /// Whether it says the same.
    #[must_use]
    pub fn says_as(&self, other: &Profile) -> bool {
        self.display_name == other.display_name && self.avatar == other.avatar && self.about == other.about
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paced(at: i64) -> Profile {
        Profile { paced: TimeMs(at), ..Profile::default() }
    }

    #[test]
    fn a_few_changes_may_come_at_once_and_then_each_waits_its_time() {
        let (mut profile, now) = (Profile::default(), 1_000_000_000_000);
        for _ in 0..PROFILE_CHANGES_AT_ONCE {
            profile.paced = profile.pace(TimeMs(now)).expect("it is one of the first");
        }
        assert_eq!(profile.pace(TimeMs(now)), None);
        assert_eq!(profile.pace(TimeMs(now + PROFILE_CHANGE_EVERY_MS - 1)), None);
        let one = profile.pace(TimeMs(now + PROFILE_CHANGE_EVERY_MS)).expect("its time has come");
        assert_eq!(paced(one.0).pace(TimeMs(now + PROFILE_CHANGE_EVERY_MS)), None, "one, not more");
    }

    #[test]
    fn who_waited_long_has_no_more_at_once_than_others() {
        let (mut profile, later) = (paced(5), TimeMs(i64::MAX / 2));
        let mut changes = 0;
        while let Some(paced) = profile.pace(later) {
            (profile.paced, changes) = (paced, changes + 1);
        }
        assert_eq!(changes, PROFILE_CHANGES_AT_ONCE);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let before = TimeMs(2_000_000_000_000);
        let mut profile = paced(0);
        profile.paced = profile.pace(before).expect("it is the first");
        assert!(profile.pace(TimeMs(before.0 - 1_000_000_000)).is_some());
    }
}
