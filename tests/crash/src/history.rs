//! Lines of the history that the checker judges: one file per life of a process, one write per line.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Mutex,
};

use serde_json::Value;

/// CLOCK_MONOTONIC, nanoseconds: one clock for all processes of the machine.
pub fn mono_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Appends lines to one file. Nothing is held back in memory: what was written is there however the process ends.
#[derive(Debug)]
pub struct History {
    file: Mutex<File>,
}

impl History {
    /// Creates the file, which must not exist.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> io::Result<History> {
        Ok(History { file: Mutex::new(File::create_new(path)?) })
    }

    /// Writes one line; `fields` is a JSON object, to which the time is added.
    ///
    /// # Panics
    /// When the file cannot be written: a history with holes must not be judged.
    pub fn write(&self, fields: Value) {
        self.write_at(mono_ns(), fields);
    }

    /// As [`History::write`], for something that happened at `t_ns`.
    ///
    /// # Panics
    /// As [`History::write`].
    pub fn write_at(&self, t_ns: u64, mut fields: Value) {
        fields["t"] = t_ns.into();
        let line = format!("{fields}\n");
        let mut file = self.file.lock().expect("no writer panics while it holds the lock");
        file.write_all(line.as_bytes()).expect("the history can be written");
    }

    /// Writes a line of the driver.
    pub fn nemesis(&self, op: &str) {
        self.write(serde_json::json!({ "kind": "nemesis", "op": op }));
    }
}
