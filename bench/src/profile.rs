//! Where the server's time goes, for rows that were missed: perf where it is installed, else CPU by thread.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::process_figures;

/// How long is sampled.
const SAMPLED: Duration = Duration::from_secs(5);

/// Samples per second and core. Source: not a divisor of the server's own periods.
const FREQUENCY: &str = "499";

/// Looks at a process for some seconds and writes what it did to a file. Answers the file.
///
/// # Errors
/// When neither way works.
pub fn record(pid: u32, file: &Path) -> io::Result<PathBuf> {
    let before = process_figures::cpu_s_by_thread(pid)?;
    let perf = perf(pid, file);
    if perf.is_err() {
        thread::sleep(SAMPLED);
    }
    let after = process_figures::cpu_s_by_thread(pid)?;
    let mut text = String::from("CPU seconds by thread while this was recorded:\n");
    for (name, cpu_s) in after {
        let used_s = cpu_s - before.get(&name).copied().unwrap_or_default();
        text += &format!("{used_s:8.2}  {name}\n");
    }
    match perf {
        Ok(report) => text += &format!("\n{report}"),
        Err(error) => text += &format!("\nno profile by function: {error}\n"),
    }
    fs::write(file, text)?;
    Ok(file.to_path_buf())
}

fn perf(pid: u32, file: &Path) -> io::Result<String> {
    let samples = file.with_extension("perf");
    let mut record = Command::new("perf");
    record.args(["record", "-q", "-F", FREQUENCY, "-p", &pid.to_string(), "-o"]).arg(&samples);
    record.args(["--", "sleep", &SAMPLED.as_secs().to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    if !record.status()?.success() {
        return Err(io::Error::other("perf could not record"));
    }
    let reports =
        [reported(&samples, "pid,dso"), reported(&samples, "pid,dso,symbol"), reported(&samples, "symbol")];
    fs::remove_file(&samples)?;
    Ok(reports.into_iter().collect::<io::Result<Vec<_>>>()?.join("\n"))
}

/// Shares of the samples by some keys, one line each.
fn reported(samples: &Path, keys: &str) -> io::Result<String> {
    let mut report = Command::new("perf");
    report.args(["report", "--stdio", "--no-children", "--percent-limit", "0.5", "--sort", keys, "-i"]);
    let output = report.arg(samples).stderr(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(io::Error::other("perf could not report what it recorded"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    // Columns are padded to the longest name of a symbol, which is very long.
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = words.map(|line| format!("{}\n", line.trim_end_matches(" - -")));
    Ok(format!("by {keys}:\n{}", lines.collect::<String>()))
}
