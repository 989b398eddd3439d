//! pure sync
