//! What a file says about itself before it begins.

use crate::{
    code::{self, Token},
    sources::Source,
};

pub(crate) const DOC_RULE: &str =
    "a file begins with what it owns and what it does not know: a line of `//!`";
pub(crate) const ACTOR_RULE: &str =
    "the header of an actor answers every question of CONTRIBUTING.md, Actors";

/// Questions that the header of an actor answers, each in one of these words.
const ANSWERS: [&[&str]; 8] = [
    &["owns"],
    &["receives"],
    &["emits"],
    &["durable before replying"],
    &["mailbox", "queue"],
    &["started"],
    &["stopped"],
    &["a restart loses"],
];

/// A file without a module doc. The tests of one module beside it are explained by that module.
pub(crate) fn module_doc(source: &Source) -> Option<String> {
    if source.path.ends_with("/tests.rs") {
        return None;
    }
    let first = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let has_doc = first.strip_prefix("//!").is_some_and(|doc| doc.trim().len() > 5);
    (!has_doc).then(|| format!("{} begins without a module doc", source.path))
}

/// Whether the file implements `Actor`.
pub(crate) fn is_actor(source: &Source) -> bool {
    let code = source.code();
    let tokens = code::tokens(&code);
    tokens.windows(2).any(|pair| pair[0].1 == Token::Word("Actor") && pair[1].1 == Token::Word("for"))
}

/// Questions that the header of an actor leaves open.
pub(crate) fn actor_header(source: &Source) -> Vec<String> {
    if !is_actor(source) {
        return Vec::new();
    }
    let header: Vec<&str> =
        source.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let header = header.join(" ").to_lowercase().replace("**", "");
    let open = ANSWERS.iter().filter(|words| !words.iter().any(|word| header.contains(word)));
    open.map(|words| format!("{}: the header does not say \"{}\"", source.path, words.join("\" or \"")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "//! An actor.\n//! **Owns** a. **Receives** b. **Emits** c. **Durable before\n//! replying:** d. \
                          **Mailbox:** e.\n//! **Started** and **stopped** by f. **A restart loses** g.\n";
    const CODE: &str = "impl<U: Upward> Actor for Connection<U> {}";

    #[test]
    fn a_file_without_doc_is_found() {
        assert!(module_doc(&Source::of("src/a.rs", "use std::fmt;\n//! Late.")).is_some());
        assert!(module_doc(&Source::of("src/a.rs", "//!\nuse std::fmt;")).is_some());
        assert!(module_doc(&Source::of("src/a.rs", "")).is_some());
        assert!(module_doc(&Source::of("src/a.rs", "//! What it owns.")).is_none());
    }

    #[test]
    fn each_open_question_is_found() {
        let whole = Source::of("src/actors/a.rs", &format!("{HEADER}{CODE}"));
        assert_eq!(actor_header(&whole), Vec::<String>::new());
        for words in ANSWERS {
            let lower = HEADER.to_lowercase().replace("before\n//! replying", "before replying");
            let cut =
                words.iter().fold(lower, |text, word| text.replace(word, "-").replace(&bold(word), "-"));
            let found = actor_header(&Source::of("src/actors/a.rs", &format!("{cut}{CODE}")));
            assert_eq!(found.len(), 1, "{words:?} in {cut}");
        }
        assert_eq!(
            actor_header(&Source::of("src/actors/a.rs", "//! No actor.\nimpl Debug for A {}")),
            Vec::<String>::new()
        );
    }

    /// As it stands in the header, with the stars between the words.
    fn bold(words: &str) -> String {
        words.replace("a restart loses", "a restart loses**")
    }
}
