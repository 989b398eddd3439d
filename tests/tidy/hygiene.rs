//! What is not committed: panics for want of an error, unfinished work, switched-off tests, places on one machine.

use crate::{
    code::{self, Token},
    sources::Source,
};

pub(crate) const RULE: &str = "nothing unfinished is committed (CONTRIBUTING.md, House style)";

const UNFINISHED: [&str; 3] = ["TODO", "FIXME", "XXX"];
const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Beginnings of paths that only one machine has.
const LOCAL: [&str; 4] = ["/work/", "/tmp/", "/root/", "/home/"];

/// What must not stand in code.
pub(crate) fn code(source: &Source) -> Vec<String> {
    let all = code::stripped(&source.text);
    let mut found = Vec::new();
    for pair in code::tokens(&all).windows(2) {
        match pair {
            [(line, Token::Word(name)), (_, Token::Other('!'))] if MACROS.contains(name) => {
                found.push(format!("{}:{line}: {name}! is for work that is not done", source.path));
            }
            [(line, Token::Word("ignore")), (_, Token::Other(']'))] => {
                found.push(format!(
                    "{}:{line}: a test that is ignored without a reason proves nothing",
                    source.path
                ));
            }
            _ => {}
        }
    }
    if source.is_test {
        return found;
    }
    for triple in code::tokens(&source.code()).windows(3) {
        if let [(_, Token::Other('.')), (line, Token::Word("unwrap")), (_, Token::Other('('))] = triple {
            found.push(format!("{}:{line}: unwrap says nothing; expect states the invariant", source.path));
        }
    }
    found
}

/// What must not stand in any text.
pub(crate) fn text(source: &Source) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    lines
        .flat_map(|(number, line)| {
            in_line(line).map(move |why| format!("{}:{}: {why}", source.path, number + 1))
        })
        .collect()
}

fn in_line(line: &str) -> impl Iterator<Item = String> {
    let unfinished = UNFINISHED
        .iter()
        .filter(|mark| is_word(line, mark))
        .map(|mark| format!("{mark}: do it, or say it as a gap"));
    let local = LOCAL.iter().filter(|place| begins_a_path(line, place));
    unfinished
        .chain(local.map(|place| format!("{place} is a place on one machine")))
        .collect::<Vec<_>>()
        .into_iter()
}

fn is_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

/// The path begins here: `target/tmp/` and `https://example/home/` are other paths.
fn begins_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '}' | '.' | '/' | '-' | '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_code(path: &str, text: &str) -> usize {
        super::code(&Source::of(path, text)).len()
    }

    #[test]
    fn unfinished_code_is_found_in_tests_too() {
        for text in
            ["fn a() { todo!() }", "fn a() { dbg!(1); }", "#[test]\n#[ignore]\nfn a() {}", "unimplemented!()"]
        {
            assert_eq!(in_code("src/a.rs", text), 1, "{text}");
            assert_eq!(in_code("src/a.rs", &format!("#[cfg(test)]\nmod tests {{ {text} }}")), 1, "{text}");
        }
    }

    #[test]
    fn a_child_process_of_a_test_may_be_ignored() {
        assert_eq!(in_code("src/a.rs", "#[test]\n#[ignore = \"the child process of b\"]\nfn a() {}"), 0);
    }

    #[test]
    fn unwrap_is_for_tests() {
        assert_eq!(in_code("src/a.rs", "fn a() { b().unwrap(); }"), 1);
        assert_eq!(in_code("src/a.rs", "fn a() { b()\n  .unwrap()\n }"), 1);
        assert_eq!(in_code("src/a.rs", "fn a() { b().unwrap_or(1); /* .unwrap() */ }"), 0);
        assert_eq!(in_code("src/a.rs", "#[cfg(test)]\nmod tests { fn a() { b().unwrap(); } }"), 0);
    }

    #[test]
    fn marks_and_local_places_are_found_in_any_text() {
        let found = |line: &str| text(&Source::of("README.md", line)).len();
        assert_eq!(found("// TODO: later"), 1);
        assert_eq!(found("see /tmp/x and `/home/me`"), 2);
        assert_eq!(found("METHODOLOGY in target/tmp/ of $HOME/home/"), 0);
        assert_eq!(found("https://example.org/home/"), 0);
    }
}
