//! Of every request other than a send: who made it, when first, and what came of it.
//!
//! Nothing but time tells when a request took effect: after it was begun, and before it was answered. What is done and
//! undone again and again, such as a block, is sure to be in force only between an answer and the next request against it.

use std::collections::HashMap;

use crate::asked::Asked;
use crate::fault::HistoryError;
use crate::findings::Findings;
use crate::history::{Ask, At, Change, Erasure, History, Outcome};
use crate::lives::Lives;

/// One request, however often it was given to the network.
#[derive(Debug)]
pub(crate) struct Request {
    /// See [`History::request_ids`].
    pub(crate) number: u32,
    pub(crate) by: u32,
    pub(crate) asked: Asked<u32>,
    /// The first time that it was given to the network.
    pub(crate) begun: u64,
    pub(crate) at: At,
    /// The first answer that says it is done, and did not race a power cut.
    pub(crate) done: Option<u64>,
    pub(crate) refused: bool,
    /// When it can have taken effect at the latest.
    over: u64,
    /// The conversation of the group or channel that it made.
    pub(crate) made: Option<u32>,
}

impl Request {
    /// The conversation of many that it is about, or that it made.
    pub(crate) fn group(&self) -> Option<u32> {
        match &self.asked {
            Asked::Create(_) | Asked::CreateChannel => self.made,
            Asked::Add(group, _) | Asked::Remove(group, _) | Asked::Leave(group) | Asked::Change(group) => {
                Some(*group)
            }
            Asked::Follow(channel) | Asked::Unfollow(channel) | Asked::Turn(channel) => Some(*channel),
            Asked::Block(_) | Asked::Unblock(_) | Asked::End(_) => None,
        }
    }

    /// Whether it may have done anything.
    pub(crate) fn may_be_done(&self) -> bool {
        !self.refused || self.done.is_some()
    }
}

/// All requests, in order of their first lines.
///
/// # Errors
///
/// [`HistoryError::Contradiction`] if one number stands for two requests.
pub(crate) fn index(history: &History, findings: &Findings) -> Result<Vec<Request>, HistoryError> {
    let mut requests: HashMap<u32, Request> = HashMap::new();
    for ask in &history.asks {
        let &Ask { t, at, by, request, ref asked, .. } = ask;
        let (number, asked) = (request, asked.clone());
        let known = requests.entry(number).or_insert_with(|| {
            let asked = asked.clone();
            Request {
                number,
                by,
                asked,
                begun: t,
                at,
                done: None,
                refused: false,
                over: u64::MAX,
                made: None,
            }
        });
        if known.by != by || known.asked != asked {
            let (path, line) = (findings.file(at).to_owned(), at.line);
            let what = "this request was another one before".to_owned();
            return Err(HistoryError::Contradiction { path, line, what });
        }
        known.begun = known.begun.min(t);
    }
    take_answers(history, &mut requests);
    let lives = Lives::new(kills_and_cuts(history), history.served.clone());
    let given_up = given_up(history);
    for request in requests.values_mut() {
        let unheard = || given_up.get(&request.number).map_or(u64::MAX, |t| lives.over(*t));
        request.over = request.done.unwrap_or_else(unheard);
    }
    let mut requests: Vec<Request> = requests.into_values().collect();
    requests.sort_unstable_by_key(|request| (request.begun, request.at));
    Ok(requests)
}

fn take_answers(history: &History, requests: &mut HashMap<u32, Request>) {
    for answer in &history.answers {
        let Some(request) = requests.get_mut(&answer.request) else {
            continue;
        };
        match answer.outcome {
            Outcome::Unknown => {}
            Outcome::Refused => request.refused = true,
            Outcome::Done(made) => {
                request.made = request.made.or(made);
                if answer.settled {
                    request.done = Some(request.done.map_or(answer.t, |earlier| earlier.min(answer.t)));
                }
            }
        }
    }
}

fn kills_and_cuts(history: &History) -> Vec<u64> {
    history.kills.iter().copied().chain(history.cuts.iter().map(|(t, _)| *t)).collect()
}

