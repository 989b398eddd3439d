//! What a connection costs, measured on a server process of its own. Run by hand:
//! `cargo test --release -p highwater --test transport -- --ignored --nocapture footprint`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use crate::raw_client::{RawClient, binary};
use crate::rig::{Rig, Settings};

const CONNECTIONS: usize = 5_000;

/// The server side, in a process of its own: prints its address and runs until its input ends.
#[test]
#[ignore = "started by the measurement"]
fn footprint_server() {
    if std::env::var_os("HIGHWATER_FOOTPRINT").is_none() {
        return;
    }
    let rig = Rig::with(Settings {
        workers: 1,
        ..Settings::default()
    });
    let mut out = std::io::stdout();
    writeln!(out, "\naddress {}", rig.address).unwrap();
    out.flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
#[ignore = "takes 10,000 descriptors and prints figures"]
fn footprint() {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "footprint::footprint_server",
        ])
        .env("HIGHWATER_FOOTPRINT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| line.unwrap().strip_prefix("address ").map(str::to_owned))
        .unwrap();
    let address = address.parse().unwrap();

    drop(RawClient::connect(address));
    let before = rss_bytes(&server);
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| RawClient::connect(address)).collect();
    report("idle", &server, before);
    for client in &mut clients {
        client.send(&binary(&[1; 200]));
        assert_eq!(client.next().unwrap().payload.len(), 200);
    }
    report("after one message", &server, before);
    let burst = binary(&[1; 200]).repeat(50);
    for client in &mut clients {
        client.send(&burst);
        for _ in 0..50 {
            assert_eq!(client.next().unwrap().payload.len(), 200);
        }
    }
    report("after a burst of 50 x 200 B", &server, before);
    drop(server.stdin.take());
    server.wait().unwrap();
    drop(lines);
}

fn report(what: &str, server: &Child, before: usize) {
    std::thread::sleep(std::time::Duration::from_millis(500));
    let each = (rss_bytes(server) - before) / CONNECTIONS;
    writeln!(
        std::io::stderr(),
        "{what}: {each} bytes of server memory per connection"
    )
    .unwrap();
}

fn rss_bytes(server: &Child) -> usize {
    let statm = std::fs::read_to_string(format!("/proc/{}/statm", server.id())).unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
