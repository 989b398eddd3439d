//! What the operator of the server does in a run, by the commands of the server's own program.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::server::Launch;

/// How long provisioning may take.
const PROVISION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long any other command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

impl Launch {
    /// Makes accounts; their tokens are in `out` then.
    ///
    /// # Errors
    /// When the command fails or takes too long.
    pub fn provision(&self, users: usize, devices: usize, out: &Path) -> io::Result<()> {
        let mut command = self.admin("provision");
        command.args(["--users", &users.to_string(), "--devices", &devices.to_string()]);
        command.arg("--out").arg(out);
        end_well(command, "", PROVISION_TIMEOUT)
    }

    /// Ends a device.
    ///
    /// # Errors
    /// When the command fails or takes too long: then nobody knows whether it was done.
    pub fn end_device(&self, user: &str, device: &str) -> io::Result<()> {
        let mut command = self.admin("end-device");
        command.args([user, device]);
        end_well(command, "", COMMAND_TIMEOUT)
    }

    /// Sets the password of a user, whose devices stay.
    ///
    /// # Errors
    /// As [`Launch::end_device`].
    pub fn set_password(&self, user: &str, password: &str) -> io::Result<()> {
        let mut command = self.admin("set-password");
        command.args([user, "--keep-devices"]);
        end_well(command, password, COMMAND_TIMEOUT)
    }

    fn admin(&self, what: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["admin", what, "--operator", &self.operator_url()]);
        command.arg("--data").arg(&self.data);
        command
    }
}

/// Runs a command to its good end.
fn end_well(mut command: Command, input: &str, timeout: Duration) -> io::Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A command that wants no input has closed its end, maybe.
    let _ = writeln!(stdin, "{input}");
    drop(stdin);
    let deadline = Instant::now() + timeout;
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("{command:?} ended with {status}"))),
            None if Instant::now() > deadline => {
                child.kill()?;
                child.wait()?;
                return Err(io::Error::other(format!("{command:?} took longer than {timeout:?}")));
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}
