//! The smallest server that keeps the promises under torture: one log file, one sync per batch, nudge and fetch.
//!
//! It stands in for Highwater where the torture itself is tested: with it a run must be clean, and with each of the
//! seeded bugs (named by `HIGHWATER_SEEDED_BUG`) it must not be. It takes the same command line.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use highwater_wire::{
    Encoding, base_of,
    proto::{
        ClientFrame, Entry, Greeting, HeartbeatAnswer, Nudge, Page, Rebuild, Send, Sent, ServerFrame,
        client_frame::Request, entry::Content, rebuild::Cause, send::To, server_frame::Body,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::{mpsc as async_mpsc, oneshot, watch},
};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request as Handshake, Response},
    },
};

const BATCH_MAX: usize = 256;
const PAGE_MAX: usize = 200;

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    sender: u64,
    to: u64,
    id: Vec<u8>,
    text: String,
    conversation: u64,
    seq: u64,
}

#[derive(Default)]
struct State {
    stored: Vec<Stored>,
    inboxes: HashMap<u64, Vec<usize>>,
    ids: HashMap<(u64, Vec<u8>), usize>,
    seqs: HashMap<u64, u64>,
}

impl State {
    fn take(&mut self, stored: Stored) {
        let number = self.stored.len();
        self.inboxes.entry(stored.sender).or_default().push(number);
        self.inboxes.entry(stored.to).or_default().push(number);
        self.ids.insert((stored.sender, stored.id.clone()), number);
        self.seqs.insert(stored.conversation, stored.seq);
        self.stored.push(stored);
    }

    fn inbox_len(&self, user: u64) -> usize {
        self.inboxes.get(&user).map_or(0, Vec::len)
    }
}

struct Operation {
    sender: u64,
    send: Send,
    answer: oneshot::Sender<Sent>,
}

struct Server {
    state: Mutex<State>,
    operations: mpsc::Sender<Operation>,
    published: watch::Sender<usize>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        arguments.iter().position(|argument| argument == name).map(|at| arguments[at + 1].clone())
    };
    if arguments.first().is_some_and(|command| command == "admin") {
        let number = |name: &str| value(name).unwrap().parse::<u64>().unwrap();
        return provision(number("--users"), number("--devices"), Path::new(&value("--out").unwrap()));
    }
    let (listen, admin) = (value("--listen").unwrap(), value("--admin-listen").unwrap());
    let log = open(&PathBuf::from(value("--data").unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(log, &listen, &admin));
}

fn provision(users: u64, devices: u64, out: &Path) {
    let mut lines = String::new();
    for (user, device) in (1..=users).flat_map(|user| (1..=devices).map(move |device| (user, device))) {
        lines += &format!(
            "{{\"user_id\":\"{user}\",\"name\":\"u{user}\",\"device_id\":\"{device}\",\"token\":\"{user}-{device}\"}}\n"
        );
    }
    fs::write(out, lines).unwrap();
}

fn bug(name: &str) -> bool {
    std::env::var("HIGHWATER_SEEDED_BUG").is_ok_and(|bug| bug == name)
}

/// Opens the log: a torn tail is cut, and what is read back is synced before anybody is told of it.
fn open(data: &Path) -> (File, State) {
    fs::create_dir_all(data).unwrap();
    let path = data.join("log");
    let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let mut state = State::default();
    let mut whole = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Ok(stored) = serde_json::from_slice::<Stored>(line) else {
            break;
        };
        if line.last() != Some(&b'\n') {
            break;
        }
        whole += line.len();
        state.take(stored);
    }
    file.set_len(whole as u64).unwrap();
    if bug("refuse-what-is-stored") && !bytes.is_empty() {
        eprintln!("the log is not accepted");
        std::process::exit(1);
    }
    if !bug("serve-unsynced-tail") {
        file.sync_all().unwrap();
        File::open(data).unwrap().sync_all().unwrap();
    }
    (file, state)
}