/// By request, from when on its client did not give it to the network any more: it said so, or was killed.
fn given_up(history: &History) -> HashMap<u32, u64> {
    let mut last_asked: HashMap<u32, (u64, u32)> = HashMap::new();
    for ask in &history.asks {
        let last = last_asked.entry(ask.request).or_insert((ask.t, ask.lineage));
        *last = (*last).max((ask.t, ask.lineage));
    }
    let mut given_up = HashMap::new();
    for (request, &(asked, lineage)) in &last_asked {
        let steps = &history.lineages[lineage as usize].steps;
        let mut restarts = steps.iter().filter(|step| matches!(step.change, Change::Restart(_)));
        if let Some(restart) = restarts.find(|restart| restart.t > asked) {
            given_up.insert(*request, restart.t);
        }
    }
    for answer in history.answers.iter().filter(|answer| answer.outcome == Outcome::Unknown) {
        let asked = last_asked.get(&answer.request).map_or(u64::MAX, |(asked, _)| *asked);
        if answer.t >= asked {
            given_up.insert(answer.request, answer.t);
        }
    }
    given_up
}

/// Something between two parties that requests put in force and end again.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    by_key: HashMap<(u32, u32), Switch>,
}

#[derive(Debug, Default)]
struct Switch {
    /// Begun, surely done, and where it was asked for.
    on: Vec<(u64, u64, At)>,
    /// Begun, and over at the latest.
    off: Vec<(u64, u64)>,
}

impl Switches {
    /// A request that puts it in force. One that is not known to be done proves nothing.
    pub(crate) fn on(&mut self, key: (u32, u32), request: &Request) {
        if let Some(done) = request.done {
            self.by_key.entry(key).or_default().on.push((request.begun, done, request.at));
        }
    }

    /// A request that ends it. One that was refused ends nothing.
    pub(crate) fn off(&mut self, key: (u32, u32), request: &Request) {
        if request.may_be_done() {
            self.by_key.entry(key).or_default().off.push((request.begun, request.over));
        }
    }

    /// Something that nobody asked for has ended it, or has not: nobody knows when.
    pub(crate) fn end_unsure(&mut self, key: (u32, u32)) {
        self.by_key.entry(key).or_default().off.push((0, u64::MAX));
    }

    /// Whatever is in force for a user ends, at some time after `from`.
    pub(crate) fn end_for(&mut self, user: u32, from: u64) {
        for (_, switch) in self.by_key.iter_mut().filter(|(key, _)| key.1 == user) {
            switch.off.push((from, u64::MAX));
        }
    }

    /// Whether it was surely in force from before `from` through `until`, and by which request.
    pub(crate) fn in_force(&self, key: (u32, u32), from: u64, until: u64) -> Option<At> {
        let switch = self.by_key.get(&key)?;
        let unbroken = |begun: u64| switch.off.iter().all(|&(ended, over)| ended >= until || over <= begun);
        let mut sure = switch.on.iter().filter(|&&(begun, done, _)| done < from && unbroken(begun));
        sure.next().map(|&(_, _, at)| at)
    }

    /// From when until when it was surely in force, in any order: what began after the one and was over by the other fell
    /// into it. `until` is the end of time for what is in force at the end.
    pub(crate) fn spans(&self, key: (u32, u32)) -> Vec<(u64, u64)> {
        let Some(switch) = self.by_key.get(&key) else { return Vec::new() };
        let until = |begun: u64| {
            let ends = switch.off.iter().filter(|&&(_, over)| over > begun);
            ends.map(|&(ended, _)| ended).min().unwrap_or(u64::MAX)
        };
        let spans = switch.on.iter().map(|&(begun, done, _)| (done, until(begun)));
        spans.filter(|(done, until)| done < until).collect()
    }

    /// Until when nothing can have ended what was so from the beginning.
    pub(crate) fn first_end(&self, key: (u32, u32)) -> u64 {
        let ends = self.by_key.get(&key).into_iter().flat_map(|switch| &switch.off);
        ends.map(|&(ended, _)| ended).min().unwrap_or(u64::MAX)
    }

    /// Of everything that is in force at the end: between whom, and where it was asked for. In order of the keys.
    pub(crate) fn in_force_at_the_end(&self) -> Vec<((u32, u32), At)> {
        let keys = self.by_key.keys();
        let mut all: Vec<((u32, u32), At)> =
            keys.filter_map(|&key| Some((key, self.in_force(key, u64::MAX, u64::MAX)?))).collect();
        all.sort_unstable();
        all
    }
}

