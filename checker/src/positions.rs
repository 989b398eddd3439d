//! Where every message stands, by all answers and all entries; and what contradicts.
//!
//! One message has one place and one place has one message, for ever and for everybody. Nearly every claim
//! repeats an earlier one, so only the first place of each message is kept, and whatever differs from it.

use std::collections::HashSet;

use crate::findings::{Bucket, Findings};
use crate::history::{At, History};
use crate::sends::Sends;
use crate::sightings;

/// A conversation and a seq in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) conversation: u32,
    pub(crate) seq: u64,
}

/// Somebody said that the message `token` stands at `place`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    place: Place,
    token: u32,
    at: At,
}

/// The places of all messages. Answers and entries that raced a power cut have no say.
#[derive(Debug)]
pub(crate) struct Positions {
    /// First settled answer, by token.
    answered: Vec<Option<(Place, At)>>,
    /// First settled entry, by token.
    sighted: Vec<Option<(Place, At)>>,
    /// Places that two messages claim.
    contested: HashSet<Place>,
    /// Messages that have more than one place.
    scattered: HashSet<u32>,
    /// Of these, the ones reported as duplicated.
    duplicated: HashSet<u32>,
}

impl Positions {
    /// Collects all claims. Reports places with two messages and answers that differ from other answers or from
    /// what is shown (inconsistent), and messages that stand at two places of their own (duplicated). A message
    /// that is only shown where another one stands as well is the former, not the latter.
    pub(crate) fn index(history: &History, sends: &Sends, findings: &mut Findings) -> Self {
        let none = || vec![None; history.tokens.len()];
        let mut positions = Self {
            answered: none(),
            sighted: none(),
            contested: HashSet::new(),
            scattered: HashSet::new(),
            duplicated: HashSet::new(),
        };
        let other_answers = positions.take_answers(history, sends, findings);
        let other_sightings = positions.take_sightings(history);
        positions.find_contested(history, &other_answers, &other_sightings, findings);
        positions.find_duplicated(history, other_sightings, findings);
        positions.compare_answers(history, findings);
        positions
    }

    /// The place of a message, if all agree on it and no other message claims it.
    pub(crate) fn sure_place(&self, token: u32) -> Option<Place> {
        let place = self.place(token)?;
        let sure = !self.scattered.contains(&token) && !self.contested.contains(&place);
        sure.then_some(place)
    }

    /// The place of a message as it was first shown or else answered.
    pub(crate) fn place(&self, token: u32) -> Option<Place> {
        let first = self.sighted[token as usize].or(self.answered[token as usize]);
        first.map(|(place, _)| place)
    }

    /// Where the history first shows an entry that was shown to somebody.
    pub(crate) fn shown_at(&self, token: u32) -> At {
        self.sighted[token as usize].map_or(At { file: 0, line: 1 }, |(_, at)| at)
    }

    /// Whether two messages claim this place: reported, so what follows from it is not reported again.
    pub(crate) fn contested(&self, place: Place) -> bool {
        self.contested.contains(&place)
    }

    /// Whether this message was reported as standing at two places.
    pub(crate) fn duplicated(&self, token: u32) -> bool {
        self.duplicated.contains(&token)
    }

    fn take_answers(&mut self, history: &History, sends: &Sends, findings: &mut Findings) -> Vec<Claim> {
        let mut others = Vec::new();
        for ack in history.acks.iter().filter(|ack| ack.settled) {
            let Some(token) = sends.token_of_id(ack.id) else {
                continue;
            };
            let place = Place { conversation: ack.conversation, seq: ack.seq };
            let (first, _) = *self.answered[token as usize].get_or_insert((place, ack.at));
            if first != place {
                self.scattered.insert(token);
                others.push(Claim { place, token, at: ack.at });
                findings.report(Bucket::Inconsistent, ack.at, || {
                    let (now, before) = (say(history, place), say(history, first));
                    format!("{} is answered with {now}, and elsewhere with {before}", history.token(token))
                });
            }
        }
        others
    }

    fn take_sightings(&mut self, history: &History) -> Vec<Claim> {
        let mut others = Vec::new();
        for page in sightings::pages(history).filter(|page| page.settled) {
            for entry in page.entries {
                let place = Place { conversation: entry.conversation, seq: entry.seq };
                let (first, _) = *self.sighted[entry.token as usize].get_or_insert((place, page.at));
                if first != place {
                    self.scattered.insert(entry.token);
                    others.push(Claim { place, token: entry.token, at: page.at });
                }
            }
        }
        others
    }

    fn find_contested(
        &mut self,
        history: &History,
        other_answers: &[Claim],
        other_sightings: &[Claim],
        findings: &mut Findings,
    ) {
        let firsts = self.answered.iter().zip(0u32..).chain(self.sighted.iter().zip(0u32..));
        let firsts = firsts.filter_map(|(first, token)| first.map(|(place, at)| Claim { place, token, at }));
        let mut claims: Vec<Claim> =
            firsts.chain(other_answers.iter().copied()).chain(other_sightings.iter().copied()).collect();
        claims.sort_unstable();
        claims.dedup_by_key(|claim| (claim.place, claim.token));
        for here in claims.chunk_by(|a, b| a.place == b.place).filter(|here| here.len() > 1) {
            self.contested.insert(here[0].place);
            findings.report(Bucket::Inconsistent, here[1].at, || {
                let (one, other) = (history.token(here[0].token), history.token(here[1].token));
                format!("{} has two messages: {one} and {other}", say(history, here[0].place))
            });
        }
    }

    fn find_duplicated(&mut self, history: &History, mut others: Vec<Claim>, findings: &mut Findings) {
        others.sort_unstable_by_key(|claim| (claim.token, claim.place, claim.at));
        others.dedup_by_key(|claim| (claim.token, claim.place));
        for same in others.chunk_by(|a, b| a.token == b.token) {
            let token = same[0].token;
            let (first, _) = self.sighted[token as usize].expect("another sighting has a first one");
            let places = std::iter::once(first).chain(same.iter().map(|claim| claim.place));
            let own = places.filter(|place| !self.contested.contains(place)).count();
            if own > 1 {
                self.duplicated.insert(token);
                findings.report(Bucket::Duplicated, same[0].at, || {
                    let (here, there) = (say(history, same[0].place), say(history, first));
                    format!("{} stands at {here} and at {there}", history.token(token))
                });
            }
        }
    }

    fn compare_answers(&mut self, history: &History, findings: &mut Findings) {
        for (token, (answered, sighted)) in (0u32..).zip(self.answered.iter().zip(&self.sighted)) {
            let (Some((answer, at)), Some((shown, _))) = (*answered, *sighted) else {
                continue;
            };
            if answer == shown {
                continue;
            }
            // What was already reported is not reported a second time.
            let is_new = !self.scattered.contains(&token) && !self.contested.contains(&answer);
            self.scattered.insert(token);
            if is_new {
                findings.report(Bucket::Inconsistent, at, || {
                    let (answer, shown) = (say(history, answer), say(history, shown));
                    format!("{} is answered with {answer} and shown at {shown}", history.token(token))
                });
            }
        }
    }
}

fn say(history: &History, place: Place) -> String {
    history.place(place.conversation, place.seq)
}
