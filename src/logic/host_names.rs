//! How an account is called that comes from a host app: by what the app calls its user, as far as that can be a name
//! and nobody has it.

use std::fmt::Write as _;

use crate::model::{
    limits::NAME_CHARS,
    record::{HostIdentityKey, is_name_letter},
};

/// What stands before digits where nothing of the app's name can be used.
const NAMELESS: &str = "user";

/// Names to be tried in this order, all of them valid: as called, then with more and more digits of the identity behind
/// it, so that nobody's name is taken over and the same user comes to the same names. Source: with 8 hexadecimal digits
/// two of 1,000 users who are called the same meet once in ten thousand such groups; with 16 never.
#[must_use]
pub fn candidates(called: &str, identity: &HostIdentityKey) -> Vec<String> {
    let mut digits = String::with_capacity(16);
    for byte in &identity[..8] {
        let _ = write!(digits, "{byte:02x}");
    }
    let plain = made_valid(called);
    let base = if plain.chars().count() < *NAME_CHARS.start() { NAMELESS } else { &plain };
    let with_digits = |count: usize| {
        let room = NAME_CHARS.end() - count - 1;
        let kept: String = base.chars().take(room).collect();
        format!("{}-{}", kept.trim_end_matches('-'), &digits[..count])
    };
    let as_called = (base != NAMELESS).then(|| base.to_owned());
    as_called.into_iter().chain([4, 8, 16].map(with_digits)).collect()
}

/// What is no letter of a name becomes one dash, none at the ends.
fn made_valid(called: &str) -> String {
    let mut name = String::new();
    for letter in called.chars() {
        if is_name_letter(letter) {
            name.push(letter);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.chars().count() >= *NAME_CHARS.end() {
            break;
        }
    }
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: HostIdentityKey = [0xa5; 32];

    #[test]
    fn a_name_is_made_valid_and_then_unique() {
        for (called, first) in [
            ("ann", "ann"),
            ("Ann Lee", "Ann-Lee"),
            ("ann@example.com", "ann-example.com"),
            ("auth0|5f7c", "auth0-5f7c"),
            ("  <script>  ", "script"),
            ("张伟", "张伟"),
            ("a", "user-a5a5"),
            ("", "user-a5a5"),
            ("--", "user-a5a5"),
            ("user", "user-a5a5"),
            ("😀😀", "user-a5a5"),
            ("\u{202e}ann\u{0}", "ann"),
        ] {
            assert_eq!(candidates(called, &IDENTITY)[0], first, "{called:?}");
        }
        let all = candidates("Ann Lee", &IDENTITY);
        assert_eq!(all, ["Ann-Lee", "Ann-Lee-a5a5", "Ann-Lee-a5a5a5a5", "Ann-Lee-a5a5a5a5a5a5a5a5"]);
    }

    #[test]
    fn every_name_is_valid_whatever_it_came_from() {
        let long = "x".repeat(500);
        let wide = "张".repeat(500);
        for called in ["", "-", "a-", "é", "user", &long, &wide, "a\u{301}\u{301}b", "|||||", "ﬁ ﬁ"] {
            for name in candidates(called, &IDENTITY) {
                assert!(NAME_CHARS.contains(&name.chars().count()), "{called:?}: {name}");
                assert!(name.chars().all(is_name_letter), "{called:?}: {name}");
            }
        }
    }
}
