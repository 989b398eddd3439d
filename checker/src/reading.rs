//! All files of a history, line by line, into the tables of [`History`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::cuts::CutWindows;
use crate::erasures;
use crate::fault::{HistoryError, LineFault};
use crate::history::{
    Ack, Answer, Apply, Ask, At, Change, Dump, Entry, Erasure, Export, Gap, History, Invoke, Lineage, Notice,
    OperatorEnd, Outcome, ReadOut, Refusal, Step, Target,
};
use crate::line::{self, Line, Said, WrittenTarget};
use crate::written_entry::{NoticeKind, What, WrittenEntry};

/// Longest line, in bytes. The longest real one is the dump of a lineage that holds everything: a million
/// entries of about 150 bytes. A longer line is refused by name.
const MAX_LINE_BYTES: u64 = 1 << 30;

/// Reads all files. Numbers of lineages and values follow the order of first appearance.
///
/// # Errors
///
/// [`HistoryError`], also for too many torn lines and for the missing `devices` line.
pub(crate) fn read(files: &[PathBuf]) -> Result<History, HistoryError> {
    let mut reading = Reading::default();
    for (number, path) in files.iter().enumerate() {
        let file = u32::try_from(number).expect("fewer files than that can be named");
        reading.read_file(path, file)?;
    }
    let (torn, writers) = (reading.torn_lines, files.len() as u64 + reading.client_restarts);
    if torn > writers {
        return Err(HistoryError::TornLines { torn, writers });
    }
    if !reading.history.lineages.iter().any(|lineage| lineage.declared) {
        return Err(HistoryError::NoDevices);
    }
    reading.put_in_order();
    erasures::name_erased(&mut reading.history);
    Ok(reading.history)
}

/// A history being read.
#[derive(Debug, Default)]
struct Reading {
    history: History,
    lineage_numbers: HashMap<String, u32>,
    torn_lines: u64,
    client_restarts: u64,
}

