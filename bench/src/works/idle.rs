//! W1: what a signed-in connection costs in memory, idle, and after it has been used.
//!
//! After use the process also holds what the messages themselves left: cached pages of the index, ids against sending
//! twice. A second server stores as many messages through a hundred connections; what it grew by is the store's share.
//! The whole is what is judged; what is left without that share is printed beside it.

use std::{io, thread, time::Duration};

use crate::{
    accounts::Account,
    client::Peer,
    fleet::Fleet,
    lane::HEARTBEAT,
    pace::Pace,
    process_figures,
    report::{Report, Setting, Verdict, grouped, say},
    server::{Place, Server, Store},
};

/// Bytes that a connection may cost.
const IDLE_REACH: f64 = 4.0 * 1024.0;
/// Bytes that it may cost after use.
const USED_REACH: f64 = 6.0 * 1024.0;

/// Connections that send at a time, in all.
const SENDERS_AT_A_TIME: u64 = 500;

/// Connections of the server that shows the store's share.
const COMPARISON_CONNECTIONS: usize = 100;

/// How large the work is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Connections; even, since they write to each other in pairs.
    pub connections: usize,
    /// Messages that each sends.
    pub messages: u64,
    /// How long nothing is done before memory is read. Source: a round of heartbeats, and the allocator gives back
    /// what it does not use after ten seconds.
    pub rest: Duration,
    /// Whether the store's share is measured.
    pub compares: bool,
}

impl Size {
    /// As the work is defined.
    #[must_use]
    pub fn full(connections: usize) -> Size {
        Size { connections, messages: 50, rest: HEARTBEAT + Duration::from_secs(5), compares: true }
    }

    /// To see that everything works.
    #[must_use]
    pub fn short() -> Size {
        Size { connections: 1_000, messages: 5, rest: Duration::from_secs(1), compares: false }
    }
}

/// Measures and adds the rows.
///
/// # Errors
/// When anything that was sent did not arrive.
pub fn run(place: &Place, size: Size, report: &mut Report) -> io::Result<()> {
    let sent = size.messages * size.connections as u64;
    let setting = Setting {
        engine: "sled",
        stage: "stored",
        payload: "200 B".to_owned(),
        in_flight: "8".to_owned(),
        cores: place.cores.short(),
    };
    let grown = grow(place, size, size.connections, size.messages)?;
    let each = |bytes: f64| bytes / size.connections as f64;
    let idle = each(grown.idle);
    let name = format!("W1 {} connections", grouped(size.connections as f64));
    report.row(
        format!("{name}, idle"),
        format!("{} B each", grouped(idle)),
        format!("≤ {} B", grouped(IDLE_REACH)),
        Verdict::at_most(idle, IDLE_REACH),
        &setting,
    );
    let whole = each(grown.used);
    let whole_figure = format!("{} B each", grouped(whole));
    let whole_name = format!("{name}, after {} messages each, whole process", size.messages);
    let used_reach = format!("≤ {} B", grouped(USED_REACH));
    report.row(whole_name, whole_figure, used_reach, Verdict::at_most(whole, USED_REACH), &setting);
    if size.compares {
        let messages = sent / COMPARISON_CONNECTIONS as u64;
        let store = grow(place, size, COMPARISON_CONNECTIONS, messages)?;
        let share = store.used - store.idle;
        let used = each(grown.used - share);
        report.row(
            format!("{name}, after {} messages each, less the store's share", size.messages),
            format!("{} B each", grouped(used)),
            "",
            Verdict::Information,
            &setting,
        );
        report.note(format!(
            "W1: the store's share is what a server with {COMPARISON_CONNECTIONS} connections grew by while it stored the same {} messages: {:.1} MB.",
            grouped(sent as f64),
            share / 1e6
        ));
    }
    if report.missed("W1") {
        report.note(format!("W1: memory of the process at the end: {}", grown.kinds));
    }
    Ok(())
}

/// Growth since the accounts were made, bytes.
struct Grown {
    idle: f64,
    used: f64,
    kinds: String,
}

/// Provisions all accounts, connects some of them, rests, lets each send, rests.
fn grow(place: &Place, size: Size, connections: usize, messages: u64) -> io::Result<Grown> {
    let server = Server::start(place, Store::Delivered)?;
    let accounts = server.provision(size.connections)?;
    server.catch_up()?;
    thread::sleep(size.rest.min(Duration::from_secs(11)));
    let before = process_figures::resident_bytes(server.pid())?;
    let fleet = Fleet::connect(server.clients, &place.cores, in_pairs(&accounts[..connections]))?;
    thread::sleep(size.rest);
    let idle = process_figures::resident_bytes(server.pid())?;
    say(&format!("{connections} connections are open and have rested"));
    let counts = fleet.counts();
    fleet.pace(|lanes| Pace::Each { messages, at_a_time: (SENDERS_AT_A_TIME / lanes) as usize })?;
    fleet.settle(&counts, messages * connections as u64, 1)?;
    server.catch_up()?;
    thread::sleep(size.rest);
    let used = process_figures::resident_bytes(server.pid())?;
    let kinds = process_figures::memory_kinds(server.pid())?;
    fleet.end()?;
    server.stop()?;
    let since = |bytes: u64| bytes as f64 - before as f64;
    Ok(Grown { idle: since(idle), used: since(used), kinds })
}

/// Everybody writes to a neighbour, who writes back.
fn in_pairs(accounts: &[Account]) -> impl Iterator<Item = (Account, Option<Peer>)> {
    let peer = |place: usize| accounts.get(place ^ 1).map(|peer| Peer::User(peer.user_id));
    accounts.iter().enumerate().map(move |(place, account)| (account.clone(), peer(place)))
}
