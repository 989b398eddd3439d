//! Notices of groups against the requests of users: what nobody asked for, what was done twice, what was acknowledged and
//! is not in force.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::asked::Asked;
use crate::findings::{Bucket, Findings};
use crate::history::{At, History, Notice, Target};
use crate::membership::Membership;
use crate::positions::Positions;
use crate::requests::{Request, Standing};
use crate::sends::Sends;
use crate::sightings;
use crate::written_entry::NoticeKind;

/// One thing that a request may do, and a notice say: who does it, in which group, to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Deed {
    Create { by: u32 },
    Add { group: u32, by: u32, user: u32 },
    Remove { group: u32, by: u32, user: u32 },
    Leave { group: u32, by: u32 },
}

/// Reports each notice that nobody asked for (invented), that was done more often than it was asked for (duplicated), or
/// that brings in somebody who had blocked the sender before (leaked).
pub(crate) fn judge(
    history: &History,
    requests: &[Request],
    standing: &Standing,
    membership: &mut Membership,
    findings: &mut Findings,
) {
    let asked = count_asked(history, requests);
    let mut done: HashMap<Deed, u64> = HashMap::new();
    for (token, (t, at)) in first_sightings(history) {
        let notice = &history.notices[&token];
        let place = || history.place(notice.conversation, notice.seq);
        let deeds = deeds_told(notice);
        if deeds.iter().any(|deed| !asked.contains_key(deed)) {
            findings.report(Bucket::Invented, at, || {
                format!("{} at {}: nobody asked for it", history.token(token), place())
            });
            for user in notice.users.iter().chain([&notice.sender]) {
                membership.doubt(notice.conversation, *user);
            }
            continue;
        }
        if deeds
            .iter()
            .any(|deed| *done.entry(*deed).and_modify(|count| *count += 1).or_insert(1) > asked[deed])
        {
            findings.report(Bucket::Duplicated, at, || {
                format!("{} at {}: done more often than asked for", history.token(token), place())
            });
        }
        for deed in deeds {
            if let Some(user) = unwanted(history, standing, deed, t) {
                findings.report(Bucket::Leaked, at, || {
                    let (token, user) = (history.token(token), history.users.value(user));
                    format!("{token} at {}: {user} had blocked the sender before", place())
                });
            }
        }
    }
}

/// Reports what was acknowledged of a membership and is not in force (lost): at the end, and at each message that was
/// sent after it.
pub(crate) fn judge_standing(
    history: &History,
    standing: &Standing,
    sends: &Sends,
    positions: &Positions,
    membership: &mut Membership,
    findings: &mut Findings,
) {
    let mut missing: BTreeMap<(u32, u32), (At, &str)> = BTreeMap::new();
    for (key, at) in standing.added.in_force_at_the_end() {
        if !membership.is_member(key.0, key.1) {
            missing.entry(key).or_insert((at, "is no member at the end, though acknowledged as added"));
        }
    }
    for (key, at) in standing.departed.in_force_at_the_end() {
        if membership.is_member(key.0, key.1) {
            missing.entry(key).or_insert((at, "is a member at the end, though acknowledged as gone"));
        }
    }
    for (token, message) in sends.all() {
        let (Target::Group(group), Some((answered, _))) = (message.to, message.acknowledged) else {
            continue;
        };
        let Some(place) = positions.sure_place(token) else { continue };
        for user in (0u32..).take(history.users.len()) {
            let added = standing.added.in_force((group, user), message.invoked.0, answered);
            if let Some(at) = added.filter(|_| !membership.contains(group, user, place.seq)) {
                let fault = "is outside of a message that was sent after he was added";
                missing.entry((group, user)).or_insert((at, fault));
            }
        }
    }
    for ((group, user), (at, fault)) in missing {
        if !membership.is_doubtful(group, user) {
            membership.doubt(group, user);
            findings.report(Bucket::Lost, at, || {
                let (group, user) = (history.conversations.value(group), history.users.value(user));
                format!("{user} {fault} in conversation {group}")
            });
        }
    }
}

/// How often each deed was asked for, other than by requests that were refused for good.
fn count_asked(history: &History, requests: &[Request]) -> HashMap<Deed, u64> {
    let mut asked: HashMap<Deed, u64> = HashMap::new();
    let refused: HashSet<u32> =
        requests.iter().filter(|request| request.refused).map(|request| request.number).collect();
    for ask in &history.asks {
        if !refused.contains(&ask.request) {
            for deed in deeds_asked(ask.by, &ask.asked) {
                *asked.entry(deed).or_default() += 1;
            }
        }
    }
    asked
}

fn deeds_asked(by: u32, asked: &Asked<u32>) -> Vec<Deed> {
    match asked {
        Asked::Create(_) | Asked::CreateChannel => vec![Deed::Create { by }],
        Asked::Add(group, users) => {
            users.iter().map(|user| Deed::Add { group: *group, by, user: *user }).collect()
        }
        Asked::Remove(group, user) => vec![Deed::Remove { group: *group, by, user: *user }],
        Asked::Leave(group) => vec![Deed::Leave { group: *group, by }],
        Asked::Follow(_)
        | Asked::Unfollow(_)
        | Asked::Turn(_)
        | Asked::Change(_)
        | Asked::Block(_)
        | Asked::Unblock(_)
        | Asked::End(_) => Vec::new(),
    }
}

fn deeds_told(notice: &Notice) -> Vec<Deed> {
    let &Notice { conversation: group, sender: by, kind, ref users, .. } = notice;
    match kind {
        NoticeKind::Created => vec![Deed::Create { by }],
        NoticeKind::Joined => users.iter().map(|user| Deed::Add { group, by, user: *user }).collect(),
        NoticeKind::Removed => users.iter().map(|user| Deed::Remove { group, by, user: *user }).collect(),
        NoticeKind::Left => vec![Deed::Leave { group, by }],
        NoticeKind::Renamed
        | NoticeKind::RoleGiven
        | NoticeKind::AccountErased
        | NoticeKind::ErasedMessage
        | NoticeKind::Other => Vec::new(),
    }
}

/// Who blocked the sender before every request that can have brought him in, until it was shown.
fn unwanted(history: &History, standing: &Standing, deed: Deed, shown: u64) -> Option<u32> {
    let Deed::Add { by, user, .. } = deed else { return None };
    let asks = history.asks.iter().filter(|ask| deeds_asked(ask.by, &ask.asked).contains(&deed));
    let first = asks.map(|ask| ask.t).filter(|t| *t < shown).min()?;
    standing.blocked.in_force((user, by), first, shown).map(|_| user)
}

/// Each notice with its first sighting. In order of time, so that the one too many is the last.
fn first_sightings(history: &History) -> Vec<(u32, (u64, At))> {
    let mut first: HashMap<u32, (u64, At)> = HashMap::new();
    for page in sightings::pages(history).filter(|page| page.settled) {
        for entry in page.entries.iter().filter(|entry| history.notices.contains_key(&entry.token)) {
            let earliest = first.entry(entry.token).or_insert((page.t, page.at));
            *earliest = (*earliest).min((page.t, page.at));
        }
    }
    let mut first: Vec<(u32, (u64, At))> = first.into_iter().collect();
    first.sort_unstable_by_key(|&(_, when)| when);
    first
}
