//! What a client has put together from pages, by the rule of the protocol: the oracle of most tests.

use std::collections::{BTreeMap, BTreeSet};

use highwater_wire::{Encoding, base_of, proto};
use proto::{ClientFrame, client_frame::Request, server_frame::Body};

use super::{Server, http, requests};

/// A context that no test uses for anything else.
const DUMP_CONTEXT: &str = "15";

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    pub snapshot: Vec<u8>,
    /// By kind and key.
    pub items: BTreeMap<(u32, String), String>,
    /// By conversation and seq.
    pub entries: BTreeMap<(u64, u64), proto::Entry>,
    /// Items not yet told again by a rebuild that goes on.
    old: BTreeSet<(u32, String)>,
    /// Conversations held when a rebuild began, and not named as valid since.
    doubtful: BTreeSet<u64>,
}

/// Two are the same when they show the same, however they came by it.
impl PartialEq for Replica {
    fn eq(&self, other: &Replica) -> bool {
        self.items == other.items
            && self.entries.len() == other.entries.len()
            && self.entries.values().zip(other.entries.values()).all(|(one, other)| same_message(one, other))
    }
}

/// Whether two entries are the same but for how they count, which the oldest level is not told.
pub fn same_message(one: &proto::Entry, other: &proto::Entry) -> bool {
    proto::Entry { uncounted: other.uncounted, read_seq: other.read_seq, ..one.clone() } == *other
}

impl Replica {
    /// Takes a page, if it continues what is here; `asked`: it answers this client's own sync.
    pub fn take(&mut self, page: &proto::Page, asked: bool) -> bool {
        let rebuild = page.rebuild.is_some();
        if rebuild && !asked || !rebuild && page.base != base_of(&self.snapshot) {
            return false;
        }
        assert!(!rebuild || page.base.is_empty(), "a rebuild continues nothing");
        if page.snapshot.is_empty() {
            assert!(page.items.is_empty() && page.entries.is_empty(), "news come with a snapshot");
            return true;
        }
        if rebuild {
            self.old = self.items.keys().cloned().collect();
            self.doubtful = self.entries.keys().map(|(conversation, _)| *conversation).collect();
        }
        self.drop_lost(page);
        assert!(
            !page.messages_gap || page.entries.is_empty() && page.more,
            "a gap comes before what follows it"
        );
        for item in &page.items {
            let key = (item.kind, item.key.clone());
            self.old.remove(&key);
            if item.deleted {
                self.items.remove(&key);
            } else {
                self.items.insert(key, item.value.clone());
            }
        }
        for entry in &page.entries {
            let place = (entry.conversation_id, entry.seq);
            let before = self.entries.insert(place, entry.clone());
            assert!(before.is_none_or(|before| before == *entry), "an entry never changes: {entry:?}");
        }
        if page.complete {
            for key in std::mem::take(&mut self.old) {
                self.items.remove(&key);
            }
        }
        if page.messages_gap {
            let conversations =
                self.items.keys().filter(|(kind, _)| *kind == highwater_wire::kind::CONVERSATIONS);
            self.old.extend(conversations.cloned());
        }
        self.snapshot = page.snapshot.to_vec();
        true
    }

    fn drop_lost(&mut self, page: &proto::Page) {
        for valid in &page.valid {
            self.doubtful.remove(&valid.conversation_id);
            self.entries
                .retain(|(conversation, seq), _| *conversation != valid.conversation_id || *seq <= valid.seq);
        }
        if page.valid_complete {
            let doubtful = std::mem::take(&mut self.doubtful);
            self.entries.retain(|(conversation, _), _| !doubtful.contains(conversation));
        }
        let is_told_first = page.valid_complete || page.valid.is_empty();
        assert!(is_told_first || page.items.is_empty() && page.entries.is_empty(), "the list comes first");
    }

    /// The texts of a conversation, in order of seq.
    pub fn texts(&self, conversation: u64) -> Vec<String> {
        self.entries
            .range((conversation, 0)..=(conversation, u64::MAX))
            .map(|(_, entry)| requests::text_of(entry))
            .collect()
    }

    /// Every text, in order of conversation and seq.
    pub fn all_texts(&self) -> Vec<String> {
        self.entries.values().map(requests::text_of).collect()
    }
}

/// Everything that the server has for the user of a device: items by a chain of its own that begins at nothing, and every
/// conversation by its seqs, so that it does not matter what the inbox still holds.
pub async fn dump(server: &Server, token: &str) -> Replica {
    let mut replica = Replica::default();
    while let Some(body) = ask(server, token, &replica.snapshot, requests::sync()).await {
        let Body::Page(page) = body else { panic!("no page but {body:?}") };
        assert!(replica.take(&page, true), "pages of one chain continue each other");
        if !page.more {
            break;
        }
    }
    let mut after = 0;
    loop {
        let heads = Request::Heads(proto::Heads { after, limit: 0 });
        let Some(Body::Heads(list)) = ask(server, token, &[], heads).await else { panic!("no heads") };
        for head in &list.heads {
            read_conversation(server, token, head, &mut replica).await;
        }
        after = list.next;
        if after == 0 {
            return replica;
        }
    }
}

async fn read_conversation(server: &Server, token: &str, head: &proto::Head, replica: &mut Replica) {
    let mut from_seq = head.oldest_seq;
    while from_seq <= head.seq {
        let conversation_id = head.conversation_id;
        let range = Request::Range(proto::Range { conversation_id, from_seq, to_seq: head.seq });
        let Some(Body::Entries(list)) = ask(server, token, &[], range).await else { panic!("no entries") };
        for entry in list.entries {
            assert_eq!(entry.seq, from_seq, "a range has no hole");
            let before = replica.entries.insert((conversation_id, from_seq), entry.clone());
            assert!(before.is_none_or(|before| before == entry), "an entry never changes: {entry:?}");
            from_seq += 1;
        }
        assert_eq!(list.more, from_seq <= head.seq, "what did not fit is said");
    }
}

/// One request over HTTP in the context of dumps; `None` when there is nothing new.
async fn ask(server: &Server, token: &str, snapshot: &[u8], request: Request) -> Option<Body> {
    let snapshot = snapshot.to_vec().into();
    let frame = ClientFrame { request_id: 1, snapshot, request: Some(request) };
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Content-Type", Encoding::Binary.content_type()),
        ("Authorization", bearer.as_str()),
        ("X-Highwater-Context", DUMP_CONTEXT),
    ];
    let body = Encoding::Binary.encode(&frame);
    let answer = http::exchange(server.client(), "POST", "/v1/request", &headers, &body).await;
    if answer.status == 204 {
        return None;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.frame(Encoding::Binary).body
}
