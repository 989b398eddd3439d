//! Which conversation belongs to which two users.
//!
//! A history does not say it; it follows from what most answers and entries say, so that one wrong entry is
//! blamed and not the thousand right ones.

use std::collections::HashMap;

use crate::history::{History, Target};
use crate::sends::{Message, Sends};
use crate::sightings;

/// Two users, the smaller number first.
pub(crate) type Pair = (u32, u32);

/// Conversations and pairs, one to one.
#[derive(Debug)]
pub(crate) struct Pairs {
    of_conversation: HashMap<u32, Pair>,
    of_pair: HashMap<Pair, u32>,
}

impl Pairs {
    /// Counts every settled answer and entry of a known message as one voice.
    pub(crate) fn by_majority(history: &History, sends: &Sends) -> Self {
        let mut voices: HashMap<(u32, Pair), u64> = HashMap::new();
        let acks = history.acks.iter().filter(|ack| ack.settled);
        let answered = acks.filter_map(|ack| Some((ack.conversation, sends.token_of_id(ack.id)?)));
        let pages = sightings::pages(history).filter(|page| page.settled);
        let shown = pages.flat_map(|page| page.entries.iter().map(|entry| (entry.conversation, entry.token)));
        for (conversation, token) in answered.chain(shown) {
            if let Some(pair) = sends.message(token).and_then(Message::pair) {
                *voices.entry((conversation, pair)).or_default() += 1;
            }
        }
        let mut voices: Vec<(u64, u32, Pair)> =
            voices.into_iter().map(|((conversation, pair), count)| (count, conversation, pair)).collect();
        voices.sort_unstable_by(|a, b| b.cmp(a));
        let mut pairs = Self { of_conversation: HashMap::new(), of_pair: HashMap::new() };
        for (_, conversation, pair) in voices {
            pairs.of_conversation.entry(conversation).or_insert(pair);
            pairs.of_pair.entry(pair).or_insert(conversation);
        }
        pairs
    }

    /// Whether `conversation` is where `message` belongs. A conversation that nothing settled speaks of agrees
    /// with everything.
    pub(crate) fn agree(&self, message: &Message, conversation: u32) -> bool {
        let pair = match (message.to, message.pair()) {
            (Target::Group(group), _) => return group == conversation,
            (Target::User(_), pair) => pair.expect("a message to a user has its two"),
        };
        self.of_conversation.get(&conversation).is_none_or(|&owner| owner == pair)
            && self.of_pair.get(&pair).is_none_or(|&own| own == conversation)
    }

    /// The two of a conversation; none of one in which nobody wrote to one user.
    pub(crate) fn of(&self, conversation: u32) -> Option<Pair> {
        self.of_conversation.get(&conversation).copied()
    }

    /// Whether `user` is one of the two of `conversation`.
    pub(crate) fn include(&self, conversation: u32, user: u32) -> bool {
        self.of_conversation.get(&conversation).is_some_and(|&(one, other)| user == one || user == other)
    }
}