async fn serve((log, state): (File, State), listen: &str, admin: &str) {
    let (operations, waiting) = mpsc::channel();
    let (published, _) = watch::channel(state.stored.len());
    let server = Arc::new(Server { state: Mutex::new(state), operations, published });
    let committer = Arc::clone(&server);
    std::thread::spawn(move || commit_all(&committer, log, &waiting));
    let clients = TcpListener::bind(listen).await.unwrap();
    let operator = TcpListener::bind(admin).await.unwrap();
    println!(
        "highwater ready client=http://{} operator=http://{}",
        clients.local_addr().unwrap(),
        operator.local_addr().unwrap()
    );
    let mut term = signal(SignalKind::terminate()).unwrap();
    loop {
        tokio::select! {
            accepted = clients.accept() => {
                let server = Arc::clone(&server);
                tokio::spawn(async move { converse(server, accepted.unwrap().0).await });
            }
            _ = term.recv() => std::process::exit(0),
        }
    }
}

fn commit_all(server: &Server, mut log: File, waiting: &mpsc::Receiver<Operation>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH_MAX - 1));
        let mut bytes = Vec::new();
        let mut decided = Vec::new();
        let mut answers = Vec::new();
        for operation in batch {
            let (sent, new) = decide(&server.state.lock().unwrap(), &decided, &operation);
            if let Some(stored) = new {
                bytes.extend(serde_json::to_vec(&stored).unwrap());
                bytes.push(b'\n');
                decided.push(stored);
            }
            answers.push((operation.answer, sent));
        }
        let mut tell = Some(|| publish(server, decided, answers));
        if bug("acknowledge-before-write") {
            tell.take().unwrap()();
            // The write waits its turn, as behind the sync of an earlier batch on a slow disk.
            std::thread::sleep(Duration::from_millis(20));
        }
        log.write_all(&bytes).unwrap();
        if bug("acknowledge-before-sync") {
            tell.take().unwrap()();
        }
        log.sync_data().unwrap();
        if let Some(tell) = tell {
            tell();
        }
    }
}

fn decide(state: &State, batch: &[Stored], operation: &Operation) -> (Sent, Option<Stored>) {
    let sender = operation.sender;
    let Some(To::UserId(to)) = operation.send.to else { panic!("the torture sends to users by number") };
    let id = operation.send.client_message_id.to_vec();
    let known = state.ids.get(&(sender, id.clone())).map(|number| &state.stored[*number]);
    let known = known.or_else(|| batch.iter().find(|stored| stored.sender == sender && stored.id == id));
    let sent =
        |stored: &Stored| Sent { conversation_id: stored.conversation, seq: stored.seq, sent_at_ms: 0 };
    if let Some(known) = known {
        return (sent(known), None);
    }
    let conversation = sender.min(to) * 1_000_000 + sender.max(to);
    let in_batch =
        batch.iter().rev().find(|stored| stored.conversation == conversation).map(|stored| stored.seq);
    let last = in_batch.or_else(|| state.seqs.get(&conversation).copied()).unwrap_or(0);
    let stored = Stored { sender, to, id, text: operation.send.text.clone(), conversation, seq: last + 1 };
    (sent(&stored), Some(stored))
}

fn publish(server: &Server, decided: Vec<Stored>, answers: Vec<(oneshot::Sender<Sent>, Sent)>) {
    let mut state = server.state.lock().unwrap();
    for stored in decided {
        state.take(stored);
    }
    for (answer, sent) in answers {
        let _ = answer.send(sent);
    }
    server.published.send_replace(state.stored.len());
}

#[allow(clippy::result_large_err)]
fn subprotocol(_: &Handshake, mut response: Response) -> Result<Response, ErrorResponse> {
    let name = Encoding::Binary.subprotocol().parse().unwrap();
    response.headers_mut().insert("sec-websocket-protocol", name);
    Ok(response)
}

