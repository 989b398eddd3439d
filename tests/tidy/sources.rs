//! The repository as text: which files there are, and which of them are tests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::code;

/// Directories that hold nothing we wrote.
const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "__pycache__", "out"];
/// Ends of names of files that are read.
const READ: [&str; 14] =
    ["rs", "md", "toml", "proto", "py", "js", "mjs", "css", "html", "sh", "c", "json", "Makefile", "run"];

/// One file.
pub(crate) struct Source {
    /// From the root of the repository, with slashes.
    pub(crate) path: String,
    /// As it stands on disk.
    pub(crate) text: String,
    /// Declared for tests only, or in a directory of tests.
    pub(crate) is_test: bool,
}

impl Source {
    /// A source that stands nowhere, for the proofs of the rules.
    #[cfg(test)]
    pub(crate) fn of(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), is_test: false }
    }

    /// The code without comments, contents of strings and test modules, line by line as in the file.
    pub(crate) fn code(&self) -> String {
        code::without_tests(&code::stripped(&self.text))
    }
}

/// All of them.
pub(crate) struct Repository {
    root: PathBuf,
    sources: Vec<Source>,
}

impl Repository {
    pub(crate) fn read() -> Repository {
        // As cargo says it when the test runs, so that a copy of the repository can be judged, too.
        let root =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = PathBuf::from(root);
        let mut sources = Vec::new();
        walk(&root, &root, &mut sources);
        assert!(sources.len() > 100, "the sources of the repository are here");
        let declared = declared_for_tests(&sources);
        for source in &mut sources {
            source.is_test = in_directory_of_tests(&source.path) || declared.contains(&source.path);
        }
        Repository { root, sources }
    }

    /// Code of the server.
    pub(crate) fn server(&self) -> impl Iterator<Item = &Source> {
        self.rust().filter(|source| source.path.starts_with("src/") && !source.is_test)
    }

    /// All code in Rust, tests too.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.path.ends_with(".rs"))
    }

    /// All files that were read, without these rules, which have to name what they forbid.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| !source.path.starts_with("tests/tidy/"))
    }

    /// Documents for people.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.path.ends_with(".md"))
    }

    /// One file.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.source(path).map(|source| source.text.as_str()).unwrap_or_else(|| panic!("{path} is not there"))
    }

    pub(crate) fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    /// Whether there is a file or directory of this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}

fn walk(root: &Path, directory: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() {
            // Run-time state is nobody's writing.
            if !SKIPPED.contains(&name.as_str()) && path != root.join("data") {
                walk(root, &path, sources);
            }
        } else if READ.contains(&name.rsplit('.').next().unwrap_or_default()) {
            // A file that another process has taken away meanwhile is not in the repository.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            sources.push(Source { path, text, is_test: false });
        }
    }
}

fn in_directory_of_tests(path: &str) -> bool {
    let is_tool = path.starts_with("tests/crash/src/");
    let in_tests = path.starts_with("tests/") || path.contains("/tests/") || path.contains("/examples/");
    in_tests && !is_tool
}

/// Files of `#[cfg(test)] mod name;`.
fn declared_for_tests(sources: &[Source]) -> BTreeSet<String> {
    let rust = sources.iter().filter(|source| source.path.ends_with(".rs"));
    rust.flat_map(|source| {
        let directory = directory_of_modules(&source.path);
        code::test_module_files(&source.text).into_iter().map(move |name| format!("{directory}/{name}.rs"))
    })
    .collect()
}

/// Where the modules of a file stand.
fn directory_of_modules(path: &str) -> &str {
    let without_end = path.strip_suffix(".rs").unwrap_or(path);
    match without_end.rsplit_once('/') {
        Some((directory, "mod" | "lib" | "main")) => directory,
        _ => without_end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_test_by_its_place_or_its_declaration() {
        assert!(in_directory_of_tests("tests/it/main.rs"));
        assert!(in_directory_of_tests("checker/tests/good.rs"));
        assert!(!in_directory_of_tests("tests/crash/src/main.rs"));
        assert!(!in_directory_of_tests("src/model/ids.rs"));
        let parent = Source::of("src/store/mod.rs", "mod log;\n#[cfg(test)]\nmod log_tests;\n");
        let leaf = Source::of("src/monitor/slots.rs", "#[cfg(test)]\nmod tests;\n");
        let found: Vec<_> = declared_for_tests(&[parent, leaf]).into_iter().collect();
        assert_eq!(found, ["src/monitor/slots/tests.rs", "src/store/log_tests.rs"]);
    }
}
