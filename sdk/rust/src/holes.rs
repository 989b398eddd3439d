//! Holes in the seqs of a conversation: where they are, and which part of them to ask for next.
//!
//! Pure: what is held is handed in, what the server answered is judged, nothing is read or written here.

use highwater_wire::proto::{EntryList, Head};

/// Newest entries of a conversation that are fetched without being asked; older ones are left to the application.
/// Source: choice; some screens of history, and a few requests per conversation.
pub const REPAIRED_PER_CONVERSATION_MAX: u64 = 500;

/// Seqs that one request of a repair asks for.
/// Source: choice; an answer of short messages is some tens of kilobytes, so that it holds up nothing else for long.
pub(crate) const RANGE_SEQS_MAX: u64 = 200;

/// Seqs of one conversation, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// The first.
    pub from_seq: u64,
    /// The last; not below the first.
    pub to_seq: u64,
}

impl SeqRange {
    /// The seqs between two, both included; none when there are none.
    pub(crate) fn new(from_seq: u64, to_seq: u64) -> Option<SeqRange> {
        (from_seq <= to_seq).then_some(SeqRange { from_seq, to_seq })
    }
}

/// The server's answer to a range breaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

/// The holes within a range, in order of seq. `held` are the seqs there, in order, all within the range.
///
/// # Errors
/// The first fault in `held`.
pub(crate) fn holes<E>(
    held: impl IntoIterator<Item = Result<u64, E>>,
    within: SeqRange,
) -> Result<Vec<SeqRange>, E> {
    let mut holes = Vec::new();
    let mut due = within.from_seq;
    for seq in held {
        let seq = seq?;
        holes.extend(seq.checked_sub(1).and_then(|before| SeqRange::new(due, before)));
        // Above the last number there is nothing.
        let Some(next) = seq.checked_add(1) else { return Ok(holes) };
        due = due.max(next);
    }
    holes.extend(SeqRange::new(due, within.to_seq));
    Ok(holes)
}

/// The part of a conversation that a repair looks at: its newest entries, as far as they can be read.
pub(crate) fn repaired_of(head: &Head) -> Option<SeqRange> {
    // Seqs count from 1.
    let oldest = head.oldest_seq.max(1);
    SeqRange::new(oldest.max(head.seq.saturating_sub(REPAIRED_PER_CONVERSATION_MAX - 1)), head.seq)
}

/// Takes out what to ask for next: the newest of the holes, which are in order of seq, as far as one request goes.
pub(crate) fn take_newest(holes: &mut Vec<SeqRange>) -> Option<SeqRange> {
    let hole = holes.pop()?;
    let from_seq = hole.from_seq.max(hole.to_seq.saturating_sub(RANGE_SEQS_MAX - 1));
    holes.extend(from_seq.checked_sub(1).and_then(|before| SeqRange::new(hole.from_seq, before)));
    Some(SeqRange { from_seq, to_seq: hole.to_seq })
}

