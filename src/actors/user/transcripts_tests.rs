//! What a device of each level receives, told as a short story and compared byte for byte with `protocol/levels`.
//!
//! The story goes through the real deciders, tail, pages, pushes and ranges, with fixed ids and a fixed clock. Only
//! snapshots are written otherwise, since they are opaque: as `1`, `1`, the name of their base, and zeros. A greeting is not
//! among the frames: it speaks of the server.
//!
//! `HIGHWATER_WRITE_TRANSCRIPTS=1 cargo test -p highwater --lib transcripts` writes the drafts anew. A level that is
//! complete is frozen: nothing writes it.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fmt::Write, fs, path::PathBuf, sync::Arc};

use bytes::Bytes;
use highwater_wire::{Encoding, base_of, proto};
use proto::server_frame::Body;

use super::{Answered, PageRequest, answer, answer_body, begin, push::push_page, range};
use crate::{
    actors::persistence::warm,
    logic::{
        Answer, Operation, Principal, Request, State,
        content::of_send,
        decide,
        operation::{NewDevice, Register, Send, Target},
    },
    model::{
        ClientMessageId, ConversationId, DeviceId, Kind, LineageId, RunNumber, Seq, TimeMs, UserId, Version,
        limits::{PAGE_BYTES_MAX, PUSH_ENTRIES_MAX},
        record::Run,
    },
    store::{engine::Engine, engine_memory::MemoryEngine, tail::Tail, view::View},
    sync::{Chain, Issued, Kinds, Lifeline, Locale, PushChain, Rendering, SnapshotKey},
};

pub(super) const WRITE: &str = "HIGHWATER_WRITE_TRANSCRIPTS";

/// Levels that are complete, and where their transcripts are: these are compared and never written.
const FROZEN: [(u32, &str); 1] = [(1, "1")];
const DRAFTS: [(u32, &str); 2] = [(2, "draft/2"), (3, "draft/3")];

pub(super) const ANN: Principal = Principal { user: UserId(0x0AD0_0000_0000_00AD), device: DeviceId(7) };
pub(super) const BOB: Principal = Principal { user: UserId(0xB0B0_0000_0000_0B0B), device: DeviceId(8) };

/// A Monday in November 2026; each operation comes a second after the one before.
pub(super) const BEGIN_MS: i64 = 1_795_262_400_000;

/// The store of the story, and what decides for it.
pub(super) struct Story {
    tail: Arc<Tail>,
    engine: Arc<dyn Engine>,
    pub(super) last: Version,
    key: SnapshotKey,
    lifeline: Lifeline,
    kinds: Arc<Kinds>,
}

impl Story {
    pub(super) fn new() -> Story {
        let run = Run { number: RunNumber(1), id: 5, first: Version(1), found: Version(0), lossy: false };
        Story {
            tail: Arc::new(Tail::new(Version(0))),
            engine: Arc::new(MemoryEngine::new()),
            last: Version(0),
            key: SnapshotKey::new(1, [7; 32], [9; 16]),
            lifeline: Lifeline::new(vec![run]),
            kinds: Arc::new(Kinds::of_server(&[(5, "settings".to_owned())]).unwrap()),
        }
    }

    fn view(&self) -> View {
        View::new(&self.tail, &self.engine)
    }

    pub(super) fn operate(&mut self, request: Request) -> Answer {
        let version = self.last.next();
        let operation = Operation { at: TimeMs(BEGIN_MS + version.0 as i64 * 1000), request };
        let mut state = State::default();
        let view = self.view();
        assert!(state.warm(warm::everything(&view, &operation).unwrap(), view.bound()));
        let decided = decide(&mut state, &operation, version).unwrap();
        if let Some(record) = decided.record {
            self.tail.publish(vec![(Arc::new(record), 0)]);
            self.last = version;
        }
        decided.answer
    }

    pub(super) fn register(&mut self, who: Principal, name: &str) {
        let token = [who.device.0 as u8; 32];
        let device = NewDevice {
            user: who.user,
            device: who.device,
            name: "phone".to_owned(),
            class: 1,
            token,
            in_place_of: None,
            proven: None,
        };
        let name = name.to_owned();
        self.operate(Request::Register(Register {
            user: who.user,
            name,
            password: None,
            invite: None,
            host_identity: None,
            device,
        }));
    }

