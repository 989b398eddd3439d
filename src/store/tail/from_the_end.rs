//! Looking for a place in a queue from its end: what is asked for of a tail is mostly among its newest.

use std::collections::VecDeque;

/// Where the part begins that is not before, as [`VecDeque::partition_point`] says it: all that is before stands in front.
/// Looks at as many as it takes to count to what lies behind by doubling, so that near the end it is one or two, and all of
/// them side by side.
pub(super) fn partition_from_the_end<T>(queue: &VecDeque<T>, is_before: impl Fn(&T) -> bool) -> usize {
    let (mut first, mut end) = (0, queue.len());
    let mut from_the_end = 1;
    while from_the_end <= queue.len() {
        let place = queue.len() - from_the_end;
        if is_before(&queue[place]) {
            first = place + 1;
            break;
        }
        end = place;
        from_the_end *= 2;
    }
    while first < end {
        let middle = first + (end - first) / 2;
        if is_before(&queue[middle]) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A queue of so many that begins anywhere in its ring.
    fn queue(length: usize, turned: usize) -> VecDeque<usize> {
        let mut queue = VecDeque::with_capacity(length + 1);
        for value in 0..turned {
            queue.push_back(value);
            queue.pop_front();
        }
        queue.extend(0..length);
        queue
    }

    #[test]
    fn it_is_the_place_that_the_plain_search_finds() {
        for length in 0..=70 {
            for turned in [0, 1, length / 2, length] {
                let queue = queue(length, turned);
                for mark in 0..=length {
                    let is_before = |value: &usize| *value < mark;
                    let found = partition_from_the_end(&queue, is_before);
                    assert_eq!(found, queue.partition_point(is_before), "{length} {turned} {mark}");
                }
            }
        }
    }

    #[test]
    fn versions_with_gaps_and_marks_between_them_too() {
        let versions: VecDeque<u64> = (1..=60).map(|number| number * number).collect();
        for mark in 0..=3700 {
            let is_before = |version: &u64| *version <= mark;
            assert_eq!(
                partition_from_the_end(&versions, is_before),
                versions.partition_point(is_before),
                "{mark}"
            );
        }
    }

    #[test]
    fn what_is_near_the_end_is_found_by_a_few_looks_however_long_the_queue() {
        let queue = queue(100_000, 0);
        for (behind, looks_max) in [(0, 1), (1, 2), (2, 4), (10, 8), (100, 14), (99_999, 34), (100_000, 34)] {
            let looks = Cell::new(0);
            let found = partition_from_the_end(&queue, |value| {
                looks.set(looks.get() + 1);
                *value < queue.len() - behind
            });
            assert_eq!(found, queue.len() - behind);
            assert!(looks.get() <= looks_max, "{behind} behind: {} looks", looks.get());
        }
    }
}
