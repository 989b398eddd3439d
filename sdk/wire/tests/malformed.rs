//! What is not a frame: a decode error, never a panic, never a frame of something else.

#![allow(clippy::unwrap_used, missing_docs)]

mod frames;
mod hex;

use frames::Frame;
use hex::{from_hex, to_hex};
use highwater_wire::{
    Encoding,
    proto::{ClientFrame, ServerFrame},
};

/// Levels of nesting that no decoder may follow on its stack.
const DEPTH: usize = 100_000;

fn refuses(encoding: Encoding, what: &str, bytes: &[u8]) {
    let Err(error) = encoding.decode::<ClientFrame>(bytes) else {
        panic!("{what} was read:\n{}", to_hex(bytes))
    };
    // An error goes to logs: it must not carry what the frame holds.
    assert!(!error.to_string().contains("secret"), "{what}: {error}");
}

#[test]
fn malformed_binary_is_refused() {
    let cases = [
        ("tag cut off", "80"),
        ("varint cut off", "08 ff"),
        ("varint of 11 bytes", "08 ff ff ff ff ff ff ff ff ff ff 01"),
        ("varint above 64 bits", "08 ff ff ff ff ff ff ff ff ff 7f"),
        ("length above what follows", "12 05 01 02"),
        ("length of 2^63", "12 80 80 80 80 80 80 80 80 80 01"),
        ("message longer than the frame", "52 05 0a 01 74"),
        ("string longer than its message", "52 02 0a 05 74 74 74 74 74"),
        ("field number 0", "00 01"),
        ("field number above 2^29", "80 80 80 80 80 01 00"),
        ("wire type 6", "0e 01"),
        ("wire type 7", "0f 01"),
        ("request_id as bytes", "0a 01 07"),
        ("request_id as 32 bits", "0d 01 00 00 00"),
        ("snapshot as varint", "10 07"),
        ("hello as varint", "50 07"),
        ("token as varint", "52 02 08 07"),
        ("fixed64 as varint", "92 01 02 08 07"),
        ("fixed64 cut off", "92 01 04 09 01 02 03"),
        ("end of a group that never began", "0c"),
        ("group without end", "a3 06 08 01"),
        ("group with another end", "a3 06 ac 06"),
        ("name is not UTF-8", "9a 01 04 0a 02 c3 28"),
        ("name is a lone surrogate", "9a 01 05 0a 03 ed a0 80"),
        ("text is not UTF-8", "6a 04 32 02 ff fe"),
        ("packed kinds cut off", "52 03 1a 01 80"),
    ];
    for (what, hex) in cases {
        refuses(Encoding::Binary, what, &from_hex(hex));
    }
}

