//! A full disk: writes are refused by name, reads go on, space brings the writes back without a restart, and nothing
//! that was acknowledged is lost. On a small file system of its own; skipped by name where none may be mounted.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};

use crate::support::{
    Home, Replica, Wire, dump, eventually, requests, temp_dir::TempDir, wire::assert_refused,
};

/// Size of the file system: segments of the log, the index, and the space below which the index is not written.
const DISK_BYTES: usize = 256 * 1024 * 1024;

/// Small segments, and an index that is written soon, so that log and index both meet the full disk.
const CONFIG: &str = "[server]\ndev = true\nworkers = 2\n\
    [storage]\nsegment_bytes = 16777216\nindex_after_bytes = 65536\nindex_cache_bytes = 8388608\n";

/// Less than the index waits for, and more than two segments.
const NEARLY_FULL_BYTES: u64 = 48 * 1024 * 1024;

/// Sends that fill the two segments that are there, and more.
const SENDS_MAX: usize = 20_000;

/// A file system in memory, unmounted when dropped.
pub struct SmallDisk {
    path: PathBuf,
    _root: TempDir,
}

impl SmallDisk {
    /// Nothing where this process may not mount.
    pub fn mount() -> Result<SmallDisk, String> {
        let root = TempDir::new();
        let path = root.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        let size = format!("size={DISK_BYTES},mode=700");
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        match output {
            Ok(output) if output.status.success() => Ok(SmallDisk { path, _root: root }),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Takes all the space that is left.
    pub fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 20, 4096] {
            while file.write_all(&vec![0xff; size]).is_ok() {}
        }
    }

    /// Gives some of it back.
    fn leave(&self, bytes: u64) {
        let file = File::options().write(true).open(self.filler()).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - bytes).unwrap();
    }

    pub fn make_space(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// A place for the data of a server.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the server may still be on its way out.
        let _ = Command::new("umount").arg("-l").arg(Path::new(&self.path)).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_goes_on_when_there_is_space() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            println!("skipped: full_disk: no file system can be mounted here: {reason}");
            return;
        }
    };
    let home = Home::new(CONFIG, &[]).with_data(&disk.data());
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, ann.token()).await, Replica::default());
    let day = requests::today(&mut wire).await;
    let send = |n: usize| requests::send(To::UserId(bob.user_id), day, &text(n));
    let mut told = Vec::new();
    for n in 0..50 {
        told.push(requests::sent(&mut wire, send(n)).await);
    }

    // A lineage begins with a write: that of the dumps does so while there is space.
    dump(&server, bob.token()).await;

    // Twice: the way back must not depend on what only the first time finds.
    for round in 1..=2 {
        disk.fill();
        let refused = send_until_full(&mut wire, &send, &mut told).await;
        println!("round {round}: full after {} messages", told.len());

        // Reads go on, and show exactly what was acknowledged.
        wire.sync(&mut replica).await;
        assert_eq!(replica.entries.len(), told.len());
        assert_eq!(dump(&server, bob.token()).await.entries.len(), told.len());
        assert!(matches!(wire.ask(requests::find_user(&bob.name)).await, Body::User(_)));
        requests::refused(&mut wire, Request::Send(refused.clone()), Refusal::StorageFull).await;
        let mut stranger = Wire::connect(&server, highwater_wire::Encoding::Json).await;
        let register = requests::register(&format!("newcomer-{round}"), "correct horse", "");
        requests::refused(&mut stranger, register.clone(), Refusal::StorageFull).await;
        // Others can still connect and read.
        Wire::greeted(&server, bob.token()).await.sync(&mut Replica::default()).await;

        disk.make_space();
        let place = sent_at_last(&mut wire, &refused).await;
        told.push(place);
        assert_eq!(place.seq, told.len() as u64, "no seq was lost on the refused ones");
        for n in 0..20 {
            told.push(requests::sent(&mut wire, send(told.len() + n)).await);
        }
        let body = stranger.ask(register).await;
        assert!(matches!(body, Body::SignedIn(_)), "{body:?}");
    }
    wire.sync(&mut replica).await;
    let places =
        |told: &[proto::Sent]| told.iter().map(|sent| (sent.conversation_id, sent.seq)).collect::<Vec<_>>();
    assert_eq!(replica.entries.keys().copied().collect::<Vec<_>>(), places(&told));

    server.kill();
    let server = home.start();
    for person in [&ann, &bob] {
        let entries = dump(&server, person.token()).await.entries;
        assert_eq!(
            entries.keys().copied().collect::<Vec<_>>(),
            places(&told),
            "nothing acknowledged is lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nearly_full_disk_refuses_writes_once_the_tail_is_full() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            println!("skipped: full_disk: no file system can be mounted here: {reason}");
            return;
        }
    };
    let config = format!("{CONFIG}tail_bytes_max = 8388608\n");
    let home = Home::new(&config, &[]).with_data(&disk.data());
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    let send = |n: usize| requests::send(To::UserId(bob.user_id), day, &text(n));
    // Too little for the index to grow, and enough for the log.
    disk.fill();
    disk.leave(NEARLY_FULL_BYTES);
    let mut told = Vec::new();
    let refused = send_until_full(&mut wire, &send, &mut told).await;
    disk.make_space();
    told.push(sent_at_last(&mut wire, &refused).await);
    let stopped = server.stop();
    assert!(stopped.status.success() && stopped.took < Duration::from_secs(10), "{stopped:?}");
    let server = home.start();
    assert_eq!(dump(&server, bob.token()).await.entries.len(), told.len());
}

fn text(n: usize) -> String {
    format!("{n} {}", "x".repeat(4000))
}

/// Sends until a send is refused as the disk is full, and gives that one; all before it were acknowledged or refused.
pub async fn send_until_full(
    wire: &mut Wire,
    send: &impl Fn(usize) -> proto::Send,
    told: &mut Vec<proto::Sent>,
) -> proto::Send {
    let mut refused = None;
    let mut waiting = std::collections::VecDeque::new();
    for n in 0..SENDS_MAX {
        if refused.is_none() {
            let send = send(n);
            waiting.push_back((wire.post(Request::Send(send.clone())).await, send));
        }
        if waiting.len() == 32 || refused.is_some() {
            let Some((request, send)) = waiting.pop_front() else {
                break;
            };
            match wire.answer(request).await {
                Body::Sent(sent) => told.push(sent),
                body => {
                    assert_refused(&body, Refusal::StorageFull);
                    refused = Some(send);
                }
            }
        }
    }
    refused.expect("the disk is full before so many messages")
}

/// Sends the same again, as a client does that was told so, until it is taken.
async fn sent_at_last(wire: &mut Wire, send: &proto::Send) -> proto::Sent {
    let wire = tokio::sync::Mutex::new(wire);
    eventually("a place for what was refused", || async {
        match wire.lock().await.ask(Request::Send(send.clone())).await {
            Body::Sent(sent) => Some(sent),
            body => {
                assert_refused(&body, Refusal::StorageFull);
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    })
    .await
}
