//! persistence
pub mod commit;
pub mod open;
#[cfg(feature = "seeded-bugs")]
pub mod seeded_bugs;
