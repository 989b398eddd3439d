//! Sync without snapshots against sync with them: bytes of the requests and answers that bring one new message, as what is
//! held grows. Bodies in the binary encoding; headers are the same for both and not counted.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use highwater_wire::proto::{self, client_frame::Request, server_frame::Body};
use prost::Message;

use super::catch_up;
use crate::{
    accounts::Account,
    report::{Report, Setting, Verdict, grouped},
    server::{Place, Server, Store},
};

/// Messages in each conversation that is held.
const MESSAGES: usize = 10;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers of a client that catches up, at most.
const ROUNDS_MAX: usize = 1000;

/// Allows what is measured here on the server.
const ALLOWED: (&str, &str) = ("HIGHWATER_CLIENT_COMPARES", "true");

/// Bytes of one request and its answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Bytes {
    out: usize,
    back: usize,
}

/// A sync of a client that has everything but one message; the other that could not be made, since what it holds does
/// not fit a request any more.
enum Measured {
    Synced(Bytes),
    Refused { held: usize, bytes: usize },
}

/// Measures with so many conversations held, and adds a row for each.
///
/// # Errors
/// When the server does not answer as the protocol says.
pub fn run(place: &Place, conversations: &[usize], report: &mut Report) -> io::Result<()> {
    for count in conversations {
        let server = Server::start_with(place, Store::Delivered, &[ALLOWED])?;
        let reader = server.provision_devices("reader", 1, 1)?.remove(0);
        let writers = server.provision_devices("writer", *count, 1)?;
        for writer in &writers {
            catch_up::write(server.clients, writer, reader.user_id, MESSAGES)?;
        }
        let mut whole = Whole::default();
        let mut marked = Marked::default();
        let refused = whole.catch_up(server.clients, &reader)?;
        marked.catch_up(server.clients, &reader)?;
        // The first of its messages are recognised; one is new.
        catch_up::write(server.clients, &writers[0], reader.user_id, MESSAGES + 1)?;
        let by_whole = match refused {
            Some(refused) => refused,
            None => Measured::Synced(whole.sync(server.clients, &reader)?.1),
        };
        let by_snapshot = marked.sync(server.clients, &reader)?.1;
        row(place, *count, &by_whole, by_snapshot, report);
        server.stop()?;
    }
    Ok(())
}

fn row(place: &Place, count: usize, by_whole: &Measured, by_snapshot: Bytes, report: &mut Report) {
    let setting = Setting {
        engine: "sled",
        stage: "stored",
        payload: "200 B".to_owned(),
        in_flight: "1".to_owned(),
        cores: place.cores.short(),
    };
    let told = |bytes: Bytes| {
        let sum = grouped((bytes.out + bytes.back) as f64);
        format!("{sum} B ({} out, {} back)", grouped(bytes.out as f64), grouped(bytes.back as f64))
    };
    let without = match by_whole {
        Measured::Synced(bytes) => told(*bytes),
        Measured::Refused { held, bytes } => {
            format!("refused: {} held make a request of {} B", grouped(*held as f64), grouped(*bytes as f64))
        }
    };
    report.row(
        format!("sync of one new message, holding {count} conversations × {MESSAGES} messages"),
        format!("without snapshots {without}; with them {}", told(by_snapshot)),
        "",
        Verdict::Information,
        &setting,
    );
}

/// A client that says everything that it has.
#[derive(Default)]
struct Whole {
    says: proto::Compare,
}

impl Whole {
    /// Compares until there is no more, or until the request is refused as too long.
    fn catch_up(&mut self, address: SocketAddr, reader: &Account) -> io::Result<Option<Measured>> {
        for _ in 0..ROUNDS_MAX {
            match self.sync(address, reader) {
                Ok((true, _)) => {}
                Ok((false, _)) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    let held = self.says.items.len() + self.says.entries.len();
                    let bytes = request(Request::Compare(self.says.clone()), &[]).len();
                    return Ok(Some(Measured::Refused { held, bytes }));
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("a comparison has no end"))
    }

    /// One comparison; whether there is more.
    fn sync(&mut self, address: SocketAddr, reader: &Account) -> io::Result<(bool, Bytes)> {
        let body = request(Request::Compare(self.says.clone()), &[]);
        let (answer, bytes) = post(address, reader, &body)?;
        let Some(Body::Difference(told)) = answer else {
            return Err(io::Error::other("a comparison was not answered by a difference"));
        };
        for told in &told.items {
            let item = told.item.clone().unwrap_or_default();
            self.says.items.push(proto::HeldItem { kind: item.kind, key: item.key, version: told.version });
        }
        for told in &told.entries {
            let (conversation_id, seq) =
                told.entry.as_ref().map(|entry| (entry.conversation_id, entry.seq)).unwrap_or_default();
            self.says.entries.push(proto::HeldEntry { conversation_id, seq, version: told.version });
        }
        Ok((told.more, bytes))
    }
}

/// A client that hands back its snapshot.
#[derive(Default)]
struct Marked {
    snapshot: Vec<u8>,
}

impl Marked {
    fn catch_up(&mut self, address: SocketAddr, reader: &Account) -> io::Result<()> {
        for _ in 0..ROUNDS_MAX {
            if !self.sync(address, reader)?.0 {
                return Ok(());
            }
        }
        Err(io::Error::other("a sync has no end"))
    }

    /// One page; whether there is more.
    fn sync(&mut self, address: SocketAddr, reader: &Account) -> io::Result<(bool, Bytes)> {
        let (answer, bytes) =
            post(address, reader, &request(Request::Sync(proto::Sync::default()), &self.snapshot))?;
        match answer {
            None => Ok((false, bytes)),
            Some(Body::Page(page)) => {
                self.snapshot = page.snapshot.to_vec();
                Ok((page.more, bytes))
            }
            Some(_) => Err(io::Error::other("a sync was not answered with a page")),
        }
    }
}

fn request(request: Request, snapshot: &[u8]) -> Vec<u8> {
    let snapshot = snapshot.to_vec().into();
    proto::ClientFrame { request_id: 1, snapshot, request: Some(request) }.encode_to_vec()
}

/// Posts a frame; the answer's body, if it has one.
fn post(address: SocketAddr, account: &Account, body: &[u8]) -> io::Result<(Option<Body>, Bytes)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    write!(
        stream,
        "POST /v1/request HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
        account.token,
        body.len()
    )?;
    // A server that refuses by the head may close before all is written.
    let written = stream.write_all(body);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let content = end.and_then(|end| answer.get(end..)).unwrap_or_default();
    let bytes = Bytes { out: body.len(), back: content.len() };
    if answer.starts_with(b"HTTP/1.1 413 ") {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    written?;
    if answer.starts_with(b"HTTP/1.1 204 ") {
        return Ok((None, bytes));
    }
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        return Err(io::Error::other("a sync was refused"));
    }
    let frame = proto::ServerFrame::decode(content).map_err(io::Error::other)?;
    Ok((frame.body, bytes))
}
