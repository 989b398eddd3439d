//! What the operator of the server does in a run, by the commands of the server's own program.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::server::Launch;

/// How long provisioning may take.
const PROVISION_TIMEOUT: Duration = Duration::from_secs(60);
/// How old a figure may be that the server shows. Source: it looks at what waits once a second.
const FIGURE_AGE: Duration = Duration::from_millis(1500);
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

    /// Erases a user, named by the id.
    ///
    /// # Errors
    /// As [`Launch::end_device`].
    pub fn erase(&self, user_id: &str) -> io::Result<()> {
        let mut command = self.admin("erase");
        command.args([user_id, "--yes-erase"]);
        end_well(command, "", COMMAND_TIMEOUT)
    }

    /// Whether nothing of an erased user is left, as the operator is told. What cannot be asked is not known to be so.
    pub fn is_all_erased(&self, user_id: &str) -> bool {
        let mut command = Command::new(&self.binary);
        command.args(["explain", "user", user_id, "--operator", &self.operator_url()]);
        let said = command.arg("--data").arg(&self.data).stdin(Stdio::null()).output();
        said.is_ok_and(|said| {
            String::from_utf8_lossy(&said.stdout).contains("nothing that the user wrote is left")
        })
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

    /// Entries of groups that have not come to all of their members yet, as the operator's page of figures says.
    ///
    /// # Errors
    /// When the server does not answer, or has no such figure.
    pub fn entries_waiting(&self) -> io::Result<u64> {
        self.figure("group_entries_waiting")
    }

    /// Inboxes that steps of fan-outs have written to since the start.
    ///
    /// # Errors
    /// As [`Launch::entries_waiting`].
    pub fn pointers_by_steps(&self) -> io::Result<u64> {
        self.figure("group_pointers_total{by=\"step\"}")
    }

    /// Waits until every entry of every group has come to all of its members.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn wait_expanded(&self, timeout: Duration) -> io::Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            // The figure is as old as that at most.
            thread::sleep(FIGURE_AGE);
            if self.entries_waiting()? == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("fan-outs were not done within {timeout:?}")));
            }
        }
    }

    fn figure(&self, name: &str) -> io::Result<u64> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.operator_port))?;
        connection.set_read_timeout(Some(COMMAND_TIMEOUT))?;
        connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        connection.read_to_string(&mut page)?;
        let values = page.lines().filter(|line| !line.starts_with('#') && line.contains(name));
        let value = values.filter_map(|line| line.split(' ').next_back()?.parse::<f64>().ok()).next();
        value.map(|value| value as u64).ok_or_else(|| io::Error::other(format!("no figure {name}")))
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
