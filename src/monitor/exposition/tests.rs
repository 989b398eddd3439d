#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::monitor::ids::{self, FRAMEWORK};
use crate::monitor::registry::LOST_ENTRY;
use crate::monitor::{Monitor, Op, Outcome};

/// One family as a strict reader understands it.
#[derive(Debug)]
struct Family {
    kind: String,
    unit: Option<String>,
    samples: Vec<Sample>,
}

#[derive(Debug, PartialEq)]
struct Sample {
    suffix: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Reads the text as strictly as its format says: every sample below `HELP` and `TYPE` of its family, right suffixes,
/// well-formed names, labels and numbers, no sample twice, and the last line `# EOF` in OpenMetrics alone.
fn parse(text: &str, format: Format) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
    let mut lines: Vec<_> = text.lines().collect();
    if format == Format::OpenMetrics {
        assert_eq!(lines.pop(), Some("# EOF"));
    }
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut current, mut helped) = (String::new(), None);
    for line in lines {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(helped.replace(help.split_once(' ').unwrap()).is_none(), "HELP twice: {line}");
        } else if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            let (help_of, help) = helped.take().unwrap();
            assert!(help_of == name && help.len() > 10, "HELP comes before TYPE, and of the same: {line}");
            let name = match (kind, format) {
                ("counter", Format::Classic) => name.strip_suffix("_total").unwrap(),
                _ => name,
            };
            assert!(is_name(name) && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
            current = name.to_owned();
            let family = Family { kind: kind.to_owned(), unit: None, samples: Vec::new() };
            assert!(families.insert(current.clone(), family).is_none(), "one TYPE per family: {line}");
        } else if let Some(unit) = line.strip_prefix("# UNIT ") {
            assert_eq!(format, Format::OpenMetrics, "{line}");
            let (name, unit) = unit.split_once(' ').unwrap();
            assert!(name == current && name.ends_with(&format!("_{unit}")), "{line}");
            let family = families.get_mut(name).unwrap();
            assert!(family.unit.is_none() && family.samples.is_empty(), "{line}");
            family.unit = Some(unit.to_owned());
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let (name, labels, value) = parse_sample(line);
            let suffix =
                name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{line} is not of {current}"));
            let family = families.get_mut(&current).unwrap();
            let allowed: &[&str] = match family.kind.as_str() {
                "counter" => &["_total"],
                "gauge" => &[""],
                _ => &["_bucket", "_sum", "_count"],
            };
            assert!(allowed.contains(&suffix), "{line}");
            assert_eq!(labels.contains_key("le"), suffix == "_bucket", "{line}");
            let sample = Sample { suffix: suffix.to_owned(), labels, value };
            let is_twice =
                family.samples.iter().any(|s| (&s.suffix, &s.labels) == (&sample.suffix, &sample.labels));
            assert!(!is_twice, "{line}");
            family.samples.push(sample);
        }
    }
    families
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn parse_sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inner.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let (value, after) = parse_quoted(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            match after.split_at(1) {
                (",", more) => inner = more,
                ("}", more) => {
                    rest = more;
                    break;
                }
                _ => panic!("{line}"),
            }
        }
    }
    let number = rest.strip_prefix(' ').unwrap();
    assert!(number.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-'), "{line}");
    (name.to_owned(), labels, number.parse().unwrap())
}

fn parse_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next().unwrap() {
            (at, '"') => return (value, &text[at + 1..]),
            (_, '\\') => value.push(match characters.next().unwrap().1 {
                'n' => '\n',
                same @ ('"' | '\\') => same,
                other => panic!("\\{other} is no escape"),
            }),
            (_, '\n') => panic!("a line break within a value"),
            (_, plain) => value.push(plain),
        }
    }
}

fn busy_monitor() -> Monitor {
    let monitor = Monitor::new();
    for latency_us in [1, 1_000, 1_001, 9_999, 70_000, 9_000_000] {
        monitor.operation(Op::Send).finished(Outcome::Ok, latency_us, 250);
    }
    monitor.operation(Op::SignIn).finished(Outcome::Auth, 40_000, 39_000);
    monitor.add(ids::MESSAGES_STORED, 6);
    monitor.add(ids::LOG_BYTES, u64::from(u32::MAX) * 3);
    monitor.set(ids::TAIL_BYTES, 4096);
    monitor.subtract(ids::CONNECTIONS_OPEN, 2);
    monitor.add(ids::REBUILDS_FUTURE, 1);
    monitor.observe(ids::BATCH_SYNC, 1_234_567);
    monitor
}

