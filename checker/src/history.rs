//! All files of a history as tables of numbers: what was sent, answered and applied, by lineage.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::cuts::CutWindows;
use crate::fault::{HistoryError, LineFault};
use crate::intern::Interner;
use crate::line::{self, ApplyFlags, Line, Said, SnapshotName, WrittenEntry};

/// Longest line, in bytes. The longest real one is the dump of a lineage that holds everything: a million
/// entries of about 150 bytes. A longer line is refused by name.
const MAX_LINE_BYTES: u64 = 1 << 30;

/// A place in the files, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// Index into the list of files.
    pub(crate) file: u32,
    /// From 1.
    pub(crate) line: u32,
}

/// The tables. Tokens, ids, users, conversations and lineages are dense numbers; see [`Interner`].
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) tokens: Interner,
    pub(crate) ids: Interner,
    pub(crate) users: Interner,
    pub(crate) conversations: Interner,
    pub(crate) lineages: Vec<Lineage>,
    pub(crate) invokes: Vec<Invoke>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) refusals: Vec<Refusal>,
    /// Entries of all applies and dumps, which hold ranges of it.
    pub(crate) entries: Vec<Entry>,
    pub(crate) kills: u64,
    pub(crate) cuts: Vec<(u64, Option<u64>)>,
    pub(crate) healed_at: Option<u64>,
    lineage_numbers: HashMap<String, u32>,
    cut_ends: Vec<u64>,
    torn_lines: u64,
    client_restarts: u64,
}

/// One lineage and what it wrote.
#[derive(Debug)]
pub(crate) struct Lineage {
    pub(crate) name: String,
    pub(crate) user: u32,
    /// Live from the beginning, so entitled to every message of its user.
    pub(crate) declared: bool,
    /// The place that first names it.
    pub(crate) at: At,
    /// In order of time.
    pub(crate) steps: Vec<Step>,
    /// The last one written, should there be several.
    pub(crate) dump: Option<Dump>,
}

/// A change of what a lineage holds.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) change: Change,
}

/// The kinds of [`Step`].
#[derive(Debug)]
pub(crate) enum Change {
    Apply(Apply),
    /// The client was killed and came back with this snapshot; none when the line does not say.
    Restart(Option<SnapshotName>),
}

/// One page or push that a client stored.
#[derive(Debug)]
pub(crate) struct Apply {
    pub(crate) base: SnapshotName,
    pub(crate) snapshot: SnapshotName,
    pub(crate) flags: ApplyFlags,
    pub(crate) entries: Range<usize>,
    /// False when it raced a power cut: what it shows may be gone afterwards.
    pub(crate) settled: bool,
}

/// What a lineage held at the end.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) synced: bool,
    pub(crate) entries: Range<usize>,
}

/// One message as a lineage was given it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) token: u32,
    /// [`Entry::NO_ID`] when the line names none.
    pub(crate) id: u32,
    pub(crate) conversation: u32,
    pub(crate) sender: u32,
    pub(crate) seq: u64,
}

impl Entry {
    /// In place of an id that was not written.
    pub(crate) const NO_ID: u32 = u32::MAX;
}

/// A send given to the network.
#[derive(Debug)]
pub(crate) struct Invoke {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) id: u32,
    pub(crate) token: u32,
    pub(crate) sender: u32,
    pub(crate) to: u32,
}

/// A send answered with its place.
#[derive(Debug)]
pub(crate) struct Ack {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) id: u32,
    pub(crate) conversation: u32,
    pub(crate) seq: u64,
    /// False when it raced a power cut.
    pub(crate) settled: bool,
}

/// A send that was finally refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) at: At,
    pub(crate) id: u32,
    pub(crate) code: u64,
}

