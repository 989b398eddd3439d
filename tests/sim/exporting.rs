//! Exports: every message that a user can read is in the archive once, in order, also of groups that were left.

use std::collections::BTreeMap;

use highwater::{
    actors::export::{Export, Part},
    model::{ConversationId, UserId},
    store::view::View,
    sync::{Locale, Rendering, kinds::CONVERSATIONS},
};

use crate::world::World;

/// What an archive is written for.
const WHOLE: Rendering = Rendering { level: 3, locale: Locale::English };

const BLOCK_BYTES: usize = 512;

impl World {
    /// What an export has of a user's conversations, against what was readable when its view was made.
    pub fn check_export(&mut self, user: UserId, view: &View) {
        let found = messages(&self.read_export(user, view));
        self.counts.saw("export");
        let mut has_left = false;
        for item in self.oracle.items_of(user).filter(|item| item.kind == CONVERSATIONS) {
            // What the user has read of a conversation is an item besides.
            let Ok(conversation) = item.key.parse().map(ConversationId) else { continue };
            let told = found.get(&conversation).cloned().unwrap_or_default();
            let is_gone = self.oracle.gone.contains(&(user, CONVERSATIONS, item.key.clone()));
            let due = self.oracle.readable(user, conversation, view.bound());
            let due = due.map(|message| self.oracle.entry(user, WHOLE, message));
            let due: Vec<String> = due.map(|entry| serde_json::to_string(&entry).unwrap()).collect();
            // Of a leave that is forgotten nothing says that there was a group.
            assert!(told == due || (is_gone && told.is_empty()), "export of {conversation} for {user}");
            has_left |= item.value.is_none() && !told.is_empty();
        }
        let is_known = |conversation: &ConversationId| {
            self.oracle.items.contains_key(&(user, CONVERSATIONS, conversation.to_string()))
        };
        assert!(found.keys().all(is_known), "G9: an export of {user} has what is not for this user");
        if has_left {
            self.counts.saw("export with a group that was left");
        }
    }

    fn read_export(&self, user: UserId, view: &View) -> Vec<u8> {
        let (mut export, mut archive) = (Export::new(user, None, &self.kinds), Vec::new());
        for _ in 0..10_000 {
            match export.next(view).unwrap_or_else(|fault| panic!("G1: {fault}")) {
                Part::Bytes(bytes) => archive.extend(bytes),
                Part::Last(bytes) => {
                    archive.extend(bytes);
                    return archive;
                }
                Part::Gone => panic!("{user} has an account"),
            }
        }
        panic!("an export has no end");
    }
}

/// The lines of the conversations of an archive, in its order.
fn messages(archive: &[u8]) -> BTreeMap<ConversationId, Vec<String>> {
    let mut found: BTreeMap<ConversationId, Vec<String>> = BTreeMap::new();
    let mut left = archive;
    while left[0] != 0 {
        let (header, rest) = left.split_at(BLOCK_BYTES);
        let name = header.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = std::str::from_utf8(name).unwrap();
        let size = std::str::from_utf8(&header[124..135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap();
        let content = std::str::from_utf8(&rest[..size]).unwrap();
        if let Some((conversation, _)) = name.strip_prefix("messages/").and_then(|name| name.split_once('/'))
        {
            let conversation = ConversationId(conversation.parse().unwrap());
            found.entry(conversation).or_default().extend(content.lines().map(str::to_owned));
        }
        left = &rest[size.next_multiple_of(BLOCK_BYTES)..];
    }
    found
}