#[test]
fn malformed_json_is_refused() {
    let cases: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("white space", b" \n"),
        ("not JSON", b"hello"),
        ("an array", b"[1]"),
        ("a string", b"\"secret\""),
        ("a number", b"7"),
        ("null", b"null"),
        ("cut off", b"{\"requestId\":\"7\""),
        ("cut off in a string", b"{\"requestId\":\"7"),
        ("two documents", b"{}{}"),
        ("trailing comma", b"{\"requestId\":\"7\",}"),
        ("single quotes", b"{'requestId':'7'}"),
        ("comment", b"{} // secret"),
        ("byte order mark", b"\xef\xbb\xbf{}"),
        ("not UTF-8 in a known field", b"{\"findUser\":{\"name\":\"\xc3\x28\"}}"),
        ("lone surrogate", b"{\"findUser\":{\"name\":\"\\ud800\"}}"),
        ("raw control character", b"{\"findUser\":{\"name\":\"a\x01b\"}}"),
        ("duplicate key", b"{\"requestId\":\"7\",\"requestId\":\"8\"}"),
        ("the same key in both spellings", b"{\"requestId\":\"7\",\"request_id\":\"7\"}"),
        ("two requests", b"{\"requestId\":\"7\",\"heartbeat\":{},\"sync\":{}}"),
        ("two targets", b"{\"send\":{\"userId\":\"1\",\"userName\":\"secret\"}}"),
        ("2^64", b"{\"requestId\":\"18446744073709551616\"}"),
        ("2^64 as a number", b"{\"requestId\":18446744073709551616}"),
        ("negative", b"{\"requestId\":\"-1\"}"),
        ("fraction", b"{\"requestId\":1.5}"),
        ("number in words", b"{\"requestId\":\"secret\"}"),
        ("hexadecimal", b"{\"requestId\":\"0x7\"}"),
        ("padded number", b"{\"requestId\":\" 7\"}"),
        ("empty number", b"{\"requestId\":\"\"}"),
        ("2^32 in 32 bits", b"{\"sync\":{\"limit\":4294967296}}"),
        ("negative in 32 bits", b"{\"sync\":{\"limit\":-1}}"),
        ("boolean as string", b"{\"hello\":{\"nudgeOnly\":\"true\"}}"),
        ("boolean as number", b"{\"hello\":{\"nudgeOnly\":1}}"),
        ("string as number", b"{\"hello\":{\"token\":7}}"),
        ("list as number", b"{\"hello\":{\"kinds\":1}}"),
        ("null for a number", b"{\"requestId\":null}"),
        ("null for bytes", b"{\"snapshot\":null}"),
        ("null for a string", b"{\"hello\":{\"token\":null}}"),
        ("exponent", b"{\"requestId\":1e3}"),
        ("null in a list", b"{\"hello\":{\"kinds\":[null]}}"),
        ("request as list", b"{\"hello\":[]}"),
        ("request as string", b"{\"heartbeat\":\"secret\"}"),
        ("bytes as list", b"{\"snapshot\":[1,2,3]}"),
        ("bytes that are not base64", b"{\"snapshot\":\"secret!\"}"),
        ("base64 of an impossible length", b"{\"snapshot\":\"AAAAA\"}"),
        ("base64 with bits left over", b"{\"snapshot\":\"AB==\"}"),
        ("unknown name of an enum", b"{\"signIn\":{\"device\":{\"deviceClass\":\"DEVICE_CLASS_SECRET\"}}}"),
        ("unknown number of an enum", b"{\"signIn\":{\"device\":{\"deviceClass\":99}}}"),
    ];
    for (what, bytes) in cases {
        refuses(Encoding::Json, what, bytes);
    }
}

#[test]
fn depth_bombs_end_without_a_deep_stack() {
    for field in ["hello", "snapshot", "requestId"] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let bomb = format!("{{\"{field}\":{}{}}}", open.repeat(DEPTH), close.repeat(DEPTH));
            refuses(Encoding::Json, field, bomb.as_bytes());
        }
    }
    refuses(Encoding::Json, "no object", "[".repeat(DEPTH).as_bytes());
    // Groups of an unknown field, each in the other: field 100, begin and end.
    let groups = [[0xa3, 0x06].repeat(DEPTH), [0xa4, 0x06].repeat(DEPTH)].concat();
    refuses(Encoding::Binary, "groups", &groups);
}

/// An unknown field is skipped whatever it holds, if it is JSON at all; skipping must not use the stack either.
#[test]
fn deep_nesting_in_an_unknown_field_is_skipped_or_refused() {
    let bomb = format!("{{\"new\":{}0{},\"requestId\":\"7\"}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    if let Ok(frame) = Encoding::Json.decode::<ClientFrame>(bomb.as_bytes()) {
        assert_eq!(frame.request_id, 7);
    }
    refuses(Encoding::Json, "without end", format!("{{\"new\":{}", "[".repeat(DEPTH)).as_bytes());
}

/// Every golden frame cut off anywhere, and with any one byte changed, is read or refused: no panic.
#[test]
fn cut_and_damaged_frames_do_not_panic() {
    for named in frames::all() {
        let (binary, json) = match &named.frame {
            Frame::Client(frame) => (Encoding::Binary.encode(frame), Encoding::Json.encode(frame)),
            Frame::Server(frame) => (Encoding::Binary.encode(frame), Encoding::Json.encode(frame)),
        };
        for (encoding, bytes) in [(Encoding::Binary, binary), (Encoding::Json, json)] {
            for end in 0..bytes.len() {
                read_both(encoding, &bytes[..end]);
                if encoding == Encoding::Json {
                    refuses(encoding, named.name, &bytes[..end]);
                }
            }
            for place in 0..bytes.len() {
                for byte in [0x00, 0x01, 0x22, 0x7b, 0x7f, 0x80, 0xff, bytes[place] ^ 0x04] {
                    let mut damaged = bytes.clone();
                    damaged[place] = byte;
                    read_both(encoding, &damaged);
                }
            }
        }
    }
}

fn read_both(encoding: Encoding, bytes: &[u8]) {
    // What matters is that both return.
    let _ = encoding.decode::<ClientFrame>(bytes);
    let _ = encoding.decode::<ServerFrame>(bytes);
}