impl History {
    /// Reads all files; numbers of lineages and values follow the order of first appearance.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, HistoryError> {
        let mut history = Self::default();
        for (number, path) in files.iter().enumerate() {
            let file = u32::try_from(number).expect("fewer files than that can be named");
            history.read_file(path, file)?;
        }
        let writers = files.len() as u64 + history.client_restarts;
        if history.torn_lines > writers {
            return Err(HistoryError::TornLines {
                torn: history.torn_lines,
                writers,
            });
        }
        if !history.lineages.iter().any(|lineage| lineage.declared) {
            return Err(HistoryError::NoDevices);
        }
        history.put_in_order();
        Ok(history)
    }

    /// The lineages of each user that were live from the beginning.
    pub(crate) fn declared_by_user(&self) -> Vec<Vec<u32>> {
        let mut by_user = vec![Vec::new(); self.users.len()];
        for (lineage, number) in self.lineages.iter().zip(0u32..) {
            if lineage.declared {
                by_user[lineage.user as usize].push(number);
            }
        }
        by_user
    }

    /// A conversation and seq, for people.
    pub(crate) fn place(&self, conversation: u32, seq: u64) -> String {
        format!(
            "conversation {} seq {seq}",
            self.conversations.value(conversation)
        )
    }

    /// A token, for people and for grep.
    pub(crate) fn token(&self, token: u32) -> String {
        format!("token {:032x}", self.tokens.value(token))
    }

    fn read_file(&mut self, path: &Path, file: u32) -> Result<(), HistoryError> {
        let io_error = |source| HistoryError::Io {
            path: path.to_owned(),
            source,
        };
        let mut reader = BufReader::new(File::open(path).map_err(io_error)?);
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            let read = (&mut reader)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut bytes)
                .map_err(io_error)?;
            if read == 0 {
                break;
            }
            let faulty = |fault| HistoryError::Line {
                path: path.to_owned(),
                line,
                fault,
            };
            if read as u64 == MAX_LINE_BYTES {
                return Err(faulty(LineFault::TooLong));
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            match line::read(bytes.trim_ascii()) {
                Ok(read) => {
                    self.take(read, At { file, line })
                        .map_err(|what| HistoryError::Contradiction {
                            path: path.to_owned(),
                            line,
                            what,
                        })?
                }
                // A writer killed in the middle of a line; how many there may be is checked at the end.
                Err(LineFault::Json(fault)) if fault.is_eof() => self.torn_lines += 1,
                Err(fault) => return Err(faulty(fault)),
            }
        }
        Ok(())
    }

    fn take(&mut self, line: Line<'_>, at: At) -> Result<(), String> {
        let t = line.t;
        match line.said {
            Said::SendInvoked { id, token, to } => {
                let sender = self.user_of(&line, at)?;
                let (id, token) = (self.ids.intern(id), self.tokens.intern(token));
                let to = self.users.intern(to.into());
                self.invokes.push(Invoke {
                    t,
                    at,
                    id,
                    token,
                    sender,
                    to,
                });
            }
            Said::SendAnswered {
                id,
                conversation,
                seq,
            } => {
                self.user_of(&line, at)?;
                let (id, conversation) = (
                    self.ids.intern(id),
                    self.conversations.intern(conversation.into()),
                );
                self.acks.push(Ack {
                    t,
                    at,
                    id,
                    conversation,
                    seq,
                    settled: false,
                });
            }
            Said::SendRefused { id, code } => {
                self.user_of(&line, at)?;
                let id = self.ids.intern(id);
                self.refusals.push(Refusal { at, id, code });
            }
            Said::SendUnknown | Said::Discarded => self.user_of(&line, at).map(|_| ())?,
            Said::Applied {
                base,
                snapshot,
                flags,
                ref entries,
            } => {
                let entries = self.keep(entries);
                let change = Change::Apply(Apply {
                    base,
                    snapshot,
                    flags,
                    entries,
                    settled: false,
                });
                self.lineage_of(&line, at)?.steps.push(Step { t, at, change });
            }
            Said::Dumped { synced, ref entries } => {
                let entries = self.keep(entries);
                let lineage = self.lineage_of(&line, at)?;
                if lineage.dump.as_ref().is_none_or(|earlier| earlier.t <= t) {
                    lineage.dump = Some(Dump {
                        t,
                        at,
                        synced,
                        entries,
                    });
                }
            }
            Said::ClientRestarted { snapshot } => {
                self.client_restarts += 1;
                self.lineage_of(&line, at)?.steps.push(Step {
                    t,
                    at,
                    change: Change::Restart(snapshot),
                });
            }
            Said::Devices(written) => {
                for one in written {
                    let user = self.users.intern(one.user().into());
                    self.lineage(&one.client, Some(user), at)?.declared = true;
                }
            }
            Said::ServerKilled => self.kills += 1,
            Said::PowerCut { t_end } => self.cuts.push((t, t_end)),
            Said::ServerRestarted => self.cut_ends.push(t),
            Said::Healed => {
                self.cut_ends.push(t);
                self.healed_at = self.healed_at.max(Some(t));
            }
            Said::OtherNemesis => {}
        }
        Ok(())
    }

    fn user_of(&mut self, line: &Line<'_>, at: At) -> Result<u32, String> {
        self.lineage_of(line, at).map(|lineage| lineage.user)
    }

    fn lineage_of(&mut self, line: &Line<'_>, at: At) -> Result<&mut Lineage, String> {
        let user = line.user.map(|user| self.users.intern(user.into()));
        self.lineage(&line.client, user, at)
    }

    fn lineage(&mut self, name: &str, user: Option<u32>, at: At) -> Result<&mut Lineage, String> {
        let number = match self.lineage_numbers.get(name) {
            Some(&number) => number,
            None => {
                let user =
                    user.ok_or_else(|| format!("lineage {name} is not known yet, and no user is named"))?;
                let number = u32::try_from(self.lineages.len()).expect("fewer lineages than that");
                self.lineage_numbers.insert(name.to_owned(), number);
                let name = name.to_owned();
                self.lineages.push(Lineage {
                    name,
                    user,
                    declared: false,
                    at,
                    steps: Vec::new(),
                    dump: None,
                });
                number
            }
        };
        let lineage = &mut self.lineages[number as usize];
        match user {
            Some(user) if user != lineage.user => Err(format!("lineage {name} belongs to another user")),
            _ => Ok(lineage),
        }
    }

    fn keep(&mut self, written: &[WrittenEntry]) -> Range<usize> {
        let begin = self.entries.len();
        for entry in written {
            self.entries.push(Entry {
                token: self.tokens.intern(entry.token()),
                id: entry.id().map_or(Entry::NO_ID, |id| self.ids.intern(id)),
                conversation: self.conversations.intern(entry.conversation().into()),
                sender: self.users.intern(entry.sender().into()),
                seq: entry.seq,
            });
        }
        begin..self.entries.len()
    }

    fn put_in_order(&mut self) {
        let windows = CutWindows::new(&self.cuts, std::mem::take(&mut self.cut_ends));
        for ack in &mut self.acks {
            ack.settled = !windows.cover(ack.t);
        }
        for lineage in &mut self.lineages {
            lineage.steps.sort_by_key(|step| (step.t, step.at));
            for step in &mut lineage.steps {
                if let Change::Apply(apply) = &mut step.change {
                    apply.settled = !windows.cover(step.t);
                }
            }
        }
    }
}
