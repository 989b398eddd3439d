//! Inspects incoming WebSocket frames before anything of them is buffered (RFC 6455, section 5).
//!
//! The codec behind it looks at a frame's size only when the whole frame is in memory, so a client could make it hold
//! whatever length it declares. The guard reads the header as its bytes come in, refuses what is against the protocol
//! or a limit there and then, and passes the rest on in complete pieces: a frame longer than `PIECE_BYTES` goes on as
//! a fragmented message, so that neither the guard nor the codec ever holds more than a piece.

use super::TransportLimits;
use super::frame_header::{
    BINARY, CLOSE, CONTINUATION, FIN, HEADER_BYTES_MAX, Header, LENGTH, MASKED, OPCODE, PING, PONG, RESERVED,
    TEXT,
};

/// Longest piece in which a frame is passed on. A multiple of four, so that each piece starts at the same place of the
/// four-byte masking key.
const PIECE_BYTES: usize = 4096;

/// RFC 6455, 5.5: control frames have at most this payload and are not fragmented.
const CONTROL_BYTES_MAX: u64 = 125;

/// Why a frame is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// Against RFC 6455; says what.
    Protocol(&'static str),
    /// Longer than a frame or message may be, or in too many fragments.
    TooLong,
    /// More control frames than a second allows.
    ControlFlood,
}

impl Violation {
    /// The code with which the connection is closed (RFC 6455, 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Violation::Protocol(_) => 1002,
            Violation::TooLong => 1009,
            Violation::ControlFlood => 1008,
        }
    }

    /// One sentence for people.
    pub fn reason(self) -> &'static str {
        match self {
            Violation::Protocol(what) => what,
            Violation::TooLong => "the message is longer than the limit",
            Violation::ControlFlood => "too many control frames",
        }
    }
}

/// Inspects the frames of one connection. Holds an unfinished header and at most one unfinished piece.
#[derive(Debug, Default)]
pub struct FrameGuard {
    header: [u8; HEADER_BYTES_MAX],
    header_len: u8,
    open: Option<OpenFrame>,
    /// The piece in progress, header included; without allocation between pieces.
    held: Vec<u8>,
    /// A fragmented message is under way.
    in_message: bool,
    message_bytes: usize,
    fragments: u32,
    control_frames: u32,
    /// Worker clock of the second in which `control_frames` were counted.
    counted_ms: u64,
}

/// A frame whose header was read and found good.
#[derive(Debug)]
struct OpenFrame {
    fin: bool,
    /// Of the next piece: a continuation after the first one.
    opcode: u8,
    mask: [u8; 4],
    remaining: usize,
}

impl FrameGuard {
    /// Takes bytes from the front of `input` until a piece is complete, and returns it as a frame of its own, still
    /// masked. `None`: all of `input` was taken and more is needed.
    ///
    /// # Errors
    /// The first violation; the connection must then be closed and nothing more be passed to the guard.
    pub fn next_piece(
        &mut self,
        input: &mut &[u8],
        limits: &TransportLimits,
        now_ms: u64,
    ) -> Result<Option<Vec<u8>>, Violation> {
        if self.open.is_none() {
            match self.read_header(input)? {
                Some(header) => self.open = Some(self.admit(header, limits, now_ms)?),
                None => return Ok(None),
            }
        }
        Ok(self.read_piece(input))
    }

