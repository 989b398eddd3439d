//! Clients that do not read, and many senders.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater::actors::transport::Lagging;

use crate::raw_client::{RawClient, binary};
use crate::rig::{Rig, Settings, eventually};

fn rss_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_client_that_never_reads_costs_its_bound_and_is_dropped() {
    let rig = Rig::with(Settings { workers: 1, ..Settings::default() });
    let mut deaf = RawClient::connect(rig.address);
    let mut other = RawClient::connect(rig.address);
    let (link, other_link) = (rig.link(0), rig.link(1));
    // So that silence is not what they are judged for.
    link.mark_authenticated();
    other_link.mark_authenticated();
    let bound = 256 * 1024;

    // 2 MB are enough to fill what the kernel takes; then 62 MB more, none of which may stay.
    let before = rss_bytes();
    let mut queued_max = 0;
    let mut refused = 0;
    for round in 0..2000_u32 {
        refused += usize::from(link.deliver(Bytes::from(vec![round as u8; 32 * 1024])) == Err(Lagging));
        queued_max = queued_max.max(link.queued_bytes());
        if round < 64 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(queued_max <= bound, "{queued_max} bytes were queued");
    assert!(queued_max > bound / 2, "the queue was put under pressure");
    assert!(refused > 1900, "only {refused} of 2000 were refused");
    let grown = rss_bytes().saturating_sub(before);
    assert!(grown < 24 << 20, "memory grew by {grown} bytes");

    // Nobody else notices.
    other.send(&binary(b"and me?"));
    assert_eq!(other.next().unwrap().payload, b"and me?");

    eventually("it is seen as stalled", || {
        // The client's kernel may have taken all so far.
        let _ = link.deliver(Bytes::from(vec![0; 32 * 1024]));
        rig.advance(10);
        link.stalled_for(rig.now_ms()) > 0
    });
    assert!(!deaf_is_gone(&rig), "it is given its time");
    rig.advance(16_000);
    other.send(&binary(b"alive"));
    eventually("the sweeper drops it", || deaf_is_gone(&rig));
    eventually("its memory and its place are free", || {
        link.queued_bytes() == 0 && rig.door.connections() == 1
    });
    eventually("its socket is gone", || deaf.is_dropped());
    assert_eq!(other.next().unwrap().payload, b"alive");
}

fn deaf_is_gone(rig: &Rig) -> bool {
    rig.closed() == 1
}

#[test]
fn what_comes_together_is_answered_in_one_write() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    for burst in [1, 50, 200] {
        let (_, before) = rig.counts();
        client.send(&binary(&[1; 200]).repeat(burst));
        for _ in 0..burst {
            assert_eq!(client.next().unwrap().payload.len(), 200);
        }
        let (_, after) = rig.counts();
        // The kernel may cut the burst in two.
        assert!(after - before <= 2, "{} writes for {burst} answers", after - before);
    }
}

#[test]
fn the_list_of_connections_is_exact() {
    let rig = Rig::start();
    let clients: Vec<_> = (0..30).map(|_| RawClient::connect(rig.address)).collect();
    assert_eq!(rig.counts().0, 30);
    drop(clients);
    eventually("all have left it", || rig.counts().0 == 0);
}

#[test]
fn a_slow_reader_gets_everything_in_order() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    let link = rig.link(0);
    let sender = std::thread::spawn(move || {
        for number in 0..3000_u32 {
            let mut body = number.to_be_bytes().to_vec();
            body.resize(1024, 0);
            let body = Bytes::from(body);
            while link.deliver(body.clone()).is_err() {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    });
    for number in 0..3000_u32 {
        if number % 500 == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(client.next().unwrap().payload[..4], number.to_be_bytes());
    }
    sender.join().unwrap();
}

#[test]
fn many_threads_deliver_to_one_connection() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    let link = Arc::new(rig.link(0));
    let threads: Vec<_> = (0..4_u8)
        .map(|thread| {
            let link = Arc::clone(&link);
            std::thread::spawn(move || {
                for number in 0..500_u16 {
                    let [high, low] = number.to_be_bytes();
                    link.deliver(Bytes::copy_from_slice(&[thread, high, low])).unwrap();
                }
            })
        })
        .collect();
    let mut next = [0_u16; 4];
    for _ in 0..2000 {
        let payload = client.next().unwrap().payload;
        let thread = usize::from(payload[0]);
        assert_eq!(u16::from_be_bytes([payload[1], payload[2]]), next[thread], "order is kept per sender");
        next[thread] += 1;
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    eventually("the gauge returns to nothing", || link.queued_bytes() == 0);
}

#[test]
fn tiny_frames_are_bounded_in_memory_too() {
    let rig = Rig::start();
    let _deaf = RawClient::connect(rig.address);
    let link = rig.link(0);
    // More than the kernel takes, so that the rest has to wait here.
    while link.deliver(Bytes::from_static(&[0; 16 * 1024])).is_ok() {
        std::thread::sleep(Duration::from_micros(500));
    }
    let mut taken = 0;
    while link.deliver(Bytes::from_static(b"x")).is_ok() {
        taken += 1;
        assert!(taken < 10_000, "tiny frames cost more than their length");
    }
}

#[test]
fn a_link_outlives_its_connection_harmlessly() {
    let rig = Rig::start();
    let client = RawClient::connect(rig.address);
    let link = rig.link(0);
    drop(client);
    eventually("it is closed", || rig.closed() == 1);
    eventually("its place is free", || rig.door.connections() == 0);
    assert!(link.is_closing());
    assert_eq!(link.deliver(Bytes::from_static(b"anybody?")), Ok(()));
    assert_eq!(link.queued_bytes(), 0);
    link.close(1000, "");
}
