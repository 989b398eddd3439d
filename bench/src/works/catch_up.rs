//! W4: a device that was away fetches what waits for it, from a server that was started anew.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    accounts::Account,
    blocking::BlockingSocket,
    frames::{self, Incoming, To},
    report::{Report, Setting, Verdict, grouped, median},
    server::{Place, Server, Store},
};

/// Messages a second that one device fetches.
const REACH_PER_S: f64 = 400_000.0;

/// Bytes on the wire for a message of 200 B.
const REACH_BYTES: f64 = 245.0;

/// Sends that wait for their answer at a time. Source: below the 64 that the server lets a connection have.
const IN_FLIGHT: usize = 50;

/// How much waits, and for how many devices in turn: the median counts.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// People who wrote, each in a conversation of its own.
    pub conversations: usize,
    /// Messages of each.
    pub messages: usize,
    /// Devices that fetch all of it, one after the other.
    pub devices: usize,
}

/// One device's way from connecting to the last message.
struct Fetched {
    seconds: f64,
    bytes: u64,
}

/// Measures and adds the rows.
///
/// # Errors
/// When the server does not answer as the protocol says, or a message is missing.
pub fn run(place: &Place, size: Size, report: &mut Report) -> io::Result<()> {
    let mut server = Server::start(place, Store::Delivered)?;
    let devices = server.provision_devices("reader", 1, size.devices)?;
    for writer in server.provision_devices("writer", size.conversations, 1)? {
        write(server.clients, &writer, devices[0].user_id, size.messages)?;
    }
    server.catch_up()?;
    server.restart(place)?;
    let before_s = server.cpu_s()?;
    let waiting = size.conversations * size.messages;
    let fetched = devices
        .iter()
        .map(|device| fetch(server.clients, device, waiting, size.messages))
        .collect::<io::Result<Vec<_>>>()?;
    let cpu_s = server.cpu_s()? - before_s;
    rows(place, &fetched, waiting, cpu_s, report);
    server.stop()
}

fn rows(place: &Place, fetched: &[Fetched], waiting: usize, cpu_s: f64, report: &mut Report) {
    let setting = Setting {
        engine: "sled",
        stage: "stored",
        payload: "200 B".to_owned(),
        in_flight: "one device".to_owned(),
        cores: place.cores.short(),
    };
    let rate = median(fetched.iter().map(|one| waiting as f64 / one.seconds).collect());
    let bytes = median(fetched.iter().map(|one| one.bytes as f64 / waiting as f64).collect());
    let cpu_per_million = cpu_s / (fetched.len() * waiting) as f64 * 1e6;
    report.row(
        "W4 catch-up after a restart, rate",
        format!("{}/s", grouped(rate)),
        format!("≥ {}/s", grouped(REACH_PER_S)),
        Verdict::at_least(rate, REACH_PER_S),
        &setting,
    );
    report.row(
        "W4 catch-up after a restart, bytes per message",
        format!("{bytes:.1} B"),
        format!("≤ {REACH_BYTES:.0} B"),
        Verdict::at_most(bytes, REACH_BYTES),
        &setting,
    );
    let figure = format!("{cpu_per_million:.2} s");
    report.row("W4 catch-up, server CPU per 1M messages", figure, "", Verdict::Information, &setting);
    let slowest = fetched.iter().map(|one| one.seconds).fold(0.0, f64::max);
    report.note(format!(
        "W4: {} devices fetched {} messages each, one after the other; the first took {:.0} ms, the slowest {:.0} ms.",
        fetched.len(),
        grouped(waiting as f64),
        fetched[0].seconds * 1000.0,
        slowest * 1000.0
    ));
}

/// Sends so many messages to one user, and waits until all are stored. What was sent before is recognised.
///
/// # Errors
/// When the server does not answer as the protocol says.
pub(super) fn write(address: SocketAddr, writer: &Account, reader: u64, messages: usize) -> io::Result<()> {
    let (mut socket, day) = BlockingSocket::greeted(address, &writer.token)?;
    let (mut sent, mut stored) = (0, 0);
    while stored < messages {
        while sent < messages && sent - stored < IN_FLIGHT {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(sent as u64).to_be_bytes());
            let mut frame = Vec::new();
            frames::write_send(&mut frame, 2 + sent as u64, &[], To::User(reader), day, &id, 0);
            socket.send(&frame)?;
            sent += 1;
        }
        match frames::read(&socket.receive()?) {
            Some(Incoming::Sent { .. }) => stored += 1,
            Some(Incoming::Nudge | Incoming::Page(..)) => {}
            _ => return Err(io::Error::other("a message was not stored")),
        }
    }
    Ok(())
}

/// Fetches everything that waits, and sees that nothing is missing.
fn fetch(address: SocketAddr, device: &Account, waiting: usize, of_each: usize) -> io::Result<Fetched> {
    let begun = Instant::now();
    let (mut socket, _) = BlockingSocket::greeted(address, &device.token)?;
    let mut seqs: HashMap<u64, u64> = HashMap::new();
    let (mut snapshot, mut count) = (Vec::new(), 0);
    for request_id in 2.. {
        let mut frame = Vec::new();
        frames::write_sync(&mut frame, request_id, &snapshot);
        socket.send(&frame)?;
        let answer = socket.receive()?;
        let Some(Incoming::Page(page, false)) = frames::read(&answer) else {
            return Err(io::Error::other("a sync was not answered with a page"));
        };
        for entry in page.entries() {
            let entry = entry.ok_or_else(|| io::Error::other("an entry cannot be read"))?;
            let last = seqs.entry(entry.conversation).or_default();
            if entry.seq != *last + 1 {
                return Err(io::Error::other("a message is missing or came twice"));
            }
            *last = entry.seq;
            count += 1;
        }
        snapshot = page.snapshot.to_vec();
        if !page.more {
            break;
        }
        if begun.elapsed() > TIMEOUT {
            return Err(io::Error::other("catching up does not end"));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    if count != waiting || seqs.values().any(|last| *last != of_each as u64) {
        return Err(io::Error::other(format!("{count} messages came, {waiting} were waiting")));
    }
    Ok(Fetched { seconds, bytes: socket.bytes_in })
}

/// One device's catching up that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(60);
