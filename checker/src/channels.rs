//! Channels: whose an entry of one is, by the requests alone, for a follow is no entry of the log.
//!
//! A follow took effect between its request and its answer, and so did whatever ended it. In between a user surely followed;
//! what was surely said then has places, and everything between the first and the last of them is the user's, for all
//! places of a conversation are of one order. The same the other way round: what stands between two entries that were said
//! while a user surely did not follow is for somebody else. Of what is in neither nothing is concluded.
//!
//! A group that was turned into a channel, or was one, is judged by the same rule all along: who was added or made it
//! belongs to it as who follows does.

use std::collections::{HashMap, HashSet};

use crate::asked::Asked;
use crate::findings::{Bucket, Findings};
use crate::history::History;
use crate::positions::Positions;
use crate::requests::{Request, Standing, Switches};
use crate::sends::Sends;
use crate::sightings;
use crate::written_entry::NoticeKind;

/// Seqs from the first to the last of a stretch, both included.
pub(crate) type Stretch = (u64, u64);

/// The end of all seqs, and of time.
const END: u64 = u64::MAX;

/// All channels, and whose their entries are.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    known: HashSet<u32>,
    /// By (channel, user): what surely is the user's, and what surely is not.
    of: HashMap<(u32, u32), Rights>,
    nothing: Rights,
}

#[derive(Debug, Default)]
struct Rights {
    mine: Vec<Stretch>,
    withheld: Vec<Stretch>,
}

/// A post that has one sure place, and between which times it got it.
struct Placed {
    seq: u64,
    invoked: u64,
    placed_by: u64,
}

impl Channels {
    /// Which conversations are channels: made as one, followed, or turned, other than by requests that were refused.
    pub(crate) fn known(requests: &[Request]) -> Self {
        let channels = requests.iter().filter(|request| {
            let is_of_channel = matches!(
                request.asked,
                Asked::CreateChannel | Asked::Follow(_) | Asked::Unfollow(_) | Asked::Turn(_)
            );
            is_of_channel && request.may_be_done()
        });
        Self { known: channels.filter_map(Request::group).collect(), ..Self::default() }
    }

    pub(crate) fn is_channel(&self, conversation: u32) -> bool {
        self.known.contains(&conversation)
    }

    /// Finds out what is whose. Reports who followed though the one who made the channel surely blocked him (leaked).
    pub(crate) fn find_rights(
        &mut self,
        history: &History,
        requests: &[Request],
        standing: &Standing,
        (sends, positions): (&Sends, &Positions),
        findings: &mut Findings,
    ) {
        let (belongs, gone) = self.switches(history, requests);
        let placed = self.placed(history, sends, positions);
        for (&channel, posts) in &placed {
            for user in (0u32..).take(history.users.len()) {
                let key = (channel, user);
                let from_the_beginning = (0, gone.first_end(key));
                let away = gone.spans(key).into_iter().chain([from_the_beginning]);
                let rights = Rights {
                    mine: belongs.spans(key).into_iter().filter_map(|span| stretch(posts, span)).collect(),
                    withheld: away.filter_map(|span| stretch(posts, span)).collect(),
                };
                self.of.insert(key, rights);
            }
        }
        self.report_blocked(history, requests, standing, &gone, findings);
    }

    /// Stretches of a channel that surely are the user's.
    pub(crate) fn mine(&self, channel: u32, user: u32) -> &[Stretch] {
        &self.of.get(&(channel, user)).unwrap_or(&self.nothing).mine
    }

    /// Whether a place surely is the user's.
    pub(crate) fn is_mine(&self, channel: u32, user: u32, seq: u64) -> bool {
        contain(self.mine(channel, user), seq)
    }

