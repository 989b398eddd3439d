//! Documents that speak of code: what they name is there.

use highwater_wire::Refusal;

use crate::{
    code::{self, Token},
    sources::{Repository, Source},
};

pub(crate) const PATH_RULE: &str = "ARCHITECTURE.md names only files and directories that exist";
pub(crate) const FUNCTION_RULE: &str =
    "a function that ARCHITECTURE.md names stands in a file of the same line";
pub(crate) const TARGET_RULE: &str = "a document names only targets that the Makefile has";
pub(crate) const CHANGELOG_RULE: &str = "CHANGELOG.md has an Unreleased section with known groups";
pub(crate) const WORDS_RULE: &str = "web/refusals.js has words for every refusal, and for nothing else";
pub(crate) const REFUSAL_RULE: &str = "protocol.md lists every refusal by number and name";
pub(crate) const DECISION_RULE: &str = "decisions have a number each and one page";

/// Groups of changes, by their effect on users.
const GROUPS: [&str; 5] = ["Safety", "Features", "Performance", "Operations", "Internals"];
/// One page.
const DECISION_LINES_MAX: usize = 90;
/// Ends of names that make a word in backticks a path.
const FILE_ENDS: [&str; 12] =
    [".rs", ".md", ".toml", ".proto", ".c", ".html", ".js", ".css", ".py", ".sh", ".key", ".log"];

/// Paths in backticks that do not exist.
pub(crate) fn missing_paths(text: &str, repository: &Repository) -> Vec<String> {
    quoted(text)
        .filter(|(_, word)| is_path(word))
        .filter(|(_, path)| !repository.has(path))
        .map(finding)
        .collect()
}

/// Functions in backticks, written with `()`, that stand in no file named on the same line.
pub(crate) fn missing_functions(text: &str, repository: &Repository) -> Vec<String> {
    let functions = quoted(text).filter_map(|(line, word)| Some((line, word.strip_suffix("()")?)));
    let missing = functions.filter(|(line, name)| {
        let on_this_line = quoted(text).filter(|(number, word)| number == line && word.ends_with(".rs"));
        let mut sources = on_this_line.filter_map(|(_, path)| repository.source(path));
        !sources.any(|source| has_function(source, name))
    });
    missing.map(finding).collect()
}

fn finding((line, name): (usize, &str)) -> String {
    format!("line {line}: {name}")
}

fn has_function(source: &Source, name: &str) -> bool {
    let code = code::stripped(&source.text);
    let tokens = code::tokens(&code);
    tokens.windows(2).any(|pair| pair[0].1 == Token::Word("fn") && pair[1].1 == Token::Word(name))
}

/// What stands in backticks within one line, with line numbers.
fn quoted(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |word| (number + 1, word)))
}

fn is_path(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
    let looks = word.contains('/') || FILE_ENDS.iter().any(|end| word.ends_with(end));
    plain && looks && !word.starts_with('/')
}

/// Targets after `make` that are not in the Makefile.
pub(crate) fn unknown_targets(document: &Source, makefile: &str) -> Vec<String> {
    let known: Vec<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target)
        .filter(|target| !target.is_empty() && target.chars().all(|c| c.is_alphanumeric() || c == '-'))
        .collect();
    let mut found = Vec::new();
    for (number, line) in document.text.lines().enumerate() {
        let in_backticks = line.split('`').skip(1).step_by(2);
        let commands = in_backticks.chain([line.trim_start_matches("$ ")]);
        let targets = commands
            .filter_map(|command| command.strip_prefix("make "))
            .filter_map(|rest| rest.split_whitespace().find(|word| !word.contains('=')));
        let unknown = targets.filter(|target| is_target(target) && !known.contains(target));
        found.extend(unknown.map(|target| format!("{}:{}: make {target}", document.path, number + 1)));
    }
    found.dedup();
    found
}

