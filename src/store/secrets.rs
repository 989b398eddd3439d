//! What a server must keep to itself, in files of its data directory, made at the first start.
//!
//! `secrets/` is for its owner alone, and so is each file in it; a server whose secrets others can read does not start.
//! Each file appears whole or not at all. Beside them, with the same care, stands the store's id: no secret, but as
//! hard to replace. Once there is a store, a missing file is never made anew: the new one would not fit.
//!
//! The caller holds the lock of the data directory.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Directory of the secrets in the data directory.
pub const SECRETS_DIRECTORY: &str = "secrets";
/// The store's id in the data directory: 16 bytes in base64url.
pub const STORE_ID_FILE: &str = "store.id";
/// Number and key of the snapshots: the number, a space, 32 bytes in base64url.
pub const SNAPSHOT_KEY_FILE: &str = "snapshot.key";
/// The operator's token.
pub const OPERATOR_TOKEN_FILE: &str = "operator.token";
/// The one-time token with which the first operator shows that the machine is theirs; removed when it was used.
pub const SETUP_TOKEN_FILE: &str = "setup.token";

/// Bytes of chance in a token: 43 characters. Source: security baseline, opaque 256-bit tokens.
const TOKEN_BYTES: usize = 32;
/// What the token of every operator begins with, also of those who have a name.
pub const OPERATOR_TOKEN_PREFIX: &str = "hwo_";
const SETUP_TOKEN_PREFIX: &str = "hws_";
/// Number of the first snapshot key.
const FIRST_KEY_ID: u8 = 1;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Rights of group and others: none of them may be there.
const FOREIGN_RIGHTS: u32 = 0o077;
/// Bytes read of a file; a longer one is malformed.
const FILE_BYTES_MAX: u64 = 256;

/// Secrets of a server and the id of its store.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Ties logs, index and snapshots together; no secret.
    pub store_id: [u8; 16],
    /// Number of `snapshot_key`, in the head of each snapshot.
    pub snapshot_key_id: u8,
    /// Key under which snapshots are sealed.
    pub snapshot_key: [u8; 32],
    /// Opens the operator's port: `hwo_` and 43 characters.
    pub operator_token: String,
    /// `hws_` and 43 characters; `None` once it was used.
    pub setup_token: Option<String>,
}

/// Whether files were made: true at the first start.
pub type Created = bool;

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretsFault {
    /// Group or others have rights.
    #[error("{} has mode {mode:03o}, so others than its owner may reach it: run `chmod {right:o} {}`", path.display(), path.display())]
    Mode {
        /// File or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        right: u32,
    },
    /// The store is there, this file is not.
    #[error("{} is missing, but the data directory holds a store: restore it from a backup; it is not made anew, because {loss}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What a new one would break.
        loss: &'static str,
    },
    /// The content is not what the file is for. It is not shown.
    #[error("{} does not hold what it should ({expected}): restore it from a backup", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The operating system refused.
    #[error("{} cannot be {call}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What was tried, as a participle.
        call: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Secrets {
    /// Reads the files in `directory`, the data directory, which has to exist; without a store, makes those that are
    /// not there. All that were made are on disk when this returns; stopped in between, the next call goes on.
    ///
    /// `store_exists`: there is a log. `random` fills a slice with unpredictable bytes.
    ///
    /// # Errors
    /// [`SecretsFault`], naming the file and what to do.
    pub fn load_or_create(
        directory: &Path,
        store_exists: bool,
        random: &dyn Fn(&mut [u8]),
    ) -> Result<(Secrets, Created), SecretsFault> {
        let folder = directory.join(SECRETS_DIRECTORY);
        if !store_exists {
            make_directory(&folder)?;
        }
        check_directory(&folder)?;
        let mut loading = Loading { store_exists, random, created: false };
        let snapshot_key = loading.file(&folder, &SNAPSHOT_KEY)?;
        let operator_token = loading.file(&folder, &OPERATOR_TOKEN)?;
        let setup_token = match loading.file(&folder, &SETUP_TOKEN) {
            Ok(token) => Some(token),
            Err(SecretsFault::Missing { .. }) => None,
            Err(fault) => return Err(fault),
        };
        // Last: a store id without secrets beside it would look like a store that lost them.
        let store_id = loading.file(directory, &STORE_ID)?;
        let (snapshot_key_id, snapshot_key) = snapshot_key;
        let secrets = Secrets { store_id, snapshot_key_id, snapshot_key, operator_token, setup_token };
        Ok((secrets, loading.created))
    }

    /// Removes the setup token for good; on disk when this returns. Removed already is as good.
    ///
    /// # Errors
    /// [`SecretsFault::Io`]: then it may still be there at the next start.
    pub fn remove_setup_token(directory: &Path) -> Result<(), SecretsFault> {
        let folder = directory.join(SECRETS_DIRECTORY);
        let path = folder.join(SETUP_TOKEN_FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_fault(&path, "removed")(error)),
            _ => sync_directory(&folder),
        }
    }
}

