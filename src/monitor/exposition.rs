//! All current values as text for Prometheus, in the classic format or as OpenMetrics.

use std::fmt::Write;

use super::help;
use super::host_values::HostValues;
use super::registry::{Entry, Kind, Part, Unit};
use super::slots::Slots;

/// First part of the name of every family.
const PREFIX: &str = "highwater";

/// Which of the two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Classic,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The format that a client takes, by the `Accept` header of its request.
    #[must_use]
    pub fn from_accept(accept: Option<&str>) -> Format {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Format::OpenMetrics,
            _ => Format::Classic,
        }
    }

    /// The `Content-Type` of the text.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The values of every registered id, family by family; those of host programs behind the server's own. Times are in
/// seconds, as Prometheus wants them.
#[must_use]
pub fn text(slots: &Slots, host: &HostValues, format: Format) -> String {
    let registry = slots.registry();
    // About 90 bytes per sample.
    let mut out = String::with_capacity(registry.len() * 96);
    for (index, first) in registry.iter().enumerate() {
        let is_new = registry[..index].iter().all(|earlier| earlier.family != first.family);
        if is_new {
            let members = registry[index..].iter().filter(|entry| entry.family == first.family);
            write_family(&mut out, first, members, slots, format);
        }
    }
    host_families::write(&mut out, host, format);
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn write_family<'a>(
    out: &mut String,
    first: &Entry,
    members: impl Iterator<Item = &'a Entry>,
    slots: &Slots,
    format: Format,
) {
    let name = family_name(first);
    write_head(out, &name, first, format);
    let mut observed = 0;
    for entry in members {
        let value = slots.value(entry.id);
        match entry.part {
            Part::Plain => {
                let suffix = if entry.kind == Kind::Sum { "_total" } else { "" };
                write_sample(out, &name, suffix, entry.labels, None);
                write_value(out, entry.unit, value);
            }
            Part::Band(le) => {
                observed += value;
                write_sample(out, &name, "_bucket", entry.labels, Some(le));
                // A band counts observations, whatever the unit of what is observed.
                write_value(out, Unit::Count, observed);
            }
            Part::BandSum => {
                write_sample(out, &name, "_sum", entry.labels, None);
                write_value(out, entry.unit, value);
                write_sample(out, &name, "_count", entry.labels, None);
                write_value(out, Unit::Count, std::mem::take(&mut observed));
            }
        }
    }
}

fn family_name(entry: &Entry) -> String {
    format!("{PREFIX}_{}{}", entry.family, unit_suffix(entry.unit))
}

const fn unit_suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Micros => "_seconds",
        Unit::Bytes => "_bytes",
    }
}

fn write_head(out: &mut String, name: &str, first: &Entry, format: Format) {
    let kind = match (first.part, first.kind) {
        (Part::Band(_) | Part::BandSum, _) => "histogram",
        (Part::Plain, Kind::Sum) => "counter",
        (Part::Plain, Kind::Gauge | Kind::Max) => "gauge",
    };
    declare(out, name, kind, first.unit, &help::of(first), format);
}

fn declare(out: &mut String, name: &str, kind: &str, unit: Unit, help: &str, format: Format) {
    // The classic format names a counter by its sample, OpenMetrics by its family.
    let suffix = if kind == "counter" && format == Format::Classic { "_total" } else { "" };
    push(out, format_args!("# HELP {name}{suffix} "));
    push_escaped(out, help);
    push(out, format_args!("\n# TYPE {name}{suffix} {kind}\n"));
    if format == Format::OpenMetrics && unit != Unit::Count {
        push(out, format_args!("# UNIT {name} {}\n", &unit_suffix(unit)[1..]));
    }
}

fn write_sample(out: &mut String, name: &str, suffix: &str, labels: &[(&str, &str)], le: Option<&str>) {
    out.push_str(name);
    out.push_str(suffix);
    let mut opening = '{';
    for (label, value) in labels.iter().copied().chain(le.map(|le| ("le", le))) {
        push(out, format_args!("{opening}{label}=\""));
        push_escaped(out, value);
        out.push('"');
        opening = ',';
    }
    if opening == ',' {
        out.push('}');
    }
    out.push(' ');
}

/// As both formats read the values of labels and OpenMetrics reads help, too. The classic format knows no quotation mark
/// in help that is escaped and would show the backslash: our sentences have none.
fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            plain => out.push(plain),
        }
    }
}

fn write_value(out: &mut String, unit: Unit, value: i64) {
    match unit {
        Unit::Count | Unit::Bytes => push(out, format_args!("{value}\n")),
        Unit::Micros => {
            let sign = if value < 0 { "-" } else { "" };
            let (seconds, micros) = (value.unsigned_abs() / 1_000_000, value.unsigned_abs() % 1_000_000);
            push(out, format_args!("{sign}{seconds}.{micros:06}\n"));
        }
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string never fails");
}

mod host_families;
#[cfg(test)]
mod tests;
