//! Connections that end for reasons outside of them.

use std::sync::Arc;

use crate::raw_client::{RawClient, binary};
use crate::rig::{HEARTBEAT_MS, PANIC, Rig, eventually};

/// Longer than a tick of the sweeper.
const TICK: std::time::Duration = std::time::Duration::from_millis(1_300);

#[test]
fn who_says_nothing_is_closed_and_who_authenticates_is_not() {
    let rig = Rig::start();
    let mut stranger = RawClient::connect(rig.address);
    rig.link(0);
    let mut known = RawClient::connect(rig.address);
    rig.link(1).mark_authenticated();
    rig.advance(9_000);
    std::thread::sleep(TICK);
    assert_eq!(rig.closed(), 0);
    rig.advance(3_000);
    assert_eq!(stranger.expect_close(), 4401);
    known.send(&binary(b"me"));
    assert_eq!(known.next().unwrap().payload, b"me");
}

#[test]
fn who_is_silent_for_two_heartbeats_is_closed() {
    let rig = Rig::start();
    let mut silent = RawClient::connect(rig.address);
    rig.link(0).mark_authenticated();
    let mut talking = RawClient::connect(rig.address);
    rig.link(1).mark_authenticated();
    rig.advance(HEARTBEAT_MS + 1_000);
    std::thread::sleep(TICK);
    talking.send(&binary(b"heartbeat"));
    assert_eq!(talking.next().unwrap().payload, b"heartbeat");
    rig.advance(HEARTBEAT_MS + 10_000);
    assert_eq!(silent.expect_close(), 4410);
    talking.send(&binary(b"still here"));
    assert_eq!(talking.next().unwrap().payload, b"still here");
}

#[test]
fn who_does_not_follow_a_close_is_dropped() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    rig.link(0).close(1001, "going away");
    assert_eq!(client.next().unwrap().close_code(), 1001);
    eventually("it is closed upwards at once", || rig.closed() == 1);
    assert_eq!(rig.door.connections(), 1, "its socket waits for the client");
    std::thread::sleep(TICK);
    rig.advance(6_000);
    eventually("its place is free", || rig.door.connections() == 0);
}

#[test]
fn a_panic_ends_its_own_connection_only() {
    let rig = Rig::start();
    let mut other = RawClient::connect(rig.address);
    let mut unlucky = RawClient::connect(rig.address);
    unlucky.send(&binary(PANIC.as_bytes()));
    eventually("it is told upwards", || rig.closed() == 1);
    eventually("its socket is gone", || unlucky.is_dropped());
    eventually("its place is free", || rig.door.connections() == 1);
    other.send(&binary(b"fine"));
    assert_eq!(other.next().unwrap().payload, b"fine");
}

#[test]
fn a_server_that_stops_tells_every_receiver() {
    let rig = Rig::start();
    let clients: Vec<_> = (0..20).map(|_| RawClient::connect(rig.address)).collect();
    rig.link(19);
    let (seen, door) = (Arc::clone(&rig.seen), Arc::clone(&rig.door));
    drop(rig);
    eventually("all are told", || seen.closed.lock().unwrap().len() == 20 && door.connections() == 0);
    for mut client in clients {
        eventually("its socket is gone", || client.is_dropped());
    }
}
