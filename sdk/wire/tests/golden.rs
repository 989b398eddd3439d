//! The golden frames of `protocol/golden`, compared byte for byte in both directions.
//!
//! `HIGHWATER_WRITE_GOLDEN=1 cargo test -p highwater-wire --test golden` writes the files of `frames/` anew; the
//! difference is then for a person to judge, since clients that exist were written to the old ones.

#![allow(clippy::unwrap_used, missing_docs)]

mod frames;
mod golden_files;
mod hex;

use std::{collections::BTreeSet, fs};

use frames::{Frame, Named};
use golden_files::{golden, protocol_path, read};
use hex::{from_hex, to_hex};
use highwater_wire::{
    DecodeError, Encoding,
    proto::{ClientFrame, Page, ServerFrame, client_frame::Request, rebuild::Cause, server_frame::Body},
};

const WRITE: &str = "HIGHWATER_WRITE_GOLDEN";

impl Frame {
    fn encode(&self, encoding: Encoding) -> Vec<u8> {
        match self {
            Frame::Client(frame) => encoding.encode(frame),
            Frame::Server(frame) => encoding.encode(frame),
        }
    }

    /// Reads a frame of the direction that its name says.
    fn decode(name: &str, encoding: Encoding, bytes: &[u8]) -> Result<Frame, DecodeError> {
        if name.starts_with("client_") {
            encoding.decode::<ClientFrame>(bytes).map(Frame::Client)
        } else {
            encoding.decode::<ServerFrame>(bytes).map(Frame::Server)
        }
    }
}

fn write(frame: &Named) {
    let directory = protocol_path("golden/frames");
    let binary = frame.frame.encode(Encoding::Binary);
    let json = String::from_utf8(frame.frame.encode(Encoding::Json)).unwrap();
    fs::write(directory.join(format!("{}.hex", frame.name)), to_hex(&binary)).unwrap();
    fs::write(directory.join(format!("{}.json", frame.name)), json + "\n").unwrap();
}

/// One test, so that writing comes before reading.
#[test]
fn every_frame_is_byte_for_byte_what_its_files_say() {
    let frames = frames::all();
    if std::env::var_os(WRITE).is_some() {
        frames.iter().for_each(write);
    }
    for Named { name, frame } in &frames {
        let (binary, json) = golden(name);
        assert_eq!(to_hex(&frame.encode(Encoding::Binary)), to_hex(&binary), "{name}.hex");
        let json = json.into_bytes();
        assert_eq!(frame.encode(Encoding::Json), json, "{name}.json");
        let from_binary = Frame::decode(name, Encoding::Binary, &binary).unwrap();
        let from_json = Frame::decode(name, Encoding::Json, &json).unwrap();
        assert_eq!(&from_binary, frame, "{name}.hex decoded");
        assert_eq!(&from_json, frame, "{name}.json decoded");
        assert_eq!(from_binary.encode(Encoding::Json), json, "{name}: binary to JSON");
        assert_eq!(from_json.encode(Encoding::Binary), binary, "{name}: JSON to binary");
    }
    let named: BTreeSet<String> = frames.iter().map(|frame| frame.name.to_owned()).collect();
    assert_eq!(named.len(), frames.len(), "a name is used once");
    assert_eq!(named, stems("golden/frames", "hex"), "no file without a frame");
    assert_eq!(named, stems("golden/frames", "json"), "no file without a frame");
}

