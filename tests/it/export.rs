//! Exports: everything of one user and nothing of others, whole or broken off, one at a time.

use std::{collections::BTreeMap, process::Output, time::Duration};

use highwater_wire::{Encoding, Refusal, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::{Home, Person, Server, Wire, requests, within};

const BLOCK_BYTES: usize = 512;

/// The lines of every member of a tar, by directory or file. Panics when it is not one, or has no end.
fn members(tar: &[u8]) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut at = 0;
    while tar[at] != 0 {
        let header = &tar[at..at + BLOCK_BYTES];
        assert_eq!(&header[257..263], b"ustar\0");
        let text = |from: usize, to: usize| {
            let text = std::str::from_utf8(&header[from..to]).unwrap();
            text.trim_end_matches(['\0', ' ']).to_owned()
        };
        let sum: u32 = header.iter().enumerate().fold(0, |sum, (place, byte)| {
            sum + if (148..156).contains(&place) { u32::from(b' ') } else { u32::from(*byte) }
        });
        assert_eq!(u32::from_str_radix(&text(148, 155), 8).unwrap(), sum);
        let length = usize::from_str_radix(&text(124, 135), 8).unwrap();
        let content = std::str::from_utf8(&tar[at + BLOCK_BYTES..at + BLOCK_BYTES + length]).unwrap();
        let name = text(0, 100);
        let directory = name.rsplit_once('/').map_or(name.as_str(), |(directory, _)| directory);
        let lines = content.lines().map(|line| serde_json::from_str(line).unwrap());
        found.entry(directory.to_owned()).or_default().extend::<Vec<Value>>(lines.collect());
        at += BLOCK_BYTES + length.next_multiple_of(BLOCK_BYTES);
    }
    assert_eq!(tar[at..], [0; 2 * BLOCK_BYTES], "the end of the archive");
    found
}

/// Begins an export as a device, and reads the head of its answer.
async fn begin(server: &Server, token: &str) -> (TcpStream, String) {
    let socket = TcpSocket::new_v4().unwrap();
    // Little waits on this side, so that an export that nobody reads stands still early.
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut socket = socket.connect(server.client()).await.unwrap();
    let address = server.client();
    let request =
        format!("GET /v1/export HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("the head of the answer", socket.read_u8()).await.unwrap());
    }
    (socket, String::from_utf8(head).unwrap())
}

/// The body, taken out of its chunks; `None` when it breaks off.
async fn body(mut socket: TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(within("a chunk", socket.read_u8()).await.ok()?);
        }
        let size = std::str::from_utf8(&line).unwrap().trim();
        let size = usize::from_str_radix(size, 16).unwrap();
        let mut chunk = vec![0; size + 2];
        within("a chunk", socket.read_exact(&mut chunk)).await.ok()?;
        if size == 0 {
            return Some(bytes);
        }
        bytes.extend_from_slice(&chunk[..size]);
    }
}

async fn exported(server: &Server, token: &str) -> BTreeMap<String, Vec<Value>> {
    let (socket, head) = begin(server, token).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    members(&body(socket).await.expect("it does not break off"))
}

