//! A real file system that forgets: ext4 on a loop device, shut down by force without flushing its journal.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shim::compile;

const SHUTDOWN_C: &str = include_str!("../shim/ext4_shutdown.c");
/// Size of the file system. Source: a minute of torture writes some 100 MB; the file is sparse.
const IMAGE_BYTES: u64 = 2 << 30;

/// A mounted loop image; dropped, it is unmounted.
#[derive(Debug)]
pub struct Ext4 {
    image: PathBuf,
    mountpoint: PathBuf,
    shutdown: PathBuf,
}

impl Ext4 {
    /// Makes and mounts the file system in `dir`, and proves once that a forced shutdown works.
    ///
    /// # Errors
    /// When the machine does not allow it; the text says why.
    pub fn prepare(dir: &Path) -> io::Result<Ext4> {
        fs::create_dir_all(dir)?;
        let ext4 = Ext4 {
            image: dir.join("disk.img"),
            mountpoint: dir.join("mnt"),
            shutdown: dir.join("ext4_shutdown"),
        };
        compile(dir, "ext4_shutdown", SHUTDOWN_C, &[], &ext4.shutdown)?;
        File::create(&ext4.image)?.set_len(IMAGE_BYTES)?;
        fs::create_dir_all(&ext4.mountpoint)?;
        run(Command::new("mkfs.ext4").arg("-q").arg(&ext4.image))?;
        ext4.mount()?;
        ext4.forgets()?;
        Ok(ext4)
    }

    /// The directory for the server's data.
    pub fn data(&self) -> PathBuf {
        self.mountpoint.join("data")
    }

    /// Cuts the power: from here on nothing reaches the disk.
    ///
    /// # Errors
    /// When the shutdown is refused.
    pub fn cut(&self) -> io::Result<()> {
        run(Command::new(&self.shutdown).arg(&self.mountpoint))
    }

    /// Switches the power on again. No process may have files open there.
    ///
    /// # Errors
    /// When the file system cannot be mounted again.
    pub fn restore(&self) -> io::Result<()> {
        run(Command::new("umount").arg(&self.mountpoint))?;
        self.mount()
    }

    fn mount(&self) -> io::Result<()> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mountpoint))
    }

    /// A file system that keeps an unsynced file through the cut would prove nothing.
    fn forgets(&self) -> io::Result<()> {
        let (synced, unsynced) = (self.mountpoint.join("synced"), self.mountpoint.join("unsynced"));
        let mut file = File::create(&synced)?;
        io::Write::write_all(&mut file, b"kept")?;
        file.sync_all()?;
        File::open(&self.mountpoint)?.sync_all()?;
        fs::write(&unsynced, b"lost")?;
        drop(file);
        self.cut()?;
        self.restore()?;
        if fs::read(&synced)? != b"kept" || fs::read(&unsynced).is_ok_and(|bytes| bytes == b"lost") {
            return Err(io::Error::other("the forced shutdown does not forget what was not synced"));
        }
        fs::remove_file(&synced)
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        // Fails only when it was never mounted.
        let _ = Command::new("umount").arg("-q").arg(&self.mountpoint).output();
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| io::Error::other(format!("{name}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{name}: {}", text.trim().replace('\n', "; "))))
}