    fn send(&mut self, by: Principal, to: UserId, text: &str, custom: Option<proto::Custom>) -> Answer {
        let id = ClientMessageId([self.last.0 as u8; 16]);
        let content = of_send(text.to_owned(), custom).unwrap();
        let day = TimeMs(BEGIN_MS).day();
        self.operate(Request::Send(Send { by, to: Target::User(to), id, day, content, shown: Seq(0) }))
    }

    fn chain() -> Chain {
        Chain { user: BOB.user, lineage: LineageId { device: BOB.device, context: 0 } }
    }

    pub(super) fn page(&self, given: &Bytes, rendering: Rendering) -> Answered {
        let (key, lifeline, kinds) = (&self.key, &self.lifeline, Arc::clone(&self.kinds));
        let (marks, rebuild) =
            begin(key, lifeline, Story::chain(), given, rendering.level, &kinds, Version(0));
        let (chain, given, bytes_max) = (Story::chain(), given.clone(), PAGE_BYTES_MAX);
        let request =
            PageRequest { chain, given, marks, rebuild, rendering, kinds, entries_max: 0, bytes_max };
        answer(&self.view(), key, lifeline.current(), &request).unwrap()
    }

    /// What is new above a page, as it is pushed.
    pub(super) fn push(&self, page: &Answered, rendering: Rendering) -> (proto::Page, Issued) {
        let mut chain = PushChain::default();
        assert!(chain.sync_begins());
        let issued = Issued { snapshot: page.snapshot.clone(), marks: page.marks };
        let mark = issued.marks.of(Kind::MESSAGES);
        let _ = chain.page_given(issued, false);
        let new = self.tail.inbox_above(BOB.user, mark, self.tail.durable(), PUSH_ENTRIES_MAX);
        let (deliveries, _) = new.unwrap();
        push_page(&chain, Story::chain(), rendering, &deliveries, (&self.key, self.lifeline.current()))
    }

    fn range(&self, rendering: Rendering) -> Body {
        let conversation_id = ConversationId::direct(ANN.user, BOB.user, 0).0;
        let wanted = proto::Range { conversation_id, from_seq: 1, to_seq: 99 };
        range(&self.view(), BOB.user, rendering, &wanted, PAGE_BYTES_MAX).unwrap().unwrap()
    }
}

pub(super) fn custom(fallback: &str) -> Option<proto::Custom> {
    let (schema, json) =
        ("poll/1".to_owned(), "{\"question\":\"Tea?\",\"answers\":[\"yes\",\"no\"]}".to_owned());
    Some(proto::Custom { schema, json, fallback: fallback.to_owned() })
}

/// The frames that Bob's device receives at a level, by name and in order.
fn frames(level: u32) -> Vec<(&'static str, proto::ServerFrame)> {
    let rendering = |level, locale| Rendering::new(level, locale).unwrap();
    let own = rendering(level, Locale::English);
    let mut story = Story::new();
    story.register(ANN, "ann");
    story.register(BOB, "bob");
    let greeted = story.page(&Bytes::new(), own);
    story.send(ANN, BOB.user, "Hello Bob", None);
    story.send(ANN, BOB.user, "", custom("Tea? yes / no"));
    let document = Some("{\"theme\":\"dark\"}".to_owned());
    story.operate(Request::PutDocument {
        user: BOB.user,
        kind: Kind(5),
        key: "look".to_owned(),
        value: document,
    });
    let synced = story.page(&greeted.snapshot, own);
    let sent = story.send(BOB, ANN.user, "Hello Ann \u{1F44B}", None);
    story.send(ANN, BOB.user, "", custom(""));
    let (push, pushed) = story.push(&synced, own);
    let nothing_new = story.page(&pushed.snapshot, own);
    let mut frames = vec![
        ("01_first_page", 2, Body::Page(greeted.page)),
        ("02_page_with_messages", 3, Body::Page(synced.page)),
        ("03_sent", 4, answer_body(sent)),
        ("04_push", 0, Body::Push(push)),
        ("05_page_nothing_new", 5, Body::Page(nothing_new.page)),
        ("06_range", 6, story.range(own)),
        ("07_range_in_chinese", 6, story.range(rendering(level, Locale::Chinese))),
    ];
    // The same device, whose app was updated. Level 1 has no such page: nobody comes up to it, and what is said to who
    // comes down depends on the levels above.
    if level > 1 {
        let at_level_one = story.page(&Bytes::new(), rendering(1, Locale::English));
        let changed = story.page(&at_level_one.snapshot, own);
        frames.push(("08_page_after_an_update", 2, Body::Page(changed.page)));
    }
    let frame = |(name, request_id, body)| (name, proto::ServerFrame { request_id, body: Some(body) });
    frames.into_iter().map(frame).collect()
}

