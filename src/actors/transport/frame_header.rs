//! The header of an incoming WebSocket frame (RFC 6455, section 5.2).

/// Flags byte, 7-bit length, 64-bit length, masking key.
pub(crate) const HEADER_BYTES_MAX: usize = 14;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RESERVED: u8 = 0x70;
pub(crate) const OPCODE: u8 = 0x0f;
pub(crate) const MASKED: u8 = 0x80;
pub(crate) const LENGTH: u8 = 0x7f;

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// What a header says.
pub(crate) struct Header {
    pub(crate) fin: bool,
    pub(crate) opcode: u8,
    pub(crate) length: u64,
    pub(crate) mask: [u8; 4],
}

impl Header {
    pub(crate) fn parse(bytes: &[u8; HEADER_BYTES_MAX], length_bytes: usize) -> Header {
        let length = match length_bytes {
            0 => u64::from(bytes[1] & LENGTH),
            n => bytes[2..2 + n].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        let mask_at = 2 + length_bytes;
        Header {
            fin: bytes[0] & FIN != 0,
            opcode: bytes[0] & OPCODE,
            length,
            mask: [bytes[mask_at], bytes[mask_at + 1], bytes[mask_at + 2], bytes[mask_at + 3]],
        }
    }
}
