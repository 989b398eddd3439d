//! When the next message is sent, and by whom.

use std::collections::VecDeque;

/// Unanswered sends of one sender. Source: the works are defined with 8.
pub const IN_FLIGHT: usize = 8;

/// A way of sending, for one lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Every sender keeps [`IN_FLIGHT`] sends unanswered, until so many were sent.
    Steady {
        /// Messages of this lane.
        messages: u64,
    },
    /// So many senders at a time send [`IN_FLIGHT`] messages each; when all of these are answered, it is the next
    /// sender's turn, round and round.
    Turns {
        /// Messages of this lane.
        messages: u64,
        /// Senders of this lane that have their turn at a time.
        at_a_time: usize,
    },
    /// Every sender sends so many, [`IN_FLIGHT`] unanswered at most, a bounded number of senders at a time.
    Each {
        /// Messages of each sender.
        messages: u64,
        /// Senders of this lane that send at a time.
        at_a_time: usize,
    },
    /// So many per second, whatever the answers: each is due at its time, and late when it goes out later.
    Open {
        /// Messages of this lane per second.
        per_second: f64,
        /// Messages of this lane.
        messages: u64,
    },
}

/// What is left to do of a pace.
#[derive(Debug, Clone, Default)]
pub struct Pacer {
    pace: Option<Pace>,
    left: u64,
    begun_ns: u64,
    sent: u64,
    /// Senders in the order in which they have their turn.
    queue: VecDeque<usize>,
    senders: Vec<Sender>,
    /// The sender that is in the middle of what it may send at once.
    active: Option<usize>,
    /// Senders that have their turn.
    at_work: usize,
}

#[derive(Debug, Clone, Default)]
struct Sender {
    /// Sends that it may do at once.
    credit: usize,
    /// Messages that it still has to send.
    left: u64,
    /// It waits in the queue for its turn.
    waits: bool,
}

impl Pacer {
    /// Another pace from now on. The same pace with another number goes on without a break.
    #[must_use]
    pub fn changed(&self, pace: Pace, writers: &[usize], now_ns: u64) -> Pacer {
        let left = match pace {
            Pace::Each { messages, .. } => messages * writers.len() as u64,
            Pace::Steady { messages } | Pace::Turns { messages, .. } | Pace::Open { messages, .. } => {
                messages
            }
        };
        let goes_on = matches!(
            (self.pace, pace),
            (Some(Pace::Steady { .. }), Pace::Steady { .. }) | (Some(Pace::Turns { .. }), Pace::Turns { .. })
        );
        let begun = Pacer { pace: Some(pace), left, begun_ns: now_ns, ..Pacer::default() };
        let mut next = if goes_on { Pacer { sent: 0, ..self.clone() } } else { Pacer::default() };
        next = Pacer {
            queue: next.queue,
            senders: next.senders,
            active: next.active,
            at_work: next.at_work,
            ..begun
        };
        let messages_each = if let Pace::Each { messages, .. } = pace { messages } else { u64::MAX };
        next.senders.resize_with(writers.last().map_or(0, |last| last + 1), Sender::default);
        for &writer in writers {
            let sender = &mut next.senders[writer];
            if !goes_on {
                *sender = Sender { credit: IN_FLIGHT, left: messages_each, waits: false };
            }
            // Who has nothing under way is not woken by an answer.
            if sender.credit == IN_FLIGHT && !sender.waits {
                sender.waits = true;
                next.queue.push_back(writer);
            }
        }
        next
    }

    /// The sender of the next message that is due without an answer having come, and when it was due.
    pub fn next(&mut self, now_ns: u64) -> Option<(usize, u64)> {
        if self.left == 0 {
            return None;
        }
        match self.pace? {
            Pace::Open { .. } => {
                let due_ns = self.next_due_ns().filter(|&due_ns| due_ns <= now_ns)?;
                let place = self.queue.pop_front()?;
                self.queue.push_back(place);
                self.left -= 1;
                self.sent += 1;
                Some((place, due_ns))
            }
            Pace::Steady { .. } => self.next_in_turn(usize::MAX, now_ns),
            Pace::Turns { at_a_time, .. } | Pace::Each { at_a_time, .. } => {
                self.next_in_turn(at_a_time, now_ns)
            }
        }
    }

    /// When the next message is due at a fixed rate.
    #[must_use]
    pub fn next_due_ns(&self) -> Option<u64> {
        match self.pace? {
            Pace::Open { per_second, .. } if self.left > 0 => {
                Some(self.begun_ns + (self.sent as f64 * 1e9 / per_second) as u64)
            }
            _ => None,
        }
    }

