//! A blocking WebSocket that counts every byte, headers included: for exact sizes and for the echo.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    frames::{self, Incoming},
    websocket::{self, Opcode, Parsed},
};

/// An answer that takes longer has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
pub struct BlockingSocket {
    stream: TcpStream,
    incoming: Vec<u8>,
    /// Bytes written so far.
    pub bytes_out: u64,
    /// Bytes of frames taken so far, and of the answer to the upgrade.
    pub bytes_in: u64,
}

impl BlockingSocket {
    /// Without an upgrade: for two ends that agreed on it.
    ///
    /// # Errors
    /// When there is nobody.
    pub fn bare(address: SocketAddr) -> io::Result<BlockingSocket> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(BlockingSocket { stream, incoming: Vec::new(), bytes_out: 0, bytes_in: 0 })
    }

    /// Upgraded to the protocol's binary encoding.
    ///
    /// # Errors
    /// When the upgrade is refused.
    pub fn upgraded(address: SocketAddr) -> io::Result<BlockingSocket> {
        let mut socket = BlockingSocket::bare(address)?;
        socket.write(&websocket::upgrade_request(&address.to_string()))?;
        loop {
            if let Some(length) = websocket::upgrade_answer(&socket.incoming).map_err(io::Error::other)? {
                socket.take(length);
                return Ok(socket);
            }
            socket.fill()?;
        }
    }

    /// Upgraded and signed in by a token; with the server's day.
    ///
    /// # Errors
    /// When the token is not accepted.
    pub fn greeted(address: SocketAddr, token: &str) -> io::Result<(BlockingSocket, u32)> {
        let mut socket = BlockingSocket::upgraded(address)?;
        socket.send(&frames::hello(1, token))?;
        match frames::read(&socket.receive()?) {
            Some(Incoming::Greeting(greeting)) => Ok((socket, greeting.day)),
            _ => Err(io::Error::other("hello was not accepted")),
        }
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        websocket::write_masked(&mut frame, Opcode::Binary, payload, [0x5a, 0x1c, 0x93, 0x77]);
        self.write(&frame)
    }

    /// The payload of the next binary message.
    ///
    /// # Errors
    /// When the connection ends, or nothing comes.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let (message, length) = match websocket::parse(&self.incoming) {
                Parsed::Incomplete => {
                    self.fill()?;
                    continue;
                }
                Parsed::Frame(Opcode::Binary, payload, length) => (Some(payload.to_vec()), length),
                Parsed::Frame(Opcode::Close, ..) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Parsed::Frame(_, _, length) => (None, length),
                Parsed::Wrong(what) => return Err(io::Error::other(what)),
            };
            self.take(length);
            if let Some(message) = message {
                return Ok(message);
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.bytes_out += bytes.len() as u64;
        Ok(())
    }

    fn take(&mut self, length: usize) {
        self.incoming.drain(..length);
        self.bytes_in += length as u64;
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut part = [0; 16 * 1024];
        let count = self.stream.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.incoming.extend_from_slice(&part[..count]);
        Ok(())
    }
}
