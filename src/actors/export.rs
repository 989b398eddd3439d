//! An export: everything that is kept for one user, as one archive, read page by page.
//!
//! The archive is a tar of small members, each a page of JSON lines, so that no more than one page is in memory and no
//! size has to be known before. What changes while it is read is told as a device would be told: an item may stand twice,
//! and the later one counts; messages go up to the newest at the moment when their conversation is begun.

use highwater_wire::proto;
use proto::server_frame::Body;
use serde_json::json;

use super::user;
use crate::{
    model::{
        ConversationId, DeviceId, Kind, UserId, Version,
        limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX},
        record::Item,
    },
    store::view::{ReadFault, View},
    sync::{Kinds, Locale, Rendering, kinds::CONVERSATIONS, levels::LEVEL_MAX, render},
};

/// Bytes of a block of a tar. Source: POSIX.1-1988, ustar.
const BLOCK_BYTES: usize = 512;

/// Items in one member. Source: of 4 KiB at most, so that a member has half a megabyte at most.
const ITEMS_MAX: usize = 128;
const _: () = assert!(ITEMS_MAX <= PAGE_ENTRIES_MAX);

/// Name of a directory, bytes. Source: a name in a tar has 99 with everything.
const DIRECTORY_BYTES_MAX: usize = 40;

/// Everything whole.
const RENDERING: Rendering = Rendering { level: LEVEL_MAX, locale: Locale::English };

/// How it stands with an archive that is being read.
#[derive(Debug)]
pub struct Export {
    user: UserId,
    /// The device that asks, which has to be let in until the end; `None` is an operator.
    by: Option<DeviceId>,
    kinds: Vec<(Kind, String)>,
    stage: Stage,
    /// Members of the present directory so far.
    members: u32,
}

#[derive(Debug)]
enum Stage {
    Account,
    /// Items of the kind at this place above a mark.
    Items(usize, Version),
    /// The next conversation of those whose items are above a version, ended ones included.
    Conversation(u64),
    /// What is left of a conversation, and where the list goes on.
    Messages(proto::Range, u64),
    End,
}

/// A part of the archive, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// The next bytes, which may be none.
    Bytes(Vec<u8>),
    /// The last bytes.
    Last(Vec<u8>),
    /// The account or the device that asked is no more, or is suspended.
    Gone,
}

impl Export {
    /// An export of a user, which begins with the first part.
    #[must_use]
    pub fn new(user: UserId, by: Option<DeviceId>, kinds: &Kinds) -> Export {
        let state: Vec<Kind> = kinds.state().collect();
        let listed = kinds.listed().into_iter().filter(|(kind, _)| state.contains(kind));
        let kinds = listed.map(|(kind, name)| (kind, directory_of(kind, name))).collect();
        Export { user, by, kinds, stage: Stage::Account, members: 0 }
    }

    /// The next part, as this view shows it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next(&mut self, view: &View) -> Result<Part, ReadFault> {
        if let Some(device) = self.by
            && view.device(device)?.is_none_or(|device| device.suspended)
        {
            return Ok(Part::Gone);
        }
        match std::mem::replace(&mut self.stage, Stage::End) {
            Stage::Account => self.account(view),
            Stage::Items(place, mark) => self.items(view, place, mark),
            Stage::Conversation(after) => self.conversation(view, after),
            Stage::Messages(range, next) => self.messages(view, range, next),
            Stage::End => Ok(Part::Last(vec![0; 2 * BLOCK_BYTES])),
        }
    }

    fn account(&mut self, view: &View) -> Result<Part, ReadFault> {
        let Some(account) = view.account(self.user)? else {
            return Ok(Part::Gone);
        };
        let line = json!({
            "user_id": account.user.to_string(),
            "name": account.name,
            "created_ms": account.created.0,
            "suspended": account.suspended,
            "display_name": account.profile.display_name,
            "avatar": account.profile.avatar,
            "about": account.profile.about,
        });
        let mut bytes = member("account.jsonl", &format!("{line}\n"));
        let list = user::device_list(view, self.user, self.by.unwrap_or(DeviceId(0)))?;
        bytes.extend(member("devices.jsonl", &lines(&list.devices)));
        self.begin(Stage::Items(0, Version(0)));
        Ok(Part::Bytes(bytes))
    }

    fn items(&mut self, view: &View, place: usize, mark: Version) -> Result<Part, ReadFault> {
        let Some((kind, name)) = self.kinds.get(place).cloned() else {
            self.begin(Stage::Conversation(0));
            return Ok(Part::Bytes(Vec::new()));
        };
        let items = view.items_above(self.user, kind, mark, ITEMS_MAX)?;
        let Some(last) = items.last().map(|item| item.version) else {
            self.begin(Stage::Items(place + 1, Version(0)));
            return Ok(Part::Bytes(Vec::new()));
        };
        let items = view.named_now(items)?;
        let kept = items.iter().filter(|item| item.value.is_some());
        let told: Vec<_> = kept.flat_map(|item| render::items(RENDERING, item)).collect();
        self.stage = Stage::Items(place, last);
        Ok(Part::Bytes(self.page(&name, &lines(&told))))
    }

    fn conversation(&mut self, view: &View, after: u64) -> Result<Part, ReadFault> {
        let items = view.items_above(self.user, CONVERSATIONS, Version(after), 2)?;
        let next = items.first().filter(|_| items.len() > 1).map_or(0, |item| item.version.0);
        let conversation = match items.first() {
            Some(item) => conversation_of(view, item)?,
            None => None,
        };
        match (conversation, next) {
            (Some(conversation), next) => {
                let (conversation_id, to_seq) = (conversation.0, view.conversation_head(conversation)?.0);
                self.begin(Stage::Messages(proto::Range { conversation_id, from_seq: 1, to_seq }, next));
            }
            // One that was deleted is passed over, and the list may go on behind it.
            (None, 0) => self.begin(Stage::End),
            (None, next) => self.begin(Stage::Conversation(next)),
        }
        Ok(Part::Bytes(Vec::new()))
    }

    fn messages(&mut self, view: &View, range: proto::Range, next: u64) -> Result<Part, ReadFault> {
        let told = user::range(view, self.user, RENDERING, &range, PAGE_BYTES_MAX)?;
        let (entries, more) = match told {
            Ok(Body::Entries(list)) => (list.entries, list.more),
            // There is nothing in it, or it is not the user's any more.
            _ => (Vec::new(), false),
        };
        let from_seq = entries.last().map_or(u64::MAX, |last| last.seq + 1);
        let bytes = match entries.is_empty() {
            true => Vec::new(),
            false => self.page(&format!("messages/{}", range.conversation_id), &lines(&entries)),
        };
        match (more, next) {
            (true, _) => self.stage = Stage::Messages(proto::Range { from_seq, ..range }, next),
            (false, 0) => self.begin(Stage::End),
            (false, next) => self.begin(Stage::Conversation(next)),
        }
        Ok(Part::Bytes(bytes))
    }

    fn begin(&mut self, stage: Stage) {
        (self.stage, self.members) = (stage, 0);
    }

    fn page(&mut self, directory: &str, content: &str) -> Vec<u8> {
        self.members += 1;
        member(&format!("{directory}/{:06}.jsonl", self.members), content)
    }
}

