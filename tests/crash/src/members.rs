//! Members of a big group, each with a chain of its own, read over HTTP: nothing of them is kept but what counts.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use highwater_sdk::wire::{
    Encoding, LEVEL,
    proto::{
        ClientFrame, Page, ServerFrame, Sync, client_frame::Request, entry::Content, server_frame::Body,
    },
};

use crate::accounts::Account;

/// Connections at a time. Source: enough to keep a server of two cores busy.
const READERS: usize = 8;
/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A context that no member has used before: its chain begins at the head, without what made the group.
const CONTEXT: u32 = 1;

/// One member and what it was given: the snapshot, and texts of the group with their seqs, in the order in which they came.
#[derive(Debug)]
pub struct Member {
    token: String,
    snapshot: Vec<u8>,
    /// See the type.
    pub given: Vec<(u64, String)>,
}

impl Member {
    /// One that has nothing.
    pub fn new(account: &Account) -> Member {
        Member { token: account.token.clone(), snapshot: Vec::new(), given: Vec::new() }
    }
}

/// Lets every member sync to the end; what it gets of the conversation is added to what it was given.
///
/// # Errors
/// When an answer does not come or is no page.
pub fn sync_all(port: u16, members: &mut [Member], conversation: u64) -> io::Result<()> {
    let part = members.len().div_ceil(READERS).max(1);
    thread::scope(|scope| {
        let readers: Vec<_> = members
            .chunks_mut(part)
            .map(|part| {
                scope.spawn(move || {
                    let mut connection = connect(port)?;
                    part.iter_mut().try_for_each(|member| sync(&mut connection, member, conversation))
                })
            })
            .collect();
        readers.into_iter().try_for_each(|reader| reader.join().expect("a reader does not panic"))
    })
}

/// A connection for requests over HTTP.
///
/// # Errors
/// When the server does not take it.
pub(crate) fn connect(port: u16) -> io::Result<BufReader<TcpStream>> {
    let connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    connection.set_nodelay(true)?;
    Ok(BufReader::new(connection))
}

fn sync(connection: &mut BufReader<TcpStream>, member: &mut Member, conversation: u64) -> io::Result<()> {
    loop {
        let Some(page) = ask(connection, member)? else {
            return Ok(());
        };
        if page.rebuild.is_some() && !member.snapshot.is_empty() {
            return Err(io::Error::other("a member was told everything anew"));
        }
        for entry in page.entries.iter().filter(|entry| entry.conversation_id == conversation) {
            let text = match &entry.content {
                Some(Content::Text(text)) => text.clone(),
                _ => continue,
            };
            member.given.push((entry.seq, text));
        }
        if !page.snapshot.is_empty() {
            member.snapshot = page.snapshot.to_vec();
        }
        if !page.more {
            return Ok(());
        }
    }
}

/// One sync; no page when there is nothing new.
fn ask(connection: &mut BufReader<TcpStream>, member: &Member) -> io::Result<Option<Page>> {
    let asked = Request::Sync(Sync::default());
    match request(connection, &member.token, &member.snapshot, asked)? {
        None => Ok(None),
        Some(Body::Page(page)) => Ok(Some(page)),
        Some(other) => Err(io::Error::other(format!("a sync was answered with {other:?}"))),
    }
}

/// One request; no body when there is nothing new.
///
/// # Errors
/// When no answer comes.
pub(crate) fn request(
    connection: &mut BufReader<TcpStream>,
    token: &str,
    snapshot: &[u8],
    asked: Request,
) -> io::Result<Option<Body>> {
    let frame = ClientFrame { request_id: 1, snapshot: snapshot.to_vec().into(), request: Some(asked) };
    let body = Encoding::Binary.encode(&frame);
    let head = format!(
        "POST /v1/request HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nX-Highwater-Level: {LEVEL}\r\n\
         X-Highwater-Context: {CONTEXT}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
        token,
        body.len()
    );
    connection.get_mut().write_all(&[head.as_bytes(), &body].concat())?;
    let (status, answer) = read_answer(connection)?;
    if status == 204 {
        return Ok(None);
    }
    let frame: ServerFrame = Encoding::Binary.decode(&answer).map_err(io::Error::other)?;
    frame.body.map(Some).ok_or_else(|| io::Error::other(format!("an answer of status {status} says nothing")))
}

fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<(u16, Vec<u8>)> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no answer of HTTP: {line}")))?;
    let mut length = 0;
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok((status, body))
}