/// Shows nothing that is secret.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("store_id", &URL_SAFE_NO_PAD.encode(self.store_id))
            .field("snapshot_key_id", &self.snapshot_key_id)
            .field("setup_token_used", &self.setup_token.is_none())
            .finish_non_exhaustive()
    }
}

/// One file: its name, how its text is made and read, and what is said when it is missing or malformed.
struct Kept<T> {
    name: &'static str,
    make: fn(&dyn Fn(&mut [u8])) -> String,
    read: fn(&str) -> Option<T>,
    expected: &'static str,
    loss: &'static str,
}

static STORE_ID: Kept<[u8; 16]> = Kept {
    name: STORE_ID_FILE,
    make: |random| URL_SAFE_NO_PAD.encode(drawn::<16>(random)),
    read: decoded,
    expected: "16 bytes in base64url",
    loss: "the log belongs to the store of that id",
};

static SNAPSHOT_KEY: Kept<(u8, [u8; 32])> = Kept {
    name: SNAPSHOT_KEY_FILE,
    make: |random| format!("{FIRST_KEY_ID} {}", URL_SAFE_NO_PAD.encode(drawn::<32>(random))),
    read: |text| {
        let (number, key) = text.split_once(' ')?;
        Some((number.parse().ok()?, decoded(key)?))
    },
    expected: "a number, a space and 32 bytes in base64url",
    loss: "no snapshot that a client holds could be read, and all of them would have to start over",
};

static OPERATOR_TOKEN: Kept<String> = Kept {
    name: OPERATOR_TOKEN_FILE,
    make: |random| token(OPERATOR_TOKEN_PREFIX, random),
    read: |text| token_of(OPERATOR_TOKEN_PREFIX, text),
    expected: "hwo_ and 32 bytes in base64url",
    loss: "operators and host apps hold the one that was there",
};

static SETUP_TOKEN: Kept<String> = Kept {
    name: SETUP_TOKEN_FILE,
    make: |random| token(SETUP_TOKEN_PREFIX, random),
    read: |text| token_of(SETUP_TOKEN_PREFIX, text),
    expected: "hws_ and 32 bytes in base64url",
    loss: "it was used",
};

struct Loading<'a> {
    store_exists: bool,
    random: &'a dyn Fn(&mut [u8]),
    created: Created,
}

impl Loading<'_> {
    /// Reads a file, and makes it first if it is missing and there is no store yet.
    fn file<T>(&mut self, directory: &Path, kept: &Kept<T>) -> Result<T, SecretsFault> {
        let path = directory.join(kept.name);
        let text = match read(&path)? {
            Some(text) => text,
            None if self.store_exists => {
                return Err(SecretsFault::Missing { path, loss: kept.loss });
            }
            None => {
                let text = (kept.make)(self.random);
                create(directory, kept.name, &text)?;
                self.created = true;
                text
            }
        };
        (kept.read)(text.trim_end()).ok_or(SecretsFault::Malformed { path, expected: kept.expected })
    }
}

fn make_directory(path: &Path) -> Result<(), SecretsFault> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(io_fault(path, "made")(error)),
    }
    sync_directory(path.parent().expect("it was joined to the data directory"))
}

fn check_directory(path: &Path) -> Result<(), SecretsFault> {
    let loss = "without them clients and operators would have to start over";
    match fs::metadata(path) {
        Ok(metadata) => check_mode(path, metadata.permissions().mode(), DIRECTORY_MODE),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(SecretsFault::Missing { path: path.to_path_buf(), loss })
        }
        Err(error) => Err(io_fault(path, "looked at")(error)),
    }
}

fn check_mode(path: &Path, mode: u32, right: u32) -> Result<(), SecretsFault> {
    if mode & FOREIGN_RIGHTS == 0 {
        return Ok(());
    }
    Err(SecretsFault::Mode { path: path.to_path_buf(), mode: mode & 0o777, right })
}

