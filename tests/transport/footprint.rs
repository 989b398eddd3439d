//! What a connection costs in memory, measured on a server process of its own: this same binary, run again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::raw_client::{RawClient, binary};
use crate::rig::{Rig, Settings};

/// Set in the process that is the server.
const SERVER: &str = "HIGHWATER_FOOTPRINT_SERVER";

/// What a connection may cost, idle and after traffic. About 2 KB are used; a buffer that stays would show at once.
const BYTES_PER_CONNECTION_MAX: usize = 4096;

/// Prints its address and serves until its input ends.
#[test]
#[ignore = "started by the tests below"]
fn footprint_server() {
    if std::env::var_os(SERVER).is_none() {
        return;
    }
    let rig = Rig::with(Settings { remember: false, ..Settings::default() });
    let mut out = std::io::stdout();
    writeln!(out, "\naddress {}", rig.address).unwrap();
    out.flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_thousand_connections_stay_small() {
    let cost = measure(1_000);
    assert!(cost.idle < BYTES_PER_CONNECTION_MAX, "{cost:?}");
    assert!(cost.after_burst < BYTES_PER_CONNECTION_MAX, "{cost:?}");
}

/// `cargo test --release -p highwater --test transport -- --ignored --nocapture five_thousand`
#[test]
#[ignore = "takes 10,000 descriptors and prints figures"]
fn five_thousand_connections() {
    writeln!(std::io::stderr(), "bytes of server memory per connection: {:?}", measure(5_000)).unwrap();
}

/// Bytes of the server's resident memory per connection.
#[derive(Debug)]
struct Cost {
    idle: usize,
    after_burst: usize,
}

fn measure(connections: usize) -> Cost {
    let server = Server::start();
    // What is needed once is not to be counted.
    exchange(&mut RawClient::connect(server.address));
    let before = server.rss_bytes();
    let each = || (server.settled_rss_bytes().saturating_sub(before)) / connections;
    let mut clients: Vec<_> = (0..connections).map(|_| RawClient::connect(server.address)).collect();
    let idle = each();
    clients.iter_mut().for_each(exchange);
    Cost { idle, after_burst: each() }
}

/// A burst of 50 messages of 200 bytes, and their echoes.
fn exchange(client: &mut RawClient) {
    client.send(&binary(&[1; 200]).repeat(50));
    for _ in 0..50 {
        assert_eq!(client.next().unwrap().payload.len(), 200);
    }
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "footprint::footprint_server"])
            .env(SERVER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let address =
            lines.find_map(|line| line.unwrap().strip_prefix("address ").map(str::to_owned)).unwrap();
        Server { process, address: address.parse().unwrap() }
    }

    fn settled_rss_bytes(&self) -> usize {
        std::thread::sleep(Duration::from_millis(300));
        self.rss_bytes()
    }

    fn rss_bytes(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.process.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
