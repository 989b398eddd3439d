//! Reports by mail: one of each day and each week to each who is written to.
//!
//! Owns the notes of what was sent. Not an actor: a thread of its own, since reading a week of points, drawing and waiting
//! for a mail server take long, and nothing waits for them. When a report is sent is decided by `logic::report_schedule`.
//! Durable before a mail goes out: that it was begun. A restart in the middle of a mail does not send it again, and the
//! next report says so; a process that stops does not wait for a mail.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use super::{
    mailer::{Address, Mail, Mailer, picture_address},
    point_keeper::PointKeeper,
    reports::Compiled,
};
use crate::{
    logic::report_schedule::{Looked, Mailed, ReportSchedule, look, settled, started},
    model::{
        Clock,
        reports::{Mark, NoReport, OpenReport, PeriodKind, ReportNotes},
    },
    monitor::{
        alarms::Letter,
        ids,
        reports::{html, text},
    },
    store::{
        files::{FileFault, Files},
        report_notes,
    },
};

/// What reports are made and sent with.
pub struct ReporterParts {
    /// Stored points.
    pub points: Arc<PointKeeper>,
    /// Who writes, and to whom.
    pub mailer: Arc<Mailer>,
    /// The directory of the notes.
    pub files: Arc<dyn Files>,
    /// Which reports are wanted, in the order of [`PeriodKind::ALL`].
    pub wanted: [bool; 2],
    /// At which hour, UTC.
    pub hour: u8,
    /// The clock of the minute points.
    pub clock: Clock,
}

/// See the module.
pub struct Reporter {
    parts: ReporterParts,
    /// Of days and of weeks.
    notes: [ReportNotes; 2],
    /// What of it is on disk.
    durable: [ReportNotes; 2],
    /// The last write failed, and that was said.
    is_failing: bool,
}

/// Ends the thread when it is dropped.
pub struct Reporting {
    _end: Sender<()>,
}

/// Notes that no reports are wanted any more, where there are notes: what is due from now on is not missed.
///
/// # Errors
/// [`FileFault`]: they cannot be read or written.
pub fn note_unwanted(files: &dyn Files) -> Result<(), FileFault> {
    let noted = report_notes::read(files)?;
    let unwanted = noted.clone().map(|notes| started(notes, false).notes);
    if unwanted == noted { Ok(()) } else { report_notes::write(files, &unwanted) }
}

impl Reporter {
    /// Takes over from the process before. Notes that cannot be read are said in the log and begin anew, after which nothing
    /// is sent that may have been.
    #[must_use]
    pub fn open(parts: ReporterParts) -> Reporter {
        let durable = report_notes::read(&*parts.files).unwrap_or_else(|fault| {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(error, "the notes of reports cannot be read: they begin with the next period");
            Default::default()
        });
        let mut reporter = Reporter { parts, notes: durable.clone(), durable, is_failing: false };
        for place in 0..PeriodKind::ALL.len() {
            let is_wanted = reporter.parts.wanted[place];
            let looked = started(reporter.notes[place].clone(), is_wanted);
            reporter.notes[place] = looked.notes;
            reporter.count(&looked.marked);
        }
        reporter
    }

