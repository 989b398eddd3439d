//! Levels: apps are updated and set back, messages are custom, and what was told for another level is read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use highwater::{
    actors::user::range,
    model::{Content, Custom, UserId, limits::PAGE_BYTES_MAX},
    store::files_faulty::SeededRandom,
    sync::{LEVELS, Locale, Marks, Rendering, kinds::MESSAGES, render},
};
use highwater_wire::proto;

use crate::{client::Client, oracle::Oracle, world::World};

/// Highest level of a client here; as that of the server.
const LEVEL_MAX: u64 = 3;

/// Where an entry stands.
pub type Place = (u64, u64);

/// The entries that a client holds, in its file store.
#[derive(Default, Clone)]
pub struct Held {
    entries: BTreeMap<Place, proto::Entry>,
    /// Told for another level, and not read again yet.
    due: BTreeSet<Place>,
}

impl Held {
    /// An entry was told by a page.
    pub fn told(&mut self, entry: &proto::Entry) {
        let place = (entry.conversation_id, entry.seq);
        self.due.remove(&place);
        self.entries.insert(place, entry.clone());
    }

    /// A page that is stored speaks of a change of level, or does not; `before` is what the stored snapshot said.
    pub fn hear(&mut self, page: &proto::Page, before: Option<Marks>, after: Marks, rendering: Rendering) {
        assert_eq!(after.level, rendering.level, "a snapshot names the level that it was rendered for");
        let expected = before.filter(|before| before.level != after.level && page.rebuild.is_none());
        assert_eq!(page.level_changed.is_some(), expected.is_some(), "a change of level is said, and once");
        let Some(change) = &page.level_changed else { return };
        let differing = LEVELS.differing(before.expect("there was one").level, after.level);
        assert_eq!(change.kinds, differing.iter().map(|kind| u32::from(kind.0)).collect::<Vec<_>>());
        if change.kinds.contains(&u32::from(MESSAGES.0)) {
            let told_here: BTreeSet<Place> =
                page.entries.iter().map(|entry| (entry.conversation_id, entry.seq)).collect();
            self.due.extend(self.entries.keys().filter(|place| !told_here.contains(place)));
        }
    }

    /// What the answer to a range brings takes the place of what is held.
    fn read_again(&mut self, entry: &proto::Entry) {
        let place = (entry.conversation_id, entry.seq);
        self.due.remove(&place);
        if let Some(held) = self.entries.get_mut(&place) {
            *held = entry.clone();
        }
    }

    /// Everything is there as the level has it.
    fn check(&self, user: UserId, rendering: Rendering, oracle: &Oracle) {
        assert!(self.due.is_empty(), "something was not read again");
        for (place, entry) in &self.entries {
            let message = oracle.message(*place);
            let expected = render::entry(user, rendering, message);
            assert_eq!(
                *entry, expected,
                "G10: {place:?} of user {user} is not what level {} has",
                rendering.level
            );
        }
    }
}

impl Oracle {
    fn message(&self, (conversation, seq): Place) -> &highwater::model::record::Message {
        let log = &self.logs[&highwater::model::ConversationId(conversation)];
        &log[usize::try_from(seq).unwrap() - 1].message
    }
}

/// What a new app speaks.
pub fn any_rendering(random: &mut SeededRandom) -> Rendering {
    let level = 1 + random.below(LEVEL_MAX) as u32;
    let locale = Locale::ALL[random.below(2) as usize];
    Rendering::new(level, locale).unwrap()
}

/// A custom message.
pub fn custom(random: &mut SeededRandom) -> Content {
    let fallback = if random.one_in(3) { String::new() } else { format!("form {}", random.below(100)) };
    let json = if random.one_in(12) {
        format!("\"{}\"", "j".repeat(1200))
    } else {
        format!("[{}]", random.below(100))
    };
    custom_of("form/1", &json, &fallback)
}

/// The other sort of content that older levels cannot tell from this one.
pub fn lookalike(content: &Content) -> Content {
    match content {
        Content::Text(text) => custom_of("form/1", "0", std::str::from_utf8(text).unwrap()),
        Content::Custom(custom) if custom.fallback.is_empty() => "text".into(),
        Content::Custom(custom) => Content::Text(custom.fallback.clone()),
    }
}

fn custom_of(schema: &str, json: &str, fallback: &str) -> Content {
    let [schema, json, fallback] =
        [schema, json, fallback].map(|text| Bytes::copy_from_slice(text.as_bytes()));
    Content::Custom(Arc::new(Custom { schema, json, fallback }))
}

impl World {
    /// The app of a client is updated, or set back: it connects anew, with the store that it has.
    pub fn change_level(&mut self) {
        let Some(place) = self.any_live_client() else { return };
        let client = &mut self.clients[place];
        let level = 1 + self.random.below(LEVEL_MAX) as u32;
        client.rendering = Rendering::new(level, client.rendering.locale).unwrap();
        client.must_sync = true;
        self.sessions.remove(&client.lineage);
        self.lost_frames.remove(&client.lineage);
    }

    /// A page was stored: what it says of levels is counted.
    pub fn count_levels(&mut self, page: &proto::Page) {
        if page.level_changed.is_some() {
            self.counts.saw("level changed");
        }
        let is_older = |entry: &proto::Entry| {
            let kept = &self.oracle.message((entry.conversation_id, entry.seq)).content;
            matches!(kept, Content::Custom(_))
                && matches!(entry.content, Some(proto::entry::Content::Text(_)))
        };
        if page.entries.iter().any(is_older) {
            self.counts.saw("rendered for an older level");
        }
    }

    /// A client reads some of what was told for another level again, once a sync has said so. Its answer may be lost.
    pub fn read_again_one(&mut self) {
        let Some(place) = self.any_live_client() else { return };
        let limit = 1 + self.random.below(5);
        let lost = self.random.one_in(4);
        if self.clients[place].may_read_again() {
            let mut client = self.clients[place].clone();
            self.read_again(&mut client, limit);
            if lost {
                self.counts.saw("reading again cut");
            } else {
                self.clients[place] = client;
            }
        }
    }

    fn read_again(&mut self, client: &mut Client, seqs: u64) {
        let Some((conversation_id, from_seq)) = client.stored.held.due.first().copied() else { return };
        let wanted = proto::Range { conversation_id, from_seq, to_seq: from_seq + seqs - 1 };
        let view = self.shell.view();
        let answer = range(&view, client.user, client.rendering, &wanted, PAGE_BYTES_MAX);
        let answer = answer.unwrap_or_else(|fault| panic!("G1: {fault}"));
        let Ok(proto::server_frame::Body::Entries(list)) = answer else { panic!("{answer:?} is no range") };
        assert_eq!(list.entries.first().map(|entry| entry.seq), Some(from_seq), "what is held can be read");
        list.entries.iter().for_each(|entry| client.stored.held.read_again(entry));
        self.counts.saw("read again");
    }

    /// Every live client reads again what is due, and then holds what its level has.
    pub fn everybody_reads_again(&mut self) {
        for place in 0..self.clients.len() {
            let mut client = self.clients[place].clone();
            if !self.oracle.is_live(client.lineage.device) {
                continue;
            }
            while client.may_read_again() {
                self.read_again(&mut client, 9);
            }
            client.stored.held.check(client.user, client.rendering, &self.oracle);
            self.clients[place] = client;
        }
    }
}

impl Client {
    /// Something is due, and the stored snapshot is of the level that the client speaks.
    fn may_read_again(&self) -> bool {
        !self.stored.held.due.is_empty() && self.stored.level() == Some(self.rendering.level)
    }
}
