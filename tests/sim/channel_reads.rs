//! Reads of a channel's log by seq: each follower, present or former, reads exactly what was said while he belonged to it, as
//! a follower or as a member of the group that it was, and is told how far that goes.

use highwater::{
    actors::user::{heads, range},
    model::{Seq, UserId, limits::PAGE_BYTES_MAX},
    store::view::View,
    sync::{Locale, Rendering},
};
use highwater_wire::{
    Refusal,
    proto::{self, server_frame::Body},
};

use crate::group_store::GROUP;

const RENDERING: Rendering = Rendering { level: 3, locale: Locale::English };

/// Range and heads of one user, of whom is known what is for him. The log has `head` entries.
pub fn check_reads(view: &View, user: u64, is_present: bool, due: &[Seq], head: u64) {
    let due: Vec<u64> = due.iter().map(|seq| seq.0).collect();
    if due.is_empty() && !is_present {
        assert_eq!(read(view, user, (1, u64::MAX), PAGE_BYTES_MAX), Err(Refusal::NoSuchConversation));
    } else {
        check_range(view, user, &due, head);
    }
    let told = heads(view, (UserId(user), RENDERING), &proto::Heads::default()).unwrap();
    let Ok(Body::Heads(list)) = told else { panic!("{told:?}") };
    let told: Vec<_> = list.heads.iter().map(|head| (head.oldest_seq, head.seq)).collect();
    // The first one that was for the user, or the next one of all.
    let oldest = due.first().copied().unwrap_or(head + 1);
    let newest = due.last().copied().unwrap_or(head);
    let expected = if is_present { vec![(oldest, newest)] } else { Vec::new() };
    assert_eq!(told, expected, "heads of {user}");
}

fn check_range(view: &View, user: u64, due: &[u64], head: u64) {
    for (from, to) in [(0, u64::MAX), (2, head.max(3) - 1)] {
        let within: Vec<u64> = due.iter().copied().filter(|seq| (from..=to).contains(seq)).collect();
        // One answer has no hole: it ends where a time does, and says that more follows.
        let first = within.first().copied().unwrap_or_default();
        let run = within.iter().copied().zip(first..).take_while(|(seq, next)| seq == next);
        let run: Vec<u64> = run.map(|(seq, _)| seq).collect();
        let told = read(view, user, (from, to), PAGE_BYTES_MAX);
        let (seqs, more) = told.unwrap_or_else(|refusal| panic!("{user} reads nothing: {refusal}"));
        // Two times that touch are told by two answers, or by one.
        assert!(run.starts_with(&seqs) && seqs.is_empty() == run.is_empty(), "{user}: {seqs:?} of {run:?}");
        assert_eq!(more, seqs.len() < within.len(), "{user}: {from}–{to}");
    }
    let (mut found, mut from) = (Vec::new(), 0);
    loop {
        let (seqs, more) = read(view, user, (from, u64::MAX), 40).unwrap();
        found.extend(seqs);
        if !more {
            break;
        }
        from = found.last().expect("an answer that promises more brings something") + 1;
    }
    assert_eq!(found, due, "G7: what {user} reads");
}

/// The seqs of one answer, and whether there is more.
fn read(view: &View, user: u64, seqs: (u64, u64), bytes_max: usize) -> Result<(Vec<u64>, bool), Refusal> {
    let wanted = proto::Range { conversation_id: GROUP.0, from_seq: seqs.0, to_seq: seqs.1 };
    let answer = range(view, UserId(user), RENDERING, &wanted, bytes_max).unwrap()?;
    let Body::Entries(list) = answer else { panic!("user {user}: {answer:?}") };
    Ok((list.entries.iter().map(|entry| entry.seq).collect(), list.more))
}
