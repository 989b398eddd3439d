//! Answers on stdout.

use std::{io::Write, process::ExitCode};

/// Prints an answer to stdout. Where it cannot be written, a full disk say, the command fails.
pub fn print_answer(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the answer cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}
