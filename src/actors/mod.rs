//! Actors: shells that convert, decide and perform.
