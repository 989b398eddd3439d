//! A disk in memory that fails, lies, fills up, stops and loses power by plan: for simulation and tests.
//!
//! It keeps apart what is synced and what is not, for bytes and for names. [`FaultyDisk::after_kill`] gives the disk as
//! the next process finds it, [`FaultyDisk::after_power_cut`] as the next boot does; the disk itself stays as it is, so
//! that one moment can be cut in many ways. Nothing sleeps and nothing is random but by the seeds handed in.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::files::{DirectoryLock, FileFault, Files, LogFile};
use super::files_faulty_image::Image;
pub use super::files_faulty_image::{CutPolicy, SeededRandom};
pub use super::files_faulty_plan::{Action, Call, Rule, Target, When};
use super::files_faulty_plan::{Plan, error_of};

/// Told how many microseconds a slow call took.
pub type OnDelay = Arc<dyn Fn(u64) + Send + Sync>;

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    image: Image,
    plan: Plan,
    calls: u64,
    changing_calls: u64,
    capacity_bytes: Option<u64>,
    locks: BTreeSet<String>,
    on_delay: Option<OnDelay>,
}

impl FaultyDisk {
    /// An empty disk that does everything right.
    #[must_use]
    pub fn new() -> FaultyDisk {
        FaultyDisk::default()
    }

    /// A directory on it; directories need not be made, and their own names are durable.
    #[must_use]
    pub fn directory(&self, name: &str) -> Arc<dyn Files> {
        Arc::new(FaultyFiles { disk: self.clone(), directory: name.to_owned() })
    }

    /// Adds a rule; its count begins now.
    pub fn add_rule(&self, rule: Rule) {
        self.state.lock().plan.add(rule);
    }

    /// Takes all rules away. A disk that has stopped stays stopped.
    pub fn clear_rules(&self) {
        self.state.lock().plan.clear();
    }

    /// How many calls met a rule so far.
    #[must_use]
    pub fn fired(&self) -> u64 {
        self.state.lock().plan.fired
    }

    /// Number of calls so far; and of those among them that change something.
    #[must_use]
    pub fn calls(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.calls, state.changing_calls)
    }

    /// From now on every call fails: the process or the machine is gone.
    pub fn stop(&self) {
        self.state.lock().plan.is_stopped = true;
    }

    /// Writes that would bring all files above so many bytes find no space; nothing takes the limit away.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity_bytes = bytes;
    }

    /// Bytes in all files.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().image.used_bytes()
    }

    /// Whom to tell about slow calls.
    pub fn on_delay(&self, told: OnDelay) {
        self.state.lock().on_delay = Some(told);
    }

    /// A new disk as the next process finds it after this one was killed: everything written is there, and what was not
    /// synced still is not. No rules, no locks, the same capacity.
    #[must_use]
    pub fn after_kill(&self) -> FaultyDisk {
        self.with_image(Image::without_removed)
    }

    /// A new disk as the machine finds it after a power cut. No rules, no locks, the same capacity.
    #[must_use]
    pub fn after_power_cut(&self, policy: CutPolicy, random: &mut SeededRandom) -> FaultyDisk {
        self.with_image(|image| image.after_cut(policy, random))
    }

    /// Changes the bytes of a file at rest, as rot or an operator would; synced at once.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn tamper(&self, directory: &str, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        let inode = state.image.inode_of(&path(directory, name)).expect("the file to tamper with exists");
        state.image.content_mut_as_synced(inode, change);
    }

    fn with_image(&self, make: impl FnOnce(&Image) -> Image) -> FaultyDisk {
        let state = self.state.lock();
        let next = State {
            image: make(&state.image),
            capacity_bytes: state.capacity_bytes,
            on_delay: state.on_delay.clone(),
            ..State::default()
        };
        FaultyDisk { state: Arc::new(Mutex::new(next)) }
    }

    /// Counts the call and applies the plan: `Ok(true)` to go on, `Ok(false)` to do nothing and say that all is well.
    /// `effect` is what the call does; here it is done for actions that fail after it.
    fn enter(
        &self,
        call: Call,
        name: &str,
        effect: impl FnOnce(&mut State, Effect) -> io::Result<()>,
    ) -> Result<(), FileFault> {
        let mut state = self.state.lock();
        state.calls += 1;
        state.changing_calls += u64::from(call.changes());
        let outcome = match state.plan.next(call) {
            None => effect(&mut state, Effect::Whole),
            Some(Action::Slow(delay_us)) => {
                if let Some(told) = state.on_delay.clone() {
                    told(delay_us);
                }
                effect(&mut state, Effect::Whole)
            }
            Some(Action::Lie) if matches!(call, Call::Sync | Call::SyncDir) => Ok(()),
            Some(Action::Lie) => effect(&mut state, Effect::Whole),
            Some(action) => {
                let done = match action {
                    Action::FailAfter => effect(&mut state, Effect::Whole),
                    Action::Short(bytes) => effect(&mut state, Effect::Part(bytes)),
                    Action::Fail => effect(&mut state, Effect::Failure),
                    _ => Ok(()),
                };
                done.and(Err(error_of(action)))
            }
        };
        outcome.map_err(|source| FileFault::new(name_of(call), name, source))
    }
}

/// How much of a call's effect takes place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Whole,
    /// So many bytes of a write.
    Part(usize),
    /// Only what a failure does.
    Failure,
}

struct FaultyFiles {
    disk: FaultyDisk,
    directory: String,
}

impl FaultyFiles {
    fn path(&self, name: &str) -> String {
        path(&self.directory, name)
    }