#[test]
fn a_strict_reader_understands_both_formats_and_sees_the_same() {
    let monitor = busy_monitor();
    let classic = parse(&monitor.metrics(Format::Classic), Format::Classic);
    let open = parse(&monitor.metrics(Format::OpenMetrics), Format::OpenMetrics);
    println!("families={} bytes={}", open.len(), monitor.metrics(Format::Classic).len());
    assert_eq!(open.keys().collect::<Vec<_>>(), classic.keys().collect::<Vec<_>>());
    let expected: BTreeSet<_> = FRAMEWORK.iter().map(|entry| entry.family).collect();
    assert_eq!(open.len(), expected.len());
    for (name, family) in &open {
        assert_eq!((&family.kind, &family.samples), (&classic[name].kind, &classic[name].samples));
        assert_eq!(family.unit.is_some(), name.ends_with("_seconds") || name.ends_with("_bytes"));
    }
    // A histogram shows one sample more than it has ids: the count.
    let histograms = FRAMEWORK.iter().filter(|entry| entry.part == Part::BandSum).count();
    let samples: usize = open.values().map(|family| family.samples.len()).sum();
    assert_eq!(samples, FRAMEWORK.len() + histograms);
}

#[test]
fn values_are_those_that_were_reported() {
    let families = parse(&busy_monitor().metrics(Format::OpenMetrics), Format::OpenMetrics);
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels: BTreeMap<_, _> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        families[name].samples.iter().find(|sample| sample.labels == labels).unwrap().value
    };
    assert_eq!(value("highwater_messages_stored", &[]), 6.0);
    assert_eq!(value("highwater_log_written_bytes", &[]), f64::from(u32::MAX) * 3.0);
    assert_eq!(value("highwater_tail_bytes", &[]), 4096.0);
    assert_eq!(value("highwater_connections_open", &[]), -2.0);
    assert_eq!(value("highwater_rebuilds", &[("cause", "future")]), 1.0);
    assert_eq!(value("highwater_operation_calls", &[("operation", "send")]), 6.0);
    assert_eq!(value("highwater_operation_errors", &[("operation", "sign_in"), ("class", "auth")]), 1.0);
    assert_eq!(value("highwater_operation_wait_seconds", &[("operation", "send")]), 0.0015);
    assert_eq!(value("highwater_operation_wait_max_seconds", &[("operation", "sign_in")]), 0.039);
    assert_eq!(value("highwater_batch_sync_max_seconds", &[]), 1.234567);
    assert_eq!(value("highwater_monitor_lost", &[]), 0.0);
}

#[test]
fn histograms_are_cumulative_and_end_with_all() {
    let families = parse(&busy_monitor().metrics(Format::Classic), Format::Classic);
    let latency = &families["highwater_operation_latency_seconds"];
    for op in Op::ALL {
        let of_op = |sample: &&Sample| sample.labels["operation"] == op.name();
        let samples: Vec<_> = latency.samples.iter().filter(of_op).collect();
        let buckets: Vec<_> = samples.iter().filter(|sample| sample.suffix == "_bucket").collect();
        let bounds: Vec<f64> = buckets.iter().map(|sample| sample.labels["le"].parse().unwrap()).collect();
        assert!(bounds.is_sorted_by(|a, b| a < b) && bounds.last() == Some(&f64::INFINITY));
        assert!(buckets.is_sorted_by(|a, b| a.value <= b.value));
        let one = |suffix: &str| samples.iter().find(|sample| sample.suffix == suffix).unwrap().value;
        assert_eq!(buckets.last().unwrap().value, one("_count"));
        if *op == Op::Send {
            let counts: Vec<_> = buckets.iter().map(|sample| sample.value).collect();
            assert_eq!(counts, [2.0, 3.0, 3.0, 4.0, 4.0, 4.0, 5.0, 5.0, 5.0, 6.0]);
            assert_eq!(one("_sum"), 9.082001);
        }
    }
}

#[test]
fn label_values_are_escaped() {
    static REGISTRY: [Entry; 2] =
        [LOST_ENTRY, Entry { id: 60_000, family: "odd", labels: &[("name", "a\"b\\c\nd,}e")], ..LOST_ENTRY }];
    let slots = Slots::new(&REGISTRY);
    let families = parse(&text(&slots, &HostValues::default(), Format::OpenMetrics), Format::OpenMetrics);
    assert_eq!(families["highwater_odd"].samples[0].labels["name"], "a\"b\\c\nd,}e");
}

#[test]
fn the_format_follows_the_accept_header() {
    let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
    assert_eq!(Format::from_accept(Some(prometheus)), Format::OpenMetrics);
    assert_eq!(Format::from_accept(Some("text/html,*/*")), Format::Classic);
    assert_eq!(Format::from_accept(None), Format::Classic);
}
