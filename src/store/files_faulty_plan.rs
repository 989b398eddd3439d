//! What a faulty disk is to do wrong, and when: rules that count calls.

use std::io;

/// The calls of the file seam, as rules name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Making a file.
    Create,
    /// Opening one.
    Open,
    /// Listing the directory, looking up a name or a length.
    Look,
    /// Reading bytes.
    Read,
    /// Writing bytes.
    Write,
    /// `sync_data` or `sync_all`.
    Sync,
    /// Cutting or growing a file.
    SetLen,
    /// Renaming a file.
    Rename,
    /// Removing a file.
    Remove,
    /// Syncing the directory.
    SyncDir,
}

impl Call {
    /// Whether the call changes what is, or counts as, on disk.
    #[must_use]
    pub fn changes(self) -> bool {
        !matches!(self, Call::Open | Call::Look | Call::Read)
    }
}

/// Which calls a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Calls of one sort.
    Only(Call),
    /// Every call that changes something.
    Changing,
    /// Every call.
    Any,
}

impl Target {
    fn matches(self, call: Call) -> bool {
        match self {
            Target::Only(only) => only == call,
            Target::Changing => call.changes(),
            Target::Any => true,
        }
    }
}

/// What happens instead of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Input/output error, without effect. After a failed sync the unsynced bytes count as written back although they
    /// are not: a later sync does not store them, as on Linux.
    Fail,
    /// Input/output error, although the call had its whole effect.
    FailAfter,
    /// The write stops after this many bytes with an input/output error; other calls fail without effect.
    Short(usize),
    /// "No space left on device", without effect.
    Full,
    /// A sync, of file or directory, returns `Ok` without effect; a later honest one stores what it left. Other calls
    /// work.
    Lie,
    /// As asked, but the callback is told that it took so many microseconds.
    Slow(u64),
    /// No effect, and from here on every call fails: the process or the machine is gone.
    Stop,
}

/// When a rule applies, counted over the calls it is about since it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The Nth call only, from 1.
    Nth(u64),
    /// The Nth call and every one after.
    From(u64),
}

/// One rule of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Which calls.
    pub target: Target,
    /// The how-manieth of them.
    pub when: When,
    /// What happens.
    pub action: Action,
}

/// The rules in force, with their counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    rules: Vec<(Rule, u64)>,
    pub(super) fired: u64,
    pub(super) is_stopped: bool,
}

impl Plan {
    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push((rule, 0));
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts this call in every rule it concerns and returns what the first one that applies wants.
    pub(super) fn next(&mut self, call: Call) -> Option<Action> {
        if self.is_stopped {
            return Some(Action::Stop);
        }
        let mut wanted = None;
        for (rule, count) in self.rules.iter_mut().filter(|(rule, _)| rule.target.matches(call)) {
            *count += 1;
            let applies = match rule.when {
                When::Nth(nth) => *count == nth,
                When::From(nth) => *count >= nth,
            };
            if applies {
                wanted = wanted.or(Some(rule.action));
            }
        }
        self.fired += u64::from(wanted.is_some());
        self.is_stopped = wanted == Some(Action::Stop);
        wanted
    }
}

/// The error that an action stands for.
pub(super) fn error_of(action: Action) -> io::Error {
    match action {
        Action::Full => io::ErrorKind::StorageFull.into(),
        Action::Stop => io::Error::other("the disk has stopped, by plan"),
        _ => io::Error::other("input/output error, by plan"),
    }
}
