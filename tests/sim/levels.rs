//! Levels: apps are updated and set back, messages are custom, and what was told for another level is read again.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use highwater::{
    actors::user::range,
    model::{Content, ConversationId, Custom, limits::PAGE_BYTES_MAX},
    store::files_faulty::SeededRandom,
    sync::{LEVELS, Locale, Marks, Rendering, kinds::MESSAGES},
};
use highwater_wire::proto;

use crate::{
    client::{Client, is_known},
    oracle::Oracle,
    world::World,
};

/// Highest level of a client here; as that of the server.
const LEVEL_MAX: u64 = 3;

/// Where an entry stands.
pub type Place = (u64, u64);

/// The entries of a client that were told for another level.
#[derive(Default, Clone)]
pub struct Outdated {
    /// Not read again yet.
    due: BTreeSet<Place>,
    /// The server has them no more, so they stay as they are.
    left: BTreeSet<Place>,
}

impl Outdated {
    /// An entry was told, or dropped: nothing about it is outdated.
    pub fn settle(&mut self, place: Place) {
        self.due.remove(&place);
        self.left.remove(&place);
    }

    /// What is no longer held is not outdated.
    pub fn retain(&mut self, is_held: impl Fn(&Place) -> bool) {
        self.due.retain(&is_held);
        self.left.retain(&is_held);
    }

    /// Whether an entry is still as another level has it.
    pub fn contains(&self, place: Place) -> bool {
        self.due.contains(&place) || self.left.contains(&place)
    }

    /// A page that is stored speaks of a change of level, or does not; `before` is what the stored snapshot said, `held`
    /// what is held then. A rebuild that does not know the snapshot cannot say what level it had: then all is outdated, as
    /// it is where there was none yet.
    pub fn hear(
        &mut self,
        page: &proto::Page,
        (before, after): (Option<Marks>, Marks),
        rendering: Rendering,
        held: impl Iterator<Item = Place>,
    ) {
        assert_eq!(after.level, rendering.level, "a snapshot names the level that it was rendered for");
        let told_here: BTreeSet<Place> =
            page.entries.iter().map(|entry| (entry.conversation_id, entry.seq)).collect();
        let others = held.filter(|place| !told_here.contains(place));
        if page.rebuild.is_some_and(|rebuild| !is_known(rebuild.cause())) {
            assert!(page.level_changed.is_none(), "who is not known has no level");
            self.due.extend(others);
            return;
        }
        if before.is_none() {
            // What came beside the chain before there was a snapshot: nobody but the client knows of which level it is.
            assert!(page.level_changed.is_none(), "what was never told has no level");
            self.due.extend(others);
            return;
        }
        let expected = before.filter(|before| before.level != after.level);
        // A rebuild may answer an older snapshot than the stored one, whose level it had told already.
        let is_repeated = page.rebuild.is_some() && expected.is_none();
        let is_due = expected.is_some() || (is_repeated && page.level_changed.is_some());
        assert_eq!(page.level_changed.is_some(), is_due, "a change of level is said, and once");
        let Some(change) = &page.level_changed else { return };
        if let Some(before) = expected {
            let differing = LEVELS.differing(before.level, after.level);
            assert_eq!(change.kinds, differing.iter().map(|kind| u32::from(kind.0)).collect::<Vec<_>>());
        }
        if change.kinds.contains(&u32::from(MESSAGES.0)) {
            self.due.extend(others);
        }
    }
}

impl Oracle {
    fn message(&self, (conversation, seq): Place) -> &highwater::model::record::Message {
        let log = &self.logs[&ConversationId(conversation)];
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
        Content::Notice(_) | Content::Erased | Content::AccountErased => {
            panic!("no client sends {content:?}")
        }
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
        let is_due = |client: &Client| client.may_read_again() && self.oracle.is_live(client.lineage.device);
        let due: Vec<usize> = (0..self.clients.len()).filter(|place| is_due(&self.clients[*place])).collect();
        if due.is_empty() {
            return;
        }
        let place = due[self.any(due.len())];
        let limit = 1 + self.random.below(5);
        let mut client = self.clients[place].clone();
        self.read_again(&mut client, limit);
        if self.random.one_in(2) {
            self.counts.saw("reading again cut");
        } else {
            self.clients[place] = client;
        }
    }

    fn read_again(&mut self, client: &mut Client, seqs: u64) {
        let Some((conversation_id, from_seq)) = client.stored.outdated.due.first().copied() else { return };
        let wanted = proto::Range { conversation_id, from_seq, to_seq: from_seq + seqs - 1 };
        let view = self.shell.view();
        let answer = range(&view, client.user, client.rendering, &wanted, PAGE_BYTES_MAX);
        let answer = answer.unwrap_or_else(|fault| panic!("G1: {fault}"));
        // What came beside the chain before a copy of the store was put back may be nowhere any more; and what was let go
        // by policy is nowhere but here.
        let found = match answer {
            Ok(proto::server_frame::Body::Entries(list)) => list.entries,
            _ => Vec::new(),
        };
        let is_found = found.first().is_some_and(|entry| entry.seq == from_seq);
        let place = (conversation_id, from_seq);
        let oldest =
            self.oracle.conversations.get(&ConversationId(conversation_id)).map_or(1, |row| row.oldest.0);
        let is_gone = from_seq < oldest;
        assert!(is_found || is_gone || client.stored.is_beside(place), "what is held can be read");
        client.stored.outdated.settle(place);
        if is_gone {
            client.stored.outdated.left.insert(place);
        }
        for entry in found {
            let place = (entry.conversation_id, entry.seq);
            if client.stored.entries.contains_key(&place) {
                client.stored.outdated.settle(place);
                client.stored.entries.insert(place, entry);
            }
        }
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
            assert!(client.stored.outdated.due.is_empty(), "something was not read again");
            client.check_entries(&self.oracle);
            self.clients[place] = client;
        }
    }
}

impl Client {
    /// What it holds is of a store that was told for this level and language.
    pub fn told_for(&mut self, before: Rendering) {
        if self.rendering != before {
            self.stored.outdated.due.extend(self.stored.entries.keys().copied());
        }
    }

    /// Something is due, a sync has ended, and the stored snapshot is of the level that the client speaks.
    fn may_read_again(&self) -> bool {
        !self.must_sync
            && !self.stored.outdated.due.is_empty()
            && self.stored.level() == Some(self.rendering.level)
    }
}
