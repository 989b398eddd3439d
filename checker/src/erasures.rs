//! Users who were erased: from then on nobody is read a text of theirs, and who is told of it keeps none.

use std::collections::{HashMap, HashSet};

use crate::dumps;
use crate::findings::{Bucket, Findings};
use crate::history::{Entry, Erasure, History, Lineage};
use crate::pairs::Pairs;
use crate::sends::Sends;
use crate::sightings;
use crate::written_entry::NoticeKind;

/// Finds out of every message that was shown as erased which one it was: the one of the same sender that was answered with
/// this place, or shown there with its text. So a place keeps its message, and what is owed stays owed. One of which
/// nobody knows this is itself, and only its place counts.
pub(crate) fn name_erased(history: &mut History) {
    let mut known: HashMap<(u32, u64, u32), u32> = HashMap::new();
    for page in sightings::pages(history).filter(|page| page.settled) {
        for entry in page.entries.iter().filter(|entry| entry.is_text) {
            known.insert((entry.conversation, entry.seq, entry.sender), entry.token);
        }
    }
    let sent: HashMap<u32, (u32, u32)> =
        history.invokes.iter().map(|invoke| (invoke.id, (invoke.sender, invoke.token))).collect();
    for ack in history.acks.iter().filter(|ack| ack.settled) {
        if let Some((sender, token)) = sent.get(&ack.id) {
            known.entry((ack.conversation, ack.seq, *sender)).or_insert(*token);
        }
    }
    let notices = &history.notices;
    let is_unnamed = |entry: &&mut Entry| {
        notices.get(&entry.token).is_some_and(|notice| notice.kind == NoticeKind::ErasedMessage)
    };
    for entry in history.entries.iter_mut().filter(is_unnamed) {
        let place = (entry.conversation, entry.seq, entry.sender);
        entry.token = known.get(&place).copied().unwrap_or(entry.token);
    }
}

/// Reports each text of an erased user (leaked): that was read out to a request begun after the erasure, by place or in an
/// archive; or that a complete store holds of a conversation of two, or of one whose entry says that the account was erased.
/// And what is shown as erased though nobody erased its sender (lost), once a message.
pub(crate) fn judge(history: &History, sends: &Sends, pairs: &Pairs, findings: &mut Findings) {
    report_unasked(history, findings);
    let done: HashMap<u32, u64> = history.erasures.iter().filter_map(done_of).collect();
    for lineage in &history.lineages {
        judge_read_out(history, lineage, sends, &done, findings);
        judge_store(history, lineage, pairs, &done, findings);
    }
}

fn done_of(erasure: &Erasure) -> Option<(u32, u64)> {
    Some((erasure.user, erasure.done?))
}

fn report_unasked(history: &History, findings: &mut Findings) {
    let begun: HashMap<u32, u64> = history.erasures.iter().map(|erasure| (erasure.user, erasure.t)).collect();
    let mut reported = HashSet::new();
    for page in sightings::pages(history).filter(|page| page.settled) {
        for entry in page.entries.iter().filter(|entry| is_erased(history, entry)) {
            let is_asked = begun.get(&entry.sender).is_some_and(|begun| *begun < page.t);
            if !is_asked && reported.insert(entry.token) {
                findings.report(Bucket::Lost, page.at, || {
                    let place = history.place(entry.conversation, entry.seq);
                    format!("{} was shown {place} as erased, though its sender was not", page.lineage.name)
                });
            }
        }
    }
}

/// Whether an entry is a message without its text, or tells an erasure.
fn is_erased(history: &History, entry: &Entry) -> bool {
    let kind = history.notices.get(&entry.token).map(|notice| notice.kind);
    let is_other =
        kind.is_some_and(|kind| !matches!(kind, NoticeKind::ErasedMessage | NoticeKind::AccountErased));
    !entry.is_text && !is_other
}

fn judge_read_out(
    history: &History,
    lineage: &Lineage,
    sends: &Sends,
    done: &HashMap<u32, u64>,
    findings: &mut Findings,
) {
    let was_erased = |user: u32, asked: u64| done.get(&user).is_some_and(|done| *done < asked);
    for read in &lineage.reads {
        let texts = history.entries[read.entries.clone()].iter().filter(|entry| entry.is_text);
        for entry in texts.filter(|entry| was_erased(entry.sender, read.asked)) {
            findings.report(Bucket::Leaked, read.at, || {
                let place = history.place(entry.conversation, entry.seq);
                format!("{} was read {place} after its sender had been erased", lineage.name)
            });
        }
    }
    for export in &lineage.exports {
        for token in &export.tokens {
            let message = sends.message(*token);
            if message.is_some_and(|message| was_erased(message.sender, export.asked)) {
                findings.report(Bucket::Leaked, export.at, || {
                    let token = history.token(*token);
                    format!("an archive of {} holds {token}, whose sender had been erased", lineage.name)
                });
            }
        }
    }
}

fn judge_store(
    history: &History,
    lineage: &Lineage,
    pairs: &Pairs,
    done: &HashMap<u32, u64>,
    findings: &mut Findings,
) {
    let dump = dumps::complete(lineage, history).filter(|_| lineage.ended.is_none());
    let Some(dump) = dump else { return };
    let entries = &history.entries[dump.entries.clone()];
    let tells = entries.iter().filter(|entry| {
        let notice = history.notices.get(&entry.token);
        notice.is_some_and(|notice| notice.kind == NoticeKind::AccountErased)
    });
    let told: HashSet<(u32, u32)> = tells.map(|entry| (entry.conversation, entry.sender)).collect();
    for entry in entries.iter().filter(|entry| entry.is_text && done.contains_key(&entry.sender)) {
        let (conversation, sender) = (entry.conversation, entry.sender);
        if told.contains(&(conversation, sender)) || pairs.include(conversation, lineage.user) {
            findings.report(Bucket::Leaked, dump.at, || {
                let place = history.place(conversation, entry.seq);
                format!("{} holds the text at {place}, whose sender was erased", lineage.name)
            });
        }
    }
}