impl Reading {
    fn read_file(&mut self, path: &Path, file: u32) -> Result<(), HistoryError> {
        let io_error = |source| HistoryError::Io { path: path.to_owned(), source };
        let mut reader = BufReader::new(File::open(path).map_err(io_error)?);
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            let read = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes).map_err(io_error)?;
            if read == 0 {
                break;
            }
            let faulty = |fault| HistoryError::Line { path: path.to_owned(), line, fault };
            if read as u64 == MAX_LINE_BYTES {
                return Err(faulty(LineFault::TooLong));
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            match line::read(bytes.trim_ascii()) {
                Ok(read) => self
                    .take(read, At { file, line })
                    .map_err(|what| HistoryError::Contradiction { path: path.to_owned(), line, what })?,
                // A writer killed in the middle of a line; how many there may be is checked at the end.
                Err(LineFault::Json(fault)) if fault.is_eof() => self.torn_lines += 1,
                Err(fault) => return Err(faulty(fault)),
            }
        }
        Ok(())
    }

    fn take(&mut self, line: Line<'_>, at: At) -> Result<(), String> {
        let t = line.t;
        match &line.said {
            Said::SendInvoked { .. }
            | Said::SendAnswered { .. }
            | Said::SendRefused { .. }
            | Said::RequestInvoked { .. }
            | Said::RequestDone { .. }
            | Said::RequestRefused { .. }
            | Said::RequestUnknown { .. } => self.take_request(&line, at),
            Said::SendUnknown | Said::Discarded => self.user_of(&line, at).map(|_| ()),
            &Said::Applied { base, snapshot, flags, ref gaps, ref entries } => {
                let entries = self.keep(entries);
                let conversations = &mut self.history.conversations;
                let gaps: Vec<Gap> = gaps
                    .iter()
                    .map(|gap| {
                        let conversation = conversations.intern(gap.conversation().into());
                        Gap { conversation, from: gap.from, to: gap.to }
                    })
                    .collect();
                let change = Change::Apply(Apply { base, snapshot, flags, entries, settled: false });
                let lineage = self.lineage_of(&line, at)?;
                lineage.gaps.extend(gaps);
                lineage.steps.push(Step { t, at, change });
                Ok(())
            }
            &Said::Dumped { synced, ref entries } => {
                let entries = self.keep(entries);
                let lineage = self.lineage_of(&line, at)?;
                if lineage.dump.as_ref().is_none_or(|earlier| earlier.t <= t) {
                    lineage.dump = Some(Dump { t, at, synced, entries });
                }
                Ok(())
            }
            &Said::Read { asked, ref entries } => {
                let entries = self.keep(entries);
                self.lineage_of(&line, at)?.reads.push(ReadOut { t, at, asked, entries });
                Ok(())
            }
            &Said::Exported { asked, ref tokens } => {
                let tokens = tokens.iter().map(|token| self.history.tokens.intern(*token)).collect();
                self.lineage_of(&line, at)?.exports.push(Export { at, asked, tokens });
                Ok(())
            }
            _ => self.take_nemesis(&line, at),
        }
    }

    /// A send or another request, or the answer to one.
    fn take_request(&mut self, line: &Line<'_>, at: At) -> Result<(), String> {
        let t = line.t;
        let by = self.user_of(line, at)?;
        let History { ids, tokens, users, conversations, request_ids, .. } = &mut self.history;
        match &line.said {
            &Said::SendInvoked { id, token, to } => {
                let (id, token) = (ids.intern(id), tokens.intern(token));
                let to = match to {
                    WrittenTarget::User(user) => Target::User(users.intern(user.into())),
                    WrittenTarget::Group(group) => Target::Group(conversations.intern(group.into())),
                };
                self.history.invokes.push(Invoke { t, at, id, token, sender: by, to });
            }
            &Said::SendAnswered { id, conversation, seq } => {
                let (id, conversation) = (ids.intern(id), conversations.intern(conversation.into()));
                self.history.acks.push(Ack { t, at, id, conversation, seq, settled: false });
            }
            &Said::SendRefused { id, code } => {
                let id = ids.intern(id);
                self.history.refusals.push(Refusal { at, id, code });
            }
            Said::RequestInvoked { request, asked } => {
                let mut group = |group: u64| conversations.intern(group.into());
                let mut user = |user: u64| users.intern(user.into());
                let asked = asked.clone().map(&mut group, &mut user);
                let request = request_ids.intern(*request);
                let lineage = self.lineage_numbers[line.client.as_ref()];
                self.history.asks.push(Ask { t, at, by, lineage, request, asked });
            }
            &Said::RequestDone { request, conversation } => {
                let made = conversation.map(|conversation| conversations.intern(conversation.into()));
                let request = request_ids.intern(request);
                self.take_answer(t, request, Outcome::Done(made));
            }
            &Said::RequestRefused { request } => {
                let request = request_ids.intern(request);
                self.take_answer(t, request, Outcome::Refused);
            }
            &Said::RequestUnknown { request } => {
                let request = request_ids.intern(request);
                self.take_answer(t, request, Outcome::Unknown);
            }
            _ => unreachable!("only requests and their answers come here"),
        }
        Ok(())
    }

    fn take_answer(&mut self, t: u64, request: u32, outcome: Outcome) {
        self.history.answers.push(Answer { t, request, outcome, settled: false });
    }

    fn take_nemesis(&mut self, line: &Line<'_>, at: At) -> Result<(), String> {
        let t = line.t;
        match &line.said {
            &Said::ClientRestarted { snapshot } => {
                self.client_restarts += 1;
                self.lineage_of(line, at)?.steps.push(Step { t, at, change: Change::Restart(snapshot) });
            }
            Said::Devices(written) => {
                for one in written {
                    let user = self.history.users.intern(one.user().into());
                    self.lineage(&one.client, Some(user), at)?.declared = true;
                }
            }
            &Said::DeviceEnded { t_end } => {
                self.lineage_of(line, at)?;
                let lineage = self.lineage_numbers[line.client.as_ref()];
                self.history.operator_ends.push(OperatorEnd { lineage, t, done: t_end });
            }
            &Said::UserErased { t_end } => {
                let user = line.user.expect("a line without a user is refused");
                let user = self.history.users.intern(user.into());
                self.history.erasures.push(Erasure { user, t, done: t_end });
            }
            Said::ServerKilled => self.history.kills.push(t),
            &Said::PowerCut { t_end } => self.history.cuts.push((t, t_end)),
            Said::ServerRestarted => self.history.served.push(t),
            Said::Healed => {
                self.history.served.push(t);
                self.history.healed_at = self.history.healed_at.max(Some(t));
            }
            _ => {}
        }
        Ok(())
    }

    fn user_of(&mut self, line: &Line<'_>, at: At) -> Result<u32, String> {
        self.lineage_of(line, at).map(|lineage| lineage.user)
    }

    fn lineage_of(&mut self, line: &Line<'_>, at: At) -> Result<&mut Lineage, String> {
        let user = line.user.map(|user| self.history.users.intern(user.into()));
        self.lineage(&line.client, user, at)
    }

    fn lineage(&mut self, name: &str, user: Option<u32>, at: At) -> Result<&mut Lineage, String> {
        let number = match self.lineage_numbers.get(name) {
            Some(&number) => number,
            None => {
                let user =
                    user.ok_or_else(|| format!("lineage {name} is not known yet, and no user is named"))?;
                let number = u32::try_from(self.history.lineages.len()).expect("fewer lineages than that");
                self.lineage_numbers.insert(name.to_owned(), number);
                let name = name.to_owned();
                self.history.lineages.push(Lineage {
                    name,
                    user,
                    declared: false,
                    at,
                    steps: Vec::new(),
                    dump: None,
                    reads: Vec::new(),
                    exports: Vec::new(),
                    gaps: Vec::new(),
                    ended: None,
                });
                number
            }
        };
        let lineage = &mut self.history.lineages[number as usize];
        match user {
            Some(user) if user != lineage.user => Err(format!("lineage {name} belongs to another user")),
            _ => Ok(lineage),
        }
    }

    fn keep(&mut self, written: &[WrittenEntry]) -> Range<usize> {
        let history = &mut self.history;
        let begin = history.entries.len();
        for entry in written {
            let token = history.tokens.intern(entry.token());
            let conversation = history.conversations.intern(entry.conversation.into());
            let (sender, seq) = (history.users.intern(entry.sender.into()), entry.seq);
            let id = match &entry.what {
                What::Message { id, .. } => id.map_or(Entry::NO_ID, |id| history.ids.intern(id)),
                What::Notice { kind, users, .. } => {
                    let users = users.iter().map(|user| history.users.intern((*user).into())).collect();
                    let notice = Notice { conversation, seq, sender, kind: *kind, users };
                    history.notices.entry(token).or_insert(notice);
                    Entry::NO_ID
                }
                What::Erased => {
                    let kind = NoticeKind::ErasedMessage;
                    let notice = Notice { conversation, seq, sender, kind, users: Vec::new() };
                    history.notices.entry(token).or_insert(notice);
                    Entry::NO_ID
                }
            };
            let is_text = matches!(entry.what, What::Message { .. });
            history.entries.push(Entry { token, id, conversation, sender, seq, is_text });
        }
        begin..history.entries.len()
    }

    fn put_in_order(&mut self) {
        let windows = CutWindows::new(&self.history.cuts, self.history.served.clone());
        for ack in &mut self.history.acks {
            ack.settled = !windows.cover(ack.t);
        }
        for answer in &mut self.history.answers {
            answer.settled = !windows.cover(answer.t);
        }
        for erasure in &mut self.history.erasures {
            erasure.done = erasure.done.filter(|done| !windows.cover(*done));
        }
        for end in &mut self.history.operator_ends {
            end.done = end.done.filter(|done| !windows.cover(*done));
        }
        for lineage in &mut self.history.lineages {
            lineage.steps.sort_by_key(|step| (step.t, step.at));
            for step in &mut lineage.steps {
                if let Change::Apply(apply) = &mut step.change {
                    apply.settled = !windows.cover(step.t);
                }
            }
        }
    }
}