    /// Looks at the clock again and again, on a thread of its own.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(mut self, every: Duration) -> std::io::Result<Reporting> {
        let (alive, end): (Sender<()>, Receiver<()>) = channel();
        std::thread::Builder::new().name("reports".to_owned()).spawn(move || {
            while end.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                self.look();
            }
        })?;
        Ok(Reporting { _end: alive })
    }

    /// Sends what is due. Blocks.
    pub fn look(&mut self) {
        for (place, kind) in PeriodKind::ALL.into_iter().enumerate() {
            if self.parts.wanted[place] {
                self.look_at(place, ReportSchedule { kind, hour: self.parts.hour });
            }
        }
        // What a mail came to, should it not have been written at once.
        self.write();
    }

    fn look_at(&mut self, place: usize, schedule: ReportSchedule) {
        let to: Vec<String> = self.parts.mailer.recipients().iter().map(ToString::to_string).collect();
        let before = self.notes[place].clone();
        let Looked { notes, send, marked } = look(before.clone(), schedule, &to, self.parts.clock.now());
        self.notes[place] = notes;
        // Nothing goes out that is not known to have begun; it is tried again at the next look.
        if !self.write() {
            self.notes[place] = before;
            return;
        }
        self.count(&marked);
        let Some((left, open)) = send.zip(self.notes[place].open.clone()) else {
            return;
        };
        let mailed = self.send(&open, &left);
        let looked = settled(self.notes[place].clone(), mailed, self.parts.clock.now());
        self.notes[place] = looked.notes;
        self.count(&looked.marked);
        self.write();
    }

    /// Writes a report to those who are left, and says what that came to.
    fn send(&self, open: &OpenReport, left: &[String]) -> Mailed {
        let mail = match self.written(open) {
            Ok(mail) => mail,
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::warn!(error, "the points of a report cannot be read; it is tried again");
                return Mailed::NotTaken(left.to_vec());
            }
        };
        let is_left = |address: &&Address| left.contains(&address.to_string());
        let mailer = &self.parts.mailer;
        let mut addresses: Vec<Address> = mailer.recipients().iter().filter(is_left).cloned().collect();
        let (period, mut may_be_taken) = (open.period.to_string(), false);
        mailer.hand_over(&mail, &mut addresses, |outcome| {
            if let Err(fault) = &outcome.answer {
                may_be_taken |= fault.may_be_taken;
                let error = fault as &dyn std::error::Error;
                tracing::warn!(error, period, "the mail server did not take a report");
            }
        });
        let monitor = self.parts.points.monitor();
        if may_be_taken {
            return Mailed::Unknown;
        }
        if addresses.is_empty() {
            monitor.add(ids::REPORTS_SENT, 1);
            tracing::info!(period, "the report was sent");
            return Mailed::Taken;
        }
        monitor.add(ids::REPORTS_REFUSED, 1);
        Mailed::NotTaken(addresses.iter().map(ToString::to_string).collect())
    }

    fn written(&self, open: &OpenReport) -> Result<Mail, FileFault> {
        let ReporterParts { points, mailer, clock, .. } = &self.parts;
        let compiled = Compiled::read(points, open.period, clock.now())?;
        let report = compiled.report().with_marks(open.marks.clone(), open.marks_more);
        let pictures = compiled.pictures();
        let page = html(&report, mailer.name(), &pictures, |_, picture| picture_address(picture));
        let letter = Letter {
            subject: format!("report of {}", open.period),
            text: text(&report),
            identity: format!("report {} {}", open.period.kind.name(), open.period),
        };
        Ok(mailer.written_with(&letter, page, &pictures))
    }

    /// Makes the notes durable, if they are not; whether they are.
    fn write(&mut self) -> bool {
        if self.notes == self.durable {
            return true;
        }
        match report_notes::write(&*self.parts.files, &self.notes) {
            Ok(()) => {
                self.durable = self.notes.clone();
                self.is_failing = false;
                true
            }
            Err(fault) => {
                if !self.is_failing {
                    let error = &fault as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "the notes of reports cannot be written; no report is sent without them"
                    );
                }
                self.is_failing = true;
                false
            }
        }
    }

    fn count(&self, marked: &[Mark]) {
        for mark in marked {
            let id = match mark.why {
                NoReport::NotRun | NoReport::Refused => ids::REPORTS_MISSED,
                NoReport::Unknown => ids::REPORTS_UNKNOWN,
            };
            self.parts.points.monitor().add(id, 1);
            let period = mark.period.to_string();
            tracing::warn!(period, "{}", mark.why.says());
        }
    }
}

#[cfg(test)]
mod tests;
