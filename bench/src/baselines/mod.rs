//! What the machine itself does, measured in the same run: without it a figure says nothing.

pub mod echo;
pub mod raw_append;