    /// Whether a place surely is not the user's.
    pub(crate) fn is_withheld(&self, channel: u32, user: u32, seq: u64) -> bool {
        contain(&self.of.get(&(channel, user)).unwrap_or(&self.nothing).withheld, seq)
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Who belongs to a channel from when on, and who does not any more.
    fn switches(&self, history: &History, requests: &[Request]) -> (Switches, Switches) {
        let (mut belongs, mut gone) = (Switches::default(), Switches::default());
        let mut made = HashSet::new();
        for request in requests {
            let Some(channel) = request.group().filter(|group| self.is_channel(*group)) else { continue };
            let (comes, goes): (Vec<u32>, Option<u32>) = match &request.asked {
                Asked::CreateChannel | Asked::Follow(_) => (vec![request.by], None),
                Asked::Create(users) => (users.iter().copied().chain([request.by]).collect(), None),
                Asked::Add(_, users) => (users.clone(), None),
                Asked::Remove(_, user) => (Vec::new(), Some(*user)),
                Asked::Leave(_) | Asked::Unfollow(_) => (Vec::new(), Some(request.by)),
                Asked::Turn(_) | Asked::Change(_) | Asked::Block(_) | Asked::Unblock(_) | Asked::End(_) => {
                    continue;
                }
            };
            if matches!(request.asked, Asked::CreateChannel | Asked::Create(_)) {
                made.insert(channel);
            }
            for user in comes {
                belongs.on((channel, user), request);
                gone.off((channel, user), request);
            }
            if let Some(user) = goes {
                gone.on((channel, user), request);
                belongs.off((channel, user), request);
            }
        }
        for erasure in &history.erasures {
            belongs.end_for(erasure.user, erasure.t);
        }
        // Nobody heard that it was made, but it was: since when its first people belong to it nobody knows.
        let notices = history.notices.values().filter(|notice| notice.kind == NoticeKind::Created);
        for notice in notices.filter(|notice| !made.contains(&notice.conversation)) {
            for user in notice.users.iter().chain([&notice.sender]) {
                gone.end_unsure((notice.conversation, *user));
            }
        }
        (belongs, gone)
    }

    /// By channel, what stands there.
    fn placed(&self, history: &History, sends: &Sends, positions: &Positions) -> HashMap<u32, Vec<Placed>> {
        let mut shown: HashMap<u32, u64> = HashMap::new();
        for page in sightings::pages(history).filter(|page| page.settled) {
            for entry in page.entries.iter().filter(|entry| self.is_channel(entry.conversation)) {
                let first = shown.entry(entry.token).or_insert(page.t);
                *first = (*first).min(page.t);
            }
        }
        let mut placed: HashMap<u32, Vec<Placed>> =
            self.known.iter().map(|channel| (*channel, Vec::new())).collect();
        for (token, message) in sends.all() {
            let place = positions.sure_place(token).filter(|place| self.is_channel(place.conversation));
            let answered = message.acknowledged.map(|(t, _)| t);
            let known = [answered, shown.get(&token).copied()].into_iter().flatten().min();
            if let (Some(place), Some(placed_by)) = (place, known) {
                let post = Placed { seq: place.seq, invoked: message.invoked.0, placed_by };
                placed.entry(place.conversation).or_default().push(post);
            }
        }
        placed
    }

    fn report_blocked(
        &self,
        history: &History,
        requests: &[Request],
        standing: &Standing,
        gone: &Switches,
        findings: &mut Findings,
    ) {
        let makers: HashMap<u32, u32> = requests
            .iter()
            .filter(|request| matches!(request.asked, Asked::CreateChannel))
            .filter_map(|request| Some((request.made?, request.by)))
            .collect();
        for request in requests {
            let (Asked::Follow(channel), Some(done)) = (&request.asked, request.done) else { continue };
            let Some(&maker) = makers.get(channel) else { continue };
            let key = (*channel, request.by);
            let surely_away = |&(from, until): &(u64, u64)| from < request.begun && request.begun <= until;
            let was_away = gone.spans(key).iter().chain([&(0, gone.first_end(key))]).any(surely_away);
            let is_blocked = standing.blocked.in_force((maker, request.by), request.begun, done).is_some();
            if was_away && is_blocked {
                findings.report(Bucket::Leaked, request.at, || {
                    let (user, channel) = (history.users.value(key.1), history.conversations.value(key.0));
                    format!("{user} follows conversation {channel}, though its owner had blocked him before")
                });
            }
        }
    }
}

/// What surely stands in a span of time: from the first to the last post that surely fell into it, or to the ends of the
/// conversation where the span goes on to the ends of time.
fn stretch(posts: &[Placed], (from, until): (u64, u64)) -> Option<Stretch> {
    let inside = posts.iter().filter(|post| from < post.invoked && post.placed_by <= until);
    let (first, last) =
        inside.fold((END, 0), |(first, last), post| (first.min(post.seq), last.max(post.seq)));
    let first = if from == 0 { 1 } else { first };
    let last = if until == END { END } else { last };
    // Nothing was said in it, or nothing after which it surely began.
    (first <= last && first < END).then_some((first, last))
}

fn contain(stretches: &[Stretch], seq: u64) -> bool {
    stretches.iter().any(|&(first, last)| first <= seq && seq <= last)
}
