//! A client that writes whatever bytes a test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub const BINARY: &str = "highwater.v1.binary";
pub const JSON: &str = "highwater.v1.json";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub struct RawClient {
    pub socket: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn close_code(&self) -> u16 {
        assert_eq!(self.opcode, 8, "a close frame, not {self:?}");
        u16::from_be_bytes([self.payload[0], self.payload[1]])
    }
}

pub fn upgrade_request(protocol: &str) -> String {
    request(
        "GET",
        "/v1/ws",
        &["Host: chat.test", "Sec-WebSocket-Version: 13", &format!("Sec-WebSocket-Protocol: {protocol}")],
    )
}

/// An upgrade request with a valid key and the given further headers.
pub fn request(method: &str, path: &str, headers: &[&str]) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n\r\n",
        headers.join("\r\n")
    )
}

impl RawClient {
    pub fn connect(address: SocketAddr) -> RawClient {
        RawClient::connect_with(address, &[])
    }

    /// Upgrades, with `early` bytes in the same write as the request.
    pub fn connect_with(address: SocketAddr, early: &[u8]) -> RawClient {
        let mut client = RawClient::tcp(address);
        let mut bytes = upgrade_request(BINARY).into_bytes();
        bytes.extend_from_slice(early);
        client.socket.write_all(&bytes).unwrap();
        let head = client.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        client
    }

    pub fn tcp(address: SocketAddr) -> RawClient {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.set_nodelay(true).unwrap();
        RawClient { socket, buffer: Vec::new() }
    }

    /// Sends a request and gives the whole head of the answer.
    pub fn ask(address: SocketAddr, request: &str) -> String {
        let mut client = RawClient::tcp(address);
        client.socket.write_all(request.as_bytes()).unwrap();
        client.read_head()
    }

    /// Sends a request and gives the whole answer, up to the end of the connection.
    pub fn ask_all(mut self, request: &str) -> String {
        self.send(request.as_bytes());
        let mut answer = String::new();
        self.socket.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn read_head(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.buffer.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.fill(), "the server closed before its answer was complete");
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// The next frame; `None` at the end of the connection.
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, taken)) = parse(&self.buffer) {
                self.buffer.drain(..taken);
                return Some(frame);
            }
            if !self.fill() {
                assert!(self.buffer.is_empty(), "half a frame at the end");
                return None;
            }
        }
    }

    /// The next frame must be a close; then the server must end the connection.
    pub fn expect_close(&mut self) -> u16 {
        let code = self.next().expect("a close frame comes before the end").close_code();
        assert_eq!(self.next(), None, "nothing follows a close");
        code
    }

    /// Whether the server has dropped the socket, orderly or not.
    pub fn is_dropped(&mut self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let mut scratch = [0; 65536];
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    }

    fn fill(&mut self) -> bool {
        let mut scratch = [0; 16384];
        let read = self.socket.read(&mut scratch).expect("the server answers within ten seconds");
        self.buffer.extend_from_slice(&scratch[..read]);
        read > 0
    }
}

fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(first & 0xf0, 0x80, "the server sends whole frames without reserved bits");
    assert_eq!(second & 0x80, 0, "the server does not mask");
    let (length, at) = match second {
        126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()), 10),
        short => (u64::from(short), 2),
    };
    let end = at + length as usize;
    let payload = bytes.get(at..end)?.to_vec();
    Some((Frame { opcode: first & 0x0f, payload }, end))
}

/// Header with FIN and mask, as declared and not as true.
pub fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes
}

/// A frame with any first byte, masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    bytes
}

pub fn binary(payload: &[u8]) -> Vec<u8> {
    frame(0x82, payload)
}
