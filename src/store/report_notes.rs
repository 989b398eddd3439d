//! What is noted of reports on disk: a file of JSON lines, one for each kind, which appears whole or not at all.
//! `docs/reports-format.md` says what stands in it.

use std::io;

use serde::{Deserialize, Serialize};

use super::files::{FileFault, Files};
use crate::model::reports::{
    BEGUN_MAX, MARKS_MAX, Mark, NoReport, OpenReport, Period, PeriodKind, ReportNotes, Stage,
};

/// The file.
const FILE: &str = "notes";
/// What it is written as before it has its name.
const UNFINISHED: &str = "notes.new";
/// Bytes of the file; a longer one is none of ours. Source: two kinds with all marks twice and 20 addresses have a quarter.
const FILE_BYTES_MAX: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Line {
    kind: String,
    through: Option<String>,
    floor: Option<String>,
    begun: Vec<String>,
    open: Option<OpenLine>,
    marks: Vec<MarkLine>,
    marks_more: u64,
}

#[derive(Serialize, Deserialize)]
struct OpenLine {
    period: String,
    /// When a refused one was tried last; `null` of one that is on its way.
    tried_ms: Option<i64>,
    /// Those it was not taken for.
    left: Vec<String>,
    marks: Vec<MarkLine>,
    marks_more: u64,
}

#[derive(Serialize, Deserialize)]
struct MarkLine {
    period: String,
    why: String,
}

/// What was noted last of each kind, in the order of [`PeriodKind::ALL`]; nothing if nothing ever was.
///
/// # Errors
/// [`FileFault`]: it cannot be read, or is not what is written here.
pub fn read(files: &dyn Files) -> Result<[ReportNotes; 2], FileFault> {
    let bytes = match files.read_all(FILE, FILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(fault) if fault.is_not_found() => return Ok(Default::default()),
        Err(fault) => return Err(fault),
    };
    let damaged = || FileFault::new("read", FILE, io::Error::from(io::ErrorKind::InvalidData));
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let mut lines = text.lines();
    let mut notes: [ReportNotes; 2] = Default::default();
    for (kind, place) in PeriodKind::ALL.into_iter().zip(&mut notes) {
        *place = lines.next().and_then(|line| parsed(kind, line)).ok_or_else(damaged)?;
    }
    if lines.next().is_some() { Err(damaged()) } else { Ok(notes) }
}

/// Writes these in place of what was there; durable when it returns.
///
/// # Errors
/// [`FileFault`]: what was there is there, or these are.
pub fn write(files: &dyn Files, notes: &[ReportNotes; 2]) -> Result<(), FileFault> {
    let lines = PeriodKind::ALL.into_iter().zip(notes).map(|(kind, notes)| {
        serde_json::to_string(&line(kind, notes)).expect("numbers and names are always JSON") + "\n"
    });
    let text: String = lines.collect();
    let file = files.create(UNFINISHED)?;
    file.write_at(0, text.as_bytes())?;
    file.sync_all()?;
    files.rename(UNFINISHED, FILE)?;
    files.sync_dir()
}

fn line(kind: PeriodKind, notes: &ReportNotes) -> Line {
    let name = |number: i64| Period { kind, number }.to_string();
    Line {
        kind: kind.name().to_owned(),
        through: notes.through.map(name),
        floor: notes.floor.map(name),
        begun: notes.begun.iter().map(|number| name(*number)).collect(),
        open: notes.open.as_ref().map(|open| {
            let (tried_ms, left) = match &open.stage {
                Stage::Begun => (None, Vec::new()),
                Stage::Refused { tried_ms, left } => (Some(*tried_ms), left.clone()),
            };
            let period = open.period.to_string();
            OpenLine { period, tried_ms, left, marks: mark_lines(&open.marks), marks_more: open.marks_more }
        }),
        marks: mark_lines(&notes.marks),
        marks_more: notes.marks_more,
    }
}

fn mark_lines(marks: &[Mark]) -> Vec<MarkLine> {
    let line = |mark: &Mark| MarkLine { period: mark.period.to_string(), why: mark.why.name().to_owned() };
    marks.iter().map(line).collect()
}

