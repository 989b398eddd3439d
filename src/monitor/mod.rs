//! Counting: numeric ids, minute points, exposition.
