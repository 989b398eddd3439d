//! The machine: which cores serve and which load, what kind of file system the data lies on, and its name for the
//! record.

use std::{fs, io, path::Path, thread};

use rustix::{
    fs::statfs,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// Cores of the server. Source: the works are defined with two.
const SERVER_CORES: [usize; 2] = [0, 1];

/// Threads of the load when it has no cores of its own.
const LANES_UNPINNED: usize = 2;

/// File systems that keep nothing: a sync on them means nothing. Source: linux/magic.h.
const NOT_ON_DISK: [(i64, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];

/// Other kinds by name.
const ON_DISK: [(i64, &str); 5] = [
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x2fc1_2fc1, "zfs"),
    (0x794c_7630, "overlayfs"),
];

/// Who runs where.
#[derive(Debug, Clone)]
pub struct Cores {
    /// Empty when the machine has too few to part.
    load: Vec<usize>,
    all: usize,
}

impl Cores {
    /// Two for the server and the others for the load, when there are at least four.
    #[must_use]
    pub fn of_this_machine() -> Cores {
        let allowed =
            sched_getaffinity(None).map(|set| (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect());
        let allowed: Vec<usize> = allowed.unwrap_or_default();
        let parted = allowed.len() >= 4 && SERVER_CORES.iter().all(|core| allowed.contains(core));
        let load = allowed.iter().copied().filter(|core| parted && !SERVER_CORES.contains(core)).collect();
        Cores { load, all: allowed.len().max(1) }
    }

    /// Threads that the load runs on.
    #[must_use]
    pub fn load_lanes(&self) -> usize {
        if self.load.is_empty() { LANES_UNPINNED } else { self.load.len().min(4) }
    }

    /// Moves this thread, and what it starts from now on, to the server's cores.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn take_for_server(&self) -> io::Result<()> {
        if self.load.is_empty() { Ok(()) } else { pin(&SERVER_CORES) }
    }

    /// Moves this thread, and what it starts from now on, to the load's cores.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn take_for_load(&self) -> io::Result<()> {
        if self.load.is_empty() { Ok(()) } else { pin(&self.load) }
    }

    /// For a column of the table.
    #[must_use]
    pub fn short(&self) -> String {
        if self.load.is_empty() { format!("unpinned, {}", self.all) } else { format!("2 of {}", self.all) }
    }

    /// For people.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.load.is_empty() {
            return format!(
                "{} cores are too few to part: server and load run unpinned, beside each other",
                self.all
            );
        }
        format!("server pinned to cores {SERVER_CORES:?}, load to {:?}", self.load)
    }
}

/// The kind of the file system of a directory.
///
/// # Errors
/// When it is one that keeps nothing, by name, or cannot be told.
pub fn file_system(directory: &Path) -> io::Result<String> {
    let kind = statfs(directory)?.f_type as i64;
    if let Some((_, name)) = NOT_ON_DISK.iter().find(|(number, _)| *number == kind) {
        let text = format!(
            "{} is on {name}, where a sync costs nothing: name another directory",
            directory.display()
        );
        return Err(io::Error::other(text));
    }
    let known = ON_DISK.iter().find(|(number, _)| *number == kind);
    Ok(known.map_or_else(|| format!("file system {kind:#x}"), |(_, name)| (*name).to_owned()))
}

/// Processor, kernel, and how busy it is, for the record.
#[must_use]
pub fn description() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let memory_kb: u64 =
        field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{} cores, {}, {} GiB, Linux {}, load average before the run {}",
        thread::available_parallelism().map_or(0, std::num::NonZero::get),
        field("/proc/cpuinfo", "model name"),
        memory_kb.div_ceil(1024 * 1024),
        kernel.trim(),
        load.split(' ').next().unwrap_or_default(),
    )
}

fn pin(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|&core| set.set(core));
    Ok(sched_setaffinity(None, &set)?)
}
