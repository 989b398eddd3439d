//! Whether a lineage makes progress: one that hands in the same snapshot again and again is helped, and one that asks in
//! a loop for what is not there is told to stay away for a while.

use bytes::Bytes;

/// Answers that brought something after which the same snapshot may come again; from then on pages have one entry, since
/// it may be the page that is too much for the client. Source: a client that is cut off meets this once or twice.
const REPEATS_BEFORE_SMALL: u32 = 3;

/// Answers after which somebody has to look: not even one entry is taken.
const REPEATS_BEFORE_ALARM: u32 = 10;

/// Syncs in a row that find nothing, within the time below. Source: a client asks once after connecting, and once after a
/// nudge, which there is only for news.
const IDLE_MAX: u32 = 30;

/// The time in which they are counted, and after whose end the client may come again, milliseconds.
const IDLE_WINDOW_MS: u64 = 10_000;

/// What is done with a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It is answered.
    Answer,
    /// It is answered by one entry at most; `alarm`: this is the time to call somebody.
    AnswerOne {
        /// Told once.
        alarm: bool,
    },
    /// It is refused: the client shall come again after this time, milliseconds.
    StayAway(u64),
}

/// What is remembered of one lineage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    handed: Bytes,
    /// The last answer brought something: the same snapshot should not come again.
    owed: bool,
    repeats: u32,
    /// Answers in a row that brought nothing, and since when.
    idle: u32,
    idle_since_ms: u64,
}

impl Progress {
    /// A sync comes, with this snapshot, at this time of the monotonic clock.
    pub fn begin(&mut self, given: &Bytes, now_ms: u64) -> Course {
        let window_end_ms = self.idle_since_ms + IDLE_WINDOW_MS;
        if self.idle >= IDLE_MAX && now_ms < window_end_ms {
            return Course::StayAway(window_end_ms - now_ms);
        }
        self.repeats = if self.owed && self.handed == *given { self.repeats.saturating_add(1) } else { 0 };
        self.handed = given.clone();
        match self.repeats {
            0..REPEATS_BEFORE_SMALL => Course::Answer,
            repeats => Course::AnswerOne { alarm: repeats == REPEATS_BEFORE_ALARM },
        }
    }

    /// There is something new: asking is no loop.
    pub fn news(&mut self) {
        self.idle = 0;
    }

    /// It was answered: after it the client should have this snapshot.
    pub fn answered(&mut self, snapshot: &Bytes, now_ms: u64) {
        self.owed = *snapshot != self.handed;
        if self.owed {
            self.idle = 0;
            return;
        }
        if self.idle == 0 || now_ms >= self.idle_since_ms + IDLE_WINDOW_MS {
            (self.idle, self.idle_since_ms) = (0, now_ms);
        }
        self.idle += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Bytes = Bytes::new();

    fn snapshot(number: u8) -> Bytes {
        Bytes::from(vec![number; 20])
    }

    #[test]
    fn who_hands_in_the_same_again_and_again_gets_single_entries_and_then_a_person() {
        let mut progress = Progress::default();
        let mut courses = Vec::new();
        for _ in 0..13 {
            courses.push(progress.begin(&snapshot(1), 0));
            progress.answered(&snapshot(2), 0);
        }
        let alarms = courses.iter().filter(|course| **course == Course::AnswerOne { alarm: true }).count();
        assert_eq!(courses[..3], [Course::Answer; 3]);
        assert_eq!(
            (courses[3], courses[12]),
            (Course::AnswerOne { alarm: false }, Course::AnswerOne { alarm: false })
        );
        assert_eq!((courses[10], alarms), (Course::AnswerOne { alarm: true }, 1));
        // One step forward, and everything is as ever.
        assert_eq!(progress.begin(&snapshot(2), 0), Course::Answer);
    }

    #[test]
    fn who_goes_forward_is_never_held_up() {
        let mut progress = Progress::default();
        for number in 0..200 {
            assert_eq!(progress.begin(&snapshot(number), 0), Course::Answer);
            progress.answered(&snapshot(number + 1), 0);
        }
    }

    #[test]
    fn who_asks_in_a_loop_for_nothing_stays_away_until_the_window_ends() {
        let mut progress = Progress::default();
        for n in 0..u64::from(IDLE_MAX) {
            assert_eq!(progress.begin(&snapshot(1), 1_000 + n), Course::Answer);
            progress.answered(&snapshot(1), 1_000 + n);
        }
        assert_eq!(progress.begin(&snapshot(1), 2_000), Course::StayAway(9_000));
        assert_eq!(progress.begin(&NOTHING, 2_000), Course::StayAway(9_000), "whatever it brings");
        let mut told = progress.clone();
        told.news();
        assert_eq!(told.begin(&snapshot(1), 2_000), Course::Answer, "there is something new");
        assert_eq!(progress.begin(&snapshot(1), 11_000), Course::Answer);
        progress.answered(&snapshot(1), 11_000);
        assert_eq!(progress.begin(&snapshot(1), 11_001), Course::Answer, "the count began anew");
    }

    #[test]
    fn who_looks_now_and_then_is_always_answered() {
        let mut progress = Progress::default();
        for n in 0..1_000 {
            assert_eq!(progress.begin(&snapshot(1), n * 400), Course::Answer);
            progress.answered(&snapshot(1), n * 400);
        }
    }
}
