//! Instructions of a server: it runs under valgrind, which counts those outside the kernel, and which is told when to begin.
//!
//! One thread runs at a time and each is many times slower, so rates and times say nothing then; but how many instructions
//! a message takes does not depend on what else the machine does.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Starts servers under valgrind, and reads what it counted.
#[derive(Debug, Clone)]
pub struct Counter {
    directory: PathBuf,
}

impl Counter {
    /// Nothing where valgrind is not installed. Its notes are put into a directory.
    #[must_use]
    pub fn here(directory: &Path) -> Option<Counter> {
        let answers = |program: &str| {
            let mut command = Command::new(program);
            command.arg("--help").stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        (answers("valgrind") && answers("vgdb")).then(|| Counter { directory: directory.to_path_buf() })
    }

    /// What stands before the command of a server; nothing is counted yet.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let notes = self.directory.join("instructions-%p.log");
        let arguments =
            ["--tool=callgrind", "--instr-atstart=no", "--fair-sched=yes", "--callgrind-out-file=/dev/null"];
        let mut command = vec!["valgrind".to_owned()];
        command.extend(arguments.map(str::to_owned));
        command.push(format!("--log-file={}", notes.display()));
        command
    }

    /// From now on the instructions of a server are counted.
    ///
    /// # Errors
    /// When it cannot be told so.
    pub fn begin(&self, pid: u32) -> io::Result<()> {
        let mut command = Command::new("vgdb");
        command.arg(format!("--pid={pid}")).args(["instrumentation", "on"]);
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("valgrind does not begin to count: {text}")))
    }

    /// How many it were, of a server that has ended.
    ///
    /// # Errors
    /// When there is no such note.
    pub fn counted(&self, pid: u32) -> io::Result<u64> {
        let file = self.directory.join(format!("instructions-{pid}.log"));
        let notes = fs::read_to_string(&file)?;
        fs::remove_file(&file)?;
        collected(&notes).ok_or_else(|| io::Error::other(format!("no count in {notes:?}")))
    }
}

/// Of `==12== Collected : 345`.
fn collected(notes: &str) -> Option<u64> {
    let line = notes.lines().rev().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_the_last_that_was_noted() {
        assert_eq!(
            collected("==1== Events    : Ir\n==1== Collected : 3\n==1== Collected : 1234\n==1==\n"),
            Some(1234)
        );
        assert_eq!(collected("==1== nothing\n"), None);
    }
}
