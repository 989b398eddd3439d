//! A disk whose syncs can be made slow under a running server. Skipped by name where there is no C compiler.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use super::{Home, Server, temp_dir::TempDir};

/// See the module.
pub struct SlowDisk {
    directory: TempDir,
    library: PathBuf,
}

impl SlowDisk {
    /// Nothing where the library cannot be built, and why.
    pub fn new() -> Result<SlowDisk, String> {
        let directory = TempDir::new();
        let library = directory.path().join("slow_sync.so");
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/slow_sync.c");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
        command.arg("-ldl").stdin(Stdio::null());
        let output = command.output().map_err(|error| format!("cc: {error}"))?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(SlowDisk { directory, library })
    }

    /// Starts a server on it.
    pub fn start(&self, home: &Home) -> Server {
        let mut command = home.command();
        command.env("LD_PRELOAD", &self.library).env("SLOW_SYNC_FILE", self.switch());
        home.start_command(command)
    }

    /// From now on every sync takes so much longer.
    pub fn slow_down(&self, by: Duration) {
        let written = self.directory.path().join("next");
        std::fs::write(&written, by.as_millis().to_string()).unwrap();
        std::fs::rename(written, self.switch()).unwrap();
    }

    /// From now on it is quick again.
    pub fn recover(&self) {
        std::fs::remove_file(self.switch()).unwrap();
    }

    fn switch(&self) -> PathBuf {
        self.directory.path().join("milliseconds")
    }
}
