//! `highwater-checker [--seed N] FILE...`: judges a history and exits with 0 if it is clean, 1 if it is not,
//! 2 if the files are no history.
//!
//! The report goes to stderr. The last line of stdout is the verdict.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: highwater-checker [--seed N] FILE...";
const NOT_CLEAN: u8 = 1;
const NOT_JUDGED: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_CLEAN),
        Err(error) => {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            eprintln!("highwater-checker: {error}{source}");
            ExitCode::from(NOT_JUDGED)
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let (seed, files) = arguments(std::env::args_os().skip(1))?;
    let verdict = highwater_checker::check(&files)?;
    verdict.write_report(&mut io::stderr().lock())?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", verdict.tried.line())?;
    writeln!(out, "{}\n{}", verdict.further_line(), verdict.line(seed))?;
    out.flush()?;
    Ok(verdict.is_clean())
}

/// The seed (0 unless given; it is only repeated in the verdict) and the files.
fn arguments(given: impl Iterator<Item = std::ffi::OsString>) -> Result<(u64, Vec<PathBuf>), String> {
    let mut seed = 0;
    let mut files = Vec::new();
    let mut given = given;
    while let Some(argument) = given.next() {
        if argument == "--seed" {
            let number = given.next().and_then(|number| number.to_str()?.parse().ok());
            seed = number.ok_or(USAGE)?;
        } else if argument.to_str().is_some_and(|text| text.starts_with('-')) {
            return Err(USAGE.to_owned());
        } else {
            files.push(PathBuf::from(argument));
        }
    }
    if files.is_empty() { Err(USAGE.to_owned()) } else { Ok((seed, files)) }
}
