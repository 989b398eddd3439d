//! `protocol/protocol.md` says what the code says: its table of errors and its examples are checked here.

#![allow(clippy::unwrap_used, missing_docs)]

mod golden_files;
mod hex;

use golden_files::{golden, read};
use hex::{from_hex, to_hex};
use highwater_wire::{Encoding, Refusal, close};

const TABLE_BEGIN: &str = "<!-- refusals: begin -->\n";
const TABLE_END: &str = "<!-- refusals: end -->";

#[test]
fn the_table_of_errors_is_the_table_of_refusals() {
    let text = read("protocol.md");
    let (_, from_table) = text.split_once(TABLE_BEGIN).expect("the table begins");
    let (table, _) = from_table.split_once(TABLE_END).expect("the table ends");
    let right = refusal_table();
    assert!(table == right, "the table of errors in protocol.md should be:\n\n{right}");
}

fn refusal_table() -> String {
    let row = |refusal: &Refusal| {
        let retry = if refusal.retry() { "yes" } else { "no" };
        let (code, name, status) = (refusal.code(), refusal.name(), refusal.http_status());
        format!("| {code} | `{name}` | {status} | {retry} | {} |\n", refusal.text())
    };
    let head = "| code | name | HTTP | retry | |\n| --- | --- | --- | --- | --- |\n";
    head.to_owned() + &Refusal::ALL.iter().map(row).collect::<String>()
}

#[test]
fn the_examples_are_golden_frames() {
    let text = read("protocol.md");
    let mut examples = 0;
    for section in text.split("<!-- frame: ").skip(1) {
        let (name, rest) = section.split_once(" -->\n").expect("a name");
        let (binary, json) = golden(name);
        let (hex_example, rest) = leading_block(rest, "hex");
        if let Some(lines) = hex_example {
            assert_eq!(to_hex(&annotated(lines)), to_hex(&binary), "{name} in binary");
        }
        let (json_example, _) = leading_block(rest, "json");
        assert_eq!(json_example.map(str::trim_end), Some(json.as_str()), "{name} in JSON");
        examples += 1;
    }
    assert!(examples >= 6, "only {examples} examples were found");
}

/// A masked WebSocket frame with a short payload, taken apart by hand.
#[test]
fn the_masked_example_holds_a_golden_frame() {
    let text = read("protocol.md");
    let (_, section) = text.split_once("<!-- masked: ").expect("an example");
    let (name, rest) = section.split_once(" -->\n").expect("a name");
    let bytes = annotated(leading_block(rest, "hex").0.expect("a block"));
    let [0x82, masked_length, a, b, c, d, payload @ ..] = bytes.as_slice() else { panic!("{bytes:x?}") };
    let unmasked: Vec<u8> =
        payload.iter().zip([a, b, c, d].into_iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    assert_eq!(usize::from(*masked_length), 0x80 + payload.len());
    assert_eq!(unmasked, golden(name).0);
}

#[test]
fn names_and_numbers_of_the_code_stand_in_the_text() {
    let text = read("protocol.md");
    for encoding in [Encoding::Binary, Encoding::Json] {
        assert!(text.contains(&format!("| `{}` |", encoding.subprotocol())));
        assert!(text.contains(&format!("`{}`", encoding.content_type())));
    }
    for code in [close::UNAUTHENTICATED, close::TOO_SLOW, close::REPLACED, close::SILENT] {
        assert!(text.contains(&format!("\n| {code} |")), "{code} is not in the table of ends");
    }
}

/// The fenced block that the text begins with, if it is of this language, and what follows it.
fn leading_block<'a>(text: &'a str, language: &str) -> (Option<&'a str>, &'a str) {
    let fence = format!("```{language}\n");
    match text.strip_prefix(&fence) {
        Some(block) => {
            let (content, rest) = block.split_once("```\n").expect("the block ends");
            (Some(content), rest)
        }
        None => (None, text),
    }
}

/// The bytes of lines such as `   0a 01 74        token = "t"`: what stands after three spaces is a note.
fn annotated(lines: &str) -> Vec<u8> {
    let bytes = |line: &str| from_hex(line.trim_start().split("   ").next().unwrap_or_default());
    lines.lines().flat_map(bytes).collect()
}
