//! Compiles the C programs of the crash tests and sets a command up to run under the recording shim.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

const POWERCUT_C: &str = include_str!("../shim/powercut.c");

/// The compiled recorder.
#[derive(Debug)]
pub struct Shim {
    library: PathBuf,
}

impl Shim {
    /// Compiles the recorder into `dir` with the machine's C compiler.
    ///
    /// # Errors
    /// When there is no `cc`, or it refuses the source.
    pub fn compile(dir: &Path) -> io::Result<Shim> {
        let library = dir.join("powercut.so");
        compile(dir, "powercut", POWERCUT_C, &["-shared", "-fPIC"], &library)?;
        Ok(Shim { library })
    }

    /// Makes `command` run under the recorder: changes below `root` go to `trace`, which must lie elsewhere. Each sync
    /// takes a random time up to `sync_delay_us` longer.
    pub fn record(&self, command: &mut Command, root: &Path, trace: &Path, sync_delay_us: u32) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("POWERCUT_ROOT", root)
            .env("POWERCUT_TRACE", trace)
            .env("POWERCUT_SYNC_DELAY_US", sync_delay_us.to_string());
    }
}

/// Compiles one C source.
///
/// # Errors
/// When there is no `cc`, or it refuses the source; the text holds what it said.
pub fn compile(dir: &Path, name: &str, source: &str, flags: &[&str], output: &Path) -> io::Result<()> {
    let path = dir.join(format!("{name}.c"));
    fs::write(&path, source)?;
    let mut command = Command::new("cc");
    command.args(flags).args(["-O2", "-Wall", "-o"]).arg(output).arg(&path).args(["-ldl", "-lpthread"]);
    let result = command.output()?;
    if result.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("cc {name}.c: {}", String::from_utf8_lossy(&result.stderr))))
}
