//! The stretch of minutes that a page or an answer shows.

use super::minutes::{DAY_MINUTES, Minute};
use crate::model::TimeMs;

/// How far back a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Window {
    /// The last 60 complete minutes.
    #[default]
    Hour,
    /// The last 1,440 complete minutes.
    Day,
}

impl Window {
    /// The window of a query parameter: `hour` or `day`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Window> {
        [Window::Hour, Window::Day].into_iter().find(|window| window.name() == name)
    }

    /// The name in a query parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Window::Hour => "hour",
            Window::Day => "day",
        }
    }

    /// The minutes of the window, oldest first, ending with the last that is complete.
    #[must_use]
    pub fn minutes(self, now: TimeMs) -> std::ops::Range<i64> {
        let end = Minute::of(now).0;
        let length = match self {
            Window::Hour => 60,
            Window::Day => DAY_MINUTES,
        };
        end.saturating_sub(length)..end
    }
}
