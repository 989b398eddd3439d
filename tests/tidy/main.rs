//! House rules as tests: what is not checked will drift.
//!
//! Each rule is a function from text to findings, proven by a string that breaks it, and applied to the whole repository
//! by one test here. A finding names the file, the line and the rule.

#![allow(clippy::unwrap_used, reason = "tests")]

mod code;
mod documents;
mod fences;
mod floors;
mod headers;
mod hygiene;
mod settings;
mod sizes;
mod sources;

use sources::Repository;

/// Fails with all findings at once, so that one run shows everything there is to mend.
fn check(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

#[test]
fn imports_go_down_only() {
    let repository = Repository::read();
    let findings: Vec<_> = repository.server().flat_map(floors::findings).collect();
    check(floors::RULE, &findings);
}

#[test]
fn fenced_names_stand_where_they_belong() {
    let repository = Repository::read();
    let findings: Vec<_> = repository.server().flat_map(fences::findings).collect();
    check(fences::RULE, &findings);
}

#[test]
fn files_have_a_comfortable_length() {
    let repository = Repository::read();
    check(sizes::FILE_RULE, &sizes::long_files(&repository, sizes::LONG_FILES));
}

#[test]
fn functions_fit_a_screen() {
    let repository = Repository::read();
    check(sizes::FUNCTION_RULE, &sizes::long_functions(&repository, sizes::LONG_FUNCTIONS));
}

#[test]
fn every_file_begins_with_its_module_doc() {
    let repository = Repository::read();
    let findings: Vec<_> = repository.rust().flat_map(headers::module_doc).collect();
    check(headers::DOC_RULE, &findings);
}

#[test]
fn every_actor_says_what_it_owns_and_promises() {
    let repository = Repository::read();
    let actors = repository.server().filter(|source| headers::is_actor(source)).count();
    assert!(actors >= 4, "only {actors} actors were found, so this test does not look where they are");
    let findings: Vec<_> = repository.server().flat_map(headers::actor_header).collect();
    check(headers::ACTOR_RULE, &findings);
}

#[test]
fn nothing_unfinished_is_left() {
    let repository = Repository::read();
    let mut findings: Vec<_> = repository.rust().flat_map(hygiene::code).collect();
    findings.extend(repository.texts().flat_map(hygiene::text));
    check(hygiene::RULE, &findings);
}

#[test]
fn architecture_names_what_is_there() {
    let repository = Repository::read();
    let text = repository.text("ARCHITECTURE.md");
    check(documents::PATH_RULE, &documents::missing_paths(text, &repository));
    check(documents::FUNCTION_RULE, &documents::missing_functions(text, &repository));
}

#[test]
fn documents_name_only_targets_of_the_makefile() {
    let repository = Repository::read();
    let makefile = repository.text("Makefile");
    let findings: Vec<_> =
        repository.documents().flat_map(|document| documents::unknown_targets(document, makefile)).collect();
    check(documents::TARGET_RULE, &findings);
}

#[test]
fn the_changelog_has_a_place_for_what_is_new() {
    let repository = Repository::read();
    check(documents::CHANGELOG_RULE, &documents::changelog(repository.text("CHANGELOG.md")));
}

#[test]
fn the_protocol_lists_every_refusal() {
    let repository = Repository::read();
    check(documents::REFUSAL_RULE, &documents::missing_refusals(repository.text("protocol/protocol.md")));
}

#[test]
fn the_page_has_words_for_every_refusal() {
    let repository = Repository::read();
    check(documents::WORDS_RULE, &documents::wordless_refusals(repository.text("web/refusals.js")));
}

#[test]
fn decisions_are_numbered_and_short() {
    let repository = Repository::read();
    check(documents::DECISION_RULE, &documents::decisions(&repository));
}

#[test]
fn the_configuration_file_has_every_setting_and_no_other() {
    let repository = Repository::read();
    check(settings::RULE, &settings::findings(repository.text("config/highwater.toml")));
}