/// What of a range is still to be asked for after an answer; none when this was all that can be read of it.
///
/// # Errors
/// When the entries are not of the range, not in order without a hole, or none although more is said to follow.
pub(crate) fn rest_of(
    conversation_id: u64,
    asked: SeqRange,
    list: &EntryList,
) -> Result<Option<SeqRange>, Unfit> {
    let starts = list.entries.first().map_or(asked.from_seq, |first| first.seq);
    let is_whole = list.entries.iter().enumerate().all(|(place, entry)| {
        entry.conversation_id == conversation_id && Some(entry.seq) == starts.checked_add(place as u64)
    });
    let last = list.entries.last().map_or(asked.to_seq, |last| last.seq);
    let is_within = asked.from_seq <= starts && last <= asked.to_seq;
    if list.conversation_id != conversation_id || !is_whole || !is_within {
        return Err(Unfit);
    }
    match (list.more, list.entries.is_empty()) {
        (true, true) => Err(Unfit),
        (true, false) => Ok(last.checked_add(1).and_then(|next| SeqRange::new(next, asked.to_seq))),
        (false, _) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use highwater_wire::proto::Entry;

    fn range((from_seq, to_seq): (u64, u64)) -> SeqRange {
        SeqRange { from_seq, to_seq }
    }

    fn ranges(ends: &[(u64, u64)]) -> Vec<SeqRange> {
        ends.iter().copied().map(range).collect()
    }

    #[test]
    fn holes_are_what_lies_between() {
        let cases: [(&[u64], (u64, u64), &[(u64, u64)]); 8] = [
            (&[], (1, 5), &[(1, 5)]),
            (&[1, 2, 3, 4, 5], (1, 5), &[]),
            (&[3], (1, 5), &[(1, 2), (4, 5)]),
            (&[1, 5], (1, 5), &[(2, 4)]),
            (&[2, 4], (1, 5), &[(1, 1), (3, 3), (5, 5)]),
            (&[7], (7, 7), &[]),
            (&[8, 9], (6, 10), &[(6, 7), (10, 10)]),
            (&[u64::MAX], (u64::MAX - 1, u64::MAX), &[(u64::MAX - 1, u64::MAX - 1)]),
        ];
        for (held, within, expected) in cases {
            let found = holes(held.iter().map(|&seq| Ok::<_, ()>(seq)), range(within));
            assert_eq!(found.unwrap(), ranges(expected), "{held:?} within {within:?}");
        }
        assert_eq!(holes([Ok(1), Err("fault")], range((1, 5))), Err("fault"));
    }

    #[test]
    fn a_repair_looks_at_the_newest_that_can_be_read() {
        const MAX: u64 = REPAIRED_PER_CONVERSATION_MAX;
        let cases = [
            ((1, 3), Some((1, 3))),
            ((0, 3), Some((1, 3))),
            ((1, MAX), Some((1, MAX))),
            ((1, MAX + 1), Some((2, MAX + 1))),
            ((MAX, MAX + 7), Some((MAX, MAX + 7))),
            ((1, 0), None),
            ((9, 8), None),
        ];
        for ((oldest_seq, seq), expected) in cases {
            let head = Head { conversation_id: 1, seq, oldest_seq, ..Head::default() };
            assert_eq!(repaired_of(&head), expected.map(range), "{head:?}");
        }
    }

    #[test]
    fn asks_for_the_newest_first_and_no_more_than_fits() {
        const MAX: u64 = RANGE_SEQS_MAX;
        let mut holes = ranges(&[(1, 2), (10, 10 + 2 * MAX)]);
        let asked: Vec<_> = std::iter::from_fn(|| take_newest(&mut holes)).collect();
        let expected = [(11 + MAX, 10 + 2 * MAX), (11, 10 + MAX), (10, 10), (1, 2)];
        assert_eq!(asked, ranges(&expected));
        let mut from_zero = ranges(&[(0, 0)]);
        assert_eq!(take_newest(&mut from_zero), Some(range((0, 0))));
        assert!(from_zero.is_empty());
    }

    #[test]
    fn an_answer_ends_a_range_or_leaves_a_rest() {
        let cases: [((u64, u64), &[u64], bool, Result<Option<(u64, u64)>, Unfit>); 11] = [
            ((4, 6), &[4, 5, 6], false, Ok(None)),
            ((4, 6), &[4], true, Ok(Some((5, 6)))),
            ((4, 6), &[4, 5, 6], true, Ok(None)),
            // What is before the oldest or beyond the head is not told.
            ((4, 6), &[5], false, Ok(None)),
            ((4, 6), &[], false, Ok(None)),
            ((4, 6), &[], true, Err(Unfit)),
            ((4, 6), &[4, 6], false, Err(Unfit)),
            ((4, 6), &[5, 4], false, Err(Unfit)),
            ((4, 6), &[3, 4], false, Err(Unfit)),
            ((4, 6), &[6, 7], true, Err(Unfit)),
            ((4, u64::MAX), &[u64::MAX], true, Ok(None)),
        ];
        for (asked, seqs, more, expected) in cases {
            let entry = |&seq| Entry { conversation_id: 5, seq, ..Entry::default() };
            let list = EntryList { conversation_id: 5, entries: seqs.iter().map(entry).collect(), more };
            let expected = expected.map(|rest| rest.map(range));
            assert_eq!(rest_of(5, range(asked), &list), expected, "{asked:?} {seqs:?} {more}");
            assert_eq!(rest_of(6, range(asked), &list), Err(Unfit), "another conversation");
        }
    }
}
