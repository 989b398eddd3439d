//! A report as plain text: what whoever reads mail without pictures has.

use std::fmt::Write;

use super::report::Report;

/// The report, lines ended by line feeds.
#[must_use]
pub fn text(report: &Report) -> String {
    let (period, before) = (report.period, report.period.before());
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("a String takes all");
    line(format_args!("{period} (UTC), beside {before}\n"));
    for told in &report.figures {
        let (value, earlier) = (shown(told.value), shown(told.before));
        line(format_args!("{}: {value} (before: {earlier}; {})", told.says, told.compared.says()));
    }
    let remarks = report.remarks();
    if !remarks.is_empty() {
        line(format_args!("\n{}", remarks.join("\n")));
    }
    out
}

/// A number with its thousands apart; of what is not known a dash.
#[must_use]
pub fn shown(value: Option<i64>) -> String {
    let Some(value) = value else {
        return "\u{2013}".to_owned();
    };
    let digits = value.unsigned_abs().to_string();
    let mut out = if value < 0 { "\u{2212}".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}
