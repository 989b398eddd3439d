//! The framing of RFC 6455 as a client has it: the upgrade, masked frames out, unmasked frames in.

/// Longest message of the server that a client has to take, bytes. Source: protocol.md, section 1.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// A whole binary message.
    Binary,
    /// To be answered with a pong.
    Ping,
    /// Not to be answered.
    Pong,
    /// The end.
    Close,
}

impl Opcode {
    fn number(self) -> u8 {
        match self {
            Opcode::Binary => 2,
            Opcode::Close => 8,
            Opcode::Ping => 9,
            Opcode::Pong => 10,
        }
    }
}

/// What stands at the beginning of what was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// Not yet a whole frame.
    Incomplete,
    /// A frame, its payload, and the bytes it took, header included.
    Frame(Opcode, &'a [u8], usize),
    /// Something a server of this protocol never sends.
    Wrong(&'static str),
}

/// The request that asks for the upgrade, in the binary encoding.
#[must_use]
pub fn upgrade_request(host: &str) -> Vec<u8> {
    let protocol = highwater_wire::Encoding::Binary.subprotocol();
    format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    )
    .into_bytes()
}

/// The length of a whole answer to the upgrade; `None` while its end is missing, an error when it is refused.
///
/// # Errors
/// The first line of an answer that is not 101.
pub fn upgrade_answer(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    if bytes.starts_with(b"HTTP/1.1 101 ") {
        return Ok(Some(end + 4));
    }
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    Err(String::from_utf8_lossy(line).into_owned())
}

/// Adds a masked frame, as clients send it.
pub fn write_masked(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    write_header(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    let mut chunks = out[start..].chunks_exact_mut(4);
    for chunk in &mut chunks {
        for (byte, key) in chunk.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// Adds an unmasked frame, as servers send it.
pub fn write_unmasked(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    write_header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Reads the frame at the beginning of `bytes`, as clients receive it.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let [first, second, rest @ ..] = bytes else {
        return Parsed::Incomplete;
    };
    if second & MASKED != 0 {
        return Parsed::Wrong("a masked frame");
    }
    let (length, header) = match (second & 0x7f, rest) {
        (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 4),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
            (usize::try_from(length).unwrap_or(usize::MAX), 10)
        }
        (126 | 127, _) => return Parsed::Incomplete,
        (short, _) => (usize::from(short), 2),
    };
    if length > MESSAGE_BYTES_MAX {
        return Parsed::Wrong("a frame that is too long");
    }
    let opcode = match first {
        0x82 => Opcode::Binary,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        _ => return Parsed::Wrong("a text frame, or a fragment"),
    };
    match bytes.get(header..header + length) {
        Some(payload) => Parsed::Frame(opcode, payload, header + length),
        None => Parsed::Incomplete,
    }
}

fn write_header(out: &mut Vec<u8>, opcode: Opcode, length: usize, masked: u8) {
    out.push(FINAL | opcode.number());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.push(masked | short),
        (_, Ok(medium)) => {
            out.push(masked | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_read_back_and_half_of_one_is_not() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![7; length];
            let mut bytes = Vec::new();
            write_unmasked(&mut bytes, Opcode::Binary, &payload);
            assert_eq!(parse(&bytes), Parsed::Frame(Opcode::Binary, &payload, bytes.len()), "{length}");
            assert_eq!(parse(&bytes[..bytes.len() - 1]), Parsed::Incomplete, "{length}");
        }
    }

    #[test]
    fn a_masked_frame_is_that_of_the_protocol_text() {
        let hello = [0x08, 0x07, 0x52, 0x05, 0x0a, 0x01, 0x74, 0x10, 0x01];
        let mut bytes = Vec::new();
        write_masked(&mut bytes, Opcode::Binary, &hello, [0x37, 0xfa, 0x21, 0x3d]);
        let expected = "82 89 37 fa 21 3d 3f fd 73 38 3d fb 55 2d 36";
        let printed: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(printed.join(" "), expected);
    }

    #[test]
    fn an_upgrade_is_taken_only_with_101() {
        assert_eq!(upgrade_answer(b"HTTP/1.1 101 Switching Protocols\r\n"), Ok(None));
        let taken = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x82";
        assert_eq!(upgrade_answer(taken), Ok(Some(taken.len() - 1)));
        let refused = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert_eq!(upgrade_answer(refused), Err("HTTP/1.1 503 Service Unavailable".to_owned()));
    }
}
