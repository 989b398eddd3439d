//! What the kernel says about the server's process: CPU time, memory, and where among its threads the time went.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

/// Clock ticks per second in /proc. Source: USER_HZ, 100 on every Linux of our architectures.
const TICKS_PER_S: f64 = 100.0;

/// CPU seconds of a process since its start, in user and in kernel mode together.
///
/// # Errors
/// When the process is gone.
pub fn cpu_s(pid: u32) -> io::Result<f64> {
    stat_cpu_s(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
}

/// Resident memory of a process, bytes.
///
/// # Errors
/// When the process is gone.
pub fn resident_bytes(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.ok_or_else(|| io::Error::other("no VmRSS"))? * 1024)
}

/// Bytes that a process had the kernel write to a disk.
///
/// # Errors
/// When the process is gone.
pub fn written_bytes(pid: u32) -> io::Result<u64> {
    let figures = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = figures.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    let bytes = line.and_then(|rest| rest.trim().parse::<u64>().ok());
    bytes.ok_or_else(|| io::Error::other("no write_bytes"))
}

/// Resident memory by kind, as the kernel tells it, for people.
///
/// # Errors
/// When the process is gone.
pub fn memory_kinds(pid: u32) -> io::Result<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kinds = ["VmRSS:", "RssAnon:", "RssFile:", "VmHWM:"];
    let lines = status.lines().filter(|line| kinds.iter().any(|kind| line.starts_with(kind)));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(words.collect::<Vec<_>>().join(", "))
}

/// CPU seconds by thread, named by its name and its number in the order of their starts: names are often the same.
///
/// # Errors
/// When the process is gone.
pub fn cpu_s_by_thread(pid: u32) -> io::Result<BTreeMap<String, f64>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))?;
    let tasks = tasks.map(|task| Ok(task?.file_name().to_string_lossy().parse::<u32>().unwrap_or_default()));
    let mut tasks: Vec<u32> = tasks.collect::<io::Result<_>>()?;
    tasks.sort_unstable();
    let mut all = BTreeMap::new();
    for tid in tasks {
        let path = PathBuf::from(format!("/proc/{pid}/task/{tid}"));
        // A thread may end while it is looked at.
        let (Ok(name), Ok(stat)) =
            (fs::read_to_string(path.join("comm")), fs::read_to_string(path.join("stat")))
        else {
            continue;
        };
        all.insert(format!("{} #{}", name.trim(), tid.saturating_sub(pid)), stat_cpu_s(&stat)?);
    }
    Ok(all)
}

fn stat_cpu_s(stat: &str) -> io::Result<f64> {
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or_default());
    let ticks: Vec<u64> = ticks.collect();
    if ticks.len() < 2 {
        return Err(io::Error::other("/proc has another form than expected"));
    }
    Ok(ticks.iter().sum::<u64>() as f64 / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn time_is_found_behind_a_name_that_misleads() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194304 100 0 0 0 250 150 0 0 20 0 9 0 1000 1 1";
        assert_eq!(stat_cpu_s(stat).unwrap(), 4.0);
    }

    #[test]
    fn this_process_has_memory_and_a_thread() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 100_000);
        assert!(!cpu_s_by_thread(pid).unwrap().is_empty());
    }
}
