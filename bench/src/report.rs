//! The table: one row per figure, always with the same columns.

use std::fmt::Write as _;

/// Whether a figure is where it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Met,
    /// It is not.
    Missed,
    /// There is nothing to reach: printed beside the others.
    Information,
    /// It could not be measured, or does not count, and why.
    No(String),
}

impl Verdict {
    /// Met when the figure is at most this.
    #[must_use]
    pub fn at_most(figure: f64, reach: f64) -> Verdict {
        if figure <= reach { Verdict::Met } else { Verdict::Missed }
    }

    /// Met when the figure is at least this.
    #[must_use]
    pub fn at_least(figure: f64, reach: f64) -> Verdict {
        if figure >= reach { Verdict::Met } else { Verdict::Missed }
    }

    fn text(&self) -> String {
        match self {
            Verdict::Met => "met".to_owned(),
            Verdict::Missed => "**missed**".to_owned(),
            Verdict::Information => "–".to_owned(),
            Verdict::No(why) => why.clone(),
        }
    }
}

/// How a figure came about.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// What keeps the data.
    pub engine: &'static str,
    /// What an acknowledgement means.
    pub stage: &'static str,
    /// Bytes of a text.
    pub payload: String,
    /// Unanswered at a time.
    pub in_flight: String,
    /// Cores of the server.
    pub cores: String,
}

/// One figure.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which work, and what of it.
    pub work: String,
    /// As measured, with its unit.
    pub figure: String,
    /// As wanted; empty when nothing is.
    pub reach: String,
    /// How the two compare.
    pub verdict: Verdict,
    /// How it came about.
    pub setting: Setting,
}

/// The rows of a run, and what is to be said beside them.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of printing.
    pub rows: Vec<Row>,
    /// One sentence each.
    pub notes: Vec<String>,
    /// Sizes are too small for results.
    pub is_short: bool,
}

impl Report {
    /// Adds a row.
    pub fn row(
        &mut self,
        work: impl Into<String>,
        figure: impl Into<String>,
        reach: impl Into<String>,
        verdict: Verdict,
        setting: &Setting,
    ) {
        let (work, figure, reach) = (work.into(), figure.into(), reach.into());
        say(&format!("{work}: {figure}{} {}", if reach.is_empty() { "" } else { ", reach" }, reach));
        // Bytes of a frame are the same however short the run is.
        let depends_on_size = !work.starts_with("W9") && matches!(verdict, Verdict::Met | Verdict::Missed);
        let verdict = if self.is_short && depends_on_size {
            Verdict::No("short, no result".to_owned())
        } else {
            verdict
        };
        self.rows.push(Row { work, figure, reach, verdict, setting: setting.clone() });
    }

    /// Adds a note.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        say(&note);
        self.notes.push(note);
    }

    /// Whether any of these rows was missed.
    #[must_use]
    pub fn missed(&self, work: &str) -> bool {
        self.rows.iter().any(|row| row.work.starts_with(work) && row.verdict == Verdict::Missed)
    }

    /// The table in Markdown, and the notes.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from(
            "| work | figure | reach | | engine | acknowledged | payload | in flight | server cores |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for row in &self.rows {
            let setting = &row.setting;
            let cells = [
                row.work.as_str(),
                &row.figure,
                &row.reach,
                &row.verdict.text(),
                setting.engine,
                setting.stage,
                &setting.payload,
                &setting.in_flight,
                &setting.cores,
            ];
            // Writing to a string does not fail.
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        out.push('\n');
        for note in &self.notes {
            let _ = writeln!(out, "- {note}");
        }
        out
    }
}

/// Tells the person who waits what goes on, apart from the table.
pub fn say(text: &str) {
    eprintln!("bench: {text}");
}

/// The middle one; the mean of the two middle ones of an even number.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && digits.as_bytes()[place - 1] != b'-' {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_row_says_so() {
        let mut report = Report::default();
        report.row("W1 idle", "5,000 B", "≤ 4,096 B", Verdict::at_most(5000.0, 4096.0), &Setting::default());
        assert!(report.missed("W1") && !report.missed("W2"));
        let mut short = Report { is_short: true, ..Report::default() };
        short.row("W1 idle", "5,000 B", "≤ 4,096 B", Verdict::Missed, &Setting::default());
        assert!(!short.missed("W1"));
        assert!(report.markdown().contains("| W1 idle | 5,000 B | ≤ 4,096 B | **missed** |"));
    }

    #[test]
    fn numbers_are_grouped_and_the_middle_is_found() {
        let grouped = [0.0, 999.0, 1000.0, 1_234_567.0, -1234.0].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567", "-1,234"]);
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
    }
}
