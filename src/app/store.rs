//! Opening the data directory: lock, secrets, index, log.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::ServeOptions;
use crate::{
    actors::persistence::open::{OpenFault, OpenStore, Opened, open as open_store},
    config::{Config, Engine as EngineChoice},
    model::{Random, limits::BATCH_BYTES_MAX},
    store::{
        engine::{Engine, EngineFault, RawEngine},
        engine_memory::MemoryEngine,
        engine_sled::{SledEngine, SledOptions},
        engine_slot::EngineSlot,
        files::{FileFault, Files},
        files_disk::DiskFiles,
        files_null::NullFiles,
        log::{Log, LogConfig},
        log_batch::StoreId,
        secrets::{Secrets, SecretsFault},
        store_lock::{StoreLock, StoreLockFault},
    },
};

/// Free space below which the index is neither written nor opened anew. A write that meets a full disk breaks it, and
/// then nothing can be read from it; opening needs space, too. Until there is space again the log and the tail carry on.
/// Source: sled answers every read with the error of its last write, and refuses to open on a full disk (measured);
/// the bound is a few times the largest batch and what sled writes about it.
const FREE_BYTES_FOR_INDEX: u64 = 64 * 1024 * 1024;

/// Space reserved behind the end of the index's file. Source: sled writes in segments of half a MiB; 32 of them.
const INDEX_RESERVE_BYTES: u64 = 16 * 1024 * 1024;