    /// Bytes held between two calls.
    pub fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// Takes header bytes one by one: the length of the header is known only by its second byte.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        loop {
            let len = usize::from(self.header_len);
            if len == 1 {
                check_first_byte(self.header[0])?;
            } else if len >= 2 {
                if self.header[1] & MASKED == 0 {
                    return Err(Violation::Protocol("frames from a client are masked"));
                }
                let (length_bytes, mask_at) = match self.header[1] & LENGTH {
                    126 => (2, 4),
                    127 => (8, 10),
                    _ => (0, 2),
                };
                if len == mask_at + 4 {
                    self.header_len = 0;
                    return Ok(Some(Header::parse(&self.header, length_bytes)));
                }
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            self.header[len] = byte;
            self.header_len += 1;
            *input = rest;
        }
    }

    fn admit(
        &mut self,
        header: Header,
        limits: &TransportLimits,
        now_ms: u64,
    ) -> Result<OpenFrame, Violation> {
        if header.opcode & 0x8 != 0 {
            self.admit_control(&header, limits, now_ms)?;
        } else {
            self.admit_data(&header, limits)?;
        }
        Ok(OpenFrame {
            fin: header.fin,
            opcode: header.opcode,
            mask: header.mask,
            // Within the limits, so it fits.
            remaining: header.length as usize,
        })
    }

    fn admit_control(
        &mut self,
        header: &Header,
        limits: &TransportLimits,
        now_ms: u64,
    ) -> Result<(), Violation> {
        if !header.fin || header.length > CONTROL_BYTES_MAX {
            return Err(Violation::Protocol("a control frame is neither fragmented nor long"));
        }
        if self.counted_ms != now_ms {
            self.counted_ms = now_ms;
            self.control_frames = 0;
        }
        self.control_frames += 1;
        if header.opcode != CLOSE && self.control_frames > limits.control_frames_per_second {
            return Err(Violation::ControlFlood);
        }
        Ok(())
    }

    fn admit_data(&mut self, header: &Header, limits: &TransportLimits) -> Result<(), Violation> {
        if (header.opcode == CONTINUATION) != self.in_message {
            return Err(Violation::Protocol("a fragment is out of place"));
        }
        if header.length > limits.frame_bytes_max as u64 {
            return Err(Violation::TooLong);
        }
        self.message_bytes += header.length as usize;
        self.fragments += 1;
        if self.message_bytes > limits.message_bytes_max || self.fragments > limits.fragments_max {
            return Err(Violation::TooLong);
        }
        self.in_message = !header.fin;
        if header.fin {
            self.message_bytes = 0;
            self.fragments = 0;
        }
        Ok(())
    }

    /// Takes what belongs to the next piece of the open frame.
    fn read_piece(&mut self, input: &mut &[u8]) -> Option<Vec<u8>> {
        let frame = self.open.as_mut()?;
        let piece = frame.remaining.min(PIECE_BYTES);
        if self.held.is_empty() {
            let last = piece == frame.remaining;
            // Only what has arrived is reserved, so that a header alone costs nothing.
            self.held.reserve_exact(8 + piece.min(input.len()));
            frame.write_header(&mut self.held, piece, frame.fin && last);
        }
        let header_len = if piece < 126 { 6 } else { 8 };
        let missing = header_len + piece - self.held.len();
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.held.extend_from_slice(taken);
        *input = rest;
        if taken.len() < missing {
            return None;
        }
        frame.remaining -= piece;
        frame.opcode = CONTINUATION;
        if frame.remaining == 0 {
            self.open = None;
        }
        Some(std::mem::take(&mut self.held))
    }
}

impl OpenFrame {
    fn write_header(&self, out: &mut Vec<u8>, piece: usize, fin: bool) {
        out.push(if fin { FIN } else { 0 } | self.opcode);
        if piece < 126 {
            out.push(MASKED | piece as u8);
        } else {
            out.push(MASKED | 126);
            out.extend_from_slice(&(piece as u16).to_be_bytes());
        }
        out.extend_from_slice(&self.mask);
    }
}

