//! Compiles `protocol/highwater.proto` to Rust types and their JSON twins, without protoc.

use std::{env, error::Error, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let proto = "../../protocol/highwater.proto";
    println!("cargo:rerun-if-changed={proto}");
    let descriptors = protox::compile([proto], ["../../protocol"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    prost_build::Config::new().bytes(["."]).compile_fds(descriptors.clone())?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptors.encode_to_vec())?
        .ignore_unknown_fields()
        .out_dir(out)
        .build(&[".highwater.v1"])?;
    Ok(())
}
