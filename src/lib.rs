//! Highwater: a chat backend in one binary.