    /// A call that has no effect unless it works.
    fn do_whole(
        &self,
        call: Call,
        name: &str,
        effect: impl FnOnce(&mut State) -> io::Result<()>,
    ) -> Result<(), FileFault> {
        self.disk.enter(call, name, |state, how| if how == Effect::Whole { effect(state) } else { Ok(()) })
    }

    fn handle(&self, name: &str, inode: u64) -> Box<dyn LogFile> {
        Box::new(FaultyFile { disk: self.disk.clone(), name: name.to_owned(), inode })
    }
}

impl Files for FaultyFiles {
    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        let mut inode = 0;
        self.do_whole(Call::Create, name, |state| {
            inode = state.image.create(&self.directory, &self.path(name));
            Ok(())
        })?;
        Ok(self.handle(name, inode))
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        let mut inode = 0;
        self.do_whole(Call::Open, name, |state| {
            inode = state.image.inode_of(&self.path(name)).ok_or(io::ErrorKind::NotFound)?;
            Ok(())
        })?;
        Ok(self.handle(name, inode))
    }

    fn list(&self) -> Result<Vec<String>, FileFault> {
        let mut names = Vec::new();
        let prefix = self.path("");
        self.do_whole(Call::Look, ".", |state| {
            names = state
                .image
                .paths()
                .filter_map(|path| path.strip_prefix(&prefix))
                .map(str::to_owned)
                .collect();
            Ok(())
        })?;
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileFault> {
        self.do_whole(Call::Rename, from, |state| {
            let path = self.path(from);
            state.image.inode_of(&path).ok_or(io::ErrorKind::NotFound)?;
            state.image.rename(&self.directory, &path, &self.path(to));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> Result<(), FileFault> {
        self.do_whole(Call::Remove, name, |state| {
            let path = self.path(name);
            state.image.inode_of(&path).ok_or(io::ErrorKind::NotFound)?;
            state.image.remove(&self.directory, &path);
            Ok(())
        })
    }

    fn sync_dir(&self) -> Result<(), FileFault> {
        self.do_whole(Call::SyncDir, ".", |state| {
            state.image.sync_dir(&self.directory);
            Ok(())
        })
    }

    fn exists(&self, name: &str) -> Result<bool, FileFault> {
        let mut exists = false;
        self.do_whole(Call::Look, name, |state| {
            exists = state.image.inode_of(&self.path(name)).is_some();
            Ok(())
        })?;
        Ok(exists)
    }

    fn read_all(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, FileFault> {
        let file = self.open(name)?;
        let length = file.len()? as usize;
        if length > bytes_max {
            return Err(FileFault::new("read", name, io::ErrorKind::FileTooLarge.into()));
        }
        let mut bytes = vec![0; length];
        file.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    fn lock(&self, name: &str) -> Result<DirectoryLock, FileFault> {
        let path = self.path(name);
        self.do_whole(Call::Create, name, |state| {
            if state.locks.insert(path.clone()) { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        })?;
        Ok(DirectoryLock::new(HeldLock { disk: self.disk.clone(), path }))
    }
}

struct HeldLock {
    disk: FaultyDisk,
    path: String,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.disk.state.lock().locks.remove(&self.path);
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    name: String,
    inode: u64,
}

impl LogFile for FaultyFile {
    fn write_at(&self, at: u64, bytes: &[u8]) -> Result<(), FileFault> {
        self.disk.enter(Call::Write, &self.name, |state, how| {
            let part = match how {
                Effect::Whole => bytes.len(),
                Effect::Part(part) => part.min(bytes.len()),
                Effect::Failure => 0,
            };
            let length = state.image.content(self.inode).len() as u64;
            let growth = (at + part as u64).saturating_sub(length);
            if growth > 0 && state.capacity_bytes.is_some_and(|most| state.image.used_bytes() + growth > most)
            {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if part > 0 {
                state.image.write(self.inode, at, &bytes[..part]);
            }
            Ok(())
        })
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, FileFault> {
        let mut read = 0;
        self.disk.enter(Call::Read, &self.name, |state, how| {
            if how == Effect::Whole {
                let content = state.image.content(self.inode);
                let from = content.len().min(at as usize);
                read = buffer.len().min(content.len() - from);
                buffer[..read].copy_from_slice(&content[from..from + read]);
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn sync_data(&self) -> Result<(), FileFault> {
        self.disk.enter(Call::Sync, &self.name, |state, how| {
            match how {
                Effect::Whole => state.image.sync(self.inode),
                Effect::Part(_) | Effect::Failure => state.image.forget(self.inode),
            }
            Ok(())
        })
    }

    fn sync_all(&self) -> Result<(), FileFault> {
        self.sync_data()
    }

    fn len(&self) -> Result<u64, FileFault> {
        let mut length = 0;
        self.disk.enter(Call::Look, &self.name, |state, _| {
            length = state.image.content(self.inode).len() as u64;
            Ok(())
        })?;
        Ok(length)
    }

    fn set_len(&self, bytes: u64) -> Result<(), FileFault> {
        self.disk.enter(Call::SetLen, &self.name, |state, how| {
            if how == Effect::Whole {
                state.image.set_len(self.inode, bytes);
            }
            Ok(())
        })
    }
}

fn path(directory: &str, name: &str) -> String {
    format!("{directory}/{name}")
}

fn name_of(call: Call) -> &'static str {
    match call {
        Call::Create => "create",
        Call::Open => "open",
        Call::Look => "look up",
        Call::Read => "read",
        Call::Write => "write",
        Call::Sync => "sync",
        Call::SetLen => "set length",
        Call::Rename => "rename",
        Call::Remove => "remove",
        Call::SyncDir => "sync directory",
    }
}
