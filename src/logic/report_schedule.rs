//! When a report is begun, tried again and given up: a pure function of what is noted, the time, and what became of a mail.
//!
//! No period is begun twice: it is noted before the mail goes out, and what is noted as begun and not as settled at a start
//! is not sent again, since it may have come. It is marked in the next report, as is each period whose report was not
//! taken, or was due while nobody was there.

use crate::model::{
    TimeMs,
    reports::{BEGUN_MAX, MARKS_MAX, Mark, NoReport, OpenReport, Period, PeriodKind, ReportNotes, Stage},
};

/// After so long what the mail server did not take is tried again. Source: what is down for an hour is down for people.
pub const TRIED_AGAIN_AFTER_MS: i64 = 60 * 60 * 1000;

/// Minutes that a period waits for its last points. Source: the newest is there when the next minute has begun.
const SETTLING_MINUTES: i64 = 2;

/// Which reports there are, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportSchedule {
    /// Of days or of weeks.
    pub kind: PeriodKind,
    /// The hour, UTC, of the first day behind a period at which its report is due.
    pub hour: u8,
}

/// What a mail came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailed {
    /// Everybody's was taken.
    Taken,
    /// These have none, and everybody else has.
    NotTaken(Vec<String>),
    /// It is not known of somebody.
    Unknown,
}

/// What a look came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// What is to be noted, durably, before anything is sent.
    pub notes: ReportNotes,
    /// Whether the open report is to be sent: to everybody, or to those who are left.
    pub send: Option<Vec<String>>,
    /// Periods that were marked.
    pub marked: Vec<Mark>,
}

/// What is noted when a process takes over. Where no reports are wanted, nothing is due any more and nothing is marked.
#[must_use]
pub fn started(mut notes: ReportNotes, is_wanted: bool) -> Looked {
    let mut marked = Vec::new();
    if !is_wanted {
        notes = ReportNotes { floor: notes.floor, begun: notes.begun, ..ReportNotes::default() };
    } else if let Some(OpenReport { stage: Stage::Begun, .. }) = notes.open {
        marked = give_up(&mut notes, NoReport::Unknown);
    }
    Looked { notes, send: None, marked }
}

/// What there is to do at a time. Everything that is written goes to `to`, unless some of them have it.
#[must_use]
pub fn look(mut notes: ReportNotes, schedule: ReportSchedule, to: &[String], now: TimeMs) -> Looked {
    let due = newest_due(schedule, now);
    let Some(through) = notes.through.replace(due) else {
        // What ended before reports were wanted is nobody's news.
        return Looked { notes, send: None, marked: Vec::new() };
    };
    if due <= through {
        // A clock that went back makes nothing due; what comes up again is known as begun.
        let send = again(&mut notes, due, now);
        return Looked { notes, send, marked: Vec::new() };
    }
    let period = |number| Period { kind: schedule.kind, number };
    let is_new = |notes: &ReportNotes, number: i64| {
        notes.floor.is_none_or(|floor| number > floor) && !notes.begun.contains(&number)
    };
    // One of a time that is over; or of one that has not come, from a clock that was ahead.
    let is_other = notes.open.as_ref().is_some_and(|open| open.period.number != due);
    let mut marked = if is_other { give_up(&mut notes, NoReport::Refused) } else { Vec::new() };
    // A clock that is centuries ahead for a moment costs no more than the marks that are named.
    let named_from = (through + 1).max(due - MARKS_MAX as i64);
    notes.marks_more += u64::try_from(named_from - through - 1).unwrap_or_default();
    let missed: Vec<Mark> = (named_from..due)
        .filter(|number| is_new(&notes, *number))
        .map(|number| Mark { period: period(number), why: NoReport::NotRun })
        .collect();
    mark(&mut notes, &missed);
    marked.extend(missed);
    let send = (notes.open.is_none() && is_new(&notes, due)).then(|| {
        begin(&mut notes, period(due));
        to.to_vec()
    });
    Looked { notes, send, marked }
}

/// What is noted when a mail has come to something.
#[must_use]
pub fn settled(mut notes: ReportNotes, mailed: Mailed, now: TimeMs) -> Looked {
    let mut marked = Vec::new();
    match mailed {
        Mailed::Taken => notes.open = None,
        Mailed::Unknown => marked = give_up(&mut notes, NoReport::Unknown),
        Mailed::NotTaken(left) => {
            if let Some(open) = &mut notes.open {
                open.stage = Stage::Refused { tried_ms: now.0, left };
            }
        }
    }
    Looked { notes, send: None, marked }
}

/// The newest period whose report is due.
fn newest_due(schedule: ReportSchedule, now: TimeMs) -> i64 {
    let wait = i64::from(schedule.hour) * 60 + SETTLING_MINUTES;
    let minute = now.0.div_euclid(60_000).saturating_sub(wait);
    Period::of_minute(schedule.kind, minute).before().number
}

/// The open report once more, if it was refused, its hour has come, and it is still the newest.
fn again(notes: &mut ReportNotes, due: i64, now: TimeMs) -> Option<Vec<String>> {
    let open = notes.open.as_mut().filter(|open| open.period.number == due)?;
    let Stage::Refused { tried_ms, left } = &open.stage else {
        return None;
    };
    if (*tried_ms..tried_ms.saturating_add(TRIED_AGAIN_AFTER_MS)).contains(&now.0) {
        return None;
    }
    let left = left.clone();
    open.stage = Stage::Begun;
    Some(left)
}

fn begin(notes: &mut ReportNotes, period: Period) {
    let marks = std::mem::take(&mut notes.marks);
    let marks_more = std::mem::take(&mut notes.marks_more);
    notes.open = Some(OpenReport { period, stage: Stage::Begun, marks, marks_more });
    let place = notes.begun.partition_point(|begun| *begun < period.number);
    notes.begun.insert(place, period.number);
    if notes.begun.len() > BEGUN_MAX {
        notes.floor = Some(notes.begun.remove(0));
    }
}

/// Marks the open report. What it told is told again, since nobody knows whether it was read.
fn give_up(notes: &mut ReportNotes, why: NoReport) -> Vec<Mark> {
    let Some(open) = notes.open.take() else {
        return Vec::new();
    };
    let newer = std::mem::replace(&mut notes.marks, open.marks);
    notes.marks_more += open.marks_more;
    let marked = Mark { period: open.period, why };
    mark(notes, &[marked]);
    mark(notes, &newer);
    vec![marked]
}

fn mark(notes: &mut ReportNotes, new: &[Mark]) {
    notes.marks.extend_from_slice(new);
    let surplus = notes.marks.len().saturating_sub(MARKS_MAX);
    notes.marks.drain(..surplus);
    notes.marks_more += surplus as u64;
}