fn check_first_byte(byte: u8) -> Result<(), Violation> {
    if byte & RESERVED != 0 {
        return Err(Violation::Protocol("reserved bits are set and no extension was agreed"));
    }
    match byte & OPCODE {
        CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG => Ok(()),
        _ => Err(Violation::Protocol("the opcode is unknown")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// A masked frame; `length_bytes` may be longer than needed.
    fn frame(first: u8, payload: &[u8], length_bytes: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        match length_bytes {
            0 => bytes.push(MASKED | payload.len() as u8),
            2 => {
                bytes.push(MASKED | 126);
                bytes.extend((payload.len() as u16).to_be_bytes());
            }
            _ => {
                bytes.push(MASKED | 127);
                bytes.extend((payload.len() as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
        bytes
    }

    fn all_pieces(guard: &mut FrameGuard, mut input: &[u8]) -> Result<Vec<Vec<u8>>, Violation> {
        let mut pieces = Vec::new();
        while !input.is_empty() {
            pieces.extend(guard.next_piece(&mut input, &TransportLimits::default(), 0)?);
        }
        Ok(pieces)
    }

    /// Unmasks and joins pieces into messages of opcode and payload.
    fn messages(pieces: &[Vec<u8>]) -> Vec<(u8, Vec<u8>)> {
        let mut messages: Vec<(u8, Vec<u8>)> = Vec::new();
        for piece in pieces {
            let payload_at = if piece[1] & LENGTH == 126 { 8 } else { 6 };
            assert!(piece.len() - payload_at <= PIECE_BYTES);
            let payload = piece[payload_at..].iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]);
            if piece[0] & OPCODE == CONTINUATION {
                messages.last_mut().unwrap().1.extend(payload);
            } else {
                messages.push((piece[0] & OPCODE, payload.collect()));
            }
        }
        messages
    }

    #[test]
    fn a_long_frame_goes_on_in_pieces() {
        let payload: Vec<u8> = (0..10_000_u32).map(|at| at as u8).collect();
        let pieces = all_pieces(&mut FrameGuard::default(), &frame(FIN | BINARY, &payload, 2)).unwrap();
        let firsts: Vec<u8> = pieces.iter().map(|piece| piece[0]).collect();
        assert_eq!(firsts, [BINARY, CONTINUATION, FIN | CONTINUATION]);
        assert_eq!(messages(&pieces), [(BINARY, payload)]);
    }

    #[test]
    fn a_header_is_refused_without_its_body_and_holds_nothing() {
        let mut guard = FrameGuard::default();
        let mut header = vec![FIN | BINARY, MASKED | 127];
        header.extend(u64::MAX.to_be_bytes());
        header.extend(MASK);
        assert_eq!(all_pieces(&mut guard, &header), Err(Violation::TooLong));
        assert_eq!(guard.held_bytes(), 0);
    }

    #[test]
    fn an_announced_body_takes_no_memory_before_it_comes() {
        let mut guard = FrameGuard::default();
        let whole = frame(FIN | BINARY, &[0; 60_000], 2);
        assert_eq!(all_pieces(&mut guard, &whole[..10]), Ok(vec![]));
        assert!(guard.held_bytes() < 64, "{} bytes are held for two", guard.held_bytes());
    }

    proptest! {
        /// However the bytes of a connection are cut, the same messages come out, and little is held in between.
        #[test]
        fn cuts_do_not_matter(
            payloads in prop::collection::vec((0..9000_usize, prop::sample::select(vec![2_usize, 8])), 1..5),
            cuts in prop::collection::vec(1..3000_usize, 0..40),
        ) {
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for (length, length_bytes) in payloads {
                let payload: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
                bytes.extend(frame(FIN | BINARY, &payload, length_bytes));
                expected.push((BINARY, payload));
                bytes.extend(frame(FIN | PING, b"p", 0));
                expected.push((PING, b"p".to_vec()));
            }
            let mut guard = FrameGuard::default();
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                pieces.extend(all_pieces(&mut guard, now).unwrap());
                prop_assert!(guard.held_bytes() <= 2 * (PIECE_BYTES + 8));
                rest = later;
            }
            prop_assert_eq!(messages(&pieces), expected);
        }

        /// Whatever comes, the guard neither panics nor passes on more than it was given.
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut guard = FrameGuard::default();
            let mut input = &bytes[..];
            let mut passed = 0;
            while let Ok(Some(piece)) = guard.next_piece(&mut input, &TransportLimits::default(), 0) {
                passed += piece.len();
            }
            prop_assert!(passed <= bytes.len());
        }
    }
}