/// The notes of a kind; nothing of a line that is not written here.
fn parsed(kind: PeriodKind, line: &str) -> Option<ReportNotes> {
    let line: Line = serde_json::from_str(line).ok()?;
    let period = |text: &str| Period::parse(kind, text);
    let number = |text: &Option<String>| match text {
        None => Some(None),
        Some(text) => period(text).map(|period| Some(period.number)),
    };
    let marks = |lines: &[MarkLine]| -> Option<Vec<Mark>> {
        let one = |line: &MarkLine| {
            let why = NoReport::ALL.into_iter().find(|why| why.name() == line.why)?;
            Some(Mark { period: period(&line.period)?, why })
        };
        lines.iter().map(one).collect::<Option<Vec<_>>>().filter(|marks| marks.len() <= MARKS_MAX)
    };
    let open = match &line.open {
        None => None,
        Some(open) => Some(OpenReport {
            period: period(&open.period)?,
            stage: match open.tried_ms {
                None => Stage::Begun,
                Some(tried_ms) => Stage::Refused { tried_ms, left: open.left.clone() },
            },
            marks: marks(&open.marks)?,
            marks_more: open.marks_more,
        }),
    };
    let begun: Vec<i64> =
        line.begun.iter().map(|text| period(text).map(|period| period.number)).collect::<Option<_>>()?;
    let is_ours = line.kind == kind.name() && begun.is_sorted_by(|a, b| a < b) && begun.len() <= BEGUN_MAX;
    is_ours.then_some(ReportNotes {
        through: number(&line.through)?,
        floor: number(&line.floor)?,
        begun,
        open,
        marks: marks(&line.marks)?,
        marks_more: line.marks_more,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::files_faulty::{CutPolicy, FaultyDisk, SeededRandom};

    fn notes(number: i64) -> [ReportNotes; 2] {
        let period = |number| Period { kind: PeriodKind::Day, number };
        let mark = |number, why| Mark { period: period(number), why };
        let open = OpenReport {
            period: period(number),
            stage: Stage::Refused { tried_ms: 1_795_240_920_000, left: vec!["a@b.example".to_owned()] },
            marks: vec![mark(number - 1, NoReport::NotRun)],
            marks_more: 3,
        };
        let daily = ReportNotes {
            through: Some(number),
            floor: Some(number - 20),
            begun: vec![number - 2, number],
            open: Some(open),
            marks: vec![mark(number - 3, NoReport::Unknown)],
            marks_more: 0,
        };
        [daily, ReportNotes { through: Some(2968), ..ReportNotes::default() }]
    }

    #[test]
    fn the_bytes_are_those_of_the_document() {
        let disk = FaultyDisk::new();
        let files = disk.directory("reports");
        assert_eq!(read(&*files).unwrap(), <[ReportNotes; 2]>::default());
        write(&*files, &notes(20_778)).unwrap();
        let text = String::from_utf8(files.read_all(FILE, FILE_BYTES_MAX).unwrap()).unwrap();
        let document = include_str!("../../docs/reports-format.md");
        let example = document.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(text, example);
        assert_eq!(read(&*files).unwrap(), notes(20_778));
    }

    #[test]
    fn what_is_on_its_way_comes_back_as_that() {
        let disk = FaultyDisk::new();
        let files = disk.directory("reports");
        let mut of_both = notes(20_778);
        of_both[0].open.as_mut().unwrap().stage = Stage::Begun;
        write(&*files, &of_both).unwrap();
        assert_eq!(read(&*files).unwrap(), of_both);
    }

    #[test]
    fn what_is_not_ours_is_damaged() {
        let disk = FaultyDisk::new();
        let files = disk.directory("reports");
        write(&*files, &notes(20_778)).unwrap();
        let whole = String::from_utf8(files.read_all(FILE, FILE_BYTES_MAX).unwrap()).unwrap();
        for (from, to) in [
            ("\"day\"", "\"week\""),
            ("2026-11-19\",\"2026-11-21", "2026-11-21\",\"2026-11-19"),
            ("not_run", "asleep"),
            ("2026-W47", "2026-W54"),
            ("\n", ""),
            ("{\"kind\":\"week\"", "{}\n{\"kind\":\"week\""),
        ] {
            let text = whole.replace(from, to);
            assert_ne!(text, whole, "{from}");
            files.create(FILE).unwrap().write_at(0, text.as_bytes()).unwrap();
            assert!(read(&*files).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn a_power_cut_leaves_what_was_written() {
        for seed in 0..20 {
            let mut random = SeededRandom(seed);
            let disk = FaultyDisk::new();
            write(&*disk.directory("reports"), &notes(20_778)).unwrap();
            for policy in CutPolicy::ALL {
                let cut = disk.after_power_cut(policy, &mut random);
                assert_eq!(read(&*cut.directory("reports")).unwrap(), notes(20_778), "seed {seed}");
            }
        }
    }
}
