//! Writes outgoing WebSocket frames: unmasked, unfragmented (RFC 6455, section 5.2).

const FIN_TEXT: u8 = 0x81;
const FIN_BINARY: u8 = 0x82;
const FIN_CLOSE: u8 = 0x88;

/// Appends a text frame. `payload` must be UTF-8.
pub(crate) fn text(out: &mut Vec<u8>, payload: &[u8]) {
    frame(out, FIN_TEXT, payload);
}

/// Appends a binary frame.
pub(crate) fn binary(out: &mut Vec<u8>, payload: &[u8]) {
    frame(out, FIN_BINARY, payload);
}

/// Appends a close frame. Without a code there is no reason either.
pub(crate) fn close(out: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(reason.as_bytes());
    }
    frame(out, FIN_CLOSE, &payload);
}

fn frame(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    out.push(first);
    match payload.len() {
        short @ 0..=125 => out.push(short as u8),
        medium @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, header) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (0xffff, &[0x82, 126, 0xff, 0xff]),
            (0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            binary(&mut out, &vec![7; length]);
            assert_eq!(&out[..header.len()], header);
            assert_eq!(out.len(), header.len() + length);
        }
    }

    #[test]
    fn a_close_has_a_reason_only_with_a_code() {
        let mut out = Vec::new();
        close(&mut out, Some(1000), "bye");
        close(&mut out, None, "unsaid");
        assert_eq!(out, [0x88, 5, 0x03, 0xe8, b'b', b'y', b'e', 0x88, 0]);
    }
}