/// Everything that the data directory gives.
pub(super) struct OpenedStore {
    pub(super) opened: Opened,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) secrets: Secrets,
    pub(super) reopen_index: Box<dyn FnMut() -> bool + Send>,
    pub(super) index_has_room: Box<dyn Fn() -> bool + Send>,
    pub(super) lock: StoreLock,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// It cannot be made or read.
    #[error("the data directory {directory} cannot be used")]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("the data directory cannot be locked")]
    Lock(#[from] StoreLockFault),
    /// Its secrets.
    #[error("the secrets cannot be used")]
    Secrets(#[from] SecretsFault),
    /// A file.
    #[error("the files of the commit log cannot be used")]
    Files(#[from] FileFault),
    /// The index.
    #[error("the index cannot be opened")]
    Engine(#[from] EngineFault),
    /// Log, watermark, replay.
    #[error("the store cannot be opened")]
    Open(#[from] OpenFault),
    /// A seeded bug that this build does not know.
    #[error("there is no seeded bug {0} in this build")]
    SeededBug(String),
}

pub(super) fn open(
    config: &Config,
    options: &ServeOptions,
    random: &Random,
) -> Result<OpenedStore, StoreFault> {
    let directory = config.server.data.clone();
    make_directory(&directory)?;
    let lock = StoreLock::acquire(&directory)?;
    make_directory(&directory.join("log"))?;
    let files = files_of(options, &directory, "log")?;
    let files = if options.null_store { files } else { seeded_files(options, files)? };
    let store_exists = !Log::is_absent(&*files)?;
    let (secrets, _) = Secrets::load_or_create(&directory, store_exists, &|bytes| random.fill(bytes))?;
    let choice = if options.null_store { EngineChoice::Memory } else { config.storage.engine };
    let slot = Arc::new(open_engine(choice, config, &directory)?);
    keep_private(&directory.join("index"));
    let engine: Arc<dyn Engine> = Arc::clone(&slot) as Arc<dyn Engine>;
    #[allow(unused_mut, reason = "only builds with seeded bugs change it")]
    let mut opened = open_store(OpenStore {
        files,
        engine: Arc::clone(&engine),
        store: StoreId(secrets.store_id),
        log: LogConfig {
            segment_bytes: config.storage.segment_bytes,
            batch_bytes_max: BATCH_BYTES_MAX as u32,
        },
        run_id: u32::from_be_bytes(random.bytes()),
        accept_loss: config.storage.accept_loss,
    })?;
    #[cfg(feature = "seeded-bugs")]
    seed_bug(options, &mut opened);
    tell(&opened);
    let index_directory = directory.clone();
    let index_has_room = move || {
        let room = free_bytes(&index_directory) >= FREE_BYTES_FOR_INDEX;
        if room {
            reserve_for_index(&index_directory);
        }
        room
    };
    let has_room = index_has_room.clone();
    let reopen_index = Box::new(move || {
        if !has_room() {
            return false;
        }
        slot.reopen()
            .inspect_err(|fault| {
                tracing::error!(error = fault as &dyn std::error::Error, "the index cannot be opened anew");
            })
            .is_ok()
    });
    let index_has_room = Box::new(index_has_room);
    Ok(OpenedStore { opened, engine, secrets, reopen_index, index_has_room, lock })
}

/// The files of a part of the data directory; of the null store those that keep nothing.
pub(super) fn files_of(
    options: &ServeOptions,
    directory: &Path,
    part: &str,
) -> Result<Arc<dyn Files>, FileFault> {
    match options.null_store {
        true => Ok(Arc::new(NullFiles::default())),
        false => Ok(Arc::new(DiskFiles::open(directory.join(part))?)),
    }
}

fn make_directory(directory: &Path) -> Result<(), StoreFault> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| StoreFault::Directory { directory: directory.to_owned(), source })
}

/// The engine makes its directory and files for others to read, too; in here nobody else comes to them.
fn keep_private(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if directory.exists()
        && let Err(fault) = std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
    {
        tracing::warn!(error = &fault as &dyn std::error::Error, "others may read the index on this machine");
    }
}

fn open_engine(choice: EngineChoice, config: &Config, directory: &Path) -> Result<EngineSlot, EngineFault> {
    match choice {
        EngineChoice::Memory => {
            let memory: Arc<dyn RawEngine> = Arc::new(MemoryEngine::new());
            EngineSlot::open(move || Ok(Arc::clone(&memory)))
        }
        EngineChoice::Sled => {
            let path = directory.join("index");
            let options = SledOptions {
                cache_capacity_bytes: config.storage.index_cache_bytes,
                ..SledOptions::default()
            };
            EngineSlot::open(move || Ok(Arc::new(SledEngine::open(&path, options)?)))
        }
    }
}

/// Free bytes and size of the disk of a directory, if it says.
pub(super) fn disk_bytes(directory: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(directory).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some((bytes(stat.f_bavail), bytes(stat.f_blocks)))
}

fn free_bytes(directory: &Path) -> u64 {
    disk_bytes(directory).map_or(0, |(free, _)| free)
}

/// Takes space behind the end of the index's file, so that what it writes on its own account, while it is only read,
/// does not meet a full disk.
fn reserve_for_index(directory: &Path) {
    use rustix::fs::{FallocateFlags, fallocate};
    let Ok(file) = std::fs::File::options().write(true).open(directory.join("index").join("db")) else {
        return;
    };
    let Ok(length) = file.metadata().map(|metadata| metadata.len()) else {
        return;
    };
    // A file system that cannot do this serves all the same.
    let _ = fallocate(&file, FallocateFlags::KEEP_SIZE, length, INDEX_RESERVE_BYTES);
}

#[cfg(not(feature = "seeded-bugs"))]
fn seeded_files(options: &ServeOptions, files: Arc<dyn Files>) -> Result<Arc<dyn Files>, StoreFault> {
    options.seeded_bug.clone().map_or(Ok(files), |name| Err(StoreFault::SeededBug(name)))
}

/// The file layer of a build that may be told to lose data on purpose.
#[cfg(feature = "seeded-bugs")]
fn seeded_files(options: &ServeOptions, files: Arc<dyn Files>) -> Result<Arc<dyn Files>, StoreFault> {
    use crate::{
        actors::persistence::seeded_bugs::{FORGET_ERASURES, FORGET_FAN_OUTS, FORGET_POSTS, SeededBug},
        store::files_seeded::{LateSyncFiles, SERVE_UNSYNCED_TAIL},
    };
    let Some(name) = &options.seeded_bug else {
        return Ok(files);
    };
    let bug = SeededBug::from_name(name).ok_or_else(|| StoreFault::SeededBug(name.clone()))?;
    tracing::warn!(name, "a seeded bug is active: this server loses data on purpose");
    SERVE_UNSYNCED_TAIL.store(bug == SeededBug::ServeUnsyncedTail, std::sync::atomic::Ordering::Relaxed);
    FORGET_FAN_OUTS.store(bug == SeededBug::ForgetFanOuts, std::sync::atomic::Ordering::Relaxed);
    FORGET_ERASURES.store(bug == SeededBug::ForgetErasures, std::sync::atomic::Ordering::Relaxed);
    FORGET_POSTS.store(bug == SeededBug::ForgetPosts, std::sync::atomic::Ordering::Relaxed);
    Ok(match bug {
        SeededBug::AcknowledgeBeforeSync => Arc::new(LateSyncFiles::new(files)),
        _ => files,
    })
}

/// The bug that is not in the file layer.
#[cfg(feature = "seeded-bugs")]
fn seed_bug(options: &ServeOptions, opened: &mut Opened) {
    use crate::actors::persistence::seeded_bugs::SeededBug;
    opened.committer.seed_bug(options.seeded_bug.as_deref().and_then(SeededBug::from_name));
}

fn tell(opened: &Opened) {
    let report = &opened.report;
    tracing::info!(
        run = report.run.0,
        found = report.found.0,
        replayed = report.replayed,
        torn = report.torn,
        "the store is open"
    );
    if report.torn {
        tracing::warn!(
            found = report.found.0,
            "the log ended in the middle of a batch, which was cut: after a crash that is what nobody was told yet"
        );
    }
    if report.index_was_behind {
        tracing::warn!("the index was behind what it had reached once; it was healed by replay");
    }
    if report.lossy {
        tracing::warn!("the store is shorter than it was, and the loss was accepted");
    }
}

/// Where the operator's commands find the server.
pub(super) fn write_operator_url(directory: &Path, operator: SocketAddr) {
    if let Err(fault) = std::fs::write(directory.join("operator.url"), format!("http://{operator}\n")) {
        let error = &fault as &dyn std::error::Error;
        tracing::warn!(error, "the operator's address could not be written to the data directory");
    }
}
