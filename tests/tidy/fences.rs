//! The fences: names of risky dependencies, of time and of chance, each in one place.

use crate::{
    code::{self, Token},
    sources::Source,
};

pub(crate) const RULE: &str = "what is fenced is named in one place only (ARCHITECTURE.md, Fences)";

struct Fence {
    /// A word, or a word, `::` and a word.
    name: &'static str,
    /// Files, or directories with a slash at the end.
    inside: &'static [&'static str],
    why: &'static str,
}

const FENCES: [Fence; 9] = [
    Fence { name: "sled", inside: &["src/store/engine_sled.rs"], why: "the engine can be exchanged" },
    Fence {
        name: "actix_web_actors",
        inside: &["src/actors/connection.rs"],
        why: "a deprecated crate stays replaceable",
    },
    Fence { name: "dashmap", inside: &["src/actors/directory.rs"], why: "no guard may live across an await" },
    Fence { name: "SystemTime", inside: COMPOSITION, why: "time is handed down" },
    Fence { name: "Instant::now", inside: COMPOSITION, why: "time is handed down" },
    Fence { name: "rand", inside: COMPOSITION, why: "chance is handed down" },
    Fence {
        name: "process::exit",
        inside: COMPOSITION,
        why: "who ends the process has stopped everything else",
    },
    Fence { name: "rusqlite", inside: &[], why: "SQLite is the client's store" },
    Fence { name: "unbounded_channel", inside: &[], why: "every queue has a bound" },
];

const COMPOSITION: &[&str] = &["src/app.rs", "src/app/"];

/// Fenced names in a file outside their fence.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    let code = source.code();
    let tokens = code::tokens(&code);
    let outside = FENCES.iter().filter(|fence| !fence.inside.iter().any(|place| is_in(&source.path, place)));
    outside
        .flat_map(|fence| {
            let lines = named(&tokens, fence.name);
            lines
                .into_iter()
                .map(move |line| format!("{}:{line}: {} ({})", source.path, fence.name, fence.why))
        })
        .collect()
}

fn is_in(path: &str, place: &str) -> bool {
    path == place || (place.ends_with('/') && path.starts_with(place))
}

fn named(tokens: &[(usize, Token<'_>)], name: &str) -> Vec<usize> {
    let words: Vec<&str> = name.split("::").collect();
    // In a path every second token is a separator.
    let starts = tokens.windows(words.len() * 2 - 1).filter(|window| {
        window.iter().enumerate().all(|(place, (_, token))| match token {
            Token::Word(word) => place % 2 == 0 && *word == words[place / 2],
            Token::PathSeparator => place % 2 == 1,
            Token::Other(_) => false,
        })
    });
    starts.map(|window| window[0].0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fence_holds() {
        for fence in &FENCES {
            let text = format!("fn f() {{ {}(); }}", fence.name);
            assert_eq!(findings(&Source::of("src/actors/user/mod.rs", &text)).len(), 1, "{}", fence.name);
            for place in fence.inside {
                let inside = if place.ends_with('/') { format!("{place}x.rs") } else { (*place).to_owned() };
                assert_eq!(findings(&Source::of(&inside, &text)), Vec::<String>::new(), "{inside}");
            }
        }
    }

    #[test]
    fn parts_of_words_and_tests_do_not_count() {
        let text =
            "use crate::store::engine_sled::SledEngine; // sled\n#[cfg(test)]\nmod tests { use rand::Rng; }";
        assert_eq!(findings(&Source::of("src/actors/hub.rs", text)), Vec::<String>::new());
    }
}
