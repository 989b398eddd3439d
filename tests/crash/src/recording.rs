//! A data directory under the recording shim: what the disk holds is known after every death of the server.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use rand::Rng;

use crate::{
    disk::Disk,
    images::{Image, Policy},
    shim::Shim,
    trace::TraceReader,
};

/// The recorded data directory.
#[derive(Debug)]
pub struct Recording {
    shim: Shim,
    data: PathBuf,
    dir: PathBuf,
    disk: Disk,
    reader: TraceReader,
    cuts: u32,
    /// Keep the directory of before each cut, and its trace.
    keep: bool,
}

impl Recording {
    /// Begins with an empty `data`, which is created. Traces lie in `dir`.
    ///
    /// # Errors
    /// When the shim cannot be compiled or a directory cannot be made.
    pub fn begin(data: &Path, dir: &Path, keep: bool) -> io::Result<Recording> {
        fs::create_dir_all(dir)?;
        fs::create_dir(data)?;
        Ok(Recording {
            shim: Shim::compile(dir)?,
            data: data.to_owned(),
            dir: dir.to_owned(),
            disk: Disk::empty(),
            reader: TraceReader::new(&trace_path(dir, 0)),
            cuts: 0,
            keep,
        })
    }

    /// Makes a server that is about to start write the trace. Its syncs take up to `sync_delay_us` longer.
    pub fn prepare(&self, command: &mut Command, sync_delay_us: u32) {
        let trace = trace_path(&self.dir, self.cuts);
        self.shim.record(command, &self.data, &trace, sync_delay_us);
    }

    /// Follows the trace after a server has ended, and compares with the real directory. Returns what the trace did
    /// not show: nothing after an orderly end, calls in flight after a kill.
    ///
    /// # Errors
    /// When the trace cannot be followed, or shows that the shim does not see everything.
    pub fn server_ended(&mut self) -> io::Result<Vec<String>> {
        let disk = &mut self.disk;
        self.reader.read_new(|record| disk.apply(record))?;
        self.disk.settle(&self.data)
    }

    /// Replaces the data directory by what a power cut leaves of it, and begins a new trace. The server is dead and
    /// [`Recording::server_ended`] was called. Returns how many changes were at stake.
    ///
    /// # Errors
    /// When the image cannot be written.
    pub fn cut(&mut self, policy: Policy, rng: &mut impl Rng) -> io::Result<usize> {
        let at_stake = self.disk.pending_count();
        let image = Image::after_power_cut(&self.disk, policy, rng);
        let fresh = self.dir.join("image");
        fs::create_dir(&fresh)?;
        image.write_to(&fresh, &self.data)?;
        fs::set_permissions(&fresh, fs::metadata(&self.data)?.permissions())?;
        let before = self.dir.join(format!("before-cut-{}", self.cuts));
        fs::rename(&self.data, &before)?;
        fs::rename(&fresh, &self.data)?;
        if !self.keep {
            fs::remove_dir_all(&before)?;
            fs::remove_file(trace_path(&self.dir, self.cuts))?;
        }
        self.cuts += 1;
        self.disk = Disk::load(&self.data)?;
        self.reader = TraceReader::new(&trace_path(&self.dir, self.cuts));
        Ok(at_stake)
    }
}

fn trace_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("trace-{number}"))
}
