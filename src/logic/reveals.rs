//! Why an operator looks at what people wrote: a reason of the operator's own, which the audit log has before anything is
//! read.

use super::visible_text::is_line;

/// Longest reason, bytes. Source: a sentence or two, or the number of a case; a record of the audit log has room for it
/// several times over.
pub const REASON_BYTES_MAX: usize = 200;

/// The reason that a text is: one line of visible characters, without the blanks around it. Nothing where it is none, so
/// that the log never has a reason that nobody can read.
#[must_use]
pub fn reason(text: &str) -> Option<&str> {
    let reason = text.trim();
    let fits = (1..=REASON_BYTES_MAX).contains(&reason.len());
    (fits && is_line(reason)).then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_line_that_can_be_read() {
        let longest = "x".repeat(REASON_BYTES_MAX);
        for (text, expected) in [
            ("threat, case 17", Some("threat, case 17")),
            ("  ask of the court \"12/26\" ", Some("ask of the court \"12/26\"")),
            ("举报 3", Some("举报 3")),
            (&longest, Some(longest.as_str())),
            (&format!("{longest}x"), None),
            ("", None),
            (" \t ", None),
            ("two\nlines", None),
            ("a\u{1b}[2J", None),
            ("\u{200b}", None),
            ("right\u{202e}left", None),
        ] {
            assert_eq!(reason(text), expected, "{text:?}");
        }
    }
}
