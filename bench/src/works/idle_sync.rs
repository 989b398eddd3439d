//! W9: a sync with nothing new, every byte of it in both directions.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{
    accounts::Account,
    blocking::BlockingSocket,
    frames::{self, Incoming},
    report::{Report, Setting, Verdict},
    server::{Place, Server, Store},
};

/// Bytes that a sync with nothing new may take.
const REACH_BYTES: u64 = 120;

/// How long a first sync may take to bring everything.
const SYNC_TIMEOUT: Duration = Duration::from_secs(10);

/// Measures both ways of syncing and adds their rows.
///
/// # Errors
/// When the server does not answer as the protocol says.
pub fn run(place: &Place, report: &mut Report) -> io::Result<()> {
    let server = Server::start(place, Store::Delivered)?;
    let accounts = server.provision(1)?;
    let setting = Setting {
        engine: "sled",
        stage: "–",
        payload: "nothing new".to_owned(),
        in_flight: "1".to_owned(),
        cores: place.cores.short(),
    };
    let (out, back, snapshot) = over_websocket(server.clients, &accounts[0])?;
    let sum = out + back;
    report.row(
        "W9 idle sync, WebSocket, binary",
        format!("{sum} B ({out} out, {back} back)"),
        format!("≤ {REACH_BYTES} B"),
        Verdict::at_most(sum as f64, REACH_BYTES as f64),
        &setting,
    );
    let (out, back) = over_http(server.clients, &accounts[0], &snapshot)?;
    let figure = format!("{} B ({out} out, {back} back)", out + back);
    report.row("W9 idle sync, HTTP 204, binary", figure, "", Verdict::Information, &setting);
    server.stop()
}

/// Bytes out and back of the sync after which nothing was new, and the snapshot.
fn over_websocket(address: SocketAddr, account: &Account) -> io::Result<(u64, u64, Vec<u8>)> {
    let mut socket = BlockingSocket::upgraded(address)?;
    socket.send(&frames::hello(1, &account.token))?;
    if !matches!(frames::read(&socket.receive()?), Some(Incoming::Greeting(_))) {
        return Err(io::Error::other("hello was not accepted"));
    }
    let (mut snapshot, begun) = (Vec::new(), Instant::now());
    for request_id in 2.. {
        let before = (socket.bytes_out, socket.bytes_in);
        let mut frame = Vec::new();
        frames::write_sync(&mut frame, request_id, &snapshot);
        socket.send(&frame)?;
        let answer = socket.receive()?;
        match frames::read(&answer) {
            // A nudge that crossed the first sync; the count of this round is spoilt, the next one's is not.
            Some(Incoming::Nudge) => {
                socket.receive()?;
            }
            Some(Incoming::Page(page, false)) if page.snapshot.is_empty() && !page.more => {
                return Ok((socket.bytes_out - before.0, socket.bytes_in - before.1, snapshot));
            }
            Some(Incoming::Page(page, false)) => snapshot = page.snapshot.to_vec(),
            _ => return Err(io::Error::other("a sync was not answered with a page")),
        }
        if begun.elapsed() > SYNC_TIMEOUT {
            break;
        }
        // What accounts are made of is told; nobody writes to this one.
        thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other("there is always something new"))
}

/// The same as one request of its own: bytes out and back.
fn over_http(address: SocketAddr, account: &Account, snapshot: &[u8]) -> io::Result<(u64, u64)> {
    let mut body = Vec::new();
    frames::write_sync(&mut body, 1, snapshot);
    let mut request = format!(
        "POST /v1/request HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         X-Highwater-Level: {}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
        account.token,
        highwater_wire::LEVEL,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SYNC_TIMEOUT))?;
    stream.write_all(&request)?;
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    while !answer.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut part)?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&part[..count]);
    }
    if !answer.starts_with(b"HTTP/1.1 204 ") {
        return Err(io::Error::other("a sync over HTTP with nothing new was not answered with 204"));
    }
    Ok((request.len() as u64, answer.len() as u64))
}