/// The text of a file; `None` if there is none. Its mode is that of the file that is read, not of a name.
fn read(path: &Path) -> Result<Option<String>, SecretsFault> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_fault(path, "opened")(error)),
    };
    let metadata = file.metadata().map_err(io_fault(path, "looked at"))?;
    check_mode(path, metadata.permissions().mode(), FILE_MODE)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(io_fault(path, "read"))?;
    // What is not UTF-8 is malformed, as is what has another length.
    Ok(Some(String::from_utf8(bytes).unwrap_or_default()))
}

/// Makes a file that has its name only once its content is on disk; on disk, name and all, when this returns.
fn create(directory: &Path, name: &str, text: &str) -> Result<(), SecretsFault> {
    let path = directory.join(name);
    let temporary = directory.join(format!(".{name}.new"));
    // A server that was stopped here before may have left one.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_fault(&temporary, "removed")(error));
        }
        _ => {}
    }
    let fault = io_fault(&temporary, "written");
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temporary).map_err(&fault)?;
    // The mode above is narrowed by the process's mask, which may take away the owner's rights too.
    file.set_permissions(Permissions::from_mode(FILE_MODE)).map_err(&fault)?;
    file.write_all(format!("{text}\n").as_bytes()).map_err(&fault)?;
    file.sync_all().map_err(&fault)?;
    fs::rename(&temporary, &path).map_err(io_fault(&path, "named"))?;
    sync_directory(directory)
}

fn sync_directory(path: &Path) -> Result<(), SecretsFault> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(io_fault(path, "synced"))
}

fn io_fault(path: &Path, call: &'static str) -> impl Fn(io::Error) -> SecretsFault {
    let path = path.to_path_buf();
    move |source| SecretsFault::Io { path: path.clone(), call, source }
}

fn drawn<const N: usize>(random: &dyn Fn(&mut [u8])) -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn token(prefix: &str, random: &dyn Fn(&mut [u8])) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(drawn::<TOKEN_BYTES>(random)))
}

