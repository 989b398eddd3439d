//! Which texts are what they look like: those that a group shows to all of its members and is known by.
//!
//! Characters that nobody sees make two names of one look, and those that turn the direction of writing around make a text
//! look like another one. Such a text is refused, never changed: what is stored is what was sent.

/// Whether a text is one line of visible characters.
pub(super) fn is_line(text: &str) -> bool {
    let mut before = None;
    for one in text.chars() {
        let may = match one {
            one if is_joining(one) => before.is_some_and(|before| may_be_joined(before, one)),
            one => !one.is_control() && !is_hidden(one),
        };
        if !may {
            return false;
        }
        before = Some(one);
    }
    // What joins has something to join.
    !before.is_some_and(|last| matches!(last, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER))
}

/// The same for lines with a line feed between them: none stands before the first or behind the last that shows anything.
/// Nothing is a text too.
pub(super) fn is_lines(text: &str) -> bool {
    let shows = |line: Option<&str>| line.is_some_and(|line| !line.trim().is_empty());
    let mut ends = text.split('\n');
    let is_framed = text.is_empty() || (shows(ends.next()) && shows(text.rsplit('\n').next()));
    is_framed && text.split('\n').all(is_line)
}

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Characters without a look of their own that change the look of what stands before them: without them there are no
/// emoji of families and flags, no Persian, and no Indic scripts.
fn is_joining(one: char) -> bool {
    matches!(one, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Behind Latin letters they would change nothing that anybody sees; of these, digits alone are made emoji of.
fn may_be_joined(before: char, one: char) -> bool {
    let is_key = before.is_ascii_digit() || matches!(before, '#' | '*');
    let is_selector = !matches!(one, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER);
    match before {
        before if before.is_ascii() => is_key && is_selector,
        // An emoji with its selector is joined to the next one; otherwise one at a time.
        before if is_joining(before) => one == ZERO_WIDTH_JOINER && is_selector_of_emoji(before),
        before => !before.is_whitespace(),
    }
}

fn is_selector_of_emoji(one: char) -> bool {
    one == '\u{fe0f}'
}

/// Characters of no width or no ink, and those that turn the direction of writing.
/// Source: Unicode 16, Default_Ignorable_Code_Point, without what joins; line and paragraph separators; Bidi_Control; the
/// blank of Braille.
fn is_hidden(one: char) -> bool {
    matches!(one,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_visible() {
        for text in [
            "Tea \"at\" five",
            "Käse 🧀",
            "喝茶，五点",
            "שלום עולם",
            // Persian needs the non-joiner, Malayalam the joiner.
            "می\u{200c}خواهم",
            "ക്\u{200d}ഷ",
            "👩\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "葛\u{e0100}城",
            "e\u{301}",
            "a\u{a0}b",
        ] {
            assert!(is_line(text) && is_lines(text), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_refused_wherever_it_stands() {
        for hidden in [
            '\0',
            '\n',
            '\t',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2064}',
            '\u{2066}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e007f}',
        ] {
            for text in
                [format!("{hidden}"), format!("{hidden}a"), format!("a{hidden}b"), format!("🧀{hidden}")]
            {
                assert!(!is_line(&text), "{text:?}");
                assert_eq!(is_lines(&text), text == "a\nb", "{text:?}");
            }
        }
    }

    #[test]
    fn lines_begin_and_end_with_something_to_see() {
        for (text, right) in [
            ("", true),
            ("x", true),
            (" x ", true),
            ("x\n\ny", true),
            ("x\n \ny", true),
            ("\nx", false),
            ("x\n", false),
            (" \nx", false),
            ("x\n\u{a0}", false),
            ("\n", false),
            (" ", false),
        ] {
            assert_eq!(is_lines(text), right, "{text:?}");
        }
    }

    #[test]
    fn what_joins_has_something_to_join() {
        for text in [
            "\u{200d}a",
            "Te\u{200d}a",
            "Te\u{200c}a",
            "a\u{fe0f}",
            "1\u{200d}2",
            "🧀\u{200d}",
            "🧀\u{200d}\u{200d}🧀",
            "🧀\u{fe0f}\u{fe0f}",
            "\u{3000}\u{200d}🧀",
        ] {
            assert!(!is_line(text), "{text:?}");
        }
    }
}
