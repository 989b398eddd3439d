//! Answers on stdout, in which nothing speaks to the terminal: users wrote parts of them.

use std::{io::Write, process::ExitCode};

/// Prints an answer to stdout. Where it cannot be written, a full disk say, the command fails.
pub fn print_answer(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{}", shown(text.trim_end())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the answer cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The text with what a terminal would obey, and what turns the direction of writing around, as JSON escapes it.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for one in text.chars() {
        let is_obeyed = one.is_control() && !matches!(one, '\n' | '\t');
        let turns = matches!(
            one,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}'
        );
        if is_obeyed || turns {
            shown.push_str(&format!("\\u{:04x}", u32::from(one)));
        } else {
            shown.push(one);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_written_speaks_to_the_terminal() {
        assert_eq!(shown("a\tb\nGrüße 举报 👩‍👧"), "a\tb\nGrüße 举报 👩‍👧");
        assert_eq!(shown("\u{9b}31mRED\u{1b}[0m\r"), "\\u009b31mRED\\u001b[0m\\u000d");
        assert_eq!(shown("\u{202e}txt\u{2028}"), "\\u202etxt\\u2028");
    }
}
