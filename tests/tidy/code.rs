//! Rust as far as the rules need it: text without comments and strings, tokens, and where test modules stand.

/// A word, a path separator, or another character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Word(&'a str),
    PathSeparator,
    Other(char),
}

/// Comments and contents of strings replaced by spaces; every line keeps its number.
pub(crate) fn stripped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        let length = inert_length(rest, after_word);
        if length == 0 {
            out.push(first);
            after_word = first.is_alphanumeric() || first == '_';
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            after_word = false;
            rest = &rest[length..];
        }
    }
    out
}

/// Bytes of the comment, string or character that the text begins with; 0 when it is code.
fn inert_length(text: &str, after_word: bool) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment_length(text);
    }
    if text.starts_with('"') {
        return string_length(text);
    }
    if !after_word && let Some(length) = raw_string_length(text) {
        return length;
    }
    if text.starts_with('\'') { character_length(text) } else { 0 }
}

fn block_comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string_length(text: &str) -> Option<usize> {
    let after_prefix = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after_prefix.len() - after_prefix.trim_start_matches('#').len();
    let content = after_prefix.trim_start_matches('#').strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content.find(&end).map_or(content.len(), |at| at + end.len());
    Some(text.len() - content.len() + length)
}

/// A character literal; a lifetime is code.
fn character_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 3)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

/// Blanks out `#[cfg(test)] mod … { … }` in stripped code; every line keeps its number.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    let mut from = 0;
    while let Some(found) = out[from..].find("#[cfg(test)]") {
        let start = from + found;
        let end = match out[start..].find(['{', ';']) {
            Some(at) if out[start + at..].starts_with('{') => start + at + block_length(&out[start + at..]),
            Some(at) => start + at + 1,
            None => out.len(),
        };
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
        from = start + blank.len();
    }
    out
}

/// Bytes of a block of stripped code that begins with a brace, both braces included.
pub(crate) fn block_length(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Names of modules in files of their own that are compiled for tests only.
pub(crate) fn test_module_files(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(str::trim).peekable();
    let mut names = Vec::new();
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            continue;
        }
        let declared = lines.peek().and_then(|next| next.split_once("mod ")).map(|(_, rest)| rest);
        names.extend(declared.and_then(|rest| rest.strip_suffix(';')).map(str::to_owned));
    }
    names
}

/// Tokens of stripped code with their line numbers, from 1.
pub(crate) fn tokens(code: &str) -> Vec<(usize, Token<'_>)> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (token, length) = match first {
                _ if word > 0 => (Token::Word(&rest[..word]), word),
                ':' if rest.starts_with("::") => (Token::PathSeparator, 2),
                other => (Token::Other(other), other.len_utf8()),
            };
            if token != Token::Other(' ') {
                found.push((number + 1, token));
            }
            rest = &rest[length..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_characters_are_blank_and_lines_stay() {
        let text = "let a = \"// \\\" x\"; // note\nlet b = r#\"\"y\"\"#; /* z /* z */\n z */ let c = '\"'; let d: &'a str;";
        let code = stripped(text);
        assert_eq!(code.lines().count(), 3);
        for gone in ["x", "note", "y", "z", "\""] {
            assert!(!code.contains(gone), "{gone} in {code}");
        }
        assert!(code.contains("let c =") && code.contains("&'a str"), "{code}");
        assert_eq!(stripped("let e = '\\''; for_r\"a\"").trim_end(), "let e =     ; for_r");
    }

    #[test]
    fn test_modules_are_cut_out_and_what_follows_stays() {
        let code =
            "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { } }\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}";
        let left = without_tests(code);
        assert!(left.contains("fn a") && left.contains("fn c") && left.contains("fn e"));
        assert!(!left.contains("fn b") && !left.contains("mod d"));
        assert_eq!(left.lines().count(), code.lines().count());
        assert_eq!(test_module_files(code), ["d"]);
    }

    #[test]
    fn words_and_separators_are_told_apart() {
        use Token::{Other, PathSeparator, Word};
        let found: Vec<_> = tokens("a::b_1\n : c").into_iter().collect();
        let right = [(1, Word("a")), (1, PathSeparator), (1, Word("b_1")), (2, Other(':')), (2, Word("c"))];
        assert_eq!(found, right);
    }
}