/// The conversation of an item. A group that was left has nothing but its key there, and what it gave can still be read.
fn conversation_of(view: &View, item: &Item) -> Result<Option<ConversationId>, ReadFault> {
    let Some(conversation) = item.conversation().filter(|_| item.value.is_none()) else {
        return Ok(item.conversation());
    };
    let is_group = view.conversation(conversation)?.is_some_and(|row| row.is_group());
    Ok(is_group.then_some(conversation))
}

/// The directory of a kind: its name, if that is fit to be a file's, since an operator chooses it.
fn directory_of(kind: Kind, name: String) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let fits = (1..=DIRECTORY_BYTES_MAX).contains(&name.len()) && name.chars().all(is_plain);
    if fits { name } else { format!("kind-{kind}") }
}

fn lines<T: serde::Serialize>(values: &[T]) -> String {
    values.iter().fold(String::new(), |mut text, value| {
        text.push_str(&serde_json::to_string(value).expect("the wire has no field that JSON cannot hold"));
        text.push('\n');
        text
    })
}

/// A file of a tar: its header, its content, and zeros up to a whole block.
fn member(name: &str, content: &str) -> Vec<u8> {
    let mut header = [0_u8; BLOCK_BYTES];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    // The sum is taken with spaces in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(content.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{
            Effect, Profile, Record, TimeMs,
            record::{Account, ItemValue},
        },
        store::{engine::Engine, engine_memory::MemoryEngine, tail::Tail},
    };

    /// A store with a user whose conversations are these, in order; those without an id were deleted.
    fn conversations(of: &[Option<u64>]) -> View {
        let (tail, engine): (_, Arc<dyn Engine>) =
            (Arc::new(Tail::new(Version(0))), Arc::new(MemoryEngine::new()));
        let (user, name) = (UserId(1), "ann".to_owned());
        let (created, devices) = (TimeMs(1), Vec::new());
        let account = Account {
            user,
            name,
            password: None,
            created,
            devices,
            suspended: false,
            bot: false,
            made_by: None,
            profile: Profile::default(),
            strangers: None,
        };
        let mut effects = vec![Effect::Account(account)];
        for (place, id) in of.iter().enumerate() {
            let version = Version(place as u64 + 1);
            let conversation = |id| ItemValue::Conversation { conversation: ConversationId(id), peer: user };
            let item =
                Item { kind: CONVERSATIONS, key: place.to_string(), version, value: id.map(conversation) };
            effects.push(Effect::Item { user, item, supersedes: Version(0) });
            tail.publish(vec![(Arc::new(Record { version, effects: std::mem::take(&mut effects) }), 1)]);
        }
        View::new(&tail, &engine)
    }

    /// The conversations that an export comes to.
    fn reached(view: &View) -> Vec<u64> {
        let mut export = Export::new(UserId(1), None, &Kinds::of_server(&[]).unwrap());
        let mut reached = Vec::new();
        while let Part::Bytes(_) = export.next(view).unwrap() {
            if let Stage::Messages(range, _) = &export.stage {
                reached.push(range.conversation_id);
            }
        }
        reached
    }

    #[test]
    fn conversations_that_were_deleted_end_nothing() {
        for of in
            [vec![], vec![None], vec![Some(7), None, Some(8)], vec![None, None, Some(9)], vec![Some(5), None]]
        {
            let kept: Vec<u64> = of.iter().flatten().copied().collect();
            assert_eq!(reached(&conversations(&of)), kept, "{of:?}");
        }
    }

    #[test]
    fn names_that_are_no_directories_are_not_used_as_such() {
        for (name, directory) in [("notes", "notes"), ("../up", "kind-5"), ("", "kind-5"), ("a b", "kind-5")]
        {
            assert_eq!(directory_of(Kind(5), name.to_owned()), directory);
        }
        assert_eq!(directory_of(Kind(5), "x".repeat(41)), "kind-5");
    }
}
