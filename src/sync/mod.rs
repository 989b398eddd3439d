//! Pure synchronisation: snapshots, marks, and the page that continues one. Knows no disk, no clock, no actors.

pub mod compare;
mod floors;
pub mod followed_here;
#[cfg(test)]
mod followed_here_tests;
pub mod kinds;
pub mod levels;
#[cfg(test)]
mod levels_tests;
pub mod locale;
pub mod lost_future;
#[cfg(test)]
mod lost_future_tests;
pub mod marks;
pub mod names;
mod notices;
#[cfg(test)]
mod owed_items_tests;
pub mod page;
pub mod progress;
pub mod push_chain;
pub mod render;
pub mod snapshot;

pub use compare::{Difference, Held, Whole, compare};
pub use followed_here::{FollowedHere, Presence, Stay};
pub use kinds::Kinds;
pub use levels::{LEVELS, Rendering};
pub use locale::Locale;
pub use lost_future::{Kept, Valid};
pub use marks::{Lifeline, Marks, RunName, ValidList};
pub use names::Names;
pub use page::{Messages, Page, PageLimits, Passed, Source};
pub use progress::{Course, Progress};
pub use push_chain::{Followed, Issued, News, PushChain};
pub use snapshot::{Chain, SnapshotKey};