fn stems(directory: &str, extension: &str) -> BTreeSet<String> {
    let paths = fs::read_dir(protocol_path(directory)).unwrap().map(|entry| entry.unwrap().path());
    let of_extension = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    of_extension.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// `accepted/FRAME.WHY.json` and `.hex` are other ways to write what `frames/FRAME` says.
#[test]
fn other_ways_to_write_a_frame_are_read_as_the_same() {
    let mut read_count = 0;
    for (encoding, extension) in [(Encoding::Binary, "hex"), (Encoding::Json, "json")] {
        for stem in stems("golden/accepted", extension) {
            let (name, _why) = stem.split_once('.').expect("FRAME.WHY");
            let text = read(&format!("golden/accepted/{stem}.{extension}"));
            let bytes = if encoding == Encoding::Binary { from_hex(&text) } else { text.into_bytes() };
            let frame =
                Frame::decode(name, encoding, &bytes).unwrap_or_else(|error| panic!("{stem}: {error}"));
            let (binary, json) = golden(name);
            let json = json.into_bytes();
            assert_ne!(
                bytes,
                if encoding == Encoding::Binary { binary.clone() } else { json.clone() },
                "{stem}"
            );
            assert_eq!(to_hex(&frame.encode(Encoding::Binary)), to_hex(&binary), "{stem}");
            assert_eq!(frame.encode(Encoding::Json), json, "{stem}");
            read_count += 1;
        }
    }
    assert!(read_count >= 25, "only {read_count} files were found");
}

/// `later/FRAME.WHY.hex` is what a later server may send: to a reader of this schema it is `frames/FRAME`, save for a
/// cause that it does not know. That it is a rebuild it knows all the same.
#[test]
fn a_rebuild_of_an_unknown_cause_is_a_rebuild() {
    let files = stems("golden/later", "hex");
    assert!(!files.is_empty(), "no file was found");
    for stem in files {
        let (name, _why) = stem.split_once('.').expect("FRAME.WHY");
        let bytes = from_hex(&read(&format!("golden/later/{stem}.hex")));
        let mut frame: ServerFrame = Encoding::Binary.decode(&bytes).unwrap();
        let Some(Body::Page(Page { rebuild: Some(rebuild), .. })) = &mut frame.body else {
            panic!("{stem} is no rebuild")
        };
        assert!(Cause::try_from(rebuild.cause).is_err(), "{stem}: the cause is known");
        rebuild.cause = Cause::Unspecified.into();
        assert_eq!(to_hex(&Encoding::Binary.encode(&frame)), to_hex(&golden(name).0), "{stem}");
    }
}

/// Fails when a request or body is added to the schema without a golden frame: the `match` below no longer compiles.
#[test]
fn every_request_and_every_body_has_a_golden_frame() {
    let (mut requests, mut bodies) = (BTreeSet::new(), BTreeSet::new());
    for named in frames::all() {
        match named.frame {
            Frame::Client(frame) => requests.extend(frame.request.as_ref().map(request_number)),
            Frame::Server(frame) => bodies.extend(frame.body.as_ref().map(body_number)),
        }
    }
    let requests_expected = (10..=28).chain(30..=37).chain(40..=49).chain(60..=63).chain(70..=73);
    assert_eq!(requests, requests_expected.chain(90..=99).collect());
    assert_eq!(bodies, (10..=20).chain(30..=33).chain([40, 50]).chain(52..=55).collect());
}

fn request_number(request: &Request) -> u32 {
    match request {
        Request::Hello(_) => 10,
        Request::Heartbeat(_) => 11,
        Request::Sync(_) => 12,
        Request::Send(_) => 13,
        Request::Register(_) => 14,
        Request::SignIn(_) => 15,
        Request::SignInWithToken(_) => 23,
        Request::SignOut(_) => 16,
        Request::ListDevices(_) => 17,
        Request::EndDevice(_) => 18,
        Request::FindUser(_) => 19,
        Request::Heads(_) => 20,
        Request::Range(_) => 21,
        Request::Compare(_) => 22,
        Request::ChangePassword(_) => 24,
        Request::CreateUser(_) => 25,
        Request::EraseAccount(_) => 26,
        Request::SetProfile(_) => 27,
        Request::SetStrangers(_) => 28,
        Request::BlockUser(_) => 30,
        Request::UnblockUser(_) => 31,
        Request::NoteContact(_) => 32,
        Request::DeleteContact(_) => 33,
        Request::AskContact(_) => 34,
        Request::AcceptContact(_) => 35,
        Request::RefuseContact(_) => 36,
        Request::WithdrawContact(_) => 37,
        Request::CreateGroup(_) => 40,
        Request::AddMembers(_) => 41,
        Request::RemoveMember(_) => 42,
        Request::LeaveGroup(_) => 43,
        Request::RenameGroup(_) => 44,
        Request::GiveRole(_) => 45,
        Request::ListMembers(_) => 46,
        Request::DissolveGroup(_) => 47,
        Request::MuteGroup(_) => 48,
        Request::MuteMember(_) => 49,
        Request::CreateChannel(_) => 60,
        Request::Follow(_) => 61,
        Request::Unfollow(_) => 62,
        Request::TurnGroup(_) => 63,
        Request::MarkRead(_) => 70,
        Request::SetConversation(_) => 71,
        Request::AskWatermarks(_) => 72,
        Request::SetPrivacy(_) => 73,
        Request::DescribeGroup(_) => 90,
        Request::SetAnnouncement(_) => 91,
        Request::MakeLink(_) => 92,
        Request::ListLinks(_) => 93,
        Request::RevokeLink(_) => 94,
        Request::LookAtLink(_) => 95,
        Request::JoinByLink(_) => 96,
        Request::SetApproval(_) => 97,
        Request::ListJoinRequests(_) => 98,
        Request::AnswerJoinRequest(_) => 99,
    }
}

fn body_number(body: &Body) -> u32 {
    match body {
        Body::Greeting(_) => 10,
        Body::Heartbeat(_) => 11,
        Body::Page(_) => 12,
        Body::Sent(_) => 13,
        Body::SignedIn(_) => 14,
        Body::Done(_) => 15,
        Body::DeviceList(_) => 16,
        Body::User(_) => 17,
        Body::Heads(_) => 18,
        Body::Entries(_) => 19,
        Body::Difference(_) => 20,
        Body::Push(_) => 30,
        Body::Nudge(_) => 31,
        Body::Watermark(_) => 32,
        Body::Watermarks(_) => 33,
        Body::Error(_) => 40,
        Body::GroupCreated(_) => 50,
        Body::MemberList(_) => 52,
        Body::GroupInfo(_) => 53,
        Body::LinkList(_) => 54,
        Body::JoinRequestList(_) => 55,
    }
}
