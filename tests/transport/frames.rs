//! Incoming frames, right and wrong.

use std::io::Write;
use std::net::Shutdown;

use crate::raw_client::{RawClient, binary, frame, header};
use crate::rig::{Rig, Settings, eventually};

const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const CLOSE: u8 = 0x88;

#[test]
fn fragments_are_joined_and_pings_between_them_answered() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    client.send(&frame(0x02, b"one "));
    client.send(&frame(PING, b"are you there"));
    client.send(&frame(0x00, b"message"));
    client.send(&frame(0x00, b""));
    client.send(&frame(0x80, b" only"));
    let pong = client.next().unwrap();
    assert_eq!((pong.opcode, &pong.payload[..]), (0xa, &b"are you there"[..]));
    assert_eq!(client.next().unwrap().payload, b"one message only");
    // And a message without fragments after it.
    client.send(&binary(b"next"));
    assert_eq!(client.next().unwrap().payload, b"next");
}

#[test]
fn a_message_of_every_awkward_size_survives() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    for size in [0, 1, 125, 126, 4095, 4096, 4097, 8192, 8193, 65_535, 65_536] {
        let payload: Vec<u8> = (0..size).map(|at: u32| (at * 31 % 251) as u8).collect();
        client.send(&binary(&payload));
        assert_eq!(client.next().unwrap().payload, payload, "{size} bytes");
    }
}

#[test]
fn bytes_that_come_one_by_one_make_the_same_frames() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    for byte in
        frame(0x01, "gr".as_bytes()).iter().chain(&frame(0x80, "üße".as_bytes())).chain(&binary(&[7; 300]))
    {
        client.send(&[*byte]);
    }
    assert_eq!(client.next().unwrap().payload, "grüße".as_bytes());
    assert_eq!(client.next().unwrap().payload, [7; 300]);
    let frames = rig.seen.frames.lock().unwrap();
    assert!(frames[0].1 && !frames[1].1, "text is told from binary");
}

#[test]
fn a_thousand_pipelined_frames_come_back_in_order() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    let mut bytes = Vec::new();
    for number in 0..1000_u32 {
        bytes.extend(binary(format!("{number} {}", "x".repeat((number % 200) as usize)).as_bytes()));
    }
    client.send(&bytes);
    for number in 0..1000_u32 {
        let payload = client.next().unwrap().payload;
        assert!(payload.starts_with(format!("{number} ").as_bytes()), "{number}");
    }
}

#[test]
fn what_is_refused_and_with_which_code() {
    let rig = Rig::start();
    for (what, bytes, code) in [
        ("declares 2^63-1 bytes", header(0x82, i64::MAX as u64), 1009),
        ("declares 2^64-1 bytes", header(0x82, u64::MAX), 1009),
        ("declares 70 KB", header(0x82, 70_000), 1009),
        ("one byte above the limit", header(0x82, 65_537), 1009),
        ("fragments above the limit together", [frame(0x02, &[1; 65_000]), header(0x80, 600)].concat(), 1009),
        (
            "too many fragments",
            [frame(0x02, b"")]
                .into_iter()
                .chain((0..64).map(|_| frame(0x00, b"")))
                .collect::<Vec<_>>()
                .concat(),
            1009,
        ),
        ("unmasked", vec![0x82, 0x01, 0x41], 1002),
        ("RSV1", frame(0xc2, b"x"), 1002),
        ("RSV3", frame(0x92, b"x"), 1002),
        ("opcode 3", frame(0x83, b"x"), 1002),
        ("opcode 15", frame(0x8f, b"x"), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("a message within a message", [frame(0x02, b"a"), frame(0x82, b"b")].concat(), 1002),
        ("a ping of 126 bytes", frame(PING, &[0; 126]), 1002),
        ("a fragmented ping", frame(0x09, b"x"), 1002),
        ("text that is not UTF-8", frame(0x81, &[0x61, 0xff]), 1007),
        ("joined text that is not UTF-8", [frame(0x01, &[0xc3]), frame(0x80, &[0x28])].concat(), 1007),
        ("a close with half a code", frame(CLOSE, &[3]), 1002),
        ("a close with a code that is never sent", frame(CLOSE, &1005_u16.to_be_bytes()), 1002),
    ] {
        let mut client = RawClient::connect(rig.address);
        client.send(&bytes);
        assert_eq!(client.expect_close(), code, "{what}");
    }
    assert!(rig.seen.frames.lock().unwrap().is_empty(), "nothing of it went up");
    eventually("all are closed, once each", || rig.closed() == 19 && rig.door.connections() == 0);
    assert!(rig.seen.closed.lock().unwrap().values().all(|times| *times == 1));
}

#[test]
fn a_refused_frame_gets_its_close_although_its_body_follows() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    client.send(&binary(&vec![9; 200_000]));
    assert_eq!(client.expect_close(), 1009);
}

