#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::monitor::Op;
use crate::monitor::histogram::BAND_COUNT;
use crate::monitor::outcome::Outcome;
use crate::monitor::registry::index_of;

fn entry(id: u32) -> &'static Entry {
    &FRAMEWORK[index_of(&FRAMEWORK, id).unwrap()]
}

#[test]
fn no_id_and_no_name_is_used_twice_and_all_lie_in_the_range_of_the_framework() {
    let ids: BTreeSet<_> = FRAMEWORK.iter().map(|entry| entry.id).collect();
    let names: BTreeSet<_> = FRAMEWORK.iter().map(|entry| entry.name).collect();
    println!(
        "ids={} families={}",
        ids.len(),
        FRAMEWORK.iter().map(|e| e.family).collect::<BTreeSet<_>>().len()
    );
    assert_eq!((ids.len(), names.len()), (FRAMEWORK.len(), FRAMEWORK.len()));
    assert!(ids.iter().all(|id| (1..10_000).contains(id)));
}

#[test]
fn names_owners_families_and_labels_are_well_formed() {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && !word.ends_with('_')
    };
    for entry in &FRAMEWORK {
        assert!(entry.name.contains('.') && entry.name.split('.').all(is_word), "{}", entry.name);
        assert!(is_word(entry.owner) && is_word(entry.family), "{}", entry.name);
        for (label, value) in entry.labels {
            assert!(is_word(label) && is_word(value) && *label != "le", "{}", entry.name);
        }
        for suffix in ["_total", "_seconds", "_bytes", "_sum", "_count", "_bucket"] {
            assert!(!entry.family.ends_with(suffix), "{}: the exposition adds {suffix}", entry.name);
        }
    }
}

#[test]
fn a_family_has_one_kind_and_unit_and_no_sample_twice() {
    let mut families: BTreeMap<&str, &Entry> = BTreeMap::new();
    let mut samples = BTreeSet::new();
    for entry in &FRAMEWORK {
        let first = families.entry(entry.family).or_insert(entry);
        let is_plain = |entry: &Entry| entry.part == Part::Plain;
        assert_eq!(
            (first.kind, first.unit, is_plain(first)),
            (entry.kind, entry.unit, is_plain(entry)),
            "{}",
            entry.name
        );
        let label_names = |entry: &Entry| entry.labels.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert_eq!(label_names(first), label_names(entry), "{}", entry.name);
        assert!(samples.insert((entry.family, entry.labels, format!("{:?}", entry.part))), "{}", entry.name);
    }
}

#[test]
fn every_operation_has_its_ids() {
    for op in Op::ALL {
        let name = op.name();
        let is = |id: u32, rest: &str, kind: Kind, unit: Unit| {
            let entry = entry(id);
            assert_eq!(
                (entry.name, entry.kind, entry.unit),
                (format!("operation.{name}.{rest}").as_str(), kind, unit)
            );
            assert_eq!(entry.labels[0], ("operation", name));
        };
        is(op.calls(), "calls", Kind::Sum, Unit::Count);
        for (outcome, class) in Outcome::ERRORS {
            is(op.errors(outcome).unwrap(), &format!("errors.{class}"), Kind::Sum, Unit::Count);
        }
        assert_eq!(op.errors(Outcome::Ok), None);
        assert_eq!(op.latency().bands().count(), BAND_COUNT);
        is(op.latency().sum(), "latency.sum", Kind::Sum, Unit::Micros);
        is(op.latency().max(), "latency.max", Kind::Max, Unit::Micros);
        is(op.wait_sum(), "wait.sum", Kind::Sum, Unit::Micros);
        is(op.wait_max(), "wait.max", Kind::Max, Unit::Micros);
    }
}

/// The bounds that sort values into bands and the `le` under which the bands are shown are the same numbers.
#[test]
fn bands_say_their_bounds() {
    let latencies =
        Op::ALL.iter().map(|op| (op.latency(), 1e6)).chain([(BATCH_SYNC, 1e6), (BATCH_OPERATIONS, 1.0)]);
    for (histogram, per_unit) in latencies {
        for (place, id) in histogram.bands().enumerate() {
            let Part::Band(le) = entry(id).part else { panic!("{} is a band", entry(id).name) };
            match histogram.bounds.get(place) {
                Some(bound) => {
                    assert_eq!(le.parse::<f64>().unwrap(), *bound as f64 / per_unit, "{}", entry(id).name);
                    assert_eq!((histogram.band(*bound), histogram.band(*bound + 1)), (id, id + 1));
                }
                None => assert_eq!((le, histogram.band(u64::MAX)), ("+Inf", id)),
            }
        }
        assert_eq!(histogram.band(0), histogram.first);
        assert_eq!(entry(histogram.sum()).part, Part::BandSum);
        assert_eq!(entry(histogram.max()).kind, Kind::Max);
    }
}

#[test]
#[should_panic(expected = "none is used twice")]
fn a_registry_with_an_id_twice_is_refused() {
    let twice = Entry { id: 7, ..LOST_ENTRY };
    registry::assert_well_ordered(&[LOST_ENTRY, twice, twice]);
}
