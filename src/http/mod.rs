//! The two HTTP ports.