/// What requests say of blocks and of membership, whatever the server shows.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// (who blocks, who is blocked).
    pub(crate) blocked: Switches,
    /// (group, user): was added, and neither removed nor gone.
    pub(crate) added: Switches,
    /// (group, user): was removed or went, and was not added again.
    pub(crate) departed: Switches,
}

impl Standing {
    /// Who belongs to a channel is for [`crate::channels`] to say: no notice tells who follows.
    pub(crate) fn of(requests: &[Request], is_channel: impl Fn(u32) -> bool) -> Self {
        let mut standing = Self::default();
        for request in requests.iter().filter(|request| !request.group().is_some_and(&is_channel)) {
            match &request.asked {
                Asked::Block(other) => standing.blocked.on((request.by, *other), request),
                Asked::Unblock(other) => standing.blocked.off((request.by, *other), request),
                Asked::Create(users) => {
                    let Some(group) = request.made else { continue };
                    for user in users.iter().chain([&request.by]) {
                        standing.add((group, *user), request);
                    }
                }
                Asked::Add(group, users) => {
                    for user in users {
                        standing.add((*group, *user), request);
                    }
                }
                Asked::Remove(group, user) => standing.depart((*group, *user), request),
                Asked::Leave(group) => standing.depart((*group, request.by), request),
                Asked::CreateChannel
                | Asked::Follow(_)
                | Asked::Unfollow(_)
                | Asked::Turn(_)
                | Asked::Change(_)
                | Asked::End(_) => {}
            }
        }
        standing
    }

    /// Who is erased is let go, sooner or later.
    pub(crate) fn let_go(&mut self, erasures: &[Erasure]) {
        for erasure in erasures {
            self.added.end_for(erasure.user, erasure.t);
        }
    }

    fn add(&mut self, key: (u32, u32), request: &Request) {
        self.added.on(key, request);
        self.departed.off(key, request);
    }

    fn depart(&mut self, key: (u32, u32), request: &Request) {
        self.departed.on(key, request);
        self.added.off(key, request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (u32, u32) = (1, 2);

    fn request(begun: u64, done: Option<u64>) -> Request {
        let at = At { file: 0, line: 1 };
        Request {
            number: 1,
            by: 1,
            asked: Asked::Block(2),
            begun,
            at,
            done,
            refused: false,
            over: done.unwrap_or(u64::MAX),
            made: None,
        }
    }

    #[test]
    fn only_what_surely_holds_is_in_force() {
        let mut switches = Switches::default();
        switches.on(KEY, &request(10, Some(20)));
        switches.off(KEY, &request(30, Some(40)));
        let holds = |from, until| switches.in_force(KEY, from, until).is_some();
        assert!(holds(21, 25) && holds(21, 30), "between the answer and the next request");
        assert!(!holds(20, 25) && !holds(15, 25), "the answer may have come later than it was done");
        assert!(!holds(21, 31) && !holds(50, 60), "it was ended");
    }

    #[test]
    fn what_may_have_ended_it_in_between_makes_it_unsure() {
        let mut switches = Switches::default();
        switches.on(KEY, &request(10, Some(20)));
        switches.off(KEY, &request(5, Some(12)));
        assert!(switches.in_force(KEY, 21, 22).is_none(), "they overlap");
        let mut switches = Switches::default();
        switches.off(KEY, &request(5, Some(9)));
        switches.on(KEY, &request(10, Some(20)));
        switches.on(KEY, &request(30, None));
        assert!(switches.in_force(KEY, 21, u64::MAX).is_some(), "that one was over");
        switches.off(KEY, &request(8, None));
        assert!(switches.in_force(KEY, 21, 22).is_none(), "nobody knows when it was done");
        let mut refused = request(21, None);
        refused.refused = true;
        let mut switches = Switches::default();
        switches.on(KEY, &request(10, Some(20)));
        switches.off(KEY, &refused);
        assert!(switches.in_force(KEY, 30, 40).is_some(), "refused for good");
    }
}
