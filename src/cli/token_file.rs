//! A file of device tokens, or of a user's data: readable by its owner alone, and under its name only when it is complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Tokens are as good as passwords.
const FILE_MODE: u32 = 0o600;

/// Being written, under a temporary name beside the final one.
pub struct TokenFile {
    file: BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
}

impl TokenFile {
    /// Begins the file that will be `path`.
    ///
    /// # Errors
    /// When the temporary file exists or cannot be made.
    pub fn create(path: &Path) -> io::Result<TokenFile> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let temporary = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temporary)?;
        Ok(TokenFile { file: BufWriter::new(file), temporary, path: path.to_path_buf() })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())?;
        self.file.write_all(b"\n")
    }

    /// Adds everything that can be read.
    ///
    /// # Errors
    /// When it cannot be read to its end, or not be written.
    pub fn copy(&mut self, from: &mut impl io::Read) -> io::Result<u64> {
        io::copy(from, &mut self.file)
    }

    /// Gives the file its name, replacing one that has it. On disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written, synced or renamed.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Gives up: the tokens so far are kept under the temporary name that is answered, because nobody can get them
    /// again; `None` if there are none.
    pub fn give_up(mut self) -> Option<PathBuf> {
        // What could not be flushed is lost with the fault that is reported already.
        let _ = self.file.flush();
        let holds_some = self.file.get_ref().metadata().is_ok_and(|metadata| metadata.len() > 0);
        if holds_some {
            return Some(self.temporary);
        }
        let _ = fs::remove_file(&self.temporary);
        None
    }
}
