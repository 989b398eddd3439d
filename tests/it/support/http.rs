//! One HTTP request on a connection of its own, and every byte of its answer counted.

use std::net::SocketAddr;

use highwater_wire::{Encoding, LEVEL, proto};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::within;

/// An answer as it came over the socket.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(named).map(|line| line.split_once(':').unwrap().1.trim())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// Bytes on the socket, headers and all.
    pub fn bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// The frame in the body.
    pub fn frame(&self, encoding: Encoding) -> proto::ServerFrame {
        encoding.decode(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request and reads its answer, which must come with its length.
pub async fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    within("an HTTP answer", async {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        // A server that refuses by the head may close before the body is written.
        let _ = socket.write_all(body).await;
        read_answer(&mut socket).await
    })
    .await
}

/// Posts a frame as a client does, at the level that [`super::Wire`] speaks.
pub async fn post(
    address: SocketAddr,
    encoding: Encoding,
    token: Option<&str>,
    frame: &proto::ClientFrame,
) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let level = LEVEL.to_string();
    let mut headers = vec![("Content-Type", encoding.content_type()), ("X-Highwater-Level", level.as_str())];
    if let Some(bearer) = &bearer {
        headers.push(("Authorization", bearer));
    }
    exchange(address, "POST", "/v1/request", &headers, &encoding.encode(frame)).await
}

async fn read_answer(socket: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        assert!(socket.read_buf(&mut bytes).await.unwrap() > 0, "the connection ended within the head");
    };
    let body = bytes.split_off(head_end);
    let head = String::from_utf8(bytes).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body };
    let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    while answer.body.len() < length {
        assert!(socket.read_buf(&mut answer.body).await.unwrap() > 0, "the connection ended within the body");
    }
    assert_eq!(answer.body.len(), length, "nothing follows the body");
    answer
}