async fn converse(server: Arc<Server>, stream: TcpStream) {
    let Ok(socket) = accept_hdr_async(stream, subprotocol).await else {
        return;
    };
    let (mut sink, mut source) = socket.split();
    let (out, mut outgoing) = async_mpsc::channel::<ServerFrame>(1024);
    tokio::spawn(async move {
        while let Some(frame) = outgoing.recv().await {
            if sink.send(Message::Binary(Encoding::Binary.encode(&frame).into())).await.is_err() {
                return;
            }
        }
    });
    let mut user = 0;
    let mut issued = 0;
    let mut published = server.published.subscribe();
    loop {
        tokio::select! {
            message = source.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame: ClientFrame = Encoding::Binary.decode(&bytes).unwrap();
                    answer(&server, frame, &mut user, &mut issued, &out).await;
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            _ = published.changed() => {
                if server.state.lock().unwrap().inbox_len(user) > issued {
                    let _ = out.send(ServerFrame { request_id: 0, body: Some(Body::Nudge(Nudge {})) }).await;
                }
            }
        }
    }
}

async fn answer(
    server: &Arc<Server>,
    frame: ClientFrame,
    user: &mut u64,
    issued: &mut usize,
    out: &async_mpsc::Sender<ServerFrame>,
) {
    let request_id = frame.request_id;
    let body = match frame.request.unwrap() {
        Request::Hello(hello) => {
            let (user_id, device_id) = hello.token.split_once('-').unwrap();
            *user = user_id.parse().unwrap();
            Body::Greeting(Greeting {
                user_id: *user,
                device_id: device_id.parse().unwrap(),
                level: 1,
                day: 1,
                heartbeat_ms: 30_000,
                text_bytes_max: 8192,
                frame_bytes_max: 65_536,
                in_flight_max: 64,
                dedup_days: 7,
                ..Greeting::default()
            })
        }
        Request::Heartbeat(_) => Body::Heartbeat(HeartbeatAnswer { day: 1 }),
        Request::Sync(_) => {
            let page = page(&server.state.lock().unwrap(), *user, &frame.snapshot);
            *issued = mark(&page.snapshot);
            Body::Page(page)
        }
        Request::Send(send) => {
            let (answer, sent) = oneshot::channel();
            server.operations.send(Operation { sender: *user, send, answer }).unwrap();
            let out = out.clone();
            tokio::spawn(async move {
                if let Ok(sent) = sent.await {
                    let _ = out.send(ServerFrame { request_id, body: Some(Body::Sent(sent)) }).await;
                }
            });
            return;
        }
        _ => panic!("the torture asks for nothing else"),
    };
    let _ = out.send(ServerFrame { request_id, body: Some(body) }).await;
}

fn mark(snapshot: &[u8]) -> usize {
    base_of(snapshot).try_into().map_or(0, u64::from_be_bytes) as usize
}

fn page(state: &State, user: u64, snapshot: &[u8]) -> Page {
    let inbox = state.inboxes.get(&user).map_or(&[][..], Vec::as_slice);
    let lost = mark(snapshot) > inbox.len();
    let (from, base) = if lost { (0, &[][..]) } else { (mark(snapshot), base_of(snapshot)) };
    let to = inbox.len().min(from + PAGE_MAX);
    let entries = inbox[from..to].iter().map(|number| {
        let stored = &state.stored[*number];
        let own = if stored.sender == user { stored.id.clone() } else { Vec::new() };
        Entry {
            conversation_id: stored.conversation,
            seq: stored.seq,
            sender_id: stored.sender,
            sent_at_ms: 0,
            client_message_id: own.into(),
            content: Some(Content::Text(stored.text.clone())),
            ..Entry::default()
        }
    });
    Page {
        base: base.to_vec().into(),
        snapshot: [&[1, 0][..], &(to as u64).to_be_bytes()].concat().into(),
        more: to < inbox.len(),
        entries: entries.collect(),
        rebuild: lost.then_some(Rebuild { cause: Cause::Future.into() }),
        complete: lost,
        ..Page::default()
    }
}
