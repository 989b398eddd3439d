//! For how long messages are kept in the log of their conversation, after they have left the inboxes.

use std::fmt;

use super::limits::BODIES_DAYS_MAX;

/// The policy. Whatever it is, a message that lies above the floor of a member's inbox is kept, and so is what stands
/// in one chunk with the newest message of its conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bodies {
    /// For good.
    #[default]
    Forever,
    /// For so many days of observed time.
    Days(u16),
    /// Until it lies below the floors of all members: every lineage that was live has handed it back, or it is past the
    /// retention of inboxes.
    UntilDelivered,
}

impl Bodies {
    /// The policy of a name, written exactly as it is shown.
    #[must_use]
    pub fn named(name: &str) -> Option<Bodies> {
        let policy = match name.strip_prefix("days:") {
            Some(days) => {
                Bodies::Days(days.parse().ok().filter(|days| (1..=BODIES_DAYS_MAX).contains(days))?)
            }
            None => {
                [Bodies::Forever, Bodies::UntilDelivered].into_iter().find(|one| one.to_string() == name)?
            }
        };
        (policy.to_string() == name).then_some(policy)
    }

    /// How old a message has to be, milliseconds, where that matters.
    #[must_use]
    pub fn retention_ms(self) -> Option<i64> {
        match self {
            Bodies::Days(days) => Some(i64::from(days) * 24 * 60 * 60 * 1000),
            Bodies::Forever | Bodies::UntilDelivered => None,
        }
    }
}

impl fmt::Display for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bodies::Forever => f.write_str("forever"),
            Bodies::Days(days) => write!(f, "days:{days}"),
            Bodies::UntilDelivered => f.write_str("until_delivered"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_named_as_it_is_shown_and_in_no_other_way() {
        for policy in [
            Bodies::Forever,
            Bodies::Days(1),
            Bodies::Days(30),
            Bodies::Days(BODIES_DAYS_MAX),
            Bodies::UntilDelivered,
        ] {
            assert_eq!(Bodies::named(&policy.to_string()), Some(policy));
        }
        for wrong in
            ["", "Forever", "days", "days:", "days:0", "days:+7", "days:07", "days:3651", "days:-1", "7"]
        {
            assert_eq!(Bodies::named(wrong), None, "{wrong}");
        }
    }
}
