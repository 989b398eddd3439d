//! Compiles `protocol/highwater.proto` to Rust types and their JSON twins, without protoc.

use std::{env, error::Error, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let proto = "../../protocol/highwater.proto";
    println!("cargo:rerun-if-changed={proto}");
    let descriptors = protox::compile([proto], ["../../protocol"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    // The generator leaves them out where a list of messages is inside, though nothing in it lacks them.
    const WHOLE: &str = "#[derive(Eq, Hash)]";
    config.message_attribute(".highwater.v1.Notice", WHOLE).message_attribute(".highwater.v1.Entry", WHOLE);
    config.enum_attribute(".highwater.v1.Entry.content", WHOLE);
    config.compile_fds(descriptors.clone())?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptors.encode_to_vec())?
        .ignore_unknown_fields()
        .out_dir(out)
        .build(&[".highwater.v1"])?;
    Ok(())
}