    /// Whether messages are due at a fixed rate.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.pace, Some(Pace::Open { .. }))
    }

    /// A send of this sender was answered; `unanswered` are left.
    pub fn acknowledged(&mut self, place: usize, unanswered: usize) {
        let Some(sender) = self.senders.get_mut(place) else {
            return;
        };
        match self.pace {
            Some(Pace::Steady { .. } | Pace::Each { .. }) => {
                sender.credit = (sender.credit + 1).min(IN_FLIGHT);
                if unanswered == 0 && sender.left == 0 {
                    self.at_work = self.at_work.saturating_sub(1);
                }
            }
            Some(Pace::Turns { .. }) if unanswered == 0 && !sender.waits => {
                (sender.credit, sender.waits) = (IN_FLIGHT, true);
                self.queue.push_back(place);
                self.at_work = self.at_work.saturating_sub(1);
                self.active = self.active.filter(|&active| active != place);
            }
            _ => {}
        }
    }

    /// Whether this sender, just answered, sends one more at once, and when that is due.
    pub fn next_of(&mut self, place: usize, now_ns: u64) -> Option<u64> {
        let refills = matches!(self.pace, Some(Pace::Steady { .. } | Pace::Each { .. }));
        let sender = self.senders.get(place)?;
        if !refills || self.left == 0 || sender.credit == 0 || sender.left == 0 || sender.waits {
            return None;
        }
        self.spend(place);
        Some(now_ns)
    }

    /// Whether the sender that `next` named last is done for now, so that its messages can be written.
    #[must_use]
    pub fn turn_is_over(&self, place: usize) -> bool {
        let sender = &self.senders[place];
        matches!(self.pace, Some(Pace::Open { .. }))
            || self.left == 0
            || sender.credit == 0
            || sender.left == 0
    }

    fn next_in_turn(&mut self, at_a_time: usize, now_ns: u64) -> Option<(usize, u64)> {
        let place = match self.active {
            Some(place) if self.senders[place].credit > 0 && self.senders[place].left > 0 => place,
            _ => {
                self.active = None;
                if self.at_work >= at_a_time {
                    return None;
                }
                let place = self.queue.pop_front()?;
                self.senders[place].waits = false;
                self.at_work += 1;
                self.active = Some(place);
                place
            }
        };
        self.spend(place);
        Some((place, now_ns))
    }

    fn spend(&mut self, place: usize) {
        let sender = &mut self.senders[place];
        sender.credit -= 1;
        sender.left -= 1;
        self.left -= 1;
        self.sent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(pacer: &mut Pacer) -> Vec<usize> {
        std::iter::from_fn(|| pacer.next(0).map(|(place, _)| place)).collect()
    }

    #[test]
    fn a_steady_sender_keeps_its_sends_under_way_until_all_are_sent() {
        let mut pacer = Pacer::default().changed(Pace::Steady { messages: 18 }, &[0, 2], 0);
        assert_eq!(burst(&mut pacer), [[0; 8], [2; 8]].concat());
        pacer.acknowledged(2, 7);
        assert_eq!((pacer.next_of(2, 5), pacer.next_of(2, 5)), (Some(5), None));
        pacer.acknowledged(0, 7);
        assert_eq!((pacer.next_of(0, 5), pacer.next_of(0, 5)), (Some(5), None));
        pacer.acknowledged(0, 7);
        assert_eq!(pacer.next_of(0, 5), None);
        // Told to send more, it goes on where it is: the answer to come makes the next send due.
        let mut more = pacer.changed(Pace::Steady { messages: 5 }, &[0, 2], 9);
        assert!(burst(&mut more).is_empty());
        more.acknowledged(2, 7);
        assert_eq!(more.next_of(2, 9), Some(9));
    }

    #[test]
    fn turns_go_round_and_a_turn_ends_with_its_last_answer() {
        let pace = Pace::Turns { messages: 100, at_a_time: 2 };
        let mut pacer = Pacer::default().changed(pace, &[0, 1, 2], 0);
        assert_eq!(burst(&mut pacer), [[0; 8], [1; 8]].concat());
        pacer.acknowledged(1, 3);
        assert_eq!((pacer.next_of(1, 0), burst(&mut pacer)), (None, vec![]));
        pacer.acknowledged(1, 0);
        assert_eq!(burst(&mut pacer), [2; 8]);
        pacer.acknowledged(0, 0);
        assert_eq!(burst(&mut pacer), [1; 8]);
    }

    #[test]
    fn each_sends_its_number_and_makes_room_for_the_next() {
        let pace = Pace::Each { messages: 10, at_a_time: 1 };
        let mut pacer = Pacer::default().changed(pace, &[0, 1], 0);
        assert_eq!(burst(&mut pacer), [0; 8]);
        for unanswered in [7, 7] {
            pacer.acknowledged(0, unanswered);
            assert!(pacer.next_of(0, 0).is_some());
        }
        (0..8).rev().for_each(|unanswered| pacer.acknowledged(0, unanswered));
        assert_eq!(burst(&mut pacer), [1; 8]);
    }

    #[test]
    fn an_open_rate_does_not_wait_for_answers() {
        let pace = Pace::Open { per_second: 1000.0, messages: 4 };
        let mut pacer = Pacer::default().changed(pace, &[0, 1], 0);
        assert_eq!(pacer.next(500_000), Some((0, 0)));
        assert_eq!((pacer.next(500_000), pacer.next_due_ns()), (None, Some(1_000_000)));
        assert_eq!(pacer.next(9_000_000), Some((1, 1_000_000)));
        assert_eq!(pacer.next(9_000_000), Some((0, 2_000_000)));
        assert_eq!(pacer.next(9_000_000), Some((1, 3_000_000)));
        assert_eq!((pacer.next(9_000_000), pacer.next_due_ns()), (None, None));
    }
}
