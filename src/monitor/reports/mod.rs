//! Reports: what was counted in a day or a week, beside the period before it.
//!
//! `figures` says what is told, `gathered` adds it up from stored points, `report` compares two periods, and `text`, `html`
//! and `pictures` are three ways to show that. Nothing here reads a clock or a disk: the same points give the same report.

pub mod figures;
pub mod gathered;
pub mod html;
pub mod pictures;
pub mod report;
pub mod text;

pub use gathered::Gathered;
pub use html::html;
pub use pictures::{Picture, pictures};
pub use report::{Report, Told};
pub use text::text;

#[cfg(test)]
mod tests;
