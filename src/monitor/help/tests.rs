use std::collections::BTreeMap;

use super::*;
use crate::monitor::ids::FRAMEWORK;
use crate::monitor::registry::{LOST_ENTRY, Part};

/// The ids of every family.
fn members() -> BTreeMap<&'static str, Vec<&'static Entry>> {
    let mut members: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in &FRAMEWORK {
        members.entry(entry.family).or_default().push(entry);
    }
    members
}

#[test]
fn a_family_of_several_ids_has_a_sentence_of_its_own() {
    for (family, members) in members() {
        let is_of_several = !members[0].labels.is_empty() || members[0].part != Part::Plain;
        let has_its_own = FAMILIES.iter().filter(|(named, _)| *named == family).count();
        let declared = ids::SENTENCES.iter().any(|(named, _)| *named == family);
        match (is_of_several || !declared, has_its_own) {
            (true, 1) | (false, 0) => {}
            (true, 0) => panic!("{family} has several ids: say in help.rs what they count together"),
            (_, times) => panic!("{family} stands {times} times in help.rs; an id's own sentence is enough"),
        }
    }
    for (family, _) in FAMILIES {
        assert!(members().contains_key(family), "there is no family {family}");
    }
}

#[test]
fn help_is_one_plain_sentence_for_people_who_do_not_read_code() {
    for entry in &FRAMEWORK {
        let help = of(entry);
        assert!(help.starts_with(|first: char| first.is_uppercase()) && help.ends_with('.'), "{help}");
        assert!(!help.contains(['`', '[', '"', '\\', '\n']) && !help.contains("  "), "{help}");
        assert!(!help.contains(" reports as "), "{} has no sentence: {help}", entry.family);
    }
}

#[test]
fn the_sentence_of_a_single_id_is_that_of_its_constant() {
    let of_id = |id| of(FRAMEWORK.iter().find(|entry| entry.id == id).expect("it is registered"));
    assert_eq!(of_id(ids::CONNECTIONS_OPEN), "Open client sockets, signed in or not.");
    assert_eq!(of_id(ids::REBUILDS_FUTURE), of_id(ids::REBUILDS_FIRST));
}

#[test]
fn an_id_of_nobody_we_know_says_who_reports_it() {
    let order = Entry { id: 60_000, name: "orders.placed", owner: "shop", family: "orders", ..LOST_ENTRY };
    assert_eq!(of(&order), "What shop reports as orders.placed.");
}
