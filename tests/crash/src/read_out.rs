//! Everything that the server reads out to one user over HTTP: by place, and as an archive.

use std::{
    io::{self, BufReader, Read, Write},
    net::TcpStream,
};

use highwater_sdk::wire::proto::{Entry, Heads, Range, client_frame::Request, server_frame::Body};

use crate::members::{connect, request};

/// Hex digits of a token: the beginning of every text.
const TOKEN_DIGITS: usize = 32;

/// Every entry of every conversation that the user may read.
///
/// # Errors
/// When an answer does not come or is of another kind.
pub(crate) fn entries(port: u16, token: &str) -> io::Result<Vec<Entry>> {
    let mut connection = connect(port)?;
    let mut heads = Vec::new();
    let mut after = 0;
    loop {
        let asked = Request::Heads(Heads { after, ..Heads::default() });
        let Some(Body::Heads(list)) = request(&mut connection, token, &[], asked)? else {
            return Err(io::Error::other("heads were not answered"));
        };
        heads.extend(list.heads);
        after = list.next;
        if after == 0 {
            break;
        }
    }
    let mut entries = Vec::new();
    for head in heads {
        read_conversation(&mut connection, token, (head.conversation_id, head.seq), &mut entries)?;
    }
    Ok(entries)
}

fn read_conversation(
    connection: &mut BufReader<TcpStream>,
    token: &str,
    (conversation_id, to_seq): (u64, u64),
    entries: &mut Vec<Entry>,
) -> io::Result<()> {
    let mut from_seq = 1;
    while from_seq <= to_seq {
        let asked = Request::Range(Range { conversation_id, from_seq, to_seq });
        let Some(Body::Entries(list)) = request(connection, token, &[], asked)? else {
            return Err(io::Error::other("a range was not answered"));
        };
        let Some(last) = list.entries.last() else { break };
        from_seq = last.seq + 1;
        entries.extend(list.entries);
        if !list.more {
            break;
        }
    }
    Ok(())
}

/// The tokens of all texts in the archive of a user. Texts are told by the quotation mark before a token and the space
/// behind it; one that falls on the end of a chunk is passed over.
///
/// # Errors
/// When the archive is refused or does not come.
pub(crate) fn exported_tokens(port: u16, token: &str) -> io::Result<Vec<String>> {
    let mut connection = connect(port)?;
    let head = format!(
        "GET /v1/export HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    connection.get_mut().write_all(head.as_bytes())?;
    let mut archive = Vec::new();
    connection.read_to_end(&mut archive)?;
    if !archive.starts_with(b"HTTP/1.1 200") {
        return Err(io::Error::other("an archive was refused"));
    }
    let is_token = |text: &[u8]| {
        text[0] == b'"'
            && text[TOKEN_DIGITS + 1] == b' '
            && text[1..=TOKEN_DIGITS].iter().all(u8::is_ascii_hexdigit)
    };
    let texts = archive.windows(TOKEN_DIGITS + 2).filter(|text| is_token(text));
    Ok(texts.map(|text| String::from_utf8_lossy(&text[1..=TOKEN_DIGITS]).into_owned()).collect())
}
