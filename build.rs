//! Says when the crate is to be compiled anew beside its own sources: when the operator's pages were built, which `make` does
//! and cargo never.

use std::path::Path;

fn main() {
    let dist = Path::new("web/operator/dist");
    // Of a directory that is not there cargo would think that it changed each time.
    let watched = if dist.is_dir() { dist } else { Path::new("web/operator") };
    println!("cargo::rerun-if-changed={}", watched.display());
}