/// Many long messages between two, in both directions.
async fn talk(server: &Server, ann: &Person, bob: &Person, count: usize) {
    let (mut anns, mut bobs) =
        (Wire::greeted(server, ann.token()).await, Wire::greeted(server, bob.token()).await);
    let day = requests::today(&mut anns).await;
    for place in 0..count {
        let text = format!("{place} {}", "long ".repeat(700));
        let (wire, to) = if place % 3 == 0 { (&mut bobs, ann) } else { (&mut anns, bob) };
        requests::sent(wire, requests::send(To::UserId(to.user_id), day, &text)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_everything_of_its_user_and_nothing_of_others() {
    let home = Home::new("[[kinds]]\nnumber = 5\nname = \"settings\"", &["--dev"]);
    let server = home.start();
    let [ann, bob, eve] = server.people(2).await;
    talk(&server, &ann, &bob, 100).await;
    talk(&server, &bob, &eve, 3).await;
    for key in ["theme", "gone"] {
        let put = format!(r#"{{"user_id":"{}","kind":5,"key":"{key}","value":{{"v":1}}}}"#, ann.user_id);
        assert_eq!(server.operate("PUT", "/v1/documents", &put).await.status, 204);
    }
    let delete = format!(r#"{{"user_id":"{}","kind":5,"key":"gone"}}"#, ann.user_id);
    assert_eq!(server.operate("PUT", "/v1/documents", &delete).await.status, 204);

    let found = exported(&server, ann.token()).await;
    assert_eq!(found["account.jsonl"][0]["name"], ann.name.as_str());
    let devices: Vec<&str> =
        found["devices.jsonl"].iter().map(|device| device["deviceId"].as_str().unwrap()).collect();
    assert_eq!(devices, ann.devices.iter().map(|device| device.device_id.to_string()).collect::<Vec<_>>());
    assert_eq!(found["contacts"][0]["key"], bob.user_id.to_string());
    assert_eq!((found["settings"].len(), &found["settings"][0]["key"]), (1, &Value::from("theme")));
    let conversation = found["conversations"][0]["key"].as_str().unwrap();
    assert_eq!((found["contacts"].len(), found["conversations"].len()), (1, 1));
    let messages = &found[&format!("messages/{conversation}")];
    let seqs: Vec<String> =
        messages.iter().map(|message| message["seq"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        seqs,
        (1..=100).map(|seq: u64| seq.to_string()).collect::<Vec<_>>(),
        "none twice, none left out"
    );
    assert!(messages[99]["text"].as_str().unwrap().starts_with("99 long"));
    assert_eq!(found.keys().filter(|name| name.starts_with("messages/")).count(), 1);
    assert_eq!(exported(&server, eve.token()).await["contacts"].len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_export_at_a_time_and_none_goes_on_for_a_device_that_is_out() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let (_, head) = begin(&server, "hwd_nobody").await;
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    // More than all buffers between the two hold, so that it cannot end before it is read.
    talk(&server, &ann, &bob, 2_000).await;
    let (slow, head) = begin(&server, ann.token()).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (_, busy) = begin(&server, bob.token()).await;
    assert!(busy.starts_with("HTTP/1.1 503"), "{busy}");
    let mut other = Wire::greeted(&server, &ann.devices[1].token).await;
    let which = Some(proto::end_device::Which::DeviceId(ann.devices[0].device_id));
    let done = other.ask(Request::EndDevice(proto::EndDevice { which })).await;
    assert!(matches!(done, Body::Done(_)), "{done:?}");
    assert_eq!(body(slow).await, None, "it breaks off");
    assert!(!exported(&server, bob.token()).await.is_empty(), "there is room for the next");
    let metrics = server.operate("GET", "/metrics", "").await.text();
    assert!(metrics.contains("highwater_exports_broken_off_total 1\n"), "{metrics}");
    let (slow, _) = begin(&server, bob.token()).await;
    let stopped = server.stop();
    assert!(stopped.status.success() && stopped.took < Duration::from_secs(10), "{stopped:?}");
    assert_eq!(body(slow).await, None, "a stop waits for no export, and leaves none that looks whole");
}

fn admin(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Home::bare_command();
    command.arg("admin").args(arguments).arg("--data").arg(home.data());
    tokio::task::block_in_place(|| command.output()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_exports_to_a_file_also_a_suspended_user() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    talk(&server, &ann, &bob, 5).await;
    assert!(admin(&home, &["suspend", &ann.name]).status.success());
    let (_, head) = begin(&server, ann.token()).await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    let out = home.data().join("ann.tar");
    let path = out.to_str().unwrap();
    let nobody = admin(&home, &["export", "nobody", "--out", path]);
    assert!(!nobody.status.success() && !out.exists(), "{nobody:?}");
    let done = admin(&home, &["export", &ann.name, "--out", path]);
    assert!(done.status.success(), "{done:?}");
    let found = members(&std::fs::read(&out).unwrap());
    assert_eq!(found["account.jsonl"][0]["suspended"], true);
    let messages = found.iter().find(|(name, _)| name.starts_with("messages/")).unwrap().1;
    assert_eq!(messages.len(), 5);
    let body = format!(r#"{{"user":"{}"}}"#, ann.name);
    let headers = [("authorization", "Bearer wrong"), ("content-type", "application/json")];
    let stranger =
        crate::support::http::exchange(server.operator(), "POST", "/v1/export", &headers, body.as_bytes())
            .await;
    assert_eq!(stranger.status, 401, "{stranger:?}");
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    requests::refused(&mut wire, Request::Hello(requests::hello(ann.token())), Refusal::AccountSuspended)
        .await;
}