fn token_of(prefix: &str, text: &str) -> Option<String> {
    decoded::<TOKEN_BYTES>(text.strip_prefix(prefix)?)?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::Cell;

    use super::*;
    use crate::store::engine_conformance::TestDirectory;

    /// Other bytes with every call, so that two secrets are never the same by accident.
    fn counting() -> impl Fn(&mut [u8]) {
        let next = Cell::new(0_u8);
        move |bytes| {
            for byte in bytes {
                next.set(next.get().wrapping_add(37));
                *byte = next.get();
            }
        }
    }

    fn no_chance(_: &mut [u8]) {
        panic!("nothing may be made");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn all_files(directory: &Path) -> Vec<PathBuf> {
        let folder = directory.join(SECRETS_DIRECTORY);
        let in_folder =
            [SNAPSHOT_KEY_FILE, OPERATOR_TOKEN_FILE, SETUP_TOKEN_FILE].map(|name| folder.join(name));
        in_folder.into_iter().chain([directory.join(STORE_ID_FILE)]).collect()
    }

    #[test]
    fn the_first_start_makes_them_and_the_next_reads_the_same() {
        let directory = TestDirectory::new();
        let (made, created) = Secrets::load_or_create(directory.path(), false, &counting()).unwrap();
        assert!(created);
        assert_eq!(mode(&directory.path().join(SECRETS_DIRECTORY)), 0o700);
        for file in all_files(directory.path()) {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        for (token, prefix) in [(&made.operator_token, "hwo_"), (made.setup_token.as_ref().unwrap(), "hws_")]
        {
            assert!(token.starts_with(prefix) && token.len() == 4 + 43, "{token}");
        }
        assert_ne!(made.operator_token[4..], made.setup_token.as_ref().unwrap()[4..]);
        assert_ne!(made.snapshot_key[..16], made.store_id);
        for store_exists in [false, true] {
            let (read, created) =
                Secrets::load_or_create(directory.path(), store_exists, &no_chance).unwrap();
            assert!(!created);
            assert!(read == made, "what was read is not what was made");
        }
        let names = fs::read_dir(directory.path().join(SECRETS_DIRECTORY)).unwrap();
        assert_eq!(names.count(), 3, "nothing temporary is left");
    }

    #[test]
    fn a_first_start_that_was_cut_off_goes_on() {
        for (missing, _) in all_files(Path::new("")).iter().enumerate() {
            let directory = TestDirectory::new();
            let random = counting();
            let (made, _) = Secrets::load_or_create(directory.path(), false, &random).unwrap();
            let files = all_files(directory.path());
            for file in &files[missing..] {
                fs::remove_file(file).unwrap();
            }
            let left = format!(".{}.new", files[missing].file_name().unwrap().display());
            fs::write(files[missing].with_file_name(left), "half").unwrap();
            let (again, created) = Secrets::load_or_create(directory.path(), false, &random).unwrap();
            assert!(created);
            assert_eq!(again.snapshot_key == made.snapshot_key, missing > 0);
            assert_eq!(again.operator_token == made.operator_token, missing > 1);
            assert_ne!(again.store_id, made.store_id);
        }
    }

    #[test]
    fn with_a_store_nothing_is_made_anew() {
        let directory = TestDirectory::new();
        let bare = Secrets::load_or_create(directory.path(), true, &no_chance).unwrap_err();
        assert!(matches!(bare, SecretsFault::Missing { .. }), "{bare}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

        Secrets::load_or_create(directory.path(), false, &counting()).unwrap();
        for file in all_files(directory.path()) {
            if file.ends_with(SETUP_TOKEN_FILE) {
                continue;
            }
            let aside = file.with_extension("aside");
            fs::rename(&file, &aside).unwrap();
            let fault = Secrets::load_or_create(directory.path(), true, &no_chance).unwrap_err();
            assert!(matches!(&fault, SecretsFault::Missing { path, .. } if *path == file), "{fault}");
            assert!(fault.to_string().contains(&file.display().to_string()), "{fault}");
            assert!(!file.exists());
            fs::rename(&aside, &file).unwrap();
        }
    }

    #[test]
    fn the_setup_token_is_gone_once_used() {
        let directory = TestDirectory::new();
        let (made, _) = Secrets::load_or_create(directory.path(), false, &counting()).unwrap();
        Secrets::remove_setup_token(directory.path()).unwrap();
        Secrets::remove_setup_token(directory.path()).unwrap();
        let (later, created) = Secrets::load_or_create(directory.path(), true, &no_chance).unwrap();
        assert!(!created);
        assert!(later == Secrets { setup_token: None, ..made }, "only the setup token is gone");
    }

    #[test]
    fn rights_of_others_are_refused_with_the_chmod_that_helps() {
        let directory = TestDirectory::new();
        Secrets::load_or_create(directory.path(), false, &counting()).unwrap();
        let folder = directory.path().join(SECRETS_DIRECTORY);
        let files = all_files(directory.path()).into_iter().map(|file| (file, 0o600));
        for (path, right) in files.chain([(folder, 0o700)]) {
            for wrong in [right | 0o040, right | 0o004, right | 0o020] {
                fs::set_permissions(&path, Permissions::from_mode(wrong)).unwrap();
                for store_exists in [false, true] {
                    let fault =
                        Secrets::load_or_create(directory.path(), store_exists, &no_chance).unwrap_err();
                    let text = fault.to_string();
                    assert!(text.contains(&format!("mode {wrong:o}")), "{text}");
                    assert!(text.contains(&format!("chmod {right:o} {}", path.display())), "{text}");
                }
            }
            fs::set_permissions(&path, Permissions::from_mode(right)).unwrap();
        }
        Secrets::load_or_create(directory.path(), true, &no_chance).unwrap();
    }

    #[test]
    fn what_is_malformed_is_named_and_not_shown() {
        let directory = TestDirectory::new();
        Secrets::load_or_create(directory.path(), false, &counting()).unwrap();
        for file in all_files(directory.path()) {
            let right = fs::read(&file).unwrap();
            let mut longer = right.clone();
            longer.splice(0..0, [b'A'; 300]);
            let short = right[..right.len() / 2].to_vec();
            for wrong in [Vec::new(), short, longer, vec![0xff; right.len()], b"hw?_hidden".to_vec()] {
                fs::write(&file, &wrong).unwrap();
                let fault = Secrets::load_or_create(directory.path(), false, &no_chance).unwrap_err();
                assert!(matches!(&fault, SecretsFault::Malformed { path, .. } if *path == file), "{fault}");
                assert!(!fault.to_string().contains("hidden"), "{fault}");
            }
            fs::write(&file, &right).unwrap();
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let directory = TestDirectory::new();
        let (secrets, _) = Secrets::load_or_create(directory.path(), false, &counting()).unwrap();
        let text = format!("{secrets:?} {secrets:#?}");
        let key = format!("{:?}", secrets.snapshot_key);
        for hidden in [&secrets.operator_token[4..], &secrets.setup_token.as_ref().unwrap()[4..], &key[1..20]]
        {
            assert!(!text.contains(hidden), "{text}");
        }
        assert!(text.contains("store_id"), "{text}");
    }
}
