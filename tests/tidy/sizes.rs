//! Lengths of files and functions. Tests do not count, tables may be longer, and what is too long may only shrink.

use crate::{
    code::{self, Token},
    sources::{Repository, Source},
};

pub(crate) const FILE_RULE: &str =
    "a file has one idea: at most 400 lines without its tests, 500 with a reason in LONG_FILES";
pub(crate) const FUNCTION_RULE: &str =
    "a function fits a screen: at most 70 lines, more with a reason in LONG_FUNCTIONS";

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
/// How much an exception may have shrunk before its number has to be lowered.
const SLACK_LINES: usize = 30;

/// Something that is too long, how long it may be at most, and why it is not split. Numbers may only fall.
pub(crate) struct Exception {
    /// A path, or a path, a colon and a function.
    pub(crate) name: &'static str,
    pub(crate) lines_max: usize,
    /// For who reads the list.
    #[allow(dead_code, reason = "read by people")]
    pub(crate) why: &'static str,
}

/// Files over the limit.
pub(crate) const LONG_FILES: &[Exception] = &[Exception {
    name: "src/actors/persistence/commit.rs",
    lines_max: 425,
    why: "every way in which a commit can end stands side by side; the seeded bugs take part of it",
}];

/// Functions over the limit.
pub(crate) const LONG_FUNCTIONS: &[Exception] = &[];

/// Files over the limit that are not excepted, and exceptions that are not needed any more.
pub(crate) fn long_files(repository: &Repository, exceptions: &[Exception]) -> Vec<String> {
    let lengths = repository
        .rust()
        .filter(|source| !source.is_test)
        .map(|source| (source.path.clone(), length(source)));
    judge(lengths.collect(), FILE_LINES_MAX, exceptions)
}

/// The same for functions.
pub(crate) fn long_functions(repository: &Repository, exceptions: &[Exception]) -> Vec<String> {
    let product = repository.rust().filter(|source| !source.is_test);
    let lengths = product.flat_map(|source| {
        functions(&source.code()).into_iter().map(|(name, lines)| (format!("{}:{name}", source.path), lines))
    });
    judge(lengths.collect(), FUNCTION_LINES_MAX, exceptions)
}

fn judge(lengths: Vec<(String, usize)>, max: usize, exceptions: &[Exception]) -> Vec<String> {
    let allowed = |name: &str| exceptions.iter().find(|exception| exception.name == name);
    let too_long = lengths.iter().filter_map(|(name, lines)| match allowed(name) {
        None if *lines > max => Some(format!("{name} has {lines} lines, {max} are allowed")),
        Some(exception) if *lines > exception.lines_max => {
            Some(format!("{name} has {lines} lines and may only shrink: at most {}", exception.lines_max))
        }
        _ => None,
    });
    let unneeded = exceptions.iter().filter_map(|exception| {
        // Names may occur more than once; the longest counts.
        let lines = lengths.iter().filter(|(name, _)| name == exception.name).map(|(_, lines)| *lines).max();
        match lines {
            None => Some(format!("{} is an exception and is not there", exception.name)),
            Some(lines) if lines <= max => {
                Some(format!("{} needs no exception: {lines} lines", exception.name))
            }
            Some(lines) if lines + SLACK_LINES < exception.lines_max => {
                Some(format!("{} has shrunk to {lines} lines: lower its number", exception.name))
            }
            Some(_) => None,
        }
    });
    too_long.chain(unneeded).collect()
}

/// Lines of a file without its test modules.
fn length(source: &Source) -> usize {
    let stripped = code::stripped(&source.text);
    let left = code::without_tests(&stripped);
    let in_tests = stripped.lines().zip(left.lines()).filter(|(with, without)| with != without).count();
    // Blank lines and comments inside a test module are equal in both: its span counts, not its code.
    let spans = test_spans(&stripped);
    source.text.lines().count() - spans.max(in_tests)
}

fn test_spans(stripped: &str) -> usize {
    let mut lines = 0;
    let mut rest = stripped;
    while let Some(start) = rest.find("#[cfg(test)]") {
        let from = &rest[start..];
        let end = match from.find(['{', ';']) {
            Some(at) if from[at..].starts_with('{') => at + code::block_length(&from[at..]),
            Some(at) => at + 1,
            None => from.len(),
        };
        lines += from[..end].lines().count();
        rest = &from[end..];
    }
    lines
}

/// Names and lengths of all functions with a body.
fn functions(code: &str) -> Vec<(String, usize)> {
    let tokens = code::tokens(code);
    let mut found = Vec::new();
    for (at, window) in tokens.windows(2).enumerate() {
        if let [(first, Token::Word("fn")), (_, Token::Word(name))] = window
            && let Some(last) = last_line(&tokens[at..])
        {
            found.push(((*name).to_owned(), last - first + 1));
        }
    }
    found
}

/// Where the body of the function that the tokens begin with ends; `None` without a body.
fn last_line(tokens: &[(usize, Token<'_>)]) -> Option<usize> {
    let (mut inside, mut depth) = (0i32, 0usize);
    for (line, token) in tokens {
        match token {
            Token::Other('(' | '[') => inside += 1,
            Token::Other(')' | ']') => inside -= 1,
            Token::Other(';') if inside == 0 && depth == 0 => return None,
            Token::Other('{') => depth += 1,
            Token::Other('}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(*line);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &[Exception] = &[Exception { name: "a.rs", lines_max: 500, why: "a table" }];

    fn judged(lines: usize) -> usize {
        judge(vec![("a.rs".to_owned(), lines)], FILE_LINES_MAX, LISTED).len()
    }

    #[test]
    fn what_is_too_long_is_found_and_an_exception_only_shrinks() {
        let new = vec![("b.rs".to_owned(), 401)];
        assert_eq!(judge(new, FILE_LINES_MAX, &[]).len(), 1);
        assert_eq!(judged(500), 0);
        assert_eq!(judged(501), 1, "it grew");
        assert_eq!(judged(469), 1, "its number is to be lowered");
        assert_eq!(judged(400), 1, "it is not needed any more");
        assert_eq!(judge(Vec::new(), FILE_LINES_MAX, LISTED).len(), 1, "it is gone");
    }

    #[test]
    fn tests_do_not_count() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n\n    // note\n    fn b() {}\n}\n";
        assert_eq!(length(&Source::of("a.rs", text)), 2);
        assert_eq!(length(&Source::of("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests;\n")), 1);
    }

    #[test]
    fn functions_are_measured_from_name_to_brace() {
        let code = "trait T {\n fn none(a: [u8; 2]);\n}\nfn one(\n a: u8,\n) -> [u8; 2] {\n if a { }\n}\nlet f: fn(u8);";
        assert_eq!(functions(code), [("one".to_owned(), 5)]);
    }
}