/// Writes snapshots as what they are to a client: opaque, but for the base.
fn made_opaque(frames: Vec<(&'static str, proto::ServerFrame)>) -> Vec<(&'static str, proto::ServerFrame)> {
    let mut bases = vec![Bytes::new()];
    let mut opaque = |real: &[u8]| {
        let real = Bytes::copy_from_slice(real);
        let place = bases.iter().position(|base| *base == real).unwrap_or(bases.len());
        if place == bases.len() {
            bases.push(real);
        }
        if place == 0 { String::new() } else { format!("base {place:03}") }
    };
    let mut written = Vec::new();
    for (name, mut frame) in frames {
        if let Some(Body::Page(page) | Body::Push(page)) = &mut frame.body {
            page.base = Bytes::from(opaque(&page.base).into_bytes());
            let base = opaque(base_of(&page.snapshot));
            if !page.snapshot.is_empty() {
                page.snapshot = [b"11", base.as_bytes(), &[0; 16]].concat().into();
            }
        }
        written.push((name, frame));
    }
    written
}

/// Files of frames: both encodings of each, as those of the golden frames.
fn files(frames: Vec<(&'static str, proto::ServerFrame)>) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (name, frame) in made_opaque(frames) {
        let json = String::from_utf8(Encoding::Json.encode(&frame)).unwrap();
        let mut hex = String::new();
        for line in Encoding::Binary.encode(&frame).chunks(32) {
            line.iter().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
            hex.push('\n');
        }
        files.extend([(format!("{name}.json"), json + "\n"), (format!("{name}.hex"), hex)]);
    }
    files
}

fn directory(below: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("protocol/levels").join(below)
}

pub(super) fn write(frames: Vec<(&'static str, proto::ServerFrame)>, below: &str) {
    fs::create_dir_all(directory(below)).unwrap();
    for (name, content) in files(frames) {
        fs::write(directory(below).join(name), content).unwrap();
    }
}

pub(super) fn compare(frames: Vec<(&'static str, proto::ServerFrame)>, below: &str) {
    let files = files(frames);
    for (name, content) in &files {
        let kept = fs::read_to_string(directory(below).join(name)).unwrap_or_default();
        assert_eq!(*content, kept, "protocol/levels/{below}/{name}");
    }
    let named: BTreeSet<String> = files.into_iter().map(|(name, _)| name).collect();
    let found =
        fs::read_dir(directory(below)).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(found.collect::<BTreeSet<_>>(), named, "no file without a frame");
}

#[test]
fn a_level_that_is_complete_is_told_what_it_always_was() {
    FROZEN.into_iter().for_each(|(level, below)| compare(frames(level), below));
}

#[test]
fn drafts_are_told_what_their_transcripts_say() {
    for (level, below) in DRAFTS {
        if std::env::var_os(WRITE).is_some() {
            write(frames(level), below);
        }
        compare(frames(level), below);
    }
}

#[test]
fn every_level_that_is_served_has_its_transcript() {
    let levels: Vec<u32> = FROZEN.into_iter().chain(DRAFTS).map(|(level, _)| level).collect();
    assert_eq!(levels, (1..=highwater_wire::LEVEL).collect::<Vec<_>>());
}