fn is_target(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// What is wrong with the changelog.
pub(crate) fn changelog(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some((_, unreleased)) = text.split_once("\n## Unreleased\n") else {
        return vec!["there is no section Unreleased".to_owned()];
    };
    let section = unreleased.split("\n## ").next().unwrap_or_default();
    let groups = section.lines().filter_map(|line| line.strip_prefix("### "));
    found.extend(
        groups.filter(|group| !GROUPS.contains(group)).map(|group| format!("there is no group {group}")),
    );
    if !section.lines().any(|line| line.starts_with("### ")) {
        found.push("Unreleased has no group".to_owned());
    }
    found
}

/// Refusals without a row.
pub(crate) fn missing_refusals(text: &str) -> Vec<String> {
    let row = |refusal: &Refusal| format!("| {} | `{}` |", refusal.code(), refusal.name());
    Refusal::ALL.iter().map(row).filter(|row| !text.contains(row)).collect()
}

/// Refusals for which the page has no words, and words for what is none.
pub(crate) fn wordless_refusals(page: &str) -> Vec<String> {
    let worded: Vec<u32> =
        page.lines().filter_map(|line| line.strip_prefix("  [")?.split_once(", '")?.0.parse().ok()).collect();
    let wordless = Refusal::ALL.iter().filter(|refusal| !worded.contains(&refusal.code()));
    let wordless = wordless.map(|refusal| format!("{} {}", refusal.code(), refusal.name()));
    let unknown = worded.iter().filter(|code| !Refusal::ALL.iter().any(|refusal| refusal.code() == **code));
    wordless.chain(unknown.map(|code| format!("{code} is no refusal"))).collect()
}

/// What is wrong with the decisions.
pub(crate) fn decisions(repository: &Repository) -> Vec<String> {
    let all: Vec<&Source> =
        repository.documents().filter(|source| source.path.starts_with("docs/adr/")).collect();
    assert!(all.len() >= 2, "decisions are in docs/adr");
    judge_decisions(&all)
}

fn judge_decisions(all: &[&Source]) -> Vec<String> {
    let mut found = Vec::new();
    let mut numbers = Vec::new();
    for source in all {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        let number =
            name.split('-').next().filter(|number| number.len() == 4).and_then(|number| number.parse().ok());
        let Some(number) = number else {
            found.push(format!("{} has no number of four digits", source.path));
            continue;
        };
        let number: u32 = number;
        if numbers.contains(&number) {
            found.push(format!("{}: the number {number} is taken", source.path));
        }
        numbers.push(number);
        if !source.text.starts_with(&format!("# {number}. ")) {
            found.push(format!("{} does not begin with its number", source.path));
        }
        let lines = source.text.lines().count();
        if lines > DECISION_LINES_MAX {
            found.push(format!("{} has {lines} lines, more than a page", source.path));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_not_there_are_found() {
        let repository = Repository::read();
        let text =
            "`src/lib.rs` is, `src/gone.rs` is not,\n`src/model` is, `model` is a word, `/healthz` a route.";
        assert_eq!(missing_paths(text, &repository), ["line 1: src/gone.rs"]);
    }

    #[test]
    fn functions_that_are_not_there_are_found() {
        let repository = Repository::read();
        let text = "`tests/tidy/main.rs` has `check()`, not `gone()`.\n`check()` without its file is missed as well.";
        assert_eq!(missing_functions(text, &repository), ["line 1: gone", "line 2: check"]);
    }

    #[test]
    fn unknown_targets_are_found() {
        let makefile = "run: build\n\tcargo run\ntest:\n";
        let document =
            Source::of("README.md", "`make run`, `make DURATION=1 test`, make sure\nmake gone\n`make lost`");
        assert_eq!(
            unknown_targets(&document, makefile),
            ["README.md:2: make gone", "README.md:3: make lost"]
        );
    }

    #[test]
    fn a_changelog_without_its_sections_is_found() {
        assert_eq!(changelog("# Changelog\n\n## 1.0\n").len(), 1);
        assert_eq!(changelog("# Changelog\n\n## Unreleased\n\n## 1.0\n### Safety\n").len(), 1);
        assert_eq!(changelog("# Changelog\n\n## Unreleased\n\n### Nice\n").len(), 1);
        assert_eq!(changelog("# Changelog\n\n## Unreleased\n\n### Safety\n\n- a\n"), Vec::<String>::new());
    }

    #[test]
    fn a_missing_refusal_is_found() {
        let text = "| 100 | `malformed_frame` | 400 |";
        assert_eq!(missing_refusals(text).len(), Refusal::ALL.len() - 1);
    }

    #[test]
    fn a_refusal_without_words_is_found() {
        let page = "const WORDS = new Map([\n  [500, 'Busy.'],\n  [9999, 'None.'],\n]);\n";
        let found = wordless_refusals(page);
        assert_eq!(found.len(), Refusal::ALL.len(), "all but one, and one that is none");
        assert!(found.contains(&"9999 is no refusal".to_owned()) && !found.contains(&"500 busy".to_owned()));
    }

    #[test]
    fn decisions_out_of_form_are_found() {
        let good = Source::of("docs/adr/0001-a.md", "# 1. A\n");
        let twice = Source::of("docs/adr/0001-b.md", "# 1. B\n");
        let nameless = Source::of("docs/adr/c.md", "# C\n");
        let long = Source::of("docs/adr/0002-d.md", &"# 2. D\n".repeat(91));
        let other = Source::of("docs/adr/0003-e.md", "# 4. E\n");
        for (bad, count) in [(&twice, 1), (&nameless, 1), (&long, 1), (&other, 1), (&good, 1)] {
            assert_eq!(judge_decisions(&[&good, bad]).len(), count, "{}", bad.path);
        }
        assert_eq!(judge_decisions(&[&good]), Vec::<String>::new());
    }
}