#[test]
fn good_frames_before_a_bad_one_are_answered_first() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    client.send(&[binary(b"good"), frame(0x83, b"bad"), binary(b"late")].concat());
    assert_eq!(client.next().unwrap().payload, b"good");
    assert_eq!(client.expect_close(), 1002);
    assert_eq!(rig.seen.frames.lock().unwrap().len(), 1);
}

#[test]
fn pongs_are_accepted_and_a_flood_is_not() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    client.send(&frame(PONG, b"unasked"));
    client.send(&binary(b"still here"));
    assert_eq!(client.next().unwrap().payload, b"still here");

    let mut flood = RawClient::connect(rig.address);
    for _ in 0..11 {
        flood.send(&frame(PING, b""));
    }
    for _ in 0..10 {
        assert_eq!(flood.next().unwrap().opcode, 0xa);
    }
    assert_eq!(flood.expect_close(), 1008);
}

#[test]
fn control_frames_are_counted_per_second() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    for _ in 0..3 {
        for _ in 0..10 {
            client.send(&frame(PING, b"p"));
            assert_eq!(client.next().unwrap().payload, b"p");
        }
        rig.advance(1_000);
        // The sweeper looks at the clock once a second.
        std::thread::sleep(std::time::Duration::from_millis(1_200));
    }
}

#[test]
fn a_close_is_echoed_and_the_connection_ended() {
    let rig = Rig::start();
    for payload in [&b""[..], &[0x03, 0xe8], &[0x0f, 0xa0, b'b', b'y', b'e']] {
        let mut client = RawClient::connect(rig.address);
        client.send(&[binary(b"last"), frame(CLOSE, payload), binary(b"too late")].concat());
        assert_eq!(client.next().unwrap().payload, b"last");
        let echo = client.next().unwrap();
        assert_eq!((echo.opcode, &echo.payload[..]), (8, &payload[..payload.len().min(2)]));
        assert_eq!(client.next(), None);
    }
    eventually("all are closed", || rig.closed() == 3 && rig.door.connections() == 0);
    assert!(rig.seen.frames.lock().unwrap().iter().all(|(payload, _)| payload == "last"));
}

#[test]
fn our_close_comes_after_what_was_delivered_before() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    let link = rig.link(0);
    link.deliver("one".into()).unwrap();
    link.deliver("two".into()).unwrap();
    link.close(4409, &"ü".repeat(100));
    link.close(4000, "a second close is none");
    link.deliver("late".into()).unwrap();
    assert_eq!(client.next().unwrap().payload, b"one");
    assert_eq!(client.next().unwrap().payload, b"two");
    let close = client.next().unwrap();
    assert_eq!(close.close_code(), 4409);
    assert_eq!(
        std::str::from_utf8(&close.payload[2..]).unwrap(),
        "ü".repeat(61),
        "cut between two characters"
    );
    assert_eq!(client.next(), None);
    client.send(&frame(CLOSE, &4409_u16.to_be_bytes()));
    drop(client);
    eventually("it is closed", || rig.closed() == 1 && rig.door.connections() == 0);
}

#[test]
fn a_client_that_only_stops_sending_still_gets_its_answers() {
    let rig = Rig::start();
    let mut client = RawClient::connect(rig.address);
    client.socket.write_all(&[binary(b"one"), binary(b"two")].concat()).unwrap();
    client.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.next().unwrap().payload, b"one");
    assert_eq!(client.next().unwrap().payload, b"two");
    assert_eq!(client.next(), None);
    eventually("it is closed", || rig.closed() == 1 && rig.door.connections() == 0);
}

#[test]
fn a_smaller_limit_is_kept() {
    let mut settings = Settings::default();
    settings.limits.frame_bytes_max = 1000;
    settings.limits.message_bytes_max = 1500;
    let rig = Rig::with(settings);
    let mut client = RawClient::connect(rig.address);
    client.send(&binary(&[1; 1000]));
    assert_eq!(client.next().unwrap().payload.len(), 1000);
    client.send(&[frame(0x02, &[1; 1000]), frame(0x80, &[2; 500])].concat());
    assert_eq!(client.next().unwrap().payload.len(), 1500);
    client.send(&header(0x82, 1001));
    assert_eq!(client.expect_close(), 1009);
}
