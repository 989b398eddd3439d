//! Where cargo puts the example programs that the tests run.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::PathBuf;

/// The path of an example, which `cargo test` has built.
pub fn path(name: &str) -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_highwater-torture"));
    let path = binary.parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built", path.display());
    path
}
